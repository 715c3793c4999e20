//! Reads: each is one snapshot, on one of a few connections, off the runtime's threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::Semaphore;

use super::schema;
use crate::watch::{PAGE_REVISIONS, Page};
use crate::{Entry, Error, Event, EventKind, FIRST_REVISION, LeaseId, Range, Result, prefix_end};

/// How many reads run at once.
const READERS: usize = 2;

/// A read's own error, before it is known whose fault it is.
pub(super) enum Failure {
    Store(Error),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Connections for reading, opened when they are first needed.
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), permits: Arc::new(Semaphore::new(READERS)), idle: Arc::default() }
    }

    /// Runs `read` on a connection; waits where all are in use.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let work = move || {
            let spare = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match spare {
                Some(connection) => connection,
                None => schema::open_reader(&path)?,
            };
            let result = read(&connection).map_err(|failure| match failure {
                Failure::Store(error) => error,
                Failure::Database(error) => Error::database(doing, error),
            });
            // A connection that failed is not trusted again.
            if !matches!(result, Err(Error::Backend { .. })) {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| Error::Backend { doing, source: Box::new(error) })?
    }

    /// Refuses further reads and closes the connections that are not in use.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

const COLUMNS: &str = "key, value, create_revision, mod_revision, version, lease";

fn entry_of(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        key: row.get(0)?,
        value: Bytes::from(row.get::<_, Vec<u8>>(1)?),
        create_revision: row.get(2)?,
        mod_revision: row.get(3)?,
        version: row.get(4)?,
        lease: row.get::<_, Option<u64>>(5)?.map(LeaseId),
    })
}

/// The entry at `key`.
pub(super) fn entry(connection: &Connection, key: &str) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE key = ?1"))?
        .query_row([key], entry_of)
        .optional()
}

/// The entries under `prefix`, in key order.
pub(super) fn entries(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<Entry>> {
    let end = prefix_end(prefix);
    let before = if end.is_some() { "AND key < ?2" } else { "AND ?2 IS NULL" };
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM entries WHERE key >= ?1 {before} ORDER BY key"))?
        .query_map((prefix, end), entry_of)?
        .collect()
}

/// The entries under `prefix` and the revision at which they are true.
pub(super) fn range(connection: &Connection, prefix: &str) -> rusqlite::Result<Range> {
    let snapshot = connection.unchecked_transaction()?;
    Ok(Range { revision: schema::revision(&snapshot)?, entries: entries(&snapshot, prefix)? })
}

/// The revision that a watch asked to start at `from` (0: now) starts at.
pub(super) fn watch_start(connection: &Connection, from: u64) -> Result<u64, Failure> {
    let snapshot = connection.unchecked_transaction()?;
    let from = if from == 0 { schema::revision(&snapshot)? + 1 } else { from };
    check_watchable(&snapshot, from)?;
    Ok(from)
}

fn check_watchable(connection: &Connection, from: u64) -> Result<(), Failure> {
    let compacted = schema::meta(connection, "compacted")?;
    // Revision 1 is the empty store: watching from it misses nothing while 2 is kept.
    if from <= compacted && compacted > FIRST_REVISION {
        return Err(Failure::Store(Error::Compacted { oldest: compacted + 1 }));
    }
    Ok(())
}

/// The events under `prefix` of the next revisions from `from` on.
pub(super) fn page(connection: &Connection, prefix: &str, from: u64) -> Result<Page, Failure> {
    let snapshot = connection.unchecked_transaction()?;
    check_watchable(&snapshot, from)?;
    let newest = schema::revision(&snapshot)?;
    let next = from.saturating_add(PAGE_REVISIONS).min(newest + 1).max(from);
    let end = prefix_end(prefix);
    let before = if end.is_some() { "AND key < ?4" } else { "AND ?4 IS NULL" };
    let events = snapshot
        .prepare_cached(&format!(
            "SELECT key, value, create_revision, revision, version, lease FROM history
             WHERE revision >= ?1 AND revision < ?2 AND key >= ?3 {before}
             ORDER BY revision, key"
        ))?
        .query_map((from, next, prefix, end), event_of)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Page { events, next })
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<Event> {
    let kind = if row.get_ref(1)? == rusqlite::types::ValueRef::Null {
        EventKind::Delete { key: row.get(0)? }
    } else {
        EventKind::Put(entry_of(row)?)
    };
    Ok(Event { revision: row.get(3)?, kind })
}
