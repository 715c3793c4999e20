//! A member that cannot be started must not keep the others from what they can do.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_core::{InstanceId, instance::Security};
use cetcd_sim::{
    Flaw, Schedule, Sim,
    api::{self, Wanted},
};
use futures::executor::block_on;
use serde_json::Value;

fn accepted() -> (Sim, Schedule, InstanceId) {
    let sim = Sim::new(11, Flaw::None, false);
    let id = InstanceId::parse("etcd-broken00").unwrap();
    let security = Security::default();
    let wanted = Wanted { id: Some(id.clone()), size: 3, old: false, security, password: false, backup_seconds: 3600 };
    assert!(block_on(api::create(&sim.world(), &wanted)).unwrap().is_some());
    (sim.clone(), Schedule::new(&sim), id)
}

/// Goes on until `done`, for as long as a person would wait.
fn go_on_until(sim: &Sim, schedule: &mut Schedule, done: impl Fn(&Value) -> bool) {
    for _ in 0..10_000 {
        schedule.step();
        if done(&sim.snapshot()) {
            assert_eq!(sim.violations(), [""; 0]);
            return;
        }
    }
    panic!("it does not come to that: {:#}", sim.snapshot());
}

/// The endpoint passes connections to members 1 and 2 and no others, and both serve.
fn two_serve(seen: &Value) -> bool {
    let serves = |n: u32| seen["members"][format!("etcd-broken00-etcd-{n}")]["serves"] == true;
    let route = seen["routes"]["etcd-broken00"].as_str().unwrap_or_default();
    serves(1) && serves(2) && route.contains("backends: [127.77.1.1:2379, 127.77.2.1:2379]")
}

#[test]
fn founders_form_their_cluster_without_the_one_that_cannot_be_started() {
    let (sim, mut schedule, id) = accepted();
    sim.break_disk(&id, 0);
    go_on_until(&sim, &mut schedule, two_serve);
}

#[test]
fn a_dead_member_is_restarted_though_another_cannot_be() {
    let (sim, mut schedule, id) = accepted();
    go_on_until(&sim, &mut schedule, |seen| seen["status"][id.as_str()]["phase"] == "running");
    sim.break_disk(&id, 0);
    sim.kill_member(&id, 0);
    sim.kill_member(&id, 1);
    go_on_until(&sim, &mut schedule, two_serve);
    go_on_until(&sim, &mut schedule, |seen| seen["status"][id.as_str()]["phase"] == "abnormal");
}
