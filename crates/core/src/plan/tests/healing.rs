//! Members that differ, whose files are bad, or that run and do not serve; and upkeep while all is well.

use super::super::{Action, Plan, corrupt, hung, maintenance, plan};
use crate::{
    Instance, Status,
    certificates::OnDisk,
    observed::{Health, KeysHash, Observed, ObservedEndpoint, ObservedMember, Peer, Process, Serving, Standing},
    quorum::quorum,
    status::Replaced,
    testing::{self, at, client},
};

const CLUSTER: u64 = 0xa;
const NOW: i64 = 1_000_000;

/// A cluster of `size` that is as wanted; the last member leads.
pub(super) fn well(size: u8) -> (Instance, Status, Observed) {
    let (instance, mut status) = (testing::instance(size), testing::status(size));
    (status.cluster_id, status.observed_generation) = (Some(CLUSTER), 1);
    let line = instance.spec.run_config(0).line();
    let peer = |ordinal: u32, url| Peer { id: u64::from(ordinal), url, learner: false, started: true };
    let mut observed = Observed {
        credentials: true,
        installed: true,
        membership: Some(status.members.iter().map(|m| peer(m.ordinal, m.peer_url())).collect()),
        endpoint: ObservedEndpoint {
            serving: true,
            routed: true,
            backends: (0..size).map(client).collect(),
            public: None,
        },
        monitored: true,
        backup_policy: true,
        ..Observed::default()
    };
    for ordinal in 0..u32::from(size) {
        let serving = Serving {
            cluster_id: CLUSTER,
            member_id: u64::from(ordinal),
            leader: ordinal + 1 == u32::from(size),
            learner: false,
            version: String::new(),
            database_bytes: 1,
            database_bytes_in_use: 1,
        };
        observed.members.push(ObservedMember {
            ordinal,
            process: Process::Running,
            footprint: true,
            data: true,
            restored: None,
            started_with: Some(line.clone()),
            shows: OnDisk::default(),
            health: Health::Serving(serving),
            disk_bytes: 0,
            unlimited: None,
            bad_data: None,
        });
    }
    (instance, status, observed)
}

pub(super) fn decided((instance, status, observed): &(Instance, Status, Observed)) -> Plan {
    plan(instance, status, observed, at(NOW))
}

fn serving(observed: &mut Observed, ordinal: usize) -> &mut Serving {
    match &mut observed.members[ordinal].health {
        Health::Serving(serving) => serving,
        other => panic!("{other:?}"),
    }
}

fn hash(ordinal: u32, hash: u32) -> KeysHash {
    KeysHash { ordinal, hash, at: 9, compact_revision: 0, revision: 9, applied_index: Some(20) }
}

#[test]
fn every_disagreement_of_up_to_five_members_is_settled_by_a_majority_or_by_nobody() {
    for size in [1u8, 3, 5] {
        let count = u32::from(size);
        // Each member: one of three hashes, or none.
        for code in 0..4u32.pow(count) {
            let mut world = well(size);
            world.2.corrupt = true;
            let found: Vec<(u32, u32)> = (0..count).map(|n| (n, code / 4u32.pow(n) % 4)).collect();
            world.2.hashes = found.iter().filter(|(_, h)| *h < 3).map(|(n, h)| hash(*n, *h)).collect();
            let most = (0..3).max_by_key(|h| found.iter().filter(|(_, other)| other == h).count()).unwrap();
            let agree = found.iter().filter(|(_, h)| *h == most).count();
            let odd = |ordinal: u32| found[ordinal as usize].1 < 3 && found[ordinal as usize].1 != most;
            match decided(&world) {
                Plan::Act(Action::SetAside { ordinals }) => {
                    assert!(agree >= quorum(count as usize) && ordinals.len() == 1 && odd(ordinals[0]), "{found:?}");
                    assert!(ordinals[0] + 1 != count || agree == 0, "the leader hands over: {found:?}");
                }
                Plan::Act(Action::MoveLeader { from, to, .. }) => {
                    assert!(agree >= quorum(count as usize) && odd(from) && !odd(to), "{found:?}");
                }
                Plan::Act(Action::DisarmCorrupt) => {
                    assert!(found.iter().all(|(_, h)| *h == most), "all agree: {found:?}");
                }
                Plan::Wait { .. } | Plan::Converged => {
                    let unknown = found.iter().any(|(_, h)| *h == 3) && !found.iter().any(|(n, _)| odd(*n));
                    assert!(agree < quorum(count as usize) || unknown, "{found:?}");
                }
                other @ Plan::Act(_) => panic!("{other:?} with {found:?}"),
            }
        }
    }
}

/// Found by the simulation, seed 2231: it waited for ever for the one whose word would have decided.
#[test]
fn while_members_differ_the_one_who_could_decide_is_given_what_it_takes_to_start() {
    let mut world = well(3);
    world.2.corrupt = true;
    world.2.hashes = vec![hash(0, 1), hash(2, 2)];
    world.2.members[1].process = Process::Exited { at: at(0), quick_exits: 0 };
    world.2.members[1].health = Health::NotAsked;
    world.2.installed = false;
    assert_eq!(decided(&world), Plan::Act(Action::InstallVersion));
    world.2.installed = true;
    assert_eq!(decided(&world), Plan::Act(Action::RestartMember { ordinal: 1 }));
}

#[test]
fn equal_hashes_of_other_revisions_do_not_agree_and_who_lags_is_not_judged() {
    let mut world = well(3);
    world.2.corrupt = true;
    world.2.hashes = vec![hash(0, 1), KeysHash { revision: 8, ..hash(1, 1) }, hash(2, 1)];
    assert_eq!(decided(&world), Plan::Act(Action::SetAside { ordinals: vec![1] }));
    world.2.hashes[1].applied_index = Some(19);
    assert_eq!(corrupt::agreed(&world.2.hashes, 3), None);
}

fn spoilt(quick_exits: u32) -> (Instance, Status, Observed) {
    let mut world = well(3);
    let member = &mut world.2.members[1];
    member.process = Process::Exited { at: at(NOW - 100), quick_exits };
    member.health = Health::NotAsked;
    member.bad_data = Some("crc mismatch".to_owned());
    world
}

#[test]
fn a_member_that_keeps_ending_over_its_own_files_is_put_aside() {
    assert_eq!(decided(&spoilt(2)), Plan::Act(Action::RestartMember { ordinal: 1 }));
    assert_eq!(decided(&spoilt(3)), Plan::Act(Action::SetAside { ordinals: vec![1] }));
    let mut other = spoilt(9);
    other.2.members[1].bad_data = None;
    assert_eq!(decided(&other), Plan::Act(Action::RestartMember { ordinal: 1 }));
}

#[test]
fn three_replacements_that_did_not_help_are_enough_for_an_hour() {
    let mut world = spoilt(3);
    world.1.members[1].replaced = Some(Replaced { times: 3, last: at(NOW - 100) });
    assert_eq!(decided(&world), Plan::Act(Action::RestartMember { ordinal: 1 }));
    world.1.members[1].replaced = Some(Replaced { times: 3, last: at(NOW - 3600) });
    assert_eq!(decided(&world), Plan::Act(Action::SetAside { ordinals: vec![1] }));
}

#[test]
fn nobody_is_put_aside_whom_the_others_need() {
    let mut world = spoilt(3);
    world.2.members[0].process = Process::Exited { at: at(NOW), quick_exits: 9 };
    world.2.members[0].health = Health::NotAsked;
    assert_eq!(decided(&world), Plan::Act(Action::RestartMember { ordinal: 1 }));
}

fn silent(seconds: i64) -> (Instance, Status, Observed) {
    let mut world = well(3);
    world.2.members[1].health = Health::NotServing("no answer".to_owned());
    world.1.members[1].silent_since = Some(at(NOW - seconds));
    world.2.endpoint.backends = vec![client(0), client(2)];
    world
}

#[test]
fn a_member_that_runs_and_does_not_serve_is_started_again_after_a_minute() {
    let patience = hung::PATIENCE.as_secs();
    assert!(matches!(decided(&silent(patience - 1)), Plan::Wait { .. }));
    assert_eq!(decided(&silent(patience)), Plan::Act(Action::EndHung { ordinal: 1 }));
    let mut needed = silent(patience);
    needed.2.members[0].health = Health::NotServing("no answer".to_owned());
    assert!(!matches!(decided(&needed), Plan::Act(Action::EndHung { .. })), "the others have no quorum");
}

/// `silent` members of `size` that have not answered for so many seconds, while nobody serves.
fn nobody_serves(size: u8, silent: &[u32], seconds: i64) -> (Instance, Status, Observed) {
    let mut world = well(size);
    world.2.membership = None;
    for (member, record) in world.2.members.iter_mut().zip(&mut world.1.members) {
        member.health = Health::NotServing("no leader".to_owned());
        record.silent_since = silent.contains(&member.ordinal).then(|| at(NOW - seconds));
    }
    let standing = |ordinal| Standing {
        ordinal,
        cluster_id: CLUSTER,
        answers: !silent.contains(&ordinal),
        learner: false,
        led: false,
        index: 7,
        revision: 7,
        peers: Vec::new(),
    };
    world.2.standings = (0..size.into()).map(standing).collect();
    world
}

#[test]
fn who_is_silent_while_nobody_serves_is_started_again_after_three_minutes() {
    let ends = |world: &(Instance, Status, Observed), ordinal| decided(world) == Plan::Act(Action::EndHung { ordinal });
    let patience = 3 * hung::PATIENCE.as_secs();
    assert!(ends(&nobody_serves(1, &[0], patience), 0));
    assert!(ends(&nobody_serves(3, &[1, 2], patience), 1));
    let soon = nobody_serves(3, &[1, 2], patience - 1);
    assert!(matches!(decided(&soon), Plan::Wait { .. }));
    // Who answers is not hung, and whom nobody hears should not end everybody.
    assert!(matches!(decided(&nobody_serves(3, &[0, 1, 2], patience)), Plan::Wait { .. }));
}

#[test]
fn who_cannot_answer_without_the_others_is_left_alone() {
    // etcd answers nobody when it is started again without a quorum.
    let mut world = nobody_serves(3, &[0], 3 * hung::PATIENCE.as_secs());
    world.2.members[1].process = Process::Exited { at: at(NOW), quick_exits: 1 };
    assert!(!matches!(decided(&world), Plan::Act(Action::EndHung { .. })));
}

#[test]
fn a_founder_that_never_serves_is_started_again_after_three_minutes() {
    let mut world = well(1);
    world.1.cluster_id = None;
    world.2.membership = None;
    world.2.members[0].health = Health::NotServing("no answer".to_owned());
    world.1.members[0].silent_since = Some(at(NOW - 3 * hung::PATIENCE.as_secs() + 1));
    assert!(matches!(decided(&world), Plan::Wait { .. }));
    world.1.members[0].silent_since = Some(at(NOW - 3 * hung::PATIENCE.as_secs()));
    assert_eq!(decided(&world), Plan::Act(Action::EndHung { ordinal: 0 }));
}

#[test]
fn a_member_that_starts_in_vain_is_started_again_after_ever_longer_times() {
    let minutes: Vec<i64> = (0..9).map(|times| hung::patience(times).as_mins()).collect();
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(hung::patience(u32::MAX), hung::LONGEST_PATIENCE);
    let mut again = silent(4 * 60 - 1);
    again.1.members[1].woken = 2;
    assert!(matches!(decided(&again), Plan::Wait { .. }));
    again.1.members[1].silent_since = Some(at(NOW - 4 * 60));
    assert_eq!(decided(&again), Plan::Act(Action::EndHung { ordinal: 1 }));
}

#[test]
fn a_member_whose_certificate_has_ended_is_given_other_keys_at_once_and_others_when_they_are_started_again() {
    let mut world = silent(1);
    world.1.rotation.trust = 1;
    world.2.members.iter_mut().for_each(|member| member.shows = OnDisk::OtherKeys);
    assert!(matches!(decided(&world), Plan::Wait { .. }));
    world.2.members[1].shows = OnDisk::Ended;
    assert_eq!(decided(&world), Plan::Act(Action::DeliverCertificates { ordinals: vec![1] }));
}

/// One member of etcd 3.3 to which a second was to be added; nobody serves since.
fn second_voter(adding: bool) -> (Instance, Status, Observed) {
    let mut world = well(1);
    world.0.spec.size = 3;
    world.1.members = vec![testing::member(0), testing::member(1), testing::member(2)];
    world.1.members[1].adding = adding;
    world.2.membership = None;
    world.2.members[0].health = Health::NotServing("no leader".to_owned());
    world
}

#[test]
fn a_second_voter_is_started_though_nobody_tells_that_it_was_added() {
    assert_eq!(decided(&second_voter(true)), Plan::Act(Action::JoinMember { ordinal: 1 }));
    assert!(!matches!(decided(&second_voter(false)), Plan::Act(Action::JoinMember { .. })), "nobody added it");
    let mut served = second_voter(true);
    served.2.members[0] = well(1).2.members.remove(0);
    assert!(!matches!(decided(&served), Plan::Act(Action::JoinMember { .. })), "who serves can be asked");
}

/// Three members whose databases hold `free` bytes of 200 MB too much, in the window.
fn fragmented(free: u64) -> (Instance, Status, Observed) {
    let mut world = well(3);
    world.2.maintenance = true;
    for ordinal in 0..3 {
        let serving = serving(&mut world.2, ordinal);
        (serving.database_bytes, serving.database_bytes_in_use) = (200_000_000, 200_000_000 - free);
    }
    world
}

#[test]
fn in_its_window_a_cluster_that_is_well_is_defragmented_followers_first() {
    let mut world = fragmented(100_000_000);
    // Clients go elsewhere first.
    assert_eq!(
        decided(&world),
        Plan::Act(Action::ServeEndpoint { backends: vec![client(1), client(2)], public: None })
    );
    world.2.endpoint.backends = vec![client(1), client(2)];
    assert_eq!(decided(&world), Plan::Act(Action::Defragment { ordinal: 0 }));
    for ordinal in 0..2 {
        serving(&mut world.2, ordinal).database_bytes = 100_000_000;
    }
    world.2.endpoint.backends = (0..3).map(client).collect();
    assert!(matches!(decided(&world), Plan::Act(Action::MoveLeader { from: 2, .. })), "the leader hands over");
}

#[test]
fn nothing_is_defragmented_out_of_its_window_or_for_little_or_while_another_settles() {
    let mut out = fragmented(150_000_000);
    out.2.maintenance = false;
    assert_eq!(decided(&out), Plan::Converged);
    assert_eq!(decided(&fragmented(80_000_000)), Plan::Converged, "40 %");
    let mut settles = fragmented(150_000_000);
    settles.1.defragmented_at = Some(at(NOW - maintenance::SETTLING.as_secs() + 1));
    assert_eq!(decided(&settles), Plan::Converged);
    let mut away = fragmented(150_000_000);
    away.2.members[1].health = Health::NotServing("no answer".to_owned());
    assert!(!matches!(decided(&away), Plan::Act(Action::Defragment { .. })));
}

/// etcd takes nobody in for the first five seconds of a leader's connections, and clients wait no second of them.
#[test]
fn clients_reach_the_first_that_serves_before_others_are_added() {
    let mut world = well(3);
    world.2.members.truncate(1);
    serving(&mut world.2, 0).leader = true;
    world.2.membership.as_mut().unwrap().truncate(1);
    world.2.endpoint.backends = vec![client(1), client(2)];
    assert_eq!(decided(&world), Plan::Act(Action::ServeEndpoint { backends: vec![client(0)], public: None }));
    world.2.endpoint.backends = vec![client(0)];
    assert_eq!(decided(&world), Plan::Act(Action::AddToCluster { ordinal: 1 }));
}

/// Seed 2912: the control plane was away until the certificates had ended, amid a rotation, while one member differed.
#[test]
fn members_whose_certificates_have_ended_get_others_also_while_nobody_can_tell_who_differs() {
    let mut world = well(3);
    world.2.corrupt = true;
    world.2.hashes = vec![hash(0, 1)];
    for member in &mut world.2.members[1..] {
        member.health = Health::NotServing("its certificate has ended".to_owned());
        member.shows = OnDisk::Ended;
        member.started_with = Some("the line before".to_owned());
    }
    assert_eq!(decided(&world), Plan::Act(Action::DeliverCertificates { ordinals: vec![1, 2] }));
}

/// Seed 13786: a member was removed, and the only other one's certificate ended before the control plane came back.
#[test]
fn nobody_is_started_who_may_have_been_removed_while_one_runs_who_will_tell() {
    let mut world = well(3);
    world.2.membership = None;
    world.2.members[0].process = Process::Exited { at: at(NOW - 3600), quick_exits: 0 };
    world.2.members[0].health = Health::NotAsked;
    for member in &mut world.2.members[1..] {
        member.health = Health::NotServing("its certificate has ended".to_owned());
        member.shows = OnDisk::Ended;
    }
    assert_eq!(decided(&world), Plan::Act(Action::DeliverCertificates { ordinals: vec![1, 2] }));
}
