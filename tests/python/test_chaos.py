"""Chaos: while clients read, write, swap and watch, an instance goes through everything that a day two has, and a
fault comes in the middle of each. The whole history is then held against what etcd promises."""

import signal
import threading
import time

import pytest
from support.changes import tasks_of, until_idle
from support.clients import ApiError, Sdk
from support.cut import Cut
from support.etcd import Client
from support.history import Access, Recorded
from support.life import SUBNETS, credentials_of, described
from support.members import client_url, listed, made, member_processes, settled, wipe
from support.server import Server, installed_versions
from support.waiting import until

ROUNDS = 3
FAULTS = ("nothing", "kill", "freeze", "serve", "cut")


class Trouble:
    """One fault, at one moment, to one member of the instance or to the control plane."""

    def __init__(self, server, instance, cut, chance):
        self.server, self.instance, self.cut, self.chance = server, instance, cut, chance
        self.members_left_alone = threading.Lock()

    def begin(self, fault):
        """In the background; `join` what it answers with."""
        thread = threading.Thread(target=self._make, args=(fault, self.chance.random() * 2.0), daemon=True)
        thread.start()
        return thread

    def _make(self, fault, moment):
        time.sleep(moment)
        members = list(member_processes(self.server, self.instance).values())
        victim = self.chance.choice(members) if members else None
        if fault == "serve":
            self.server.kill()
            self.server.start()
        elif fault == "kill" and victim:
            victim.kill()
        elif fault == "freeze" and victim:
            victim.kill(signal.SIGSTOP)
            time.sleep(3)
            victim.kill(signal.SIGCONT)
        elif fault == "cut" and self.cut and len(members) > 1:
            self.cut.off(victim, [other for other in members if other.pid != victim.pid])
            time.sleep(4)
            self.cut.mended()


@pytest.fixture
def cut(tmp_path):
    made = Cut(tmp_path)
    try:
        yield made
    finally:
        made.mended()


@pytest.fixture
def cut_server(cut):
    """A server whose members can be cut from each other. Its limit of requests is out of the way."""
    server = Server({"CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000", "CETCD_ETCD_VERSIONS_DIR": str(cut.versions)})
    try:
        yield server.start()
    finally:
        server.end()
        cut.end()


def versions_on_the_way():
    """One upgrade after the other: the newest 3.4, the newest 3.5, 3.6 and 3.7, as far as they are here."""
    newest = {version.rsplit(".", 1)[0]: version for version in installed_versions()}
    way = [newest[line] for line in ("v3.4", "v3.5", "v3.6", "v3.7") if line in newest]
    if len(way) < 2:
        pytest.skip("no two etcd versions to go between: scripts/versions --all")
    return way


class Day:
    """What an instance goes through in one round."""

    def __init__(self, server, tmp_path, cut, chance):
        self.server, self.tmp_path, self.chance = server, tmp_path, chance
        self.way = versions_on_the_way()
        self.instance, etcd, certificates = made(server, self.way[0], tmp_path, 1, SubnetIds=SUBNETS)
        self.endpoint = etcd["Endpoint"]
        self.trouble = Trouble(server, self.instance, cut, chance)
        self.access = Access(self.endpoint, certificates)
        self.recorded = Recorded(self.access, chance.randrange(2**20))
        self.rotations = 0

    def asks(self):
        """Each change, in an order that leads from one member of the oldest version to three of the newest."""
        changes = [
            ("ModifyEtcdAttribute", {"Password": "of-this-chaos", "EnableAuth": True}),
            ("ModifyEtcdAttribute", {"EnableAuth": False}),
            ("ModifyEtcdAttribute", {"SubnetIds": SUBNETS[1:]}),
            ("ModifyEtcdConfiguration", {"AutoCompactionSettings": {"AutoCompactionMode": "revision", "AutoCompactionRetention": "1000000"}}),
            ("RotateEtcdCredentials", {"OverlapSeconds": 3600}),
            ("ResizeEtcdInstance", {"Size": 5}),
        ]
        yield "ResizeEtcdInstance", {"Size": 3}
        between = [[] for _ in self.way]
        # Auth goes on before it goes off; the rest comes in any order.
        places = [self.chance.randrange(len(self.way)) for _ in changes]
        places[:2] = sorted(places[:2])
        for place, change in zip(places, changes):
            between[place].append(change)
        for at, some in enumerate(between):
            if at:
                yield "UpgradeEtcdInstance", {"EtcdVersion": self.way[at]}
            yield from some
        yield "ResizeEtcdInstance", {"Size": 3}

    def change(self, action, params, fault):
        begun = time.monotonic()
        self.ask(action, params)
        trouble = self.trouble.begin(fault)
        trouble.join()
        try:
            until_idle(Sdk(self.server), self.instance, 180)
        except AssertionError as stuck:
            health = Sdk(self.server).extension("DescribeEtcdHealth", {"InstanceId": self.instance})
            unwell = [one for one in health["Conditions"] if one["Status"] != "True"]
            raise AssertionError(f"{stuck}; {unwell}; {tasks_of(Sdk(self.server), self.instance, 'process')}") from None
        print(f"  {action} {params} with {fault}: {time.monotonic() - begun:.1f} s")
        tasks = tasks_of(Sdk(self.server), self.instance)
        assert {task["LifeState"] for task in tasks} == {"done"}, tasks
        self.recorded.wait_for(40)

    def ask(self, action, params):
        """Some changes are refused until every member runs, and the fault before may show only now."""
        api = Sdk(self.server)
        call = api.extension if action == "RotateEtcdCredentials" else api.call

        def asked():
            try:
                call(action, {"InstanceId": self.instance, **params})
            except ApiError as refused:
                if refused.code == "OperationDenied" and "abnormal" in str(refused):
                    return False
                raise
            return True

        until(f"{action} is taken", asked, 60, 0.2)

    def lose_a_directory(self):
        """Three vote, one is killed and its data removed: another takes its place."""
        begun = time.monotonic()
        api = Sdk(self.server)
        version = described(api, self.instance)["Version"]
        before = {number for _, number, _ in listed(version, self.endpoint, self.access.certificates)}
        victim = self.chance.choice(list(member_processes(self.server, self.instance).values()))
        victim.kill()
        wipe(victim)

        def replaced():
            voters = {number for _, number, learner in listed(version, self.endpoint, self.access.certificates) if not learner}
            return len(voters) == len(before) and voters != before

        until("another voter is there for the one without data", replaced, 60, 0.2)
        until("it runs whole", lambda: described(api, self.instance)["Status"] == "running", 60, 0.1)
        print(f"  a lost directory: {time.monotonic() - begun:.1f} s")

    def new_credentials(self):
        self.rotations += 1
        self.access.certificates = credentials_of(Sdk(self.server), self.instance, self.tmp_path / f"credentials-{self.rotations}")


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_no_fault_amid_any_change_loses_or_reorders_what_was_acknowledged(cut_server, cut, tmp_path, chance, e2e):
    if not e2e:
        pytest.skip("minutes: tests/run --e2e -k chaos")
    for turn in range(ROUNDS):
        day = Day(cut_server, tmp_path / str(turn), cut, chance)
        print(f"round {turn}: {' '.join(day.way)}")
        with day.recorded as recorded:
            faults = []
            for action, params in day.asks():
                faults = faults or chance.sample(FAULTS, len(FAULTS))
                recorded.next_part()
                day.change(action, params, faults.pop())
                if action == "RotateEtcdCredentials":
                    day.new_credentials()
            recorded.next_part()
            day.lose_a_directory()
            recorded.wait_for(40)
        settled(cut_server, day.instance, day.access.certificates, day.way[-1], sorted(zone_numbers(cut_server, day.instance)))
        print(f"round {turn}: {recorded.check()}")
        Sdk(cut_server).extension("DeleteEtcdInstance", {"InstanceId": day.instance})


def zone_numbers(server, instance):
    return [int(member["Zone"].rsplit("-", 1)[1]) for member in described(Sdk(server), instance)["Members"]]


@pytest.mark.timeout(300)
def test_a_member_cut_from_its_peers_is_waited_for_and_nothing_is_lost(cut_server, cut, version, tmp_path, chance):
    instance, etcd, certificates = made(cut_server, version, tmp_path)
    before = member_processes(cut_server, instance)
    with Recorded(Access(etcd["Endpoint"], certificates), chance.randrange(2**20)) as recorded:
        for name, victim in sorted(before.items()):
            cut.off(victim, [other for other in before.values() if other != victim])
            recorded.next_part()
            with Client(client_url(victim), certificates) as alone:
                until(f"{name} has nobody to agree with", lambda alone=alone: not alone.answers(), 20)
            # Two of three go on, whoever is cut, and whichever member a client was connected to.
            recorded.wait_for(200)
            until("the loss shows", lambda: described(Sdk(cut_server), instance)["Status"] == "abnormal", 20)
            cut.mended()
            until_idle(Sdk(cut_server), instance)
            recorded.wait_for(40)
            print(f"{name} was cut off")
    print(recorded.check())
    until_idle(Sdk(cut_server), instance)
    settled(cut_server, instance, certificates, version, [1, 2, 3])
    assert member_processes(cut_server, instance) == before, "a cut network is no reason to start or replace a member"
