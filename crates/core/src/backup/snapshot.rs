//! A snapshot as it is recorded, from when it was asked for.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Policy;
use crate::{Entropy, EtcdVersion, Instance, InstanceId};

/// A snapshot that was asked for, is being taken, or is there. It outlives its instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name, unique within the instance.
    pub name: String,
    /// The instance that it is of.
    pub instance: InstanceId,
    /// Owner of the instance.
    pub account: String,
    /// Region of the instance.
    pub region: String,
    /// Why it is taken.
    pub origin: Origin,
    /// How far it is.
    pub state: SnapshotState,
    /// When it was asked for, or the slot that it is for.
    pub requested_at: Timestamp,
    /// When the last try began.
    pub started_at: Option<Timestamp>,
    /// When the last try ended.
    pub ended_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong in the last try; empty otherwise.
    pub message: String,
    /// The task that shows it, where someone asked for it.
    pub task: Option<String>,
    /// The etcd user that takes it where auth asks for one. The password is sealed in the store, not here.
    pub user: Option<String>,
    /// The bucket that it goes to; the service's default where absent.
    pub bucket: Option<String>,
    /// What it is called in the object storage, drawn with the record: a try that is repeated finds what the one
    /// before it left.
    pub object: String,
    /// What it holds, once it is there.
    pub contents: Option<Contents>,
    /// How it was last proved.
    pub drill: Option<Drill>,
    /// Someone asked for it to be proved, whatever its policy says.
    #[serde(default)]
    pub drill_wanted: bool,
    /// The other accounts that may make instances of it.
    #[serde(default)]
    pub shared_with: BTreeSet<String>,
    /// It is to be removed.
    pub deleting: bool,
}

/// Why a snapshot is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Someone asked for it: only they remove it.
    Manual,
    /// A policy did.
    Policy {
        /// Its name.
        policy: String,
    },
    /// What an upgrade could be undone with.
    BeforeUpgrade {
        /// The version that was upgraded to.
        version: EtcdVersion,
    },
    /// What a restore replaced.
    BeforeRestore {
        /// The restore.
        restore: String,
    },
}

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotState {
    /// To be taken, or tried again.
    Pending,
    /// Being taken, or was when the control plane died.
    Running,
    /// There, whole.
    Done,
    /// Given up.
    Failed,
}

impl SnapshotState {
    /// The word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// What a snapshot holds, taken from itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The version that wrote it.
    pub version: EtcdVersion,
    /// The cluster that it is of.
    pub cluster_id: u64,
    /// The revision of its keys.
    pub revision: i64,
    /// How many revisions of keys it has, deletions among them.
    pub keys: u64,
    /// Bytes of the snapshot as etcd sent it.
    pub bytes: u64,
    /// Bytes that it takes in the object storage.
    pub stored_bytes: u64,
    /// SHA-256 of the snapshot, lower-case hex.
    pub sha256: String,
}

/// The outcome of restoring a snapshot to see whether it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When it ended.
    pub at: Timestamp,
    /// Whether what was restored is what the snapshot holds.
    pub passed: bool,
    /// Why not; empty where it passed.
    pub message: String,
    /// How long it took from nothing to a member that serves, in milliseconds.
    pub millis: u64,
}

/// After so many tries a snapshot is given up: the next slot, or its owner, asks for another.
pub const MOST_ATTEMPTS: u32 = 5;

/// The pause after a try that failed: 5 s, 10 s, 20 s … up to five minutes.
pub fn back_off(attempts: u32) -> SignedDuration {
    SignedDuration::from_secs((5i64 << attempts.saturating_sub(1).min(6)).min(300))
}

impl Snapshot {
    /// A snapshot of `instance` that was asked for at `requested_at` and is still to be taken. `object` is a name from
    /// [`Snapshot::draw_object`].
    pub fn wanted(instance: &Instance, name: String, origin: Origin, requested_at: Timestamp, object: String) -> Self {
        Self {
            name,
            instance: instance.id.clone(),
            account: instance.account.clone(),
            region: instance.region.clone(),
            origin,
            state: SnapshotState::Pending,
            requested_at,
            started_at: None,
            ended_at: None,
            attempts: 0,
            message: String::new(),
            task: None,
            user: None,
            bucket: None,
            object,
            contents: None,
            drill: None,
            drill_wanted: false,
            shared_with: BTreeSet::new(),
            deleting: false,
        }
    }

    /// The same for a slot of a policy.
    pub fn of_policy(instance: &Instance, policy: &Policy, slot: Timestamp, name: String, object: String) -> Self {
        let origin = Origin::Policy { policy: policy.name.clone() };
        Self {
            user: policy.settings.user.clone(),
            bucket: policy.settings.cos_bucket_name.clone(),
            ..Self::wanted(instance, name, origin, slot, object)
        }
    }

    /// A new name in the object storage: `snap-` and twelve of a-z0-9.
    pub fn draw_object(entropy: &dyn Entropy) -> String {
        format!("snap-{}", entropy.lowercase_alphanumeric(12))
    }

    /// Whether it was taken and nothing is known against it.
    pub fn is_good(&self) -> bool {
        self.state == SnapshotState::Done && !self.deleting && self.drill.as_ref().is_none_or(|drill| drill.passed)
    }

    /// Whether it was restored once, and was what it should be.
    pub fn is_proved(&self) -> bool {
        self.is_good() && self.drill.is_some()
    }

    /// Whether it is still to be taken.
    pub fn is_open(&self) -> bool {
        matches!(self.state, SnapshotState::Pending | SnapshotState::Running)
    }

    /// The policy that it is of.
    pub fn policy(&self) -> Option<&str> {
        match &self.origin {
            Origin::Policy { policy } => Some(policy),
            _ => None,
        }
    }

    /// Whether it is taken in its own time, and not as a step of a change.
    pub fn is_independent(&self) -> bool {
        matches!(self.origin, Origin::Manual | Origin::Policy { .. })
    }

    /// When its data is from: the start of the try that succeeded.
    pub fn taken_at(&self) -> Timestamp {
        self.started_at.unwrap_or(self.requested_at)
    }

    /// When it may be tried (again). One that was cut off by a crash: at once.
    pub fn next_try(&self) -> Timestamp {
        match (self.state, self.ended_at) {
            (SnapshotState::Pending, Some(ended)) if self.attempts > 0 => {
                ended.saturating_add(back_off(self.attempts)).unwrap_or(Timestamp::MAX)
            }
            _ => self.requested_at,
        }
    }

    /// A try begins.
    pub fn begin(&mut self, now: Timestamp) {
        self.state = SnapshotState::Running;
        self.started_at = Some(now);
        self.ended_at = None;
        self.attempts = self.attempts.saturating_add(1);
    }

    /// It is there.
    pub fn succeed(&mut self, contents: Contents, now: Timestamp) {
        self.state = SnapshotState::Done;
        self.ended_at = Some(now);
        self.contents = Some(contents);
        self.message.clear();
    }

    /// The try failed: it is tried again, or given up.
    pub fn fail(&mut self, message: &str, now: Timestamp) {
        let spent = self.attempts >= MOST_ATTEMPTS;
        self.state = if spent { SnapshotState::Failed } else { SnapshotState::Pending };
        self.ended_at = Some(now);
        message.clone_into(&mut self.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backup::testing::{contents, manual},
        testing::at,
    };

    #[test]
    fn a_snapshot_is_tried_with_longer_and_longer_pauses_and_then_given_up() {
        let mut snapshot = manual("m", 0);
        let mut pauses = Vec::new();
        while snapshot.is_open() {
            let now = snapshot.next_try();
            snapshot.begin(now);
            snapshot.fail("no leader", now);
            pauses.push(snapshot.next_try().duration_since(now).as_secs());
        }
        assert_eq!((snapshot.state, snapshot.attempts), (SnapshotState::Failed, MOST_ATTEMPTS));
        assert_eq!(pauses[..4], [5, 10, 20, 40]);
    }

    #[test]
    fn one_that_failed_its_drill_is_not_good() {
        let mut snapshot = manual("m", 0);
        snapshot.begin(at(1));
        snapshot.succeed(contents(), at(2));
        assert!(snapshot.is_good() && !snapshot.is_proved());
        snapshot.drill = Some(Drill { at: at(3), passed: false, message: "hash differs".into(), millis: 1 });
        assert!(!snapshot.is_good() && !snapshot.is_proved());
    }

    #[test]
    fn a_try_that_succeeds_leaves_no_message() {
        let mut snapshot = manual("m", 0);
        snapshot.begin(at(1));
        snapshot.fail("no leader", at(2));
        snapshot.begin(at(9));
        snapshot.succeed(contents(), at(10));
        assert_eq!((snapshot.message.as_str(), snapshot.taken_at()), ("", at(9)));
    }
}
