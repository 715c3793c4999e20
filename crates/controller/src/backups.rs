//! Backups: what the controller asks of object storage, and the keeper of each instance's backups.
//!
//! ```text
//!   policies, snapshots ─► core::backup::plan::next ─► one thing: take · begin · collect · delete · drill
//! ```
//!
//! A keeper runs beside the reconciler of its instance, since a snapshot may take minutes and must not keep a member
//! from being healed. What it is about to do is recorded first; what is recorded and cut off is done again.

mod keeper;
mod metrics;
mod moving;
mod pace;
mod slots;
mod stored;
mod take;

use std::path::PathBuf;

use async_trait::async_trait;
use cetcd_core::{
    EtcdVersion, InstanceId,
    backup::{Contents, Drill, Snapshot},
};
use cetcd_etcd::{Login, admin::Target};

pub use keeper::{Keeper, Kept};
pub use metrics::BackupMetrics;
pub use slots::Slots;
pub use stored::{Parts, StoredBackups};
pub(crate) use take::{Cluster, take_now};

/// Object storage as the controller uses it. Every method may be repeated after any failure or crash and ends in the
/// same state.
#[async_trait]
pub trait Backups: Send + Sync + 'static {
    /// Sees to it that the snapshot `snapshot.object` is stored, streamed from the member at `from`; where it is there
    /// already, whole, nothing is asked of the member. Answers what it holds. It is listed only once it is whole.
    async fn take(&self, snapshot: &Snapshot, from: &Source) -> Result<Contents, BackupError>;

    /// The snapshots of the instance that are stored whole in `bucket` (the service's own where absent), as records.
    /// One that cannot be read is left out, and is told of in the log.
    async fn stored(&self, instance: &InstanceId, bucket: Option<&str>) -> Result<Vec<Snapshot>, BackupError>;

    /// Removes the snapshot: first what lists it, then its data. None is fine.
    async fn remove(&self, snapshot: &Snapshot) -> Result<(), BackupError>;

    /// Removes what tries left in `bucket` that were cut off. Not while one is under way.
    async fn collect_orphans(&self, instance: &InstanceId, bucket: Option<&str>) -> Result<(), BackupError>;

    /// Removes what the backups of the instance were encrypted with, once none of them is left.
    async fn forget(&self, instance: &InstanceId) -> Result<(), BackupError>;

    /// Brings the snapshot to where `restore` takes it from, and refuses one that is not what was stored, to the bit.
    /// Nothing of any member is touched.
    async fn fetch(&self, snapshot: &Snapshot, restore: &str) -> Result<(), BackupError>;

    /// Makes the data of `members` of the snapshot, with the tools of `version`, with its revisions raised and marked as
    /// compacted where the version has that. What `fetch` brought for this restore is used up; where it is gone it is
    /// brought again, and refused as `fetch` does.
    async fn restore(
        &self,
        snapshot: &Snapshot,
        restore: &str,
        version: &EtcdVersion,
        members: &[NewMember],
    ) -> Result<(), BackupError>;

    /// Restores the snapshot into a member of its own that is thrown away, and compares. That it does not restore is
    /// an outcome; an error is that it could not be tried.
    async fn drill(&self, snapshot: &Snapshot) -> Result<Drill, BackupError>;
}

/// A member whose data is made of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// Its name.
    pub name: String,
    /// What it is known by in the cluster.
    pub peer_url: String,
    /// Every member of the cluster: `name=https://peer`.
    pub initial_cluster: String,
    /// The cluster's token.
    pub token: String,
    /// Where its data is made; nothing is there.
    pub data_dir: PathBuf,
}

/// The member that a snapshot is taken from.
#[derive(Debug, Clone)]
pub struct Source {
    /// How to ask it.
    pub target: Target,
    /// Who asks, where its owner named someone other than root.
    pub login: Option<Login>,
    /// Its cluster.
    pub cluster_id: u64,
    /// The version that it runs.
    pub version: EtcdVersion,
    /// The size of its database in bytes, which the snapshot will have, about.
    pub database_bytes: u64,
}

/// Why object storage, or the member, did not do it. In words for the owner of the instance: without secrets.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct BackupError {
    /// What went wrong, on what, and what to do.
    pub reason: String,
    /// Whether what is stored is damaged: trying again does not help.
    pub damaged: bool,
}
