"""The built server under test, started, killed and started again as its launch contract says."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import processes
from .raw import REGION, Raw
from .waiting import until

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("CETCD_BIN", ROOT / "target/debug/cetcd"))
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cetcd"
VERSIONS = Path(os.environ.get("CETCD_ETCD_VERSIONS_DIR") or CACHE / "versions")

# The document's own network, and a second VPC for the requests that mix the two up.
CONFIG = """\
[[networks]]
id = "vpc-abcd1234"
subnets = [{ id = "subnet-abcd1234", zone = 1 }, { id = "subnet-abcd2345", zone = 2 }, { id = "subnet-abcd3456", zone = 3 }]

[[networks]]
id = "vpc-other123"
subnets = [{ id = "subnet-other123", zone = 1 }]
"""


def free_port():
    """A port below those that the system gives to outgoing connections: nobody gets it in between, nor while the
    server that listens there is killed and started again."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 32768
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.SystemRandom().randrange(10000, max(first, 20000))))
            except OSError:
                continue
            return probe.getsockname()[1]


def _number(version):
    return tuple(int(part) for part in version.lstrip("v").split("."))


def installed_versions():
    """Versions of which the binaries are on this machine, oldest first."""
    found = [entry.parent.name for entry in VERSIONS.glob("v*/etcd")]
    return sorted((name for name in found if name.count(".") == 2), key=_number)


def version_to_test():
    """CETCD_TEST_ETCD_VERSION, or the newest 3.5 that is installed, or the newest of all."""
    chosen = os.environ.get("CETCD_TEST_ETCD_VERSION")
    if chosen:
        return chosen
    versions = installed_versions()
    assert versions, f"no etcd in {VERSIONS}: run scripts/versions --quick first"
    return ([name for name in versions if name.startswith("v3.5.")] or versions)[-1]


class Server:
    """One data directory and the `cetcd serve` on it."""

    def __init__(self, settings=None):
        self.home = Path(tempfile.mkdtemp(prefix="cetcd-test-")).resolve()
        self.data_dir = self.home / "data"
        self.log = self.home / "serve.log"
        self.config = self.home / "cetcd.toml"
        self.config.write_text(CONFIG)
        self.settings = settings or {}
        self.port = None
        self.process = None
        self.regions = {REGION}  # where a suite may have left an instance

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.host}"

    def start(self, patience=30.0):
        """Starts serve and waits until it is ready. A port that someone else took meanwhile is drawn again."""
        assert BINARY.exists(), f"{BINARY} is not there: build it first, or name another by CETCD_BIN"
        for _ in range(5):
            self.port = self.port or free_port()
            self._spawn()
            if self._ready(patience):
                return self
            self.port = None
        raise AssertionError(f"serve found no port: {self.log_tail()}")

    def _spawn(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("CETCD_", "TENCENTCLOUD_"))}
        environment["CETCD_ETCD_VERSIONS_DIR"] = str(VERSIONS)
        environment["CETCD_PROMETHEUS_BINARY"] = ""  # whether the machine has one is no matter, but for its own tests
        environment.update(self.settings)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "serve", "--data-dir", str(self.data_dir), "--listen", self.host, "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.home)

    def _ready(self, patience):
        end = time.monotonic() + patience
        while True:
            if self.process.poll() is not None:
                tail = self.log_tail()
                assert "in use" in tail.lower(), f"serve ended with {self.process.returncode}: {tail}"
                return False
            if self.get("/readyz")[0] == 200:
                return True
            assert time.monotonic() < end, f"serve was not ready within {patience:g} s: {self.log_tail()}"
            time.sleep(0.02)

    def get(self, path):
        """Status and text of an unsigned GET; status 0 where nobody listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def kill(self):
        """kill -9 of serve alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM, as `make down` and a supervisor do."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"serve did not end within 20 s of SIGTERM: {self.log_tail()}") from None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_tail(self, lines=60):
        """The end of the log, without the requests that succeeded: a test that waits makes hundreds of them."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        telling = [line for line in text.splitlines() if not (" request_id=" in line and 'code="OK"' in line)]
        return "\n".join(telling[-lines:])

    def credentials(self):
        """What DIR/credentials.env says."""
        lines = (self.data_dir / "credentials.env").read_text().splitlines()
        pairs = [line.removeprefix("export ").split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
        return {key.strip(): value.strip().strip("'\"") for key, value in pairs}

    def raw(self):
        mine = self.credentials()
        return Raw(self.host, mine["TENCENTCLOUD_SECRET_ID"], mine["TENCENTCLOUD_SECRET_KEY"])

    def client_environment(self):
        """The environment that a client in another process gets. HOME is ours: tccli writes its log there."""
        return {**os.environ, **self.credentials(), "HOME": str(self.home), "CETCD_TEST_ENDPOINT": self.host}

    def processes(self, kind=None):
        everyone = processes.holding(self.data_dir)
        return [process for process in everyone if kind is None or process.kind == kind]

    def delete_everything(self):
        """Deletes every instance, then every Prometheus, through the API and waits until none is listed."""
        raw = self.raw()
        for region in sorted(self.regions):
            def listed(region=region):
                return raw.call("DescribeEtcdInstances", {"Limit": 50}, region=region).response["Etcds"]
            for etcd in listed():
                raw.call("DisableEtcdInstanceDeletionProtection", {"InstanceId": etcd["InstanceId"]}, region=region)
                raw.call("DeleteEtcdInstance", {"InstanceId": etcd["InstanceId"]}, region=region)
            until(f"no instance is listed in {region}", lambda listed=listed: not listed(), 60)

            def watching(region=region):
                found = raw.call("DescribeEtcdPrometheus", {}, region=region).response["Prometheus"]
                return [one["PrometheusId"] for one in found if not one["External"]]
            for prometheus in watching():
                raw.call("DeleteEtcdPrometheus", {"PrometheusId": prometheus}, region=region)
            until(f"no Prometheus is listed in {region}", lambda watching=watching: not watching(), 60)
        raw.close()

    def data_plane(self):
        """Members and the endpoint."""
        return [process for process in self.processes() if process.kind != "serve"]

    def expect_no_data_plane(self):
        # The endpoint ends with its last route, a moment after the instance is gone from the list.
        try:
            until("no member and no endpoint runs once all instances are deleted", lambda: not self.data_plane(), 30)
        except AssertionError as left:
            raise AssertionError(f"{left}: {self.data_plane()}; {self.log_tail()}") from None

    def end(self):
        """Deletes all instances, stops serve and proves that nothing is left. Whatever is left is killed."""
        try:
            if self.running():
                self.delete_everything()
                self.expect_no_data_plane()
                assert self.stop() == 0, f"serve ended with {self.process.returncode}: {self.log_tail()}"
            left = self.processes()
            assert not left, f"serve is stopped, yet these run: {left}"
        finally:
            if self.running():
                self.kill()
            processes.end_all(self.data_dir)
            shutil.rmtree(self.home, ignore_errors=True)
