//! A view that stands still: time is the test's own here, so nothing is waited for.

use cetcd_api::{
    Code,
    actions::{CreateEtcdInstance, ModifyEtcdAttribute, ModifyEtcdAttributeRequest},
};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_change_that_is_durable_is_answered_even_if_it_does_not_show() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.stop_following();
    let name = Some("payments".to_owned());
    let request = ModifyEtcdAttributeRequest { instance_id: id.to_string(), name, ..Default::default() };
    bench.ask::<ModifyEtcdAttribute>(request).await.unwrap();
    assert_eq!(bench.instance(&id).await.spec.name, "payments");
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_cannot_be_counted_is_refused_for_now() {
    let bench = Bench::new().await;
    bench.stop_following();
    bench.ask::<CreateEtcdInstance>(creation()).await.unwrap();
    let error = bench.ask::<CreateEtcdInstance>(creation()).await.unwrap_err();
    assert!(error.is_retryable());
    refusal::<()>(Err(error), Code::ServiceUnavailable);
    assert_eq!(bench.store.range(records::INSTANCES).await.unwrap().entries.len(), 1);
}
