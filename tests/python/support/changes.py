"""Changes of an instance that take time: their task, their status words, and a client that goes on writing."""

import statistics
import threading
import time

import grpc

from .etcd import Client
from .life import described, refused
from .waiting import until

KEYS = 5000  # so many that all of them fit into one answer
GIVEN_UP_AFTER = 2.0  # seconds for one try of a write


def tasks_of(api, instance, state=None):
    """The instance's tasks, the newest first."""
    filters = [{"Name": "resourceId", "Values": [instance]}]
    if state:
        filters.append({"Name": "lifeState", "Values": [state]})
    return api.call("DescribeEtcdTasks", {"Filters": filters})["Tasks"] or []


def until_idle(api, instance, patience=90):
    """Waits until no task of the instance is under way and it runs."""
    until(f"{instance} has no task under way", lambda: not tasks_of(api, instance, "process"), patience, 0.05)
    until(f"{instance} runs", lambda: described(api, instance)["Status"] == "running", 10, 0.05)


def change(api, instance, action, params, kind, word, second=None, patience=90):
    """Asks for a change and follows it: one task of that kind, from `process` to `done`; the status word from the
    answer on until the task ends, then `running`. `second`: another change, to be refused meanwhile. Answers with
    the moments at which it began and ended."""
    before = {task["TaskID"] for task in tasks_of(api, instance)}
    begun = time.monotonic()
    api.call(action, {"InstanceId": instance, **params})
    mine = [task for task in tasks_of(api, instance) if task["TaskID"] not in before]
    assert [(task["TaskType"], task["LifeState"]) for task in mine] == [(kind, "process")], mine
    assert described(api, instance)["Status"] == word
    if second:
        other, wanted = second
        assert mine[0]["TaskID"] in str(refused("OperationDenied", lambda: api.call(other, {"InstanceId": instance, **wanted})))

    def over():
        # In this order: an instance that shows `running` has no task under way.
        shown = described(api, instance)["Status"]
        task, = api.call("DescribeEtcdTasks", {"TaskID": mine[0]["TaskID"]})["Tasks"]
        assert task["LifeState"] in ("process", "done"), task
        assert shown == word or task["LifeState"] == "done", f"{shown} while the task {kind} is under way"
        return task["LifeState"] == "done"

    until(f"{action} {params} is done", over, patience, 0.05)
    ended = time.monotonic()
    assert described(api, instance)["Status"] == "running"
    assert {task["TaskID"] for task in tasks_of(api, instance)} == before | {mine[0]["TaskID"]}
    return begun, ended


def unchanged(api, instance, action, params):
    """A request that changes nothing which takes time succeeds without a task."""
    before = tasks_of(api, instance)
    api.call(action, {"InstanceId": instance, **params})
    assert tasks_of(api, instance) == before and described(api, instance)["Status"] == "running"


class SteadyWriter(threading.Thread):
    """Writes ever higher numbers to a round of keys and reads some back, by its addresses in turn as etcd's own
    client does; a try that fails is made again at once, on a new connection where there is one address. Remembers what was acknowledged and when, and each thing that
    cannot be if nothing is lost."""

    def __init__(self, urls, certificates):
        super().__init__(daemon=True)
        self.urls, self.certificates = urls, certificates
        self.acknowledged, self.times, self.wrong = {}, [], []
        self.failures = []
        self.revision = 0
        self.over = threading.Event()
        self.clients = [Client(url, certificates) for url in urls]
        self.turn = 0

    def run(self):
        number = 0
        while not self.over.is_set():
            number += 1
            key = f"steady/{number % KEYS:05}"
            revision = self._insist(lambda client, key=key, number=number: client.put(key, str(number), GIVEN_UP_AFTER))
            if revision is None:
                break
            self.times.append(time.monotonic())
            self._saw(revision, f"put {number}", self.revision + 1)
            self.acknowledged[key] = number
            if number % 20 == 0:
                read = self._insist(lambda client, key=key: client.read(key, GIVEN_UP_AFTER))
                if read is None:
                    break
                self._saw(read[0], f"read {number}", self.revision)
                if read[1] != str(number):
                    self.wrong.append(f"{key} reads {read[1]}, {number} was acknowledged")
            self.over.wait(0.001)  # leaves some of the machine to the cluster
        for client in self.clients:
            client.close()

    def _insist(self, try_once):
        """Tries until it succeeds; None once the writer is told to end."""
        while True:
            self.turn = (self.turn + 1) % len(self.clients)
            try:
                return try_once(self.clients[self.turn])
            except grpc.RpcError as failure:
                self.failures.append((time.monotonic(), failure.code().name, failure.details()))
                if self.over.is_set():
                    return None
                self.clients[self.turn].close()
                self.clients[self.turn] = Client(self.urls[self.turn], self.certificates)

    def _saw(self, revision, what, least):
        if revision < least:
            self.wrong.append(f"{what} answered with revision {revision}, after {self.revision}")
        self.revision = max(self.revision, revision)

    def longest_gap(self, begun, ended):
        """The longest time between two acknowledged writes, in seconds, of which any part lies between `begun` and
        `ended`. Call it after a write that was acknowledged later than `ended`."""
        return max(self.gaps(begun, ended))

    def gaps(self, begun, ended):
        moments = list(self.times)
        return [after - before for before, after in zip(moments, moments[1:]) if after >= begun and before <= ended]

    def wait_for(self, more):
        goal = len(self.times) + more
        until(f"{more} more writes are acknowledged ({self.failures[-3:]})", lambda: len(self.times) >= goal, 30, 0.01)

    def __enter__(self):
        self.start()
        self.wait_for(20)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(30)
        assert not self.is_alive()

    def nothing_lost(self):
        """Call it after the end: every key reads the last acknowledged number or one that was tried later."""
        self.nothing_lost_by(self.certificates)

    def nothing_lost_by(self, certificates):
        """The same, read with other credentials than the writer's."""
        assert not self.wrong, self.wrong[:5]
        with Client(self.urls[0], certificates) as client:
            found = client.prefix("steady/")
        lost = {key: (number, found.get(key)) for key, number in self.acknowledged.items() if int(found.get(key, -1)) < number}
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} keys lost acknowledged writes: {sorted(lost.items())[:5]}"


def said(what, longest, everything=()):
    """Prints the longest gaps of one operation's runs, in milliseconds."""
    ordered = sorted(longest)
    line = f"{what}: longest gap between writes, {len(ordered)} run(s): max {ordered[-1] * 1000:.0f} ms"
    if len(ordered) > 1:
        line += f", median {statistics.median(ordered) * 1000:.0f} ms, p99 {_p99(ordered) * 1000:.0f} ms"
    if everything:
        line += f"; p99 of all {len(everything)} gaps {sorted(everything)[int(0.99 * len(everything))] * 1000:.1f} ms"
    print(line)


def hardly_noticed(longest, e2e):
    """A client waits half a second at most over a planned change, ever, and a tenth at the 99th percentile of its runs.
    The short form runs beside other tests: there it only has to go on."""
    ordered = sorted(longest)
    assert ordered[-1] <= (0.5 if e2e else 5.0), ordered
    assert not e2e or _p99(ordered) <= 0.1, ordered


def _p99(ordered):
    return ordered[round(0.99 * (len(ordered) - 1))]
