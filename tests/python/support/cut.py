"""A network cut between one member and its peers, made by the machine's packet filter. Needs root, nftables and
control groups of the second version; the test that asks is skipped without them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .server import VERSIONS

TABLE = "cetcd_test"


def _groups():
    """Where control groups of the second version are mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


class Cut:
    """Starts members through a script that puts each into a control group of its own, so that the filter knows what
    they send. `versions` is what the server takes etcd from."""

    def __init__(self, directory):
        self.root = _groups()
        if os.geteuid() != 0 or self.root is None or shutil.which("nft") is None:
            pytest.skip("a network can be cut by root with nft and control groups only")
        self.name = f"{TABLE}_{os.getpid()}"
        self.group = self.root / self.name
        self.group.mkdir()
        self.versions = directory / "versions"
        for version in sorted(VERSIONS.glob("v*")):
            mine = self.versions / version.name
            mine.mkdir(parents=True)
            for program in version.iterdir():
                if program.name == "etcd":
                    self._script(mine / "etcd", program)
                else:
                    (mine / program.name).symlink_to(program)

    def _script(self, path, program):
        path.write_text(f"""#!/bin/sh
name= before=
for word in "$@"; do
    if [ "$before" = --name ]; then name=$word; fi
    case $word in --name=*) name=${{word#--name=}} ;; esac
    before=$word
done
if [ -n "$name" ]; then
    mkdir -p "{self.group}/$name" && echo $$ > "{self.group}/$name/cgroup.procs"
fi
exec "{program}" "$@"
""")
        path.chmod(0o755)

    def off(self, member, others):
        """From now on `member` and `others` (processes) do not reach each other as peers; clients reach all of them."""
        mine, theirs = _peer(member), [_peer(other) for other in others]
        group = self.group / member.flag("name")
        level = len(group.relative_to(self.root).parts)
        # nft looks below this folder, wherever the groups are mounted.
        path = f'socket cgroupv2 level {level} "{group.relative_to("/sys/fs/cgroup")}"'
        lines = [f"ip daddr {mine[0]} tcp dport {mine[1]} drop", f"ip saddr {mine[0]} tcp sport {mine[1]} drop"]
        for address, port in theirs:
            lines.append(f"{path} ip daddr {address} tcp dport {port} drop")
        inward = [f"{path} ip saddr {address} tcp sport {port} drop" for address, port in theirs]
        self._nft(f"""table inet {self.name} {{
  chain out {{ type filter hook output priority 0; {"; ".join(lines)}; }}
  chain in {{ type filter hook input priority 0; {"; ".join(inward)}; }}
}}""")

    def mended(self):
        subprocess.run(["nft", "delete", "table", "inet", self.name], check=False, capture_output=True)

    def end(self):
        self.mended()
        for group in sorted(self.group.glob("*"), reverse=True):
            if group.is_dir():
                group.rmdir()
        self.group.rmdir()

    @staticmethod
    def _nft(rules):
        done = subprocess.run(["nft", "-f", "-"], input=rules, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def _peer(process):
    address, port = (process.flag("listen-peer-urls") or "").split("//")[1].rsplit(":", 1)
    return address, int(port)
