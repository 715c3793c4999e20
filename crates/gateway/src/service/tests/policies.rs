use std::sync::atomic::Ordering;

use cetcd_api::{
    Code,
    actions::{
        CreateEtcdSnapshotPolicy, CreateEtcdSnapshotPolicyRequest, DeleteEtcdInstance, DeleteEtcdInstanceRequest,
        DeleteEtcdSnapshotPolicy, DeleteEtcdSnapshotPolicyRequest, DescribeEtcdSnapshotPolicies,
        DescribeEtcdSnapshotPoliciesRequest, ModifyEtcdSnapshotPolicy, ModifyEtcdSnapshotPolicyRequest,
        ModifyEtcdSnapshotRetention, ModifyEtcdSnapshotRetentionRequest,
    },
    structures::{EtcdBackupSettings, EtcdSnapshotPolicy},
};
use cetcd_core::backup::{Policy, Tiers};

use super::*;

fn settings(interval: i64, count: i64) -> EtcdBackupSettings {
    EtcdBackupSettings { backup_interval: interval, max_backup_count: count, ..Default::default() }
}

fn creation_of(id: &InstanceId, name: &str) -> CreateEtcdSnapshotPolicyRequest {
    CreateEtcdSnapshotPolicyRequest {
        instance_id: id.to_string(),
        snapshot_policy_name: name.to_owned(),
        backup_settings: Some(settings(600, 5)),
    }
}

fn modification(id: &InstanceId, name: &str, backup_settings: EtcdBackupSettings) -> ModifyEtcdSnapshotPolicyRequest {
    ModifyEtcdSnapshotPolicyRequest {
        instance_id: id.to_string(),
        snapshot_policy_name: name.to_owned(),
        backup_settings,
    }
}

async fn listed(bench: &Bench, id: &InstanceId) -> Vec<EtcdSnapshotPolicy> {
    let request = DescribeEtcdSnapshotPoliciesRequest { instance_id: id.to_string() };
    bench.ask::<DescribeEtcdSnapshotPolicies>(request).await.unwrap().snapshot_policies.unwrap()
}

async fn stored(bench: &Bench, id: &InstanceId, name: &str) -> Policy {
    records::get(bench.store.as_ref(), &records::policy_key(id, name)).await.unwrap().unwrap().value
}

async fn password(bench: &Bench, id: &InstanceId, name: &str) -> Option<String> {
    let key = records::policy_password_key(id, name);
    let opened = records::secret(bench.store.as_ref(), &bench.sealer, &key).await.unwrap();
    opened.map(|plain| String::from_utf8(plain.to_vec()).unwrap())
}

#[tokio::test]
async fn a_policy_is_made_and_listed_without_its_password() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut request = creation_of(&id, "nightly");
    let wanted = request.backup_settings.as_mut().unwrap();
    (wanted.user, wanted.password) = (Some("backup".to_owned()), Some("hunter2".to_owned()));
    bench.ask::<CreateEtcdSnapshotPolicy>(request).await.unwrap();
    let all = listed(&bench, &id).await;
    let shown = &all[0];
    assert_eq!((all.len(), shown.name.as_str()), (1, "nightly"));
    assert_eq!((shown.backup_settings.backup_interval, shown.backup_settings.max_backup_count), (600, 5));
    assert_eq!((shown.backup_settings.user.as_deref(), &shown.backup_settings.password), (Some("backup"), &None));
    assert_eq!(password(&bench, &id, "nightly").await.as_deref(), Some("hunter2"));
    let records = bench.everything().await;
    assert!(records.iter().all(|entry| !String::from_utf8_lossy(&entry.value).contains("hunter2")));
}

#[tokio::test]
async fn a_policy_without_settings_is_hourly_and_keeps_24() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let request = CreateEtcdSnapshotPolicyRequest { backup_settings: None, ..creation_of(&id, "plain") };
    bench.ask::<CreateEtcdSnapshotPolicy>(request).await.unwrap();
    let shown = listed(&bench, &id).await.remove(0).backup_settings;
    assert_eq!((shown.backup_interval, shown.max_backup_count), (3600, 24));
}

#[tokio::test]
async fn the_same_name_again_exists_already() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "p")).await.unwrap();
    let before = bench.everything().await;
    refusal(
        bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "p")).await,
        Code::FailedOperationResourceExistAlready,
    );
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn an_instance_has_a_bounded_number_of_policies() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    for n in 0..20 {
        bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, &format!("p{n}"))).await.unwrap();
    }
    refusal(bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "more")).await, Code::OperationDenied);
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_the_password_above_all() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut request = creation_of(&id, "p");
    let wanted = request.backup_settings.as_mut().unwrap();
    (wanted.user, wanted.password) = (Some("backup".to_owned()), Some("hunter2".to_owned()));
    bench.ask::<CreateEtcdSnapshotPolicy>(request).await.unwrap();
    bench.ask::<ModifyEtcdSnapshotPolicy>(modification(&id, "p", settings(0, 9))).await.unwrap();
    let policy = stored(&bench, &id, "p").await;
    assert_eq!((policy.settings.interval_seconds, policy.settings.max_count), (600, 9));
    assert_eq!(policy.settings.user.as_deref(), Some("backup"));
    assert_eq!(password(&bench, &id, "p").await.as_deref(), Some("hunter2"));
}

#[tokio::test]
async fn an_empty_user_takes_user_and_password_away() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut request = creation_of(&id, "p");
    let wanted = request.backup_settings.as_mut().unwrap();
    (wanted.user, wanted.password) = (Some("backup".to_owned()), Some("hunter2".to_owned()));
    bench.ask::<CreateEtcdSnapshotPolicy>(request).await.unwrap();
    let wanted = EtcdBackupSettings { user: Some(String::new()), ..settings(0, 0) };
    bench.ask::<ModifyEtcdSnapshotPolicy>(modification(&id, "p", wanted)).await.unwrap();
    assert_eq!(stored(&bench, &id, "p").await.settings.user, None);
    assert_eq!(password(&bench, &id, "p").await, None);
}

#[tokio::test]
async fn what_a_policy_keeps_by_age_is_changed_by_itself() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "p")).await.unwrap();
    let request = ModifyEtcdSnapshotRetentionRequest {
        instance_id: id.to_string(),
        snapshot_policy_name: "p".to_owned(),
        keep_daily: Some(7),
        prove_every: Some(0),
        ..Default::default()
    };
    bench.ask::<ModifyEtcdSnapshotRetention>(request).await.unwrap();
    let policy = stored(&bench, &id, "p").await;
    assert_eq!((policy.tiers, policy.drill_every), (Tiers { daily: 7, ..Tiers::default() }, 0));
    assert_eq!(policy.settings.max_count, 5);
}

#[tokio::test]
async fn a_policy_that_is_deleted_goes_with_its_password_and_only_once() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "p")).await.unwrap();
    let request =
        || DeleteEtcdSnapshotPolicyRequest { instance_id: id.to_string(), snapshot_policy_name: "p".to_owned() };
    bench.ask::<DeleteEtcdSnapshotPolicy>(request()).await.unwrap();
    assert!(listed(&bench, &id).await.is_empty());
    assert_eq!(password(&bench, &id, "p").await, None);
    refusal(bench.ask::<DeleteEtcdSnapshotPolicy>(request()).await, Code::ResourceNotFound);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed_and_what_somebody_else_has_is_not_there() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let wanted = || modification(&id, "none", settings(600, 1));
    refusal(bench.ask::<ModifyEtcdSnapshotPolicy>(wanted()).await, Code::ResourceNotFound);
    for context in [stranger(), elsewhere()] {
        refusal(
            bench.ask_as::<CreateEtcdSnapshotPolicy>(&context, creation_of(&id, "p")).await,
            Code::ResourceNotFound,
        );
        let request = DescribeEtcdSnapshotPoliciesRequest { instance_id: id.to_string() };
        refusal(bench.ask_as::<DescribeEtcdSnapshotPolicies>(&context, request).await, Code::ResourceNotFound);
    }
}

#[tokio::test]
async fn what_is_being_deleted_gets_no_policy() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let request = DeleteEtcdInstanceRequest { instance_id: id.to_string() };
    bench.ask::<DeleteEtcdInstance>(request).await.unwrap();
    refusal(bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "p")).await, Code::OperationDenied);
}

#[tokio::test]
async fn a_change_at_the_same_time_as_the_controllers_is_not_lost() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.ask::<CreateEtcdSnapshotPolicy>(creation_of(&id, "p")).await.unwrap();
    bench.store.losses.store(2, Ordering::Relaxed);
    bench.ask::<ModifyEtcdSnapshotPolicy>(modification(&id, "p", settings(60, 2))).await.unwrap();
    assert_eq!(stored(&bench, &id, "p").await.settings.interval_seconds, 60);
}
