//! Upgrades that cannot be: when they are given up, and which way is back.

use super::{
    super::{Action, Plan, hung, retreat::MOST_QUICK_ENDS},
    healing::{decided, well},
};
use crate::{
    EtcdVersion, Instance, Status,
    observed::{Health, Observed, Process},
    status::{FailedUpgrade, UpgradeSnapshot},
    testing::{at, client},
};

type World = (Instance, Status, Observed);

const NOW: i64 = 1_000_000;
const OLD: EtcdVersion = EtcdVersion::new(3, 5, 16);
const PATCH: EtcdVersion = EtcdVersion::new(3, 5, 30);
const MINOR: EtcdVersion = EtcdVersion::new(3, 6, 16);

/// Moves member `ordinal` to the wanted version; it serves with it.
fn move_on(world: &mut World, ordinal: usize) {
    let run = world.1.run_config(&world.0.spec);
    world.2.members[ordinal].started_with = Some(run.line());
    world.1.members[ordinal].run = run;
}

/// An upgrade of `size` members to `to`, of whom the first `done` serve with it and the next one ended so many times.
fn upgrading(size: u8, to: EtcdVersion, done: usize, quick_exits: u32) -> World {
    let mut world = well(size);
    (world.0.generation, world.0.spec.version, world.0.spec.upgrades) = (2, to.clone(), 1);
    let snapshot = UpgradeSnapshot { version: to, name: String::new(), bytes: 1, taken_at: at(0) };
    world.1.upgrade_snapshot = Some(snapshot);
    (0..=done).for_each(|ordinal| move_on(&mut world, ordinal));
    world.1.members[done].moved_from = Some(OLD);
    world.2.members[done].process = Process::Exited { at: at(NOW), quick_exits };
    world.2.members[done].health = Health::NotAsked;
    let gone = client(u8::try_from(done).unwrap());
    world.2.endpoint.backends.retain(|backend| *backend != gone);
    if size == 1 {
        (world.2.membership, world.2.endpoint.backends) = (None, vec![gone]);
    }
    world
}

fn given_up(ordinal: u32, back_to: Option<EtcdVersion>) -> Plan {
    Plan::Act(Action::GiveUpUpgrade { ordinal, back_to })
}

/// What the action records.
fn give_up(world: &mut World, ordinal: usize) {
    let (upgrade, version) = (world.0.spec.upgrades, world.0.spec.version.clone());
    world.1.failed_upgrade =
        Some(FailedUpgrade { upgrade, version, back_to: Some(OLD), reason: String::new(), at: at(NOW) });
    world.1.members[ordinal].run.version = OLD;
    world.1.members[ordinal].moved_from = None;
}

#[test]
fn a_member_that_keeps_ending_with_the_new_version_ends_the_upgrade_and_not_before() {
    assert!(matches!(decided(&upgrading(3, PATCH, 0, MOST_QUICK_ENDS - 1)), Plan::Wait { .. }));
    assert_eq!(decided(&upgrading(3, PATCH, 0, MOST_QUICK_ENDS)), given_up(0, Some(OLD)));
}

#[test]
fn so_does_one_that_runs_with_it_and_does_not_serve_for_a_minute() {
    let silent = |seconds: i64| {
        let mut world = upgrading(3, PATCH, 0, 0);
        world.2.members[0].process = Process::Running;
        world.2.members[0].health = Health::NotServing("no answer".to_owned());
        world.1.members[0].silent_since = Some(at(NOW - seconds));
        world
    };
    assert!(matches!(decided(&silent(hung::PATIENCE.as_secs() - 1)), Plan::Wait { .. }));
    assert_eq!(decided(&silent(hung::PATIENCE.as_secs())), given_up(0, Some(OLD)));
}

#[test]
fn a_member_that_served_with_it_and_dies_later_is_only_started_again() {
    let mut world = upgrading(3, PATCH, 0, MOST_QUICK_ENDS);
    world.1.members[0].moved_from = None;
    assert!(!matches!(decided(&world), Plan::Act(Action::GiveUpUpgrade { .. })));
}

#[test]
fn from_the_next_minor_version_the_way_is_back_while_another_serves_with_the_former() {
    assert_eq!(decided(&upgrading(3, MINOR, 1, MOST_QUICK_ENDS)), given_up(1, Some(OLD)));
    assert_eq!(decided(&upgrading(3, MINOR, 2, MOST_QUICK_ENDS)), given_up(2, None), "all others were raised");
    assert_eq!(decided(&upgrading(3, PATCH, 2, MOST_QUICK_ENDS)), given_up(2, Some(OLD)), "a patch is no step of data");
    assert_eq!(decided(&upgrading(1, MINOR, 0, MOST_QUICK_ENDS)), given_up(0, Some(OLD)), "it never served");
}

// The simulation's seed 30301: such a member was started again and again for ever.
#[test]
fn who_has_no_way_back_and_ends_over_its_files_is_put_aside_once_the_upgrade_was_given_up() {
    let mut world = upgrading(3, MINOR, 2, MOST_QUICK_ENDS);
    world.2.members[2].bad_data = Some("found data inconsistency with peers".to_owned());
    assert_eq!(decided(&world), given_up(2, None));
    world.1.failed_upgrade =
        Some(FailedUpgrade { upgrade: 1, version: MINOR, back_to: None, reason: String::new(), at: at(NOW) });
    assert_eq!(decided(&world), Plan::Act(Action::SetAside { ordinals: vec![2] }));
}

#[test]
fn what_was_given_up_rests_with_everyone_back_on_the_former_version() {
    let mut world = upgrading(3, PATCH, 1, MOST_QUICK_ENDS);
    give_up(&mut world, 1);
    world.2.members[1].process = Process::Exited { at: at(0), quick_exits: 0 };
    assert_eq!(decided(&world), Plan::Act(Action::RestartMember { ordinal: 1 }));
    world.2.members[1] = well(3).2.members.remove(1);
    world.2.endpoint.backends = [1, 2].map(client).to_vec();
    // No snapshot is taken for the way back.
    assert_eq!(decided(&world), Plan::Act(Action::RollMember { ordinal: 0 }));
    move_on(&mut world, 0);
    world.2.endpoint.backends = (0..3).map(client).collect();
    assert_eq!(decided(&world), Plan::Converged);
}

#[test]
fn another_try_and_another_version_begin_anew() {
    let mut world = upgrading(3, PATCH, 0, MOST_QUICK_ENDS);
    give_up(&mut world, 0);
    assert_eq!(*world.1.version(&world.0.spec), OLD);
    world.0.spec.upgrades += 1;
    assert_eq!(*world.1.version(&world.0.spec), PATCH);
    (world.0.spec.upgrades, world.0.spec.version) = (1, MINOR);
    assert_eq!(*world.1.version(&world.0.spec), MINOR);
}
