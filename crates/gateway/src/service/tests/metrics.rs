//! DescribeEtcdMetrics, and what DescribeEtcdHealth takes from the same readings.

use std::sync::atomic::Ordering;

use cetcd_api::{
    Code,
    actions::{DescribeEtcdHealth, DescribeEtcdHealthRequest, DescribeEtcdMetrics, DescribeEtcdMetricsRequest},
};
use cetcd_core::{
    InstanceId,
    condition::{self, ConditionKind},
};

use super::{Bench, at, context_at, elsewhere, refusal, running, stranger};

fn about(id: &InstanceId) -> DescribeEtcdMetricsRequest {
    DescribeEtcdMetricsRequest { instance_id: id.to_string(), ..DescribeEtcdMetricsRequest::default() }
}

/// An instance of three members, read at those seconds with a database that is as large as the second.
async fn watched(bench: &Bench, seconds: &[i64]) -> InstanceId {
    let id = bench.made().await;
    let mut status = running(3);
    status.cluster_id = Some(1);
    condition::set(&mut status.conditions, ConditionKind::Quorum, true, String::new(), at(0));
    bench.set_status(&id, &status).await;
    for second in seconds {
        bench.clock.0.store(*second, Ordering::Relaxed);
        *bench.metrics.lock().unwrap() = Ok(format!("etcd_mvcc_db_total_size_in_bytes {second}\n"));
        bench.service.monitor.turn().await;
    }
    id
}

#[tokio::test]
async fn every_member_has_its_series_within_the_time_that_is_asked_for() {
    let bench = Bench::new().await;
    let id = watched(&bench, &[10, 20, 30]).await;
    let request = DescribeEtcdMetricsRequest {
        metric_names: Some(vec!["DatabaseSize".to_owned()]),
        seconds: Some(15),
        ..about(&id)
    };
    let answer = bench.ask_as::<DescribeEtcdMetrics>(&context_at(30), request).await.unwrap();
    let series = answer.series.unwrap();
    assert_eq!(series.len(), 3);
    for (ordinal, series) in series.iter().enumerate() {
        assert_eq!((series.metric_name.as_str(), series.unit.as_str()), ("DatabaseSize", "bytes"));
        assert_eq!(series.member, format!("{id}-etcd-{ordinal}"));
        let expected = [at(20), at(30)].map(jiff::Timestamp::as_second);
        assert_eq!((series.timestamps.as_slice(), series.values.as_slice()), (&expected[..], &[20.0, 30.0][..]));
    }
}

#[tokio::test]
async fn all_metrics_are_answered_unless_some_are_named_and_unknown_ones_are_refused() {
    let bench = Bench::new().await;
    let id = watched(&bench, &[10]).await;
    let all = bench.ask_as::<DescribeEtcdMetrics>(&context_at(10), about(&id)).await.unwrap().series.unwrap();
    assert_eq!(all.len(), 3 * cetcd_monitor::Metric::ALL.len());
    let request = DescribeEtcdMetricsRequest { metric_names: Some(vec!["Disk".to_owned()]), ..about(&id) };
    let error = refusal(bench.ask::<DescribeEtcdMetrics>(request).await, Code::InvalidParameterValue);
    assert!(error.contains("DatabaseSize"), "{error}");
}

#[tokio::test]
async fn the_metrics_of_somebody_elses_instance_are_not_told() {
    let bench = Bench::new().await;
    let id = watched(&bench, &[10]).await;
    for other in [stranger(), elsewhere()] {
        refusal(bench.ask_as::<DescribeEtcdMetrics>(&other, about(&id)).await, Code::ResourceNotFound);
    }
}

#[tokio::test]
async fn members_whose_metrics_cannot_be_read_for_a_minute_are_a_matter_of_health() {
    let bench = Bench::new().await;
    let id = watched(&bench, &[10]).await;
    let health = async || {
        let request = DescribeEtcdHealthRequest { instance_id: id.to_string() };
        bench.ask::<DescribeEtcdHealth>(request).await.unwrap()
    };
    assert!(health().await.healthy);
    *bench.metrics.lock().unwrap() = Err("refused".to_owned());
    bench.clock.0.store(90, Ordering::Relaxed);
    bench.service.monitor.turn().await;
    let answer = health().await;
    assert!(!answer.healthy);
    let bad: Vec<_> = answer.conditions.unwrap().into_iter().filter(|condition| !condition.holds).collect();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].kind, "MetricsRead");
    assert!(bad[0].reason.contains("member 2") && !bad[0].advice.is_empty(), "{bad:?}");
}
