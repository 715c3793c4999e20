//! Reads, transactions and what they refuse.

use std::sync::Arc;

use super::{Fixture, keys, put, seen, value};
use crate::{Compare, Entry, Error, FIRST_REVISION, LeaseId, MAX_KEY_BYTES, MAX_VALUE_BYTES, Op, Store, Txn};

/// Adds one to the number at `key` by comparing and setting until nobody came in between.
async fn increment(store: &dyn Store, key: &str) {
    loop {
        let entry = store.get(key).await.unwrap();
        let (revision, n) = entry.map_or((0, 0), |entry| {
            let text = std::str::from_utf8(&entry.value).unwrap();
            (entry.mod_revision, text.parse::<u64>().unwrap())
        });
        tokio::task::yield_now().await;
        let transaction = Txn::new().when(Compare::mod_revision(key, revision)).put(key, (n + 1).to_string());
        if store.txn(transaction).await.unwrap().succeeded {
            return;
        }
    }
}

pub async fn an_empty_store_is_at_the_first_revision(fixture: &dyn Fixture) {
    let range = fixture.store().range("").await.unwrap();
    assert_eq!((range.revision, range.entries), (FIRST_REVISION, Vec::new()));
    assert_eq!(fixture.store().get("a").await.unwrap(), None);
}

pub async fn a_put_makes_one_revision_and_counts_versions(fixture: &dyn Fixture) {
    let store = fixture.store();
    assert_eq!(put(&store, "a", "1").await, 2);
    assert_eq!(put(&store, "b", "1").await, 3);
    assert_eq!(put(&store, "a", "2").await, 4);
    let expected =
        Entry { key: "a".to_owned(), value: "2".into(), create_revision: 2, mod_revision: 4, version: 2, lease: None };
    assert_eq!(store.get("a").await.unwrap(), Some(expected));
}

pub async fn a_deleted_key_starts_anew(fixture: &dyn Fixture) {
    let store = fixture.store();
    put(&store, "a", "1").await;
    put(&store, "a", "2").await;
    store.txn(Txn::new().delete("a")).await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
    let revision = put(&store, "a", "3").await;
    let entry = store.get("a").await.unwrap().unwrap();
    assert_eq!((entry.create_revision, entry.version), (revision, 1));
}

pub async fn a_transaction_is_all_or_nothing(fixture: &dyn Fixture) {
    let store = fixture.store();
    put(&store, "gone", "1").await;
    let transaction = Txn::new().put("a", "1").put("b", "2").delete("gone");
    let outcome = store.txn(transaction).await.unwrap();
    assert!(outcome.succeeded);
    let range = store.range("").await.unwrap();
    assert_eq!(range.revision, outcome.revision);
    let found: Vec<_> = range.entries.iter().map(|e| (e.key.as_str(), e.mod_revision)).collect();
    assert_eq!(found, [("a", outcome.revision), ("b", outcome.revision)]);

    // One bad operation at the end, and nothing of the rest is done.
    let bad = Txn::new().put("c", "1").then(Op::put_with_lease("d", "1", LeaseId(999)));
    assert!(store.txn(bad).await.is_err());
    assert_eq!(store.range("").await.unwrap(), range);
}

pub async fn a_failed_comparison_takes_the_other_branch(fixture: &dyn Fixture) {
    let store = fixture.store();
    let create = || Txn::new().when(Compare::absent("a")).put("a", "1").otherwise(Op::put("taken", "yes"));
    assert!(store.txn(create()).await.unwrap().succeeded);
    let outcome = store.txn(create()).await.unwrap();
    assert!(!outcome.succeeded);
    assert_eq!(outcome.revision, 3);
    assert_eq!(value(&store, "taken").await.as_deref(), Some("yes"));
    // One of two conditions is not enough.
    let both = Txn::new().when(Compare::present("a")).when(Compare::absent("a")).delete("a");
    assert!(!store.txn(both).await.unwrap().succeeded);
    assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
}

pub async fn every_comparison_sees_absence_as_zero(fixture: &dyn Fixture) {
    let store = fixture.store();
    let holds = async |compare| store.txn(Txn::new().when(compare)).await.unwrap().succeeded;
    assert!(holds(Compare::absent("a")).await);
    assert!(!holds(Compare::present("a")).await);
    assert!(holds(Compare::mod_revision("a", 0)).await);
    assert!(holds(Compare::create_revision("a", 0)).await);
    assert!(holds(Compare::version("a", 0)).await);
    assert!(!holds(Compare::value("a", "")).await);
    put(&store, "a", "x").await;
    let revision = put(&store, "a", "").await;
    assert!(holds(Compare::present("a")).await);
    assert!(!holds(Compare::absent("a")).await);
    assert!(holds(Compare::mod_revision("a", revision)).await);
    assert!(!holds(Compare::mod_revision("a", revision - 1)).await);
    assert!(holds(Compare::create_revision("a", revision - 1)).await);
    assert!(holds(Compare::version("a", 2)).await);
    assert!(!holds(Compare::version("a", 0)).await);
    assert!(holds(Compare::value("a", "")).await);
    assert!(!holds(Compare::value("a", "x")).await);
}

pub async fn operations_see_earlier_ones_and_events_are_the_net_effect(fixture: &dyn Fixture) {
    let store = fixture.store();
    store.txn(Txn::new().put("p/old", "1").put("p/kept", "1").put("x", "1")).await.unwrap();
    let mut watch = store.watch("", 3).await.unwrap();
    let replace = Txn::new()
        .put("p/brief", "1")
        .delete_prefix("p/")
        .put("p/new", "1")
        .put("p/kept", "2")
        .put("x", "2")
        .put("x", "3");
    let revision = store.txn(replace).await.unwrap().revision;
    assert_eq!(revision, 3);
    assert_eq!(keys(&store, "").await, ["p/kept", "p/new", "x"]);
    let kept = store.get("p/kept").await.unwrap().unwrap();
    assert_eq!((kept.create_revision, kept.version), (3, 1));
    let x = store.get("x").await.unwrap().unwrap();
    assert_eq!((x.value.as_ref(), x.create_revision, x.version), (&b"3"[..], 2, 2));
    assert_eq!(seen(&mut watch).await, (3, "p/kept".to_owned(), true));
    assert_eq!(seen(&mut watch).await, (3, "p/new".to_owned(), true));
    assert_eq!(seen(&mut watch).await, (3, "p/old".to_owned(), false));
    assert_eq!(seen(&mut watch).await, (3, "x".to_owned(), true));
    put(&store, "end", "1").await;
    assert_eq!(seen(&mut watch).await, (4, "end".to_owned(), true));
}

pub async fn nothing_changed_makes_no_revision(fixture: &dyn Fixture) {
    let store = fixture.store();
    let revision = put(&store, "a", "1").await;
    for idle in [
        Txn::new(),
        Txn::new().delete("none").delete_prefix("none/"),
        Txn::new().put("b", "1").delete("b"),
        Txn::new().when(Compare::absent("a")).put("a", "2"),
    ] {
        assert_eq!(store.txn(idle).await.unwrap().revision, revision);
    }
    assert_eq!(put(&store, "a", "1").await, revision + 1, "the same value again is a change");
}

pub async fn a_range_is_sorted_and_bounded_by_its_prefix(fixture: &dyn Fixture) {
    let store = fixture.store();
    for key in ["b/2", "a", "b/10", "b0", "b.", "é", "b/", "B/1", "b/\u{10ffff}", "\u{10ffff}x"] {
        put(&store, key, "1").await;
    }
    assert_eq!(keys(&store, "b/").await, ["b/", "b/10", "b/2", "b/\u{10ffff}"]);
    assert_eq!(keys(&store, "\u{10ffff}").await, ["\u{10ffff}x"]);
    assert_eq!(keys(&store, "none").await, Vec::<String>::new());
    let all = keys(&store, "").await;
    assert!(all.is_sorted());
    assert_eq!(all.len(), 10);
}

pub async fn delete_prefix_takes_exactly_the_prefix(fixture: &dyn Fixture) {
    let store = fixture.store();
    store.txn(Txn::new().put("a", "1").put("a/1", "1").put("a/2/3", "1").put("a0", "1")).await.unwrap();
    let outcome = store.txn(Txn::new().delete_prefix("a/")).await.unwrap();
    assert_eq!(outcome.revision, 3, "one revision for all of them");
    assert_eq!(keys(&store, "").await, ["a", "a0"]);
    store.txn(Txn::new().delete_prefix("")).await.unwrap();
    assert_eq!(keys(&store, "").await, Vec::<String>::new());
}

pub async fn concurrent_increments_lose_nothing(fixture: &dyn Fixture) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 10;
    let store = fixture.store();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..EACH {
                    increment(&store, "n").await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(value(&store, "n").await, Some((WRITERS * EACH).to_string()));
    assert_eq!(store.get("n").await.unwrap().unwrap().version, WRITERS * EACH);
}

pub async fn invalid_keys_and_values_are_refused(fixture: &dyn Fixture) {
    let store = fixture.store();
    let largest = vec![0; MAX_VALUE_BYTES];
    store.txn(Txn::new().put("k".repeat(MAX_KEY_BYTES), largest)).await.unwrap();
    for key in [String::new(), "k".repeat(MAX_KEY_BYTES + 1), "a\0b".to_owned()] {
        let refused = store.txn(Txn::new().put(key, "1")).await;
        assert!(matches!(refused, Err(Error::InvalidKey { .. })), "{refused:?}");
    }
    let refused = store.txn(Txn::new().put("a", vec![0; MAX_VALUE_BYTES + 1])).await;
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    let many = (0..2000).fold(Txn::new(), |txn, n| txn.put(format!("{n}"), "1"));
    assert!(matches!(store.txn(many).await, Err(Error::TooLarge { .. })));
    assert_eq!(store.range("").await.unwrap().revision, 2);
}
