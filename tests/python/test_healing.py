"""Healing what a restart does not: a quorum that is lost for good, by policy or when asked for."""

import time
from datetime import datetime
from pathlib import Path

import pytest
from support.changes import SteadyWriter, tasks_of, until_idle
from support.clients import ApiError, Sdk
from support.etcd import Client, etcdctl
from support.figures import recovered
from support.life import described, refused
from support.members import client_url, health, listed, made, member_processes, settled, wipe
from support.server import Server
from support.waiting import until


@pytest.fixture
def automatic_server():
    """A server that goes on without a quorum by itself."""
    server = Server({"CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000", "CETCD_RECOVERY_POLICY": "automatic"})
    try:
        server.start()
        yield server
    finally:
        server.end()


def lose(processes):
    """Kills processes and removes their data, as a lost disk does."""
    for process in processes:
        wipe(process)
    for process in processes:
        process.kill()
        wipe(process)  # what it wrote meanwhile


def two_of(server, instance):
    """Two of three members, the leader not among those that stay."""
    processes = member_processes(server, instance)
    return [processes[f"{instance}-etcd-{ordinal}"] for ordinal in (0, 2)], processes[f"{instance}-etcd-1"]


def kept(endpoint, certificates, writer, before):
    """Every write that was acknowledged before that moment reads its number, or one that was written later."""
    acknowledged = {}
    for number, moment in enumerate(writer.times, 1):
        if moment < before:
            acknowledged[f"steady/{number % 5000:05}"] = number
    with Client(endpoint, certificates) as client:
        found = client.prefix("steady/")
    lost = {key: (number, found.get(key)) for key, number in acknowledged.items() if int(found.get(key, -1)) < number}
    assert not lost, f"{len(lost)} of {len(acknowledged)} writes from before the bound are lost: {sorted(lost.items())[:5]}"
    return len(acknowledged)


@pytest.mark.e2e
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_quorum_that_is_lost_for_good_is_gone_on_without_where_that_is_set(automatic_server, version, tmp_path):
    server, api = automatic_server, Sdk(automatic_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    lost, survivor = two_of(server, instance)
    writer = SteadyWriter([client_url(survivor)], certificates)
    with writer:
        writer.wait_for(200)
        begun, wall = time.monotonic(), time.time()
        lose(lost)

        def serves():
            with Client(etcd["Endpoint"], certificates) as client:
                return client.answers(0.5)

        until("nobody serves", lambda: not serves(), 10, 0.01)
        until("the endpoint serves again", serves, 60, 0.02)
        took = time.monotonic() - begun
    until("three members serve", lambda: described(api, instance)["Status"] == "running" and len(listed(version, etcd["Endpoint"], certificates)) == 3, 60, 0.1)
    whole = time.monotonic() - begun
    lost_for_good = "two of three and their data are lost, `recovery.policy` is `automatic`"
    recovered(lost_for_good, "the endpoint serves", took, took)
    recovered(lost_for_good, "three vote again", whole)

    def nobody_is_forced():
        running = server.processes("etcd")
        return len(running) == 3 and not any("--force-new-cluster=true" in process.argv for process in running)

    until("the forced member was restarted without force", nobody_is_forced, 60, 0.1)
    until_idle(api, instance)
    settled(server, instance, certificates, version, [1, 2, 3])
    reason = health(api, instance)["Quorum"]["Reason"]
    print(reason)
    assert "without a quorum" in reason and "member 1 keeps everything up to revision" in reason
    # The bound is true: the moment is at most a look and a half before the loss, and nothing from before it is lost.
    bound = reason.split("acknowledged before ")[1].split(";")[0]
    before = datetime.fromisoformat(bound.replace("Z", "+00:00")).timestamp()
    print(f"the bound is {wall - before:.1f} s before the loss; {kept(etcd['Endpoint'], certificates, writer, begun - (wall - before))} writes were from before it")
    assert before > wall - 10
    aside = list((server.data_dir / "runtime/aside" / instance).glob("*")) if (server.data_dir / "runtime/aside").exists() else []
    assert aside == [], "the lost left nothing to be kept"
    assert took <= 20, f"serving after {took:.1f} s"


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_lost_quorum_waits_for_a_person_who_can_ask_what_would_be_lost(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    refused("OperationDenied", lambda: api.extension("RecoverEtcdInstance", {"InstanceId": instance}))
    assert api.extension("RecoverEtcdInstance", {"InstanceId": instance, "DryRun": True})["Recoverable"] is False
    with pytest.raises(ApiError, match="ResourceNotFound"):
        api.extension("RecoverEtcdInstance", {"InstanceId": "etcd-00000000", "DryRun": True})
    with Client(etcd["Endpoint"], certificates) as client:
        for number in range(20):
            client.put(f"kept/{number}", str(number))
    written = time.monotonic()
    # etcd puts into its database what came in the last 100 ms: only that tells a revision once nobody serves.
    until("the database has it", lambda: time.monotonic() - written > 1, 5)
    lost, survivor = two_of(server, instance)
    # A killed process has its data still: it comes back, but answers nobody without a quorum.
    lose(lost)
    survivor.kill()
    until("the loss shows", lambda: not health(api, instance)["Quorum"]["Holds"] and "cannot come back" in health(api, instance)["Quorum"]["Reason"], 20)
    shown = until("a survivor is found", lambda: (answer := api.extension("RecoverEtcdInstance", {"InstanceId": instance, "DryRun": True}))["Recoverable"] and answer, 20)
    assert [(one["Member"], one["Chosen"]) for one in shown["Survivors"]] == [(f"{instance}-etcd-1", True)], shown
    assert shown["Survivors"][0]["LogIndex"] > 20 and described(api, instance)["Status"] == "abnormal"
    condition = health(api, instance)["Quorum"]
    assert "RecoverEtcdInstance" in condition["Advice"]
    print(condition["Reason"])
    # Longer than any grace: nothing happens by itself.
    began = time.monotonic()
    until("it has waited", lambda: time.monotonic() - began > 17, 20, 0.5)
    assert not api.extension("DescribeEtcdHealth", {"InstanceId": instance})["Healthy"] and not tasks_of(api, instance, "process")
    begun = time.monotonic()
    answer = api.extension("RecoverEtcdInstance", {"InstanceId": instance})
    assert answer["Recoverable"] and tasks_of(api, instance, "process")[0]["TaskType"] == "recover_instance"
    server.kill()
    server.start()

    def over():
        task, = [task for task in tasks_of(api, instance) if task["TaskType"] == "recover_instance"]
        assert task["LifeState"] in ("process", "done"), task
        return task["LifeState"] == "done"

    api = Sdk(server)
    until("the recovery is done", over, 90, 0.1)
    recovered("the same, `manual`, from the request on, with a kill of `cetcd serve`", "three vote again", time.monotonic() - begun)
    settled(server, instance, certificates, version, [1, 2, 3])
    with Client(etcd["Endpoint"], certificates) as client:
        found = client.prefix("kept/")
    revision = shown["Survivors"][0]["Revision"]
    # The first revision is that of an empty store.
    assert all(found[f"kept/{number}"] == str(number) for number in range(20) if number + 2 <= revision), (revision, found)
    assert revision >= 20


def a_follower(server, instance, certificates):
    """A member that does not lead: its process."""
    for process in member_processes(server, instance).values():
        with Client(client_url(process), certificates) as client:
            status = client.status()
            if status["leader"] and status["leader"] != status["member"]:
                return process
    raise AssertionError("nobody follows")


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_a_follower_whose_database_was_changed_is_put_aside_and_replaced(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    with Client(etcd["Endpoint"], certificates) as client:
        for number in range(50):
            client.put(f"kept/{number}", f"what was written {number}")
    victim = a_follower(server, instance, certificates)
    name = victim.flag("name")
    old = {number for member, number, _ in listed(version, etcd["Endpoint"], certificates) if member == name}
    server.kill()
    victim.kill()
    until("the killed process is gone", lambda: victim.pid not in {p.pid for p in server.processes("etcd")}, 5, 0.01)
    database = Path(victim.flag("data-dir")) / "member/snap/db"
    content = database.read_bytes()
    assert b"what was written" in content
    database.write_bytes(content.replace(b"what was written", b"what was garbled"))
    server.start()
    api = Sdk(server)
    until("all members serve again", lambda: described(api, instance)["Status"] == "running", 60, 0.1)
    # Its own check at the start has no peers yet to ask; the leader's, of what is compacted, comes within a minute.
    with Client(etcd["Endpoint"], certificates) as client:
        revision = client.put("later", "1")
    etcdctl(version, etcd["Endpoint"], certificates, "compact", str(revision))
    begun = time.monotonic()

    def replaced():
        members = listed(version, etcd["Endpoint"], certificates)
        return len(members) == 3 and not old & {number for _, number, _ in members} and all(one and not learner for one, _, learner in members)

    until(f"{name} is replaced", replaced, 180, 0.2)
    until_idle(api, instance)
    recovered("a follower's database is changed", "another is in its place and votes", time.monotonic() - begun)
    settled(server, instance, certificates, version, [1, 2, 3])
    aside = list((server.data_dir / "runtime/aside" / instance).iterdir())
    assert len(aside) == 1 and aside[0].name.endswith(f"-{name.rsplit('-', 1)[1]}") and (aside[0] / "member").is_dir(), aside
    for process in member_processes(server, instance).values():
        with Client(client_url(process), certificates) as client:
            found = client.prefix("kept/")
            assert found == {f"kept/{number}": f"what was written {number}" for number in range(50)}
    assert health(api, instance)["DataConsistent"]["Holds"]


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_frozen_member_is_started_again(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    victim = a_follower(server, instance, certificates)
    name = victim.flag("name")
    begun = time.monotonic()
    victim.kill(19)  # SIGSTOP: it is there, and serves nothing
    with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
        until("another process is there for it", lambda: (now := member_processes(server, instance).get(name)) and now.pid != victim.pid, 150, 0.2)
        until("the instance runs", lambda: described(api, instance)["Status"] == "running", 60, 0.1)
        took = time.monotonic() - begun
        writer.wait_for(5)
    recovered("a follower is frozen", "it serves", took, writer.longest_gap(begun, begun + took))
    writer.nothing_lost()
    settled(server, instance, certificates, version, [1, 2, 3])


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_the_only_member_is_started_again_when_it_is_frozen(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, size=1)
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("kept", "yes")
    [victim] = member_processes(server, instance).values()
    begun = time.monotonic()
    victim.kill(19)
    # Nobody else serves: it is given the time that a large database takes.
    until("another process is there for it", lambda: all(now.pid != victim.pid for now in member_processes(server, instance).values()), 300, 0.2)
    until("the instance runs", lambda: described(api, instance)["Status"] == "running", 60, 0.1)
    recovered("the only member is frozen", "it serves", time.monotonic() - begun)
    with Client(etcd["Endpoint"], certificates) as client:
        assert client.get("kept") == "yes"
    settled(server, instance, certificates, version, [1])
