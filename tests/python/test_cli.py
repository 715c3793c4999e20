"""The project's own command line, run as a user runs it, against the server's data directory."""

import json
import os
import shutil
import stat
import subprocess
import time

import pytest
from support.life import nothing_left
from support.raw import Raw
from support.server import BINARY, VERSIONS
from support.waiting import until


def cetcd(server, *arguments, code=0, stdin="", **environment):
    """Runs the command; answers with what it printed on stdout, decoded where that was asked for."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CETCD_", "TENCENTCLOUD_"))}
    done = subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=server.home, input=stdin,
                          env={**clean, "CETCD_DATA_DIR": str(server.data_dir), "CETCD_ETCD_VERSIONS_DIR": str(VERSIONS), **environment})
    assert done.returncode == code, f"cetcd {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}"
    if code:
        return done.stderr
    return json.loads(done.stdout) if "json" in arguments else done.stdout


def test_a_life_by_the_command_line(server, version, tmp_path):
    made = cetcd(server, "create", "by-hand", "--size", "3", "--version", version, "--description", "typed", "--protect", "--output", "json")
    instance = made["InstanceId"]

    listed, = cetcd(server, "list", "--output", "json")
    shown = cetcd(server, "get", instance, "--output", "json")
    assert listed["InstanceId"] == shown["InstanceId"] == instance and shown["Status"] == "running"
    assert (shown["Name"], shown["Description"], shown["DeletionProtection"], len(shown["Members"])) == ("by-hand", "typed", True, 3)
    assert len({member["Zone"] for member in shown["Members"]}) == 3, "members are spread over the zones by themselves"
    assert instance in cetcd(server, "list") and "3/3" in cetcd(server, "list")
    assert f"InstanceId: {instance}" in cetcd(server, "get", instance, "--output", "yaml")

    line = cetcd(server, "credentials", instance, "--write", str(tmp_path / "mine")).strip()
    for file in (tmp_path / "mine").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    pasted = subprocess.run(["bash", "-c", f"{line} put pasted works"], capture_output=True, text=True, timeout=30, check=False,
                            env={"PATH": f"{VERSIONS / version}:{os.environ['PATH']}"})
    assert pasted.returncode == 0, pasted.stderr
    assert cetcd(server, "ctl", instance, "--", "get", "--print-value-only", "pasted").strip() == "works"
    cetcd(server, "ctl", instance, "--", "no-such-command", code=1)

    told = cetcd(server, "events", instance, "--output", "json")
    assert {"TaskBegun", "ClusterFormed", "TaskDone"} <= {event["Type"] for event in told}, told
    task, = cetcd(server, "tasks", instance, "--output", "json")
    assert (task["TaskType"], task["LifeState"]) == ("create_instance", "done")

    assert "OperationDenied" in cetcd(server, "delete", instance, code=3)
    cetcd(server, "delete", instance, "--unprotect")
    assert cetcd(server, "list", "--output", "json") == []
    assert "ResourceNotFound" in cetcd(server, "get", instance, code=4)
    nothing_left(server, instance)


def test_authentication_is_turned_on_and_off_without_a_password_on_the_command_line(server, version):
    instance = cetcd(server, "create", "guarded", "--size", "1", "--version", version).strip()
    assert "`Password`" in cetcd(server, "auth", "enable", instance, code=3)
    assert "CETCD_ROOT_PASSWORD" in cetcd(server, "auth", "password", instance, code=1)
    cetcd(server, "auth", "password", instance, CETCD_ROOT_PASSWORD="first")
    cetcd(server, "auth", "enable", instance)
    cetcd(server, "ctl", instance, "--", "--user", "root:first", "put", "x", "z")
    cetcd(server, "auth", "password", instance, "--password-stdin", stdin="second\n")
    cetcd(server, "ctl", instance, "--", "--user", "root:second", "put", "x", "y")
    assert cetcd(server, "ctl", instance, "--", "get", "--print-value-only", "x").strip() == "y"
    cetcd(server, "auth", "disable", instance)
    assert "Authentication Status: false" in cetcd(server, "ctl", instance, "--", "auth", "status")
    cetcd(server, "delete", instance)


def test_progress_goes_to_stderr_and_the_answer_alone_to_stdout(server, version):
    instance = cetcd(server, "create", "quiet", "--size", "1", "--version", version).strip()
    assert instance.startswith("etcd-") and "\n" not in instance
    cetcd(server, "delete", instance)


def test_the_contract_is_printed_as_data(server):
    actions = cetcd(server, "api", "actions", "--output", "json")
    names = {action["Name"] for action in actions}
    assert sum(not action["Extension"] for action in actions) == 20 and {"CreateEtcdInstance", "DeleteEtcdInstance"} <= names
    schema = json.loads(cetcd(server, "api", "schema"))
    assert names <= {word for word in json.dumps(schema).replace('"', " ").replace("/", " ").split()}
    assert "$schema" in schema or "$defs" in schema


def test_any_action_can_be_called_with_json(server):
    answer = json.loads(cetcd(server, "api", "call", "DescribeEtcdQuota"))
    assert answer["QuotaLimit"] == 5
    found = json.loads(cetcd(server, "api", "call", "DescribeEtcdInstances", "--json", '{"InstanceIds": ["etcd-00000000"]}'))
    assert found["TotalCount"] == 0
    assert "UnknownParameter" in cetcd(server, "api", "call", "DescribeEtcdQuota", "--json", '{"Colour": "red"}', code=3)
    cetcd(server, "api", "call", "DescribeEtcdQuota", "--json", "[", code=1)


def test_a_service_that_is_not_there_is_said_to_be_so(server):
    assert "no answer from" in cetcd(server, "list", "--endpoint", "http://127.0.0.1:1", code=5)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_printed(server, shell):
    text = cetcd(server, "completions", shell)
    assert "cetcd" in text and "credentials" in text
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=text, text=True, capture_output=True, timeout=20, check=False).returncode == 0


def test_key_pairs_are_made_disabled_and_deleted_on_the_host(server):
    new = cetcd(server, "key", "create", "--output", "json")
    client = Raw(server.host, new["SecretId"], new["SecretKey"])

    def code():
        time.sleep(0.05)
        return client.call("DescribeEtcdQuota").code

    until("the new pair is let in", lambda: code() is None, 5)
    cetcd(server, "key", "create", code=1)  # a user has two at most
    assert new["SecretKey"] not in cetcd(server, "key", "list", "--output", "yaml")
    cetcd(server, "key", "disable", new["SecretId"])
    until("the disabled pair is refused", lambda: (code() or "").startswith("AuthFailure."), 5)
    cetcd(server, "key", "enable", new["SecretId"])
    until("the enabled pair is let in again", lambda: code() is None, 5)
    cetcd(server, "key", "delete", new["SecretId"])
    until("the deleted pair is unknown", lambda: code() == "AuthFailure.SecretIdNotFound", 5)
    client.close()


def test_a_reader_that_goes_away_is_no_failure(server):
    read, write = os.pipe()
    os.close(read)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CETCD_", "TENCENTCLOUD_"))}
    for arguments in (["api", "schema"], ["completions", "bash"], ["list"]):
        done = subprocess.run([str(BINARY), *arguments], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              env={**clean, "CETCD_DATA_DIR": str(server.data_dir)})
        assert (done.returncode, done.stderr) == (0, ""), arguments
    os.close(write)
