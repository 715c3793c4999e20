//! Conditions: what is true of an instance now, why, and since when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionKind {
    /// Every member serves linearizable reads.
    MembersHealthy,
    /// More than half of the voters serve.
    Quorum,
    /// The endpoint accepts connections.
    EndpointServing,
    /// The endpoint accepts connections at the public address, where there is to be one.
    PublicAddressServing,
    /// The data of every member fits into DiskSize.
    DiskWithinLimit,
    /// CPU and memory limits are in force where they are asked for.
    ResourcesLimited,
    /// No member has raised NOSPACE.
    SpaceLeft,
    /// Every certificate was replaced in time.
    CertificatesFresh,
    /// Members hold the same data.
    DataConsistent,
    /// Every member that the cluster lists is one of ours.
    MembersKnown,
    /// No backend is near its quota.
    QuotaLeft,
    /// Little of the backends is free pages.
    Fragmentation,
    /// The last reconciliation could do what it planned.
    Reconciled,
    /// Members write to their disks in the time that etcd needs.
    DiskFast,
    /// Members reach each other in the time that etcd needs.
    PeersNear,
    /// The leader stays where it is while nothing is being changed.
    LeaderStable,
    /// Every member's metrics can be read.
    MetricsRead,
    /// The Prometheus that is to watch the instance serves, and reads every member.
    MonitoringServed,
    /// The newest good backup is as recent as the policies want.
    BackupsRecent,
    /// The last backup that was restored for proof was what it should be.
    BackupsProved,
}

/// One condition. `holds` true is the good state for every kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about.
    pub kind: ConditionKind,
    /// Whether the good state holds.
    pub holds: bool,
    /// Why, in a sentence that names members and figures; empty where there is nothing to say.
    pub reason: String,
    /// When `holds` last changed.
    pub since: Timestamp,
}

/// Puts `kind` at its new value, keeping `since` while `holds` does not change. Answers whether `holds` or
/// the reason changed.
pub fn set(conditions: &mut Vec<Condition>, kind: ConditionKind, holds: bool, reason: String, now: Timestamp) -> bool {
    match conditions.iter_mut().find(|condition| condition.kind == kind) {
        Some(condition) if condition.holds == holds && condition.reason == reason => false,
        Some(condition) => {
            if condition.holds != holds {
                condition.since = now;
            }
            condition.holds = holds;
            condition.reason = reason;
            true
        }
        None => {
            conditions.push(Condition { kind, holds, reason, since: now });
            conditions.sort_by_key(|condition| condition.kind);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_moves_only_when_the_state_changes() {
        let at = |s| Timestamp::from_second(s).expect("small");
        let mut all = Vec::new();
        assert!(set(&mut all, ConditionKind::Quorum, true, String::new(), at(1)));
        assert!(!set(&mut all, ConditionKind::Quorum, true, String::new(), at(2)));
        assert!(set(&mut all, ConditionKind::Quorum, true, "3 of 3".into(), at(3)));
        assert_eq!(all[0].since, at(1));
        assert!(set(&mut all, ConditionKind::Quorum, false, "1 of 3".into(), at(4)));
        assert_eq!(all[0].since, at(4));
    }
}
