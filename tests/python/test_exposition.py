"""What /metrics says of a service with an instance, in a form that Prometheus takes without a complaint."""

import re
import subprocess
import urllib.request

import pytest
from support.clients import Sdk
from support.etcd import Client
from support.members import made
from support.prometheus import programs
from support.waiting import until

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(\{[^}]*\})? (\S+)$')


def asked(server, accept):
    request = urllib.request.Request(f"{server.url}/metrics", headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def families(text):
    """Type and samples of each family; each has to have both, and words."""
    types, words, samples = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line.startswith("# HELP "):
            _, _, name, said = line.split(" ", 3)
            words[name] = said
        elif not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            family = name if name in types else re.sub("_(bucket|sum|count)$", "", name)
            samples.setdefault(family, {})[(name, labels or "")] = float(value)
    assert set(types) == set(words) and set(samples) <= set(types), set(types) ^ set(words) | set(samples) - set(types)
    return {name: (kind, samples.get(name, {})) for name, kind in types.items()}


@pytest.fixture(scope="module")
def with_instance(server, version, tmp_path_factory):
    instance, etcd, certificates = made(server, version, tmp_path_factory.mktemp("made"))
    with Client(etcd["Endpoint"], certificates) as client:
        client.put("a", "b")
        # The endpoint process writes its counters every few seconds.
        bytes_sent = re.compile(rf'^cetcd_endpoint_sent_bytes_total\{{instance="{instance}"\}} [1-9]', re.M)
        until("the endpoint's bytes show", lambda: bytes_sent.search(server.get("/metrics")[1]), 30)
    return server, instance


def test_every_family_is_described_and_named_by_the_rules(with_instance):
    server, _ = with_instance
    kind, text = asked(server, "")
    assert kind.startswith("text/plain; version=0.0.4"), kind
    found = families(text)
    for name, (kind, _) in found.items():
        assert name.startswith("cetcd_"), name
        assert (kind == "counter") == name.endswith("_total"), (name, kind)
        assert not re.search("_(ms|milliseconds|kb|mb|minutes|hours|percent)(_|$)", name), name
    for name in ("requests_total", "request_duration_seconds"):
        assert found[f"cetcd_api_{name}"][1], name


def test_what_matters_of_instances_tasks_backups_and_endpoints_is_there(with_instance):
    server, instance = with_instance
    Sdk(server).call("DescribeEtcdTasks")
    found = families(asked(server, "")[1])

    def value(family, name, **labels):
        inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return found[family][1][(name, f"{{{inside}}}")]

    assert value("cetcd_instance_condition", "cetcd_instance_condition", instance=instance, condition="Quorum") == 1
    of_it = [labels for _, labels in found["cetcd_instance_condition"][1] if instance in labels]
    assert 10 < len(of_it) <= 19, of_it
    assert value("cetcd_tasks", "cetcd_tasks", type="create_instance", state="done") == 1
    duration = "cetcd_task_duration_seconds"
    assert value(duration, f"{duration}_count", type="create_instance", state="done") == 1
    assert value("cetcd_endpoint_connections_accepted_total", "cetcd_endpoint_connections_accepted_total", instance=instance) >= 1
    assert value("cetcd_endpoint_received_bytes_total", "cetcd_endpoint_received_bytes_total", instance=instance) > 0
    assert found["cetcd_controller_look_duration_seconds"][1]
    assert found["cetcd_backup_newest_good_timestamp_seconds"][1] and found["cetcd_api_event_streams"][1]


def test_open_metrics_are_for_who_asks_for_them(with_instance):
    server, _ = with_instance
    kind, text = asked(server, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert kind.startswith("application/openmetrics-text; version=1.0.0") and text.endswith("# EOF\n")


def test_promtool_has_nothing_to_say(with_instance):
    promtool = f"{programs()}/promtool"
    server, _ = with_instance
    said = subprocess.run([promtool, "check", "metrics"], input=asked(server, "")[1], capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0 and not said.stdout + said.stderr, said.stdout + said.stderr
