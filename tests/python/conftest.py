"""Fixtures: a server for each file of tests, gone without a trace afterwards."""

import json
import os
import random
from pathlib import Path

import pytest

# Everything here talks to this machine only.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # refused handshakes are what some tests want
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.0/8,127.0.0.1,localhost"

pytest.register_assert_rewrite("support")

from support.server import Server, version_to_test  # noqa: E402  (after the line above, which must come first)

SEED = int(os.environ.get("CETCD_TEST_SEED") or random.SystemRandom().randrange(2**32))
os.environ["CETCD_TEST_SEED"] = str(SEED)  # the same in every worker


def pytest_addoption(parser):
    parser.addoption("--e2e", action="store_true", help="the long forms: more rounds, every installed version of etcd")


def pytest_report_header():
    return f"CETCD_TEST_SEED={SEED} (set it to repeat this run's random choices)"


def pytest_collection_modifyitems(items):
    """For several workers: tests that share a server stay together, and those with the most patience begin first."""

    def patience(item):
        marker = item.get_closest_marker("timeout")
        return marker.args[0] if marker else 0

    for item in items:
        if {"server", "patient_server"} & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(item.path.name))
    items.sort(key=patience, reverse=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Shows the end of the server's log beside a failure."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Server):
                report.sections.append(("the server's log", value.log_tail()))
        report.sections.append(("repeat with", f"CETCD_TEST_SEED={SEED}"))
    return report


@pytest.fixture
def chance(request):
    """Random numbers that depend on the seed and the test's name, not on which tests ran before."""
    # After the @ is what several workers know the test's group by.
    return random.Random(f"{SEED} {request.node.nodeid.partition('@')[0]}")


@pytest.fixture(scope="session")
def e2e(request):
    return request.config.getoption("--e2e")


@pytest.fixture(scope="session")
def version():
    return version_to_test()


def _served(settings=None):
    server = Server(settings)
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def server():
    """One server for the file."""
    yield from _served()


@pytest.fixture
def own_server():
    """A server for one test, to be killed and started again. Its limit of requests is out of the way."""
    yield from _served({"CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})


@pytest.fixture(scope="module")
def patient_server():
    """One server for the file, without a limit of requests a second worth the name."""
    yield from _served({"CETCD_LIMITS_REQUESTS_PER_SECOND": "1000000"})


# The closing lines: how long each file took, then the counts alone on a line. With CETCD_TEST_TALLY, a file, they
# include those of the runs before it that used the same file.

_seconds, _counts = {}, {"passed": 0, "failed": 0, "skipped": 0}


def pytest_runtest_logreport(report):
    file = report.nodeid.split("::")[0]
    _seconds[file] = _seconds.get(file, 0.0) + report.duration
    if report.when == "call" or report.outcome != "passed":
        _counts[report.outcome] += 1


def pytest_collectreport(report):
    if report.failed:
        _counts["failed"] += 1


def pytest_unconfigure():
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    for file, seconds in _seconds.items():
        print(f"{seconds:7.1f} s  {file}")
    tally = os.environ.get("CETCD_TEST_TALLY")
    if tally:
        path = Path(tally)
        for kind, count in json.loads(path.read_text() or "{}").items():
            _counts[kind] += count
        path.write_text(json.dumps(_counts))
    print(f"{_counts['passed']} passed, {_counts['failed']} failed, {_counts['skipped']} skipped")
