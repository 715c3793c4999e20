use std::collections::BTreeMap;

use cetcd_api::{
    Code,
    actions::{
        CreateEtcdSnapshot, CreateEtcdSnapshotRequest, DeleteEtcdSnapshot, DeleteEtcdSnapshotRequest,
        DescribeEtcdBackups, DescribeEtcdBackupsRequest, DescribeEtcdBackupsResponse, DescribeEtcdHealth,
        DescribeEtcdHealthRequest, DescribeEtcdSnapshots, DescribeEtcdSnapshotsRequest, ResizeEtcdInstance,
        ResizeEtcdInstanceRequest, RestoreEtcdSnapshot, RestoreEtcdSnapshotRequest, ShareEtcdSnapshot,
        ShareEtcdSnapshotRequest, VerifyEtcdSnapshot, VerifyEtcdSnapshotRequest,
    },
    structures::EtcdRestoreTarget,
};
use cetcd_core::{
    backup::{Contents, Drill, Policy, Snapshot, SnapshotState},
    instance::{BackupSettings, Restore},
    task::{TaskKind, TaskState},
};

use super::*;

fn creation_of(id: &InstanceId, name: &str) -> CreateEtcdSnapshotRequest {
    CreateEtcdSnapshotRequest { instance_id: id.to_string(), snapshot_name: name.to_owned(), ..Default::default() }
}

/// An instance whose cluster is there.
async fn made(bench: &Bench) -> InstanceId {
    let id = bench.made().await;
    bench.set_status(&id, &Status { cluster_id: Some(7), ..running(3) }).await;
    id
}

async fn recorded(bench: &Bench, id: &InstanceId, name: &str) -> Snapshot {
    records::get(bench.store.as_ref(), &records::snapshot_key(id, name)).await.unwrap().unwrap().value
}

/// The controller has taken it.
async fn taken(bench: &Bench, id: &InstanceId, name: &str) -> Snapshot {
    bench.ask::<CreateEtcdSnapshot>(creation_of(id, name)).await.unwrap();
    let mut snapshot = recorded(bench, id, name).await;
    snapshot.begin(at(1));
    let contents = Contents {
        version: EtcdVersion::new(3, 5, 16),
        cluster_id: 7,
        revision: 4711,
        keys: 12,
        bytes: 20_512,
        stored_bytes: 4000,
        sha256: "ab".repeat(32),
    };
    snapshot.succeed(contents, at(2));
    bench.write(Txn::new().then(records::put_snapshot(&snapshot))).await;
    snapshot
}

async fn listed(bench: &Bench, id: &InstanceId) -> Vec<(String, u64)> {
    let request = DescribeEtcdSnapshotsRequest { instance_id: id.to_string() };
    let answer = bench.ask::<DescribeEtcdSnapshots>(request).await.unwrap();
    answer.snapshots.unwrap().into_iter().map(|snapshot| (snapshot.name, snapshot.size)).collect()
}

#[tokio::test]
async fn a_snapshot_is_recorded_with_its_task_and_its_password_sealed() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    let request = CreateEtcdSnapshotRequest {
        user: Some("root".to_owned()),
        password: Some("hunter2".to_owned()),
        ..creation_of(&id, "first")
    };
    bench.ask::<CreateEtcdSnapshot>(request).await.unwrap();
    let snapshot = recorded(&bench, &id, "first").await;
    assert_eq!((snapshot.state, snapshot.user.as_deref()), (SnapshotState::Pending, Some("root")));
    let task = bench.service.view.task(&snapshot.task.unwrap()).unwrap();
    assert_eq!((task.kind, task.state), (TaskKind::CreateSnapshot, TaskState::Process));
    let key = records::snapshot_password_key(&id, "first");
    let password = records::secret(bench.store.as_ref(), &bench.sealer, &key).await.unwrap().unwrap();
    assert_eq!(password.as_slice(), b"hunter2");
    assert!(bench.everything().await.iter().all(|e| !String::from_utf8_lossy(&e.value).contains("hunter2")));
}

#[tokio::test]
async fn one_that_is_not_there_yet_is_not_listed() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    taken(&bench, &id, "whole").await;
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "half")).await.unwrap();
    assert_eq!(listed(&bench, &id).await, [("whole".to_owned(), 20_512)]);
}

#[tokio::test]
async fn the_same_name_again_exists_already_unless_it_was_given_up() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "s")).await.unwrap();
    let again = || creation_of(&id, "s");
    refusal(bench.ask::<CreateEtcdSnapshot>(again()).await, Code::FailedOperationResourceExistAlready);
    let mut snapshot = recorded(&bench, &id, "s").await;
    snapshot.state = SnapshotState::Failed;
    bench.write(Txn::new().then(records::put_snapshot(&snapshot))).await;
    bench.ask::<CreateEtcdSnapshot>(again()).await.unwrap();
    let fresh = recorded(&bench, &id, "s").await;
    assert_eq!(fresh.state, SnapshotState::Pending);
    assert_ne!(fresh.object, snapshot.object);
}

#[tokio::test]
async fn a_snapshot_under_way_keeps_no_change_from_being_made() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let creation = bench.task(&id);
    let mut done = (*creation).clone();
    done.advance(done.steps.len(), at(1));
    bench.write(Txn::new().then(records::put_task(&done))).await;
    bench.set_status(&id, &Status { cluster_id: Some(7), ..running(3) }).await;
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "s")).await.unwrap();
    let request = ResizeEtcdInstanceRequest { instance_id: id.to_string(), size: 5 };
    bench.ask::<ResizeEtcdInstance>(request).await.unwrap();
}

#[tokio::test]
async fn an_instance_without_a_cluster_has_nothing_to_take_a_snapshot_of() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    refusal(bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "s")).await, Code::OperationDenied);
}

#[tokio::test]
async fn a_deletion_is_recorded_and_hides_the_snapshot_at_once() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    taken(&bench, &id, "s").await;
    let request = || DeleteEtcdSnapshotRequest { instance_id: id.to_string(), snapshot_name: "s".to_owned() };
    refusal(bench.ask_as::<DeleteEtcdSnapshot>(&stranger(), request()).await, Code::ResourceNotFound);
    bench.ask::<DeleteEtcdSnapshot>(request()).await.unwrap();
    bench.ask::<DeleteEtcdSnapshot>(request()).await.unwrap();
    assert!(recorded(&bench, &id, "s").await.deleting);
    assert!(listed(&bench, &id).await.is_empty());
    let other = DeleteEtcdSnapshotRequest { snapshot_name: "none".to_owned(), ..request() };
    refusal(bench.ask::<DeleteEtcdSnapshot>(other).await, Code::ResourceNotFound);
}

#[tokio::test]
async fn backups_of_an_instance_that_is_gone_are_still_their_owners() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    taken(&bench, &id, "s").await;
    bench.write(Txn::new().delete(records::instance_key(&id)).delete(records::status_key(&id))).await;
    assert_eq!(listed(&bench, &id).await.len(), 1);
    for other in [stranger(), elsewhere()] {
        let request = DescribeEtcdSnapshotsRequest { instance_id: id.to_string() };
        refusal(bench.ask_as::<DescribeEtcdSnapshots>(&other, request).await, Code::ResourceNotFound);
    }
    let request = DeleteEtcdSnapshotRequest { instance_id: id.to_string(), snapshot_name: "s".to_owned() };
    bench.ask::<DeleteEtcdSnapshot>(request).await.unwrap();
}

#[tokio::test]
async fn details_come_in_pages_and_by_filter_the_newest_first() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    for name in ["a", "b", "c"] {
        taken(&bench, &id, name).await;
    }
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "open")).await.unwrap();
    let policy = Policy::new("p".to_owned(), BackupSettings::default(), at(0));
    bench.write(Txn::new().then(records::put_policy(&id, &policy))).await;
    let request = DescribeEtcdBackupsRequest {
        instance_id: id.to_string(),
        filters: Some(vec![filter("state", &["done"])]),
        offset: Some(1),
        limit: Some(1),
    };
    let answer = bench.ask::<DescribeEtcdBackups>(request).await.unwrap();
    assert_eq!((answer.total_count, answer.backups.len()), (3, 1));
    let shown = &answer.backups[0];
    assert_eq!((shown.name.as_str(), shown.revision, shown.proof_state.as_str()), ("b", Some(4711), "none"));
    assert_eq!((answer.policies[0].name.as_str(), answer.policies[0].keep_daily), ("p", 0));
    let request = DescribeEtcdBackupsRequest {
        instance_id: id.to_string(),
        filters: Some(vec![filter("color", &["red"])]),
        ..Default::default()
    };
    refusal(bench.ask::<DescribeEtcdBackups>(request).await, Code::InvalidParameterValue);
}

/// What a test says moves.
#[derive(Default)]
pub struct Moving(Mutex<BTreeMap<String, Transferred>>);

impl Transfers for Moving {
    fn transferred(&self, what: &str) -> Option<Transferred> {
        self.0.lock().unwrap().get(what).copied()
    }
}

async fn backups(bench: &Bench, id: &InstanceId) -> DescribeEtcdBackupsResponse {
    let request = DescribeEtcdBackupsRequest { instance_id: id.to_string(), ..Default::default() };
    bench.ask::<DescribeEtcdBackups>(request).await.unwrap()
}

#[tokio::test]
async fn what_moves_is_told_with_how_far_it_is() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "s")).await.unwrap();
    let shown = &backups(&bench, &id).await.backups[0];
    assert_eq!((shown.transferred_bytes, shown.expected_bytes), (None, None));
    let object = recorded(&bench, &id, "s").await.object;
    bench.transfers.0.lock().unwrap().insert(object, Transferred { bytes: 5, expected: Some(9) });
    let answer = backups(&bench, &id).await;
    assert_eq!((answer.backups[0].transferred_bytes, answer.backups[0].expected_bytes), (Some(5), Some(9)));
    assert!(answer.restoring.is_none());
}

#[tokio::test]
async fn a_restore_tells_how_far_its_snapshot_is_brought() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    taken(&bench, &id, "s").await;
    let mut instance = bench.instance(&id).await;
    let restore = Restore { id: "r".to_owned(), source: id.clone(), snapshot: "s".to_owned(), skip_backup: false };
    instance.spec.restore = Some(restore);
    bench.write(Txn::new().then(records::put_instance(&instance))).await;
    assert!(backups(&bench, &id).await.restoring.is_none(), "nothing moves yet");
    let transferred = Transferred { bytes: 5, expected: None };
    bench.transfers.0.lock().unwrap().insert("r".to_owned(), transferred);
    let restoring = backups(&bench, &id).await.restoring.unwrap();
    assert_eq!((restoring.snapshot_name.as_str(), restoring.transferred_bytes), ("s", 5));
}

#[tokio::test]
async fn a_snapshot_is_proved_anew_when_that_is_asked_for() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    let mut snapshot = taken(&bench, &id, "s").await;
    snapshot.drill = Some(Drill { at: at(3), passed: false, message: "hash".to_owned(), millis: 1 });
    bench.write(Txn::new().then(records::put_snapshot(&snapshot))).await;
    let request = |name: &str| VerifyEtcdSnapshotRequest { instance_id: id.to_string(), snapshot_name: name.into() };
    bench.ask::<VerifyEtcdSnapshot>(request("s")).await.unwrap();
    let asked = recorded(&bench, &id, "s").await;
    assert_eq!((asked.drill, asked.drill_wanted), (None, true));
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "open")).await.unwrap();
    refusal(bench.ask::<VerifyEtcdSnapshot>(request("open")).await, Code::OperationDenied);
}

/// A restore into a new instance that is described in full, as only the owner of the first need not.
fn restore_of(id: &InstanceId) -> RestoreEtcdSnapshotRequest {
    let target = EtcdRestoreTarget {
        name: "theirs".to_owned(),
        vpc_id: Some("vpc-abcd1234".to_owned()),
        service_subnet_id: Some("subnet-abcd1234".to_owned()),
        subnet_ids: Some(vec!["subnet-abcd1234".to_owned()]),
        size: Some(1),
        ..Default::default()
    };
    RestoreEtcdSnapshotRequest {
        instance_id: id.to_string(),
        snapshot_name: "s".to_owned(),
        new_instance: Some(target),
        ..Default::default()
    }
}

async fn share(bench: &Bench, id: &InstanceId, with: &[&str]) -> Result<(), Error> {
    let request = ShareEtcdSnapshotRequest {
        instance_id: id.to_string(),
        snapshot_name: "s".to_owned(),
        account_ids: with.iter().map(|&account| account.to_owned()).collect(),
    };
    bench.ask::<ShareEtcdSnapshot>(request).await.map(drop)
}

#[tokio::test]
async fn another_account_restores_only_what_is_shared_with_it_and_only_into_a_new_instance() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    taken(&bench, &id, "s").await;
    let them = stranger();
    let restore = |request| bench.ask_as::<RestoreEtcdSnapshot>(&them, request);
    refusal(restore(restore_of(&id)).await, Code::ResourceNotFound);

    share(&bench, &id, &["100000000002"]).await.unwrap();
    assert_eq!(backups(&bench, &id).await.backups[0].shared_with, ["100000000002"]);
    let made = restore(restore_of(&id)).await.unwrap().instance_id;
    let made = bench.instance(&InstanceId::parse(&made).unwrap()).await;
    assert_eq!((&*made.account, made.spec.size), ("100000000002", 1));
    assert_eq!(made.spec.restore.unwrap().source, id);
    let in_place = RestoreEtcdSnapshotRequest { new_instance: None, ..restore_of(&id) };
    assert!(refusal(restore(in_place).await, Code::OperationDenied).contains("NewInstance"));
    let described = DescribeEtcdSnapshotsRequest { instance_id: id.to_string() };
    refusal(bench.ask_as::<DescribeEtcdSnapshots>(&them, described).await, Code::ResourceNotFound);

    share(&bench, &id, &[]).await.unwrap();
    refusal(restore(restore_of(&id)).await, Code::ResourceNotFound);
}

#[tokio::test]
async fn what_is_shared_is_of_its_region_and_must_be_there() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    bench.ask::<CreateEtcdSnapshot>(creation_of(&id, "s")).await.unwrap();
    refusal(share(&bench, &id, &["100000000002"]).await, Code::OperationDenied);
    let mut snapshot = recorded(&bench, &id, "s").await;
    snapshot.shared_with.insert("100000000002".to_owned());
    bench.write(Txn::new().then(records::put_snapshot(&snapshot))).await;
    let there = Context { region: elsewhere().region, ..stranger() };
    refusal(bench.ask_as::<RestoreEtcdSnapshot>(&stranger(), restore_of(&id)).await, Code::OperationDenied);
    refusal(bench.ask_as::<RestoreEtcdSnapshot>(&there, restore_of(&id)).await, Code::ResourceNotFound);
}

#[tokio::test]
async fn a_backup_that_is_overdue_or_does_not_restore_is_told_with_the_health() {
    let bench = Bench::new().await;
    let id = made(&bench).await;
    let policy = Policy::new("p".to_owned(), BackupSettings::default(), at(0));
    bench.write(Txn::new().then(records::put_policy(&id, &policy))).await;
    let mut snapshot = taken(&bench, &id, "s").await;
    let health = async |second: i64| {
        let request = DescribeEtcdHealthRequest { instance_id: id.to_string() };
        let answer = bench.ask_as::<DescribeEtcdHealth>(&context_at(second), request).await.unwrap();
        let of = |kind: &str| answer.conditions.as_ref().unwrap().iter().find(|c| c.kind == kind).unwrap().holds;
        (of("BackupsRecent"), of("BackupsProved"))
    };
    assert_eq!(health(60).await, (true, true));
    assert_eq!(health(10_000).await, (false, true));
    snapshot.drill = Some(Drill { at: at(3), passed: false, message: "hash".to_owned(), millis: 1 });
    bench.write(Txn::new().then(records::put_snapshot(&snapshot))).await;
    assert!(!health(60).await.1);
}
