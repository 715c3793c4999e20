//! A member that cannot be started must not keep the others from what they can do.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_core::{InstanceId, instance::Security};
use cetcd_sim::{
    Flaw, Schedule, Sim,
    api::{self, Wanted},
};
use futures::executor::block_on;
use serde_json::Value;

fn accepted(size: u8) -> (Sim, Schedule, InstanceId) {
    let sim = Sim::new(11, Flaw::None, true);
    let id = InstanceId::parse("etcd-broken00").unwrap();
    let security = Security::default();
    let wanted = Wanted { id: Some(id.clone()), size, old: false, security, password: false, backup_seconds: 3600 };
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
    let lines = sim.trace_lines();
    let last = lines[lines.len().saturating_sub(60)..].join("\n");
    panic!("it does not come to that:\n{last}");
}

/// The endpoint passes connections to members 1 and 2 and no others, and both serve.
fn two_serve(seen: &Value) -> bool {
    let route = seen["routes"]["etcd-broken00"].as_str().unwrap_or_default();
    serves(seen, 1) && serves(seen, 2) && route.contains("backends: [127.77.1.1:2379, 127.77.2.1:2379]")
}

#[test]
fn founders_form_their_cluster_without_the_one_that_cannot_be_started() {
    let (sim, mut schedule, id) = accepted(3);
    sim.break_disk(&id, 0);
    go_on_until(&sim, &mut schedule, two_serve);
}

#[test]
fn a_dead_member_is_restarted_though_another_cannot_be() {
    let (sim, mut schedule, id) = accepted(3);
    go_on_until(&sim, &mut schedule, running);
    sim.break_disk(&id, 0);
    sim.kill_member(&id, 0);
    sim.kill_member(&id, 1);
    go_on_until(&sim, &mut schedule, two_serve);
    go_on_until(&sim, &mut schedule, |seen| seen["status"][id.as_str()]["phase"] == "abnormal");
}

fn running(seen: &Value) -> bool {
    seen["status"]["etcd-broken00"]["phase"] == "running"
}

fn serves(seen: &Value, ordinal: u32) -> bool {
    seen["members"][format!("etcd-broken00-etcd-{ordinal}")]["serves"] == true
}

#[test]
fn an_only_member_that_is_frozen_serves_again() {
    let (sim, mut schedule, id) = accepted(1);
    go_on_until(&sim, &mut schedule, running);
    sim.freeze_member(&id, 0);
    go_on_until(&sim, &mut schedule, |seen| !serves(seen, 0) && !running(seen));
    go_on_until(&sim, &mut schedule, |seen| serves(seen, 0) && running(seen));
}

#[test]
fn two_of_three_that_are_frozen_serve_again() {
    let (sim, mut schedule, id) = accepted(3);
    go_on_until(&sim, &mut schedule, running);
    (0..2).for_each(|ordinal| sim.freeze_member(&id, ordinal));
    go_on_until(&sim, &mut schedule, |seen| !serves(seen, 2));
    go_on_until(&sim, &mut schedule, |seen| (0..3).all(|ordinal| serves(seen, ordinal)) && running(seen));
}
