//! The one thread that writes. What waits together is committed together, so that a burst of
//! writes costs one flush of the disk; each transaction still has a revision of its own.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::{reader, schema};
use crate::effect::{self, Snapshot};
use crate::{Clock, Entry, Error, Event, EventKind, LeaseId, Result, Txn, TxnOutcome};

/// The most requests of one commit.
const BATCH: usize = 64;

#[derive(Debug)]
pub(super) enum Command {
    Txn(Txn),
    Grant(Duration),
    KeepAlive(LeaseId),
    Revoke(LeaseId),
    Expire,
    /// Commit what came before, then end.
    Stop,
}

#[derive(Debug)]
pub(super) enum Reply {
    Txn(TxnOutcome),
    Granted(LeaseId),
    Expired(usize),
    Done,
}

pub(super) struct Request {
    pub command: Command,
    pub reply: oneshot::Sender<Result<Reply>>,
}

pub(super) struct Writer {
    connection: Connection,
    clock: Arc<dyn Clock>,
    history: u64,
    revision: watch::Sender<u64>,
}

/// Wakes watches, where `newest` is news.
pub(super) fn announce(revision: &watch::Sender<u64>, newest: u64) {
    revision.send_if_modified(|known| {
        let news = newest > *known;
        *known = newest.max(*known);
        news
    });
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        clock: Arc<dyn Clock>,
        history: u64,
        revision: watch::Sender<u64>,
    ) -> Self {
        Self { connection, clock, history, revision }
    }

    /// Serves requests until it is told to stop or nobody is left to send any.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(request) = requests.try_recv()
            {
                batch.push(request);
            }
            if self.serve(batch) {
                return;
            }
        }
    }

    /// Answers a batch once it is durable; whether it was the last.
    fn serve(&mut self, batch: Vec<Request>) -> bool {
        let mut stop = false;
        let (commands, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|request| (request.command, request.reply))
            // What comes after a stop is answered as closed by being dropped.
            .take_while(|(command, _)| {
                let taken = !stop;
                stop |= matches!(command, Command::Stop);
                taken
            })
            .unzip();
        match self.commit(commands) {
            Ok((answers, newest)) => {
                announce(&self.revision, newest);
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Who no longer listens has dropped the call.
                    drop(reply.send(answer));
                }
            }
            Err(error) => {
                for (reply, error) in replies.into_iter().zip(repeat(error)) {
                    drop(reply.send(Err(error)));
                }
            }
        }
        stop
    }

    /// Runs the commands in one database transaction. A refusal (such as an unknown lease) is one
    /// command's answer; a failure of the database undoes and fails them all.
    fn commit(&mut self, commands: Vec<Command>) -> Result<(Vec<Result<Reply>>, u64)> {
        let started = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| Error::database("begin a transaction", error))?;
        let mut batch = Batch {
            revision: meta(&started, "revision")?,
            now: self.clock.now().as_millisecond(),
            expired: 0,
            transaction: &started,
        };
        let before = batch.revision;
        batch.expire()?;
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            match batch.run(command) {
                Err(error @ (Error::Backend { .. } | Error::Busy)) => return Err(error),
                answer => answers.push(answer),
            }
        }
        let newest = batch.revision;
        if newest > before {
            set_meta(&started, "revision", newest)?;
            compact(&started, newest, self.history).map_err(|error| Error::database("compact its history", error))?;
        }
        started.commit().map_err(|error| Error::database("commit", error))?;
        Ok((answers, newest))
    }
}

/// The same failure for each of several requests.
fn repeat(error: Error) -> impl Iterator<Item = Error> {
    let busy = error.is_retryable();
    let (doing, source) = match error {
        Error::Backend { doing, source } => (doing, Arc::<dyn std::error::Error + Send + Sync>::from(source)),
        other => ("commit", Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(other.to_string()))),
    };
    std::iter::repeat_with(move || {
        if busy { Error::Busy } else { Error::Backend { doing, source: Box::new(Shared(Arc::clone(&source))) } }
    })
}

/// One cause, told to several callers.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

fn meta(connection: &Connection, name: &str) -> Result<u64> {
    schema::meta(connection, name).map_err(|error| Error::database("read its counters", error))
}

fn set_meta(connection: &Connection, name: &str, value: u64) -> Result<()> {
    schema::set_meta(connection, name, value).map_err(|error| Error::database("write its counters", error))
}

fn write_error(error: rusqlite::Error) -> Error {
    Error::database("write", error)
}

/// The commands of one database transaction.
struct Batch<'a> {
    transaction: &'a Transaction<'a>,
    revision: u64,
    /// In milliseconds since 1970.
    now: i64,
    expired: usize,
}

impl Batch<'_> {
    fn run(&mut self, command: Command) -> Result<Reply> {
        match command {
            Command::Txn(txn) => {
                let decided = effect::decide(self, &txn, self.revision + 1)?;
                self.apply(&decided.events).map_err(write_error)?;
                Ok(Reply::Txn(TxnOutcome { succeeded: decided.succeeded, revision: self.revision }))
            }
            Command::Grant(ttl) => self.grant(ttl).map(Reply::Granted),
            Command::KeepAlive(id) => self.keep_alive(id).map(|()| Reply::Done),
            Command::Revoke(id) => {
                if !self.has_lease(id)? {
                    return Err(Error::LeaseNotFound(id));
                }
                self.end_lease(id).map_err(write_error)?;
                Ok(Reply::Done)
            }
            Command::Expire => Ok(Reply::Expired(std::mem::take(&mut self.expired))),
            Command::Stop => Ok(Reply::Done),
        }
    }

    /// Ends the leases whose time is over, in the order of their IDs.
    fn expire(&mut self) -> Result<()> {
        let over = || {
            self.transaction
                .prepare_cached("SELECT id FROM leases WHERE expires_milliseconds <= ?1 ORDER BY id")?
                .query_map([self.now], |row| row.get(0).map(LeaseId))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        for id in over().map_err(|error| Error::database("read its leases", error))? {
            self.end_lease(id).map_err(write_error)?;
            self.expired += 1;
        }
        Ok(())
    }

    fn end_lease(&mut self, id: LeaseId) -> rusqlite::Result<()> {
        self.transaction.prepare_cached("DELETE FROM leases WHERE id = ?1")?.execute([id.0])?;
        let keys = self
            .transaction
            .prepare_cached("SELECT key FROM entries WHERE lease = ?1")?
            .query_map([id.0], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        self.apply(&effect::deletions(keys, self.revision + 1))
    }

    fn grant(&mut self, ttl: Duration) -> Result<LeaseId> {
        let id = meta(self.transaction, "last_lease")? + 1;
        set_meta(self.transaction, "last_lease", id)?;
        let ttl = i64::try_from(ttl.as_millis()).map_err(|_| Error::InvalidTtl)?;
        self.transaction
            .prepare_cached("INSERT INTO leases (id, ttl_milliseconds, expires_milliseconds) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute((id, ttl, self.now.saturating_add(ttl))))
            .map_err(write_error)?;
        Ok(LeaseId(id))
    }

    fn keep_alive(&mut self, id: LeaseId) -> Result<()> {
        let changed = self
            .transaction
            .prepare_cached("UPDATE leases SET expires_milliseconds = ?2 + ttl_milliseconds WHERE id = ?1")
            .and_then(|mut update| update.execute((id.0, self.now)))
            .map_err(write_error)?;
        if changed == 0 { Err(Error::LeaseNotFound(id)) } else { Ok(()) }
    }

    /// Writes down a decided change as the next revision; nothing, where nothing changed.
    fn apply(&mut self, events: &[Event]) -> rusqlite::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        self.revision += 1;
        for event in events {
            match &event.kind {
                EventKind::Put(entry) => self.put(entry)?,
                EventKind::Delete { key } => self.delete(key)?,
            }
        }
        Ok(())
    }

    fn put(&self, entry: &Entry) -> rusqlite::Result<()> {
        let lease = entry.lease.map(|id| id.0);
        self.transaction
            .prepare_cached(
                "INSERT INTO entries (key, value, create_revision, mod_revision, version, lease)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (key) DO UPDATE SET
                    value = ?2, create_revision = ?3, mod_revision = ?4, version = ?5, lease = ?6",
            )?
            .execute((
                &entry.key,
                entry.value.as_ref(),
                entry.create_revision,
                entry.mod_revision,
                entry.version,
                lease,
            ))?;
        self.transaction
            .prepare_cached(
                "INSERT INTO history (revision, key, value, create_revision, version, lease)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                entry.mod_revision,
                &entry.key,
                entry.value.as_ref(),
                entry.create_revision,
                entry.version,
                lease,
            ))?;
        Ok(())
    }

    fn delete(&self, key: &str) -> rusqlite::Result<()> {
        self.transaction.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key])?;
        self.transaction
            .prepare_cached("INSERT INTO history (revision, key) VALUES (?1, ?2)")?
            .execute((self.revision, key))?;
        Ok(())
    }
}

impl Snapshot for Batch<'_> {
    fn entry(&self, key: &str) -> Result<Option<Entry>> {
        reader::entry(self.transaction, key).map_err(|error| Error::database("read a key", error))
    }

    fn entries(&self, prefix: &str) -> Result<Vec<Entry>> {
        reader::entries(self.transaction, prefix).map_err(|error| Error::database("read a range", error))
    }

    fn has_lease(&self, id: LeaseId) -> Result<bool> {
        self.transaction
            .prepare_cached("SELECT 1 FROM leases WHERE id = ?1")
            .and_then(|mut select| select.query_row([id.0], |_| Ok(())).optional())
            .map(|row| row.is_some())
            .map_err(|error| Error::database("read its leases", error))
    }
}

/// Forgets the revisions that are too old to keep.
fn compact(connection: &Connection, newest: u64, keep: u64) -> rusqlite::Result<()> {
    let compacted = schema::meta(connection, "compacted")?;
    let until = newest.saturating_sub(keep);
    if until > compacted {
        connection.prepare_cached("DELETE FROM history WHERE revision <= ?1")?.execute([until])?;
        schema::set_meta(connection, "compacted", until)?;
    }
    Ok(())
}
