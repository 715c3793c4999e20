//! The store: the memory backend behind the gate, with an auditor at every commit.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use cetcd_store::{Entry, Error, LeaseId, Op, Range, Result, Store, Txn, TxnOutcome, Watch, memory::MemoryStore};
use futures::FutureExt;

use crate::{Fate, Flaw, Sim, sim::State};

/// The simulated store.
pub(crate) struct SimStore(pub Sim);

const NEVER_WAITS: &str = "a store in memory answers at once";

/// What a backend says that fails; whether it did anything is unknown.
fn failed(_: &mut State) -> Error {
    Error::Backend { doing: "do anything", source: "simulated".into() }
}

impl SimStore {
    fn memory(&self) -> &MemoryStore {
        self.0.store()
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect(NEVER_WAITS)
    }

    fn commit(&self, state: &mut State, txn: &Txn) -> Result<TxnOutcome> {
        let mut txn = txn.clone();
        if state.flaw == Flaw::BlindTransactions {
            txn.compare.clear();
        }
        if state.flaw == Flaw::KeepsSecrets {
            txn.then.retain(|op| !matches!(op, Op::DeletePrefix { prefix } if prefix.starts_with("/secrets/")));
        }
        let mut keys = BTreeSet::new();
        for op in &txn.then {
            match op {
                Op::Put { key, .. } | Op::Delete { key } => drop(keys.insert(key.clone())),
                Op::DeletePrefix { prefix } => {
                    keys.extend(Self::now(self.memory().range(prefix))?.entries.into_iter().map(|entry| entry.key));
                }
            }
        }
        let outcome = Self::now(self.memory().txn(txn))?;
        if outcome.succeeded {
            let mut changes = Vec::with_capacity(keys.len());
            for key in keys {
                let entry = Self::now(self.memory().get(&key))?;
                changes.push((key, entry));
            }
            let State { audit, host, trace, now, .. } = state;
            audit.commit(changes, host, trace, *now);
        }
        Ok(outcome)
    }
}

#[async_trait]
impl Store for SimStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.0.effect(format!("get {key}"), |_| Self::now(self.memory().get(key)), failed).await
    }

    async fn range(&self, prefix: &str) -> Result<Range> {
        self.0.effect(format!("range {prefix}"), |_| Self::now(self.memory().range(prefix)), failed).await
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        let keys: Vec<&str> = txn.then.iter().map(key_of).collect();
        let what = keys.join(" ");
        let apply = |state: &mut State| {
            if state.gate.fate == Fate::Conflict {
                // As where someone else wrote the same records at the same time.
                return Ok(TxnOutcome { succeeded: false, revision: 0 });
            }
            self.commit(state, &txn)
        };
        self.0.effect(format!("txn {what}"), apply, failed).await
    }

    async fn watch(&self, prefix: &str, from_revision: u64) -> Result<Watch> {
        self.memory().watch(prefix, from_revision).await
    }

    async fn grant(&self, ttl: Duration) -> Result<LeaseId> {
        self.memory().grant(ttl).await
    }

    async fn keep_alive(&self, id: LeaseId) -> Result<()> {
        self.memory().keep_alive(id).await
    }

    async fn revoke(&self, id: LeaseId) -> Result<()> {
        self.memory().revoke(id).await
    }
}

fn key_of(op: &Op) -> &str {
    match op {
        Op::Put { key, .. } | Op::Delete { key } => key,
        Op::DeletePrefix { prefix } => prefix,
    }
}
