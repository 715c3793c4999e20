use cetcd_api::{
    Code,
    actions::{CreateEtcdInstance, DescribeEtcdTasks, DescribeEtcdTasksRequest},
    structures::EtcdTaskInfo,
};

use super::*;

async fn listed(bench: &Bench, task_id: Option<&str>, filters: Vec<Filter>) -> Vec<EtcdTaskInfo> {
    let request = DescribeEtcdTasksRequest { task_id: task_id.map(str::to_owned), filters: Some(filters) };
    bench.ask::<DescribeEtcdTasks>(request).await.unwrap().tasks.unwrap()
}

/// Two instances: the older one's creation is done.
async fn two() -> (Bench, InstanceId, InstanceId) {
    let bench = Bench::new().await;
    let older = bench.made().await;
    let newer = bench.ask_as::<CreateEtcdInstance>(&context_at(60), creation()).await.unwrap().instance_id;
    let mut task = (*bench.task(&older)).clone();
    task.advance(5, Timestamp::from_millisecond(1_700_000_009_999).unwrap());
    bench.write(Txn::new().then(records::put_task(&task))).await;
    (bench, older, InstanceId::parse(&newer).unwrap())
}

#[tokio::test]
async fn tasks_are_listed_newest_first_with_whole_seconds() {
    let (bench, older, newer) = two().await;
    let tasks = listed(&bench, None, vec![]).await;
    let about: Vec<&str> = tasks.iter().map(|task| task.resource_id.as_str()).collect();
    assert_eq!(about, [newer.as_str(), older.as_str()]);
    assert_eq!((tasks[1].task_type.as_str(), tasks[1].life_state.as_str()), ("create_instance", "done"));
    assert_eq!(tasks[1].created_at, "2023-11-14T22:13:20Z");
    assert_eq!(tasks[1].updated_at, "2023-11-14T22:13:29Z");
}

#[tokio::test]
async fn a_task_is_found_by_its_id_alone_or_with_filters_that_hold() {
    let (bench, older, _) = two().await;
    let id = bench.task(&older).id.clone();
    assert_eq!(listed(&bench, Some(&id), vec![]).await.len(), 1);
    assert_eq!(listed(&bench, Some(&id), vec![filter("lifeState", &["done"])]).await.len(), 1);
    assert!(listed(&bench, Some(&id), vec![filter("lifeState", &["process"])]).await.is_empty());
    assert!(listed(&bench, Some("no-such-task"), vec![]).await.is_empty());
    assert_eq!(listed(&bench, Some(""), vec![]).await.len(), 2);
}

#[tokio::test]
async fn all_filters_must_hold_each_by_any_of_its_values() {
    let (bench, older, newer) = two().await;
    let either = || filter("resourceId", &[older.as_str(), newer.as_str()]);
    assert_eq!(listed(&bench, None, vec![either()]).await.len(), 2);
    let done = listed(&bench, None, vec![either(), filter("lifeState", &["done", "failed"])]).await;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].resource_id, older.as_str());
    assert!(listed(&bench, None, vec![filter("taskType", &["delete_instance"])]).await.is_empty());
}

#[tokio::test]
async fn a_filter_by_something_else_is_refused() {
    let (bench, ..) = two().await;
    let request = DescribeEtcdTasksRequest { task_id: None, filters: Some(vec![filter("color", &["red"])]) };
    refusal(bench.ask::<DescribeEtcdTasks>(request).await, Code::InvalidParameterValue);
}

#[tokio::test]
async fn the_tasks_of_an_instance_that_is_gone_stay() {
    let (bench, older, _) = two().await;
    bench.write(Txn::new().delete(records::instance_key(&older)).delete(records::status_key(&older))).await;
    assert_eq!(listed(&bench, None, vec![filter("resourceId", &[older.as_str()])]).await.len(), 1);
}
