//! RecoverEtcdInstance.

use cetcd_api::{
    Code,
    actions::{RecoverEtcdInstance, RecoverEtcdInstanceRequest, ResizeEtcdInstance, ResizeEtcdInstanceRequest},
};
use cetcd_core::{
    recovery::{QuorumLoss, Survivor},
    task::{TaskKind, TaskState},
};

use super::*;

fn recover(id: &InstanceId, dry_run: bool) -> RecoverEtcdInstanceRequest {
    RecoverEtcdInstanceRequest { instance_id: id.to_string(), dry_run: Some(dry_run) }
}

fn survivor(ordinal: u32, index: u64) -> Survivor {
    Survivor { ordinal, index, revision: 5, complete_until: Some(at(3)), led: false }
}

/// An instance that lost its quorum, with those that are left.
async fn without_quorum(survivors: Vec<Survivor>) -> (Bench, InstanceId) {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut task = Task::clone(&bench.task(&id));
    task.advance(task.steps.len(), at(1));
    bench.write(Txn::new().then(records::put_task(&task))).await;
    let lost = vec!["member 2".to_owned()];
    let quorum_loss = Some(QuorumLoss { since: at(5), listed: true, voters: 3, lost, silent: Vec::new(), survivors });
    bench.set_status(&id, &Status { quorum_loss, ..running(3) }).await;
    (bench, id)
}

#[tokio::test]
async fn a_dry_run_tells_who_is_left_and_changes_nothing() {
    let (bench, id) = without_quorum(vec![survivor(0, 7), survivor(1, 9)]).await;
    let before = bench.everything().await;
    let answer = bench.ask::<RecoverEtcdInstance>(recover(&id, true)).await.unwrap();
    assert!(answer.recoverable && answer.reason.contains("member 2 cannot come back"), "{answer:?}");
    let left: Vec<_> = answer.survivors.unwrap().into_iter().map(|s| (s.member, s.log_index, s.chosen)).collect();
    assert_eq!(left, [(id.member_name(0), 7, false), (id.member_name(1), 9, true)]);
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn a_recovery_is_a_new_generation_and_a_task_and_ends_the_one_that_cannot_go_on() {
    let (bench, id) = without_quorum(vec![survivor(0, 7)]).await;
    bench.ask::<ResizeEtcdInstance>(ResizeEtcdInstanceRequest { instance_id: id.to_string(), size: 5 }).await.unwrap();
    bench.ask::<RecoverEtcdInstance>(recover(&id, false)).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.generation, instance.spec.recovery_asked, instance.spec.size), (3, 3, 5));
    let tasks = bench.service.view.tasks_about(&id);
    let state = |kind| tasks.iter().find(|task| task.kind == kind).unwrap().state;
    assert_eq!(state(TaskKind::ResizeInstance), TaskState::Failed);
    assert_eq!(state(TaskKind::RecoverInstance), TaskState::Process);
    // Asked for again it is the same one.
    let before = bench.everything().await;
    bench.ask::<RecoverEtcdInstance>(recover(&id, false)).await.unwrap();
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn what_serves_or_has_no_survivor_is_not_recovered() {
    let (bench, id) = without_quorum(Vec::new()).await;
    let text = refusal(bench.ask::<RecoverEtcdInstance>(recover(&id, false)).await, Code::OperationDenied);
    assert!(text.contains("no member is left"), "{text}");
    bench.set_status(&id, &running(3)).await;
    let text = refusal(bench.ask::<RecoverEtcdInstance>(recover(&id, false)).await, Code::OperationDenied);
    assert!(text.contains("nothing to recover"), "{text}");
}

#[tokio::test]
async fn between_two_leaders_nothing_is_recovered() {
    let led = Survivor { led: true, ..survivor(0, 7) };
    let (bench, id) = without_quorum(vec![led]).await;
    refusal(bench.ask::<RecoverEtcdInstance>(recover(&id, false)).await, Code::OperationDenied);
}

#[tokio::test]
async fn somebody_elses_instance_is_not_recovered() {
    let (bench, id) = without_quorum(vec![survivor(0, 7)]).await;
    for (other, dry_run) in [(stranger(), true), (elsewhere(), false)] {
        refusal(bench.ask_as::<RecoverEtcdInstance>(&other, recover(&id, dry_run)).await, Code::ResourceNotFound);
    }
}
