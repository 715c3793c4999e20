use cetcd_api::{
    Code,
    actions::{DescribeRPCMethodList, DescribeRPCMethodListRequest},
};

use super::*;

fn request(id: &InstanceId, pod: &str) -> DescribeRPCMethodListRequest {
    DescribeRPCMethodListRequest { instance_id: id.to_string(), pod_name: pod.to_owned(), ..Default::default() }
}

async fn with_methods(methods: &[&str]) -> (Bench, InstanceId) {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.set_status(&id, &running(3)).await;
    let lines = methods.iter().map(|method| format!("grpc_server_started_total{{grpc_method=\"{method}\"}} 0\n"));
    *bench.metrics.lock().unwrap() = Ok(lines.collect());
    (bench, id)
}

async fn names(bench: &Bench, request: DescribeRPCMethodListRequest) -> Vec<String> {
    let answer = bench.ask::<DescribeRPCMethodList>(request).await.unwrap();
    answer.method_list.into_iter().map(|method| method.name).collect()
}

#[tokio::test]
async fn methods_are_those_of_that_very_member_in_order() {
    let (bench, id) = with_methods(&["Range", "MEMBER", "Alarm", "Range"]).await;
    assert_eq!(names(&bench, request(&id, &id.member_name(1))).await, ["Alarm", "Of1", "Range"]);
    assert_eq!(names(&bench, request(&id, &id.member_name(2))).await, ["Alarm", "Of2", "Range"]);
}

#[tokio::test]
async fn methods_come_in_pages() {
    let many: Vec<String> = (0..130).map(|number| format!("M{number:03}")).collect();
    let methods: Vec<&str> = many.iter().map(String::as_str).collect();
    let (bench, id) = with_methods(&methods).await;
    for (offset, limit, expected) in
        [(None, None, 0..100), (Some(0), Some(0), 0..100), (Some(125), Some(100), 125..130), (Some(200), None, 0..0)]
    {
        let request = DescribeRPCMethodListRequest { offset, limit, ..request(&id, &id.member_name(0)) };
        assert_eq!(names(&bench, request).await, methods[expected]);
    }
}

#[tokio::test]
async fn a_pod_of_no_member_is_not_found() {
    let (bench, id) = with_methods(&["Range"]).await;
    for pod in [id.member_name(3), "etcd-00000000-etcd-0".to_owned(), String::new(), format!("{id}-etcd-00")] {
        refusal(bench.ask::<DescribeRPCMethodList>(request(&id, &pod)).await, Code::ResourceNotFound);
    }
}

#[tokio::test]
async fn before_placement_no_pod_is_a_member() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let request = request(&id, &id.member_name(0));
    refusal(bench.ask::<DescribeRPCMethodList>(request).await, Code::ResourceNotFound);
}

#[tokio::test]
async fn a_member_that_does_not_answer_is_unavailable_for_now() {
    let (bench, id) = with_methods(&[]).await;
    *bench.metrics.lock().unwrap() = Err("connection refused at /secret/path".to_owned());
    let pod = id.member_name(0);
    let error = bench.ask::<DescribeRPCMethodList>(request(&id, &pod)).await.unwrap_err();
    assert!(error.is_retryable());
    let text = refusal::<()>(Err(error), Code::ResourceUnavailable);
    assert!(text.contains(&pod) && !text.contains("/secret/path"), "{text}");
}
