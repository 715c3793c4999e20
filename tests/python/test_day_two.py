"""Day two: a cluster that is there changes size, version, configuration and subnets, and gets over lost data, while its clients go on."""

import time

import pytest
from support.by_hand import resized_by_hand, rolled_by_hand
from support.changes import SteadyWriter, change, hardly_noticed, said, tasks_of, unchanged, until_idle
from support.clients import Sdk
from support.etcd import Client
from support.figures import recovered
from support.life import SUBNETS, creation, described, nothing_left, refused, wait_until_gone, wait_until_running
from support.members import client_url, listed, made, member_processes, settled, wipe
from support.server import VERSIONS, Server, installed_versions
from support.waiting import until

REVISIONS = {"AutoCompactionSettings": {"AutoCompactionMode": "revision", "AutoCompactionRetention": "1000"}}


def hours(number, mode="periodic"):
    return {"AutoCompactionSettings": {"AutoCompactionMode": mode, "AutoCompactionRetention": f"{number}h"}}


def of_line(line):
    """Installed versions of one minor version, oldest first."""
    return [version for version in installed_versions() if version.startswith(f"v{line}.")]


def upgrade_path():
    """The newest 3.4 and the oldest 3.5; skips where either is not there."""
    old, new = of_line("3.4"), of_line("3.5")
    if not (old and new):
        pytest.skip("no etcd 3.4 and 3.5 here: scripts/versions --all")
    return old[-1], new[0]


def filled(endpoint, certificates, count=50):
    """Writes keys that no test touches again; answers with them."""
    kept = {f"kept/{number:03}": f"since before, {number}" for number in range(count)}
    with Client(endpoint, certificates) as client:
        for key, value in kept.items():
            client.put(key, value)
    return kept


def intact(endpoint, certificates, kept):
    with Client(endpoint, certificates) as client:
        assert client.prefix("kept/") == kept


def gone(server, instance):
    api = Sdk(server)
    api.extension("DeleteEtcdInstance", {"InstanceId": instance})
    wait_until_gone(api, instance)
    nothing_left(server, instance)


# Each operation by the official SDK, while a client writes through the endpoint.


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_resize_from_1_to_3_to_5_to_3_loses_no_write(own_server, version, tmp_path, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1, SubnetIds=SUBNETS)
    kept = filled(etcd["Endpoint"], certificates)
    refused("InvalidParameterValue", lambda: api.call("ResizeEtcdInstance", {"InstanceId": instance, "Size": 2}))
    refused("InvalidParameterValue", lambda: api.call("ResizeEtcdInstance", {"InstanceId": instance, "Size": 11}))
    refused("ResourceNotFound", lambda: api.call("ResizeEtcdInstance", {"InstanceId": "etcd-00000000", "Size": 3}))
    unchanged(api, instance, "ResizeEtcdInstance", {"Size": 1})
    longest, everything = {}, []
    with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
        for turn in range(10 if e2e else 1):
            for before, size in ((1, 3), (3, 5), (5, 3), (3, 1))[:4 if e2e else 3]:
                moments = change(api, instance, "ResizeEtcdInstance", {"Size": size}, "resize_instance", "resizing",
                                 second=("ModifyEtcdConfiguration", REVISIONS) if turn == 0 else None)
                assert settled(server, instance, certificates, version, [1, 2, 3, 1, 2][:size])["Endpoint"] == etcd["Endpoint"]
                writer.wait_for(5)
                longest.setdefault((before, size), []).append(writer.longest_gap(*moments))
                everything += writer.gaps(*moments)
                print(f"{before} to {size} members in {moments[1] - moments[0]:.1f} s, longest gap {longest[before, size][-1] * 1000:.0f} ms")
    writer.nothing_lost()
    intact(etcd["Endpoint"], certificates, kept)
    ours = [gap for gaps in longest.values() for gap in gaps]
    said("resize", ours, everything)
    print(f"{len(writer.times)} writes, {len(writer.failures)} tries failed: {writer.failures[:5]}")
    if e2e:
        resized_by_hand(tmp_path, "the same by hand, 3 to 5 to 3", version)
    hardly_noticed(ours, e2e)


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_rolling_upgrade_loses_no_write(own_server, tmp_path, e2e):
    server, api = own_server, Sdk(own_server)
    old, new = upgrade_path()
    longest, everything = [], []
    for turn in range(10 if e2e else 1):
        instance, etcd, certificates = made(server, old, tmp_path / str(turn))
        kept = filled(etcd["Endpoint"], certificates)
        if turn == 0:
            _refused_upgrades(api, instance, old)
        ids = {name: number for name, number, _ in listed(old, etcd["Endpoint"], certificates)}
        with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
            moments = change(api, instance, "UpgradeEtcdInstance", {"EtcdVersion": new}, "upgrade_instance", "upgrading",
                             second=("ResizeEtcdInstance", {"Size": 5}))
            writer.wait_for(5)
        longest.append(writer.longest_gap(*moments))
        everything += writer.gaps(*moments)
        print(f"{old} to {new} in {moments[1] - moments[0]:.1f} s, longest gap {longest[-1] * 1000:.0f} ms, {len(writer.failures)} tries failed: {writer.failures[:3]}")
        writer.nothing_lost()
        settled(server, instance, certificates, new, [1, 2, 3])
        assert {name: number for name, number, _ in listed(new, etcd["Endpoint"], certificates)} == ids, "an upgrade replaces no member"
        intact(etcd["Endpoint"], certificates, kept)
        snapshots = api.call("DescribeEtcdSnapshots", {"InstanceId": instance})["Snapshots"]
        assert [snapshot["Name"].startswith(f"before-{new}-") and snapshot["Size"] > 0 for snapshot in snapshots] == [True], snapshots
        unchanged(api, instance, "UpgradeEtcdInstance", {"EtcdVersion": new})
        if turn == 0 and new < "v3.5.26":
            for later in of_line("3.6")[:1]:
                assert "3.5.26" in str(_no_upgrade(api, instance, later, "OperationDenied"))
            assert old in str(_no_upgrade(api, instance, old, "OperationDenied"))
        gone(server, instance)
    said(f"upgrade {old} to {new}", longest, everything)
    if e2e:
        rolled_by_hand(tmp_path, f"the same by hand, {old} to {new}", lambda turn: (old, new))
    hardly_noticed(longest, e2e)


def _no_upgrade(api, instance, version, code):
    answer = refused(code, lambda: api.call("UpgradeEtcdInstance", {"InstanceId": instance, "EtcdVersion": version}))
    assert described(api, instance)["Status"] == "running" and not tasks_of(api, instance, "process")
    return answer


def _refused_upgrades(api, instance, old):
    for older in of_line("3.3")[-1:]:
        assert old in str(_no_upgrade(api, instance, older, "OperationDenied"))
    for skipping in of_line("3.6")[-1:]:
        assert skipping in str(_no_upgrade(api, instance, skipping, "OperationDenied"))
    for unknown in ("v9.9.9", "v3.5.0", "latest", "../../bin"):
        _no_upgrade(api, instance, unknown, "InvalidParameter.Param")
    refused("ResourceNotFound", lambda: api.call("UpgradeEtcdInstance", {"InstanceId": "etcd-00000000", "EtcdVersion": old}))


def test_an_instance_that_does_not_run_whole_is_not_upgraded(own_server, tmp_path):
    server, api = own_server, Sdk(own_server)
    old, new = upgrade_path()
    instance = api.call("CreateEtcdInstance", creation(old, 3))["InstanceId"]
    task, = tasks_of(api, instance)
    assert task["TaskID"] in str(refused("OperationDenied", lambda: api.call("UpgradeEtcdInstance", {"InstanceId": instance, "EtcdVersion": new})))
    wait_until_running(api, instance)
    until_idle(api, instance)
    victim = member_processes(server, instance)[f"{instance}-etcd-1"]
    victim.kill(19)  # SIGSTOP: it is there, and serves nothing
    try:
        until("a frozen member shows", lambda: described(api, instance)["Status"] == "abnormal", 20)
        assert "abnormal" in str(refused("OperationDenied", lambda: api.call("UpgradeEtcdInstance", {"InstanceId": instance, "EtcdVersion": new})))
    finally:
        victim.kill(18)
    until_idle(api, instance)
    assert {member["Version"] for member in described(api, instance)["Members"]} == {old}


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_a_change_of_configuration_loses_no_write(own_server, version, tmp_path, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    kept = filled(etcd["Endpoint"], certificates)
    before = {process.pid for process in server.data_plane()}
    # What is only kept and shown restarts nothing and is no task.
    unchanged(api, instance, "ModifyEtcdConfiguration", {"ChargeType": "PREPAID", "PrepaidConfig": {"Period": 1, "RenewFlag": "NOTIFY_AND_MANUAL_RENEW"}})
    refused("ResourceUnavailable.PrometheusStatusError", lambda: api.call(
        "ModifyEtcdConfiguration", {"InstanceId": instance, "MonitorSettings": {"ExistedPrometheusInstanceId": "prom-00000000"}, **REVISIONS}))
    for wrong in ({"AutoCompactionMode": "never", "AutoCompactionRetention": "1h"}, {"AutoCompactionMode": "periodic", "AutoCompactionRetention": "long"}):
        refused("InvalidParameterValue", lambda wrong=wrong: api.call("ModifyEtcdConfiguration", {"InstanceId": instance, "AutoCompactionSettings": wrong}))
    refused("InvalidParameterValue", lambda: api.call("ModifyEtcdConfiguration", {"InstanceId": instance, "InstanceConfig": {"Cpu": 1, "Mem": 1, "Size": 4}}))
    assert {process.pid for process in server.data_plane()} == before
    longest, everything = [], []
    with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
        for turn in range(10 if e2e else 1):
            wanted = REVISIONS if turn % 2 else hours(2 + turn)
            moments = change(api, instance, "ModifyEtcdConfiguration", wanted, "modify_configuration", "updating",
                             second=("ResizeEtcdInstance", {"Size": 5}))
            asked = wanted["AutoCompactionSettings"]
            flags = {(process.flag("auto-compaction-mode"), process.flag("auto-compaction-retention")) for process in server.processes("etcd")}
            assert flags == {(asked["AutoCompactionMode"], asked["AutoCompactionRetention"])}, flags
            writer.wait_for(5)
            longest.append(writer.longest_gap(*moments))
            everything += writer.gaps(*moments)
            print(f"every member restarted in {moments[1] - moments[0]:.1f} s, longest gap {longest[-1] * 1000:.0f} ms")
    writer.nothing_lost()
    intact(etcd["Endpoint"], certificates, kept)
    # `period` is another word for `periodic`; what already is so is no change.
    if not e2e:
        change(api, instance, "ModifyEtcdConfiguration", hours(1, "period"), "modify_configuration", "updating")
        assert {process.flag("auto-compaction-mode") for process in server.processes("etcd")} == {"periodic"}
        unchanged(api, instance, "ModifyEtcdConfiguration", hours(1))
    settled(server, instance, certificates, version, [1, 2, 3])
    said("change of configuration", longest, everything)
    print(f"{len(writer.times)} writes, {len(writer.failures)} tries failed: {writer.failures[:5]}")
    if e2e:
        rolled_by_hand(tmp_path, "a rolling SIGTERM restart by hand", lambda turn: (version, version))
    hardly_noticed(longest, e2e)


@pytest.mark.e2e
def test_an_instance_config_is_taken_with_its_size(own_server, version, tmp_path, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1)
    kept = filled(etcd["Endpoint"], certificates)
    size = 3 if e2e else 1
    wanted = {"InstanceConfig": {"Cpu": 1, "Mem": 1, "Size": size}}
    change(api, instance, "ModifyEtcdConfiguration", wanted, "modify_configuration", "updating")
    settled(server, instance, certificates, version, [1] * size)
    intact(etcd["Endpoint"], certificates, kept)
    unchanged(api, instance, "ModifyEtcdConfiguration", wanted)


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_move_to_other_subnets_loses_no_write(own_server, version, tmp_path, e2e):
    server, api = own_server, Sdk(own_server)
    # The quick form moves the only member; the long one moves three to and fro.
    homes = [([SUBNETS[0]], [1, 1, 1]), (SUBNETS[1:], [2, 3, 2])] if e2e else [([SUBNETS[0]], [1]), ([SUBNETS[1]], [2])]
    size = len(homes[0][1])
    instance, etcd, certificates = made(server, version, tmp_path, size, SubnetIds=homes[0][0])
    kept = filled(etcd["Endpoint"], certificates)
    for wrong in (["subnet-00000000"], ["subnet-other123"], [SUBNETS[1], "subnet-00000000"]):
        refused("ResourceNotFound", lambda wrong=wrong: api.call("ModifyEtcdAttribute", {"InstanceId": instance, "Name": "not taken", "SubnetIds": wrong}))
    assert described(api, instance)["Name"] != "not taken"
    unchanged(api, instance, "ModifyEtcdAttribute", {"SubnetIds": homes[0][0]})
    longest, everything = [], []
    with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
        for turn in range(10 if e2e else 1):
            subnets, zones = homes[(turn + 1) % 2]
            old = {number for _, number, _ in listed(version, etcd["Endpoint"], certificates)}
            moments = change(api, instance, "ModifyEtcdAttribute", {"SubnetIds": subnets, "Name": f"moved-{turn}"}, "modify_attribute", "updating",
                             second=("UpgradeEtcdInstance", {"EtcdVersion": installed_versions()[-1]}))
            etcd = settled(server, instance, certificates, version, zones)
            assert etcd["Name"] == f"moved-{turn}" and etcd["Endpoint"] == writer.urls[0]
            assert not old & {number for _, number, _ in listed(version, etcd["Endpoint"], certificates)}
            writer.wait_for(5)
            longest.append(writer.longest_gap(*moments))
            everything += writer.gaps(*moments)
            print(f"{size} member(s) moved in {moments[1] - moments[0]:.1f} s, longest gap {longest[-1] * 1000:.0f} ms")
    writer.nothing_lost()
    intact(etcd["Endpoint"], certificates, kept)
    said(f"move of {size} member(s) to another subnet", longest, everything)
    print(f"{len(writer.times)} writes, {len(writer.failures)} tries failed: {writer.failures[:5]}")
    hardly_noticed(longest, e2e)


# Lost data.


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_member_whose_data_is_wiped_is_replaced_and_votes_again(own_server, version, tmp_path, chance, e2e, state):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    kept = filled(etcd["Endpoint"], certificates)
    if e2e:
        with Client(etcd["Endpoint"], certificates) as client:
            for number in range(100):
                client.put(f"large/{number:03}", "x" * 1_000_000)
    for turn in range(5 if e2e else 1):
        victim = chance.choice(_followers(server, instance, certificates))
        old = {number for name, number, _ in listed(version, etcd["Endpoint"], certificates) if name == victim.flag("name")}
        assert len(old) == 1
        with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
            if state == "stopped":
                server.kill()
                victim.kill()
                until("the killed process is gone", lambda victim=victim: victim.pid not in {p.pid for p in server.processes("etcd")}, 5, 0.002)
            begun = time.monotonic()
            wipe(victim)
            if state == "stopped":
                server.start()

            def votes_again():
                members = listed(version, etcd["Endpoint"], certificates)
                return len(members) == 3 and not old & {number for _, number, _ in members} and all(name and not learner for name, _, learner in members)

            until(f"the {state} member is replaced", votes_again, 60, 0.1)
            until("the instance runs", lambda: described(api, instance)["Status"] == "running", 20, 0.05)
            took = time.monotonic() - begun
            writer.wait_for(5)
        at_once = "while it runs" if state == "running" else "while `cetcd serve` is down"
        recovered(f"a member's data directory is deleted {at_once}", "three vote again", took, writer.longest_gap(begun, begun + took))
        settled(server, instance, certificates, version, [1, 2, 3])
        writer.nothing_lost()
        intact(etcd["Endpoint"], certificates, kept)
        assert took <= 15 or not e2e, f"100 MB, replaced and voting after {took:.1f} s"


def _followers(server, instance, certificates):
    found = []
    for process in member_processes(server, instance).values():
        with Client(client_url(process), certificates) as client:
            status = until(f"{process.flag('name')} knows its leader", lambda client=client: (s := client.status())["leader"] and s)
            if status["leader"] != status["member"]:
                found.append(process)
    return found


# kill -9 of serve, and deletions, in the middle of it.


class Changing:
    """Four instances of one server, of which each is about to change in its own way."""

    def __init__(self, server, version, directory, grows=True):
        self.server, self.version = server, version
        self.old, self.new = upgrade_path()
        sizes = (1, 3) if grows else (3, 1)
        self.instances = {  # made, asked, and then: version, zones
            "resize": (made(server, version, directory / "resize", sizes[0], SubnetIds=SUBNETS),
                       ("ResizeEtcdInstance", {"Size": sizes[1]}), version, [1, 2, 3][:sizes[1]]),
            "upgrade": (made(server, self.old, directory / "upgrade"), ("UpgradeEtcdInstance", {"EtcdVersion": self.new}), self.new, [1, 2, 3]),
            "move": (made(server, version, directory / "move", 1), ("ModifyEtcdAttribute", {"SubnetIds": [SUBNETS[2]]}), version, [3]),
            "configuration": (made(server, version, directory / "configuration", 1), ("ModifyEtcdConfiguration", REVISIONS), version, [1]),
        }
        self.kept = {name: filled(made_one[1]["Endpoint"], made_one[2]) for name, (made_one, *_) in self.instances.items()}

    def ids(self):
        return [made_one[0] for made_one, *_ in self.instances.values()]

    def begin(self):
        api = Sdk(self.server)
        for (instance, _, _), (action, params), *_ in self.instances.values():
            api.call(action, {"InstanceId": instance, **params})

    def same_end(self):
        api = Sdk(self.server)
        members = 0
        for name, ((instance, etcd, certificates), _, version, zones) in self.instances.items():
            until_idle(api, instance)
            assert {task["LifeState"] for task in tasks_of(api, instance)} == {"done"}, f"{name}: {tasks_of(api, instance)}"
            settled(self.server, instance, certificates, version, zones)
            intact(etcd["Endpoint"], certificates, self.kept[name])
            members += len(zones)
        configured, = member_processes(self.server, self.instances["configuration"][0][0]).values()
        assert (configured.flag("auto-compaction-mode"), configured.flag("auto-compaction-retention")) == ("revision", "1000")
        assert len(self.server.processes("etcd")) == members, self.server.processes("etcd")
        assert len(self.server.processes("endpoint")) == 1


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_changes_survive_kill_9_of_serve_at_any_moment(own_server, version, tmp_path, chance, e2e):
    server, rounds, span = own_server, 10 if e2e else 2, 6.0
    for turn in range(rounds):
        changing = Changing(server, version, tmp_path / str(turn), grows=turn % 2 == 0)
        moment = span * (turn + chance.random()) / rounds
        # An upgrade is over when a resize has hardly begun: half of the moments are early ones.
        if turn % 2 == 0:
            moment /= 4
        print(f"round {turn}: kill -9 of serve {moment * 1000:.0f} ms after {changing.ids()} began to change")
        changing.begin()
        time.sleep(moment)
        server.kill()
        server.start()
        changing.same_end()
        for instance in changing.ids():
            gone(server, instance)
        server.expect_no_data_plane()


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_a_deletion_amid_a_change_leaves_nothing(own_server, version, tmp_path, chance, e2e):
    server, api = own_server, Sdk(own_server)
    for turn in range(10 if e2e else 1):
        changing = Changing(server, version, tmp_path / str(turn), grows=turn % 2 == 0)
        instance, _, _ = made(server, version, tmp_path / str(turn) / "rolled")
        changing.begin()
        api.call("ModifyEtcdConfiguration", {"InstanceId": instance, **REVISIONS})
        time.sleep(0 if turn == 0 else chance.random() * 3)
        doomed = [*changing.ids(), instance]
        for each in doomed:
            api.extension("DeleteEtcdInstance", {"InstanceId": each})
        for each in doomed:
            wait_until_gone(api, each)
        for each in doomed:
            nothing_left(server, each)
            assert not tasks_of(api, each, "process")
        server.expect_no_data_plane()


@pytest.fixture
def server_with_a_broken_version(tmp_path):
    """Its newest version is one of which every process ends at once."""
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "v3.5.16").symlink_to(VERSIONS / "v3.5.16")
    broken = versions / "v3.5.99"
    broken.mkdir()
    for tool in ("etcdctl", "etcdutl"):
        (broken / tool).symlink_to(VERSIONS / "v3.5.16" / tool)
    (broken / "etcd").write_text("#!/bin/sh\necho 'this version does not start' >&2\nexit 1\n")
    (broken / "etcd").chmod(0o755)
    server = Server({"CETCD_ETCD_VERSIONS_DIR": str(versions), "CETCD_ETCD_SEARCH_PATH": "false",
                     "CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})
    try:
        yield server.start()
    finally:
        server.end()


@pytest.mark.skipif("v3.5.16" not in installed_versions(), reason="v3.5.16 is not installed")
def test_a_version_that_does_not_start_is_given_up_and_its_member_put_back(server_with_a_broken_version, tmp_path):
    server, api = server_with_a_broken_version, Sdk(server_with_a_broken_version)
    instance, etcd, certificates = made(server, "v3.5.16", tmp_path, size=3)
    with SteadyWriter([etcd["Endpoint"]], certificates) as writer:
        api.call("UpgradeEtcdInstance", {"InstanceId": instance, "EtcdVersion": "v3.5.99"})
        # The control plane dies on the way.
        server.kill()
        server.start()
        api = Sdk(server)
        until_idle(api, instance, 120)
        writer.wait_for(50)
    writer.nothing_lost()
    task = tasks_of(api, instance)[0]
    assert (task["TaskType"], task["LifeState"]) == ("upgrade_instance", "failed")
    shown = described(api, instance)
    assert shown["Version"] == "v3.5.16"
    assert [(member["Version"], member["Status"]) for member in shown["Members"]] == [("v3.5.16", "Running")] * 3
    running = {name: process.pid for name, process in member_processes(server, instance).items()}
    # It rests: what is asked for next is done, and nobody is restarted for the version that failed.
    change(api, instance, "ModifyEtcdAttribute", {"EnableAuth": True, "Password": "long-enough"}, "modify_attribute", "updating")
    assert {name: process.pid for name, process in member_processes(server, instance).items()} == running
