//! Conditions: what is true of an instance now, why, and since when.

mod words;

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

/// How urgent it is that a good state does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known; nothing suffers.
    Info,
    /// Somebody should look, by day.
    Warning,
    /// Clients suffer, or will soon.
    Critical,
}

impl Severity {
    /// As alerting systems call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl ConditionKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::MembersHealthy,
        Self::Quorum,
        Self::EndpointServing,
        Self::PublicAddressServing,
        Self::DiskWithinLimit,
        Self::ResourcesLimited,
        Self::SpaceLeft,
        Self::CertificatesFresh,
        Self::DataConsistent,
        Self::MembersKnown,
        Self::QuotaLeft,
        Self::Fragmentation,
        Self::Reconciled,
        Self::DiskFast,
        Self::PeersNear,
        Self::LeaderStable,
        Self::MetricsRead,
        Self::MonitoringServed,
        Self::BackupsRecent,
        Self::BackupsProved,
    ];

    /// Its name, in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MembersHealthy => "MembersHealthy",
            Self::Quorum => "Quorum",
            Self::EndpointServing => "EndpointServing",
            Self::PublicAddressServing => "PublicAddressServing",
            Self::DiskWithinLimit => "DiskWithinLimit",
            Self::ResourcesLimited => "ResourcesLimited",
            Self::SpaceLeft => "SpaceLeft",
            Self::CertificatesFresh => "CertificatesFresh",
            Self::DataConsistent => "DataConsistent",
            Self::MembersKnown => "MembersKnown",
            Self::QuotaLeft => "QuotaLeft",
            Self::Fragmentation => "Fragmentation",
            Self::Reconciled => "Reconciled",
            Self::DiskFast => "DiskFast",
            Self::PeersNear => "PeersNear",
            Self::LeaderStable => "LeaderStable",
            Self::MetricsRead => "MetricsRead",
            Self::MonitoringServed => "MonitoringServed",
            Self::BackupsRecent => "BackupsRecent",
            Self::BackupsProved => "BackupsProved",
        }
    }

    /// How urgent it is where the good state does not hold, unless the condition is graded.
    pub fn severity(self) -> Severity {
        match self {
            Self::Quorum | Self::EndpointServing | Self::SpaceLeft | Self::DataConsistent => Severity::Critical,
            Self::ResourcesLimited | Self::Fragmentation => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// Whether it follows from how members and the endpoint serve, which a change that was asked for may interrupt.
    pub fn is_about_serving(self) -> bool {
        matches!(self, Self::MembersHealthy | Self::Quorum | Self::EndpointServing | Self::PublicAddressServing)
    }
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
    /// How urgent it is, where that depends on more than the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Severity>,
    /// How urgent it was when an event last told that it does not hold; absent once one told that it holds again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Severity>,
}

impl Condition {
    /// A condition that nobody was told of.
    pub fn new(kind: ConditionKind, holds: bool, reason: String, since: Timestamp) -> Self {
        Self { kind, holds, reason, since, grade: None, told: None }
    }

    /// How urgent it is where the good state does not hold.
    pub fn severity(&self) -> Severity {
        self.grade.unwrap_or_else(|| self.kind.severity())
    }
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
            conditions.push(Condition::new(kind, holds, reason, now));
            conditions.sort_by_key(|condition| condition.kind);
            true
        }
    }
}

/// Says how urgent `kind` is now, where that depends on more than the kind.
pub fn grade(conditions: &mut [Condition], kind: ConditionKind, grade: Option<Severity>) {
    if let Some(condition) = conditions.iter_mut().find(|condition| condition.kind == kind) {
        condition.grade = grade;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_name_that_it_is_stored_by() {
        for kind in ConditionKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.as_str());
        }
    }

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
