//! Events: what was seen of an instance, what was done about it, and why, in the order in which it happened.
//!
//! They tell people; nothing is decided by them. What follows from a change of the status is found by comparing the
//! two statuses, so that it is told in the transaction that records the change, and once.

mod action;
mod change;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use action::of_action;
pub use change::{of_change, tell_conditions};

/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 512;

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Which of its list: the next one has the next number.
    pub number: u64,
    /// When it was seen or done.
    pub at: Timestamp,
    /// What it is.
    pub kind: EventKind,
    /// How much it matters.
    pub level: Level,
    /// The member that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<u32>,
    /// What it is about beside the member: a version, a condition, a snapshot.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Why, in a sentence; empty where there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The task that was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

impl Event {
    /// An event that nobody wrote yet, of no importance, about the instance as a whole.
    pub fn new(kind: EventKind, at: Timestamp) -> Self {
        let (detail, reason) = (String::new(), String::new());
        Self { number: 0, at, kind, level: Level::Info, member: None, detail, reason, task: None }
    }

    /// The same, mattering that much.
    #[must_use]
    pub fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// The same about a member.
    #[must_use]
    pub fn member(self, ordinal: u32) -> Self {
        Self { member: Some(ordinal), ..self }
    }

    /// The same about something.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The same for a reason, of which the beginning is kept.
    #[must_use]
    pub fn reason(self, reason: &str) -> Self {
        Self { reason: reason.chars().take(LONGEST_REASON).collect(), ..self }
    }
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Info,
    /// Something was missing, or will be.
    Warning,
    /// Clients suffer, or what was asked for did not come about.
    Error,
}

impl Level {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident,)+) => {
        /// What an event is, by the API's words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The API's word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)+
                }
            }
        }
    };
}

kinds! {
    /// A change was accepted.
    TaskBegun,
    /// It has come about.
    TaskDone,
    /// It has not, and is not tried any more.
    TaskFailed,
    /// The instance's status word is another.
    StatusChanged,
    /// Something that should be so is not.
    ConditionRaised,
    /// It is so again.
    ConditionCleared,
    /// A member serves.
    MemberServing,
    /// A member that served does not.
    MemberDown,
    /// A member whose process had ended was started.
    MemberRestarted,
    /// The process of a member was ended.
    MemberEnded,
    /// A member was stopped to be started with something else.
    MemberRolled,
    /// The same with another version.
    MemberUpgraded,
    /// A member was added to the cluster.
    MemberAdded,
    /// A member that was added was started.
    MemberJoined,
    /// A learner has a vote.
    MemberPromoted,
    /// A member was taken out of the cluster.
    MemberRemoved,
    /// The data of a member was put aside, so that it joins anew.
    MemberReplaced,
    /// The first members were started.
    ClusterStarted,
    /// They are a cluster.
    ClusterFormed,
    /// The lead was handed to another member.
    LeaderMoved,
    /// Another member leads.
    LeaderChanged,
    /// The endpoint passes to other members, or listens elsewhere.
    EndpointChanged,
    /// Binaries were brought.
    VersionInstalled,
    /// Members' metrics are read.
    MonitoringStarted,
    /// Authentication was turned on or off, or root has another password.
    AuthChanged,
    /// Certificates were made.
    CertificatesIssued,
    /// Members have the certificates that were made.
    CertificatesDelivered,
    /// The instance goes from one CA to the next.
    AuthorityChanged,
    /// History was compacted.
    Compacted,
    /// A backend was defragmented.
    Defragmented,
    /// An alarm of etcd's was taken back.
    AlarmDisarmed,
    /// A snapshot is stored.
    BackupTaken,
    /// A snapshot could not be taken.
    BackupFailed,
    /// A snapshot was removed.
    BackupRemoved,
    /// A snapshot was restored for proof.
    DrillPassed,
    /// A snapshot does not restore.
    DrillFailed,
    /// A step of going on without a quorum.
    Recovery,
    /// A step of a restore.
    Restore,
}
