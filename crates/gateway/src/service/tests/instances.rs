use cetcd_api::{
    Code,
    actions::{CreateEtcdInstance, CreateEtcdInstanceRequest, DescribeEtcdInstances, DescribeEtcdInstancesRequest},
    structures::{Etcd, EtcdAdvancedSettings, EtcdSecuritySettings},
};
use cetcd_core::condition::{Condition, ConditionKind};

use super::*;

fn by_ids(ids: &[&str]) -> DescribeEtcdInstancesRequest {
    let ids = ids.iter().map(|&id| id.to_owned()).collect();
    DescribeEtcdInstancesRequest { instance_ids: Some(ids), ..Default::default() }
}

fn by_filters(filters: Vec<Filter>) -> DescribeEtcdInstancesRequest {
    DescribeEtcdInstancesRequest { filters: Some(filters), ..Default::default() }
}

async fn one(bench: &Bench, id: &InstanceId) -> Etcd {
    let mut answer = bench.ask::<DescribeEtcdInstances>(by_ids(&[id.as_str()])).await.unwrap();
    assert_eq!(answer.total_count, 1);
    answer.etcds.take().unwrap().remove(0)
}

async fn listed(bench: &Bench, request: DescribeEtcdInstancesRequest) -> (Vec<String>, u64) {
    let answer = bench.ask::<DescribeEtcdInstances>(request).await.unwrap();
    (answer.etcds.unwrap().into_iter().map(|etcd| etcd.instance_id).collect(), answer.total_count)
}

/// Makes instances a second apart, and answers with their IDs in that order.
async fn several(bench: &Bench, count: i64) -> Vec<String> {
    let mut ids = Vec::new();
    for second in 0..count {
        let answer = bench.ask_as::<CreateEtcdInstance>(&context_at(second), creation()).await.unwrap();
        ids.push(answer.instance_id);
    }
    ids
}

#[tokio::test]
async fn a_new_instance_is_creating_without_members_or_endpoint() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let etcd = one(&bench, &id).await;
    assert_eq!((etcd.status.as_str(), etcd.endpoint, etcd.members), ("creating", None, Some(vec![])));
    assert_eq!(
        (etcd.name.as_str(), etcd.version.as_str(), etcd.vpc_id.as_str()),
        ("orders", "v3.5.16", "vpc-abcd1234")
    );
    assert_eq!((etcd.description.as_deref(), etcd.deletion_protection), (Some(""), Some(false)));
}

#[tokio::test]
async fn a_running_instance_shows_its_endpoint_and_members() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut status = running(3);
    status.members[1].phase = MemberPhase::Stopped;
    status.members[2].version = None;
    bench.set_status(&id, &status).await;
    let etcd = one(&bench, &id).await;
    assert_eq!((etcd.status.as_str(), etcd.endpoint.as_deref()), ("running", Some("https://127.0.1.100:2379")));
    let members = etcd.members.unwrap();
    assert_eq!(members[0].name, format!("{id}-etcd-0"));
    assert_eq!((members[0].zone.as_str(), members[0].status.as_str()), ("ap-guangzhou-1", "Running"));
    assert_eq!(members[1].status, "Stopped");
    assert!(members.iter().all(|member| member.version == "v3.5.16"));
}

#[tokio::test]
async fn the_endpoint_shows_from_when_it_serves() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut status = Status { phase: Phase::Creating, observed_generation: 0, ..running(1) };
    bench.set_status(&id, &status).await;
    assert_eq!(one(&bench, &id).await.endpoint, None);
    let kind = ConditionKind::EndpointServing;
    status.conditions.push(Condition::new(kind, true, String::new(), at(1)));
    bench.set_status(&id, &status).await;
    let etcd = one(&bench, &id).await;
    assert_eq!((etcd.status.as_str(), etcd.endpoint.is_some()), ("creating", true));
}

#[tokio::test]
async fn an_endpoint_without_tls_is_http() {
    let bench = Bench::new().await;
    let security_settings = Some(EtcdSecuritySettings { https: Some(false), client_cert_auth: None });
    let request = CreateEtcdInstanceRequest {
        advanced_settings: Some(EtcdAdvancedSettings { security_settings, ..Default::default() }),
        ..creation()
    };
    let id = bench.ask::<CreateEtcdInstance>(request).await.unwrap().instance_id;
    let id = InstanceId::parse(&id).unwrap();
    bench.set_status(&id, &running(1)).await;
    assert_eq!(one(&bench, &id).await.endpoint.as_deref(), Some("http://127.0.1.100:2379"));
}

#[tokio::test]
async fn instances_are_listed_oldest_first() {
    let bench = Bench::new().await;
    let ids = several(&bench, 4).await;
    assert_eq!(listed(&bench, DescribeEtcdInstancesRequest::default()).await, (ids.clone(), 4));
    let backwards: Vec<&str> = ids.iter().rev().map(String::as_str).collect();
    assert_eq!(listed(&bench, by_ids(&backwards)).await, (ids, 4));
}

#[tokio::test]
async fn ids_that_are_unknown_malformed_or_repeated_are_left_out() {
    let bench = Bench::new().await;
    let ids = several(&bench, 2).await;
    let request = by_ids(&[&ids[0], "etcd-00000000", "../../etc", "", &ids[0]]);
    assert_eq!(listed(&bench, request).await, (vec![ids[0].clone()], 1));
}

#[tokio::test]
async fn ids_and_filters_exclude_each_other() {
    let bench = Bench::new().await;
    let request = DescribeEtcdInstancesRequest {
        filters: Some(vec![filter("vpc-id", &["vpc-abcd1234"])]),
        ..by_ids(&["etcd-00000000"])
    };
    let text = refusal(bench.ask::<DescribeEtcdInstances>(request).await, Code::InvalidParameter);
    assert!(text.contains("InstanceIds") && text.contains("Filters"), "{text}");
}

#[tokio::test]
async fn an_empty_list_is_as_none() {
    let bench = Bench::new().await;
    let ids = several(&bench, 1).await;
    let request = DescribeEtcdInstancesRequest { filters: Some(vec![]), ..by_ids(&[]) };
    assert_eq!(listed(&bench, request).await, (ids, 1));
}

#[tokio::test]
async fn all_filters_must_hold_each_by_any_of_its_values() {
    let bench = Bench::new().await;
    let ids = several(&bench, 3).await;
    let vpc = || filter("vpc-id", &["vpc-other123", "vpc-abcd1234"]);
    assert_eq!(listed(&bench, by_filters(vec![vpc()])).await.1, 3);
    let two = by_filters(vec![vpc(), filter("instance-id", &[&ids[0], &ids[2]])]);
    assert_eq!(listed(&bench, two).await, (vec![ids[0].clone(), ids[2].clone()], 2));
    let none = by_filters(vec![vpc(), filter("vpc-id", &["vpc-other123"])]);
    assert_eq!(listed(&bench, none).await, (vec![], 0));
}

#[tokio::test]
async fn a_filter_by_something_else_is_refused() {
    let bench = Bench::new().await;
    let request = by_filters(vec![filter("vpc-id", &["vpc-abcd1234"]), filter("color", &["red"])]);
    let text = refusal(bench.ask::<DescribeEtcdInstances>(request).await, Code::InvalidParameterValue);
    assert!(text.contains("color") && text.contains("Filters.1.Name"), "{text}");
}

#[tokio::test]
async fn pages_are_parts_of_the_whole_list() {
    let bench = Bench::with_limit(60).await;
    let ids = several(&bench, 55).await;
    let page = |offset, limit| DescribeEtcdInstancesRequest { offset, limit, ..Default::default() };
    for (offset, limit, expected) in [
        (None, None, 0..20),
        (None, Some(0), 0..20),
        (Some(50), None, 50..55),
        (Some(3), Some(2), 3..5),
        (None, Some(50), 0..50),
        (Some(55), Some(50), 0..0),
        (Some(u64::MAX), Some(50), 0..0),
    ] {
        assert_eq!(listed(&bench, page(offset, limit)).await, (ids[expected].to_vec(), 55), "{offset:?} {limit:?}");
    }
    let id_strs: Vec<&str> = ids.iter().map(String::as_str).collect();
    let request = DescribeEtcdInstancesRequest { offset: Some(54), ..by_ids(&id_strs) };
    assert_eq!(listed(&bench, request).await, (vec![ids[54].clone()], 55));
}
