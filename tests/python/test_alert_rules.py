"""The alerts that a Prometheus is given (deploy/prometheus/rules), by recorded series: each fires when it should, and is over."""

import json
import subprocess

import pytest
from support.prometheus import programs
from support.server import ROOT

RULES = ROOT / "deploy/prometheus/rules"
MEMBER = 'job="etcd",instance="etcd-1",member="etcd-1-etcd-0"'


def steady(name, labels, *values):
    """A series with a sample a minute: (value, minutes) one after another, or ("more by", value, minutes) for a counter that
    goes on from where it is."""
    samples, last = [], 0
    for value, *minutes in values:
        if value == "more by":
            step, count = minutes
            samples += [last + step * turn for turn in range(1, count + 1)]
        else:
            samples += [value] * minutes[0]
        last = samples[-1]
    return {"series": f"{name}{{{labels}}}", "values": " ".join(map(str, samples))}


def gauge(name, good, bad, labels=MEMBER, minutes=20):
    """Good for ten minutes, bad for some, good for an hour."""
    return steady(name, labels, (good, 10), (bad, minutes), (good, 60))


def three_members(bad):
    return [gauge("up", 1, 0 if ordinal < bad else 1, f'job="etcd",instance="etcd-1",member="etcd-1-etcd-{ordinal}"') for ordinal in range(3)]


def quota(percent):
    return [gauge("etcd_mvcc_db_total_size_in_bytes", 10, percent), steady("etcd_server_quota_backend_bytes", MEMBER, (100, 90))]


def latency(family):
    """Below 0.1 s for twenty minutes, between that and 0.8 s for forty, below again for an hour."""
    quick = steady(f"{family}_bucket", f'{MEMBER},le="0.1"', ("more by", 60, 20), ("more by", 0, 40), ("more by", 60, 60))
    return [quick, *(steady(f"{family}_bucket", f'{MEMBER},le="{le}"', ("more by", 60, 120)) for le in ("0.8", "+Inf"))]


DAY = 24 * 60
# Each alert's series, and three minutes: one at which all is well, one at which it fires, one at which it is over.
ALERTS = {
    "EtcdMemberDown": (three_members(1), 9, 15, 35),
    "EtcdQuorumLost": (three_members(2), 9, 15, 35),
    "EtcdNoLeader": ([gauge("etcd_server_has_leader", 1, 0)], 9, 15, 35),
    "EtcdLeaderFlaps": ([steady("etcd_server_leader_changes_seen_total", MEMBER, (0, 60), ("more by", 1, 6), (6, 120))], 60, 75, 140),
    "EtcdQuotaAt65": (quota(66), 9, 18, 35),
    "EtcdQuotaAt75": (quota(76), 9, 18, 35),
    "EtcdQuotaAt85": (quota(86), 9, 15, 35),
    "EtcdSlowFsync": (latency("etcd_disk_wal_fsync_duration_seconds"), 19, 45, 75),
    "EtcdSlowCommit": (latency("etcd_disk_backend_commit_duration_seconds"), 19, 45, 75),
    "EtcdPeersFar": (latency("etcd_network_peer_round_trip_time_seconds"), 19, 45, 75),
    "EtcdFragmented": ([steady("etcd_mvcc_db_total_size_in_bytes", MEMBER, (10**9, 1700)),
                        gauge("etcd_mvcc_db_total_size_in_use_in_bytes", 10**9, 10**8, minutes=1600)], 9 + 26 * 60, 1600, 1620),
    "CetcdDown": ([gauge("up", 1, 0, 'job="cetcd",instance="cetcd"')], 9, 15, 35),
    # Due at the first minute; an hour and five minutes later it is told, and made up for after eighty.
    "CetcdBackupOverdue": ([steady("cetcd_backup_due_timestamp_seconds", 'instance="etcd-1"', (0, 80), (10**6, 60))], 60, 75, 85),
    "CetcdBackupUnproved": ([gauge("cetcd_backup_newest_good_timestamp_seconds", 0, 90_000, 'instance="etcd-1"', 100),
                             steady("cetcd_backup_newest_proved_timestamp_seconds", 'instance="etcd-1"', (0, 170))], 65, 80, 115),
    "CetcdBackupDoesNotRestore": ([steady("cetcd_backup_drills_total", 'outcome="failure"', (0, 10), (1, DAY + 60))], 9, 15, DAY + 30),
    "CetcdBackupsFail": ([steady("cetcd_backup_snapshots_total", 'outcome="failure"', (0, 10), ("more by", 1, 6), (6, 120))], 9, 20, 90),
    "CetcdCertificateEnds": ([gauge("cetcd_controller_certificate_end_timestamp_seconds", 10**7, 10**5, 'instance="etcd-1"', 100)], 65, 80, 115),
    "CetcdActionsFail": ([steady("cetcd_controller_actions_total", 'outcome="failure"', (0, 20), ("more by", 2, 20), (40, 60)),
                          steady("cetcd_controller_actions_total", 'outcome="success"', (0, 100))], 20, 38, 65),
    "CetcdPanicked": ([steady("cetcd_api_handler_panics_total", 'instance="cetcd"', (0, 10), (1, 100))], 9, 15, 80),
}


@pytest.fixture(scope="module")
def promtool():
    folder = programs()
    return lambda *arguments: subprocess.run([f"{folder}/promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


def shipped():
    """The names of all alerts."""
    lines = (line.strip() for file in sorted(RULES.glob("*.yml")) for line in file.read_text().splitlines())
    return [line.removeprefix("- alert: ") for line in lines if line.startswith("- alert: ")]


def test_no_alert_is_without_its_series():
    assert sorted(shipped()) == sorted(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_is_over(promtool, tmp_path, alert):
    series, *minutes = ALERTS[alert]
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    looks = [{"expr": firing, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": value}]}
             for minute, value in zip(minutes, (0, 1, 0), strict=True)]
    tests = tmp_path / "tests.json"
    tests.write_text(json.dumps({
        "rule_files": [str(file) for file in sorted(RULES.glob("*.yml"))], "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": looks}],
    }))
    done = promtool("test", "rules", tests)
    assert done.returncode == 0, done.stdout + done.stderr
