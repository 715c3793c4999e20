//! Which snapshots have had their time. Pure.

use std::collections::BTreeSet;

use jiff::{
    Timestamp,
    civil::{self, ISOWeekDate},
    tz::TimeZone,
};

use crate::SnapshotId;

/// How many snapshots are kept. What any of the rules keeps is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The newest, so many.
    pub last: u32,
    /// The newest of each of the newest so many hours in which there are any; hours, days and weeks (from Monday)
    /// are those of UTC.
    pub hourly: u32,
    /// The same for days.
    pub daily: u32,
    /// The same for weeks.
    pub weekly: u32,
}

/// A snapshot as retention sees it. Give it those to which one policy applies: what another took, or a person,
/// is not its business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its ID.
    pub id: SnapshotId,
    /// When it was whole.
    pub finished_at: Timestamp,
    /// What is known of its worth.
    pub worth: Worth,
}

/// What is known of a snapshot's worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// A drill restored it.
    Proved,
    /// It was stored whole; no drill was made with it.
    Untried,
    /// A drill failed with it, or its manifest cannot be read.
    Bad,
}

/// Those that no rule keeps, the oldest first.
///
/// The newest that is not bad is kept whatever the rules say, and so is the newest that was proved. Bad ones do not
/// count as kept ones: they cannot push out good ones, and go when as many newer good ones are kept.
pub fn expired(candidates: &[Candidate], rules: Rules) -> Vec<SnapshotId> {
    let mut newest_first: Vec<&Candidate> = candidates.iter().collect();
    newest_first.sort_by(|a, b| (b.finished_at, &b.id).cmp(&(a.finished_at, &a.id)));
    let good = || newest_first.iter().filter(|candidate| candidate.worth != Worth::Bad);

    let mut kept: BTreeSet<&SnapshotId> = BTreeSet::new();
    let newest_good = good().next();
    let newest_proved = good().find(|candidate| candidate.worth == Worth::Proved);
    kept.extend(newest_good.into_iter().chain(newest_proved).map(|candidate| &candidate.id));
    kept.extend(good().take(rules.last as usize).map(|candidate| &candidate.id));
    for (count, period) in [(rules.hourly, hour as fn(_) -> _), (rules.daily, day), (rules.weekly, week)] {
        let mut left = count;
        let mut last = None;
        for candidate in good() {
            let period = period(candidate.finished_at);
            if left > 0 && last != Some(period) {
                kept.insert(&candidate.id);
                left -= 1;
            }
            last = Some(period);
        }
    }
    // A bad one is kept as the trace of a failure while it is among the newest, and where there is no good one.
    let oldest_of_last = good().take(rules.last.max(1) as usize).last().map(|candidate| candidate.finished_at);
    let bad = newest_first.iter().filter(|candidate| candidate.worth == Worth::Bad);
    kept.extend(
        bad.filter(|candidate| oldest_of_last.is_none_or(|oldest| candidate.finished_at >= oldest))
            .take(rules.last.max(1) as usize)
            .map(|candidate| &candidate.id),
    );
    newest_first.iter().rev().filter(|candidate| !kept.contains(&candidate.id)).map(|c| c.id.clone()).collect()
}

fn hour(time: Timestamp) -> (civil::Date, i8) {
    let time = time.to_zoned(TimeZone::UTC);
    (time.date(), time.hour())
}

fn day(time: Timestamp) -> (civil::Date, i8) {
    (time.to_zoned(TimeZone::UTC).date(), 0)
}

fn week(time: Timestamp) -> (civil::Date, i8) {
    let week = time.to_zoned(TimeZone::UTC).date().iso_week_date();
    (week.first_of_week().map_or_else(|_| week.date(), ISOWeekDate::date), 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        // A Monday, at midnight.
        let start: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        start + jiff::SignedDuration::from_mins(minutes)
    }

    fn candidate(number: i64, minutes: i64, worth: Worth) -> Candidate {
        Candidate { id: SnapshotId::parse(&format!("snap-{number}")).unwrap(), finished_at: at(minutes), worth }
    }

    /// One every so many minutes, numbered from the oldest.
    fn every(minutes: i64, count: i64) -> Vec<Candidate> {
        (0..count).map(|n| candidate(n, n * minutes, Worth::Untried)).collect()
    }

    fn kept(candidates: &[Candidate], rules: Rules) -> String {
        let gone = expired(candidates, rules);
        let kept = candidates.iter().filter(|candidate| !gone.contains(&candidate.id));
        kept.map(|candidate| candidate.id.as_str().trim_start_matches("snap-")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_newest_so_many_are_kept() {
        assert_eq!(kept(&every(60, 6), Rules { last: 3, ..Rules::default() }), "3 4 5");
    }

    #[test]
    fn the_oldest_goes_first() {
        let gone = expired(&every(60, 4), Rules { last: 2, ..Rules::default() });
        assert_eq!(gone.iter().map(SnapshotId::as_str).collect::<Vec<_>>(), ["snap-0", "snap-1"]);
    }

    #[test]
    fn of_each_hour_day_and_week_the_newest_is_kept() {
        assert_eq!(kept(&every(20, 9), Rules { hourly: 2, ..Rules::default() }), "5 8");
        assert_eq!(kept(&every(8 * 60, 9), Rules { daily: 3, ..Rules::default() }), "2 5 8");
        assert_eq!(kept(&every(24 * 60, 16), Rules { weekly: 3, ..Rules::default() }), "6 13 15");
    }

    #[test]
    fn hours_without_a_snapshot_do_not_count() {
        let sparse = [candidate(0, 0, Worth::Untried), candidate(1, 5000, Worth::Untried)];
        assert_eq!(kept(&sparse, Rules { hourly: 2, ..Rules::default() }), "0 1");
    }

    #[test]
    fn bad_ones_push_out_no_good_one() {
        let mut candidates = every(60, 3);
        candidates.extend((3..9).map(|n| candidate(n, n * 60, Worth::Bad)));
        assert_eq!(kept(&candidates, Rules { last: 2, ..Rules::default() }), "1 2 7 8");
    }

    #[test]
    fn the_newest_proved_one_is_kept_beside_newer_ones_that_nobody_tried() {
        let mut candidates = every(60, 8);
        candidates[1].worth = Worth::Proved;
        assert_eq!(kept(&candidates, Rules { last: 2, ..Rules::default() }), "1 6 7");
    }

    proptest! {
        #[test]
        fn the_newest_good_one_is_never_collected(
            candidates in proptest::collection::vec((0..100_000_i64, 0..3_u8), 0..40),
            last in 0..5_u32, hourly in 0..3_u32, daily in 0..3_u32, weekly in 0..3_u32,
        ) {
            let worth = |n| [Worth::Proved, Worth::Untried, Worth::Bad][usize::from(n)];
            let candidates: Vec<_> =
                (0..).zip(candidates).map(|(n, (minutes, kind))| candidate(n, minutes, worth(kind))).collect();
            let rules = Rules { last, hourly, daily, weekly };
            let gone = expired(&candidates, rules);
            let good = || candidates.iter().filter(|candidate| candidate.worth != Worth::Bad);
            for newest in [
                good().max_by_key(|candidate| (candidate.finished_at, &candidate.id)),
                good().filter(|c| c.worth == Worth::Proved).max_by_key(|c| (c.finished_at, &c.id)),
            ] {
                prop_assert!(newest.is_none_or(|newest| !gone.contains(&newest.id)));
            }
            let most = last + hourly + daily + weekly + 2;
            let left = good().filter(|candidate| !gone.contains(&candidate.id)).count();
            prop_assert!(left <= most as usize);
            prop_assert!(left >= (last as usize).min(good().count()));
            // Nothing more goes when what was to go is gone.
            let rest: Vec<_> = candidates.iter().filter(|c| !gone.contains(&c.id)).cloned().collect();
            prop_assert_eq!(expired(&rest, rules), Vec::new());
        }
    }
}
