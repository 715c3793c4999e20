"""etcd's own authentication by the SDK: on, another password, off, in every way to be let in; with it on, day two; kills of serve amid it."""

import time

import pytest
from support.changes import tasks_of, until_idle
from support.clients import Sdk
from support.etcd import etcdctl
from support.life import SUBNETS, creation, credentials_of, described, follow_creation, refused, wait_until_running
from support.server import installed_versions
from support.waiting import until

MODES = {
    "certificates": {"Https": True, "ClientCertAuth": True},
    "tls": {"Https": True, "ClientCertAuth": False},
    "plain": {"Https": False, "ClientCertAuth": False},
}


class Cluster:
    """An instance, and the ways into it."""

    def __init__(self, server, version, directory, mode, size=1):
        self.server, self.version, self.mode = server, version, mode
        api = Sdk(server)
        request = creation(version, size, AdvancedSettings={"SecuritySettings": MODES[mode]})
        self.instance = api.call("CreateEtcdInstance", {**request, "SubnetIds": SUBNETS})["InstanceId"]
        follow_creation(api, self.instance)
        self.endpoint = wait_until_running(api, self.instance)["Endpoint"]
        self.certificates = credentials_of(api, self.instance, directory) if MODES[mode]["Https"] else None

    def ctl(self, *arguments, user=None, check=True):
        user = ["--user", user] if user else []
        return etcdctl(self.version, self.endpoint, self.certificates, *user, *arguments, check=check)

    def lets_in(self, user=None):
        """Whether a write succeeds; how it is refused, where it does not."""
        done = self.ctl("put", "greeting", "hello", user=user, check=False)
        if done.returncode == 0:
            return True
        refusals = ("user name is empty", "authentication failed", "permission denied")
        assert any(text in done.stderr for text in refusals), done.stderr
        return False

    def open(self):
        """Whether whoever reaches it may write."""
        return self.lets_in() and not self.auth_is_on()

    def guarded_by(self, password, former="wrong"):
        """Root with its password is let in, and nobody without; a certificate with CN=root is root's."""
        assert self.lets_in(f"root:{password}")
        assert not self.lets_in(f"root:{former}")
        assert self.lets_in() == (self.mode == "certificates")

    def ask(self, **params):
        Sdk(self.server).call("ModifyEtcdAttribute", {"InstanceId": self.instance, **params})

    def change(self, **params):
        """Asks for a change and follows its task to the end."""
        api = Sdk(self.server)
        before = {task["TaskID"] for task in tasks_of(api, self.instance)}
        self.ask(**params)
        until_idle(api, self.instance)
        new = [(task["TaskType"], task["LifeState"]) for task in tasks_of(api, self.instance) if task["TaskID"] not in before]
        assert new == [("modify_attribute", "done")], new

    def no_change(self, **params):
        api = Sdk(self.server)
        before = tasks_of(api, self.instance)
        self.ask(**params)
        assert tasks_of(api, self.instance) == before

    def healthy(self):
        answer = Sdk(self.server).extension("DescribeEtcdHealth", {"InstanceId": self.instance})
        return answer["Healthy"] or answer

    def auth_is_on(self):
        return "authentication failed" in self.ctl("get", "x", user="root:wrong", check=False).stderr


def not_in_plain(server, *secrets):
    """No secret lies anywhere in what the service keeps and logs. What etcd itself keeps is its own."""
    kept = [path for path in server.data_dir.rglob("*") if path.is_file() and "runtime" not in path.relative_to(server.data_dir).parts]
    assert {"cetcd.db", "audit.log"} <= {path.name for path in kept}, kept
    for path in [*kept, server.log]:
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, f"{path} holds {secret}"


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", MODES)
def test_auth_is_turned_on_and_off_and_the_password_changed(own_server, version, tmp_path, mode, e2e):
    server, size = own_server, 3 if e2e else 1
    cluster = Cluster(server, version, tmp_path, mode, size)
    denied = refused("OperationDenied", lambda: cluster.ask(EnableAuth=True, Name="not taken"))
    assert "Password" in str(denied) and described(Sdk(server), cluster.instance)["Name"] != "not taken"
    cluster.no_change(EnableAuth=False)
    # Kept for later.
    cluster.change(Password="first-of-all")
    assert cluster.open()
    cluster.change(EnableAuth=True)
    cluster.guarded_by("first-of-all")
    cluster.no_change(EnableAuth=True, Password="first-of-all")
    cluster.change(Password="second-of-all")
    cluster.guarded_by("second-of-all", former="first-of-all")
    assert cluster.healthy() is True
    # A service that starts anew knows the password before it looks.
    assert server.stop() == 0
    server.start()
    until("the instance is well after a restart", lambda: cluster.healthy() is True, 30)
    cluster.change(EnableAuth=False, Password="third-of-all")
    assert cluster.open()
    cluster.change(EnableAuth=True)
    cluster.guarded_by("third-of-all", former="second-of-all")
    not_in_plain(server, "first-of-all", "second-of-all", "third-of-all")


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", MODES)
def test_day_two_goes_on_with_auth_on(own_server, tmp_path, mode, e2e):
    if mode == "tls" and not e2e:
        pytest.skip("as `plain`, but for the way there: in the long form only")
    old, new = ([v for v in installed_versions() if v.startswith(line)] for line in ("v3.4.", "v3.5."))
    if not (old and new):
        pytest.skip("no etcd 3.4 and 3.5 here: scripts/versions --all")
    server, api = own_server, Sdk(own_server)
    cluster = Cluster(server, old[-1], tmp_path, mode)
    cluster.change(EnableAuth=True, Password="of-day-two")
    cluster.ctl("put", "kept", "since before", user="root:of-day-two")

    def follow(action, **params):
        api.call(action, {"InstanceId": cluster.instance, **params})
        until_idle(api, cluster.instance)
        assert cluster.ctl("get", "kept", "--print-value-only", user="root:of-day-two").stdout.strip() == "since before"
        cluster.guarded_by("of-day-two")

    follow("ResizeEtcdInstance", Size=3)
    cluster.version = new[0]
    follow("UpgradeEtcdInstance", EtcdVersion=new[0])
    snapshots = api.call("DescribeEtcdSnapshots", {"InstanceId": cluster.instance})["Snapshots"]
    assert [snapshot["Name"].startswith(f"before-{new[0]}-") and snapshot["Size"] > 0 for snapshot in snapshots] == [True], snapshots
    if new[-1] != new[0]:
        # A later patch tells its status to root only, and lets nobody log in at a learner.
        cluster.version = new[-1]
        follow("UpgradeEtcdInstance", EtcdVersion=new[-1])
    follow("ModifyEtcdAttribute", Password="of-day-two", Name="the same password")
    follow("ModifyEtcdConfiguration", AutoCompactionSettings={"AutoCompactionMode": "revision", "AutoCompactionRetention": "1000"})
    for size in (1, 3):
        follow("ResizeEtcdInstance", Size=size)
    assert {task["LifeState"] for task in tasks_of(api, cluster.instance)} == {"done"}
    assert cluster.healthy() is True
    cluster.change(EnableAuth=False)
    assert cluster.open()


@pytest.mark.timeout(300)
def test_what_somebody_does_by_hand_is_put_right_only_where_the_owner_asked_for_it(own_server, version, tmp_path):
    cluster = Cluster(own_server, version, tmp_path, "plain")
    for words in (("user", "add", "root:by-hand"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
        cluster.ctl(*words)
    # Nobody asked the service for it: it stays, and the service says what it lacks.
    until("the owner is told what is missing", lambda: "ModifyEtcdAttribute" in str(cluster.healthy()), 30)
    assert cluster.lets_in("root:by-hand")
    # A wrong password helps nobody, and a right one ends the waiting for it.
    cluster.ask(Password="a wrong one")
    wait = [{"Name": "resourceId", "Values": [cluster.instance]}, {"Name": "taskType", "Values": ["modify_attribute"]}]
    api = Sdk(own_server)

    def told_the_right_one():
        try:
            cluster.ask(Password="by-hand")
            return True
        except Exception as denied:
            assert "OperationDenied" in str(denied), denied
            return False

    until("the right password takes the place of the wrong one", told_the_right_one, 30)
    until_idle(api, cluster.instance)
    states = sorted(task["LifeState"] for task in api.call("DescribeEtcdTasks", {"Filters": wait})["Tasks"])
    assert states == ["done", "failed"], states
    cluster.guarded_by("by-hand")
    until("it is well", lambda: cluster.healthy() is True, 10)
    cluster.change(EnableAuth=True, Password="by-the-api")
    cluster.guarded_by("by-the-api", former="by-hand")
    cluster.ctl("auth", "disable", user="root:by-the-api")
    until("auth is on again", cluster.auth_is_on, 60)
    cluster.guarded_by("by-the-api")


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["certificates", "plain"])
def test_changes_of_auth_survive_kill_9_of_serve_at_any_moment(own_server, version, tmp_path, chance, mode, e2e):
    server = own_server
    cluster = Cluster(server, version, tmp_path, mode, 3)
    password, former = "before", "wrong"
    cluster.change(EnableAuth=True, Password=password)
    for turn in range(10 if e2e else 2):
        for params in ({"Password": f"of-turn-{turn}"}, {"EnableAuth": False}, {"EnableAuth": True, "Password": f"again-{turn}"}):
            moment = chance.random() * 0.4
            cluster.ask(**params)
            time.sleep(moment)
            server.kill()
            server.start()
            until_idle(Sdk(server), cluster.instance)
            if "Password" in params:
                password, former = params["Password"], password
            if params.get("EnableAuth", True):
                cluster.guarded_by(password, former)
            else:
                assert cluster.open()
            print(f"{params} with a kill after {moment * 1000:.0f} ms")
    assert {task["LifeState"] for task in tasks_of(Sdk(server), cluster.instance)} == {"done"}
    assert cluster.healthy() is True
