#![allow(clippy::unwrap_used, missing_docs)]

use super::*;
use crate::{
    certificates::{Holder, Issued, OnDisk, Validity},
    observed::{ObservedEndpoint, Serving},
    testing::{at, instance, status},
};

const CLUSTER: u64 = 0xa;

fn serving(cluster_id: u64, learner: bool) -> Health {
    Health::Serving(Serving {
        cluster_id,
        member_id: 1,
        leader: false,
        learner,
        version: "3.5.16".to_owned(),
        database_bytes: 0,
        database_bytes_in_use: 0,
    })
}

fn member(ordinal: u32, process: Process, health: Health) -> ObservedMember {
    let there = process != Process::Absent;
    ObservedMember {
        ordinal,
        process,
        footprint: there,
        data: there,
        restored: None,
        started_with: there.then(|| instance(3).spec.run_config(0).line()),
        shows: OnDisk::Same,
        health,
        disk_bytes: 0,
        unlimited: None,
        bad_data: None,
    }
}

/// Three members and an endpoint, all well.
fn well() -> (Instance, Status, Observed) {
    let mut status = status(3);
    status.cluster_id = Some(CLUSTER);
    status.observed_generation = 1;
    let observed = Observed {
        credentials: true,
        issued: Issued::default(),
        installed: true,
        members: (0..3).map(|ordinal| member(ordinal, Process::Running, serving(CLUSTER, false))).collect(),
        membership: None,
        out_of_space: Vec::new(),
        auth: None,
        refused: None,
        endpoint: ObservedEndpoint { serving: true, routed: true, backends: Vec::new(), public: None },
        monitored: true,
        standings: Vec::new(),
        maintenance: false,
        corrupt: false,
        hashes: Vec::new(),
        automatic_recovery: false,
        backup_policy: true,
    };
    (instance(3), status, observed)
}

fn condition(kind: ConditionKind, seen: &(Instance, Status, Observed)) -> (bool, String) {
    let all = conditions(&seen.0, &seen.1, &seen.2, at(0));
    all.into_iter().find(|(found, ..)| *found == kind).map(|(_, holds, reason)| (holds, reason)).unwrap()
}

#[test]
fn the_steps_of_a_creation_pass_one_after_the_other() {
    let (instance, placed, all) = well();
    let mut seen = Observed::default();
    let mut status = Status::default();
    let passed = |status: &Status, seen: &Observed| passed_steps(TaskKind::CreateInstance, &instance, status, seen);
    assert_eq!(passed(&status, &seen), 0);
    status = Status { cluster_id: None, ..placed.clone() };
    assert_eq!(passed(&status, &seen), 0, "addresses without certificates");
    seen.credentials = true;
    assert_eq!(passed(&status, &seen), 1);
    seen.installed = true;
    assert_eq!(passed(&status, &seen), 2);
    seen.members.clone_from(&all.members);
    seen.endpoint = all.endpoint.clone();
    assert_eq!(passed(&status, &seen), 2, "nothing counts before the cluster's ID is recorded");
    assert_eq!(passed(&placed, &seen), 3);
    seen.monitored = true;
    assert_eq!(passed(&placed, &seen), 4);
    seen.backup_policy = true;
    assert_eq!(passed(&placed, &seen), 5);
}

#[test]
fn the_last_step_of_a_deletion_is_passed_by_the_action_alone() {
    let (instance, status, mut seen) = well();
    let passed = |seen: &Observed| passed_steps(TaskKind::DeleteInstance, &instance, &status, seen);
    assert_eq!(passed(&seen), 0);
    seen.endpoint = ObservedEndpoint::default();
    assert_eq!(passed(&seen), 0, "members run");
    for member in &mut seen.members {
        member.process = Process::Exited { at: at(0), quick_exits: 0 };
    }
    assert_eq!(passed(&seen), 1);
    for member in &mut seen.members {
        member.process = Process::Absent;
    }
    assert_eq!(passed(&seen), 1, "directories are left");
    seen.members.clear();
    assert_eq!(passed(&seen), 2);
}

#[test]
fn an_instance_is_abnormal_only_after_it_had_been_made() {
    let (mut instance, mut status, mut seen) = well();
    assert_eq!(phase(&instance, &status, &seen), Phase::Running);
    seen.members[1].process = Process::Exited { at: at(0), quick_exits: 0 };
    seen.members[1].health = Health::NotAsked;
    assert_eq!(phase(&instance, &status, &seen), Phase::Abnormal);
    status.observed_generation = 0;
    assert_eq!(phase(&instance, &status, &seen), Phase::Creating);
    instance.spec.deleting = true;
    assert_eq!(phase(&instance, &status, &seen), Phase::Deleting);
}

#[test]
fn an_instance_without_its_endpoint_is_abnormal() {
    let (instance, status, mut seen) = well();
    seen.endpoint.serving = false;
    assert_eq!(phase(&instance, &status, &seen), Phase::Abnormal);
}

#[test]
fn each_state_of_a_member_has_its_word() {
    let exited = Process::Exited { at: at(0), quick_exits: 3 };
    for (process, health, word) in [
        (Process::Absent, Health::NotAsked, MemberPhase::Pending),
        (exited, Health::NotAsked, MemberPhase::Stopped),
        (Process::Running, Health::NotServing("no leader".to_owned()), MemberPhase::Unhealthy),
        (Process::Running, Health::NotAsked, MemberPhase::Unhealthy),
        (Process::Running, serving(CLUSTER, true), MemberPhase::Learner),
        (Process::Running, serving(CLUSTER, false), MemberPhase::Running),
    ] {
        assert_eq!(member_phase(&member(0, process, health)), word);
    }
}

#[test]
fn nothing_is_said_of_members_before_there_is_a_cluster() {
    let (instance, mut status, seen) = well();
    status.cluster_id = None;
    assert!(conditions(&instance, &status, &seen, at(0)).is_empty());
}

#[test]
fn quorum_holds_while_more_than_half_serve_and_the_reason_counts_them() {
    let mut seen = well();
    assert_eq!(condition(ConditionKind::Quorum, &seen), (true, "3 of 3 voters serve".to_owned()));
    seen.2.members[0].health = Health::NotServing("no answer".to_owned());
    assert_eq!(condition(ConditionKind::Quorum, &seen), (true, "2 of 3 voters serve".to_owned()));
    seen.2.members[1].health = serving(CLUSTER, true);
    assert_eq!(condition(ConditionKind::Quorum, &seen), (false, "1 of 3 voters serve".to_owned()));
}

#[test]
fn each_member_that_is_not_well_is_named_with_its_reason() {
    for (process, health, words) in [
        (Process::Absent, Health::NotAsked, "has no process"),
        (Process::Exited { at: at(0), quick_exits: 1 }, Health::NotAsked, "has ended"),
        (Process::Exited { at: at(0), quick_exits: 4 }, Health::NotAsked, "ended 4 times soon after its start"),
        (Process::Running, Health::NotServing("no leader".to_owned()), "no leader"),
        (Process::Running, serving(0xb, false), "belongs to another cluster (b, not a)"),
        (Process::Running, serving(CLUSTER, true), "is a learner"),
        (Process::Running, Health::NotAsked, "was not asked"),
    ] {
        let mut seen = well();
        seen.2.members[2] = member(2, process, health);
        let (holds, reason) = condition(ConditionKind::MembersHealthy, &seen);
        assert!(!holds && reason.starts_with("member 2 ") && reason.contains(words), "{reason}");
    }
}

#[test]
fn a_member_that_outgrows_its_disk_is_named() {
    let mut seen = well();
    let limit = seen.0.spec.disk_limit_bytes();
    seen.2.members[1].disk_bytes = limit;
    assert!(condition(ConditionKind::DiskWithinLimit, &seen).0, "up to the limit");
    seen.2.members[1].disk_bytes = limit + 1;
    let (holds, reason) = condition(ConditionKind::DiskWithinLimit, &seen);
    assert!(!holds && reason.starts_with("member 1 "), "{reason}");
}

#[test]
fn limits_that_are_not_in_force_are_told() {
    let mut seen = well();
    seen.2.members[0].unlimited = Some("cgroups are read-only".to_owned());
    let told = condition(ConditionKind::ResourcesLimited, &seen);
    assert_eq!(told, (false, "member 0: cgroups are read-only".to_owned()));
}

#[test]
fn certificates_that_were_not_replaced_in_time_are_told_with_the_first_that_ends() {
    let (instance, status, mut seen) = well();
    let leaf = |holder, until| Leaf {
        holder,
        validity: Validity { from: at(0), until: at(until) },
        limit: at(100_000),
        named: true,
    };
    seen.issued.leaves = vec![leaf(Holder::Client, 2400), leaf(Holder::Peer(2), 1200)];
    let fresh = |seen: &Observed, now| {
        let all = conditions(&instance, &status, seen, at(now));
        all.into_iter().find(|(kind, ..)| *kind == ConditionKind::CertificatesFresh).unwrap()
    };
    let (_, holds, reason) = fresh(&seen, 899);
    assert!(holds && reason.contains("the peer certificate of member 2"), "{reason}");
    assert!(!fresh(&seen, 900).1);
    seen.issued.leaves[1] = leaf(Holder::Peer(2), 2400);
    assert!(fresh(&seen, 900).1, "issued anew");
}

/// Makes something wrong, and answers whether the condition holds before, then, and once it is put right.
fn fires_and_clears(kind: ConditionKind, wrong: impl Fn(&mut Status, &mut Observed)) -> [bool; 3] {
    let before = well();
    let mut seen = before.clone();
    wrong(&mut seen.1, &mut seen.2);
    [&before, &seen, &before].map(|seen| condition(kind, seen).0)
}

#[test]
fn every_rule_fires_and_clears() {
    let stopped = |seen: &mut Observed, count: usize| {
        for member in &mut seen.members[..count] {
            (member.process, member.health) = (Process::Exited { at: at(0), quick_exits: 0 }, Health::NotAsked);
        }
    };
    let holds = [true, false, true];
    assert_eq!(fires_and_clears(ConditionKind::MembersHealthy, |_, seen| stopped(seen, 1)), holds);
    assert_eq!(fires_and_clears(ConditionKind::Quorum, |_, seen| stopped(seen, 2)), holds);
    assert_eq!(fires_and_clears(ConditionKind::EndpointServing, |_, seen| seen.endpoint.serving = false), holds);
    assert_eq!(fires_and_clears(ConditionKind::SpaceLeft, |_, seen| seen.out_of_space = vec![1]), holds);
    assert_eq!(fires_and_clears(ConditionKind::DataConsistent, |_, seen| seen.corrupt = true), holds);
    assert_eq!(
        fires_and_clears(ConditionKind::QuotaLeft, |status, seen| fill(status, seen, 65)),
        holds,
        "a backend near its quota"
    );
    let free = |_: &mut Status, seen: &mut Observed| database(seen, 1 << 30, 1 << 20);
    assert_eq!(fires_and_clears(ConditionKind::Fragmentation, free), holds);
    let stranger = |_: &mut Status, seen: &mut Observed| {
        let (url, learner, started) = ("https://192.0.2.1:2380".to_owned(), false, true);
        seen.membership = Some(vec![crate::observed::Peer { id: 9, url, learner, started }]);
    };
    assert_eq!(fires_and_clears(ConditionKind::MembersKnown, stranger), holds);
}

/// The backend of member 0 is so large, and so much of it is in use.
fn database(seen: &mut Observed, bytes: u64, in_use: u64) {
    let Health::Serving(serving) = &mut seen.members[0].health else { panic!("it serves") };
    (serving.database_bytes, serving.database_bytes_in_use) = (bytes, in_use);
}

/// The backend of member 0 takes that part of its quota.
fn fill(status: &Status, seen: &mut Observed, percent: u64) {
    let bytes = status.members[0].run.quota_bytes / 100 * percent + 100;
    database(seen, bytes, bytes);
}

#[test]
fn a_quota_that_runs_out_is_more_urgent_with_each_step() {
    let (_, status, mut seen) = well();
    let graded =
        [(64, None), (65, Some(Severity::Info)), (75, Some(Severity::Warning)), (85, Some(Severity::Critical))];
    for (percent, grade) in graded {
        fill(&status, &mut seen, percent);
        assert_eq!(quota_grade(&status, &seen), grade, "{percent} %");
    }
}
