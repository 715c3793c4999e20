//! DescribeEtcdHealth.

use cetcd_api::{
    Code,
    actions::{DescribeEtcdHealth, DescribeEtcdHealthRequest},
};
use cetcd_core::condition::{self, ConditionKind};

use super::{Bench, at, elsewhere, refusal, running, stranger};

fn about(id: &cetcd_core::InstanceId) -> DescribeEtcdHealthRequest {
    DescribeEtcdHealthRequest { instance_id: id.to_string() }
}

#[tokio::test]
async fn nothing_is_healthy_before_it_was_looked_at() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let answer = bench.ask::<DescribeEtcdHealth>(about(&id)).await.unwrap();
    assert_eq!((answer.healthy, answer.conditions), (false, Some(Vec::new())));
}

#[tokio::test]
async fn what_does_not_hold_comes_with_its_reason_and_with_what_to_do() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut status = running(3);
    status.conditions.clear();
    condition::set(&mut status.conditions, ConditionKind::Quorum, true, "2 of 3 voters serve".to_owned(), at(5));
    condition::set(
        &mut status.conditions,
        ConditionKind::MembersHealthy,
        false,
        "member 2 has ended".to_owned(),
        at(7),
    );
    bench.set_status(&id, &status).await;
    let answer = bench.ask::<DescribeEtcdHealth>(about(&id)).await.unwrap();
    assert!(!answer.healthy);
    let conditions = answer.conditions.unwrap();
    let [members, quorum, ..] = &conditions[..] else { panic!("{conditions:?}") };
    assert_eq!((members.kind.as_str(), members.holds), ("MembersHealthy", false));
    assert_eq!((members.reason.as_str(), members.since.as_str()), ("member 2 has ended", "2023-11-14T22:13:27Z"));
    assert!(!members.advice.is_empty());
    assert_eq!((quorum.kind.as_str(), quorum.holds, quorum.advice.as_str()), ("Quorum", true, ""));
}

#[tokio::test]
async fn the_health_of_somebody_elses_instance_is_not_told() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    for other in [stranger(), elsewhere()] {
        refusal(bench.ask_as::<DescribeEtcdHealth>(&other, about(&id)).await, Code::ResourceNotFound);
    }
}
