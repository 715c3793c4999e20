"""Alerts by webhook, and the events that tell of the same: on a real cluster, with a real receiver."""

import re
import time

import pytest
from support.clients import Sdk
from support.etcd import Client, etcdctl
from support.members import client_url, health, made, member_processes
from support.receiver import Receiver
from support.server import Server
from support.waiting import until

TOKEN = "hunter2-hunter2"


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


def served(receiver, after, **settings):
    server = Server({
        **settings,
        "CETCD_ALERTS_WEBHOOKS": f"http://127.0.0.1:{receiver.port}/hook",
        "CETCD_ALERTS_BEARER_TOKEN": TOKEN,
        "CETCD_ALERTS_AFTER_SECONDS": str(after),
        "CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000",
    })
    try:
        yield server.start()
    finally:
        server.end()


@pytest.fixture
def hasty_server(receiver):
    """Tells what is wrong for two seconds."""
    yield from served(receiver, 2)


@pytest.fixture
def neglected_server(receiver):
    """The same, and it never does maintenance."""
    yield from served(receiver, 2, CETCD_MAINTENANCE_WINDOW="")


@pytest.fixture
def usual_server(receiver):
    yield from served(receiver, 30)


def events(api, instance, **filters):
    wanted = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    return api.extension("DescribeEtcdEvents", {"InstanceId": instance, "Filters": wanted})["Events"]


def freeze(server, instance, ordinals):
    """Members that neither answer nor end: nobody starts them again for a while."""
    processes = member_processes(server, instance)
    frozen = [processes[f"{instance}-etcd-{ordinal}"] for ordinal in ordinals]
    for process in frozen:
        process.kill(19)
    return frozen


def thaw(frozen):
    for process in frozen:
        process.kill(18)


def failures(server):
    found = re.search(r'^cetcd_alert_notifications_total\{webhook="0",outcome="failure"\} (\d+)', server.get("/metrics")[1], re.M)
    return int(found[1]) if found else 0


def test_a_lost_quorum_is_told_and_that_it_is_back_whoever_was_away_meanwhile(hasty_server, receiver, version, tmp_path):
    server, api = hasty_server, Sdk(hasty_server)
    instance, _, _ = made(server, version, tmp_path)
    assert receiver.bodies == [], "a creation is no reason to wake anyone"

    frozen = freeze(server, instance, (0, 1))
    try:
        until("the receiver is told", lambda: receiver.heard("Quorum") == ["firing"], 60)
        told = next(body for body in receiver.bodies if body["commonLabels"]["condition"] == "Quorum")
        assert told["version"] == "4" and told["commonLabels"]["instance"] == instance, told
        assert told["commonLabels"]["severity"] == "critical" and told["commonLabels"]["alertname"] == "EtcdNoLeader"
        assert "of 3 voters" in told["alerts"][0]["annotations"]["description"], told
        until("and of the members", lambda: receiver.heard("MembersHealthy") == ["firing"], 60)
        # A restart in the middle repeats nothing; the end comes though serve was away when it was told of the beginning.
        server.stop()
        server.start()
        receiver.stop()
    finally:
        thaw(frozen)
    # Nobody receives: it is tried again and counted, and told once somebody does.
    until("tries fail", lambda: failures(server) >= 2, 60)
    receiver.start()
    until("the end is told", lambda: receiver.heard("Quorum")[-1] == "resolved", 60)
    until("and of the members", lambda: receiver.heard("MembersHealthy")[-1] == "resolved", 60)
    assert receiver.heard("Quorum") == ["firing", "resolved"]
    assert receiver.heard("MembersHealthy") == ["firing", "resolved"]
    assert set(receiver.tokens) == {f"Bearer {TOKEN}"}
    assert TOKEN not in server.log.read_text()
    assert TOKEN not in server.get("/metrics")[1]

    # The same as events, which outlived the restart.
    raised = events(api, instance, type="ConditionRaised")
    assert {"error", "warning"} <= {event["Level"] for event in raised}, raised
    assert any(event["Level"] == "error" and "of 3 voters" in event["Reason"] for event in raised), raised
    until("that it is over is an event", lambda: events(api, instance, type="ConditionCleared"), 30)
    down = events(api, instance, type="MemberDown", member=f"{instance}-etcd-1")
    assert down and down[0]["Level"] == "warning", down
    assert events(api, instance, type="TaskDone") and events(api, instance, type="ClusterFormed")


def test_what_heals_by_itself_in_time_wakes_nobody(usual_server, receiver, version, tmp_path):
    server, api = usual_server, Sdk(usual_server)
    instance, _, _ = made(server, version, tmp_path)
    member_processes(server, instance)[f"{instance}-etcd-2"].kill(9)
    until("it was started again", lambda: events(api, instance, type="MemberRestarted"), 30)
    until("and serves", lambda: len(events(api, instance, type="MemberServing", member=f"{instance}-etcd-2")) == 2, 30)
    order = [event["Type"] for event in events(api, instance, member=f"{instance}-etcd-2")]
    assert order[:3] == ["MemberServing", "MemberRestarted", "MemberDown"], order
    # Once all is as it was, nothing is added.
    until("the endpoint has it again", lambda: events(api, instance)[0]["Type"] == "EndpointChanged", 30)
    quiet = api.extension("DescribeEtcdEvents", {"InstanceId": instance})["TotalCount"]
    time.sleep(5)
    assert receiver.heard("MembersHealthy") == []
    assert api.extension("DescribeEtcdEvents", {"InstanceId": instance})["TotalCount"] == quiet


@pytest.mark.timeout(300)
def test_a_backend_that_fills_is_told_more_urgently_with_each_step_until_it_has_room_again(neglected_server, receiver, version, tmp_path):
    server, api = neglected_server, Sdk(neglected_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1, DiskSize=1)  # a quota of 500 MB
    megabyte = "x" * 1_000_000

    def told(condition):
        return [(body["status"], body["commonLabels"]["severity"]) for body in receiver.bodies
                if body["commonLabels"]["condition"] == condition]

    with Client(etcd["Endpoint"], certificates) as client:
        written, heard = 0, []
        for percent, severity in ((65, "info"), (75, "warning"), (85, "critical")):
            while client.status()["database"] < percent * 5_000_000:
                client.put(f"full/{written:03}", megabyte)
                written += 1
            # One that gets worse is another alert: that which was told before is over.
            heard += [("firing", severity)]
            until(f"{percent} % is told", lambda: told("QuotaLeft") == heard, 30)
            shown = health(api, instance)["QuotaLeft"]
            assert not shown["Holds"] and f"{percent} %" in shown["Reason"] and "DiskSize" in shown["Advice"], shown
            heard += [("resolved", severity)]
        assert told("SpaceLeft") == [], "it is not full"
        assert told("Fragmentation") == [], "all of it is in use"

        # Deleted and compacted, the pages are free, and the file is as large as it was.
        etcdctl(version, etcd["Endpoint"], certificates, "del", "--prefix", "full/")
        revision = client.status()["revision"]
        etcdctl(version, etcd["Endpoint"], certificates, "compact", "--physical", str(revision))
        until("the free pages are told", lambda: told("Fragmentation") == [("firing", "info")], 30)
        assert told("QuotaLeft") == heard[:-1], "the file is as large as before"
        member, = member_processes(server, instance).values()
        etcdctl(version, client_url(member), certificates, "defrag")
        until("there is room again", lambda: told("QuotaLeft") == heard, 30)
        until("and nothing to be put together", lambda: told("Fragmentation")[1:] == [("resolved", "info")], 30)
    assert all(health(api, instance)[kind]["Holds"] for kind in ("QuotaLeft", "Fragmentation", "SpaceLeft"))


def test_a_member_that_somebody_added_by_hand_is_told_until_it_is_removed(hasty_server, receiver, version, tmp_path):
    server, api = hasty_server, Sdk(hasty_server)
    instance, etcd, certificates = made(server, version, tmp_path)

    def add():
        return etcdctl(version, etcd["Endpoint"], certificates, "member", "add", "stranger", "--peer-urls=https://127.0.0.1:1", check=False)

    # etcd takes nobody in before its voters have known each other for some seconds.
    added = until("it is added", lambda: (answer := add()).returncode == 0 and answer, 30, 0.5)
    stranger = re.search(r"Member\s+([0-9a-f]+) added", added.stdout)[1]
    until("it is told", lambda: receiver.heard("MembersKnown") == ["firing"], 30)
    assert "member remove" in health(api, instance)["MembersKnown"]["Advice"]
    etcdctl(version, etcd["Endpoint"], certificates, "member", "remove", stranger)
    until("it is over", lambda: receiver.heard("MembersKnown") == ["firing", "resolved"], 30)
    assert health(api, instance)["MembersKnown"]["Holds"]
