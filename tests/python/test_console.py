"""The web console: its unit tests, and the life of a cluster by it in a real browser (tests/console)."""

import os
import subprocess

import pytest
from support.server import ROOT, VERSIONS
from test_other_sdks import prepared, run


@pytest.mark.timeout(600)
def test_the_consoles_own_tests():
    prepared("console")
    done = subprocess.run([str(ROOT / "scripts/console"), "test"], capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "NO_COLOR": "1"})
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.timeout(900)
def test_a_life_by_the_console(server, version):
    modules, browser = prepared("console"), prepared("chromium")
    run(server, version, ["node", "--test", str(ROOT / "tests/console/console.test.js")], patience=600, NODE_PATH=modules,
        CETCD_TEST_CHROMIUM=browser, CETCD_TEST_ETCDCTL=str(VERSIONS / version / "etcdctl"),
        CETCD_TEST_DATA_DIR=str(server.data_dir))
