//! An instance waits for the Prometheus that is to watch it, and for nothing of it otherwise.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_core::{
    Instance, InstanceId, PrometheusId,
    instance::{MonitorSettings, Security},
    prometheus::{Prometheus, PrometheusPhase, PrometheusStatus, Scraped},
};
use cetcd_sim::{
    Flaw, Schedule, Sim,
    api::{self, Wanted},
};
use cetcd_store::{
    Txn,
    records::{self, Record},
};
use futures::executor::block_on;

const PROMETHEUS: &str = "prom-abcd1234";

struct Life {
    sim: Sim,
    schedule: Schedule,
    id: InstanceId,
}

impl Life {
    /// An instance of three members that runs.
    fn running() -> Self {
        let sim = Sim::new(11, Flaw::None, false);
        let id = InstanceId::parse("etcd-watched0").unwrap();
        let security = Security::default();
        let wanted =
            Wanted { id: Some(id.clone()), size: 3, old: false, security, password: false, backup_seconds: 3600 };
        assert!(block_on(api::create(&sim.world(), &wanted)).unwrap().is_some());
        let mut life = Self { schedule: Schedule::new(&sim), sim, id };
        assert!(life.converges_on(1));
        life
    }

    fn write(&self, txn: Txn) {
        assert!(block_on(self.sim.world().store.txn(txn)).unwrap().succeeded);
    }

    /// What ModifyEtcdConfiguration writes, but for its task.
    fn watch(&self, by: Option<&str>) -> u64 {
        let world = self.sim.world();
        let key = records::instance_key(&self.id);
        let record: Record<Instance> = block_on(records::get(world.store.as_ref(), &key)).unwrap().unwrap();
        let mut instance = record.value;
        instance.spec.monitor = by.map(|id| MonitorSettings { prometheus: Some(id.to_owned()) });
        instance.generation += 1;
        self.write(Txn::new().then(records::put_instance(&instance)));
        instance.generation
    }

    /// What a Prometheus' keeper records: whether it serves, and whether it reads so many members.
    fn prometheus(&self, phase: PrometheusPhase, read: Option<u32>) {
        let now = self.sim.world().clock.now();
        let scraped = |up| Scraped { members: 3, up, reason: String::new(), since: now };
        let attached = read.map(|up| (self.id.clone(), scraped(up))).into_iter().collect();
        let status = PrometheusStatus { phase, attached, ..PrometheusStatus::new(now) };
        let id = PrometheusId::parse(PROMETHEUS).unwrap();
        let record = Prometheus {
            id: id.clone(),
            account: "100000000001".to_owned(),
            region: "ap-guangzhou".to_owned(),
            created_at: now,
            subnet_id: "subnet-abcd1234".to_owned(),
            retention_days: 1,
            grafana_user: "admin".to_owned(),
            deleting: false,
        };
        self.write(
            Txn::new().then(records::put_prometheus(&record)).then(records::put_prometheus_status(&id, &status)),
        );
    }

    /// Goes on for a while; whether it came to that generation.
    fn converges_on(&mut self, generation: u64) -> bool {
        for _ in 0..3000 {
            self.schedule.step();
            let seen = self.sim.snapshot();
            if seen["status"][self.id.as_str()]["observed_generation"] == generation {
                assert_eq!(self.sim.violations(), [""; 0]);
                return true;
            }
        }
        false
    }
}

#[test]
fn an_instance_converges_once_every_member_is_read_and_not_before() {
    let mut life = Life::running();
    life.prometheus(PrometheusPhase::Running, None);
    let generation = life.watch(Some(PROMETHEUS));
    assert!(!life.converges_on(generation), "it is not set up to");
    life.prometheus(PrometheusPhase::Running, Some(2));
    assert!(!life.converges_on(generation), "one member is not read");
    life.prometheus(PrometheusPhase::Running, Some(3));
    assert!(life.converges_on(generation));
}

#[test]
fn an_instance_that_is_detached_waits_until_it_is_let_go() {
    let mut life = Life::running();
    life.prometheus(PrometheusPhase::Running, Some(3));
    let generation = life.watch(Some(PROMETHEUS));
    assert!(life.converges_on(generation));
    let generation = life.watch(None);
    assert!(!life.converges_on(generation), "it still has the certificates");
    life.prometheus(PrometheusPhase::Running, None);
    assert!(life.converges_on(generation));
}

#[test]
fn a_prometheus_that_dies_later_keeps_nothing_from_an_instance() {
    let mut life = Life::running();
    life.prometheus(PrometheusPhase::Running, Some(3));
    let generation = life.watch(Some(PROMETHEUS));
    assert!(life.converges_on(generation));
    life.prometheus(PrometheusPhase::Abnormal, Some(0));
    let world = life.sim.world();
    let key = records::instance_key(&life.id);
    let record: Record<Instance> = block_on(records::get(world.store.as_ref(), &key)).unwrap().unwrap();
    let mut instance = record.value;
    instance.generation += 1;
    instance.spec.size = 1;
    life.write(Txn::new().then(records::put_instance(&instance)));
    assert!(life.converges_on(instance.generation), "it is resized all the same");
}

#[test]
fn a_prometheus_that_is_not_there_is_not_waited_for() {
    let mut life = Life::running();
    let generation = life.watch(Some("prom-00000000"));
    assert!(life.converges_on(generation));
}
