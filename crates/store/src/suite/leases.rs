//! Leases and the keys that go with them.

use std::time::Duration;

use super::{Fixture, keys, put, seen, value};
use crate::{Error, FIRST_REVISION, LeaseId, Txn};

pub async fn a_lease_takes_its_keys_along_when_it_expires(fixture: &dyn Fixture) {
    let store = fixture.store();
    let lease = store.grant(Duration::from_secs(10)).await.unwrap();
    let other = store.grant(Duration::from_secs(60)).await.unwrap();
    assert_ne!(lease, other);
    let transaction = Txn::new()
        .put_with_lease("b", "1", lease)
        .put_with_lease("a", "1", lease)
        .put_with_lease("other", "1", other)
        .put("kept", "1");
    store.txn(transaction).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap().lease, Some(lease));
    let mut watch = store.watch("", 0).await.unwrap();
    fixture.advance(Duration::from_secs(9)).await;
    assert_eq!(keys(&store, "").await, ["a", "b", "kept", "other"]);
    fixture.advance(Duration::from_secs(1)).await;
    assert_eq!(keys(&store, "").await, ["kept", "other"]);
    assert_eq!(seen(&mut watch).await, (3, "a".to_owned(), false));
    assert_eq!(seen(&mut watch).await, (3, "b".to_owned(), false));
    assert!(matches!(store.keep_alive(lease).await, Err(Error::LeaseNotFound(id)) if id == lease));
}

pub async fn a_kept_lease_lives_on(fixture: &dyn Fixture) {
    let store = fixture.store();
    let lease = store.grant(Duration::from_secs(10)).await.unwrap();
    let revision = store.txn(Txn::new().put_with_lease("a", "1", lease)).await.unwrap().revision;
    for _ in 0..5 {
        fixture.advance(Duration::from_secs(9)).await;
        store.keep_alive(lease).await.unwrap();
    }
    assert_eq!(store.range("").await.unwrap().revision, revision, "keeping it is no change");
    fixture.advance(Duration::from_secs(10)).await;
    assert_eq!(store.get("a").await.unwrap(), None);
}

pub async fn a_revoked_lease_takes_its_keys_along_at_once(fixture: &dyn Fixture) {
    let store = fixture.store();
    let lease = store.grant(Duration::from_secs(10)).await.unwrap();
    store.txn(Txn::new().put_with_lease("a", "1", lease).put_with_lease("b", "1", lease)).await.unwrap();
    store.revoke(lease).await.unwrap();
    let range = store.range("").await.unwrap();
    assert_eq!((range.revision, range.entries), (3, Vec::new()));
    assert!(matches!(store.revoke(lease).await, Err(Error::LeaseNotFound(_))));
}

pub async fn a_put_without_the_lease_frees_the_key(fixture: &dyn Fixture) {
    let store = fixture.store();
    let lease = store.grant(Duration::from_secs(10)).await.unwrap();
    store.txn(Txn::new().put_with_lease("a", "1", lease)).await.unwrap();
    put(&store, "a", "2").await;
    store.revoke(lease).await.unwrap();
    assert_eq!(value(&store, "a").await.as_deref(), Some("2"));
}

pub async fn an_unknown_lease_is_refused_and_nothing_changes(fixture: &dyn Fixture) {
    let store = fixture.store();
    let transaction = Txn::new().put("a", "1").put_with_lease("b", "1", LeaseId(7));
    let refused = store.txn(transaction).await;
    assert!(matches!(refused, Err(Error::LeaseNotFound(LeaseId(7)))), "{refused:?}");
    assert_eq!(store.range("").await.unwrap().revision, FIRST_REVISION);
    assert!(matches!(store.keep_alive(LeaseId(7)).await, Err(Error::LeaseNotFound(_))));
}

pub async fn an_impossible_time_to_live_is_refused(fixture: &dyn Fixture) {
    let store = fixture.store();
    for ttl in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        assert!(matches!(store.grant(ttl).await, Err(Error::InvalidTtl)), "{ttl:?}");
    }
}
