"""Certificates: renewed and rotated while everything goes on."""

import threading
import time

import grpc
import pytest
from support.by_hand import rolled_by_hand
from support.certificates import rejected, shown
from support.changes import SteadyWriter, hardly_noticed, said, tasks_of, until_idle
from support.clients import Sdk
from support.etcd import Client
from support.life import credentials_of, refused
from support.members import client_url, made, member_processes
from support.server import Server
from support.waiting import until


class Knocking(threading.Thread):
    """Opens a connection of its own for each write, one after the other, and remembers those that were refused."""

    def __init__(self, url, certificates, name):
        super().__init__(daemon=True)
        self.url, self.certificates, self.key = url, certificates, f"knocking/{name}"
        self.count, self.refused = 0, []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            # On a busy machine a handshake takes its time, which is no refusal.
            with Client(self.url, self.certificates, connect_ms=20_000) as client:
                try:
                    client.put(self.key, str(self.count), timeout=20)
                    self.count += 1
                except grpc.RpcError as failure:
                    self.refused.append((time.monotonic(), failure.code().name, failure.details()))
            self.over.wait(0.01)

    def __enter__(self):
        self.start()
        self.wait_for(3)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(30)

    def wait_for(self, more):
        goal = self.count + more
        until(f"{more} more connections are let in ({self.refused[-3:]})", lambda: self.count >= goal, 30, 0.02)


def serials(server, instance, certificates):
    """What each member shows clients in a new handshake, by name."""
    return {name: shown(client_url(process), certificates)["serialNumber"]
            for name, process in member_processes(server, instance).items()}


@pytest.fixture
def short_lived_server():
    """Its leaves are valid for 90 seconds: renewed after 57."""
    server = Server({"CETCD_CERTIFICATES_LEAF_SECONDS": "90", "CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})
    try:
        yield server.start()
    finally:
        server.end()


@pytest.mark.timeout(400)
def test_certificates_are_renewed_in_time_without_a_restart_and_without_a_refused_connection(short_lived_server, version, tmp_path):
    server = short_lived_server
    instance, etcd, certificates = made(server, version, tmp_path)
    api = Sdk(server)
    before = serials(server, instance, certificates)
    processes = {name: process.pid for name, process in member_processes(server, instance).items()}
    with Knocking(etcd["Endpoint"], certificates, "old") as old:
        until("every member shows a new certificate",
              lambda: not set(serials(server, instance, certificates).values()) & set(before.values()), 85, 0.5)
        fresh = credentials_of(api, instance, tmp_path / "fresh")
        assert (fresh / "client.pem").read_text() != (certificates / "client.pem").read_text()
        assert (fresh / "ca.pem").read_text() == (certificates / "ca.pem").read_text()
        old.wait_for(3)  # what was downloaded before is good until it ends
        with Knocking(etcd["Endpoint"], fresh, "new") as new:
            new.wait_for(3)
    print(f"{old.count} connections with the old certificate, {new.count} with the new one")
    assert not old.refused and not new.refused, (old.refused[:3], new.refused[:3])
    assert {name: process.pid for name, process in member_processes(server, instance).items()} == processes
    health = api.extension("DescribeEtcdHealth", {"InstanceId": instance})
    assert health["Healthy"], health
    age, = [condition for condition in health["Conditions"] if condition["Type"] == "CertificatesFresh"]
    assert age["Holds"] and "ends first" in age["Reason"], age


@pytest.mark.timeout(400)
def test_a_control_plane_that_was_away_until_all_had_ended_renews_and_goes_on(short_lived_server, version, tmp_path):
    server = short_lived_server
    instance, etcd, certificates = made(server, version, tmp_path)
    processes = {name: process.pid for name, process in member_processes(server, instance).items()}
    made_at = time.monotonic()
    server.kill()
    with Client(etcd["Endpoint"], certificates) as kept:
        kept.put("since", "before")
        # The end of a certificate is no event: nothing tells it but the time.
        time.sleep(max(0.0, 100 - (time.monotonic() - made_at)))
        kept.put("since", "after")  # a connection outlives the certificate that it began with
    server.start()
    fresh = credentials_of(Sdk(server), instance, tmp_path / "fresh")
    with Client(etcd["Endpoint"], fresh) as client:
        until("the members are reached with new certificates", client.answers, 60)
        assert client.get("since") == "after"
    assert {name: process.pid for name, process in member_processes(server, instance).items()} == processes


def rotated(api, instance, **params):
    """Asks for a rotation, and answers once its task is done."""
    api.extension("RotateEtcdCredentials", {"InstanceId": instance, **params})
    task, *_ = tasks_of(api, instance, "process")
    assert task["TaskType"] == "rotate_credentials", task
    until_idle(api, instance, 120)
    done, = api.call("DescribeEtcdTasks", {"TaskID": task["TaskID"]})["Tasks"]
    assert done["LifeState"] == "done", done


def authorities(certificates):
    return (certificates / "ca.pem").read_text().count("BEGIN CERTIFICATE")


@pytest.mark.timeout(600)
def test_a_rotation_refuses_nobody_who_holds_the_former_or_the_new_credentials(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, former = made(server, version, tmp_path)
    with SteadyWriter([etcd["Endpoint"]], former) as writer:
        with Knocking(etcd["Endpoint"], former, "former") as old:
            begun = time.monotonic()
            rotated(api, instance, OverlapSeconds=3600)
            rolled = time.monotonic()
            fresh = credentials_of(api, instance, tmp_path / "fresh")
            assert authorities(fresh) == 2 and (fresh / "client.key").read_text() != (former / "client.key").read_text()
            with Knocking(etcd["Endpoint"], fresh, "fresh") as new:
                old.wait_for(5)
                new.wait_for(5)
            # Neither reaches a member only by a connection from before.
            for process in member_processes(server, instance).values():
                for held in (former, fresh):
                    with Client(client_url(process), held, connect_ms=20_000) as client:
                        assert client.answers(20)
        writer.wait_for(5)
    assert not rejected(server, instance), "members refused clients or each other"
    assert old.count and new.count and not new.refused, new.refused[:3]
    said("rotation", [writer.longest_gap(begun, rolled)])
    print(f"{old.count} connections with the former credentials, {new.count} with the new; failed by a restart: {old.refused[:3]}")
    writer.nothing_lost()
    health = api.extension("DescribeEtcdHealth", {"InstanceId": instance})
    assert "the former credentials are good until" in str(health["Conditions"])
    assert "EndOverlap" in str(refused("OperationDenied", lambda: api.extension("RotateEtcdCredentials", {"InstanceId": instance})))

    with SteadyWriter([etcd["Endpoint"]], fresh) as writer:
        rotated(api, instance, EndOverlap=True)
        writer.wait_for(5)
    writer.nothing_lost()
    assert not rejected(server, instance), "members refused who held the new credentials"
    newest = credentials_of(api, instance, tmp_path / "newest")
    assert authorities(newest) == 1 and (newest / "client.pem").read_text() == (fresh / "client.pem").read_text()
    with Client(etcd["Endpoint"], former) as client:
        assert not client.answers(5), "the former credentials are good for ever"
    with Client(etcd["Endpoint"], newest, connect_ms=20_000) as client:
        assert client.answers(20)


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_ten_rotations_hardly_keep_a_client_waiting(own_server, version, tmp_path, e2e):
    if not e2e:
        pytest.skip("ten rotations, measured: in the long form only")
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    longest, everything = [], []
    for turn in range(10):
        # The first half brings the new CA and leaves, the second takes the former away; the writer holds what is good in both.
        with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
            begun = time.monotonic()
            rotated(api, instance, OverlapSeconds=3600)
            ended = time.monotonic()
            writer.wait_for(5)
        certificates = credentials_of(api, instance, tmp_path / f"rotated-{turn}")
        writer.nothing_lost_by(certificates)
        longest.append(writer.longest_gap(begun, ended))
        everything += writer.gaps(begun, ended)
        print(f"rotation in {ended - begun:.1f} s, longest gap {longest[-1] * 1000:.0f} ms, {len(writer.failures)} tries failed: {writer.failures[:3]}")
        with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
            begun = time.monotonic()
            rotated(api, instance, EndOverlap=True)
            ended = time.monotonic()
            writer.wait_for(5)
        writer.nothing_lost()
        longest.append(writer.longest_gap(begun, ended))
        everything += writer.gaps(begun, ended)
    said("rotation, both halves", longest, everything)
    rolled_by_hand(tmp_path, "a rolling SIGTERM restart by hand", lambda turn: (version, version))
    hardly_noticed(longest, e2e)


@pytest.mark.timeout(900)
def test_rotations_survive_kill_9_of_serve_at_any_moment(own_server, version, tmp_path, chance, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    rounds = 8 if e2e else 2
    for turn in range(rounds):
        with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
            api.extension("RotateEtcdCredentials", {"InstanceId": instance, "OverlapSeconds": 0 if turn % 2 else 2})
            moment = chance.random() * 6
            print(f"round {turn}: kill -9 of serve {moment:.1f} s after a rotation began")
            time.sleep(moment)
            server.kill()
            server.start()
            api = Sdk(server)
            until_idle(api, instance, 120)
        writer.nothing_lost_by(credentials_of(api, instance, tmp_path / f"during-{turn}"))
        until("the former CA is forgotten",
              lambda turn=turn: authorities(credentials_of(api, instance, tmp_path / f"after-{turn}")) == 1, 120, 0.3)
        certificates = tmp_path / f"after-{turn}"
        for process in member_processes(server, instance).values():
            with Client(client_url(process), certificates, connect_ms=20_000) as client:
                until(f"{process.flag('name')} lets the new credentials in", client.answers, 60)
        until_idle(api, instance, 120)
    assert {task["LifeState"] for task in tasks_of(api, instance)} == {"done"}
