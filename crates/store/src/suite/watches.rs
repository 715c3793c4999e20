//! Watches: from where, of what, in which order, and for how long.

use std::sync::Arc;

use super::{Fixture, HISTORY, next, put, seen};
use crate::{Error, Event, EventKind, FIRST_REVISION, Txn};

pub async fn a_watch_starts_at_its_revision(fixture: &dyn Fixture) {
    let store = fixture.store();
    for key in ["a", "b", "c"] {
        put(&store, key, "1").await;
    }
    store.txn(Txn::new().delete("a")).await.unwrap();
    let mut watch = store.watch("", 3).await.unwrap();
    let entry = store.get("b").await.unwrap().unwrap();
    let event = next(&mut watch).await.unwrap();
    assert_eq!(event, Event { revision: 3, kind: EventKind::Put(entry) });
    assert_eq!(seen(&mut watch).await, (4, "c".to_owned(), true));
    assert_eq!(seen(&mut watch).await, (5, "a".to_owned(), false));
    // From before the first change is from the first change.
    let mut watch = store.watch("", FIRST_REVISION).await.unwrap();
    assert_eq!(seen(&mut watch).await, (2, "a".to_owned(), true));
    // From a revision that is still to come.
    let mut watch = store.watch("", 7).await.unwrap();
    put(&store, "six", "1").await;
    put(&store, "seven", "1").await;
    assert_eq!(seen(&mut watch).await, (7, "seven".to_owned(), true));
}

pub async fn a_watch_from_zero_sees_only_what_comes(fixture: &dyn Fixture) {
    let store = fixture.store();
    put(&store, "before", "1").await;
    let mut watch = store.watch("", 0).await.unwrap();
    put(&store, "after", "1").await;
    assert_eq!(seen(&mut watch).await, (3, "after".to_owned(), true));
}

pub async fn a_watch_wakes_for_changes_and_sees_its_prefix_only(fixture: &dyn Fixture) {
    let store = fixture.store();
    let mut watch = store.watch("a/", 2).await.unwrap();
    let waiting = tokio::spawn(async move { seen(&mut watch).await });
    tokio::task::yield_now().await;
    put(&store, "b/1", "1").await;
    put(&store, "a", "1").await;
    let revision = put(&store, "a/1", "1").await;
    assert_eq!(waiting.await.unwrap(), (revision, "a/1".to_owned(), true));
}

pub async fn a_watch_sees_every_write_of_concurrent_writers_in_order(fixture: &dyn Fixture) {
    const WRITERS: usize = 6;
    const EACH: usize = 8;
    let store = fixture.store();
    let mut watch = store.watch("", 2).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..EACH {
                let text = n.to_string();
                let both = Txn::new().put(format!("{writer}/a"), text.clone()).put(format!("{writer}/b"), text);
                store.txn(both).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut versions = [0; WRITERS];
    for revision in 2..2 + (WRITERS * EACH) as u64 {
        let a = seen(&mut watch).await;
        let b = seen(&mut watch).await;
        assert_eq!((a.0, b.0), (revision, revision), "no gap, and both keys of a transaction");
        let writer = a.1.strip_suffix("/a").unwrap();
        assert_eq!(b.1, format!("{writer}/b"));
        versions[writer.parse::<usize>().unwrap()] += 1;
    }
    assert_eq!(versions, [EACH; WRITERS]);
    for writer in writers {
        writer.await.unwrap();
    }
}

pub async fn a_compacted_revision_is_refused_with_the_oldest_one(fixture: &dyn Fixture) {
    let store = fixture.store();
    let mut newest = 0;
    for n in 0..HISTORY * 2 {
        newest = put(&store, "a", &n.to_string()).await;
    }
    let Err(Error::Compacted { oldest }) = store.watch("", 2).await else {
        panic!("revision 2 is no longer kept");
    };
    assert_eq!(oldest, newest - HISTORY + 1);
    let Err(Error::Compacted { .. }) = store.watch("", oldest - 1).await else {
        panic!("one before the oldest is no longer kept");
    };
    let mut watch = store.watch("", oldest).await.unwrap();
    assert_eq!(seen(&mut watch).await.0, oldest);
}

pub async fn a_slow_watcher_is_told_that_it_fell_behind(fixture: &dyn Fixture) {
    let store = fixture.store();
    let mut watch = store.watch("", 2).await.unwrap();
    for n in 0..HISTORY * 2 {
        put(&store, "a", &n.to_string()).await;
    }
    let Err(Error::Compacted { oldest }) = next(&mut watch).await else {
        panic!("its next revision is no longer kept");
    };
    assert!(watch.next().await.is_none(), "after an error it is over");
    // Reading the range again and watching from there goes on without a gap.
    let range = store.range("").await.unwrap();
    assert!(range.revision >= oldest);
    let mut watch = store.watch("", range.revision + 1).await.unwrap();
    put(&store, "b", "1").await;
    assert_eq!(seen(&mut watch).await, (range.revision + 1, "b".to_owned(), true));
}

pub async fn a_dropped_wait_loses_no_event(fixture: &dyn Fixture) {
    let store = fixture.store();
    let mut watch = store.watch("", 2).await.unwrap();
    for n in 0..20 {
        // Given up at whatever point it has come to after one poll.
        drop(futures::poll!(Box::pin(watch.next())));
        if n % 2 == 0 {
            put(&store, "a", "1").await;
            assert_eq!(seen(&mut watch).await.0, 2 + n / 2);
        }
    }
}
