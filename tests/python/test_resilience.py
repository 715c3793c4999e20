"""What kill -9 must not break: a creation under way, a client's writes, a member's data."""

import threading
import time

import grpc
import pytest
from support.clients import ApiError, Sdk
from support.etcd import Client
from support.figures import recovered
from support.life import creation, credentials_of, described, follow_creation, nothing_left, wait_until_gone, wait_until_running
from support.members import client_url, made, member_processes, one_cluster
from support.waiting import until

QUICK_ROUNDS, E2E_ROUNDS = 3, 20
HEALTHY_WITHIN = 2.0  # seconds from the kill of a member to its own linearizable answer


class Writer(threading.Thread):
    """Writes numbered keys through one address until told to end; remembers what was acknowledged, and each failure."""

    def __init__(self, url, certificates, patience=5.0):
        super().__init__(daemon=True)
        self.url, self.certificates, self.patience = url, certificates, patience
        self.acknowledged, self.failed = {}, []
        self.gap = 0.0  # the longest time without an acknowledged write
        self.over = threading.Event()

    def run(self):
        number = 0
        client = Client(self.url, self.certificates)
        last = time.monotonic()
        while not self.over.is_set():
            number += 1
            if number % 50 == 0:  # new connections have to go through as well
                client.close()
                client = Client(self.url, self.certificates)
            key, value = f"written/{number:08}", f"value {number}"
            try:
                client.put(key, value, self.patience)
                self.acknowledged[key] = value
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
            except grpc.RpcError as failure:
                self.failed.append((number, failure.code().name, failure.details()))
        client.close()

    def wait_for(self, more):
        goal = len(self.acknowledged) + more
        until(f"{more} more writes are acknowledged ({self.failed[-3:]})", lambda: len(self.acknowledged) >= goal, 30, 0.01)

    def finish(self):
        self.over.set()
        self.join(30)
        assert not self.is_alive()

    def __enter__(self):
        self.start()
        self.wait_for(20)
        return self

    def __exit__(self, *_):
        self.finish()


def nothing_lost(writer, certificates):
    with Client(writer.url, certificates) as client:
        found = client.prefix("written/")
    lost = {key: value for key, value in writer.acknowledged.items() if found.get(key) != value}
    assert not lost, f"{len(lost)} of {len(writer.acknowledged)} acknowledged writes are lost: {sorted(lost)[:5]}"


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_creation_survives_kill_9_of_serve_at_any_moment(own_server, version, tmp_path, chance, e2e):
    server = own_server
    begun = time.monotonic()
    instance, _, _ = made(server, version, tmp_path)
    whole = time.monotonic() - begun  # how long a creation takes when nobody disturbs it
    Sdk(server).extension("DeleteEtcdInstance", {"InstanceId": instance})
    wait_until_gone(Sdk(server), instance)
    nothing_left(server, instance)

    rounds = E2E_ROUNDS if e2e else QUICK_ROUNDS
    for turn in range(rounds):
        # One moment in each of as many equal parts of a creation: random, and spread over all of it.
        moment = whole * (turn + chance.random()) / rounds
        print(f"round {turn}: kill -9 after {moment * 1000:.0f} ms of {whole * 1000:.0f} ms")
        _a_creation_killed_at(server, version, tmp_path / str(turn), moment)


def _a_creation_killed_at(server, version, directory, moment):
    api = Sdk(server)
    answers = []

    def create():
        try:
            answers.append(api.call("CreateEtcdInstance", creation(version, 3))["InstanceId"])
        except ApiError as unanswered:  # killed before it answered: then it may or may not exist
            assert unanswered.code.startswith(("Client", "Server")), unanswered

    asking = threading.Thread(target=create)
    asking.start()
    time.sleep(moment)
    server.kill()
    asking.join()
    server.start()
    api = Sdk(server)
    listed = [etcd["InstanceId"] for etcd in api.call("DescribeEtcdInstances")["Etcds"] or []]
    if answers:
        assert listed == answers
    assert len(listed) <= 1
    for instance in listed:
        follow_creation(api, instance)
        wait_until_running(api, instance)
        one_cluster(server, instance, 3, credentials_of(api, instance, directory))
        api.extension("DeleteEtcdInstance", {"InstanceId": instance})
        wait_until_gone(api, instance)
        nothing_left(server, instance)
    server.expect_no_data_plane()


@pytest.mark.e2e
def test_a_deletion_survives_kill_9_of_serve(own_server, version, tmp_path, chance, e2e):
    server = own_server
    for turn in range(E2E_ROUNDS // 2 if e2e else 1):
        instance, _, _ = made(server, version, tmp_path / str(turn), 1 if turn % 2 else 3)
        Sdk(server).extension("DeleteEtcdInstance", {"InstanceId": instance})
        time.sleep(chance.random() * 0.5)
        server.kill()
        server.start()
        wait_until_gone(Sdk(server), instance)
        nothing_left(server, instance)


@pytest.mark.e2e
def test_no_write_fails_while_serve_is_killed_and_started_again(own_server, version, tmp_path, chance, e2e):
    server = own_server
    instance, etcd, certificates = made(server, version, tmp_path)
    before = {process.pid for process in server.data_plane()}
    with Writer(etcd["Endpoint"], certificates) as writer:
        for _ in range(10 if e2e else 2):
            time.sleep(chance.random() * 0.3)
            server.kill()
            writer.wait_for(200)
            begun = time.monotonic()
            server.start()
            took = time.monotonic() - begun
            writer.wait_for(200)
            recovered("`cetcd serve` is killed and started again", "the API serves", took, writer.gap)
    assert not writer.failed, writer.failed[:5]
    nothing_lost(writer, certificates)
    assert {process.pid for process in server.data_plane()} == before
    assert described(Sdk(server), instance)["Status"] == "running"


@pytest.mark.e2e
@pytest.mark.alone
@pytest.mark.parametrize("role", ["follower", "leader"])
def test_a_killed_member_is_healthy_again_within_two_seconds_and_no_write_is_lost(own_server, version, tmp_path, chance, e2e, role):
    server, api = own_server, Sdk(own_server)
    # Two kills of each cluster: who ends a third time within its first minute is started after a pause that grows.
    for turn in range(5 if e2e else 1):
        instance, etcd, certificates = made(server, version, tmp_path / str(turn))
        times = []
        # What was on its way to a leader that is gone is answered by nobody: who writes should not wait for long.
        with Writer(etcd["Endpoint"], certificates, patience=1.0) as writer:
            for _ in range(2):
                times.append(_kill_a_member(server, instance, certificates, role, chance))
                writer.wait_for(20)
                recovered(f"a {role} is killed", "it answers a linearizable read", times[-1], writer.gap)
        nothing_lost(writer, certificates)
        print(f"{len(writer.failed)} writes were not acknowledged meanwhile")
        assert max(times) <= HEALTHY_WITHIN, f"seconds from kill -9 of the {role} to its own linearizable read: {times}"
        until("all members are Running", lambda instance=instance: {m["Status"] for m in described(api, instance)["Members"]} == {"Running"})
        one_cluster(server, instance, 3, certificates)
        api.extension("DeleteEtcdInstance", {"InstanceId": instance})
        wait_until_gone(api, instance)
        nothing_left(server, instance)


def _kill_a_member(server, instance, certificates, role, chance):
    """Kills one member of that role; answers with the seconds until that member serves a linearizable read."""
    members = member_processes(server, instance)
    by_role = {"leader": [], "follower": []}
    for process in members.values():
        with Client(client_url(process), certificates) as client:
            status = until(f"{process.flag('name')} knows its leader", lambda client=client: (s := client.status())["leader"] and s)
            by_role["leader" if status["leader"] == status["member"] else "follower"].append(process)
    victim = chance.choice(by_role[role])
    with Client(client_url(victim), certificates) as client:
        victim.kill()
        begun = time.monotonic()
        until("the killed process is gone", lambda: victim.pid not in {p.pid for p in server.processes("etcd")}, 5, 0.002)
        until(f"{victim.flag('name')} answers again", lambda: client.answers(0.3), 30, 0.02)
        return time.monotonic() - begun


def test_a_member_that_died_while_serve_was_away_is_brought_back(own_server, version, tmp_path):
    server = own_server
    instance, etcd, certificates = made(server, version, tmp_path)
    victim = member_processes(server, instance)[f"{instance}-etcd-1"]
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("before", "yes")
        server.kill()
        victim.kill()
        until("a write gets through with two of three members", lambda: _put(client), 10)
    server.start()
    wait_until_running(Sdk(server), instance)
    one_cluster(server, instance, 3, certificates)
    with Client(client_url(victim), certificates) as client:
        assert client.get("before") == "yes" and client.get("between") == "yes"


def _put(client):
    try:
        client.put("between", "yes", timeout=1)
        return True
    except grpc.RpcError:
        return False


def test_a_killed_endpoint_is_brought_back_at_its_address(own_server, version, tmp_path):
    server = own_server
    instance, etcd, certificates = made(server, version, tmp_path, 1)
    victim, = server.processes("endpoint")
    victim.kill()
    with Client(etcd["Endpoint"], certificates) as client:
        until("the endpoint answers again", lambda: client.answers(0.3), 10)
    assert described(Sdk(server), instance)["Endpoint"] == etcd["Endpoint"]
    assert len(server.processes("endpoint")) == 1
