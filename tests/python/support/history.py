"""Clients that read, write and swap registers and watch them, while their history is recorded, and its check."""

import math
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

import grpc

from .etcd import Client, WatchCancelled
from .linearizable import Operation, is_linearizable
from .waiting import until

PREFIX = "register/"
PATIENCE = 2.0  # seconds for one try


@dataclass(frozen=True)
class Answer:
    """One operation on `key`; `revision` is 0 where no answer came."""

    key: str
    operation: Operation
    revision: int


class Access:
    """How the clients reach the cluster. What is set here, they use from their next connection on."""

    def __init__(self, url, certificates, connect=Client):
        self.url, self.certificates, self.connect = url, certificates, connect

    def client(self):
        return self.connect(self.url, self.certificates)


class Registers(threading.Thread):
    """One client: a random operation on a random register, one after the other, without a try again."""

    def __init__(self, access, seed, keys):
        super().__init__(daemon=True)
        self.access, self.random, self.keys = access, random.Random(seed), keys
        self.answers, self.failures, self.known = [], [], {}
        self.name, self.number = f"client-{seed}", 0
        self.over = threading.Event()

    def run(self):
        client = self.access.client()
        while not self.over.wait(0.004):
            if not self._once(client):
                client.close()
                client = self.access.client()
        client.close()

    def _once(self, client):
        self.number += 1
        key = self.random.choice(self.keys())
        kind = self.random.choice(("read", "write", "swap"))
        value, expected = f"{self.name} {self.number}", self.known.get(key)
        begun = time.monotonic()
        try:
            if kind == "read":
                revision, value = client.read(key, PATIENCE)
            elif kind == "write":
                revision = client.put(key, value, PATIENCE)
            else:
                revision, swapped, found = client.swap(key, expected, value, PATIENCE)
                if not swapped:
                    kind, value = "read", found
        except grpc.RpcError as failure:
            self.failures.append((time.monotonic(), failure.code().name, failure.details()))
            if kind != "read":
                self._record(key, kind, value, begun, math.inf, expected, 0)
            return False
        self._record(key, kind, value, begun, time.monotonic(), expected, revision)
        self.known[key] = value
        return True

    def _record(self, key, kind, value, begun, ended, expected, revision):
        operation = Operation("cas" if kind == "swap" else kind, value, begun, ended, expected if kind == "swap" else None)
        self.answers.append(Answer(key, operation, revision))


class Watcher(threading.Thread):
    """Watches all registers, and goes on after what it saw last where its stream breaks."""

    def __init__(self, access):
        super().__init__(daemon=True)
        self.access = access
        self.events, self.broken, self.calls, self.cancelled = [], 0, [], []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            with self.access.client() as client:
                try:
                    for event in client.watch(PREFIX, self.seen() + 1, self.calls):
                        self.events.append(event)
                except grpc.RpcError:
                    self.broken += 1
                except WatchCancelled as cancelled:
                    self.cancelled.append(str(cancelled))
            self.over.wait(0.05)

    def seen(self):
        return self.events[-1][0] if self.events else 0

    def end(self):
        self.over.set()
        self.calls[-1].cancel()
        self.join(10)


class Recorded:
    """The clients and the watcher, running from `with` on; `check` afterwards."""

    def __init__(self, access, seed, clients=4, registers=3):
        self.access, self.registers, self.part = access, registers, 0
        self.clients = [Registers(access, seed * clients + number, self._keys) for number in range(clients)]
        self.watcher = Watcher(access)

    def _keys(self):
        return [f"{PREFIX}{self.part:03}/{number}" for number in range(self.registers)]

    def next_part(self):
        """New registers: the search for an order grows with what happened to one of them."""
        self.part += 1

    def answered(self):
        return sum(bool(answer.revision) for client in self.clients for answer in list(client.answers))

    def wait_for(self, more, patience=60):
        goal = self.answered() + more
        until(f"{more} more operations are answered", lambda: self.answered() >= goal, patience, 0.02)

    def __enter__(self):
        self.watcher.start()
        for client in self.clients:
            client.start()
        self.wait_for(20)
        return self

    def __exit__(self, kind, *_):
        for client in self.clients:
            client.over.set()
        for client in self.clients:
            client.join(30)
        try:
            if kind is None:
                last = max(answer.revision for client in self.clients for answer in client.answers if answer.operation.kind != "read")
                until("the watcher has seen the last write", lambda: self.watcher.seen() >= last, 30)
        finally:
            self.watcher.end()

    def answers(self):
        return [answer for client in self.clients for answer in client.answers]

    def check(self):
        """Asserts that nothing acknowledged was lost or seen out of order. Answers with the figures to print."""
        self._revisions_never_go_back()
        self._watched_exactly_what_was_written()
        by_key = defaultdict(list)
        for answer in self.answers():
            by_key[answer.key].append(answer.operation)
        for key, operations in by_key.items():
            assert is_linearizable(operations), f"no order explains what clients saw of {key}: {sorted(operations, key=lambda one: one.begun)}"
        answered = [answer for answer in self.answers() if answer.revision]
        unknown = sum(math.isinf(answer.operation.ended) for answer in self.answers())
        ends = sorted(answer.operation.ended for answer in answered if answer.operation.kind != "read")
        gap = max(after - before for before, after in zip(ends, ends[1:]))
        return (f"{len(answered)} operations answered on {len(by_key)} registers, {unknown} writes without an answer, "
                f"{len(self.watcher.events)} events watched over {self.watcher.broken + 1} streams, longest gap between writes {gap * 1000:.0f} ms")

    def _revisions_never_go_back(self):
        answered = [answer for answer in self.answers() if answer.revision]
        ended = sorted(answered, key=lambda answer: answer.operation.ended)
        highest, place = 0, 0
        for answer in sorted(answered, key=lambda answer: answer.operation.begun):
            while ended[place].operation.ended < answer.operation.begun:
                highest = max(highest, ended[place].revision)
                place += 1
            assert answer.revision >= highest, f"{answer} after revision {highest} was answered"

    def _watched_exactly_what_was_written(self):
        events = self.watcher.events
        revisions = [revision for revision, _, _ in events]
        assert all(before < after for before, after in zip(revisions, revisions[1:])), "the watch went back"
        written = {answer.revision: (answer.key, answer.operation.value) for answer in self.answers()
                   if answer.revision and answer.operation.kind != "read"}
        watched = {revision: (key, value) for revision, key, value in events}
        missed = {revision: one for revision, one in written.items() if watched.get(revision) != one}
        assert not missed, f"{len(missed)} acknowledged writes were not watched: {sorted(missed.items())[:5]}"
        tried = {(answer.key, answer.operation.value) for answer in self.answers() if answer.operation.kind != "read"}
        assert set(watched.values()) <= tried, "the watch showed what nobody wrote"
