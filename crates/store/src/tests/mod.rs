#![allow(clippy::unwrap_used, missing_docs)]

mod behaviour;
mod crash;
mod same_answers;
mod seal;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use crate::memory::MemoryStore;
use crate::sqlite::{Options, SqliteStore};
use crate::suite::{Fixture, HISTORY};
use crate::{ManualClock, Store};

pub(crate) struct Memory {
    clock: ManualClock,
    pub store: MemoryStore,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let store = MemoryStore::with_history(Arc::new(clock.clone()), HISTORY);
        Self { clock, store }
    }
}

#[async_trait::async_trait]
impl Fixture for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.store.expire_leases();
    }
}

pub(crate) struct Sqlite {
    clock: ManualClock,
    pub store: SqliteStore,
    pub folder: TempDir,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let folder = tempfile::tempdir().unwrap();
        let options = Options { history_revisions: HISTORY, clock: Arc::new(clock.clone()), ..Options::default() };
        let store = SqliteStore::open_with(folder.path().join("store.db"), options).unwrap();
        Self { clock, store, folder }
    }
}

#[async_trait::async_trait]
impl Fixture for Sqlite {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.store.expire_leases().await.unwrap();
    }
}
