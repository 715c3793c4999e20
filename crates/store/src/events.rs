//! Where events lie, and how many are kept.
//!
//! Each event of the reconciler has a place of its own in a ring, by its number, which is in the status: it is written
//! in the transaction that moves the status, nothing has to be read for that, and the newest takes the place of the
//! oldest. Those of backups are few and have two writers: they are one record, which is read before it is written.

use cetcd_core::{Event, InstanceId};
use serde::{Deserialize, Serialize};

use crate::{
    Compare, Op, Result, Store, Txn,
    records::{self, EVENTS, Record},
};

/// How many of the reconciler's events are kept of an instance.
pub const KEPT: u64 = 512;
/// How many events of backups are kept of an instance.
pub const KEPT_OF_BACKUPS: usize = 128;

const BACKUPS: &str = "backups";

/// The events of an instance, each list by rising numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// What the reconciler told.
    pub instance: Vec<Event>,
    /// What was told of its backups.
    pub backups: Vec<Event>,
}

/// The stored form of events of backups.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct OfBackups {
    next: u64,
    kept: Vec<Event>,
}

/// Prefix of an instance's events. They go with it.
pub fn prefix(id: &InstanceId) -> String {
    format!("{EVENTS}{id}/")
}

/// An operation that writes an event of the reconciler in the place of the oldest.
pub fn put(id: &InstanceId, event: &Event) -> Op {
    Op::put(format!("{EVENTS}{id}/{:03}", event.number % KEPT), records::encode(event))
}

/// Every event of an instance that is kept.
pub async fn read(store: &dyn Store, id: &InstanceId) -> Result<Events> {
    let range = store.range(&prefix(id)).await?;
    let mut events = Events::default();
    for entry in &range.entries {
        if entry.key.ends_with(BACKUPS) {
            events.backups = records::decode::<OfBackups>(entry)?.value.kept;
        } else {
            events.instance.push(records::decode(entry)?.value);
        }
    }
    events.instance.sort_by_key(|event: &Event| event.number);
    Ok(events)
}

/// Adds to `txn` that `event` of the backups of `id` is told. It is not, where the instance is gone.
pub async fn with_backup_event(store: &dyn Store, id: &InstanceId, txn: Txn, event: Event) -> Result<Txn> {
    let instance = records::instance_key(id);
    if store.get(&instance).await?.is_none() {
        return Ok(txn);
    }
    let key = format!("{EVENTS}{id}/{BACKUPS}");
    let stored: Option<Record<OfBackups>> = records::get(store, &key).await?;
    let (mut events, revision) = stored.map_or((OfBackups::default(), 0), |record| (record.value, record.revision));
    events.kept.push(Event { number: events.next, ..event });
    events.next += 1;
    let surplus = events.kept.len().saturating_sub(KEPT_OF_BACKUPS);
    events.kept.drain(..surplus);
    let op = Op::put(key.clone(), records::encode(&events));
    Ok(txn.when(Compare::present(instance)).when(Compare::mod_revision(key, revision)).then(op))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cetcd_core::event::EventKind;
    use jiff::Timestamp;

    use super::*;
    use crate::memory::MemoryStore;

    fn id() -> InstanceId {
        InstanceId::parse("etcd-abcd1234").unwrap()
    }

    fn event(number: u64) -> Event {
        Event { number, ..Event::new(EventKind::MemberDown, Timestamp::UNIX_EPOCH) }
    }

    #[tokio::test]
    async fn the_newest_take_the_places_of_the_oldest() {
        let store = MemoryStore::default();
        for number in 0..KEPT + 3 {
            store.txn(Txn::new().then(put(&id(), &event(number)))).await.unwrap();
        }
        let kept = read(&store, &id()).await.unwrap().instance;
        assert_eq!(kept.len() as u64, KEPT);
        assert_eq!((kept[0].number, kept.last().unwrap().number), (3, KEPT + 2));
    }

    #[tokio::test]
    async fn of_backups_so_many_are_kept_and_none_of_what_is_gone() {
        let store = MemoryStore::default();
        let gone = with_backup_event(&store, &id(), Txn::new(), event(0)).await.unwrap();
        assert_eq!(gone, Txn::new());
        store.txn(Txn::new().put(records::instance_key(&id()), "")).await.unwrap();
        for _ in 0..KEPT_OF_BACKUPS + 2 {
            let txn = with_backup_event(&store, &id(), Txn::new(), event(0)).await.unwrap();
            assert!(store.txn(txn).await.unwrap().succeeded);
        }
        let kept = read(&store, &id()).await.unwrap().backups;
        assert_eq!((kept.len(), kept[0].number), (KEPT_OF_BACKUPS, 2));
    }

    #[tokio::test]
    async fn two_who_tell_at_once_do_not_overwrite_each_other() {
        let store = MemoryStore::default();
        store.txn(Txn::new().put(records::instance_key(&id()), "")).await.unwrap();
        let one = with_backup_event(&store, &id(), Txn::new(), event(0)).await.unwrap();
        let other = with_backup_event(&store, &id(), Txn::new(), event(0)).await.unwrap();
        assert!(store.txn(one).await.unwrap().succeeded);
        assert!(!store.txn(other).await.unwrap().succeeded);
    }
}
