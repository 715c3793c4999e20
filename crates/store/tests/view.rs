//! The in-memory view over a memory store.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use cetcd_core::{
    Event, Instance, InstanceId, Task,
    event::EventKind,
    instance::{BackupSettings, Spec},
    task::TaskKind,
};
use cetcd_store::{
    Store, Txn, events,
    memory::MemoryStore,
    records::{self, SnapshotPolicy},
    view::{Change, View},
};
use jiff::Timestamp;

fn instance(id: &str, account: &str, second: i64) -> Instance {
    Instance {
        id: InstanceId::parse(id).unwrap(),
        account: account.to_owned(),
        region: "ap-guangzhou".to_owned(),
        created_at: Timestamp::from_second(second).unwrap(),
        generation: 1,
        spec: Spec {
            name: "test".to_owned(),
            vpc_id: "vpc-abcd1234".to_owned(),
            service_subnet_id: "subnet-abcd1234".to_owned(),
            subnet_ids: vec!["subnet-abcd1234".to_owned()],
            ..Spec::new("v3.5.16".parse().unwrap())
        },
    }
}

async fn following() -> (Arc<dyn Store>, Arc<View>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (view, follow) = View::follow(Arc::clone(&store)).await.unwrap();
    tokio::spawn(follow);
    (store, view)
}

#[tokio::test]
async fn a_writer_that_waits_for_its_revision_reads_its_own_write() {
    let (store, view) = following().await;
    let written = instance("etcd-aaaaaaaa", "1", 1);
    let outcome = store.txn(Txn::new().then(records::put_instance(&written))).await.unwrap();
    view.wait_for(outcome.revision).await;
    let read = view.instance(&written.id).unwrap();
    assert_eq!((*read.value == written, read.revision), (true, outcome.revision));
}

#[tokio::test]
async fn a_transaction_is_shown_whole() {
    let (store, view) = following().await;
    for round in 0..200 {
        let written = instance("etcd-aaaaaaaa", "1", round);
        let task = Task::accepted(format!("task-{round}"), TaskKind::CreateInstance, &written, written.created_at);
        let txn = Txn::new().then(records::put_instance(&written)).then(records::put_task(&task));
        let outcome = store.txn(txn).await.unwrap();
        view.wait_for(outcome.revision).await;
        assert!(view.task(&task.id).is_some(), "round {round}");
        assert_eq!(view.instance(&written.id).unwrap().value.created_at, written.created_at);
    }
}

#[tokio::test]
async fn accounts_see_their_own_instances_oldest_first() {
    let (store, view) = following().await;
    let mut last = 0;
    for (id, account, second) in [("etcd-cccccccc", "1", 1), ("etcd-bbbbbbbb", "2", 2), ("etcd-aaaaaaaa", "1", 3)] {
        let txn = Txn::new().then(records::put_instance(&instance(id, account, second)));
        last = store.txn(txn).await.unwrap().revision;
    }
    view.wait_for(last).await;
    let ids: Vec<_> = view.instances_of("1", "ap-guangzhou").iter().map(|(i, _)| i.id.to_string()).collect();
    assert_eq!(ids, ["etcd-cccccccc", "etcd-aaaaaaaa"]);
    assert_eq!(view.count_of("2", "ap-guangzhou"), 1);
    assert!(view.instances_of("1", "ap-beijing").is_empty());
}

#[tokio::test]
async fn what_is_deleted_is_gone_from_every_table() {
    let (store, view) = following().await;
    let gone = instance("etcd-aaaaaaaa", "1", 1);
    let policy = SnapshotPolicy::new("daily".to_owned(), BackupSettings::default(), jiff::Timestamp::UNIX_EPOCH);
    let txn = Txn::new().then(records::put_instance(&gone)).then(records::put_policy(&gone.id, &policy));
    store.txn(txn).await.unwrap();
    let txn = Txn::new().delete(records::instance_key(&gone.id)).delete_prefix(records::policies_prefix(&gone.id));
    let outcome = store.txn(txn).await.unwrap();
    view.wait_for(outcome.revision).await;
    assert!(view.instance(&gone.id).is_none());
    assert!(view.policies_of(&gone.id).is_empty());
    assert_eq!(view.count_of("1", "ap-guangzhou"), 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_only_itself() {
    let (store, view) = following().await;
    let good = instance("etcd-aaaaaaaa", "1", 1);
    let bad = Txn::new().put("/instances/etcd-bbbbbbbb", "not JSON").then(records::put_instance(&good));
    let outcome = store.txn(bad).await.unwrap();
    view.wait_for(outcome.revision).await;
    assert!(view.instance(&good.id).is_some());
    assert!(view.instance(&InstanceId::parse("etcd-bbbbbbbb").unwrap()).is_none());
}

#[tokio::test]
async fn whoever_follows_is_told_which_instances_changed_once_that_shows() {
    let (store, view) = following().await;
    let mut changes = view.changes();
    let about = |id: &str| Change::Instance {
        id: InstanceId::parse(id).unwrap(),
        account: "1".to_owned(),
        region: "ap-guangzhou".to_owned(),
    };
    let written = instance("etcd-aaaaaaaa", "1", 1);
    store.txn(Txn::new().then(records::put_instance(&written)).put("/quota/1/ap-guangzhou", "")).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), about("etcd-aaaaaaaa"));
    assert!(view.instance(&written.id).is_some());
    let event = Event::new(EventKind::MemberDown, Timestamp::UNIX_EPOCH);
    store.txn(Txn::new().then(events::put(&written.id, &event))).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), about("etcd-aaaaaaaa"));
    store.txn(Txn::new().delete(records::instance_key(&written.id))).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), about("etcd-aaaaaaaa"));
    assert!(changes.try_recv().is_err(), "nothing else was told");
}
