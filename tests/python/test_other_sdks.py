"""The Node and Go SDKs, where Node and Go are on this machine: each lives a life in tests/node and tests/go."""

import subprocess

import pytest
from support.server import ROOT


def prepared(language):
    """What scripts/test-env made for the language; skips the test where it is not here."""
    done = subprocess.run([str(ROOT / "scripts/test-env"), language], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run(server, version, command, patience=150, **environment):
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False, env={
        **server.client_environment(), "CETCD_TEST_ETCD_VERSION": version, **environment})
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.timeout(600)
def test_a_life_by_the_node_sdk(server, version):
    modules = prepared("node")
    run(server, version, ["node", "--test", str(ROOT / "tests/node/life.test.js")], NODE_PATH=modules)


@pytest.mark.timeout(600)
def test_a_life_by_the_go_sdk(server, version):
    run(server, version, [prepared("go"), "-test.v", "-test.timeout", "120s"])
