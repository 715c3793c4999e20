#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{
    backup::{
        Drill, Origin,
        testing::{contents, manual, policy, taken},
    },
    testing::at,
};

fn id() -> InstanceId {
    InstanceId::parse("etcd-abcd1234").unwrap()
}

fn plan(policies: &[Policy], snapshots: &[Snapshot], now: i64) -> Next {
    next(&Look { instance: &id(), born: at(0), ready: true, policies, snapshots }, at(now))
}

fn take(name: &str) -> Next {
    Next::Take { name: name.to_owned() }
}

fn passed() -> Drill {
    Drill { at: at(0), passed: true, message: String::new(), millis: 1 }
}

#[test]
fn what_was_asked_for_is_taken_before_what_a_policy_wants() {
    let mut of_policy = manual("p-1", 1);
    of_policy.origin = Origin::Policy { policy: "p".to_owned() };
    assert_eq!(plan(&[], &[of_policy, manual("second", 6), manual("first", 5)], 10), take("first"));
}

#[test]
fn what_was_cut_off_is_taken_first() {
    let mut cut = manual("cut", 9);
    cut.begin(at(9));
    assert_eq!(plan(&[], &[manual("waits", 5), cut], 10), take("cut"));
}

#[test]
fn a_try_that_failed_waits_for_its_pause() {
    let mut failed = manual("m", 1);
    failed.begin(at(10));
    failed.fail("no leader", at(11));
    assert_eq!(plan(&[], &[failed.clone()], 15), Next::Wait { until: Some(at(16)) });
    assert_eq!(plan(&[], &[failed], 16), take("m"));
}

#[test]
fn a_policy_that_is_due_begins_a_run_named_after_its_slot() {
    let p = policy("nightly", 86_400, 3);
    let slot = p.first_slot(&id(), at(0));
    let next = plan(&[p], &[], slot.as_second());
    let name = format!("nightly-{}", slot.strftime("%Y%m%dT%H%M%SZ"));
    assert_eq!(next, Next::Begin { policy: "nightly".to_owned(), slot, name });
}

#[test]
fn a_name_that_someone_took_gets_a_number() {
    let p = policy("p", 86_400, 3);
    let slot = p.first_slot(&id(), at(0));
    let name = format!("p-{}", slot.strftime("%Y%m%dT%H%M%SZ"));
    let mut there = manual(&name, 0);
    there.state = SnapshotState::Failed;
    let Next::Begin { name: drawn, .. } = plan(&[p], &[there], slot.as_second()) else { panic!("no run") };
    assert_eq!(drawn, format!("{name}-2"));
}

#[test]
fn a_policy_whose_last_run_is_open_does_not_begin_another() {
    let p = policy("p", 60, 3);
    let mut open = manual("p-1", 0);
    open.origin = Origin::Policy { policy: "p".to_owned() };
    open.begin(at(1000));
    open.fail("no leader", at(1001));
    assert_eq!(plan(&[p], &[open], 1002), Next::Wait { until: Some(at(1006)) });
}

#[test]
fn nothing_is_begun_for_what_cannot_be_asked_but_what_was_deleted_goes() {
    let p = policy("p", 60, 3);
    let mut gone = taken("p", 1);
    gone.deleting = true;
    let (id, policies) = (id(), [p]);
    let unasked = |all: &[Snapshot]| {
        next(&Look { instance: &id, born: at(0), ready: false, policies: &policies, snapshots: all }, at(5000))
    };
    assert_eq!(unasked(&[]), Next::Wait { until: None });
    assert_eq!(unasked(&[gone]), Next::Delete { name: "p-1".to_owned() });
}

#[test]
fn snapshots_of_changes_are_left_to_those() {
    let mut before = manual("before-restore", 1);
    before.origin = Origin::BeforeRestore { restore: "r".to_owned() };
    before.begin(at(2));
    assert_eq!(plan(&[], &[before], 10), Next::Wait { until: None });
}

#[test]
fn the_newest_that_was_never_restored_is_proved_first() {
    let mut p = policy("p", 1000, 5);
    p.last_slot = p.slot_before(&id(), at(0), at(3500));
    let all = [taken("p", 1000), taken("p", 2000), taken("p", 3000)];
    assert_eq!(plan(&[p], &all, 3500), Next::Drill { name: "p-3000".to_owned() });
}

#[test]
fn a_sample_is_proved_where_the_policy_says_so() {
    let mut p = policy("p", 1000, 50);
    p.drill_every = 3;
    p.last_slot = p.slot_before(&id(), at(0), at(9500));
    let mut all: Vec<Snapshot> = vec![taken("p", 1000)];
    all[0].drill = Some(passed());
    all.push(taken("p", 2000));
    all.push(taken("p", 3000));
    assert!(matches!(plan(std::slice::from_ref(&p), &all, 9500), Next::Wait { .. }));
    all.push(taken("p", 4000));
    assert_eq!(plan(std::slice::from_ref(&p), &all, 9500), Next::Drill { name: "p-4000".to_owned() });
    p.drill_every = 0;
    assert!(matches!(plan(&[p], &all, 9500), Next::Wait { .. }));
}

#[test]
fn more_than_are_wanted_are_collected_one_by_one() {
    let mut p = policy("p", 1000, 1);
    p.last_slot = p.slot_before(&id(), at(0), at(3500));
    let all = [taken("p", 1000), taken("p", 2000), taken("p", 3000)];
    assert_eq!(plan(&[p], &all, 3500), Next::Collect { name: "p-1000".to_owned() });
}

/// A world that does what the planner says, with tries that fail and a control plane that dies as drawn.
struct World {
    policies: Vec<Policy>,
    snapshots: Vec<Snapshot>,
    now: i64,
    begun: Vec<(String, Timestamp)>,
}

impl World {
    fn step(&mut self, luck: u8) {
        let before = self.newest_good();
        let now = at(self.now);
        match plan(&self.policies, &self.snapshots, self.now) {
            Next::Delete { name } | Next::Collect { name } => {
                assert_ne!(Some(&name), before.as_ref(), "the newest good one is let go");
                self.snapshots.retain(|snapshot| snapshot.name != name);
            }
            Next::Begin { policy, slot, name } => {
                assert!(self.snapshots.iter().all(|s| s.name != name), "{name} is there already");
                let open = self.snapshots.iter().filter(|s| s.is_open() && s.policy() == Some(&policy)).count();
                assert_eq!(open, 0, "runs of {policy} overlap");
                assert!(!self.begun.contains(&(policy.clone(), slot)), "a slot is made up twice");
                self.begun.push((policy.clone(), slot));
                let mut snapshot = manual(&name, slot.as_second());
                snapshot.origin = Origin::Policy { policy: policy.clone() };
                self.snapshots.push(snapshot);
                let p = self.policies.iter_mut().find(|p| p.name == policy).unwrap();
                p.last_slot = Some(slot);
            }
            Next::Take { name } => {
                let snapshot = self.snapshots.iter_mut().find(|s| s.name == name).unwrap();
                assert!(snapshot.is_open());
                snapshot.begin(now);
                self.now += 1;
                match luck {
                    // The control plane dies.
                    0 => {}
                    1..=3 => snapshot.fail("drawn", at(self.now)),
                    _ => snapshot.succeed(contents(), at(self.now)),
                }
            }
            Next::Drill { name } => {
                let snapshot = self.snapshots.iter_mut().find(|s| s.name == name).unwrap();
                assert!(snapshot.drill.is_none());
                let drill = Drill { at: now, passed: luck > 1, message: String::new(), millis: 1 };
                snapshot.drill = Some(drill);
            }
            Next::Wait { until } => {
                let until = until.expect("a policy is always due some time").as_second();
                assert!(until > self.now, "it waits for what has come");
                // Sometimes the control plane is away for long.
                self.now = if luck == 0 { until + 10_000 } else { until };
            }
        }
        let running = self.snapshots.iter().filter(|s| s.state == SnapshotState::Running).count();
        assert!(running <= 1, "{running} run at once");
    }

    fn newest_good(&self) -> Option<String> {
        let good = self.snapshots.iter().filter(|snapshot| snapshot.is_good());
        good.max_by_key(|s| (s.taken_at(), s.name.clone())).map(|s| s.name.clone())
    }
}

proptest! {
    #[test]
    fn whatever_happens_runs_never_overlap_slots_are_made_up_once_and_the_newest_good_stays(
        luck in proptest::collection::vec(0u8..12, 50..400),
        first in 60u64..4000, second in 60u64..4000, count in 1u32..4,
    ) {
        let policies = vec![policy("a", first, count), policy("b", second, 2)];
        let mut world = World { policies, snapshots: Vec::new(), now: 0, begun: Vec::new() };
        for luck in luck {
            world.step(luck);
        }
        let kept = world.snapshots.len();
        prop_assert!(kept < 40, "{kept} are kept");
    }
}
