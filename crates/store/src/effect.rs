//! What a transaction does, decided the same way for every backend: pure, so that backends cannot
//! differ in it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use bytes::Bytes;

use crate::{Entry, Error, Event, EventKind, LeaseId, Op, Result, Txn};

/// The store's contents while a transaction is decided; nothing else writes meanwhile.
pub(crate) trait Snapshot {
    fn entry(&self, key: &str) -> Result<Option<Entry>>;
    /// In key order.
    fn entries(&self, prefix: &str) -> Result<Vec<Entry>>;
    fn has_lease(&self, id: LeaseId) -> Result<bool>;
}

/// A decided transaction: what the store has to write down.
#[derive(Debug)]
pub(crate) struct Effect {
    pub succeeded: bool,
    /// The net change, in key order, at most one for a key; empty: no new revision.
    pub events: Vec<Event>,
}

/// One key's state inside the transaction.
struct Pending {
    /// The create revision and version that a put goes on from; none once it was deleted.
    lineage: Option<(u64, u64)>,
    existed: bool,
    value: Option<(Bytes, Option<LeaseId>)>,
}

impl Pending {
    fn of(entry: Option<&Entry>) -> Self {
        Self {
            lineage: entry.map(|entry| (entry.create_revision, entry.version)),
            existed: entry.is_some(),
            value: entry.map(|entry| (entry.value.clone(), entry.lease)),
        }
    }

    fn delete(&mut self) {
        self.lineage = None;
        self.value = None;
    }
}

/// Decides `txn` on `snapshot`; what changes gets `revision`.
pub(crate) fn decide(snapshot: &impl Snapshot, txn: &Txn, revision: u64) -> Result<Effect> {
    let mut succeeded = true;
    for compare in &txn.compare {
        if !compare.holds(snapshot.entry(compare.key())?.as_ref()) {
            succeeded = false;
            break;
        }
    }
    let operations = if succeeded { &txn.then } else { &txn.otherwise };
    let events = net_effect(snapshot, operations, revision)?;
    Ok(Effect { succeeded, events })
}

/// The deletion of these keys, which exist, at `revision`: what ends with a lease.
pub(crate) fn deletions(mut keys: Vec<String>, revision: u64) -> Vec<Event> {
    keys.sort_unstable();
    keys.into_iter().map(|key| Event { revision, kind: EventKind::Delete { key } }).collect()
}

fn net_effect(snapshot: &impl Snapshot, operations: &[Op], revision: u64) -> Result<Vec<Event>> {
    let mut pending: BTreeMap<String, Pending> = BTreeMap::new();
    for op in operations {
        match op {
            Op::Put { key, value, lease } => {
                if let Some(lease) = *lease
                    && !snapshot.has_lease(lease)?
                {
                    return Err(Error::LeaseNotFound(lease));
                }
                touch(&mut pending, snapshot, key)?.value = Some((value.clone(), *lease));
            }
            Op::Delete { key } => touch(&mut pending, snapshot, key)?.delete(),
            Op::DeletePrefix { prefix } => {
                for (_, touched) in pending.iter_mut().filter(|(key, _)| key.starts_with(prefix.as_str())) {
                    touched.delete();
                }
                for entry in snapshot.entries(prefix)? {
                    if let Slot::Vacant(slot) = pending.entry(entry.key.clone()) {
                        slot.insert(Pending::of(Some(&entry))).delete();
                    }
                }
            }
        }
    }
    Ok(pending.into_iter().filter_map(|(key, pending)| event(key, pending, revision)).collect())
}

fn touch<'a>(
    pending: &'a mut BTreeMap<String, Pending>,
    snapshot: &impl Snapshot,
    key: &str,
) -> Result<&'a mut Pending> {
    Ok(match pending.entry(key.to_owned()) {
        Slot::Occupied(slot) => slot.into_mut(),
        Slot::Vacant(slot) => slot.insert(Pending::of(snapshot.entry(key)?.as_ref())),
    })
}

fn event(key: String, pending: Pending, revision: u64) -> Option<Event> {
    let kind = match pending.value {
        Some((value, lease)) => {
            let (create_revision, version) = pending.lineage.unwrap_or((revision, 0));
            EventKind::Put(Entry { key, value, create_revision, mod_revision: revision, version: version + 1, lease })
        }
        None if pending.existed => EventKind::Delete { key },
        None => return None,
    };
    Some(Event { revision, kind })
}
