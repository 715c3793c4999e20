//! When backups are due: a grid of slots for each policy, spread over instances.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{InstanceId, instance::BackupSettings};

/// First runs of policies that were made together are spread over at most this time, in seconds.
const SPREAD_SECONDS: u64 = 3600;

/// When an instance is backed up, and how much is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name, unique within the instance.
    pub name: String,
    /// What it does.
    pub settings: BackupSettings,
    /// Where its grid of slots begins; the instance's creation where absent.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// The last slot for which a run was begun, so that none is made up twice. Written with the snapshot's record.
    #[serde(default)]
    pub last_slot: Option<Timestamp>,
    /// What is kept beside the newest `settings.max_count`.
    #[serde(default)]
    pub tiers: Tiers,
    /// Every so many of its snapshots are proved by restoring one; 0: none.
    #[serde(default = "every_one")]
    pub drill_every: u32,
}

/// How many snapshots are kept by age: the newest of each of so many hours, days and weeks (UTC, from Monday) that
/// have one. 0: none for that reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tiers {
    /// Hours.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// Weeks.
    pub weekly: u32,
}

fn every_one() -> u32 {
    1
}

impl Policy {
    /// A policy made at `now`, all of whose snapshots are proved.
    pub fn new(name: String, settings: BackupSettings, now: Timestamp) -> Self {
        Self {
            name,
            settings,
            created_at: Some(now),
            last_slot: None,
            tiers: Tiers::default(),
            drill_every: every_one(),
        }
    }

    /// Seconds between two runs; at least one.
    pub fn interval(&self) -> i64 {
        i64::try_from(self.settings.interval_seconds.max(1)).unwrap_or(i64::MAX)
    }

    /// The first slot. Instances that were made together do not meet there: each policy of each has a place of its
    /// own within the interval, or the first hour of a longer one. `born` is the instance's creation.
    pub fn first_slot(&self, instance: &InstanceId, born: Timestamp) -> Timestamp {
        let spread = self.settings.interval_seconds.clamp(1, SPREAD_SECONDS);
        let text = instance.as_str().bytes().chain([0]).chain(self.name.bytes());
        let hash = text.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        // The low bits of this hash follow the last bytes too closely.
        let jitter = (hash >> 17) % spread;
        later(self.created_at.unwrap_or(born), i64::try_from(jitter).unwrap_or_default())
    }

    /// The last slot that has come; `None` before the first.
    pub fn slot_before(&self, instance: &InstanceId, born: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let first = self.first_slot(instance, born);
        let passed = now.as_second() - first.as_second();
        (passed >= 0).then(|| later(first, passed / self.interval() * self.interval()))
    }

    /// The slot for which a run is due: the last one, unless a run was begun for it. Those before it that were
    /// missed are made up by the same run.
    pub fn due(&self, instance: &InstanceId, born: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let slot = self.slot_before(instance, born, now)?;
        self.last_slot.is_none_or(|last| last < slot).then_some(slot)
    }

    /// The first slot after `now`.
    pub fn next_slot(&self, instance: &InstanceId, born: Timestamp, now: Timestamp) -> Timestamp {
        match self.slot_before(instance, born, now) {
            Some(slot) => later(slot, self.interval()),
            None => self.first_slot(instance, born),
        }
    }
}

/// So many seconds after `at`; the end of time where that is before it.
fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backup::testing::policy, testing::at};

    fn id(text: &str) -> InstanceId {
        InstanceId::parse(text).expect("well formed")
    }

    #[test]
    fn slots_are_an_interval_apart_and_the_first_comes_within_it() {
        let policy = policy("p", 600, 3);
        let id = id("etcd-abcd1234");
        let first = policy.first_slot(&id, at(0)).as_second();
        assert!((0..600).contains(&first), "{first}");
        assert_eq!(policy.slot_before(&id, at(0), at(first - 1)), None);
        assert_eq!(policy.slot_before(&id, at(0), at(first)), Some(at(first)));
        assert_eq!(policy.slot_before(&id, at(0), at(first + 1799)), Some(at(first + 1200)));
        assert_eq!(policy.next_slot(&id, at(0), at(first - 1)), at(first));
        assert_eq!(policy.next_slot(&id, at(0), at(first)), at(first + 600));
    }

    #[test]
    fn instances_made_together_are_not_backed_up_together() {
        let policy = policy("default-backup-policy", 3600, 24);
        let slots: std::collections::BTreeSet<i64> =
            (0..100).map(|n| policy.first_slot(&id(&format!("etcd-abcd12{n:02}")), at(0)).as_second() / 60).collect();
        assert!(slots.len() > 30, "100 instances share {} of 60 minutes", slots.len());
    }

    #[test]
    fn a_long_interval_does_not_leave_an_instance_without_a_backup_for_as_long() {
        let policy = policy("weekly", 7 * 24 * 3600, 4);
        assert!(policy.first_slot(&id("etcd-abcd1234"), at(0)) < at(3600));
    }

    #[test]
    fn runs_that_were_missed_are_due_once() {
        let mut policy = policy("p", 60, 3);
        let id = id("etcd-abcd1234");
        let slot = policy.due(&id, at(0), at(100_000)).expect("many were missed");
        policy.last_slot = Some(slot);
        assert_eq!(policy.due(&id, at(0), at(100_000)), None);
        assert_eq!(policy.due(&id, at(0), policy.next_slot(&id, at(0), at(100_000))), Some(later(slot, 60)));
    }

    #[test]
    fn a_record_from_before_is_still_read() {
        let text = r#"{"name":"default-backup-policy","settings":{"interval_seconds":3600,"max_count":24,"user":null,"cos_bucket_name":null}}"#;
        let policy: Policy = serde_json::from_str(text).expect("the form of the first release");
        assert_eq!((policy.drill_every, policy.created_at, policy.tiers), (1, None, Tiers::default()));
    }
}
