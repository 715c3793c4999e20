//! Whether backups are as recent as their policies want, and whether they restore.

use std::borrow::Borrow;

use jiff::{SignedDuration, Timestamp};

use super::{Policy, Snapshot, SnapshotState};
use crate::{
    Instance,
    condition::{Condition, ConditionKind},
};

/// What a run may be late before it is told of: a quarter of the interval, or five minutes where that is less.
const LEAST_GRACE: i64 = 300;

/// How long a snapshot may wait to be proved: drills of all instances are done one at a time, and yield to load.
const DRILL_PATIENCE: i64 = 6 * 3600;

/// What is true of an instance's backups at `now`.
pub fn conditions(
    instance: &Instance,
    policies: &[impl Borrow<Policy>],
    snapshots: &[impl Borrow<Snapshot>],
    now: Timestamp,
) -> Vec<Condition> {
    let policies: Vec<&Policy> = policies.iter().map(Borrow::borrow).collect();
    let snapshots: Vec<&Snapshot> = snapshots.iter().map(Borrow::borrow).collect();
    vec![recent(instance, &policies, &snapshots, now), proved(instance, &policies, &snapshots, now)]
}

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn newest<'a>(snapshots: &[&'a Snapshot], wanted: impl Fn(&Snapshot) -> bool) -> Option<&'a Snapshot> {
    snapshots.iter().copied().filter(|snapshot| wanted(snapshot)).max_by_key(|snapshot| snapshot.taken_at())
}

/// The newest good snapshot against the policy with the shortest interval.
fn recent(instance: &Instance, policies: &[&Policy], snapshots: &[&Snapshot], now: Timestamp) -> Condition {
    let kind = ConditionKind::BackupsRecent;
    let Some(policy) = policies.iter().min_by_key(|policy| policy.interval()) else {
        return Condition::new(kind, true, "no policy takes backups".to_owned(), instance.created_at);
    };
    let interval = policy.interval();
    let limit = interval.saturating_add((interval / 4).max(LEAST_GRACE));
    let newest = newest(snapshots, Snapshot::is_good);
    let from = newest.map_or_else(|| policy.first_slot(&instance.id, instance.created_at), Snapshot::taken_at);
    let overdue_at = after(from, limit);
    let holds = now < overdue_at;
    let mut reason = match newest {
        Some(snapshot) => format!(
            "the newest good backup, {}, is {} s old; policy {} wants one every {interval} s",
            snapshot.name,
            now.duration_since(snapshot.taken_at()).as_secs().max(0),
            policy.name,
        ),
        None => format!("there is no good backup yet; policy {} wants one every {interval} s", policy.name),
    };
    let failed = snapshots.iter().filter(|s| !s.message.is_empty()).max_by_key(|s| s.ended_at);
    if let (false, Some(failed)) = (holds, failed) {
        reason = format!("{reason}; {} failed: {}", failed.name, failed.message);
    }
    Condition::new(kind, holds, reason, if holds { from } else { overdue_at })
}

/// The last drill passed, and none that is wanted has waited for long.
fn proved(instance: &Instance, policies: &[&Policy], snapshots: &[&Snapshot], now: Timestamp) -> Condition {
    let kind = ConditionKind::BackupsProved;
    let drilled = snapshots.iter().filter_map(|snapshot| Some((snapshot, snapshot.drill.as_ref()?)));
    let last = drilled.max_by_key(|(_, drill)| drill.at);
    if let Some((snapshot, drill)) = last
        && !drill.passed
    {
        let reason = format!("{} does not restore: {}", snapshot.name, drill.message);
        return Condition::new(kind, false, reason, drill.at);
    }
    let wants = |snapshot: &Snapshot| {
        let policy = policies.iter().find(|policy| Some(policy.name.as_str()) == snapshot.policy());
        policy.is_some_and(|policy| policy.drill_every == 1)
    };
    let is_open = |snapshot: &&&Snapshot| {
        snapshot.state == SnapshotState::Done && !snapshot.deleting && snapshot.drill.is_none() && wants(snapshot)
    };
    // One that waits behind newer ones is no worse: the newest are proved first.
    let newest_proved = newest(snapshots, Snapshot::is_proved).map(Snapshot::taken_at);
    let newer = |snapshot: &&&Snapshot| newest_proved.is_none_or(|proved| snapshot.taken_at() > proved);
    let oldest = snapshots.iter().filter(is_open).filter(newer).min_by_key(|snapshot| snapshot.taken_at());
    if let Some(snapshot) = oldest {
        let overdue_at = after(snapshot.ended_at.unwrap_or(snapshot.requested_at), DRILL_PATIENCE);
        if now >= overdue_at {
            let reason = format!("{} waits to be restored for proof since {DRILL_PATIENCE} s and more", snapshot.name);
            return Condition::new(kind, false, reason, overdue_at);
        }
    }
    match last {
        Some((snapshot, drill)) => {
            let reason = format!("{} was restored in {} ms and compared", snapshot.name, drill.millis);
            Condition::new(kind, true, reason, drill.at)
        }
        None => Condition::new(kind, true, "no backup was restored for proof yet".to_owned(), instance.created_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backup::{
            Drill,
            testing::{policy, taken},
        },
        testing::{at, instance},
    };

    fn seen(policies: &[Policy], snapshots: &[Snapshot], now: i64) -> [(bool, String, i64); 2] {
        let all = conditions(&instance(1), policies, snapshots, at(now));
        assert_eq!([all[0].kind, all[1].kind], [ConditionKind::BackupsRecent, ConditionKind::BackupsProved]);
        [0, 1].map(|n| (all[n].holds, all[n].reason.clone(), all[n].since.as_second()))
    }

    #[test]
    fn a_backup_is_overdue_once_the_last_is_older_than_the_shortest_interval_and_its_grace() {
        let policies = [policy("p", 3600, 3), policy("daily", 86_400, 3)];
        let all = [taken("p", 10_000)];
        assert!(seen(&policies, &all, 10_000 + 4499)[0].0);
        let (holds, reason, since) = seen(&policies, &all, 10_000 + 4500 + 7)[0].clone();
        assert!(!holds && reason.contains("4507 s old"), "{reason}");
        assert_eq!(since, 14_500);
        let made_up_for = [taken("p", 10_000), taken("p", 14_507)];
        assert!(seen(&policies, &made_up_for, 14_508)[0].0);
    }

    #[test]
    fn a_new_instance_has_until_after_its_first_slot() {
        let p = policy("p", 3600, 3);
        let first = p.first_slot(&instance(1).id, at(0)).as_second();
        assert!(seen(std::slice::from_ref(&p), &[], first + 4499)[0].0);
        assert!(!seen(&[p], &[], first + 4500)[0].0);
    }

    #[test]
    fn what_went_wrong_is_told_with_what_is_overdue() {
        let mut failed = taken("p", 5000);
        failed.fail("the bucket is full", at(5001));
        let (holds, reason, _) = seen(&[policy("p", 600, 3)], &[failed], 90_000)[0].clone();
        assert!(!holds && reason.contains("the bucket is full"), "{reason}");
    }

    #[test]
    fn a_failed_drill_is_told_until_a_later_one_passes() {
        let mut all = vec![taken("p", 100), taken("p", 200)];
        all[0].drill = Some(Drill { at: at(150), passed: false, message: "3 keys are missing".into(), millis: 9 });
        let (holds, reason, since) = seen(&[policy("p", 600, 3)], &all, 300)[1].clone();
        assert!(!holds && reason == "p-100 does not restore: 3 keys are missing", "{reason}");
        assert_eq!(since, 150);
        all[1].drill = Some(Drill { at: at(250), passed: true, message: String::new(), millis: 9 });
        assert!(seen(&[policy("p", 600, 3)], &all, 300)[1].0);
    }

    #[test]
    fn a_drill_that_does_not_come_is_told_until_it_has_come() {
        let all = [taken("p", 100)];
        assert!(seen(&[policy("p", 600, 3)], &all, 101 + DRILL_PATIENCE - 1)[1].0);
        assert!(!seen(&[policy("p", 600, 3)], &all, 101 + DRILL_PATIENCE)[1].0);
        let mut proved = all.clone();
        proved[0].drill = Some(Drill { at: at(101 + DRILL_PATIENCE), passed: true, message: String::new(), millis: 9 });
        assert!(seen(&[policy("p", 600, 3)], &proved, 102 + DRILL_PATIENCE)[1].0);
        let mut never = policy("p", 600, 3);
        never.drill_every = 0;
        assert!(seen(&[never], &all, 101 + DRILL_PATIENCE)[1].0);
    }
}
