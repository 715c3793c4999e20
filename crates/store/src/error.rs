//! What can go wrong in a store.

use std::path::PathBuf;

use crate::LeaseId;

/// A store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, on what, and what to do. A comparison that does not hold is not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The watch asks for a revision that is no longer kept, or fell behind.
    #[error("the history starts at revision {oldest}: read the range again and watch from its revision + 1")]
    Compacted {
        /// The lowest revision that can be watched from.
        oldest: u64,
    },
    /// The lease is unknown, was revoked or has expired.
    #[error("lease {0} does not exist (unknown, revoked or expired): grant a new one")]
    LeaseNotFound(LeaseId),
    /// A time to live of zero, or past [`crate::MAX_TTL`].
    #[error("a lease lives from one millisecond up to 366 days")]
    InvalidTtl,
    /// The key cannot be stored.
    #[error("invalid key {key:?}: {reason}")]
    InvalidKey {
        /// The key, cut where it is too long to show.
        key: String,
        /// Why not.
        reason: &'static str,
    },
    /// A value or a transaction is past its limit.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size, in bytes or items.
        size: usize,
        /// The most there may be.
        limit: usize,
    },
    /// Another process holds the write lock; nothing was changed.
    #[error("the store is locked by another process: try again")]
    Busy,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database was written by a newer version of this program.
    #[error(
        "{} has schema version {found}, this program knows up to {supported}: run the newer program",
        path.display()
    )]
    Schema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        supported: i64,
    },
    /// A file could not be read, made or protected.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The disk, the database or the machine failed.
    #[error("the store failed to {doing}: check the disk and the database file")]
    Backend {
        /// What was being done.
        doing: &'static str,
        /// The backend's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The master key's file is not one that may be used.
    #[error("the master key {} cannot be used: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A sealed value does not open: changed, moved to another record, or sealed by another key.
    #[error("a sealed value does not open: it was changed, moved, or sealed under another master key")]
    NotAuthentic,
}

impl Error {
    /// Whether the same call may succeed when it is simply made again; nothing was changed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::Busy)
    }

    /// A database error, told apart by what the caller can do about it.
    pub(crate) fn database(doing: &'static str, source: rusqlite::Error) -> Self {
        if is_busy(&source) { Error::Busy } else { Error::Backend { doing, source: Box::new(source) } }
    }
}

/// Whether another connection's lock is all that stands in the way.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked))
}
