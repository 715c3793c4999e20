use std::{collections::BTreeSet, sync::atomic::Ordering};

use cetcd_api::{Code, actions::CreateEtcdInstance};

use super::*;

#[tokio::test]
async fn the_quota_is_of_an_account_and_region() {
    let bench = Bench::with_limit(1).await;
    bench.made().await;
    let text = refusal(bench.ask::<CreateEtcdInstance>(creation()).await, Code::LimitExceededQuotaEtcdLimit);
    assert!(text.contains(" 1 ") && text.contains(REGION), "{text}");
    bench.ask_as::<CreateEtcdInstance>(&stranger(), creation()).await.unwrap();
    bench.ask_as::<CreateEtcdInstance>(&elsewhere(), creation()).await.unwrap();
}

#[tokio::test]
async fn a_quota_of_none_lets_none_be_made() {
    let bench = Bench::with_limit(0).await;
    refusal(bench.ask::<CreateEtcdInstance>(creation()).await, Code::LimitExceededQuotaEtcdLimit);
}

#[tokio::test]
async fn a_place_is_free_again_when_an_instance_is_gone() {
    let bench = Bench::with_limit(1).await;
    let id = bench.made().await;
    bench.write(Txn::new().delete(records::instance_key(&id))).await;
    bench.made().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_creations_at_once_exactly_as_many_succeed_as_there_are_places() {
    let bench = Arc::new(Bench::new().await);
    let mut creations = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let bench = Arc::clone(&bench);
        creations.spawn(async move { bench.ask::<CreateEtcdInstance>(creation()).await });
    }
    let mut made = BTreeSet::new();
    while let Some(answer) = creations.join_next().await {
        match answer.unwrap() {
            Ok(answer) => assert!(made.insert(answer.instance_id)),
            Err(error) => assert_eq!(error.code(), Code::LimitExceededQuotaEtcdLimit, "{error}"),
        }
    }
    assert_eq!(made.len(), 5);
    assert_eq!(bench.store.range(records::INSTANCES).await.unwrap().entries.len(), 5);
    assert_eq!(bench.store.range(records::TASKS).await.unwrap().entries.len(), 5);
}

#[tokio::test]
async fn a_creation_that_loses_some_races_still_succeeds() {
    let bench = Bench::new().await;
    bench.made().await;
    bench.store.losses.store(3, Ordering::Relaxed);
    bench.made().await;
}

#[tokio::test]
async fn a_creation_that_loses_every_race_is_refused_for_now() {
    let bench = Bench::new().await;
    bench.made().await;
    bench.store.losses.store(usize::MAX, Ordering::Relaxed);
    let error = bench.ask::<CreateEtcdInstance>(creation()).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceInUse);
    assert!(error.is_retryable());
}
