use std::sync::atomic::Ordering;

use cetcd_api::{
    Code,
    actions::{
        DeleteEtcdInstance, DeleteEtcdInstanceRequest, DisableEtcdInstanceDeletionProtection,
        DisableEtcdInstanceDeletionProtectionRequest, EnableEtcdInstanceDeletionProtection,
        EnableEtcdInstanceDeletionProtectionRequest,
    },
};
use cetcd_core::task::{StepState, TaskKind, TaskState};

use super::*;

async fn delete(bench: &Bench, id: &InstanceId) -> Result<(), Error> {
    let request = DeleteEtcdInstanceRequest { instance_id: id.to_string() };
    bench.ask_as::<DeleteEtcdInstance>(&context_at(9), request).await.map(|_| ())
}

async fn protect(bench: &Bench, id: &InstanceId, on: bool) -> Result<(), Error> {
    let instance_id = id.to_string();
    if on {
        let request = EnableEtcdInstanceDeletionProtectionRequest { instance_id };
        bench.ask::<EnableEtcdInstanceDeletionProtection>(request).await.map(|_| ())
    } else {
        let request = DisableEtcdInstanceDeletionProtectionRequest { instance_id };
        bench.ask::<DisableEtcdInstanceDeletionProtection>(request).await.map(|_| ())
    }
}

fn tasks(bench: &Bench, id: &InstanceId, kind: TaskKind) -> Vec<Arc<Task>> {
    let mut tasks = bench.service.view.tasks_about(id);
    tasks.retain(|task| task.kind == kind);
    tasks
}

async fn finish_creation(bench: &Bench, id: &InstanceId) {
    let mut task = (*bench.task(id)).clone();
    task.advance(5, at(5));
    bench.set_status(id, &running(3)).await;
    bench.write(Txn::new().then(records::put_task(&task))).await;
}

#[tokio::test]
async fn a_deletion_is_wanted_and_has_a_task_when_the_answer_is_there() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    finish_creation(&bench, &id).await;
    delete(&bench, &id).await.unwrap();
    let instance = bench.instance(&id).await;
    assert!(instance.spec.deleting);
    assert_eq!(instance.generation, 2);
    let deletion = tasks(&bench, &id, TaskKind::DeleteInstance).remove(0);
    assert_eq!((deletion.state, deletion.generation, deletion.created_at), (TaskState::Process, 2, at(9)));
    assert_eq!(tasks(&bench, &id, TaskKind::CreateInstance)[0].state, TaskState::Done);
    let shown = super::super::lookup::phase(&instance, Some(&running(3)), None);
    assert_eq!(shown, Phase::Deleting);
}

#[tokio::test]
async fn a_deletion_overtakes_the_creation() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    delete(&bench, &id).await.unwrap();
    let creation = tasks(&bench, &id, TaskKind::CreateInstance).remove(0);
    assert_eq!((creation.state, creation.updated_at), (TaskState::Failed, at(9)));
    assert_eq!(creation.steps[0].state, StepState::Failed);
    assert_eq!(creation.steps[0].failed_message, "overtaken by deletion");
    assert_eq!(tasks(&bench, &id, TaskKind::DeleteInstance).len(), 1);
}

#[tokio::test]
async fn deleting_again_is_a_success_and_changes_nothing() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    delete(&bench, &id).await.unwrap();
    let before = bench.everything().await;
    delete(&bench, &id).await.unwrap();
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn a_protected_instance_is_not_deleted_until_the_protection_is_off() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    protect(&bench, &id, true).await.unwrap();
    let before = bench.everything().await;
    let text = refusal(delete(&bench, &id).await, Code::OperationDenied);
    assert!(text.contains("DisableEtcdInstanceDeletionProtection"), "{text}");
    assert_eq!(bench.everything().await, before);
    protect(&bench, &id, false).await.unwrap();
    delete(&bench, &id).await.unwrap();
}

#[tokio::test]
async fn protection_may_be_set_again_and_makes_no_task_or_generation() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    for on in [true, true, false, false] {
        protect(&bench, &id, on).await.unwrap();
        let instance = bench.instance(&id).await;
        assert_eq!((instance.spec.deletion_protection, instance.generation), (on, 1));
    }
    assert_eq!(bench.service.view.tasks_about(&id).len(), 1);
}

#[tokio::test]
async fn what_is_being_deleted_cannot_be_protected_any_more() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    delete(&bench, &id).await.unwrap();
    refusal(protect(&bench, &id, true).await, Code::UnsupportedOperation);
    protect(&bench, &id, false).await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_loses_races_to_the_controller_still_succeeds_once() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.store.losses.store(3, Ordering::Relaxed);
    delete(&bench, &id).await.unwrap();
    assert_eq!(bench.instance(&id).await.generation, 2);
    assert_eq!(tasks(&bench, &id, TaskKind::DeleteInstance).len(), 1);
}

#[tokio::test]
async fn a_deletion_that_loses_every_race_is_refused_for_now() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.store.losses.store(usize::MAX, Ordering::Relaxed);
    let error = delete(&bench, &id).await.unwrap_err();
    assert!(error.is_retryable() && error.code() == Code::ResourceInUse, "{error}");
    assert!(!bench.instance(&id).await.spec.deleting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_deletions_and_protections_at_once_the_instance_never_has_both() {
    for _ in 0..8 {
        let bench = Arc::new(Bench::new().await);
        let id = bench.made().await;
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (bench, id) = (Arc::clone(&bench), id.clone());
            calls.spawn(async move {
                let _ = if number % 2 == 0 { delete(&bench, &id).await } else { protect(&bench, &id, true).await };
            });
        }
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
        let spec = bench.instance(&id).await.spec;
        assert!(spec.deleting != spec.deletion_protection);
        assert_eq!(tasks(&bench, &id, TaskKind::DeleteInstance).len(), usize::from(spec.deleting));
    }
}

#[tokio::test]
async fn a_second_change_is_refused_with_the_task_under_way() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let instance = bench.instance(&id).await;
    let text = refusal(bench.service.require_unchanging(&instance), Code::OperationDenied);
    assert!(text.contains(&bench.task(&id).id) && text.contains("create_instance"), "{text}");
    finish_creation(&bench, &id).await;
    bench.service.require_unchanging(&instance).unwrap();
    delete(&bench, &id).await.unwrap();
    let text = refusal(bench.service.require_unchanging(&bench.instance(&id).await), Code::OperationDenied);
    assert!(text.contains("delete_instance"), "{text}");
}
