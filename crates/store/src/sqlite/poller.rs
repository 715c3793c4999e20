//! What no call of this process would notice: other processes' commits, and time passing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::schema;
use super::writer::{Command, Request};
use crate::Clock;

pub(super) struct Poller {
    connection: Connection,
    clock: Arc<dyn Clock>,
    revision: watch::Sender<u64>,
    /// Weak, so that the writer ends with the store although we are still here.
    requests: mpsc::WeakSender<Request>,
    seen: Option<i64>,
    next_expiry: Option<i64>,
}

impl Poller {
    pub(super) fn new(
        connection: Connection,
        clock: Arc<dyn Clock>,
        revision: watch::Sender<u64>,
        requests: mpsc::WeakSender<Request>,
    ) -> Self {
        Self { connection, clock, revision, requests, seen: None, next_expiry: None }
    }

    /// Looks every `interval` until the other end of `stopped` is dropped.
    pub(super) fn run(mut self, stopped: &Receiver<()>, interval: Duration) {
        while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = self.look() {
                // It is looked at again; a lasting failure shows in every write as well.
                tracing::warn!(%error, "cannot look for changes of the store");
            }
        }
    }

    fn look(&mut self) -> rusqlite::Result<()> {
        // Without a change by any other connection this costs one look at shared memory.
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.seen != Some(version) {
            let newest = schema::revision(&self.connection)?;
            self.next_expiry = self
                .connection
                .prepare_cached("SELECT min(expires_milliseconds) FROM leases")?
                .query_row([], |row| row.get(0))?;
            self.seen = Some(version);
            super::writer::announce(&self.revision, newest);
        }
        if self.next_expiry.is_some_and(|expiry| expiry <= self.clock.now().as_millisecond())
            && let Some(requests) = self.requests.upgrade()
        {
            // A full queue is no loss: the writer expires leases before every batch.
            let (reply, _) = oneshot::channel();
            drop(requests.try_send(Request { command: Command::Expire, reply }));
        }
        Ok(())
    }
}
