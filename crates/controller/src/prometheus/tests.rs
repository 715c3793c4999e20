#![allow(clippy::unwrap_used)]

//! One keeper on a store in memory, with a Prometheus that does as it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use cetcd_core::{
    Instance, InstanceId, Status,
    clock::SystemClock,
    instance::{MonitorSettings, Spec},
    prometheus::{Prometheus, PrometheusPhase, PrometheusStatus},
};
use cetcd_prometheus::{Look, Ours, Target, Wanted};
use cetcd_runtime::Placement;
use cetcd_store::{
    Txn,
    memory::MemoryStore,
    records::{self, InstanceCertificates, PrometheusSecrets, Record},
    seal::MasterKey,
};
use tokio::sync::watch;

use super::*;
use crate::{Facts, PkiIssuer, Request};

const OURS: &str = "prom-abcd1234";

fn prom() -> PrometheusId {
    PrometheusId::parse(OURS).unwrap()
}

fn id() -> InstanceId {
    InstanceId::parse("etcd-abcd1234").unwrap()
}

/// A Prometheus that has what it was last told, and reads whom it was told of where it is well.
#[derive(Default)]
struct Obedient {
    told: Mutex<Option<Wanted>>,
    problem: Mutex<Option<String>>,
    external: Vec<PrometheusId>,
    removed: Mutex<u32>,
}

impl Obedient {
    fn told(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.told.lock().unwrap()
    }
}

#[async_trait]
impl Watchers for Obedient {
    async fn ensure(&self, wanted: &Wanted) -> cetcd_prometheus::Result<bool> {
        let changed = self.told().as_ref() != Some(wanted);
        *self.told() = Some(wanted.clone());
        Ok(changed)
    }

    async fn look(&self, _: &PrometheusId, _: Option<&Ours>) -> Look {
        let jobs: BTreeSet<_> =
            self.told().iter().flat_map(|told| &told.jobs).map(|job| job.instance.clone()).collect();
        let problem = self.problem.lock().unwrap().clone();
        let read =
            |instance: &InstanceId| Target { member: instance.member_name(0), up: Some(true), error: String::new() };
        let targets = jobs.iter().map(|instance| (instance.clone(), vec![read(instance)])).collect();
        let targets = if problem.is_some() { BTreeMap::new() } else { targets };
        Look { problem, jobs, targets }
    }

    async fn remove(&self, _: &PrometheusId) -> cetcd_prometheus::Result<()> {
        *self.removed.lock().unwrap() += 1;
        *self.told() = None;
        Ok(())
    }

    fn addresses(&self, place: Placement) -> [SocketAddr; 2] {
        [place.client, place.peer]
    }

    fn external(&self) -> Vec<PrometheusId> {
        self.external.clone()
    }

    fn can_run(&self) -> bool {
        true
    }

    fn changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

/// Counts up: no two draws are the same.
#[derive(Default)]
struct Numbers(std::sync::atomic::AtomicU8);

impl Entropy for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}

struct Bench {
    world: PrometheusWorld,
    watchers: Arc<Obedient>,
    following: tokio::task::JoinHandle<()>,
    _root: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Certificates are made as they are in earnest, but for their lives.
struct Issuer;

impl Issue for Issuer {
    fn authority(&self, name: &str, now: jiff::Timestamp) -> crate::Result<records::StoredPair> {
        PkiIssuer::default().authority(name, now)
    }

    fn leaf(
        &self,
        authority: &records::StoredPair,
        request: &Request,
        key: Option<&str>,
        now: jiff::Timestamp,
    ) -> crate::Result<records::StoredPair> {
        PkiIssuer::default().leaf(authority, request, key, now)
    }

    fn read(&self, cert: &str) -> crate::Result<Facts> {
        PkiIssuer::default().read(cert)
    }
}

impl Bench {
    async fn new(watchers: Obedient) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (view, follow) = View::follow(Arc::clone(&store)).await.unwrap();
        let watchers = Arc::new(watchers);
        let world = PrometheusWorld {
            store,
            view,
            sealer: Sealer::new(&MasterKey::from_bytes([7; 32])),
            runtime: runtime(root.path()).await,
            issuer: Arc::new(Issuer),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Numbers::default()),
            watchers: Arc::clone(&watchers) as Arc<dyn Watchers>,
        };
        Self { world, watchers, following: tokio::spawn(follow), _root: root }
    }

    async fn write(&self, txn: Txn) {
        let outcome = self.world.store.txn(txn).await.unwrap();
        assert!(outcome.succeeded);
        self.world.view.wait_for(outcome.revision).await;
    }

    async fn turns(&self, keeper: &mut PrometheusKeeper) -> Kept {
        for _ in 0..10 {
            let kept = keeper.turn().await.unwrap();
            self.world.view.wait_for(self.world.store.range("/").await.unwrap().revision).await;
            if kept != Kept::Acted {
                return kept;
            }
        }
        panic!("it does not come to rest");
    }

    async fn status(&self) -> Option<PrometheusStatus> {
        let key = records::prometheus_status_key(&prom());
        let record: Option<Record<PrometheusStatus>> = records::get(self.world.store.as_ref(), &key).await.unwrap();
        record.map(|record| record.value)
    }

    /// A Prometheus of ours, and an instance of one member that it is to watch.
    async fn watched(&self) -> Prometheus {
        let record = Prometheus {
            id: prom(),
            account: "1".to_owned(),
            region: "ap-guangzhou".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            subnet_id: "subnet-abcd1234".to_owned(),
            retention_days: 10,
            grafana_user: "admin".to_owned(),
            deleting: false,
        };
        let secrets = PrometheusSecrets {
            password: "drawn".to_owned(),
            token: "token".to_owned(),
            grafana_password: "given".to_owned(),
        };
        let now = self.world.clock.now();
        let authority = self.world.issuer.authority("ca", now).unwrap();
        let client = authority.clone();
        let certificates =
            InstanceCertificates { authority, client, members: BTreeMap::new(), incoming: None, outgoing: None };
        let key = records::certificates_key(&id());
        let txn = Txn::new()
            .then(records::put_prometheus(&record))
            .then(records::put_prometheus_secrets(&self.world.sealer, &record.id, &secrets))
            .then(records::put_instance(&instance("1", Some(OURS))))
            .then(records::put_status(&id(), &Status::default()))
            .then(records::put_secret(&self.world.sealer, &key, &records::encode(&certificates)));
        self.write(txn).await;
        record
    }
}

fn instance(account: &str, prometheus: Option<&str>) -> Instance {
    Instance {
        id: id(),
        account: account.to_owned(),
        region: "ap-guangzhou".to_owned(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        generation: 1,
        spec: Spec {
            name: "test".to_owned(),
            vpc_id: "vpc-abcd1234".to_owned(),
            service_subnet_id: "subnet-abcd1234".to_owned(),
            subnet_ids: vec!["subnet-abcd1234".to_owned()],
            monitor: prometheus.map(|id| MonitorSettings { prometheus: Some(id.to_owned()) }),
            ..Spec::new(cetcd_core::EtcdVersion::new(3, 5, 16))
        },
    }
}

/// Only its addresses are asked for.
async fn runtime(root: &std::path::Path) -> Arc<dyn Runtime> {
    struct Nobody;
    impl cetcd_runtime::Launcher for Nobody {
        fn command(
            &self,
            _: &cetcd_core::member::MemberSpec,
            _: &cetcd_core::member::MemberPaths,
        ) -> Result<cetcd_runtime::CommandLine, String> {
            Err("nobody is started here".to_owned())
        }
    }
    let endpoint = cetcd_runtime::CommandLine { program: "/bin/true".into(), arguments: Vec::new() };
    let networks = cetcd_core::network::Networks::default();
    let mut options = cetcd_runtime::process::Options::new(root, networks, Arc::new(Nobody), endpoint);
    options.addresses = cetcd_runtime::process::AddressMode::Ports;
    cetcd_runtime::process::ProcessRuntime::open(options).await.unwrap()
}

#[tokio::test]
async fn one_is_placed_given_its_jobs_and_said_to_run() {
    let bench = Bench::new(Obedient::default()).await;
    bench.watched().await;
    let mut keeper = PrometheusKeeper::new(bench.world.clone(), prom());
    assert_eq!(bench.turns(&mut keeper).await, Kept::Settled);
    let status = bench.status().await.unwrap();
    assert_eq!(status.phase, PrometheusPhase::Running);
    assert!(status.attached[&id()].is_whole());
    let reserved = bench.world.store.range(records::ADDRESSES).await.unwrap().entries;
    assert_eq!(reserved.len(), 2);
    assert!(reserved.iter().all(|entry| entry.value == OURS));
    let told = bench.watchers.told().clone().unwrap();
    assert_eq!((told.token.as_str(), told.jobs.len()), ("token", 1));
}

#[tokio::test]
async fn it_shows_a_certificate_of_its_own_that_follows_the_ca() {
    let bench = Bench::new(Obedient::default()).await;
    bench.watched().await;
    let mut keeper = PrometheusKeeper::new(bench.world.clone(), prom());
    bench.turns(&mut keeper).await;
    let shown = |bench: &Bench| bench.watchers.told().as_ref().unwrap().jobs[0].tls.clone().unwrap();
    let first = shown(&bench);
    bench.turns(&mut keeper).await;
    assert!(shown(&bench) == first, "it is issued once");
    let store = bench.world.store.as_ref();
    let mut all = records::certificates(store, &bench.world.sealer, &id()).await.unwrap().unwrap();
    assert_ne!(first.client.cert, all.client.cert, "it is not root's");
    all.authority = bench.world.issuer.authority("next", bench.world.clock.now()).unwrap();
    let key = records::certificates_key(&id());
    bench.write(Txn::new().then(records::put_secret(&bench.world.sealer, &key, &records::encode(&all)))).await;
    bench.turns(&mut keeper).await;
    assert_ne!(shown(&bench).client.cert, first.client.cert);
    assert_eq!(shown(&bench).ca, all.authority.cert);
}

#[tokio::test]
async fn one_that_dies_is_said_to_be_abnormal_with_the_reason_until_it_serves_again() {
    let bench = Bench::new(Obedient::default()).await;
    bench.watched().await;
    let mut keeper = PrometheusKeeper::new(bench.world.clone(), prom());
    bench.turns(&mut keeper).await;
    *bench.watchers.problem.lock().unwrap() = Some("its process has ended".to_owned());
    assert_eq!(bench.turns(&mut keeper).await, Kept::Waiting);
    let status = bench.status().await.unwrap();
    assert_eq!((status.phase, status.reason.as_str()), (PrometheusPhase::Abnormal, "its process has ended"));
    assert!(status.attached[&id()].is_whole(), "what it reads is not known, which is no news");
    *bench.watchers.problem.lock().unwrap() = None;
    assert_eq!(bench.turns(&mut keeper).await, Kept::Settled);
    assert_eq!(bench.status().await.unwrap().phase, PrometheusPhase::Running);
}

#[tokio::test]
async fn what_is_detached_or_going_or_of_another_account_has_no_job() {
    let bench = Bench::new(Obedient::default()).await;
    bench.watched().await;
    let mut keeper = PrometheusKeeper::new(bench.world.clone(), prom());
    let mut going = instance("1", Some(OURS));
    going.spec.deleting = true;
    for other in [instance("1", None), going, instance("2", Some(OURS))] {
        bench.write(Txn::new().then(records::put_instance(&instance("1", Some(OURS))))).await;
        bench.turns(&mut keeper).await;
        assert!(bench.status().await.unwrap().attached.contains_key(&id()));
        bench.write(Txn::new().then(records::put_instance(&other))).await;
        bench.turns(&mut keeper).await;
        assert!(bench.watchers.told().as_ref().unwrap().jobs.is_empty());
        assert!(bench.status().await.unwrap().attached.is_empty());
    }
}

#[tokio::test]
async fn a_deleted_one_leaves_nothing() {
    let bench = Bench::new(Obedient::default()).await;
    let record = bench.watched().await;
    let mut keeper = PrometheusKeeper::new(bench.world.clone(), prom());
    bench.turns(&mut keeper).await;
    let record = Prometheus { deleting: true, ..record };
    bench.write(Txn::new().then(records::put_prometheus(&record))).await;
    assert_eq!(bench.turns(&mut keeper).await, Kept::Gone);
    assert_eq!(*bench.watchers.removed.lock().unwrap(), 1);
    for prefix in [records::PROMETHEUS, records::PROMETHEUS_STATUS, "/prometheus-secrets/", records::ADDRESSES] {
        assert!(bench.world.store.range(prefix).await.unwrap().entries.is_empty(), "{prefix}");
    }
}

#[tokio::test]
async fn one_that_runs_elsewhere_is_given_a_token_and_its_jobs_and_is_forgotten_with_the_setting() {
    let bench = Bench::new(Obedient { external: vec![prom()], ..Obedient::default() }).await;
    bench.watched().await;
    bench
        .write(Txn::new().delete(records::prometheus_key(&prom())).delete(records::prometheus_secrets_key(&prom())))
        .await;
    let mut keeper = PrometheusKeeper::new(bench.world.clone(), prom());
    bench.turns(&mut keeper).await;
    let told = bench.watchers.told().clone().unwrap();
    assert!(told.ours.is_none() && told.token.len() == 32 && told.jobs.len() == 1);
    assert_eq!(bench.status().await.unwrap().phase, PrometheusPhase::Running);
    let none = PrometheusWorld { watchers: Arc::new(Obedient::default()), ..bench.world.clone() };
    assert_eq!(PrometheusKeeper::new(none, prom()).turn().await.unwrap(), Kept::Gone);
    assert_eq!(bench.status().await, None);
}
