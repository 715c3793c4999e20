//! Warnings that only a look over some minutes can give.

use cetcd_core::{
    condition::{self, Condition, ConditionKind},
    status::MemberRecord,
};
use jiff::Timestamp;

use crate::{history::History, metric::Metric};

/// How long something must be so before it is said: what passes by itself is no reason to wake anyone.
const WINDOW_SECONDS: i64 = 300;
/// How much of the window must be known.
const ENOUGH: usize = 20;
/// etcd's own alerts begin at these, in seconds at the 99th percentile.
const SLOW_FSYNC: f64 = 0.5;
const SLOW_COMMIT: f64 = 0.25;
const FAR_PEER: f64 = 0.15;
/// More changes of the leader than these in a quarter of an hour are no accident.
const FLAPPING: f64 = 3.0;
const FLAPPING_SECONDS: i64 = 900;
/// How long a member's metrics may stay unread.
const UNREAD_SECONDS: i64 = 60;

/// How long members have to be watched before a condition of `kind` can be said to hold, in seconds.
pub fn needs(kind: ConditionKind) -> i64 {
    match kind {
        ConditionKind::DiskFast | ConditionKind::PeersNear => WINDOW_SECONDS,
        ConditionKind::LeaderStable => FLAPPING_SECONDS,
        ConditionKind::MetricsRead => UNREAD_SECONDS,
        _ => 0,
    }
}

/// Judges an instance by the histories of its members, into `conditions`. `calm`: nothing is being changed, so that
/// its leader stays where it is unless something is wrong.
pub fn judge<'a>(
    members: impl Iterator<Item = (&'a MemberRecord, Option<&'a History>)>,
    watched_since: Timestamp,
    calm_since: Option<Timestamp>,
    now: Timestamp,
    conditions: &mut Vec<Condition>,
) {
    let (mut slow, mut far, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let mut changes = 0.0f64;
    for (member, history) in members {
        let ordinal = member.ordinal;
        let steady = |metric| history.and_then(|history| mean(history, metric, now));
        for (metric, limit, what) in [
            (Metric::FsyncLatency, SLOW_FSYNC, "to write its log"),
            (Metric::CommitLatency, SLOW_COMMIT, "to commit to its database"),
        ] {
            if let Some(seconds) = steady(metric).filter(|seconds| *seconds > limit) {
                slow.push(format!("member {ordinal} takes {:.0} ms {what}", seconds * 1000.0));
            }
        }
        if let Some(seconds) = steady(Metric::PeerRoundTrip).filter(|seconds| *seconds > FAR_PEER) {
            far.push(format!("member {ordinal} waits {:.0} ms for its peers", seconds * 1000.0));
        }
        if let (Some(history), Some(calm)) = (history, calm_since) {
            let from = (now.as_second() - FLAPPING_SECONDS).max(calm.as_second());
            let seen: f64 = history.points(Metric::LeaderChanges, from, now.as_second()).map(|point| point.value).sum();
            // Every member sees the same changes.
            changes = changes.max(seen);
        }
        let last = history.and_then(History::read_at).unwrap_or(watched_since).max(watched_since);
        if now.as_second() - last.as_second() > UNREAD_SECONDS {
            unread.push(format!("the metrics of member {ordinal} were last read at {last}"));
        }
    }
    let flapping =
        if changes > FLAPPING { vec![format!("the leader changed {changes:.0} times in 15 minutes")] } else { vec![] };
    for (kind, reasons) in [
        (ConditionKind::DiskFast, slow),
        (ConditionKind::PeersNear, far),
        (ConditionKind::LeaderStable, flapping),
        (ConditionKind::MetricsRead, unread),
    ] {
        condition::set(conditions, kind, reasons.is_empty(), reasons.join("; "), now);
    }
}

/// The mean over the window; `None` where too little of it is known.
fn mean(history: &History, metric: Metric, now: Timestamp) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u32);
    for point in history.points(metric, now.as_second() - WINDOW_SECONDS, now.as_second()) {
        sum += point.value;
        count += 1;
    }
    (count as usize >= ENOUGH).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::text::Reading;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn member() -> MemberRecord {
        serde_json::from_value(serde_json::json!({
            "ordinal": 1, "subnet_id": "subnet-abcd1234", "zone": "z", "client": "127.0.0.1:2379",
            "peer": "127.0.0.1:2380", "phase": "Running", "version": null,
            "run": {"version": "v3.5.30", "security": {"https": true, "client_cert_auth": true},
                    "auto_compaction": null, "quota_bytes": 1, "resources": null},
        }))
        .unwrap()
    }

    /// A recorded series: ten seconds apart, from second 0, with the text of each reading.
    fn recorded(texts: impl Iterator<Item = String>) -> (History, Timestamp) {
        let mut history = History::default();
        let mut now = at(0);
        for (turn, text) in (0..).zip(texts) {
            now = at(turn * 10);
            history.add(now, Reading::parse(&text), 720);
        }
        (history, now)
    }

    fn said(history: &History, now: Timestamp, conditions: &mut Vec<Condition>) -> Vec<ConditionKind> {
        let member = member();
        judge([(&member, Some(history))].into_iter(), at(0), Some(at(0)), now, conditions);
        conditions.iter().filter(|condition| !condition.holds).map(|condition| condition.kind).collect()
    }

    fn latency(family: &str, bound: &str, turns: usize) -> impl Iterator<Item = String> {
        let lines = move |turn: usize, bounds: [&str; 3]| -> String {
            let line = |le: &str| format!("{family}_bucket{{le=\"{le}\"}} {}\n", if le < bound { 0 } else { turn * 9 });
            bounds.map(line).concat()
        };
        (0..turns).map(move |turn| lines(turn, ["0.1", "0.8", "~Inf"]).replace("~Inf", "+Inf"))
    }

    #[test]
    fn a_slow_disk_is_said_after_minutes_and_taken_back() {
        let (quick, slow) = ("0.1", "0.8");
        for family in ["etcd_disk_wal_fsync_duration_seconds", "etcd_disk_backend_commit_duration_seconds"] {
            let mut conditions = Vec::new();
            let (history, now) = recorded(latency(family, slow, 15));
            assert_eq!(said(&history, now, &mut conditions), []);
            let (history, now) = recorded(latency(family, slow, 40));
            assert_eq!(said(&history, now, &mut conditions), [ConditionKind::DiskFast]);
            let (history, now) = recorded(latency(family, quick, 80));
            assert_eq!(said(&history, now, &mut conditions), []);
        }
    }

    #[test]
    fn far_peers_are_said_and_taken_back() {
        let (family, mut conditions) = ("etcd_network_peer_round_trip_time_seconds", Vec::new());
        let (history, now) = recorded(latency(family, "0.8", 40));
        assert_eq!(said(&history, now, &mut conditions), [ConditionKind::PeersNear]);
        let (history, now) = recorded(latency(family, "0.1", 80));
        assert_eq!(said(&history, now, &mut conditions), []);
    }

    #[test]
    fn a_leader_that_changes_often_is_said_until_it_has_stayed() {
        let changes = |turn: usize| format!("etcd_server_leader_changes_seen_total {}\n", turn.min(5));
        let mut conditions = Vec::new();
        let (history, now) = recorded((0..7).map(changes));
        assert_eq!(said(&history, now, &mut conditions), [ConditionKind::LeaderStable]);
        let (history, now) = recorded((0..120).map(changes));
        assert_eq!(said(&history, now, &mut conditions), []);
    }

    #[test]
    fn changes_of_the_leader_that_were_planned_are_not_counted() {
        let (history, now) = recorded((0..7).map(|turn| format!("etcd_server_leader_changes_seen_total {turn}\n")));
        let (member, mut conditions) = (member(), Vec::new());
        judge([(&member, Some(&history))].into_iter(), at(0), None, now, &mut conditions);
        judge([(&member, Some(&history))].into_iter(), at(0), Some(now), now, &mut conditions);
        assert!(conditions.iter().all(|condition| condition.holds), "{conditions:?}");
    }

    #[test]
    fn a_member_whose_metrics_stay_unread_is_named() {
        let (history, now) = recorded(["process_open_fds 1".to_owned()].into_iter());
        let mut conditions = Vec::new();
        assert_eq!(said(&history, now, &mut conditions), []);
        assert_eq!(said(&history, at(now.as_second() + 61), &mut conditions), [ConditionKind::MetricsRead]);
        assert!(conditions.iter().any(|condition| condition.reason.contains("member 1")), "{conditions:?}");
        let mut history = history;
        history.add(at(now.as_second() + 70), Reading::default(), 720);
        assert_eq!(said(&history, at(now.as_second() + 71), &mut conditions), []);
    }

    #[test]
    fn what_holds_for_want_of_knowledge_takes_as_long_to_be_known_as_it_takes_to_be_said() {
        let long = [ConditionKind::DiskFast, ConditionKind::PeersNear].map(needs);
        assert_eq!(long, [WINDOW_SECONDS; 2]);
        assert_eq!((needs(ConditionKind::LeaderStable), needs(ConditionKind::Quorum)), (FLAPPING_SECONDS, 0));
    }
}
