//! Any sequence of calls has the same answers in memory and in SQLite.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{Memory, Sqlite};
use crate::suite::Fixture;
use crate::{Compare, Event, LeaseId, Op, Store, Txn};

#[derive(Debug, Clone)]
enum Call {
    Txn(Txn),
    Get(String),
    Range(String),
    Watch(String, u64),
    Grant(u64),
    KeepAlive(LeaseId),
    Revoke(LeaseId),
    Advance(u64),
}

fn key() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec!["a", "a/", "a/1", "a/2", "a0", "b", "é", "\u{10ffff}"]).prop_map(str::to_owned)
}

fn prefix() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec!["", "a", "a/", "b", "é", "\u{10ffff}", "none"]).prop_map(str::to_owned)
}

fn lease() -> impl Strategy<Value = LeaseId> + Clone {
    (1u64..5).prop_map(LeaseId)
}

fn small_value() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop::collection::vec(0u8..3, 0..3)
}

fn compare() -> impl Strategy<Value = Compare> {
    prop_oneof![
        key().prop_map(Compare::absent),
        key().prop_map(Compare::present),
        (key(), 0u64..20).prop_map(|(key, n)| Compare::mod_revision(key, n)),
        (key(), 0u64..20).prop_map(|(key, n)| Compare::create_revision(key, n)),
        (key(), 0u64..4).prop_map(|(key, n)| Compare::version(key, n)),
        (key(), small_value()).prop_map(|(key, value)| Compare::value(key, value)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (key(), small_value()).prop_map(|(key, value)| Op::put(key, value)),
        1 => (key(), small_value(), lease())
            .prop_map(|(key, value, lease)| Op::put_with_lease(key, value, lease)),
        2 => key().prop_map(Op::delete),
        1 => prefix().prop_map(Op::delete_prefix),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let txn =
        (prop::collection::vec(compare(), 0..2), prop::collection::vec(op(), 0..5), prop::collection::vec(op(), 0..3))
            .prop_map(|(compare, then, otherwise)| Call::Txn(Txn { compare, then, otherwise }));
    prop_oneof![
        8 => txn,
        1 => key().prop_map(Call::Get),
        2 => prefix().prop_map(Call::Range),
        1 => (prefix(), 0u64..30).prop_map(|(prefix, from)| Call::Watch(prefix, from)),
        2 => (1u64..10).prop_map(Call::Grant),
        1 => lease().prop_map(Call::KeepAlive),
        1 => lease().prop_map(Call::Revoke),
        1 => (1u64..6).prop_map(Call::Advance),
    ]
}

/// Everything that can be seen of a call's answer.
async fn answer(fixture: &dyn Fixture, call: Call) -> String {
    let store = fixture.store();
    match call {
        Call::Txn(txn) => format!("{:?}", store.txn(txn).await),
        Call::Get(key) => {
            let entry = store.get(&key).await.unwrap();
            format!("{entry:?} {:?}", entry.as_ref().map(|entry| &entry.value))
        }
        Call::Range(prefix) => {
            let range = store.range(&prefix).await.unwrap();
            let values: Vec<_> = range.entries.iter().map(|entry| &entry.value).collect();
            format!("{range:?} {values:?}")
        }
        Call::Watch(prefix, from) => format!("{:?}", history(&store, &prefix, from).await),
        Call::Grant(seconds) => format!("{:?}", store.grant(Duration::from_secs(seconds)).await),
        Call::KeepAlive(id) => format!("{:?}", store.keep_alive(id).await),
        Call::Revoke(id) => format!("{:?}", store.revoke(id).await),
        Call::Advance(seconds) => {
            fixture.advance(Duration::from_secs(seconds)).await;
            String::new()
        }
    }
}

/// The events from `from` up to a mark that is put for it.
async fn history(store: &dyn Store, prefix: &str, from: u64) -> Result<Vec<Event>, String> {
    let now = store.range("").await.unwrap().revision;
    let mut watch = store.watch("", from.min(now + 1)).await.map_err(|error| error.to_string())?;
    store.txn(Txn::new().put("zz-mark", "")).await.unwrap();
    let mut events = Vec::new();
    loop {
        let event = watch.next().await.unwrap().map_err(|error| error.to_string())?;
        if event.revision > now {
            return Ok(events);
        }
        if event.key().starts_with(prefix) {
            events.push(event);
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 32, failure_persistence: None, ..Config::default() })]
    #[test]
    fn memory_and_sqlite_give_the_same_answers(
        calls in prop::collection::vec(call(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (memory, sqlite) = (Memory::new(), Sqlite::new());
            for call in calls {
                let expected = answer(&memory, call.clone()).await;
                prop_assert_eq!(expected, answer(&sqlite, call.clone()).await, "{:?}", call);
            }
            let expected = answer(&memory, Call::Range(String::new())).await;
            prop_assert_eq!(expected, answer(&sqlite, Call::Range(String::new())).await);
            Ok(())
        })?;
    }
}
