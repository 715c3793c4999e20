//! What is kept. The newest good snapshot always is, and so is the newest that was proved.

use std::collections::BTreeSet;

use super::{Origin, Policy, Snapshot, SnapshotState};

/// Snapshots from before upgrades, and those from before restores: so many of each are kept.
pub const KEPT_BEFORE_CHANGES: usize = 5;

/// Policies' runs that were given up: so many are kept to be seen.
pub const KEPT_FAILED: usize = 3;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// 1970-01-01 was a Thursday: weeks begin three days before it.
const MONDAY: i64 = -3 * DAY;

/// Those of `snapshots` (all of one instance) that need not be kept, the oldest first. Never one that someone asked
/// for, nor one of a policy that is no more: whoever removed the policy may want them.
pub fn surplus<'a>(policies: &[Policy], snapshots: &'a [Snapshot]) -> Vec<&'a Snapshot> {
    let mut all: Vec<&Snapshot> = snapshots.iter().filter(|snapshot| !snapshot.deleting).collect();
    all.sort_by(|a, b| b.taken_at().cmp(&a.taken_at()).then_with(|| b.name.cmp(&a.name)));
    let done = || all.iter().copied().filter(|snapshot| snapshot.state == SnapshotState::Done);

    let mut kept: BTreeSet<&str> = BTreeSet::new();
    kept.extend(done().find(|snapshot| snapshot.is_good()).map(name));
    kept.extend(done().find(|snapshot| snapshot.is_proved()).map(name));
    for policy in policies {
        keep(policy, done().filter(|snapshot| snapshot.policy() == Some(&policy.name)), &mut kept);
    }
    let is_before_upgrade = |snapshot: &&Snapshot| matches!(snapshot.origin, Origin::BeforeUpgrade { .. });
    let is_before_restore = |snapshot: &&Snapshot| matches!(snapshot.origin, Origin::BeforeRestore { .. });
    kept.extend(done().filter(is_before_upgrade).take(KEPT_BEFORE_CHANGES).map(name));
    kept.extend(done().filter(is_before_restore).take(KEPT_BEFORE_CHANGES).map(name));
    let failed = |snapshot: &&&Snapshot| snapshot.state == SnapshotState::Failed;
    kept.extend(all.iter().filter(failed).take(KEPT_FAILED).map(|snapshot| name(snapshot)));

    let is_ours = |snapshot: &&Snapshot| match &snapshot.origin {
        Origin::Manual => false,
        Origin::Policy { policy } => policies.iter().any(|known| known.name == *policy),
        Origin::BeforeUpgrade { .. } | Origin::BeforeRestore { .. } => true,
    };
    let mut surplus: Vec<&Snapshot> =
        all.into_iter().filter(|s| !s.is_open() && is_ours(s) && !kept.contains(s.name.as_str())).collect();
    surplus.reverse();
    surplus
}

fn name(snapshot: &Snapshot) -> &str {
    &snapshot.name
}

/// Keeps of a policy's snapshots, the newest first, what it says. One that failed its drill takes no place.
fn keep<'a>(policy: &Policy, snapshots: impl Iterator<Item = &'a Snapshot>, kept: &mut BTreeSet<&'a str>) {
    let good: Vec<&Snapshot> = snapshots.filter(|snapshot| snapshot.is_good()).collect();
    kept.extend(good.iter().take(policy.settings.max_count as usize).map(|snapshot| name(snapshot)));
    let tiers = &policy.tiers;
    for (count, length, from) in [(tiers.hourly, HOUR, 0), (tiers.daily, DAY, 0), (tiers.weekly, WEEK, MONDAY)] {
        let mut periods = BTreeSet::new();
        for snapshot in &good {
            if periods.len() >= count as usize {
                break;
            }
            // The newest of its period comes first.
            if periods.insert((snapshot.taken_at().as_second() - from).div_euclid(length)) {
                kept.insert(name(snapshot));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        backup::{
            Drill, Tiers,
            testing::{manual, policy, taken},
        },
        testing::at,
    };

    fn names<'a>(snapshots: &[&'a Snapshot]) -> Vec<&'a str> {
        snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect()
    }

    fn failed_drill(mut snapshot: Snapshot) -> Snapshot {
        snapshot.drill = Some(Drill { at: at(0), passed: false, message: "hash".to_owned(), millis: 0 });
        snapshot
    }

    #[test]
    fn the_oldest_beyond_the_count_go_first() {
        let all: Vec<Snapshot> = (1..=5).map(|n| taken("p", n * 100)).collect();
        assert_eq!(names(&surplus(&[policy("p", 100, 2)], &all)), ["p-100", "p-200", "p-300"]);
    }

    #[test]
    fn what_someone_asked_for_is_theirs_to_remove() {
        let mut all = vec![manual("mine", 1)];
        all[0].state = SnapshotState::Done;
        all.extend((1..=3).map(|n| taken("p", n * 100)));
        assert_eq!(names(&surplus(&[policy("p", 100, 1)], &all)), ["p-100", "p-200"]);
    }

    #[test]
    fn snapshots_of_a_policy_that_is_no_more_stay() {
        let all: Vec<Snapshot> = (1..=3).map(|n| taken("gone", n * 100)).collect();
        assert!(surplus(&[policy("p", 100, 1)], &all).is_empty());
    }

    #[test]
    fn the_newest_good_one_stays_where_all_after_it_failed_their_drill() {
        let mut all = vec![taken("p", 100)];
        all.extend((2..=6).map(|n| failed_drill(taken("p", n * 100))));
        let gone = surplus(&[policy("p", 100, 1)], &all);
        assert!(!names(&gone).contains(&"p-100"), "{:?}", names(&gone));
        assert_eq!(gone.len(), 5);
    }

    #[test]
    fn the_newest_of_each_hour_day_and_week_is_kept_for_as_many_as_are_wanted() {
        // Every half hour for three weeks from a Monday, 2023-11-13.
        let monday = 1_699_833_600;
        let all: Vec<Snapshot> = (0..3 * 7 * 48).map(|n| taken("p", monday + n * 1800)).collect();
        let mut p = policy("p", 1800, 1);
        p.tiers = Tiers { hourly: 3, daily: 2, weekly: 2 };
        let gone = surplus(&[p], &all);
        let gone = names(&gone);
        let kept: Vec<i64> =
            all.iter().filter(|s| !gone.contains(&s.name.as_str())).map(|s| s.taken_at().as_second()).collect();
        let last = monday + (3 * 7 * 48 - 1) * 1800;
        // The end of the second week, the end of the day before, and the newest of the last three hours.
        assert_eq!(kept, [monday + 14 * DAY - 1800, last - DAY, last - 2 * HOUR, last - HOUR, last]);
    }

    #[test]
    fn runs_that_were_given_up_do_not_pile_up() {
        let failed = |n: i64| {
            let mut snapshot = taken("p", n);
            snapshot.state = SnapshotState::Failed;
            snapshot
        };
        let all: Vec<Snapshot> = (1..=10).map(failed).collect();
        assert_eq!(surplus(&[policy("p", 100, 5)], &all).len(), 10 - KEPT_FAILED);
    }

    proptest! {
        #[test]
        fn the_newest_good_one_and_the_newest_proved_one_are_never_let_go(
            seconds in proptest::collection::btree_set(0i64..2_000_000, 1..40),
            verdicts in proptest::collection::vec(0u8..4, 40),
            count in 1u32..5, hourly in 0u32..4, daily in 0u32..4,
        ) {
            let mut p = policy("p", 60, count);
            p.tiers = Tiers { hourly, daily, weekly: 0 };
            let all: Vec<Snapshot> = seconds.iter().zip(&verdicts).map(|(second, verdict)| {
                let mut snapshot = taken("p", *second);
                match verdict {
                    0 => snapshot = failed_drill(snapshot),
                    1 => snapshot.drill = Some(Drill { at: at(*second), passed: true, message: String::new(), millis: 1 }),
                    2 => {}
                    _ => snapshot.state = SnapshotState::Failed,
                }
                snapshot
            }).collect();
            let gone = surplus(&[p], &all);
            for sought in [Snapshot::is_good, Snapshot::is_proved] {
                if let Some(newest) = all.iter().rev().find(|s| sought(s)) {
                    prop_assert!(gone.iter().all(|s| s.name != newest.name));
                }
            }
            let good = all.iter().filter(|s| s.is_good()).count();
            let good_kept = good - gone.iter().filter(|s| s.is_good()).count();
            prop_assert!(good_kept >= good.min(count as usize));
        }
    }
}
