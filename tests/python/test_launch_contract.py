"""The launch contract: readiness, credentials, metrics, what outlives serve; and the rules of an answer."""

import gzip
import http.client
import json
import ssl
import stat
import subprocess
import time
import urllib.request

import pytest
from support.clients import Sdk
from support.etcd import etcdctl
from support.life import creation, credentials_of, described, follow_creation, wait_until_running
from support.server import BINARY, free_port
from support.waiting import until


def test_health_readiness_and_metrics_are_there(server):
    assert server.get("/healthz")[0] == 200 and server.get("/readyz")[0] == 200
    assert server.raw().call("DescribeEtcdQuota").code is None
    status, text = server.get("/metrics")
    assert status == 200 and "# TYPE" in text and "cetcd" in text


def test_the_first_start_writes_a_key_pair_for_its_owner_only(server):
    path = server.data_dir / "credentials.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    mine = server.credentials()
    assert set(mine) >= {"TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_REGION"} and all(mine.values())
    assert stat.S_IMODE((server.data_dir / "master.key").stat().st_mode) == 0o600


def test_no_secret_is_readable_for_others_or_in_a_log(server, version, tmp_path):
    api = Sdk(server)
    instance = api.call("CreateEtcdInstance", creation(version, 1))["InstanceId"]
    follow_creation(api, instance)
    credentials = credentials_of(api, instance, tmp_path / "credentials")
    secrets = [server.credentials()["TENCENTCLOUD_SECRET_KEY"], (credentials / "client.key").read_text().splitlines()[1]]
    for path in [*server.data_dir.rglob("*"), server.log]:
        if not path.is_file() or path.name == "credentials.env":
            continue
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), f"{path} holds a secret in the clear"
        if b"PRIVATE KEY" in content:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"others may read the key {path}"


def test_credentials_stay_the_same_and_the_data_plane_goes_on_over_kill_and_restart(own_server, version, tmp_path):
    server = own_server
    api = Sdk(server)
    instance = api.call("CreateEtcdInstance", creation(version, 3))["InstanceId"]
    follow_creation(api, instance)
    endpoint = wait_until_running(api, instance)["Endpoint"]
    certificates = credentials_of(api, instance, tmp_path / "credentials")
    mine = server.credentials()
    running = server.data_plane()
    assert sorted(process.kind for process in running) == ["endpoint", "etcd", "etcd", "etcd"]

    for end in (server.kill, server.stop):
        end()
        assert server.get("/healthz")[0] == 0
        etcdctl(version, endpoint, certificates, "put", "alone", end.__name__)
        server.start()
        assert server.credentials() == mine
        assert etcdctl(version, endpoint, certificates, "get", "alone", "--print-value-only").stdout.strip() == end.__name__
        assert described(Sdk(server), instance)["Status"] == "running"
        assert server.data_plane() == running, "not adopted as they were"


def test_a_second_serve_on_the_same_data_directory_is_refused(server):
    second = subprocess.run([str(BINARY), "serve", "--data-dir", str(server.data_dir), "--listen", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode != 0 and str(server.data_dir) in second.stderr + second.stdout
    assert server.get("/readyz")[0] == 200


def test_off_loopback_it_speaks_https_and_no_plain_http(tmp_path):
    port, data_dir = free_port(), tmp_path / "data"
    serve = subprocess.Popen([str(BINARY), "serve", "--data-dir", str(data_dir), "--listen", f"0.0.0.0:{port}"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        unverified = ssl._create_unverified_context()  # the certificate is self-made

        def ready():
            assert serve.poll() is None, f"serve ended with {serve.returncode}"
            try:
                with urllib.request.urlopen(f"https://127.0.0.1:{port}/readyz", timeout=5, context=unverified) as answer:
                    return answer.status == 200
            except OSError:
                return False

        until("/readyz over https", ready, 30)
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with pytest.raises((http.client.HTTPException, OSError, AssertionError)):
            plain.request("GET", "/readyz")
            assert plain.getresponse().status == 200
        plain.close()
    finally:
        serve.kill()
        serve.wait()


def test_an_answer_is_gzipped_only_where_it_was_asked_for(server):
    raw = server.raw()
    plain = raw.call("DescribeEtcdRegions")
    packed = raw.call("DescribeEtcdRegions", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    if "content-encoding" in packed.headers:
        assert packed.headers["content-encoding"] == "gzip"
        packed.raw = gzip.decompress(packed.raw)
    assert packed.response["Regions"] == plain.response["Regions"]


def test_a_connection_is_closed_where_the_client_asks(server):
    connection = http.client.HTTPConnection(server.host, timeout=5)
    connection.request("GET", "/?Action=DescribeEtcdQuota", headers={"Connection": "close"})
    answer = connection.getresponse()
    assert answer.getheader("Connection", "").lower() == "close"
    assert "Error" in json.loads(answer.read())["Response"]
    connection.close()


def test_a_success_has_no_error_field_and_a_failure_is_still_200(server):
    raw = server.raw()
    good, bad = raw.call("DescribeEtcdQuota"), raw.call("NoSuchAction")
    assert set(good.response) == {"QuotaLimit", "RequestId"}
    assert bad.status == 200 and set(bad.response) == {"Error", "RequestId"} and set(bad.error) == {"Code", "Message"}
    assert good.headers["content-type"] == bad.headers["content-type"] == "application/json"


def test_the_twenty_first_request_in_a_second_is_refused(server):
    raw = server.raw()
    end = time.monotonic() + 10
    answer = raw.call("DescribeEtcdTasks")
    while answer.code is None and time.monotonic() < end:
        answer = raw.call("DescribeEtcdTasks")
    assert answer.code == "RequestLimitExceeded" and "frequency limit `20` for a second" in answer.message
    assert raw.call("DescribeEtcdQuota").code is None  # another action has a limit of its own
