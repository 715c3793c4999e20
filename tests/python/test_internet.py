"""A public address of an instance: who is let in, by which certificate, and what is refused."""

import random
import socket
from urllib.parse import urlsplit

import pytest
from support.certificates import shown
from support.changes import change, tasks_of, until_idle
from support.clients import Sdk
from support.etcd import Client, etcdctl
from support.life import creation, described, follow_creation, refused, wait_until_running
from support.members import made, member_processes
from support.server import Server
from support.waiting import until

NAME = "etcd.example.test"
PORTS = "32000-32001"
STRANGER = "127.0.0.9"  # who does not bind comes from 127.0.0.1


@pytest.fixture(scope="module")
def open_server():
    """A service with a public address of its own: no other service of this machine draws one of these."""
    address = f"127.{random.SystemRandom().randrange(251, 255)}.{random.SystemRandom().randrange(256)}.1"
    server = Server({"CETCD_INTERNET_ADDRESS": address, "CETCD_INTERNET_PORTS": PORTS, "CETCD_INTERNET_NAME": NAME,
                     "CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})
    server.public = address
    try:
        yield server.start()
    finally:
        server.end()


def internet(api, instance):
    return api.extension("DescribeEtcdInternet", {"InstanceId": instance})


def enable(api, instance, *networks):
    api.extension("EnableEtcdInternet", {"InstanceId": instance, "AllowedNetworks": list(networks)})


def disable(api, instance):
    api.extension("DisableEtcdInternet", {"InstanceId": instance})


def connected(address, port, source):
    raw = socket.socket()
    raw.settimeout(20)
    raw.bind((source, 0))
    raw.connect((address, port))
    return raw


def is_cut(raw):
    try:
        return raw.recv(1) == b""
    except ConnectionResetError:
        return True


def ended(api, instance):
    """The last task, once it has ended."""
    until_idle(api, instance)
    task = tasks_of(api, instance)[0]
    return task["TaskType"], task["LifeState"]


def test_an_instance_is_opened_to_some_networks_under_the_public_name_and_closed_again(open_server, version, tmp_path):
    server, api = open_server, Sdk(open_server)
    instance, etcd, certificates = made(server, version, tmp_path, size=1)
    processes = {name: process.pid for name, process in member_processes(server, instance).items()}
    assert internet(api, instance)["Enabled"] is False
    enable(api, instance, "127.0.0.1/32", "2001:db8::/32")
    # The control plane dies in the middle of it.
    server.kill()
    server.start()
    api = Sdk(server)
    assert ended(api, instance) == ("enable_internet", "done")
    told = internet(api, instance)
    assert (told["Enabled"], told["Open"], told["Reason"]) == (True, True, "")
    assert told["AllowedNetworks"] == ["127.0.0.1/32", "2001:db8::/32"]
    port = urlsplit(told["Endpoint"]).port
    assert told["Endpoint"] == f"https://{NAME}:{port}" and port in (32000, 32001)
    assert described(api, instance)["Endpoint"] == etcd["Endpoint"], "the published structure shows the first address only"
    public = f"https://{server.public}:{port}"
    # By the address and by the name, with the instance's own credentials; and it is the same cluster.
    assert ("DNS", NAME) in shown(public, certificates, NAME)["subjectAltName"]
    assert ("IP Address", server.public) in shown(public, certificates)["subjectAltName"]
    with Client(public, certificates, connect_ms=20_000) as outside, Client(etcd["Endpoint"], certificates, connect_ms=20_000) as inside:
        outside.put("from", "outside", timeout=20)
        assert inside.get("from", timeout=20) == "outside"
        with connected(server.public, port, STRANGER) as stranger:
            assert is_cut(stranger)
        # Another list: who is on none any more is cut, though it was let in.
        enable(api, instance, f"{STRANGER}/32")
        assert ended(api, instance) == ("enable_internet", "done")
        with connected(server.public, port, "127.0.0.1") as cut:
            assert is_cut(cut)
        assert inside.get("from", timeout=20) == "outside"
    with connected(server.public, port, STRANGER) as let_in:
        disable(api, instance)
        assert is_cut(let_in)
    assert ended(api, instance) == ("disable_internet", "done")
    with pytest.raises(ConnectionRefusedError):
        connected(server.public, port, STRANGER)
    assert ("DNS", NAME) not in shown(etcd["Endpoint"], certificates)["subjectAltName"]
    assert internet(api, instance)["Endpoint"] is None
    assert {name: process.pid for name, process in member_processes(server, instance).items()} == processes, "nobody was restarted"
    # Deleted while it is open: the port is free again.
    enable(api, instance, "127.0.0.1/32")
    assert ended(api, instance) == ("enable_internet", "done")
    api.extension("DeleteEtcdInstance", {"InstanceId": instance})
    until("the instance is gone", lambda: described(api, instance) is None, 60)
    with pytest.raises(ConnectionRefusedError):
        connected(server.public, port, "127.0.0.1")


def test_what_only_a_password_protects_is_opened_once_that_is_asked_for(open_server, version):
    server, api = open_server, Sdk(open_server)
    request = creation(version, 1, AdvancedSettings={"SecuritySettings": {"Https": False, "ClientCertAuth": False}})
    instance = api.call("CreateEtcdInstance", request)["InstanceId"]
    follow_creation(api, instance)
    wait_until_running(api, instance)
    assert "EnableAuth" in str(refused("OperationDenied", lambda: enable(api, instance, "127.0.0.0/8")))
    change(api, instance, "ModifyEtcdAttribute", {"EnableAuth": True, "Password": "long-enough"}, "modify_attribute", "updating")
    enable(api, instance, "127.0.0.0/8")
    assert ended(api, instance) == ("enable_internet", "done")
    port = urlsplit(internet(api, instance)["Endpoint"]).port
    public = f"http://{server.public}:{port}"
    assert etcdctl(version, public, None, "--user", "root:long-enough", "put", "a", "b").returncode == 0
    assert etcdctl(version, public, None, "put", "a", "b", check=False).returncode != 0
    off = {"InstanceId": instance, "EnableAuth": False}
    assert "DisableEtcdInternet" in str(refused("OperationDenied", lambda: api.call("ModifyEtcdAttribute", off)))
    disable(api, instance)
    assert ended(api, instance) == ("disable_internet", "done")


def test_what_cannot_be_is_refused_with_what_to_do(server, version, tmp_path):
    api = Sdk(server)
    instance = api.call("CreateEtcdInstance", creation(version, 1))["InstanceId"]
    follow_creation(api, instance)
    assert "internet.address" in str(refused("UnsupportedOperation", lambda: enable(api, instance, "127.0.0.0/8")))
    refused("InvalidParameterValue", lambda: enable(api, instance, "127.0.0.1/8"))
    refused("InvalidParameterValue", lambda: enable(api, instance))
    refused("ResourceNotFound", lambda: enable(api, "etcd-00000000", "127.0.0.0/8"))
    before = tasks_of(api, instance)
    disable(api, instance)
    assert tasks_of(api, instance) == before, "what is closed is closed"
