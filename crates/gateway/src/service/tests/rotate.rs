use cetcd_api::actions::{RotateEtcdCredentials, RotateEtcdCredentialsRequest};
use cetcd_core::{status::Rotation, task::TaskKind};

use super::*;

fn request(id: &InstanceId) -> RotateEtcdCredentialsRequest {
    RotateEtcdCredentialsRequest { instance_id: id.to_string(), overlap_seconds: None, end_overlap: None }
}

/// Its creation has ended, and the controller says this of its CA.
async fn settled(bench: &Bench, rotation: Rotation) -> InstanceId {
    let id = bench.made().await;
    let mut task = Task::clone(&bench.task(&id));
    task.advance(task.steps.len(), at(1));
    bench.write(Txn::new().then(records::put_task(&task))).await;
    bench.set_status(&id, &Status { rotation, ..running(3) }).await;
    id
}

fn overlapping() -> Rotation {
    Rotation { trust: 1, begun: 1, overlap_since: Some(context().now), settled: 1 }
}

#[tokio::test]
async fn a_rotation_is_a_wish_with_a_task_and_the_services_overlap_unless_the_request_has_one() {
    for (asked, kept) in [(None, 3600), (Some(0), 0), (Some(60), 60)] {
        let bench = Bench::new().await;
        let id = settled(&bench, Rotation::default()).await;
        let request = RotateEtcdCredentialsRequest { overlap_seconds: asked, ..request(&id) };
        bench.ask::<RotateEtcdCredentials>(request).await.unwrap();
        let instance = bench.instance(&id).await;
        let wish = instance.spec.credentials;
        assert_eq!((instance.generation, wish.rotations, wish.overlap_seconds), (2, 1, kept));
        let task = bench.service.changing_task(&id).unwrap();
        assert_eq!((task.kind, task.generation), (TaskKind::RotateCredentials, 2));
    }
}

#[tokio::test]
async fn another_rotation_is_denied_until_the_overlap_of_the_last_one_is_over() {
    let bench = Bench::new().await;
    let id = settled(&bench, overlapping()).await;
    let text = refusal(bench.ask::<RotateEtcdCredentials>(request(&id)).await, Code::OperationDenied);
    assert!(text.contains("EndOverlap"), "{text}");
    assert_eq!(bench.instance(&id).await.generation, 1);
}

#[tokio::test]
async fn an_overlap_is_ended_by_a_wish_with_a_task_and_one_that_is_not_is_no_change() {
    let ends = |id: &InstanceId| RotateEtcdCredentialsRequest { end_overlap: Some(true), ..request(id) };
    let bench = Bench::new().await;
    let id = settled(&bench, overlapping()).await;
    bench.ask::<RotateEtcdCredentials>(ends(&id)).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.generation, instance.spec.credentials.end_overlap), (2, 1));
    let bench = Bench::new().await;
    let id = settled(&bench, Rotation::default()).await;
    bench.ask::<RotateEtcdCredentials>(ends(&id)).await.unwrap();
    assert_eq!(bench.instance(&id).await.generation, 1);
    assert!(bench.service.changing_task(&id).is_none());
}
