"""The web console: its unit tests, and the life of a cluster by it in a real browser (tests/console)."""

import contextlib
import os
import subprocess

import pytest
from support.prometheus import found
from support.server import ROOT, VERSIONS, Server
from test_other_sdks import prepared, run


@pytest.mark.timeout(600)
def test_the_consoles_own_tests():
    prepared("console")
    done = subprocess.run([str(ROOT / "scripts/console"), "test"], capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "NO_COLOR": "1"})
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def server():
    """Members are read every second, so that nobody waits for charts, and keys may be looked at."""
    folder, _ = found()
    server = Server({"CETCD_MONITOR_INTERVAL_SECONDS": "1", "CETCD_CONSOLE_KEYS": "read",
                     "CETCD_PROMETHEUS_BINARY": f"{folder}/prometheus" if folder else ""})
    try:
        yield server.start()
    finally:
        server.end()


@contextlib.contextmanager
def place_to_visit(server):
    """Where the console is: with CETCD_TEST_CONSOLE=console/dist that folder's, in front of the server's API, so that a
    page which has just been built is tested without building the server."""
    folder = os.environ.get("CETCD_TEST_CONSOLE")
    if not folder:
        yield server.host
        return
    command = ["node", str(ROOT / "tests/console/folder.js"), str(ROOT / folder), server.host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip().removeprefix("http://")
        finally:
            process.terminate()


def visit(server, version, story, long=False):
    modules, browser = prepared("console"), prepared("chromium")
    with place_to_visit(server) as host:
        run(server, version, ["node", "--test", str(ROOT / "tests/console" / story)], patience=600, NODE_PATH=modules,
            CETCD_TEST_ENDPOINT=host, CETCD_TEST_LONG="1" if long else "",
            CETCD_TEST_PROMETHEUS="1" if server.settings["CETCD_PROMETHEUS_BINARY"] else "", CETCD_TEST_CHROMIUM=browser, CETCD_TEST_DATA_DIR=str(server.data_dir),
            CETCD_TEST_ETCDCTL=str(VERSIONS / version / "etcdctl"))


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_life_by_the_console(server, version, e2e):
    visit(server, version, "console.test.js", long=e2e)


@pytest.mark.timeout(300)
def test_a_list_of_five_hundred(server, version):
    visit(server, version, "many.test.js")
