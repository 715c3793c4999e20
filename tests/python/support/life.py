"""The whole life of an instance, told once and lived by every client."""

import re
import socket

import grpc
import pytest

from .clients import ApiError
from .etcd import Client, etcdctl, write_credentials
from .waiting import until

STEPS = ["prepare_env", "install_suit", "create_etcd", "install_monitor", "create_backup_policy"]
ORDER = ["pending", "running", "success"]
VPC, SUBNETS = "vpc-abcd1234", ["subnet-abcd1234", "subnet-abcd2345", "subnet-abcd3456"]


def creation(version, size=3, name="whole-life", **others):
    """Parameters of CreateEtcdInstance."""
    return {"Name": name, "VpcId": VPC, "ServiceSubnetId": SUBNETS[0], "SubnetIds": SUBNETS[:size],
            "EtcdVersion": version, "Size": size, **others}


def described(api, instance):
    """The instance as DescribeEtcdInstances shows it; None where it does not."""
    answer = api.call("DescribeEtcdInstances", {"InstanceIds": [instance]})
    assert answer["TotalCount"] == len(answer["Etcds"] or [])
    return answer["Etcds"][0] if answer["Etcds"] else None


def wait_until_running(api, instance, patience=60):
    def running():
        etcd = described(api, instance)
        return etcd if etcd and etcd["Status"] == "running" else None
    return until(f"{instance} is running", running, patience)


def wait_until_gone(api, instance, patience=60):
    until(f"{instance} is gone", lambda: described(api, instance) is None, patience)


def follow_creation(api, instance, patience=60):
    """Waits for five successful steps, in order, none of which ever goes back."""
    seen = dict.fromkeys(STEPS, "pending")

    def all_done():
        steps = api.call("DescribeEtcdCreatingProgress", {"InstanceId": instance})["Steps"]
        assert [step["Step"] for step in steps] == STEPS
        for step in steps:
            name, state = step["Step"], step["LifeState"]
            assert state in ORDER, f"{name} is {state}: {step['FailedMsg']}"
            assert ORDER.index(state) >= ORDER.index(seen[name]), f"{name} went from {seen[name]} back to {state}"
            assert bool(step.get("StartAt")) == (state != "pending") and bool(step.get("EndAt")) == (state == "success")
            seen[name] = state
        begun = [name for name in STEPS if seen[name] != "pending"]
        assert begun == STEPS[:len(begun)], f"steps overtook each other: {seen}"
        return all(state == "success" for state in seen.values())

    until("five steps are successful", all_done, patience, 0.1)


def credentials_of(api, instance, directory):
    """Writes the credentials to files and answers with their folder."""
    found = api.call("DescribeEtcdCredentials", {"InstanceId": instance})["Credentials"]
    assert len(found) == 1 and found[0]["CACert"].startswith("-----BEGIN CERTIFICATE-----")
    return write_credentials(found[0], directory)


def refused(code, call):
    with pytest.raises(ApiError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value


def whole_life(api, server, version, size, directory):
    """Everything that the API offers on one instance, from the choice of a region until nothing is left."""
    _surroundings(api, version)
    instance, etcd = _birth(api, version, size)
    certificates = credentials_of(api, instance, directory)
    _use(etcd, version, certificates, size)
    _methods(api, instance)
    _attributes_and_protection(api, instance)
    task = _tasks(api, instance)
    _end(api, server, instance, etcd)
    return instance, task


def _surroundings(api, version):
    regions = [region["RegionName"] for region in api.call("DescribeEtcdRegions")["Regions"]]
    assert "ap-guangzhou" in regions and len(set(regions)) == len(regions)
    versions = [offered["Version"] for offered in api.call("DescribeEtcdAvailableVersions")["Versions"]]
    assert version in versions
    assert not {"v3.5.0", "v3.5.1", "v3.5.2"} & set(versions), "versions that can corrupt data are offered"
    assert api.call("DescribeEtcdQuota")["QuotaLimit"] == 5


def _birth(api, version, size):
    settings = {
        "SecuritySettings": {"Https": True, "ClientCertAuth": True},
        "AutoCompactionSettings": {"AutoCompactionMode": "periodic", "AutoCompactionRetention": "5m"},
        "BackupSettings": {"BackupInterval": 7200, "MaxBackupCount": 5},
        "CustomDomains": "etcd.example.com,*.etcd.example.com",
        "CustomIPs": "127.0.0.1",
    }
    instance = api.call("CreateEtcdInstance", creation(
        version, size, Description="made by an official client", AdvancedSettings=settings,
        ChargeType="POSTPAID_BY_HOUR", DiskSize=10, DeletionProtection=False))["InstanceId"]
    assert re.fullmatch(r"etcd-[a-z0-9]{8}", instance)
    follow_creation(api, instance)
    etcd = wait_until_running(api, instance, 5)
    assert etcd["Name"] == "whole-life" and etcd["Description"] == "made by an official client"
    assert etcd["VpcId"] == VPC and etcd["Version"] == version and etcd["DeletionProtection"] is False
    assert re.fullmatch(r"https://127\.\d+\.\d+\.\d+:\d+", etcd["Endpoint"])
    assert [member["Name"] for member in etcd["Members"]] == [f"{instance}-etcd-{place}" for place in range(size)]
    assert {member["Status"] for member in etcd["Members"]} == {"Running"}
    assert {member["Version"].removeprefix("v") for member in etcd["Members"]} == {version.removeprefix("v")}
    assert [member["Zone"] for member in etcd["Members"]] == [f"ap-guangzhou-{zone + 1}" for zone in range(size)]
    return instance, etcd


def _use(etcd, version, certificates, size):
    endpoint = etcd["Endpoint"]
    etcdctl(version, endpoint, certificates, "put", "greeting", "你好, etcd")
    assert etcdctl(version, endpoint, certificates, "get", "greeting", "--print-value-only").stdout.strip() == "你好, etcd"
    members = etcdctl(version, endpoint, certificates, "member", "list").stdout.strip().splitlines()
    assert len(members) == size and all(", started, " in member for member in members), members
    with Client(endpoint, certificates) as client:
        assert client.get("greeting") == "你好, etcd"
    stranger = grpc.secure_channel(endpoint.removeprefix("https://"), grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes()))
    with pytest.raises(grpc.RpcError):  # without a client certificate
        stranger.unary_unary("/etcdserverpb.KV/Range")(b"\x0a\x01a", timeout=3)
    stranger.close()


def _methods(api, instance):
    pod = {"InstanceId": instance, "PodName": f"{instance}-etcd-0"}
    names = [method["Name"] for method in api.call("DescribeRPCMethodList", {**pod, "Limit": 100})["MethodList"]]
    assert {"Put", "Range", "Alarm"} <= set(names) and len(set(names)) == len(names)
    first = api.call("DescribeRPCMethodList", {**pod, "Offset": 0, "Limit": 2})["MethodList"]
    second = api.call("DescribeRPCMethodList", {**pod, "Offset": 2, "Limit": 2})["MethodList"]
    assert [method["Name"] for method in first + second] == names[:4]
    assert not api.call("DescribeRPCMethodList", {**pod, "Offset": 1000})["MethodList"]


def _attributes_and_protection(api, instance):
    api.call("ModifyEtcdAttribute", {"InstanceId": instance, "Name": "renamed", "Description": "still here"})
    api.call("EnableEtcdInstanceDeletionProtection", {"InstanceId": instance})
    etcd = described(api, instance)
    assert (etcd["Name"], etcd["Description"], etcd["DeletionProtection"]) == ("renamed", "still here", True)
    refused("OperationDenied", lambda: api.extension("DeleteEtcdInstance", {"InstanceId": instance}))
    assert described(api, instance)["Status"] == "running"
    api.call("DisableEtcdInstanceDeletionProtection", {"InstanceId": instance})
    assert described(api, instance)["DeletionProtection"] is False


def _tasks(api, instance):
    def tasks(**filters):
        wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
        return api.call("DescribeEtcdTasks", {"Filters": wanted})["Tasks"] or []

    mine = tasks(resourceId=[instance], taskType=["create_instance"])
    assert [(task["TaskType"], task["ResourceID"], task["LifeState"]) for task in mine] == [("create_instance", instance, "done")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", mine[0][field]) for field in ("CreatedAt", "UpdatedAt"))
    assert tasks(resourceId=[instance, "etcd-00000000"], lifeState=["done", "failed"], taskType=["create_instance"]) == mine
    assert not tasks(resourceId=[instance], lifeState=["process"])
    assert not tasks(resourceId=[instance], taskType=["enable_internet"])
    assert api.call("DescribeEtcdTasks", {"TaskID": mine[0]["TaskID"]})["Tasks"] == mine
    return mine[0]


def _end(api, server, instance, etcd):
    api.extension("DeleteEtcdInstance", {"InstanceId": instance})
    wait_until_gone(api, instance)
    for action in ("DescribeEtcdCreatingProgress", "DescribeEtcdCredentials", "EnableEtcdInstanceDeletionProtection"):
        refused("ResourceNotFound", lambda action=action: api.call(action, {"InstanceId": instance}))
    refused("ResourceNotFound", lambda: api.extension("DeleteEtcdInstance", {"InstanceId": instance}))
    nothing_left(server, instance)
    host, port = etcd["Endpoint"].removeprefix("https://").split(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0, f"{etcd['Endpoint']} still listens"


def nothing_left(server, instance):
    """No process and no file of the instance; backups stay."""
    running = [process for process in server.processes() if any(instance in word for word in process.argv)]
    assert not running, f"{instance} is deleted, yet these run: {running}"
    named = [path.relative_to(server.data_dir).as_posix() for path in server.data_dir.rglob("*")]
    files = [path for path in named if instance in path and not path.startswith("backups/")]
    assert not files, f"{instance} is deleted, yet these are there: {files}"
