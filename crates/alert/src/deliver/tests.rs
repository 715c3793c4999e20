#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use async_trait::async_trait;
use cetcd_core::{
    InstanceId,
    condition::{ConditionKind, Severity},
};
use cetcd_store::memory::MemoryStore;
use http::StatusCode;
use serde_json::Value;

use super::*;

/// An alert about `etcd-abcd1234`, since the first second.
pub(crate) fn alert(kind: ConditionKind) -> Alert {
    Alert {
        instance: InstanceId::parse("etcd-abcd1234").unwrap(),
        name: "orders".to_owned(),
        account: "100000000001".to_owned(),
        region: "ap-guangzhou".to_owned(),
        kind,
        severity: kind.severity(),
        since: Timestamp::from_second(1).unwrap(),
        reason: "why".to_owned(),
    }
}

/// What is true, by a test.
#[derive(Default)]
struct Truth {
    firing: Mutex<Vec<Alert>>,
    /// Nothing of what is not firing is known to be over.
    unsure: Mutex<bool>,
}

impl Source for Truth {
    fn firing(&self, _now: Timestamp) -> Vec<Alert> {
        self.firing.lock().unwrap().clone()
    }

    fn is_over(&self, _alert: &Alert, _now: Timestamp) -> bool {
        !*self.unsure.lock().unwrap()
    }
}

/// Somebody who receives, or does not.
#[derive(Default)]
struct Receiver {
    heard: Mutex<Vec<(String, String)>>,
    answer: Mutex<Option<PostError>>,
    tries: Mutex<usize>,
}

#[async_trait]
impl Post for Receiver {
    async fn post(&self, _webhook: &Webhook, body: Bytes) -> Result<(), PostError> {
        *self.tries.lock().unwrap() += 1;
        if let Some(error) = self.answer.lock().unwrap().clone() {
            return Err(error);
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.heard.lock().unwrap().push((text(&body["status"]), text(&body["commonLabels"]["condition"])));
        Ok(())
    }
}

struct At;

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(100).unwrap()
    }
}

struct Bench {
    truth: Arc<Truth>,
    receiver: Arc<Receiver>,
    store: Arc<MemoryStore>,
    metrics: AlertMetrics,
}

impl Bench {
    fn new() -> Self {
        let (truth, receiver, metrics) = Default::default();
        Self { truth, receiver, store: Arc::new(MemoryStore::default()), metrics }
    }

    fn parts(&self) -> Parts {
        Parts {
            source: Arc::clone(&self.truth) as _,
            store: Arc::clone(&self.store) as _,
            post: Arc::clone(&self.receiver) as _,
            clock: Arc::new(At),
            metrics: self.metrics.clone(),
            url: String::new(),
        }
    }

    /// A delivery that has just started.
    async fn delivery(&self) -> Delivery {
        let webhook = Webhook::parse("http://127.0.0.1:9/hook").unwrap();
        let mut delivery = Delivery { parts: self.parts(), webhook, place: 0, told: BTreeMap::new() };
        delivery.load().await.unwrap();
        delivery
    }

    fn fires(&self, kinds: &[ConditionKind]) {
        *self.truth.firing.lock().unwrap() = kinds.iter().map(|kind| alert(*kind)).collect();
    }

    fn heard(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.receiver.heard.lock().unwrap())
    }
}

fn heard(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(status, kind)| ((*status).to_owned(), (*kind).to_owned())).collect()
}

#[tokio::test]
async fn what_fires_is_told_once_and_its_end_once() {
    let bench = Bench::new();
    let mut delivery = bench.delivery().await;
    bench.fires(&[ConditionKind::Quorum, ConditionKind::MembersHealthy]);
    assert!(delivery.turn().await && delivery.turn().await);
    assert_eq!(bench.heard(), heard(&[("firing", "MembersHealthy"), ("firing", "Quorum")]));
    bench.fires(&[ConditionKind::MembersHealthy]);
    assert!(delivery.turn().await && delivery.turn().await);
    assert_eq!(bench.heard(), heard(&[("resolved", "Quorum")]));
    assert_eq!(bench.metrics.count(0, "success"), 3);
}

#[tokio::test]
async fn a_restart_repeats_nothing_and_loses_no_end() {
    let bench = Bench::new();
    bench.fires(&[ConditionKind::Quorum]);
    assert!(bench.delivery().await.turn().await);
    assert_eq!(bench.heard().len(), 1);
    assert!(bench.delivery().await.turn().await);
    assert_eq!(bench.heard(), []);
    bench.fires(&[]);
    *bench.truth.unsure.lock().unwrap() = true;
    assert!(bench.delivery().await.turn().await);
    assert_eq!(bench.heard(), [], "what is not known is not over");
    *bench.truth.unsure.lock().unwrap() = false;
    assert!(bench.delivery().await.turn().await);
    assert_eq!(bench.heard(), heard(&[("resolved", "Quorum")]));
    assert!(bench.store.range(ALERTS).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn one_that_gets_worse_is_another_alert() {
    let bench = Bench::new();
    let mut delivery = bench.delivery().await;
    for severity in [Severity::Info, Severity::Critical] {
        *bench.truth.firing.lock().unwrap() = vec![Alert { severity, ..alert(ConditionKind::QuotaLeft) }];
        assert!(delivery.turn().await);
    }
    let quota = "QuotaLeft";
    assert_eq!(bench.heard(), heard(&[("firing", quota), ("resolved", quota), ("firing", quota)]));
}

#[tokio::test]
async fn who_is_away_hears_later_what_is_true_then() {
    let bench = Bench::new();
    let mut delivery = bench.delivery().await;
    bench.fires(&[ConditionKind::Quorum, ConditionKind::MembersHealthy, ConditionKind::DiskFast]);
    *bench.receiver.answer.lock().unwrap() = Some(PostError::Unreachable("refused".to_owned()));
    assert!(!delivery.turn().await);
    assert_eq!(*bench.receiver.tries.lock().unwrap(), 1, "the others are not tried in vain");
    assert_eq!(bench.metrics.count(0, "failure"), 1);
    bench.fires(&[ConditionKind::DiskFast]);
    *bench.receiver.answer.lock().unwrap() = None;
    assert!(delivery.turn().await);
    assert_eq!(bench.heard(), heard(&[("firing", "DiskFast")]));
}

#[tokio::test]
async fn one_that_is_refused_keeps_no_other_from_being_told() {
    let bench = Bench::new();
    let mut delivery = bench.delivery().await;
    bench.fires(&[ConditionKind::Quorum, ConditionKind::MembersHealthy]);
    *bench.receiver.answer.lock().unwrap() = Some(PostError::Refused(StatusCode::BAD_REQUEST));
    assert!(!delivery.turn().await);
    assert_eq!(*bench.receiver.tries.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_while_a_webhook_is_away() {
    let bench = Bench::new();
    bench.fires(&[ConditionKind::Quorum]);
    *bench.receiver.answer.lock().unwrap() = Some(PostError::Unreachable("refused".to_owned()));
    let cancel = CancellationToken::new();
    let webhook = Webhook::parse("http://127.0.0.1:9/hook").unwrap();
    let deliveries = Deliveries::new(bench.parts(), vec![webhook], Options::default());
    let running = tokio::spawn(deliveries.run(cancel.clone()));
    // Tries at 0, 1, 3, 7, 15, 31, 63 s.
    tokio::time::sleep(Duration::from_secs(64)).await;
    assert_eq!(*bench.receiver.tries.lock().unwrap(), 7);
    cancel.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn what_a_former_webhook_was_told_is_forgotten() {
    let bench = Bench::new();
    bench.fires(&[ConditionKind::Quorum]);
    assert!(bench.delivery().await.turn().await);
    let deliveries = Deliveries::new(bench.parts(), Vec::new(), Options::default());
    deliveries.forget_others().await.unwrap();
    assert!(bench.store.range(ALERTS).await.unwrap().entries.is_empty());
}
