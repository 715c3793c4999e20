//! DescribeEtcdEvents and OpenEtcdEventStream.

use cetcd_api::{
    actions::{
        DescribeEtcdEvents, DescribeEtcdEventsRequest, DescribeEtcdEventsResponse, OpenEtcdEventStream,
        OpenEtcdEventStreamRequest,
    },
    structures::EtcdEvent,
};
use cetcd_core::{
    Event,
    event::{EventKind, Level},
};
use cetcd_store::events;

use super::*;

async fn told(bench: &Bench, id: &InstanceId, request: DescribeEtcdEventsRequest) -> DescribeEtcdEventsResponse {
    let request = DescribeEtcdEventsRequest { instance_id: id.to_string(), ..request };
    bench.ask::<DescribeEtcdEvents>(request).await.unwrap()
}

async fn filtered(bench: &Bench, id: &InstanceId, filters: Vec<Filter>) -> Vec<EtcdEvent> {
    let request = DescribeEtcdEventsRequest { filters: Some(filters), ..Default::default() };
    told(bench, id, request).await.events.unwrap()
}

fn words(events: &[EtcdEvent]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// An instance whose creation is done, one of whose members went down and came back, and that has a snapshot.
async fn eventful() -> (Bench, InstanceId) {
    let (bench, id) = settled().await;
    let down = Event::new(EventKind::MemberDown, at(10)).level(Level::Warning).member(2).reason("has ended");
    let back = Event { number: 1, ..Event::new(EventKind::MemberServing, at(12)).member(2) };
    bench.write(Txn::new().then(events::put(&id, &down)).then(events::put(&id, &back))).await;
    let taken = Event::new(EventKind::BackupTaken, at(11)).detail("nightly-1");
    bench.write(events::with_backup_event(bench.store.as_ref(), &id, Txn::new(), taken).await.unwrap()).await;
    (bench, id)
}

#[tokio::test]
async fn events_come_newest_first_whoever_told_them() {
    let (bench, id) = eventful().await;
    let answer = told(&bench, &id, DescribeEtcdEventsRequest::default()).await;
    let events = answer.events.unwrap();
    assert_eq!(words(&events), ["MemberServing", "BackupTaken", "MemberDown", "TaskDone", "TaskBegun"]);
    assert_eq!(answer.total_count, 5);
    let down = &events[2];
    assert_eq!((down.event_id.as_str(), down.level.as_str(), down.reason.as_str()), ("c0", "warning", "has ended"));
    assert_eq!((&down.member, down.time.as_str()), (&format!("{id}-etcd-2"), "2023-11-14T22:13:30Z"));
    assert_eq!(down.message, format!("{id}-etcd-2 does not serve."));
    assert_eq!(events[3].task_id, bench.task(&id).id);
    let names: std::collections::BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!(names.len(), 5);
}

#[tokio::test]
async fn pages_have_no_gap_and_all_filters_must_hold() {
    let (bench, id) = eventful().await;
    let request = DescribeEtcdEventsRequest { offset: Some(1), limit: Some(2), ..Default::default() };
    let answer = told(&bench, &id, request).await;
    assert_eq!((words(&answer.events.unwrap()), answer.total_count), (vec!["BackupTaken", "MemberDown"], 5));
    let warnings = filtered(&bench, &id, vec![filter("level", &["warning", "error"])]).await;
    assert_eq!(words(&warnings), ["MemberDown"]);
    let member = format!("{id}-etcd-2");
    let all = vec![filter("member", &[&member]), filter("type", &["MemberServing", "TaskDone"])];
    assert_eq!(words(&filtered(&bench, &id, all).await), ["MemberServing"]);
    let task = bench.task(&id).id.clone();
    assert_eq!(filtered(&bench, &id, vec![filter("taskId", &[&task])]).await.len(), 2);
    let request = DescribeEtcdEventsRequest {
        instance_id: id.to_string(),
        filters: Some(vec![filter("colour", &["red"])]),
        ..Default::default()
    };
    refusal(bench.ask::<DescribeEtcdEvents>(request).await, Code::InvalidParameterValue);
}

#[tokio::test]
async fn messages_are_in_the_language_of_the_request() {
    let (bench, id) = eventful().await;
    let context = Context { language: Language::Zh, ..context() };
    let request = DescribeEtcdEventsRequest { instance_id: id.to_string(), ..Default::default() };
    let events = bench.ask_as::<DescribeEtcdEvents>(&context, request).await.unwrap().events.unwrap();
    assert_eq!(events[1].message, "快照 nightly-1 已保存。");
}

#[tokio::test]
async fn events_of_somebody_elses_instance_are_not_told() {
    let (bench, id) = eventful().await;
    for other in [stranger(), elsewhere()] {
        let request = DescribeEtcdEventsRequest { instance_id: id.to_string(), ..Default::default() };
        refusal(bench.ask_as::<DescribeEtcdEvents>(&other, request).await, Code::ResourceNotFound);
    }
}

#[tokio::test]
async fn no_more_tickets_wait_than_there_may_be() {
    let bench = Bench::new().await;
    let ask = || bench.ask::<OpenEtcdEventStream>(OpenEtcdEventStreamRequest {});
    let (one, other) = (ask().await.unwrap(), ask().await.unwrap());
    assert_ne!(one.ticket, other.ticket);
    assert_eq!((one.ticket.len(), one.path.as_str()), (64, "/console/stream"));
    let mut answer = ask().await;
    for _ in 0..40 {
        answer = ask().await;
    }
    refusal(answer, Code::RequestLimitExceeded);
    assert!(bench.ask_as::<OpenEtcdEventStream>(&stranger(), OpenEtcdEventStreamRequest {}).await.is_ok());
}
