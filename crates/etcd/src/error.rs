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
        matches!(self, Self::NotServing { .. } | Self::Download { .. } | Self::Io { .. })
    }

    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
