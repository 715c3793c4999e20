"""A real Prometheus through the API: made with an instance, asked, killed, moved, deleted; its rules and dashboards."""

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from support.changes import until_idle
from support.clients import Sdk
from support.figures import recovered
from support.life import SUBNETS, creation, described as instance_described, follow_creation, nothing_left, refused, wait_until_gone
from support.prometheus import Prom, dashboard_expressions, described, fetch, programs, rule_expressions
from support.server import ROOT, Server
from support.waiting import until
from test_cli import cetcd

ELSEWHERE = "prom-else1234"
PATIENCE = 90  # a Prometheus looks at new jobs every five seconds, and then at new targets every five more


def made_with(retention=10):
    wanted = {"SubnetId": SUBNETS[0], "DataRetention": retention, "GrafanaUserName": "admin", "GrafanaPassword": "correct horse"}
    return {"MonitorSettings": {"PrometheusCreationParam": wanted}}


@pytest.fixture
def watching_server():
    folder = programs()
    server = Server({"CETCD_PROMETHEUS_BINARY": f"{folder}/prometheus", "CETCD_PROMETHEUS_SCRAPE_INTERVAL_SECONDS": "1",
                     "CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})
    server.programs = folder
    try:
        yield server.start()
    finally:
        server.end()


def promtool(server, *arguments):
    done = subprocess.run([f"{server.programs}/promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def watch(api, instance, prometheus):
    api.call("ModifyEtcdConfiguration", {"InstanceId": instance, "MonitorSettings": {"ExistedPrometheusInstanceId": prometheus}})
    until_idle(api, instance, PATIENCE)


def condition(api, instance):
    """MonitoringServed, where it is told."""
    found = api.extension("DescribeEtcdHealth", {"InstanceId": instance})["Conditions"] or []
    return next((one for one in found if one["Type"] == "MonitoringServed"), None)


def processes(server):
    return server.processes("prometheus")


def only(api):
    """The ID of the one Prometheus there is."""
    found = api.extension("DescribeEtcdPrometheus", {})["Prometheus"]
    assert len(found) == 1, found
    return found[0]["PrometheusId"]


@pytest.mark.timeout(420)
def test_a_prometheus_made_with_an_instance_watches_it_is_healed_and_moved_and_leaves_nothing(watching_server, version):
    server, api = watching_server, Sdk(watching_server)
    begun = time.monotonic()
    instance = api.call("CreateEtcdInstance", creation(version, 3, AdvancedSettings=made_with()))["InstanceId"]
    follow_creation(api, instance, PATIENCE)
    print(f"an instance with its Prometheus took {time.monotonic() - begun:.1f} s")
    # The step is passed: PromQL answers at once.
    first = Prom(api, only(api))
    up = f'up{{job="etcd",instance="{instance}"}}'
    assert first.value(f"sum({up})") == 3
    assert {labels["member"] for labels, _ in first.query(up)} == {f"{instance}-etcd-{place}" for place in range(3)}
    shown = first.described()
    assert (shown["Status"], shown["DataRetention"], shown["External"]) == ("running", 10, False), shown
    assert [(one["InstanceId"], one["Members"], one["Read"]) for one in shown["Watched"]] == [(instance, 3, 3)], shown
    process, = processes(server)
    assert process.flag("storage.tsdb.retention.time") == "10d"
    assert condition(api, instance)["Holds"] is True
    _is_locked(server, first, instance)

    # Killed, it is seen, said and started again; what it had is there.
    process.kill()
    until("the death is told", lambda: condition(api, instance)["Holds"] is False, 30, 0.05)
    killed = time.monotonic()
    until("it is started again", lambda: [one.pid for one in processes(server) if one.pid != process.pid], 30)
    until("the condition clears", lambda: condition(api, instance)["Holds"], PATIENCE)
    recovered("a Prometheus is killed", "it serves", time.monotonic() - killed)
    until("it reads the members again", lambda: first.value(f"sum({up})") == 3, PATIENCE)

    # It outlives serve, and is adopted.
    alive = [one.pid for one in processes(server)]
    server.kill()
    assert fetch(f"{first.url}/-/ready", first.user)[0] == 200
    server.start()
    api = Sdk(server)
    until("it is seen again", lambda: condition(api, instance)["Holds"], PATIENCE)
    assert [one.pid for one in processes(server)] == alive

    # Members that come are found without anything being asked; they are read with the CA that follows.
    api.extension("RotateEtcdCredentials", {"InstanceId": instance, "OverlapSeconds": 0})
    until_idle(api, instance, PATIENCE)
    until("all are read under the next CA", lambda: first.value(f"sum({up})") == 3 and condition(api, instance)["Holds"], PATIENCE)

    # A second one, of which the instance is moved to; then to none.
    api.call("ModifyEtcdConfiguration", {"InstanceId": instance, **made_with(3)})
    until_idle(api, instance, PATIENCE)
    second = Prom(api, next(one["PrometheusId"] for one in api.extension("DescribeEtcdPrometheus", {})["Prometheus"]
                            if one["PrometheusId"] != first.id))
    assert second.value(f"sum({up})") == 3
    # What a job that was removed last read is answered for five minutes more: only what is read now counts.
    lately = f"present_over_time({up}[5s])"
    until("the first has let go", lambda: not first.query(lately), PATIENCE)
    assert first.described()["Watched"] == []
    watch(api, instance, first.id)
    assert first.value(f"sum({lately})") == 3
    said = refused("OperationDenied", lambda: api.extension("DeleteEtcdPrometheus", {"PrometheusId": first.id}))
    assert instance in str(said)
    watch(api, instance, "")
    assert condition(api, instance) is None
    until("nobody reads it any more", lambda: not first.query(lately) and not second.query(lately), PATIENCE)
    for wrong in ("prom-00000000", "prom", "etcd-00000000"):
        refused("ResourceUnavailable.PrometheusStatusError", lambda wrong=wrong: watch(api, instance, wrong))

    # Deleted while it is watched: nothing of it is left, with either.
    watch(api, instance, second.id)
    api.extension("DeleteEtcdInstance", {"InstanceId": instance})
    wait_until_gone(api, instance)
    nothing_left(server, instance)
    for prometheus in (first.id, second.id):
        api.extension("DeleteEtcdPrometheus", {"PrometheusId": prometheus})
        until(f"{prometheus} is gone", lambda prometheus=prometheus: described(api, prometheus) is None, 30)
    assert not processes(server)
    assert not list(server.data_dir.rglob("prom-*"))


def _is_locked(server, prom, instance):
    """Neither Prometheus nor the service's discovery answers who does not know the secret."""
    assert fetch(f"{prom.url}/api/v1/query?query=up")[0] == 401
    assert fetch(f"{prom.url}/api/v1/query?query=up", ("cetcd", "wrong"))[0] == 401
    folder = server.data_dir / "runtime/prometheus" / prom.id / "config"
    url = f"{server.url}/sd/{prom.id}/{instance}"
    token = (folder / "token").read_text()
    assert len(json.loads(fetch(url, token=token)[1])) == 3
    assert [fetch(url, token=wrong)[0] for wrong in ("", "x", token[:-1])] == [401, 401, 401]
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"
        assert path.is_dir() or prom.user[1] not in path.read_text(), f"{path} holds the password"
    key = (folder / "instances" / instance / "client.key").read_text()
    assert "PRIVATE KEY" in key and key != Sdk(server).call("DescribeEtcdCredentials", {"InstanceId": instance})["Credentials"][0]["Key"]
    promtool(server, "check", "config", folder / "prometheus.yml")
    promtool(server, "check", "web-config", folder / "web.yml")


@pytest.mark.timeout(420)
def test_every_expression_of_rules_and_dashboards_has_data_from_a_live_cluster(watching_server, version):
    server, api = watching_server, Sdk(watching_server)
    for rules in sorted((ROOT / "deploy/prometheus/rules").glob("*.yml")):
        promtool(server, "check", "rules", rules)
    instance = api.call("CreateEtcdInstance", creation(version, 3, AdvancedSettings=made_with()))["InstanceId"]
    follow_creation(api, instance, PATIENCE)
    prom = Prom(api, only(api))
    rules = dict(rule_expressions(prom))
    assert len(rules) > 30, rules
    panels = list(dashboard_expressions(ROOT / "deploy/grafana", instance))
    assert len(panels) > 30
    for name, expression in [*rules.items(), *panels]:
        until(f"{name} has data: {expression}", lambda expression=expression: prom.query(expression), PATIENCE, 0.5)
    firing = [labels["alertname"] for labels, _ in prom.query('ALERTS{alertstate="firing"}')]
    assert not firing, f"all is well, yet these fire: {firing}"


@pytest.mark.timeout(300)
def test_who_watches_is_chosen_by_the_command_line(watching_server, version, tmp_path):
    server, api = watching_server, Sdk(watching_server)
    instance = api.call("CreateEtcdInstance", creation(version, 1))["InstanceId"]
    follow_creation(api, instance)
    cetcd(server, "prometheus", "attach", instance, "--new", SUBNETS[0], "--retention", "3", CETCD_GRAFANA_PASSWORD="correct horse")
    listed, = cetcd(server, "prometheus", "list", "--output", "json")
    prometheus = listed["PrometheusId"]
    found = cetcd(server, "prometheus", "get", prometheus, "--output", "json")
    assert fetch(f"{found['Url']}/-/ready", (found["User"], found["Password"]))[0] == 200
    assert instance in cetcd(server, "prometheus", "get", prometheus)
    assert "watches" in cetcd(server, "prometheus", "delete", prometheus, code=3)
    cetcd(server, "prometheus", "detach", instance)
    cetcd(server, "prometheus", "delete", prometheus)
    cetcd(server, "prometheus", "get", prometheus, code=4)
    cetcd(server, "prometheus", "dashboards", "--write", str(tmp_path / "here"))
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"cetcd.yml", "etcd.yml", "fleet.json", "instance.json"}


class Elsewhere(BaseHTTPRequestHandler):
    """What a Prometheus of somebody else's says, as far as it is asked."""
    ready, targets, reloads = True, [], 0

    def do_GET(self):
        body = json.dumps({"status": "success", "data": {"activeTargets": type(self).targets}}).encode()
        self.send_response(200 if type(self).ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        type(self).reloads += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_one_that_runs_elsewhere_is_attached_where_it_is_healthy_and_given_its_jobs_as_files(version, tmp_path):
    http = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    jobs = tmp_path / "jobs"
    server = Server({"CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})
    server.config.write_text(server.config.read_text() + f"""
[[prometheus.external]]
id = "{ELSEWHERE}"
url = "http://127.0.0.1:{http.server_port}"
jobs_dir = "{jobs}"
""")
    try:
        server.start()
        api = Sdk(server)
        until("it is seen to serve", lambda: described(api, ELSEWHERE)["Status"] == "running", 30)
        instance = api.call("CreateEtcdInstance", creation(version, 1))["InstanceId"]
        follow_creation(api, instance)
        Elsewhere.ready = False
        until("it is seen not to", lambda: described(api, ELSEWHERE)["Status"] == "abnormal", 30)
        wanted = {"InstanceId": instance, "MonitorSettings": {"ExistedPrometheusInstanceId": ELSEWHERE}}
        refused("ResourceUnavailable.PrometheusStatusError", lambda: api.call("ModifyEtcdConfiguration", wanted))
        Elsewhere.ready = True
        until("it is seen to again", lambda: described(api, ELSEWHERE)["Status"] == "running", 30)
        api.call("ModifyEtcdConfiguration", wanted)
        job = until("its job is there", lambda: (jobs / f"{instance}.yml").exists() and (jobs / f"{instance}.yml").read_text(), 30)
        assert f"{server.url}/sd/{ELSEWHERE}/{instance}" in job and str(jobs / "instances" / instance / "client.key") in job
        until("it is told to read it", lambda: Elsewhere.reloads, 30)
        assert instance_described(api, instance)["Status"] == "updating", "it reads nobody yet"
        Elsewhere.targets = [{"labels": {"instance": instance, "member": f"{instance}-etcd-0"}, "health": "up", "lastError": ""}]
        until_idle(api, instance)
        assert condition(api, instance)["Holds"] is True
        refused("UnsupportedOperation", lambda: api.extension("DeleteEtcdPrometheus", {"PrometheusId": ELSEWHERE}))
        watch(api, instance, "")
        assert not (jobs / f"{instance}.yml").exists() and not (jobs / "instances").exists()
    finally:
        server.end()
        http.shutdown()
        Elsewhere.ready, Elsewhere.targets, Elsewhere.reloads = True, [], 0


def test_make_down_finds_a_prometheus_whose_serve_is_gone(watching_server, version):
    server, api = watching_server, Sdk(watching_server)
    api.call("CreateEtcdInstance", creation(version, 1, AdvancedSettings=made_with()))
    until("it runs", lambda: processes(server), PATIENCE)
    server.kill()
    (server.data_dir / ".made-by-make-up").touch()
    done = subprocess.run([str(ROOT / "scripts/down")], capture_output=True, text=True, check=False,
                          env={**server.client_environment(), "CETCD_DATA_DIR": str(server.data_dir)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert not server.processes(), server.processes()
    assert not server.data_dir.exists()
