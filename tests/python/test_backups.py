"""Backups by the official SDK: policies, snapshots under load, restores in place and into a new instance, damage, kills."""

import json
import random
import shutil
import sqlite3
import subprocess
import time

import pytest
from support.changes import SteadyWriter, tasks_of, until_idle
from support.clients import ApiError, Sdk
from support.etcd import Client, etcdctl
from support.life import credentials_of, described, refused, wait_until_gone
from support.members import health, made, member_processes
from support.server import VERSIONS
from support.waiting import until
from test_cli import cetcd

MEGABYTE = 1_000_000


def quiet(api, instance):
    """No run of a policy comes between."""
    api.extension("DeleteEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "default-backup-policy"})


def backups(api, instance, **filters):
    wanted = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    return api.extension("DescribeEtcdBackups", {"InstanceId": instance, "Filters": wanted, "Limit": 100})["Backups"]


def one(api, instance, name):
    found = backups(api, instance, name=name)
    return found[0] if found else None


def taken(api, instance, name, patience=120):
    """A snapshot that was asked for through the SDK and is there."""
    api.call("CreateEtcdSnapshot", {"InstanceId": instance, "SnapshotName": name})

    def done():
        backup = one(api, instance, name)
        assert backup["State"] != "failed", backup
        return backup["State"] == "done" and backup

    return until(f"the snapshot {name} is there", done, patience, 0.1)


def restored(api, params, patience=180):
    """Restores and waits until the task is done; answers with the instance."""
    instance = api.extension("RestoreEtcdSnapshot", params)["InstanceId"]
    task = next(task for task in tasks_of(api, instance) if task["TaskType"] == "restore_remote_snapshot")
    assert described(api, instance)["Status"] == "restoring"

    def over():
        now, = api.call("DescribeEtcdTasks", {"TaskID": task["TaskID"]})["Tasks"]
        assert now["LifeState"] != "failed", now
        return now["LifeState"] == "done"

    until(f"the restore of {instance} is done", over, patience, 0.1)
    assert described(api, instance)["Status"] == "running"
    return instance


def fill(endpoint, certificates, megabytes):
    """Random values, which do not compress, of 500 kB each."""
    chance = random.Random(7)
    with Client(endpoint, certificates) as client:
        for number in range(2 * megabytes):
            client.put(f"bulk/{number:05}", chance.randbytes(250_000).hex(), 30)


def held(version, endpoint, certificates, megabytes):
    """Everything that a client can see: keys with values, versions and leases; leases; users and roles; of the bulk every seventh."""
    def ask(*arguments):
        return json.loads(etcdctl(version, endpoint, certificates, *arguments, "-w", "json").stdout)

    pairs = ask("get", "--prefix", "kept/").get("kvs", [])
    keys = {pair["key"]: (pair.get("value"), pair["version"], pair.get("lease", 0)) for pair in pairs}
    with Client(endpoint, certificates) as client:
        bulk = {key: hash(client.get(key)) for key in (f"bulk/{number:05}" for number in range(0, 2 * megabytes, 7))}
    leases = {lease["id"] for lease in ask("lease", "list").get("leases") or []}
    return {"keys": keys, "bulk": bulk, "leases": leases, "users": ask("user", "list").get("users"), "roles": ask("role", "list").get("roles")}


def furnished(version, endpoint, certificates):
    """Keys with several versions, one under a lease, users and roles with auth on."""
    def run(*arguments):
        return etcdctl(version, endpoint, certificates, *arguments).stdout

    for number in range(20):
        for turn in range(1 + number % 3):
            run("put", f"kept/{number:02}", f"value {turn}")
    lease = run("lease", "grant", "36000").split()[1]
    run("put", "--lease", lease, "kept/leased", "for ten hours")
    for name in ("root", "reader"):
        run("user", "add", f"{name}:secret-{name}")
    run("role", "add", "reading")
    run("role", "grant-permission", "reading", "read", "--prefix", "kept/")
    run("user", "grant-role", "root", "root")
    run("user", "grant-role", "reader", "reading")
    run("auth", "enable")


def three_with_data(server, api, version, directory):
    """Three members with 20 MB, leases and users, which no policy backs up: the instance, its credentials and what it holds."""
    instance, etcd, certificates = made(server, version, directory, 3)
    quiet(api, instance)
    fill(etcd["Endpoint"], certificates, 20)
    furnished(version, etcd["Endpoint"], certificates)
    return instance, etcd, certificates, held(version, etcd["Endpoint"], certificates, 20)


def bumps(version):
    """Whether the version's tool can raise revisions."""
    numbers = tuple(int(part) for part in version.lstrip("v").split("."))
    return numbers >= (3, 6, 0) or (3, 5, 10) <= numbers < (3, 6, 0) or (3, 4, 27) <= numbers < (3, 5, 0)


def notices(version, endpoint, certificates, revision):
    """A watcher that goes on from a revision of before is told that it is compacted."""
    done = etcdctl(version, endpoint, certificates, "watch", f"--rev={revision}", "kept/00", check=False)
    return "compacted" in done.stdout + done.stderr


class Watcher:
    """An etcdctl that watches a key from before a restore, and goes on by itself where its connection breaks."""

    def __init__(self, version, endpoint, certificates, log):
        files = zip(("--cacert", "--cert", "--key"), ("ca.pem", "client.pem", "client.key"), strict=True)
        flags = [f"--endpoints={endpoint}", *(f"{flag}={certificates / name}" for flag, name in files)]
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen([str(VERSIONS / version / "etcdctl"), *flags, "watch", "--prefix", "kept/"], stdin=subprocess.DEVNULL,
                                            stdout=file, stderr=file, env={"ETCDCTL_API": "3"})

    def said(self, word):
        return word in self.log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def stored_data(server, instance):
    return sorted((server.data_dir / "backups" / instance / "data").iterdir())


@pytest.mark.timeout(240)
def test_policies_are_made_changed_and_deleted_and_the_first_comes_with_the_instance(server, version, tmp_path):
    api = Sdk(server)
    instance, _, _ = made(server, version, tmp_path, 1)

    def policies():
        return {p["Name"]: p["BackupSettings"] for p in api.call("DescribeEtcdSnapshotPolicies", {"InstanceId": instance})["SnapshotPolicies"]}

    assert (policies()["default-backup-policy"]["BackupInterval"], policies()["default-backup-policy"]["MaxBackupCount"]) == (3600, 24)
    wanted = {"InstanceId": instance, "SnapshotPolicyName": "nightly",
              "BackupSettings": {"BackupInterval": 86400, "MaxBackupCount": 7, "User": "root", "Password": "hunter2"}}
    api.call("CreateEtcdSnapshotPolicy", wanted)
    refused("FailedOperation.ResourceExistAlready", lambda: api.call("CreateEtcdSnapshotPolicy", wanted))
    assert policies()["nightly"]["User"] == "root" and not policies()["nightly"].get("Password")
    wanted["BackupSettings"] = {"BackupInterval": 43200, "MaxBackupCount": 7}
    api.call("ModifyEtcdSnapshotPolicy", wanted)
    assert (policies()["nightly"]["BackupInterval"], policies()["nightly"]["User"]) == (43200, "root")
    api.extension("DeleteEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "nightly"})
    api.extension("DeleteEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "default-backup-policy"})
    assert policies() == {}
    refused("ResourceNotFound", lambda: api.call("ModifyEtcdSnapshotPolicy", wanted))
    cetcd(server, "policy", "create", instance, "often", "--interval", "60", "--keep", "2", "--keep-daily", "3", "--prove-every", "0")
    listed, = cetcd(server, "policy", "list", instance, "--output", "json")
    assert (listed["BackupInterval"], listed["MaxBackupCount"], listed["KeepDaily"], listed["ProveEvery"]) == (60, 2, 3, 0)
    # Every minute, at a second of its own: the run comes by itself.
    until("the policy takes a snapshot", lambda: [b for b in backups(api, instance, policy="often") if b["State"] == "done"], 90, 0.5)
    cetcd(server, "policy", "delete", instance, "often")


@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_a_snapshot_under_load_is_restored_in_place_and_into_a_new_instance(own_server, version, tmp_path, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 3)
    quiet(api, instance)
    endpoint = etcd["Endpoint"]
    megabytes = 1000 if e2e else 50
    fill(endpoint, certificates, megabytes)
    furnished(version, endpoint, certificates)
    before = held(version, endpoint, certificates, megabytes)
    with Client(endpoint, certificates) as client:
        revision = client.read("kept/00")[0]
    with SteadyWriter([endpoint], certificates) as writer:
        backup = taken(api, instance, "whole", 600)
        writer.wait_for(5)
    writer.nothing_lost()
    assert backup["Revision"] >= revision and backup["Size"] > megabytes * MEGABYTE
    refused("FailedOperation.ResourceExistAlready", lambda: api.call("CreateEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "whole"}))
    shown, = api.call("DescribeEtcdSnapshots", {"InstanceId": instance})["Snapshots"]
    assert (shown["Name"], shown["Size"]) == ("whole", backup["Size"])
    proved = until("it is proved", lambda: (b := one(api, instance, "whole"))["ProofState"] != "none" and b, 900, 0.5)
    assert proved["ProofState"] == "passed", proved

    etcdctl(version, endpoint, certificates, "del", "--prefix", "")
    with Watcher(version, endpoint, certificates, tmp_path / "watcher") as watcher, Client(endpoint, certificates) as client:
        def heard():
            client.put("kept/00", "after the wipe")
            return watcher.said("after the wipe")

        until("the watcher hears of a write", heard, 60, 0.2)
        restored(api, {"InstanceId": instance, "SnapshotName": "whole"}, 900)
        if bumps(version):
            until("the watcher from before is told that its past is gone", lambda: watcher.said("compacted"), 120, 0.2)
    assert described(api, instance)["Endpoint"] == endpoint
    assert held(version, endpoint, certificates, megabytes) == before
    assert [b["State"] for b in backups(api, instance) if b["Origin"] == "before_restore"] == ["done"]
    if bumps(version):
        assert notices(version, endpoint, certificates, revision), "a watcher from before is told nothing"

    new = restored(api, {"InstanceId": instance, "SnapshotName": "whole", "NewInstance": {"Name": "twin", "Size": 1}}, 900)
    twin = described(api, new)
    theirs = credentials_of(api, new, tmp_path / "twin")
    assert new != instance and twin["Endpoint"] != endpoint and len(twin["Members"]) == 1
    assert held(version, twin["Endpoint"], theirs, megabytes) == before
    # What the restore replaced is kept until there is a backup of what took its place.
    assert (server.data_dir / "runtime/replaced" / instance).exists()
    taken(api, instance, "after", 600)
    until("what was replaced goes", lambda: not (server.data_dir / "runtime/replaced" / instance).exists(), 20)


@pytest.mark.timeout(600)
def test_a_flipped_bit_is_found_by_verify_and_by_the_proof_and_the_restore_refuses_it(own_server, version, tmp_path, chance):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1)
    quiet(api, instance)
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("kept/a", "1")
        client.put("kept/long", chance.randbytes(100_000).hex())
    taken(api, instance, "sound")
    until("it is proved", lambda: one(api, instance, "sound")["ProofState"] == "passed", 120, 0.2)
    cetcd(server, "snapshot", "verify", instance, "sound")
    plain = cetcd(server, "snapshot", "download", instance, "sound", "--to", str(tmp_path / "plain.db")).strip()
    status = subprocess.run([*tool(version), "snapshot", "status", plain, "-w", "json"], capture_output=True, text=True, check=True,
                            env={"ETCDCTL_API": "3"})
    assert json.loads(status.stdout)["revision"] == one(api, instance, "sound")["Revision"]

    data, = stored_data(server, instance)
    manifest = data.parent.parent / "manifests" / data.name
    for file, part, places in parts_of(data, manifest):
        whole = file.read_bytes()
        flip(file, chance.choice(places), chance)
        assert "damaged" in cetcd(server, "snapshot", "verify", instance, "sound", code=1), part
        file.write_bytes(whole)
    cetcd(server, "snapshot", "verify", instance, "sound")

    # A restore in place reads before it replaces anything: nobody notices but who asked for it.
    taken(api, instance, "second")
    second, = (path for path in stored_data(server, instance) if path != data)
    until("it is proved", lambda: one(api, instance, "second")["ProofState"] == "passed", 120, 0.2)
    flip(second, chance.randrange(second.stat().st_size), chance)
    api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "second"})
    with Client(etcd["Endpoint"], certificates, connect_ms=5000) as client:
        def refused_by_now():
            assert client.get("kept/a") == "1", "the cluster that was to be replaced serves no more"
            return next(task for task in tasks_of(api, instance) if task["TaskType"] == "restore_remote_snapshot")["LifeState"] == "failed"

        until("the restore is refused", refused_by_now, 120, 0.05)
    until("the instance runs as before", lambda: described(api, instance)["Status"] == "running", 60)
    assert one(api, instance, "second")["ProofState"] == "failed"

    # A new instance has nothing to go back to: it never serves, and goes when that is asked for.
    taken(api, instance, "third")
    third, = (path for path in stored_data(server, instance) if path not in (data, second))
    until("it is proved", lambda: one(api, instance, "third")["ProofState"] == "passed", 120, 0.2)
    flip(third, chance.randrange(third.stat().st_size), chance)
    new = api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "third", "NewInstance": {"Name": "never", "Size": 1}})["InstanceId"]
    until("the restore is refused", lambda: tasks_of(api, new)[0]["LifeState"] == "failed", 120, 0.1)
    assert one(api, instance, "third")["ProofState"] == "failed"
    assert not member_processes(server, new)
    api.extension("DeleteEtcdInstance", {"InstanceId": new})
    wait_until_gone(api, new)

    flip(data, chance.randrange(data.stat().st_size), chance)
    api.extension("VerifyEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "sound"})
    until("the proof fails", lambda: one(api, instance, "sound")["ProofState"] == "failed", 120, 0.2)
    refused("OperationDenied", lambda: api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "sound"}))
    proved = health(api, instance)["BackupsProved"]
    assert not proved["Holds"] and "sound" in proved["Reason"]
    with Client(etcd["Endpoint"], certificates, connect_ms=5000) as client:
        assert client.get("kept/a") == "1"


def flip(file, place, chance):
    """Flips one bit of one byte."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


HEADER, CHUNK, TAG = 40, 64 << 10, 16


def parts_of(data, manifest):
    """Every part that a stored snapshot has, with the places of its bytes."""
    size, sealed = data.stat().st_size, CHUNK + TAG
    chunks = range(HEADER, size, sealed)
    assert len(chunks) >= 2, "too small to have more than a last chunk"
    line = manifest.read_bytes().index(b"\n")
    yield data, "the magic", range(8)
    yield data, "the salt", range(8, HEADER)
    yield data, "a first chunk", range(HEADER, HEADER + CHUNK)
    yield data, "a first chunk's tag", range(HEADER + CHUNK, HEADER + sealed)
    yield data, "the last chunk", range(chunks[-1], size - TAG)
    yield data, "the last chunk's tag", range(size - TAG, size)
    yield data, "anywhere", range(size)
    yield manifest, "the manifest", range(line)
    yield manifest, "its end of line", [line]
    yield manifest, "the manifest's tag", range(line + 1, manifest.stat().st_size)


def tool(version):
    """The program that reads snapshot files."""
    program = VERSIONS / version / "etcdutl"
    return [str(program if program.exists() else VERSIONS / version / "etcdctl")]


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_killing_serve_amid_a_snapshot_and_amid_a_restore_ends_in_the_old_or_the_new(own_server, version, tmp_path, chance, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates, before = three_with_data(server, api, version, tmp_path)

    for name in ["killed", *(f"killed-{turn}" for turn in range(9 if e2e else 1))]:
        api.call("CreateEtcdSnapshot", {"InstanceId": instance, "SnapshotName": name})
        time.sleep(chance.uniform(0.0, 0.4))
        server.kill()
        whole_or_unlisted(server, instance)
        server.start()
        api = Sdk(server)
        until("the snapshot is taken all the same", lambda: one(api, instance, name)["State"] == "done", 120, 0.1)  # noqa: B023
        cetcd(server, "snapshot", "verify", instance, name)

    etcdctl(version, etcd["Endpoint"], certificates, "del", "--prefix", "")
    api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "killed"})
    for _ in range(20 if e2e else 3):
        time.sleep(chance.uniform(0.2, 2.0))
        server.kill()
        server.start()
    api = Sdk(server)
    until_idle(api, instance, 180)
    assert held(version, etcd["Endpoint"], certificates, 20) == before
    names = {b["Name"]: b["State"] for b in backups(api, instance)}
    assert names["killed"] == "done" and set(names.values()) == {"done"}, names


def whole_or_unlisted(server, instance):
    """What has a manifest has its data: half of a snapshot is never listed."""
    folder = server.data_dir / "backups" / instance
    listed = {path.name for path in (folder / "manifests").glob("snap-*")}
    assert listed <= {path.name for path in (folder / "data").glob("snap-*")}, sorted(str(path) for path in folder.rglob("*"))
    return listed


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_killing_a_member_amid_snapshots_ends_in_whole_ones(own_server, version, tmp_path, chance, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 3)
    quiet(api, instance)
    fill(etcd["Endpoint"], certificates, 20)
    for turn in range(10 if e2e else 2):
        name = f"turn-{turn}"
        api.call("CreateEtcdSnapshot", {"InstanceId": instance, "SnapshotName": name})
        time.sleep(chance.uniform(0.0, 0.4))
        # Which one is asked is not told: the leader is not, while others serve.
        chance.choice(list(member_processes(server, instance).values())).kill()
        until("the snapshot is there all the same", lambda: one(api, instance, name)["State"] == "done", 120, 0.1)  # noqa: B023
        cetcd(server, "snapshot", "verify", instance, name)
        until_idle(api, instance, 60)
    assert len(whole_or_unlisted(server, instance)) == (10 if e2e else 2)


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_killing_members_and_tools_amid_a_restore_ends_in_the_new(own_server, version, tmp_path, chance, e2e):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates, before = three_with_data(server, api, version, tmp_path)
    taken(api, instance, "whole")
    etcdctl(version, etcd["Endpoint"], certificates, "del", "--prefix", "")
    api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "whole"})
    for _ in range(20 if e2e else 4):
        time.sleep(chance.uniform(0.05, 0.8))
        # Whatever there is of it: the old members, what makes the data of the new, the new.
        there = [process for process in server.processes() if process.kind in ("etcd", "etcdutl", "etcdctl")]
        if there:
            chance.choice(there).kill()
    until_idle(api, instance, 240)
    assert tasks_of(api, instance)[0]["LifeState"] == "done"
    assert held(version, etcd["Endpoint"], certificates, 20) == before
    assert len(member_processes(server, instance)) == 3
    assert {b["Name"]: b["State"] for b in backups(api, instance)}["whole"] == "done"


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_killing_serve_amid_a_run_of_retention_keeps_what_is_to_be_kept(own_server, version, tmp_path, chance, e2e):
    server, api = own_server, Sdk(own_server)
    instance, _, _ = made(server, version, tmp_path, 1)
    quiet(api, instance)
    # It takes none by itself: runs of a policy are at least a minute apart.
    settings = {"BackupInterval": 31_536_000, "MaxBackupCount": 100}
    api.call("CreateEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "yearly", "BackupSettings": settings})
    server.kill()
    edit(server, f"/policies/{instance}/yearly", {"last_slot": "2100-01-01T00:00:00Z"})
    server.start()
    api = Sdk(server)
    names = [f"run-{turn:02}" for turn in range(12 if e2e else 6)]
    for name in names:
        taken(api, instance, name)
    until("the last is proved", lambda: one(api, instance, names[-1])["ProofState"] == "passed", 240, 0.2)
    server.kill()
    for name in names:
        edit(server, f"/snapshots/{instance}/{name}", {"origin": {"kind": "policy", "policy": "yearly"}})
    server.start()
    api = Sdk(server)
    settings["MaxBackupCount"] = 3
    api.call("ModifyEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "yearly", "BackupSettings": settings})
    for _ in range(20 if e2e else 6):
        time.sleep(chance.uniform(0.0, 0.03))
        server.kill()
        # The newest three are to be kept, and are, whichever of the others are gone.
        assert len(whole_or_unlisted(server, instance)) >= 3
        server.start()
    api = Sdk(server)
    until("what is not to be kept is gone", lambda: sorted(b["Name"] for b in backups(api, instance)) == names[-3:], 60, 0.1)
    for name in names[-3:]:
        cetcd(server, "snapshot", "verify", instance, name)
    until("what is left is proved", lambda: all(b["ProofState"] == "passed" for b in backups(api, instance)), 240, 0.5)
    until("so are its files", lambda: len(stored_data(server, instance)) == len(whole_or_unlisted(server, instance)) == 3, 30)


def edit(server, key, fields):
    """Changes fields of a record of a service that does not run."""
    with sqlite3.connect(server.data_dir / "cetcd.db") as store:
        (value,), = store.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchall()
        store.execute("UPDATE entries SET value = ? WHERE key = ?", (json.dumps({**json.loads(value), **fields}).encode(), key))
    store.close()


@pytest.mark.timeout(300)
def test_backups_outlive_their_instance_and_make_a_new_one(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1)
    quiet(api, instance)
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("kept/a", "still here")
    taken(api, instance, "last")
    api.extension("DeleteEtcdInstance", {"InstanceId": instance})
    wait_until_gone(api, instance)
    assert [s["Name"] for s in api.call("DescribeEtcdSnapshots", {"InstanceId": instance})["Snapshots"]] == ["last"]
    target = {"Name": "again", "VpcId": "vpc-abcd1234", "ServiceSubnetId": "subnet-abcd1234", "SubnetIds": ["subnet-abcd1234"], "Size": 1}
    refused("MissingParameter", lambda: api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "last", "NewInstance": {"Name": "again"}}))
    new = restored(api, {"InstanceId": instance, "SnapshotName": "last", "NewInstance": target})
    with Client(described(api, new)["Endpoint"], credentials_of(api, new, tmp_path / "again")) as client:
        assert client.get("kept/a") == "still here"
    for name in ("last",):
        cetcd(server, "snapshot", "delete", instance, name)
    until("the last backup is gone with its key", lambda: not list((server.data_dir / "backups" / instance).rglob("*data/*")), 30)
    # The record goes after the files, by the same reconciler: the last request may still find it.
    until("nothing is known of the instance any more", lambda: unknown(api, instance), 30, 0.1)


def unknown(api, instance):
    try:
        api.call("DescribeEtcdSnapshots", {"InstanceId": instance})
    except ApiError as refused:
        return refused.code.startswith("ResourceNotFound")
    return False


def test_backups_go_with_their_instance_where_that_was_asked_for(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, _, _ = made(server, version, tmp_path, 1)
    api.call("CreateEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "one"})
    until("the snapshot is taken", lambda: [s["Size"] > 0 for s in api.call("DescribeEtcdSnapshots", {"InstanceId": instance})["Snapshots"] or []] == [True], 60, 0.1)
    kept = lambda: [path for path in (server.data_dir / "backups").rglob("*") if path.is_file() and instance in str(path)]  # noqa: E731
    assert kept()
    api.call("ModifyEtcdAttribute", {"InstanceId": instance, "EnableDeleteCos": True})
    api.extension("DeleteEtcdInstance", {"InstanceId": instance})
    wait_until_gone(api, instance)
    assert not kept()


@pytest.mark.timeout(300)
def test_backups_outlive_the_service_s_database_where_the_master_key_is_kept(own_server, version, tmp_path):
    server, api = own_server, Sdk(own_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1)
    quiet(api, instance)
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("kept/a", "still here")
    taken(api, instance, "last")
    server.kill()
    for process in server.processes():
        process.kill()
    # A new service, with the storage and the key of the old one.
    for path in server.data_dir.iterdir():
        if path.name not in ("master.key", "backups"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    server.start()
    api = Sdk(server)
    assert unknown(api, instance)
    assert cetcd(server, "snapshot", "adopt", instance).split() == ["last"]
    assert cetcd(server, "snapshot", "adopt", instance) == ""
    until("it is known", lambda: not unknown(api, instance), 30)
    assert [b["Name"] for b in backups(api, instance)] == ["last"]
    target = {"Name": "again", "VpcId": "vpc-abcd1234", "ServiceSubnetId": "subnet-abcd1234", "SubnetIds": ["subnet-abcd1234"], "Size": 1}
    new = restored(api, {"InstanceId": instance, "SnapshotName": "last", "NewInstance": target})
    with Client(described(api, new)["Endpoint"], credentials_of(api, new, tmp_path / "again")) as client:
        assert client.get("kept/a") == "still here"
