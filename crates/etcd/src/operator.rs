//! What day-two work asks of live members: membership, leadership, alarms, space, auth, snapshots.
//!
//! Every operation may be repeated after any failure: what is already so is success. Every one is bounded in
//! time, and [`Error::is_retryable`] tells whether asking again can help without a person.

use std::{collections::BTreeMap, fmt, path::Path};

use async_trait::async_trait;
use cetcd_core::InstanceId;
use zeroize::Zeroizing;

use crate::{Error, EtcdAdmin, SnapshotStream, Target, offline::OnDisk};

/// Operations on clusters that are in use. `through` names members to be asked in turn, until one answers;
/// put those that serve first. Learners answer nothing but [`status`](Self::status) and snapshots.
#[async_trait]
pub trait EtcdOperator: EtcdAdmin {
    /// The passwords with which members of `instance` are asked as root where they do not take the control
    /// plane's certificate for root, that is where https or client certificates are off: each in turn, until
    /// one is right, which is the first from then on. None forgets them. They are used only once a member
    /// refuses without, so that they may be told before auth is on.
    fn log_in_with(&self, instance: &InstanceId, root_passwords: &[&str]);

    /// The members of the cluster by rising ID, after a read that took a quorum.
    async fn members(&self, through: &[Target]) -> Result<Vec<ClusterMember>, Error>;

    /// The members as the asked one knows them, by rising ID; no quorum is needed, and nothing of it is linearizable.
    async fn known_members(&self, target: &Target) -> Result<Vec<ClusterMember>, Error>;

    /// Adds a member that serves its peers at `peer_url`, and answers its ID. Where a member with that URL is
    /// there already, its ID, whether it is a learner or not. etcd 3.3 has no learners and adds a voter: a cluster of one
    /// serves nobody from then until the second has started.
    ///
    /// etcd refuses with [`Error::TooManyLearners`] a second learner, and with
    /// [`Error::UnsafeReconfiguration`] where a voter is away, or came back less than 5 s ago.
    async fn add_member(&self, through: &[Target], peer_url: &str, learner: bool) -> Result<u64, Error>;

    /// Makes a learner a voter. [`Error::NotInSync`] while it lags behind the leader or did not start yet,
    /// [`Error::NoSuchMember`] where it is not in the cluster.
    async fn promote_member(&self, through: &[Target], id: u64) -> Result<(), Error>;

    /// Takes a member out of the cluster. [`Error::UnsafeReconfiguration`] where the others would have no
    /// quorum. Ask another member than the one that goes, and move leadership away from it first.
    async fn remove_member(&self, through: &[Target], id: u64) -> Result<(), Error>;

    /// Hands leadership from the member at `leader` to the voter `to`, and waits until it leads.
    /// [`Error::NotLeader`] where `leader` does not lead (any more): look again who does.
    async fn move_leader(&self, leader: &Target, to: u64) -> Result<(), Error>;

    /// Makes all `members` keep a raft snapshot of a moment after this call began, by entries in the log that change
    /// nothing. It takes seconds; clients go on meanwhile. All must serve and have a vote. See
    /// [`must_age`](crate::must_age) for why.
    async fn age_log(&self, members: &[Target]) -> Result<(), Error>;

    /// The alarms that are raised, as agreed by a quorum.
    async fn alarms(&self, through: &[Target]) -> Result<Vec<Alarm>, Error>;

    /// Clears one alarm. Its cause is not looked at: etcd raises it again with the next write that is too much.
    async fn disarm(&self, through: &[Target], alarm: &Alarm) -> Result<(), Error>;

    /// Drops the history before `revision`, and waits up to two minutes until the asked member has freed it;
    /// where it was compacted before, nothing is waited for. [`Error::FutureRevision`] for one that is not
    /// there yet.
    async fn compact(&self, through: &[Target], revision: i64) -> Result<(), Error>;

    /// Gives the free pages of the member's database back to the file system, in up to ten minutes. It serves
    /// nobody meanwhile; etcd finishes it even where the answer is not waited for.
    async fn defragment(&self, target: &Target) -> Result<(), Error>;

    /// The hash of the member's keys up to `revision`; 0 is what it has now, which differs between members
    /// that are asked at different times. Compare only hashes with the same `revision` and `compact_revision`.
    /// [`Error::Compacted`] or [`Error::FutureRevision`] where the member has not (or no more) that revision.
    async fn hash_kv(&self, target: &Target, revision: i64) -> Result<KvHash, Error>;

    /// What the member says of itself; no quorum is needed, and nothing of it is linearizable.
    async fn status(&self, target: &Target) -> Result<MemberStatus, Error>;

    /// What the member's data directory says of it: for one that does not answer. It may be behind what the running
    /// process knows.
    async fn on_disk(&self, data: &Path) -> Result<OnDisk, Error>;

    /// Whether auth is on, as agreed by a quorum.
    async fn auth_enabled(&self, through: &[Target]) -> Result<bool, Error>;

    /// Makes the user root with this password and the role root, and turns auth on. Where auth is on, sets
    /// the password. The password is also used as by [`log_in_with`](Self::log_in_with) from then on.
    async fn enable_auth(&self, through: &[Target], root_password: &str) -> Result<(), Error>;

    /// Turns auth off. Users and roles stay.
    async fn disable_auth(&self, through: &[Target]) -> Result<(), Error>;

    /// Gives the user root this password; [`Error::NoRootUser`] where there is none yet. Root's clients log in
    /// anew, unless auth is on and it is the password already.
    async fn set_root_password(&self, through: &[Target], password: &str) -> Result<(), Error>;

    /// Begins a snapshot of the member's database, over a connection of its own; as `login`, where there is one and the
    /// member does not take the control plane's certificate for root. Its parts fail with
    /// [`Error::BadSnapshot`] after 30 s without a byte. Whether it is whole tells a
    /// [`SnapshotCheck`](crate::SnapshotCheck) of all parts.
    async fn snapshot(&self, target: &Target, login: Option<&Login>) -> Result<SnapshotStream, Error>;

    /// Writes a snapshot of the member's database to `into`, which is replaced only when the snapshot is whole
    /// and its hash right. The file is 0600, and what it holds is in its [`SnapshotInfo`]. Given up on after
    /// 30 s without a byte. `etcdutl snapshot restore` takes it.
    async fn snapshot_to_file(&self, target: &Target, into: &Path) -> Result<SnapshotInfo, Error>;
}

/// A user of a cluster.
#[derive(Clone)]
pub struct Login {
    /// Its name; it has the role root, without which etcd gives no snapshot.
    pub user: String,
    /// Its password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, redacted)", self.user)
    }
}

/// A member as the cluster knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterMember {
    /// Its raft ID.
    pub id: u64,
    /// Its name; empty until it started for the first time.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Whether it has no vote.
    pub learner: bool,
}

/// Something that keeps a cluster from working fully until it is disarmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Alarm {
    /// The member that raised it; 0 or the wrong one is possible for [`AlarmKind::Corrupt`].
    pub member_id: u64,
    /// What it is about.
    pub kind: AlarmKind,
}

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A database reached its quota: no member takes writes that grow it.
    NoSpace,
    /// Members hold different data: nobody is served.
    Corrupt,
}

/// The hash of a member's keys up to a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvHash {
    /// CRC-32 (Castagnoli) over keys and values with their revisions.
    pub hash: u32,
    /// The revision up to which history was compacted when it was taken.
    pub compact_revision: i64,
    /// The revision up to which it was taken.
    pub revision: i64,
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// The cluster's ID.
    pub cluster_id: u64,
    /// The member's own ID.
    pub member_id: u64,
    /// Who leads in its eyes; `None` while there is no leader.
    pub leader_id: Option<u64>,
    /// The raft term.
    pub raft_term: u64,
    /// The last index known to be committed.
    pub raft_index: u64,
    /// The last index that it applied; 3.3 does not tell.
    pub applied_index: Option<u64>,
    /// The revision of its keys.
    pub revision: i64,
    /// The size of its database file in bytes.
    pub database_bytes: u64,
    /// How much of it is in use, in bytes; 3.3 does not tell.
    pub database_bytes_in_use: Option<u64>,
    /// Whether it has no vote.
    pub learner: bool,
    /// Its version, without a `v`.
    pub version: String,
    /// What is wrong, in its own words: alarms, no leader; 3.3 does not tell.
    pub errors: Vec<String>,
}

/// What a snapshot holds, taken from the snapshot itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotInfo {
    /// Its size in bytes, with the 32 of its hash.
    pub bytes: u64,
    /// The SHA-256 of everything before its last 32 bytes, which are the same: lower-case hex.
    pub sha256: String,
    /// The revision of its keys.
    pub revision: i64,
    /// Up to where history was compacted, or is to be once a member starts with it; 0 where it never was.
    pub compact_revision: i64,
    /// Whether that was still under way.
    pub compaction_pending: bool,
    /// How many revisions of keys it has, deletions among them. `etcdutl snapshot status` says the same from
    /// 3.6; before, it also counts leases, users and all else.
    pub total_keys: u64,
    /// The CRC-32 (Castagnoli) over all that it holds, which `etcdutl snapshot status` shows as its hash.
    pub hash: u32,
    /// The last raft index that is applied in it; 0 where it does not tell.
    pub consistent_index: u64,
    /// What each of etcd's buckets holds: `key`, `lease`, `auth`, `authUsers`, `authRoles`, `members`, …
    pub buckets: BTreeMap<String, SnapshotBucket>,
}

/// What a bucket of etcd's database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotBucket {
    /// How many entries it has.
    pub entries: u64,
    /// The CRC-32 (Castagnoli) over its keys and values in their order.
    pub crc: u32,
}
