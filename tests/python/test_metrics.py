"""What members' metrics say, from the service's own memory, as charts take it."""

import pytest
from support.changes import SteadyWriter
from support.clients import Sdk
from support.life import refused
from support.members import made, member_processes
from support.server import Server
from support.waiting import until


@pytest.fixture
def quick_server():
    server = Server({"CETCD_MONITOR_INTERVAL_SECONDS": "1"})
    try:
        server.start()
        yield server
    finally:
        server.end()


def series(api, instance, name):
    """The metric's points by member."""
    answer = api.extension("DescribeEtcdMetrics", {"InstanceId": instance, "MetricNames": [name], "Seconds": 600})
    return {one["Member"]: list(zip(one["Timestamps"], one["Values"])) for one in answer["Series"] or []}


def last(api, instance, name):
    return {member: points[-1][1] for member, points in series(api, instance, name).items() if points}


def test_every_member_has_its_metrics_and_a_dead_one_is_named(quick_server, version, tmp_path):
    server, api = quick_server, Sdk(quick_server)
    instance, etcd, certificates = made(server, version, tmp_path)
    members = {f"{instance}-etcd-{ordinal}" for ordinal in range(3)}
    with SteadyWriter([etcd["Endpoint"]], certificates):
        until("every member's writes show", lambda: set(last(api, instance, "Commits")) == members
              and min(last(api, instance, "Commits").values()) > 1, 60)
        until("every member's disk shows", lambda: set(last(api, instance, "FsyncLatency")) == members, 60)
    assert all(0 < seconds < 60 for seconds in last(api, instance, "FsyncLatency").values())
    assert sum(last(api, instance, "Leads").values()) == 1
    sizes = last(api, instance, "DatabaseSize")
    assert set(sizes) == members and min(sizes.values()) >= 16384
    refused("InvalidParameterValue", lambda: series(api, instance, "Disk"))
    # A member that does not answer has no newer points; the others go on.
    frozen = f"{instance}-etcd-2"
    member_processes(server, instance)[frozen].kill(19)
    try:
        stands = series(api, instance, "OpenFiles")[frozen][-1][0]
        others = members - {frozen}

        def moved():
            now = series(api, instance, "OpenFiles")
            return all(now[member][-1][0] > stands + 5 for member in others)

        until("the others are read on", moved, 90)
    finally:
        member_processes(server, instance)[frozen].kill(18)
