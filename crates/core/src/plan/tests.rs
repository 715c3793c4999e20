//! The planner over every small state: what it may never do, and that following it always arrives.
//!
//! States are explored for 1, 3 and 5 members. With 5 they are taken up to the numbering of the members: the
//! planner treats all alike but for the order in which it names them, which the ordered exploration with 3 shows.
//! A member that runs unasked is left out there too: it is planned for as one that does not serve.
#![allow(clippy::unwrap_used, missing_docs)]

mod rules;
mod state;
mod walk;

use jiff::SignedDuration;

use self::state::{Member, State};
use super::*;
use crate::testing::client;

#[test]
fn every_state_of_one_member_keeps_the_rules_and_arrives() {
    explore(1, &Member::ALL, true);
}

#[test]
fn every_state_of_three_members_keeps_the_rules_and_arrives() {
    explore(3, &Member::ALL, true);
}

#[test]
fn every_state_of_five_members_keeps_the_rules_and_arrives() {
    let told_apart: Vec<Member> = Member::ALL.into_iter().filter(|m| *m != Member::Unasked).collect();
    explore(5, &told_apart, false);
}

/// Checks every state; `ordered`: also those that differ only in which member is which.
fn explore(size: u8, members: &[Member], ordered: bool) {
    let mut walker = walk::Walker::new(size);
    for combination in combinations(usize::from(size), members, ordered) {
        for state in State::all_with(&combination) {
            walker.arrives(state);
        }
    }
    assert!(walker.states() > 500, "{} states are too few to be all", walker.states());
}

fn combinations(size: usize, members: &[Member], ordered: bool) -> Vec<Vec<Member>> {
    let mut found = vec![Vec::new()];
    for _ in 0..size {
        found = found
            .iter()
            .flat_map(|so_far: &Vec<Member>| {
                let from = so_far.last().filter(|_| !ordered).copied().unwrap_or(members[0]);
                members.iter().filter(move |m| **m >= from).map(|m| [so_far.as_slice(), &[*m]].concat())
            })
            .collect();
    }
    found
}

#[test]
fn a_member_that_keeps_ending_is_started_after_growing_pauses() {
    let pauses: Vec<i64> = (0..12).map(|exits| back_off(exits).as_secs()).collect();
    assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    assert_eq!(back_off(u32::MAX), LONGEST_BACK_OFF);
}

#[test]
fn a_wait_ends_when_the_first_pause_does() {
    let mut state = State::running(3);
    state.members[0] = Member::Later;
    let (instance, status, mut observed) = state.build();
    for (ordinal, exits) in [(1, 5), (2, 4)] {
        observed.members[ordinal].process = Process::Exited { at: state::NOW, quick_exits: exits };
        observed.members[ordinal].health = crate::observed::Health::NotAsked;
    }
    observed.endpoint.backends = status.members.iter().map(|m| m.client).collect();
    let until = state::NOW.checked_add(SignedDuration::from_secs(4)).unwrap();
    assert!(
        matches!(plan(&instance, &status, &observed, state::NOW), Plan::Wait { until: Some(at), .. } if at == until)
    );
}

#[test]
fn a_dead_endpoint_of_a_cluster_without_quorum_is_opened_again() {
    let mut state = State::running(3);
    state.members[..3].fill(Member::Starting);
    state.endpoint_serving = false;
    let Plan::Act(Action::ServeEndpoint { backends }) = state.plan() else { panic!("{:?}", state.plan()) };
    assert_eq!(backends.len(), 3, "what it had stays: members may answer clients that the control plane cannot reach");
}

#[test]
fn an_endpoint_never_passes_clients_to_another_cluster_even_where_nothing_else_answers() {
    let mut state = State::running(3);
    state.members[0] = Member::Other;
    state.members[1] = Member::Starting;
    state.members[2] = Member::Starting;
    let Plan::Act(Action::ServeEndpoint { backends }) = state.plan() else { panic!("{:?}", state.plan()) };
    assert_eq!(backends, [client(1), client(2)]);
}

#[test]
fn a_member_without_a_record_is_left_alone_until_the_deletion() {
    let mut state = State::running(3);
    let (instance, mut status, observed) = state.build();
    status.members.pop();
    let small = Instance { spec: crate::instance::Spec { size: 1, ..instance.spec.clone() }, ..instance };
    let decision = plan(&small, &status, &observed, state::NOW);
    assert_eq!(decision, Plan::Act(Action::ServeEndpoint { backends: vec![client(0), client(1)] }));
    state.deleting = true;
    state.endpoint_serving = false;
    state.backends = 0;
    assert_eq!(state.plan(), Plan::Act(Action::StopMembers { ordinals: vec![0, 1, 2] }));
}
