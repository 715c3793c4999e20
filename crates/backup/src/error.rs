//! What goes wrong, in words that say what to do.

use std::io;

use cetcd_core::{EtcdVersion, InstanceId};

use crate::SnapshotId;

/// What went wrong with a backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The setting cannot be understood.
    #[error("{url:?} is no place for backups: {reason}")]
    Url {
        /// The setting, without what may be secret in it.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such object.
    #[error("there is no {path} in the storage of backups")]
    NotFound {
        /// The object.
        path: String,
    },
    /// There is no such snapshot.
    #[error("{instance} has no snapshot {id}")]
    NoSnapshot {
        /// The instance.
        instance: InstanceId,
        /// The snapshot.
        id: SnapshotId,
    },
    /// There is a snapshot with that ID.
    #[error("{instance} has a snapshot {id} already")]
    Exists {
        /// The instance.
        instance: InstanceId,
        /// The snapshot.
        id: SnapshotId,
    },
    /// The storage does not answer, or not in time, or broke off.
    #[error("the storage of backups cannot {doing}: {reason}; it is tried again")]
    Unavailable {
        /// What was tried, with the object.
        doing: String,
        /// What it said.
        reason: String,
    },
    /// The storage refuses: the bucket is not there, the credentials are not right, the request is not allowed.
    #[error("the storage of backups refuses to {doing}: {reason}; check `backup.url` and its credentials")]
    Refused {
        /// What was tried, with the object.
        doing: String,
        /// What it said.
        reason: String,
    },
    /// The storage, or the disk for temporary files, is full.
    #[error("there is no space left to {doing}: {reason}; free some, or keep fewer snapshots")]
    Full {
        /// What was tried, with the object.
        doing: String,
        /// What it said.
        reason: String,
    },
    /// What is stored is not what was stored. It is of no use.
    #[error("snapshot {id} of {instance} is damaged and cannot be used: {reason}")]
    Damaged {
        /// The instance.
        instance: InstanceId,
        /// The snapshot.
        id: SnapshotId,
        /// What is wrong.
        reason: String,
    },
    /// A newer version of this program wrote it.
    #[error("snapshot {id} of {instance} has the format {format}, which this version does not know")]
    Newer {
        /// The instance.
        instance: InstanceId,
        /// The snapshot.
        id: SnapshotId,
        /// Its format.
        format: u32,
    },
    /// The member did not give a snapshot, or not to its end.
    #[error("no snapshot could be had: {0}")]
    Source(#[from] cetcd_etcd::Error),
    /// What the member gave is no whole snapshot. Nothing of it was kept.
    #[error("what the member sent is no snapshot and was thrown away: {reason}")]
    BadSnapshot {
        /// What is wrong with it.
        reason: String,
    },
    /// The binaries of that version hold nothing that restores snapshots.
    #[error(
        "etcd {version} is installed without the tool that restores snapshots; put its etcdutl (before 3.5: etcdctl) beside its etcd"
    )]
    NoTool {
        /// The version.
        version: EtcdVersion,
    },
    /// etcd's own tool did not do it.
    #[error("{tool} did not restore the snapshot: {reason}")]
    Tool {
        /// Its name.
        tool: String,
        /// What it said.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later without anything being changed by a person.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::BadSnapshot { .. } | Self::Io { .. } => true,
            Self::Source(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// What the operating system refused, with the full disk told apart.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { doing, reason: source.to_string() }
            }
            _ => Self::Io { doing, source },
        }
    }
}
