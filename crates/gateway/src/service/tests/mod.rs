#![allow(clippy::unwrap_used, missing_docs)]

//! The handlers on a store in memory, with a view that follows it, and no controller: statuses are written by hand.

mod attributes;
mod auth;
mod changes;
mod create;
mod credentials;
mod delete;
mod events;
mod health;
mod inspect;
mod instances;
mod internet;
mod metrics;
mod policies;
mod prometheus;
mod quota;
mod recover;
mod rotate;
mod rpc_methods;
mod scope;
mod snapshots;
mod stale;
mod surroundings;
mod tasks;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cetcd_api::{Action, Code, Error, Language, actions, structures::Filter};
use cetcd_core::{
    Clock, Entropy, EtcdVersion, Instance, InstanceId, Status, Task,
    instance::{RunConfig, Security},
    network::{Networks, Subnet, Vpc},
    status::{MemberPhase, MemberRecord, Phase},
};
use cetcd_store::{
    Entry, LeaseId, Range, Store, Txn, TxnOutcome, Watch,
    memory::MemoryStore,
    records,
    seal::{MasterKey, Sealer},
    view::View,
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use inspect::Clusters;
use snapshots::Moving;

use cetcd_monitor::{LiveMembers, Monitor};

use super::{
    Dependencies, Limits, LiveClusters, PrometheusCatalogue, Service, Transferred, Transfers, VersionCatalogue,
};
use crate::{Context, EventStreams, Handler};

pub const ACCOUNT: &str = "100000000001";
pub const REGION: &str = "ap-guangzhou";

/// A service, what it stands on, and a caller.
pub struct Bench {
    pub service: Service,
    pub store: Arc<Racing>,
    pub sealer: Sealer,
    pub metrics: Arc<Mutex<Result<String, String>>>,
    pub clusters: Arc<Clusters>,
    pub transfers: Arc<Moving>,
    pub numbers: Arc<Numbers>,
    pub clock: Arc<ByHand>,
    following: tokio::task::JoinHandle<()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Bench {
    pub async fn new() -> Self {
        Self::with_limit(5).await
    }

    pub async fn with_limit(instances_per_region: usize) -> Self {
        Self::with_limits(Limits { instances_per_region, ..Limits::default() }).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        Self::with(limits, PrometheusCatalogue::default()).await
    }

    pub async fn with(limits: Limits, prometheus: PrometheusCatalogue) -> Self {
        let store = Arc::new(Racing::default());
        let (view, follow) = View::follow(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
        let sealer = Sealer::new(&MasterKey::from_bytes([7; 32]));
        let metrics = Arc::new(Mutex::new(Ok(String::new())));
        let numbers = Arc::new(Numbers::default());
        let clock = Arc::new(ByHand::default());
        let clusters = Arc::new(Clusters::default());
        let transfers = Arc::new(Moving::default());
        let service = Service::new(Dependencies {
            store: Arc::clone(&store) as Arc<dyn Store>,
            view: Arc::clone(&view),
            sealer: sealer.clone(),
            entropy: Arc::clone(&numbers) as Arc<dyn Entropy>,
            networks: Arc::new(networks()),
            regions: vec![REGION.to_owned(), "ap-shanghai".to_owned(), "on-premises".to_owned()],
            versions: Arc::new(Versions),
            monitor: Monitor::new(
                Arc::clone(&view),
                Arc::new(Answering(Arc::clone(&metrics))),
                Arc::clone(&clock) as Arc<dyn Clock>,
                cetcd_monitor::Options::default(),
            ),
            members: Arc::new(Answering(Arc::clone(&metrics))),
            clusters: Arc::clone(&clusters) as Arc<dyn LiveClusters>,
            streams: EventStreams::new(Arc::clone(&view), CancellationToken::new()),
            transfers: Arc::clone(&transfers) as Arc<dyn Transfers>,
            keys_readable: true,
            audit: None,
            limits,
            overlap_seconds: 3600,
            prometheus,
        });
        Self { service, store, sealer, metrics, clusters, transfers, numbers, clock, following: tokio::spawn(follow) }
    }

    /// Asks as the usual caller.
    pub async fn ask<A: Action>(&self, request: A::Request) -> Result<A::Response, Error>
    where
        Service: Handler<A>,
    {
        self.ask_as::<A>(&context(), request).await
    }

    pub async fn ask_as<A: Action>(&self, context: &Context, request: A::Request) -> Result<A::Response, Error>
    where
        Service: Handler<A>,
    {
        Handler::<A>::handle(&self.service, context, request).await
    }

    /// Makes an instance as the usual caller.
    pub async fn made(&self) -> InstanceId {
        let answer = self.ask::<actions::CreateEtcdInstance>(creation()).await.unwrap();
        InstanceId::parse(&answer.instance_id).unwrap()
    }

    pub async fn instance(&self, id: &InstanceId) -> Instance {
        records::get(self.store.as_ref(), &records::instance_key(id)).await.unwrap().unwrap().value
    }

    /// The view goes no further.
    pub fn stop_following(&self) {
        self.following.abort();
    }

    /// Writes records as the controller does, and waits until they show.
    pub async fn write(&self, txn: Txn) {
        let outcome = self.store.txn(txn).await.unwrap();
        assert!(outcome.succeeded);
        self.service.view.wait_for(outcome.revision).await;
    }

    pub async fn set_status(&self, id: &InstanceId, status: &Status) {
        self.write(Txn::new().then(records::put_status(id, status))).await;
    }

    /// The only task of an instance.
    pub fn task(&self, id: &InstanceId) -> Arc<Task> {
        let tasks = self.service.view.tasks_about(id);
        assert_eq!(tasks.len(), 1);
        Arc::clone(&tasks[0])
    }

    /// Everything in the store, to see that it does not change.
    pub async fn everything(&self) -> Vec<Entry> {
        self.store.range("").await.unwrap().entries
    }
}

/// An instance whose creation is over.
pub async fn settled() -> (Bench, InstanceId) {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut task = Task::clone(&bench.task(&id));
    task.advance(task.steps.len(), at(1));
    bench.write(Txn::new().then(records::put_task(&task))).await;
    bench.set_status(&id, &running(3)).await;
    (bench, id)
}

/// A status of an instance that runs.
pub fn running(size: u8) -> Status {
    let member = |ordinal: u32| MemberRecord {
        ordinal,
        subnet_id: "subnet-abcd1234".to_owned(),
        run: RunConfig {
            version: EtcdVersion::new(3, 5, 16),
            security: Security::default(),
            auto_compaction: None,
            quota_bytes: 10_000_000_000,
            resources: None,
            trust: 0,
        },
        zone: format!("ap-guangzhou-{}", ordinal + 1),
        client: format!("127.0.1.{}:2379", ordinal + 1).parse().unwrap(),
        peer: format!("127.0.1.{}:2380", ordinal + 1).parse().unwrap(),
        phase: MemberPhase::Running,
        version: Some("3.5.16".to_owned()),
        served_at: None,
        silent_since: None,
        moved_from: None,
        adding: false,
        woken: 0,
        replaced: None,
    };
    Status {
        phase: Phase::Running,
        observed_generation: 1,
        endpoint: Some("127.0.1.100:2379".parse().unwrap()),
        members: (0..u32::from(size)).map(member).collect(),
        ..Status::default()
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub fn context() -> Context {
    Context {
        request_id: uuid::Uuid::nil(),
        account: ACCOUNT.into(),
        user: ACCOUNT.into(),
        secret_id: "AKIDtest".into(),
        region: REGION.into(),
        language: Language::En,
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        now: at(0),
    }
}

pub fn context_at(second: i64) -> Context {
    Context { now: at(second), ..context() }
}

pub fn stranger() -> Context {
    Context { account: "100000000002".into(), user: "100000000002".into(), ..context() }
}

pub fn elsewhere() -> Context {
    Context { region: "ap-shanghai".into(), ..context() }
}

/// The shortest request that makes an instance.
pub fn creation() -> actions::CreateEtcdInstanceRequest {
    actions::CreateEtcdInstanceRequest {
        name: "orders".to_owned(),
        vpc_id: "vpc-abcd1234".to_owned(),
        service_subnet_id: "subnet-abcd1234".to_owned(),
        subnet_ids: vec!["subnet-abcd1234".to_owned(), "subnet-abcd2345".to_owned()],
        etcd_version: "v3.5.16".to_owned(),
        size: 3,
        ..Default::default()
    }
}

pub fn filter(name: &str, values: &[&str]) -> Filter {
    Filter { name: name.to_owned(), values: values.iter().map(|&value| value.to_owned()).collect() }
}

#[track_caller]
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>, code: Code) -> String {
    let error = answer.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_ne!(error.message(Language::En), error.message(Language::Zh));
    error.message(Language::En).to_owned()
}

fn networks() -> Networks {
    let mut networks = Networks::default();
    let subnet = |id: &str| Subnet { id: id.to_owned(), zone: 1 };
    networks.0.push(Vpc {
        id: "vpc-shanghai".to_owned(),
        region: Some("ap-shanghai".to_owned()),
        subnets: vec![subnet("subnet-shanghai")],
    });
    networks
}

struct Versions;

impl VersionCatalogue for Versions {
    fn available(&self) -> Vec<EtcdVersion> {
        vec![EtcdVersion::new(3, 4, 23), EtcdVersion::new(3, 5, 16), EtcdVersion::new(3, 5, 16)]
    }

    fn installed(&self, version: &EtcdVersion) -> bool {
        version.minor == 5
    }
}

struct Answering(Arc<Mutex<Result<String, String>>>);

#[async_trait]
impl LiveMembers for Answering {
    async fn metrics(&self, _instance: &Instance, member: &MemberRecord) -> Result<String, String> {
        let text = self.0.lock().unwrap().clone()?;
        Ok(text.replace("MEMBER", &format!("Of{}", member.ordinal)))
    }
}

/// A clock that is set: seconds after [`at`]`(0)`.
#[derive(Default)]
pub struct ByHand(pub std::sync::atomic::AtomicI64);

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// Numbers that do not repeat (splitmix64).
#[derive(Default)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// What was drawn is drawn again.
    pub fn start_over(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Entropy for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
    }
}

/// A store in memory in which others get a turn before every call, and that loses races on demand.
#[derive(Default)]
pub struct Racing {
    inner: MemoryStore,
    /// Before so many more transactions, another one changes everything that they compare.
    pub losses: AtomicUsize,
}

#[async_trait]
impl Store for Racing {
    async fn get(&self, key: &str) -> cetcd_store::Result<Option<Entry>> {
        tokio::task::yield_now().await;
        self.inner.get(key).await
    }
    async fn range(&self, prefix: &str) -> cetcd_store::Result<Range> {
        tokio::task::yield_now().await;
        self.inner.range(prefix).await
    }
    async fn txn(&self, txn: Txn) -> cetcd_store::Result<TxnOutcome> {
        tokio::task::yield_now().await;
        if self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            for compare in &txn.compare {
                if let cetcd_store::Compare::ModRevision { key, .. } = compare
                    && let Some(entry) = self.inner.get(key).await?
                {
                    self.inner.txn(Txn::new().put(key, entry.value)).await?;
                }
            }
        }
        self.inner.txn(txn).await
    }
    async fn watch(&self, prefix: &str, from_revision: u64) -> cetcd_store::Result<Watch> {
        self.inner.watch(prefix, from_revision).await
    }
    async fn grant(&self, ttl: Duration) -> cetcd_store::Result<LeaseId> {
        self.inner.grant(ttl).await
    }
    async fn keep_alive(&self, id: LeaseId) -> cetcd_store::Result<()> {
        self.inner.keep_alive(id).await
    }
    async fn revoke(&self, id: LeaseId) -> cetcd_store::Result<()> {
        self.inner.revoke(id).await
    }
}
