//! Metadata store: a trait like etcd's, with memory and SQLite backends.
//!
//! ```text
//!   Store ── get · range · txn(compare, then) · watch(from revision) · leases
//!     ├── memory::MemoryStore    for tests and the seeded simulation: no threads, no timers
//!     └── sqlite::SqliteStore    the embedded default: WAL, one writer thread, two readers
//! ```
//!
//! - Every change gets the next **revision**; a transaction is one revision, all of it or nothing.
//!   An empty store is at revision 1.
//! - A **watch** pulls from the kept history at its own pace. Writers never wait for it and nothing
//!   queues for it: one that falls behind the kept history gets [`Error::Compacted`] and reads the
//!   range again.
//! - Both backends decide a transaction's effect by the same pure code (`effect`), and one
//!   behaviour suite (`suite`) runs on both.
//! - [`seal`] keeps secrets encrypted at rest: values that hold secrets are sealed before they are
//!   put, under a key that is not in the store.

mod clock;
mod effect;
mod error;
pub mod events;
pub mod memory;
pub mod passwords;
pub mod records;
pub mod seal;
pub mod sqlite;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
#[cfg(test)]
mod tests;
mod txn;
mod types;
pub mod view;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, Result};
pub use txn::{Compare, MAX_KEY_BYTES, MAX_TXN_ITEMS, MAX_VALUE_BYTES, Op, Txn};
pub use types::{Entry, Event, EventKind, LeaseId, Range, TxnOutcome, prefix_end};
pub use watch::Watch;

/// The first revision of an empty store, as in etcd; the first change is the next one.
pub const FIRST_REVISION: u64 = 1;

/// The most revisions of history that a store keeps for watches by default.
pub const DEFAULT_HISTORY: u64 = 10_000;

/// The longest time to live of a lease.
pub const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 3600);

/// Refuses a time to live that no store accepts.
pub(crate) fn check_ttl(ttl: Duration) -> Result<()> {
    if ttl.as_millis() == 0 || ttl > MAX_TTL {
        return Err(Error::InvalidTtl);
    }
    Ok(())
}

/// A linearizable, revisioned key-value store.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// The entry at `key`, or `None` where there is none.
    async fn get(&self, key: &str) -> Result<Option<Entry>>;

    /// All entries whose key starts with `prefix` (`""`: all there are), in key order, as they
    /// were at one revision, which is returned with them.
    async fn range(&self, prefix: &str) -> Result<Range>;

    /// Applies `then` where every comparison holds, else `otherwise`; one revision, all or
    /// nothing, durable when this returns. A comparison that fails is not an error:
    /// [`TxnOutcome::succeeded`] is false.
    ///
    /// The outcome of an [`Error::Backend`] or of a dropped future may be either: read before
    /// deciding again, or let a comparison decide.
    async fn txn(&self, txn: Txn) -> Result<TxnOutcome>;

    /// The changes of keys that start with `prefix`, from `from_revision` on (inclusive), in
    /// order. After a [`range`](Store::range), watch from `range.revision + 1`; 0 means from now
    /// on. A revision that the store no longer keeps is [`Error::Compacted`], at once or, for a
    /// watcher that fell behind, later.
    async fn watch(&self, prefix: &str, from_revision: u64) -> Result<Watch>;

    /// A new lease: the keys put with it go when nothing kept it alive for `ttl`.
    /// `ttl` is between a millisecond and [`MAX_TTL`].
    async fn grant(&self, ttl: Duration) -> Result<LeaseId>;

    /// Gives the lease its whole time to live again, from now.
    async fn keep_alive(&self, id: LeaseId) -> Result<()>;

    /// Ends the lease and deletes its keys in one revision.
    async fn revoke(&self, id: LeaseId) -> Result<()>;
}

#[async_trait::async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        (**self).get(key).await
    }
    async fn range(&self, prefix: &str) -> Result<Range> {
        (**self).range(prefix).await
    }
    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        (**self).txn(txn).await
    }
    async fn watch(&self, prefix: &str, from_revision: u64) -> Result<Watch> {
        (**self).watch(prefix, from_revision).await
    }
    async fn grant(&self, ttl: Duration) -> Result<LeaseId> {
        (**self).grant(ttl).await
    }
    async fn keep_alive(&self, id: LeaseId) -> Result<()> {
        (**self).keep_alive(id).await
    }
    async fn revoke(&self, id: LeaseId) -> Result<()> {
        (**self).revoke(id).await
    }
}
