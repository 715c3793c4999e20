use std::sync::atomic::Ordering;

use cetcd_api::{
    Code,
    actions::{DeleteEtcdInstance, DeleteEtcdInstanceRequest, ModifyEtcdAttribute, ModifyEtcdAttributeRequest},
};

use super::*;

fn modification(id: &InstanceId) -> ModifyEtcdAttributeRequest {
    ModifyEtcdAttributeRequest { instance_id: id.to_string(), ..Default::default() }
}

#[tokio::test]
async fn a_name_and_a_description_are_changed_without_a_task() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let request = ModifyEtcdAttributeRequest {
        name: Some("payments".to_owned()),
        description: Some("of the shop".to_owned()),
        ..modification(&id)
    };
    bench.ask::<ModifyEtcdAttribute>(request).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.spec.name.as_str(), instance.spec.description.as_str()), ("payments", "of the shop"));
    assert_eq!(instance.generation, 1);
    bench.task(&id);
}

#[tokio::test]
async fn a_description_can_be_emptied_and_the_name_stays() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    for description in ["something", ""] {
        let request = ModifyEtcdAttributeRequest { description: Some(description.to_owned()), ..modification(&id) };
        bench.ask::<ModifyEtcdAttribute>(request).await.unwrap();
        let spec = bench.instance(&id).await.spec;
        assert_eq!((spec.name.as_str(), spec.description.as_str()), ("orders", description));
    }
}

#[tokio::test]
async fn what_already_is_so_is_a_success_without_a_write() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let before = bench.everything().await;
    bench.ask::<ModifyEtcdAttribute>(modification(&id)).await.unwrap();
    let request = ModifyEtcdAttributeRequest {
        name: Some("orders".to_owned()),
        enable_delete_cos: Some(false),
        subnet_ids: Some(vec!["subnet-abcd1234".to_owned(), "subnet-abcd2345".to_owned()]),
        ..modification(&id)
    };
    bench.ask::<ModifyEtcdAttribute>(request).await.unwrap();
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn what_becomes_of_the_backups_is_kept_without_a_task() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    for wanted in [true, false] {
        let request = ModifyEtcdAttributeRequest { enable_delete_cos: Some(wanted), ..modification(&id) };
        bench.ask::<ModifyEtcdAttribute>(request).await.unwrap();
        let instance = bench.instance(&id).await;
        assert_eq!((instance.spec.delete_backups, instance.generation), (wanted, 1));
    }
    bench.task(&id);
}

#[tokio::test]
async fn what_is_being_deleted_keeps_its_name() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let request = DeleteEtcdInstanceRequest { instance_id: id.to_string() };
    bench.ask::<DeleteEtcdInstance>(request).await.unwrap();
    let request = ModifyEtcdAttributeRequest { name: Some("payments".to_owned()), ..modification(&id) };
    refusal(bench.ask::<ModifyEtcdAttribute>(request).await, Code::OperationDenied);
}

#[tokio::test]
async fn changes_of_different_attributes_at_once_are_both_kept() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.store.losses.store(1, Ordering::Relaxed);
    let name = ModifyEtcdAttributeRequest { name: Some("payments".to_owned()), ..modification(&id) };
    let text = ModifyEtcdAttributeRequest { description: Some("of the shop".to_owned()), ..modification(&id) };
    let (one, other) = tokio::join!(bench.ask::<ModifyEtcdAttribute>(name), bench.ask::<ModifyEtcdAttribute>(text));
    one.unwrap();
    other.unwrap();
    let spec = bench.instance(&id).await.spec;
    assert_eq!((spec.name.as_str(), spec.description.as_str()), ("payments", "of the shop"));
}

#[tokio::test]
async fn a_change_that_loses_every_race_is_refused_for_now() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.store.losses.store(usize::MAX, Ordering::Relaxed);
    let request = ModifyEtcdAttributeRequest { name: Some("payments".to_owned()), ..modification(&id) };
    let text = refusal(bench.ask::<ModifyEtcdAttribute>(request).await, Code::ResourceInUse);
    assert!(text.contains(id.as_str()), "{text}");
}
