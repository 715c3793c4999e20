//! What belongs to another account or region, or has not the form of an ID, does not exist.

use cetcd_api::{
    Code,
    actions::{
        DeleteEtcdInstance, DescribeEtcdCreatingProgress, DescribeEtcdCredentials, DescribeEtcdInstances,
        DescribeEtcdInstancesRequest, DescribeEtcdTasks, DescribeEtcdTasksRequest, DescribeRPCMethodList,
        DisableEtcdInstanceDeletionProtection, EnableEtcdInstanceDeletionProtection, ModifyEtcdAttribute,
    },
};

use super::*;

/// Asks for the instance `id` by action `A`, with a request that has nothing else but a name for a change.
async fn is_not_found<A: Action>(bench: &Bench, context: &Context, id: &str)
where
    Service: Handler<A>,
{
    let json = match A::INFO.name {
        "DescribeRPCMethodList" => format!(r#"{{"InstanceId":"{id}","PodName":"{id}-etcd-0"}}"#),
        "ModifyEtcdAttribute" => format!(r#"{{"InstanceId":"{id}","Name":"stolen"}}"#),
        _ => format!(r#"{{"InstanceId":"{id}"}}"#),
    };
    let request = cetcd_api::decode::<A>(cetcd_api::Input::Json(json.as_bytes())).unwrap();
    let error = bench.ask_as::<A>(context, request).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code(), Code::ResourceNotFound, "{} of {id}: {error}", A::INFO.name);
    assert!(error.message(Language::En).contains(id));
}

async fn nothing_finds(bench: &Bench, context: &Context, id: &str) {
    is_not_found::<DeleteEtcdInstance>(bench, context, id).await;
    is_not_found::<DescribeEtcdCreatingProgress>(bench, context, id).await;
    is_not_found::<DescribeEtcdCredentials>(bench, context, id).await;
    is_not_found::<DescribeRPCMethodList>(bench, context, id).await;
    is_not_found::<DisableEtcdInstanceDeletionProtection>(bench, context, id).await;
    is_not_found::<EnableEtcdInstanceDeletionProtection>(bench, context, id).await;
    is_not_found::<ModifyEtcdAttribute>(bench, context, id).await;
}

#[tokio::test]
async fn another_account_or_region_finds_and_changes_nothing() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.set_status(&id, &running(3)).await;
    let before = bench.everything().await;
    for other in [stranger(), elsewhere()] {
        nothing_finds(&bench, &other, id.as_str()).await;
        for instance_ids in [None, Some(vec![id.to_string()])] {
            let request = DescribeEtcdInstancesRequest { instance_ids, ..Default::default() };
            let answer = bench.ask_as::<DescribeEtcdInstances>(&other, request).await.unwrap();
            assert_eq!((answer.etcds, answer.total_count), (Some(vec![]), 0));
        }
        for task_id in [None, Some(bench.task(&id).id.clone())] {
            let request = DescribeEtcdTasksRequest { task_id, filters: None };
            assert_eq!(bench.ask_as::<DescribeEtcdTasks>(&other, request).await.unwrap().tasks, Some(vec![]));
        }
    }
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn an_id_that_is_unknown_or_malformed_is_not_found() {
    let bench = Bench::new().await;
    for id in ["etcd-00000000", "etcd-", "x", "../status/etcd-00000000", "etcd-ABCD1234"] {
        nothing_finds(&bench, &context(), id).await;
    }
}
