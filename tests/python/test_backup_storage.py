"""Backups in a bucket whose service dies and comes back: amid snapshots, retention and restores."""

import pytest
from support.changes import until_idle
from support.clients import Sdk
from support.etcd import Client, etcdctl
from support.members import made
from support.server import Server
from support.storage import Storage, away_for
from support.waiting import until
from test_backups import backups, edit, held, one, quiet, taken, three_with_data
from test_cli import cetcd


@pytest.fixture
def storage():
    storage = Storage()
    try:
        yield storage
    finally:
        storage.end()


@pytest.fixture
def bucket_server(storage):
    """A server for one test that keeps backups in the bucket."""
    server = Server({"CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000", **storage.settings()})
    try:
        server.start()
        yield server
    finally:
        server.end()


def whole_or_unlisted(storage, instance):
    """What has a manifest has its data."""
    listed = storage.stored(instance, "manifests")
    assert listed <= storage.stored(instance, "data"), listed
    return listed


def verified(server, instance, name):
    cetcd(server, "snapshot", "verify", instance, name, **server.settings)


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_storage_that_dies_amid_snapshots_and_a_restore_leaves_the_old_or_the_new(bucket_server, storage, version, tmp_path, chance, e2e):
    server, api = bucket_server, Sdk(bucket_server)
    instance, etcd, certificates, before = three_with_data(server, api, version, tmp_path)

    names = ["whole", *(f"again-{turn}" for turn in range(8 if e2e else 1))]
    for name in names:
        api.call("CreateEtcdSnapshot", {"InstanceId": instance, "SnapshotName": name})
        away_for(storage, chance.uniform(0.0, 1.0), chance.uniform(0.1, 3.0))
        whole_or_unlisted(storage, instance)
        until("the snapshot is taken all the same", lambda: one(api, instance, name)["State"] == "done", 180, 0.1)  # noqa: B023
        verified(server, instance, name)
    until("none is left to be proved", lambda: all(b["ProofState"] == "passed" for b in backups(api, instance)), 300, 0.5)

    etcdctl(version, etcd["Endpoint"], certificates, "del", "--prefix", "")
    api.extension("RestoreEtcdSnapshot", {"InstanceId": instance, "SnapshotName": "whole"})
    for _ in range(5 if e2e else 2):
        away_for(storage, chance.uniform(0.0, 0.7), chance.uniform(0.1, 2.0))
    until_idle(api, instance, 240)
    assert held(version, etcd["Endpoint"], certificates, 20) == before
    shown = {b["Name"]: b["State"] for b in backups(api, instance)}
    assert set(names) <= shown.keys() and set(shown.values()) == {"done"}, shown


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_storage_that_dies_amid_a_run_of_retention_keeps_what_is_to_be_kept(bucket_server, storage, version, tmp_path, chance, e2e):
    server, api = bucket_server, Sdk(bucket_server)
    instance, etcd, certificates = made(server, version, tmp_path, 1)
    quiet(api, instance)
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("kept/a", "1")
    settings = {"BackupInterval": 31_536_000, "MaxBackupCount": 100}
    api.call("CreateEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "yearly", "BackupSettings": settings})
    names = [f"run-{turn:02}" for turn in range(12 if e2e else 6)]
    for name in names:
        taken(api, instance, name)
    until("the last is proved", lambda: one(api, instance, names[-1])["ProofState"] == "passed", 240, 0.2)
    # As if the policy had taken them: its own runs are at least a minute apart.
    server.kill()
    edit(server, f"/policies/{instance}/yearly", {"last_slot": "2100-01-01T00:00:00Z"})
    for name in names:
        edit(server, f"/snapshots/{instance}/{name}", {"origin": {"kind": "policy", "policy": "yearly"}})
    server.start()
    api = Sdk(server)
    settings["MaxBackupCount"] = 3
    api.call("ModifyEtcdSnapshotPolicy", {"InstanceId": instance, "SnapshotPolicyName": "yearly", "BackupSettings": settings})
    for _ in range(8 if e2e else 3):
        away_for(storage, chance.uniform(0.0, 0.05), chance.uniform(0.1, 1.0))
        # The newest three are to be kept, and are, whichever of the others are gone.
        assert len(whole_or_unlisted(storage, instance)) >= 3
    until("what is not to be kept is gone", lambda: sorted(b["Name"] for b in backups(api, instance)) == names[-3:], 120, 0.1)
    for name in names[-3:]:
        verified(server, instance, name)
    assert whole_or_unlisted(storage, instance) == storage.stored(instance, "data")
