"""A look at the machine's processes through /proc."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    pid: int
    started: int  # clock ticks after boot: with the pid, it names a process for good
    argv: tuple

    @property
    def kind(self):
        """`etcd`, `endpoint`, `serve`, `drill` for the etcd in which a backup is proved, or another program's name."""
        program = os.path.basename(self.argv[0])
        if program == "etcd" and self.flag("initial-cluster-token") == "drill":
            return "drill"
        if program == "cetcd":
            return self.argv[1] if len(self.argv) > 1 else program
        return program

    def flag(self, name):
        """Value of `--name value` or `--name=value`, if it is there."""
        for here, following in zip(self.argv, self.argv[1:] + ("",)):
            if here == f"--{name}":
                return following
            if here.startswith(f"--{name}="):
                return here.split("=", 1)[1]
        return None

    def kill(self, sign=signal.SIGKILL):
        try:
            os.kill(self.pid, sign)
        except ProcessLookupError:
            pass


def _started(pid):
    # The second field is the program's name in brackets and may hold blanks.
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


def holding(directory):
    """Every living process that names `directory` in its command line, environment or working directory."""
    mark = os.fsencode(str(directory))
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            argv = Path(f"/proc/{entry}/cmdline").read_bytes()
            if not argv:  # a zombie, or the kernel's own
                continue
            place = os.fsencode(os.readlink(f"/proc/{entry}/cwd"))
            if mark in argv or mark in place or mark in Path(f"/proc/{entry}/environ").read_bytes():
                words = tuple(os.fsdecode(word) for word in argv.rstrip(b"\0").split(b"\0"))
                found.append(Process(int(entry), _started(entry), words))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return sorted(found, key=lambda process: process.pid)


def of_kind(directory, kind):
    return [process for process in holding(directory) if process.kind == kind]


def end_all(directory, patience=10.0):
    """Kills whatever holds `directory`, again and again until nothing does: one may start another."""
    end = time.monotonic() + patience
    while processes := holding(directory):
        for process in processes:
            process.kill()
        if time.monotonic() > end:
            raise AssertionError(f"these outlive SIGKILL: {processes}")
        time.sleep(0.02)
