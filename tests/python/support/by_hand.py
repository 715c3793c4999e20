"""Three members started by hand, without TLS and without a manager: what planned restarts are compared with."""

import subprocess
import time

from .changes import SteadyWriter, said
from .etcd import Client, etcdctl
from .server import VERSIONS, free_port
from .waiting import until


class ByHand:
    """Textbook order: each follower gets SIGTERM and is started again and waited for, then the leader hands over
    and goes the same way."""

    def __init__(self, directory, version, size=3):
        self.directory, self.version = directory, version
        self.ports = [(free_port(), free_port()) for _ in range(size)]
        self.processes = [None] * size

    def urls(self):
        return [f"http://127.0.0.1:{client}" for client, _ in self.ports]

    def __enter__(self):
        try:
            for place in range(len(self.ports)):
                self._start(place, self.version)
            for place in range(len(self.ports)):
                self._wait(place)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process:
                process.kill()
                process.wait()

    def roll(self, version):
        for place in sorted(range(len(self.ports)), key=self._leads):
            if self._leads(place):
                successor = self._status((place + 1) % len(self.ports))["member"]
                etcdctl(version, self.urls()[place], None, "move-leader", f"{successor:x}")
            self.processes[place].terminate()
            self.processes[place].wait(20)
            self._start(place, version)
            self._wait(place)

    def grow(self, size):
        """Each newcomer joins as a learner and is promoted once it has caught up."""
        for place in range(len(self.ports), size):
            self.ports.append((free_port(), free_port()))
            self.processes.append(None)
            added = until("a learner may be added", lambda place=place: self._member(
                "add", f"m{place}", "--learner", f"--peer-urls=http://127.0.0.1:{self.ports[place][1]}"), 30, 0.1)
            self._start(place, self.version, "existing")
            number = added.split()[1]
            until(f"member {place} is promoted", lambda number=number: self._member("promote", number), 30, 0.05)
            self._wait(place)

    def shrink(self, size):
        """The last come go first; whoever leads hands over to the first member before."""
        while len(self.ports) > size:
            place = len(self.ports) - 1
            if self._leads(place):
                etcdctl(self.version, self.urls()[place], None, "move-leader", f"{self._status(0)['member']:x}")
            number = f"{self._status(place)['member']:x}"
            until(f"member {place} is removed", lambda number=number: self._member("remove", number), 30, 0.1)
            self.processes[place].terminate()
            self.processes.pop().wait(20)
            self.ports.pop()

    def _member(self, *words):
        """What etcd answers, nothing where it refuses for now."""
        done = etcdctl(self.version, self.urls()[0], None, "member", *words, check=False)
        return done.stdout if done.returncode == 0 else ""

    def _start(self, place, version, state="new"):
        client, peer = self.ports[place]
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / f"{place}.log", "ab") as log:
            self.processes[place] = subprocess.Popen([
                str(VERSIONS / version / "etcd"), "--name", f"m{place}", "--data-dir", str(self.directory / f"m{place}"),
                "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
                "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-cluster", ",".join(f"m{n}=http://127.0.0.1:{p}" for n, (_, p) in enumerate(self.ports)),
                "--initial-cluster-state", state, "--logger", "zap", "--log-outputs", "stderr"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _wait(self, place):
        def answers():
            with Client(self.urls()[place], None) as client:
                return client.answers(0.5)
        until(f"member {place} by hand answers", answers, 20, 0.02)

    def _status(self, place):
        with Client(self.urls()[place], None) as client:
            return client.status()

    def _leads(self, place):
        status = self._status(place)
        return status["leader"] == status["member"]


def _ten_times(directory, what, version, change):
    """`change` ten times, each to three new members of `version(turn)`, while a client of theirs goes on writing: its
    longest gaps are printed after `what`."""
    longest, everything = [], []
    for turn in range(10):
        with ByHand(directory / f"by-hand-{turn}", version(turn)) as cluster:
            with SteadyWriter(cluster.urls(), None) as writer:
                begun = time.monotonic()
                change(cluster, turn)
                ended = time.monotonic()
                writer.wait_for(5)
            writer.nothing_lost()
        longest.append(writer.longest_gap(begun, ended))
        everything += writer.gaps(begun, ended)
    said(what, longest, everything)


def rolled_by_hand(directory, what, versions):
    """Ten rolling restarts in the textbook order, of a cluster that nobody manages. `versions` answers with those before and
    after each."""
    _ten_times(directory, what, lambda turn: versions(turn)[0], lambda cluster, turn: cluster.roll(versions(turn)[1]))


def resized_by_hand(directory, what, version):
    """Ten times from three members to five and back, in the textbook order."""

    def resize(cluster, _):
        cluster.grow(5)
        cluster.shrink(3)

    _ten_times(directory, what, lambda _: version, resize)
