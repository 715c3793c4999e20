"""Certificates: renewed while everything goes on."""

import threading
import time

import grpc
import pytest
from support.certificates import shown
from support.clients import Sdk
from support.etcd import Client
from support.life import credentials_of
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
