//! What goes wrong, in words that say what to do.

use std::{net::SocketAddr, path::PathBuf};

use cetcd_core::EtcdVersion;

/// What went wrong with a member, a version or its installation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The member does not answer, or not in time.
    #[error("{address} does not serve: {reason}")]
    NotServing {
        /// Its client address.
        address: SocketAddr,
        /// Why, in words.
        reason: String,
    },
    /// No member was named that could be asked.
    #[error("there is no member to be asked")]
    NobodyToAsk,
    /// The member does not let the control plane do it.
    #[error(
        "{address} does not take the control plane for root: {reason}; give the password of its user root with \
         ModifyEtcdAttribute"
    )]
    NotRoot {
        /// Its client address.
        address: SocketAddr,
        /// What etcd said.
        reason: String,
    },
    /// The learner lags behind the leader, or did not start yet.
    #[error("member {id:x} is not in sync with the leader yet")]
    NotInSync {
        /// The learner.
        id: u64,
    },
    /// There is a learner already.
    #[error("the cluster has as many learners as it takes; promote or remove one first")]
    TooManyLearners,
    /// etcd holds the change for one that would cost the quorum.
    #[error("etcd refuses to change the members: {reason}; it takes all voters that are up and connected for 5 s")]
    UnsafeReconfiguration {
        /// What etcd said.
        reason: String,
    },
    /// The cluster has no such member.
    #[error("the cluster has no member {id:x}")]
    NoSuchMember {
        /// The member.
        id: u64,
    },
    /// The member does not lead the cluster.
    #[error("{address} does not lead its cluster")]
    NotLeader {
        /// Its client address.
        address: SocketAddr,
    },
    /// The member cannot lead: it is a learner, or away.
    #[error("member {id:x} cannot become leader")]
    CannotLead {
        /// The member.
        id: u64,
    },
    /// The history of that revision is gone.
    #[error("revision {revision} was compacted")]
    Compacted {
        /// The revision.
        revision: i64,
    },
    /// The member has not seen that revision yet.
    #[error("revision {revision} is not there yet")]
    FutureRevision {
        /// The revision.
        revision: i64,
    },
    /// There is no user root whose password could be set.
    #[error("the cluster has no user root; turn auth on, which makes it")]
    NoRootUser,
    /// A CORRUPT alarm is raised: the cluster does nothing but tell and clear its alarms.
    #[error("the cluster refuses to work since members hold different data; repair them, then disarm its alarm")]
    Corrupt,
    /// etcd refused, for another reason.
    #[error("{address} refuses: {reason}")]
    Refused {
        /// The member's client address.
        address: SocketAddr,
        /// What etcd said.
        reason: String,
    },
    /// What the member sent is no whole snapshot. The file was thrown away.
    #[error("the snapshot from {address} was thrown away: {reason}")]
    BadSnapshot {
        /// The member's client address.
        address: SocketAddr,
        /// What is wrong with it.
        reason: String,
    },
    /// The version must not be run.
    #[error("etcd {version} is not offered: {why}")]
    NeverOffered {
        /// The version.
        version: EtcdVersion,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The version is not there, and downloads are off.
    #[error(
        "etcd {version} is not installed and downloads are off; run `make versions`, or put its binaries into {}",
        folder.display()
    )]
    NotInstalled {
        /// The version.
        version: EtcdVersion,
        /// The folder in which its binaries would be found.
        folder: PathBuf,
    },
    /// Nothing tells what the version's archive must hash to.
    #[error(
        "etcd {version} is not installed and no SHA-256 is known for its {platform} archive; add the sum to the \
         configuration, or put its binaries into {}",
        folder.display()
    )]
    NoSum {
        /// The version.
        version: EtcdVersion,
        /// Operating system and architecture.
        platform: String,
        /// The folder in which its binaries would be found.
        folder: PathBuf,
    },
    /// The archive could not be fetched.
    #[error(
        "cannot download {url}: {reason}; where there is no way to it, run `make versions`, or put the binaries of etcd \
         {version} into {}",
        folder.display()
    )]
    Download {
        /// The version.
        version: EtcdVersion,
        /// The archive.
        url: String,
        /// What happened.
        reason: String,
        /// The folder in which its binaries would be found.
        folder: PathBuf,
    },
    /// The archive is not the one that it should be. Nothing of it was unpacked.
    #[error("{url} has the SHA-256 {found}, not {expected}; it was thrown away: check where it comes from")]
    WrongSum {
        /// The archive.
        url: String,
        /// What it should hash to.
        expected: String,
        /// What it hashes to.
        found: String,
    },
    /// The archive holds no etcd that runs here. Nothing of it was kept.
    #[error("{url} is no release of etcd {version} for this machine: {reason}")]
    BadArchive {
        /// The version.
        version: EtcdVersion,
        /// The archive.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later without anything being changed by a person.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::NotServing { .. }
                | Self::NotInSync { .. }
                | Self::TooManyLearners
                | Self::UnsafeReconfiguration { .. }
                | Self::NotLeader { .. }
                | Self::CannotLead { .. }
                | Self::FutureRevision { .. }
                | Self::BadSnapshot { .. }
                | Self::Download { .. }
                | Self::Io { .. }
        )
    }

    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
