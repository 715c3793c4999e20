//! What can go wrong in a turn.

/// The controller's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a turn could not do what it planned. Every kind is tried again: a turn that follows reads all anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] cetcd_store::Error),
    /// The runtime failed.
    #[error(transparent)]
    Runtime(#[from] cetcd_runtime::Error),
    /// A member or the installation of a version failed.
    #[error(transparent)]
    Etcd(#[from] cetcd_etcd::Error),
    /// Certificates could not be made.
    #[error("certificates cannot be issued: {0}")]
    Certificates(#[from] cetcd_pki::Error),
    /// A backup could not be taken, read or removed.
    #[error(transparent)]
    Backup(#[from] crate::backups::BackupError),
    /// A Prometheus could not be seen to.
    #[error(transparent)]
    Prometheus(#[from] cetcd_prometheus::Error),
    /// Someone else wrote first; the next turn sees what.
    #[error("{what} changed while it was being acted upon")]
    Conflict {
        /// The record.
        what: String,
    },
    /// A record that the plan presumes is not there.
    #[error("{what} is missing from the store")]
    Missing {
        /// The record.
        what: String,
    },
    /// A subnet is no longer configured.
    #[error("subnet {subnet} is not in the configured networks; add it to `networks` again")]
    UnknownSubnet {
        /// Its ID.
        subnet: String,
    },
    /// What was restored is not what the snapshot holds.
    #[error("what was restored from {snapshot} is not what it holds: {reason}")]
    RestoredOtherwise {
        /// The snapshot's name.
        snapshot: String,
        /// What differs.
        reason: String,
    },
    /// A member's metrics are not those of etcd.
    #[error("the metrics of {member} lack {metric}")]
    Metrics {
        /// The member's name.
        member: String,
        /// What was looked for.
        metric: &'static str,
    },
    /// The Prometheus that is to watch an instance has not come to that, or the one before has not let go.
    #[error("{reason}")]
    NotYetWatched {
        /// Who, and what is waited for.
        reason: String,
    },
    /// The Prometheus that is to watch an instance does not.
    #[error("the instance is not watched as it should be: {reason}")]
    NotWatched {
        /// Who, and why.
        reason: String,
    },
}

impl Error {
    /// Whether it is only too early: for etcd, with a learner that lags or a member that has just come back, or for a
    /// Prometheus.
    pub fn is_too_early(&self) -> bool {
        use cetcd_etcd::Error as Etcd;
        if matches!(self, Self::NotYetWatched { .. }) {
            return true;
        }
        let Self::Etcd(error) = self else { return false };
        matches!(
            error,
            Etcd::NotInSync { .. }
                | Etcd::TooManyLearners
                | Etcd::UnsafeReconfiguration { .. }
                | Etcd::NotLeader { .. }
        )
    }

    /// Whether it is no fault at all, only a race that the next turn settles.
    pub fn is_race(&self) -> bool {
        match self {
            Self::Conflict { .. } => true,
            Self::Store(error) => error.is_retryable(),
            _ => false,
        }
    }
}
