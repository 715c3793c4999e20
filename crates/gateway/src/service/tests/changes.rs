//! Changes that take time: resize, upgrade, configuration and subnets are desired state and a task.

use cetcd_api::{
    Code,
    actions::{
        DescribeEtcdInstances, DescribeEtcdInstancesRequest, ModifyEtcdAttribute, ModifyEtcdAttributeRequest,
        ModifyEtcdConfiguration, ModifyEtcdConfigurationRequest, ResizeEtcdInstance, ResizeEtcdInstanceRequest,
        UpgradeEtcdInstance, UpgradeEtcdInstanceRequest,
    },
    structures::InstanceConfig,
};
use cetcd_core::task::{TaskKind, TaskState};

use super::*;

fn resize(id: &InstanceId, size: u64) -> ResizeEtcdInstanceRequest {
    ResizeEtcdInstanceRequest { instance_id: id.to_string(), size }
}

fn upgrade(id: &InstanceId, version: &str) -> UpgradeEtcdInstanceRequest {
    UpgradeEtcdInstanceRequest { instance_id: id.to_string(), etcd_version: version.to_owned() }
}

/// The only task that goes on.
fn open_task(bench: &Bench, id: &InstanceId) -> TaskKind {
    let tasks = bench.service.view.tasks_about(id);
    let open: Vec<_> = tasks.iter().filter(|task| task.state == TaskState::Process).collect();
    assert_eq!(open.len(), 1);
    open[0].kind
}

#[tokio::test]
async fn a_resize_is_a_new_generation_and_a_task() {
    let (bench, id) = settled().await;
    bench.ask::<ResizeEtcdInstance>(resize(&id, 5)).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.spec.size, instance.generation), (5, 2));
    assert_eq!(open_task(&bench, &id), TaskKind::ResizeInstance);
}

#[tokio::test]
async fn the_status_word_says_what_is_being_done_from_the_answer_on() {
    let (bench, id) = settled().await;
    bench.ask::<ResizeEtcdInstance>(resize(&id, 5)).await.unwrap();
    let ids = Some(vec![id.to_string()]);
    let request = DescribeEtcdInstancesRequest { instance_ids: ids, ..Default::default() };
    let etcds = bench.ask::<DescribeEtcdInstances>(request).await.unwrap().etcds.unwrap();
    assert_eq!(etcds[0].status, "resizing");
}

#[tokio::test]
async fn a_resize_to_the_same_size_changes_nothing_and_an_even_one_is_refused() {
    let (bench, id) = settled().await;
    let before = bench.everything().await;
    bench.ask::<ResizeEtcdInstance>(resize(&id, 3)).await.unwrap();
    let text = refusal(bench.ask::<ResizeEtcdInstance>(resize(&id, 4)).await, Code::InvalidParameterValue);
    assert!(text.contains("Size"), "{text}");
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn a_second_change_during_one_is_denied_and_names_it() {
    let (bench, id) = settled().await;
    bench.ask::<ResizeEtcdInstance>(resize(&id, 5)).await.unwrap();
    let text = refusal(bench.ask::<ResizeEtcdInstance>(resize(&id, 1)).await, Code::OperationDenied);
    assert!(text.contains("resize_instance"), "{text}");
    assert_eq!(bench.instance(&id).await.spec.size, 5);
}

#[tokio::test]
async fn a_version_never_goes_back() {
    let (bench, id) = settled().await;
    let text = refusal(bench.ask::<UpgradeEtcdInstance>(upgrade(&id, "v3.4.23")).await, Code::OperationDenied);
    assert!(text.contains("v3.4.23"), "{text}");
    assert_eq!(bench.instance(&id).await.generation, 1);
}

#[tokio::test]
async fn an_upgrade_begins_only_while_every_member_serves() {
    let (bench, id) = settled().await;
    let older = Instance { generation: 1, ..bench.instance(&id).await };
    let older = Instance {
        spec: cetcd_core::instance::Spec { version: EtcdVersion::new(3, 4, 23), ..older.spec.clone() },
        ..older
    };
    bench.write(Txn::new().then(records::put_instance(&older))).await;
    bench.set_status(&id, &Status { phase: Phase::Abnormal, ..running(3) }).await;
    refusal(bench.ask::<UpgradeEtcdInstance>(upgrade(&id, "v3.5.16")).await, Code::OperationDenied);
    bench.set_status(&id, &running(3)).await;
    bench.ask::<UpgradeEtcdInstance>(upgrade(&id, "v3.5.16")).await.unwrap();
    assert_eq!(open_task(&bench, &id), TaskKind::UpgradeInstance);
}

#[tokio::test]
async fn a_configuration_change_sets_limits_and_size_together() {
    let (bench, id) = settled().await;
    let request = ModifyEtcdConfigurationRequest {
        instance_id: id.to_string(),
        instance_config: Some(InstanceConfig { cpu: 2, mem: 4, size: 5 }),
        ..Default::default()
    };
    bench.ask::<ModifyEtcdConfiguration>(request).await.unwrap();
    let spec = bench.instance(&id).await.spec;
    assert_eq!((spec.resources.unwrap().cpu, spec.resources.unwrap().memory_gib, spec.size), (2, 4, 5));
    assert_eq!(open_task(&bench, &id), TaskKind::ModifyConfiguration);
}

#[tokio::test]
async fn members_are_moved_by_other_subnets_of_the_same_network_only() {
    let (bench, id) = settled().await;
    let request = |subnet: &str| ModifyEtcdAttributeRequest {
        instance_id: id.to_string(),
        subnet_ids: Some(vec![subnet.to_owned()]),
        ..Default::default()
    };
    assert!(bench.ask::<ModifyEtcdAttribute>(request("subnet-shanghai")).await.is_err());
    bench.ask::<ModifyEtcdAttribute>(request("subnet-abcd3456")).await.unwrap();
    assert_eq!(bench.instance(&id).await.spec.subnet_ids, ["subnet-abcd3456"]);
    assert_eq!(open_task(&bench, &id), TaskKind::ModifyAttribute);
}
