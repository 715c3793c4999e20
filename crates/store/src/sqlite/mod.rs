//! The embedded default: one SQLite file in WAL mode.
//!
//! ```text
//!   txn, grant, …  ──bounded channel──► writer thread: one BEGIN IMMEDIATE … COMMIT for all waiting
//!   get, range, history ──► at most two readers (a snapshot each, never in the writer's way)
//!   poller thread: has another process written? has a lease expired?
//! ```
//!
//! `synchronous=FULL`: what was acknowledged survives a power cut. A kill at any point leaves the
//! last commit. Several processes may use the file at once; watches see the others' changes within
//! [`Options::poll_interval`].

mod poller;
mod reader;
mod schema;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use self::reader::Readers;
use self::writer::{Command, Reply, Request};
use crate::watch::{History, Page, follow};
use crate::{
    Clock, DEFAULT_HISTORY, Entry, Error, LeaseId, Range, Result, Store, SystemClock, Txn, TxnOutcome, Watch, check_ttl,
};

/// How many writes may wait for the writer; more wait outside, in order.
const QUEUE: usize = 256;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// How many revisions are kept for watches, at least one.
    pub history_revisions: u64,
    /// How often to look for other processes' changes and expired leases.
    pub poll_interval: Duration,
    /// What leases go by. Processes that share the file must agree on it.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history_revisions: DEFAULT_HISTORY,
            poll_interval: Duration::from_millis(250),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A store in a SQLite file. Clones are the same store; its threads end after the last is dropped.
/// Its asynchronous calls need a tokio runtime.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    requests: mpsc::Sender<Request>,
    readers: Readers,
    /// What watches wait on: the newest revision that the writer or the poller knows of.
    revision: watch::Receiver<u64>,
    threads: Mutex<Threads>,
}

/// Dropping `stop` ends the poller; dropping the last request sender ends the writer.
struct Threads {
    stop: Option<std::sync::mpsc::Sender<()>>,
    handles: Vec<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the store at `path`, made where there is none (mode 0600; its folder must exist).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Options::default())
    }

    /// The same with options.
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let connection = schema::create(path)?;
        let first = schema::revision(&connection).map_err(|error| Error::database("read its revision", error))?;
        let (revision, revision_receiver) = watch::channel(first);
        let (requests, request_receiver) = mpsc::channel(QUEUE);
        let (stop, stopped) = std::sync::mpsc::channel();

        let poller = poller::Poller::new(
            schema::open(path)?,
            Arc::clone(&options.clock),
            revision.clone(),
            requests.downgrade(),
        );
        let writer = writer::Writer::new(connection, options.clock, options.history_revisions.max(1), revision);
        let handles = vec![
            spawn("store-writer", path, move || writer.run(request_receiver))?,
            spawn("store-poller", path, move || poller.run(&stopped, options.poll_interval))?,
        ];
        Ok(Self {
            inner: Arc::new(Inner {
                requests,
                readers: Readers::new(path),
                revision: revision_receiver,
                threads: Mutex::new(Threads { stop: Some(stop), handles }),
            }),
        })
    }

    /// Ends the leases whose time is over and deletes their keys, one revision a lease; returns
    /// how many ended. The poller has it done within [`Options::poll_interval`] anyway.
    pub async fn expire_leases(&self) -> Result<usize> {
        match self.request(Command::Expire).await? {
            Reply::Expired(leases) => Ok(leases),
            other => unreachable!("the writer answers expire with a count, not {other:?}"),
        }
    }

    /// Finishes the writes that wait and ends the threads; calls on other clones are
    /// [`Error::Closed`] from then on, their watches end. Nothing is lost without it.
    pub async fn close(self) -> Result<()> {
        // The writer answers after all that was sent before, and stops.
        let stopped = self.request(Command::Stop).await;
        self.inner.readers.close();
        let handles = {
            let mut threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.stop = None;
            std::mem::take(&mut threads.handles)
        };
        tokio::task::spawn_blocking(move || {
            for handle in handles {
                if handle.join().is_err() {
                    tracing::error!("a thread of the store had panicked");
                }
            }
        })
        .await
        .map_err(|error| Error::Backend { doing: "close", source: Box::new(error) })?;
        match stopped {
            Ok(_) | Err(Error::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn request(&self, command: Command) -> Result<Reply> {
        let (reply, answer) = oneshot::channel();
        let request = Request { command, reply };
        self.inner.requests.send(request).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

fn spawn(name: &str, path: &Path, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|source| Error::File {
        doing: "start a thread for",
        path: path.to_owned(),
        source,
    })
}

#[async_trait::async_trait]
impl History for Inner {
    async fn page(&self, prefix: &str, from: u64) -> Result<Page> {
        let prefix = prefix.to_owned();
        self.readers.with("read its history", move |connection| reader::page(connection, &prefix, from)).await
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        let key = key.to_owned();
        self.inner.readers.with("read a key", move |connection| Ok(reader::entry(connection, &key)?)).await
    }

    async fn range(&self, prefix: &str) -> Result<Range> {
        let prefix = prefix.to_owned();
        self.inner.readers.with("read a range", move |connection| Ok(reader::range(connection, &prefix)?)).await
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        txn.validate()?;
        match self.request(Command::Txn(txn)).await? {
            Reply::Txn(outcome) => Ok(outcome),
            other => unreachable!("the writer answers a transaction with its outcome: {other:?}"),
        }
    }

    async fn watch(&self, prefix: &str, from_revision: u64) -> Result<Watch> {
        let from = self
            .inner
            .readers
            .with("start a watch", move |connection| reader::watch_start(connection, from_revision))
            .await?;
        let revision = self.inner.revision.clone();
        Ok(follow(Arc::downgrade(&self.inner), revision, prefix, from))
    }

    async fn grant(&self, ttl: Duration) -> Result<LeaseId> {
        check_ttl(ttl)?;
        match self.request(Command::Grant(ttl)).await? {
            Reply::Granted(id) => Ok(id),
            other => unreachable!("the writer answers grant with a lease: {other:?}"),
        }
    }

    async fn keep_alive(&self, id: LeaseId) -> Result<()> {
        self.request(Command::KeepAlive(id)).await.map(drop)
    }

    async fn revoke(&self, id: LeaseId) -> Result<()> {
        self.request(Command::Revoke(id)).await.map(drop)
    }
}
