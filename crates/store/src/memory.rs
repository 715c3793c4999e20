//! A store in memory, for tests and the seeded simulation: the same calls give the same answers,
//! with no thread, timer or randomness of its own.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::effect::{self, Snapshot};
use crate::watch::{History, PAGE_REVISIONS, Page, follow};
use crate::{
    Clock, DEFAULT_HISTORY, Entry, Error, Event, EventKind, FIRST_REVISION, LeaseId, Range, Result, Store, SystemClock,
    Txn, TxnOutcome, Watch, check_ttl,
};

/// A store in memory. Clones are the same store.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    history: usize,
    state: Mutex<State>,
    /// What watches wait on.
    revision: watch::Sender<u64>,
}

struct State {
    revision: u64,
    entries: BTreeMap<String, Entry>,
    leases: BTreeMap<LeaseId, Lease>,
    last_lease: u64,
    /// The kept revisions, oldest first, without gaps: revisions `self.revision - len + 1` on.
    history: VecDeque<Vec<Event>>,
}

struct Lease {
    ttl: Duration,
    expires: Timestamp,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store whose leases go by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_history(clock, DEFAULT_HISTORY)
    }

    /// The same, keeping at least one and at most `revisions` revisions for watches.
    pub fn with_history(clock: Arc<dyn Clock>, revisions: u64) -> Self {
        let state = State {
            revision: FIRST_REVISION,
            entries: BTreeMap::new(),
            leases: BTreeMap::new(),
            last_lease: 0,
            history: VecDeque::new(),
        };
        Self {
            inner: Arc::new(Inner {
                clock,
                history: usize::try_from(revisions.max(1)).unwrap_or(usize::MAX),
                state: Mutex::new(state),
                revision: watch::Sender::new(FIRST_REVISION),
            }),
        }
    }

    /// Ends the leases whose time is over and deletes their keys, one revision a lease; returns
    /// how many ended. Every call on the store does this first: call it after moving the clock to
    /// wake watchers without another call.
    pub fn expire_leases(&self) -> usize {
        let mut state = self.inner.lock();
        self.inner.expire(&mut state)
    }

    /// The state, with expired leases gone.
    fn current(&self) -> MutexGuard<'_, State> {
        let mut state = self.inner.lock();
        self.inner.expire(&mut state);
        state
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics half way through a change, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expire(&self, state: &mut State) -> usize {
        let now = self.clock.now();
        let over: Vec<LeaseId> =
            state.leases.iter().filter(|(_, lease)| lease.expires <= now).map(|(id, _)| *id).collect();
        for id in &over {
            self.end_lease(state, *id);
        }
        over.len()
    }

    fn end_lease(&self, state: &mut State, id: LeaseId) {
        state.leases.remove(&id);
        let keys =
            state.entries.values().filter(|entry| entry.lease == Some(id)).map(|entry| entry.key.clone()).collect();
        let events = effect::deletions(keys, state.revision + 1);
        self.commit(state, events);
    }

    fn commit(&self, state: &mut State, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        state.revision += 1;
        for event in &events {
            match &event.kind {
                EventKind::Put(entry) => {
                    state.entries.insert(entry.key.clone(), entry.clone());
                }
                EventKind::Delete { key } => {
                    state.entries.remove(key);
                }
            }
        }
        state.history.push_back(events);
        while state.history.len() > self.history {
            state.history.pop_front();
        }
        self.revision.send_replace(state.revision);
    }

    fn expiry(&self, ttl: Duration) -> Timestamp {
        self.clock.now().saturating_add(ttl).unwrap_or(Timestamp::MAX)
    }
}

impl State {
    /// The lowest revision that can be watched from.
    fn oldest(&self) -> u64 {
        self.revision + 1 - self.history.len() as u64
    }

    fn check_watchable(&self, from: u64) -> Result<()> {
        // Revision 1 is the empty store: watching from it misses nothing while 2 is kept.
        let oldest = self.oldest();
        if from < oldest && !(from <= FIRST_REVISION && oldest == FIRST_REVISION + 1) {
            return Err(Error::Compacted { oldest });
        }
        Ok(())
    }

    fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(_, entry)| entry)
            .take_while(move |entry| entry.key.starts_with(prefix))
    }
}

impl Snapshot for State {
    fn entry(&self, key: &str) -> Result<Option<Entry>> {
        Ok(self.entries.get(key).cloned())
    }

    fn entries(&self, prefix: &str) -> Result<Vec<Entry>> {
        Ok(self.under(prefix).cloned().collect())
    }

    fn has_lease(&self, id: LeaseId) -> Result<bool> {
        Ok(self.leases.contains_key(&id))
    }
}

#[async_trait::async_trait]
impl History for Inner {
    async fn page(&self, prefix: &str, from: u64) -> Result<Page> {
        let state = self.lock();
        state.check_watchable(from)?;
        let oldest = state.oldest();
        let next = from.saturating_add(PAGE_REVISIONS).min(state.revision + 1).max(from);
        let position = |revision: u64| {
            usize::try_from(revision.saturating_sub(oldest)).unwrap_or(usize::MAX).min(state.history.len())
        };
        let events = state
            .history
            .range(position(from)..position(next))
            .flatten()
            .filter(|event| event.key().starts_with(prefix))
            .cloned()
            .collect();
        Ok(Page { events, next })
    }
}

#[async_trait::async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.current().entry(key)
    }

    async fn range(&self, prefix: &str) -> Result<Range> {
        let state = self.current();
        Ok(Range { entries: state.entries(prefix)?, revision: state.revision })
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        txn.validate()?;
        let mut state = self.current();
        let decided = effect::decide(&*state, &txn, state.revision + 1)?;
        self.inner.commit(&mut state, decided.events);
        Ok(TxnOutcome { succeeded: decided.succeeded, revision: state.revision })
    }

    async fn watch(&self, prefix: &str, from_revision: u64) -> Result<Watch> {
        let state = self.current();
        let from = if from_revision == 0 { state.revision + 1 } else { from_revision };
        state.check_watchable(from)?;
        let revision = self.inner.revision.subscribe();
        Ok(follow(Arc::downgrade(&self.inner), revision, prefix, from))
    }

    async fn grant(&self, ttl: Duration) -> Result<LeaseId> {
        check_ttl(ttl)?;
        let mut state = self.current();
        state.last_lease += 1;
        let id = LeaseId(state.last_lease);
        let expires = self.inner.expiry(ttl);
        state.leases.insert(id, Lease { ttl, expires });
        Ok(id)
    }

    async fn keep_alive(&self, id: LeaseId) -> Result<()> {
        let mut state = self.current();
        let lease = state.leases.get_mut(&id).ok_or(Error::LeaseNotFound(id))?;
        lease.expires = self.inner.expiry(lease.ttl);
        Ok(())
    }

    async fn revoke(&self, id: LeaseId) -> Result<()> {
        let mut state = self.current();
        if !state.leases.contains_key(&id) {
            return Err(Error::LeaseNotFound(id));
        }
        self.inner.end_lease(&mut state, id);
        Ok(())
    }
}
