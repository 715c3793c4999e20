"""An instance's members, seen from three sides: the API, the machine's processes, the cluster itself."""

import json
import shutil

from .clients import Sdk
from .etcd import Client, etcdctl
from .life import creation, credentials_of, described, follow_creation, wait_until_running
from .waiting import until


def made(server, version, directory, size=3, **others):
    """A running instance with its credentials in files below `directory`."""
    api = Sdk(server)
    instance = api.call("CreateEtcdInstance", creation(version, size, **others))["InstanceId"]
    follow_creation(api, instance)
    return instance, wait_until_running(api, instance), credentials_of(api, instance, directory / "credentials")


def health(api, instance):
    """The conditions by their type."""
    return {one["Type"]: one for one in api.extension("DescribeEtcdHealth", {"InstanceId": instance})["Conditions"]}


def member_processes(server, instance):
    """The instance's etcd processes by member name."""
    return {process.flag("name"): process for process in server.processes("etcd") if instance in " ".join(process.argv)}


def client_url(process):
    urls = (process.flag("advertise-client-urls") or process.flag("listen-client-urls")).split(",")
    return next(url for url in urls if url.startswith("https://"))


def one_cluster(server, instance, size, certificates):
    """Exactly `size` members and one endpoint run for the whole server, and all members are of one cluster."""
    members = member_processes(server, instance)
    assert len(members) == size == len(server.processes("etcd")), server.processes("etcd")
    assert len(server.processes("endpoint")) == 1, server.processes("endpoint")
    seen = []
    for process in members.values():
        with Client(client_url(process), certificates) as client:
            until(f"{process.flag('name')} answers", client.answers, 20)
            seen.append(client.status())
    assert len({status["cluster"] for status in seen}) == 1, seen
    assert len({status["member"] for status in seen}) == size, seen
    until("one leader is known to all", lambda: len({Client(client_url(p), certificates).status()["leader"] for p in members.values()}) == 1, 10)


def listed(version, endpoint, certificates):
    """The cluster's own list: name (empty before the first start), ID in hex, and whether it is a learner."""
    answer = json.loads(etcdctl(version, endpoint, certificates, "member", "list", "-w", "json").stdout)
    return [(one.get("name", ""), f"{one['ID']:x}", one.get("isLearner", False)) for one in answer["members"]]


def folders(server, instance):
    """The folders of the instance's members, by ordinal."""
    found = (server.data_dir / "runtime/members" / instance).glob("*")
    return sorted((int(folder.name), folder) for folder in found)


def settled(server, instance, certificates, version, zones):
    """The instance runs with one member for each of `zones`, all of `version`, and nothing else is about."""
    etcd = described(Sdk(server), instance)
    names = [member["Name"] for member in etcd["Members"]]
    assert etcd["Status"] == "running" and etcd["Version"] == version, etcd
    assert {(member["Status"], member["Version"]) for member in etcd["Members"]} == {("Running", version)}, etcd["Members"]
    assert sorted(int(member["Zone"].rsplit("-", 1)[1]) for member in etcd["Members"]) == sorted(zones), etcd["Members"]
    processes = [process for process in server.processes("etcd") if instance in " ".join(process.argv)]
    assert sorted(process.flag("name") for process in processes) == sorted(names), processes
    assert {process.argv[0].split("/")[-2] for process in processes} == {version}, processes
    inside = listed(version, etcd["Endpoint"], certificates)
    assert sorted(name for name, _, _ in inside) == sorted(names) and not any(learner for _, _, learner in inside), inside
    assert [f"{instance}-etcd-{ordinal}" for ordinal, _ in folders(server, instance)] == sorted(names, key=lambda name: int(name.rsplit("-", 1)[1]))
    for process in processes:
        with Client(client_url(process), certificates) as client:
            until(f"{process.flag('name')} serves a linearizable read", lambda client=client: client.answers(2), 10)
    return etcd


def wipe(process):
    """Removes the data directory of a member, and nothing of what it was started with."""
    shutil.rmtree(process.flag("data-dir"), ignore_errors=True)
