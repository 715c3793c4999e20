//! What the exploration found, and single decisions that deserve a name.

use super::{
    super::super::{LONGEST_BACK_OFF, Plan, back_off, plan},
    state::{Cell, Config, Kind, MOST, State, now},
};
use crate::{
    action::Action,
    observed::{Health, Process},
    testing::client,
};

fn members(kinds: &[Kind]) -> [Cell; MOST] {
    let mut cells = [Cell::NONE; MOST];
    for (cell, kind) in cells.iter_mut().zip(kinds) {
        *cell = Cell::of(*kind);
    }
    cells
}

#[test]
fn a_member_that_keeps_ending_is_started_after_growing_pauses() {
    let pauses: Vec<i64> = (0..12).map(|exits| back_off(exits).as_secs()).collect();
    assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    assert_eq!(back_off(u32::MAX), LONGEST_BACK_OFF);
}

#[test]
fn a_wait_ends_when_the_first_pause_does() {
    let state = State::of(members(&[Kind::Later; 3]), 3);
    let (instance, status, mut observed) = state.build();
    for (ordinal, exits) in [(1, 5), (2, 4)] {
        observed.members[ordinal].process = Process::Exited { at: now(), quick_exits: exits };
    }
    observed.endpoint.backends = status.members.iter().map(|m| m.client).collect();
    let until = now().checked_add(back_off(4)).unwrap();
    assert!(matches!(plan(&instance, &status, &observed, now()), Plan::Wait { until: Some(at), .. } if at == until));
}

#[test]
fn a_dead_endpoint_of_a_cluster_without_quorum_is_opened_again() {
    let mut state = State::of(members(&[Kind::Silent; 3]), 3);
    state.endpoint_serving = false;
    state.backends = 0b111;
    let Plan::Act(Action::ServeEndpoint { backends }) = state.plan() else { panic!("{:?}", state.plan()) };
    assert_eq!(backends.len(), 3, "what it had stays: members may answer clients that the control plane cannot reach");
}

#[test]
fn an_endpoint_never_passes_clients_to_another_cluster_even_where_nothing_else_answers() {
    let state = State::of(members(&[Kind::Serving, Kind::Silent, Kind::Silent]), 3);
    let (instance, status, mut observed) = state.build();
    observed.membership = None;
    if let Health::Serving(serving) = &mut observed.members[0].health {
        serving.cluster_id = 0xb;
    }
    let Plan::Act(Action::ServeEndpoint { backends }) = plan(&instance, &status, &observed, now()) else {
        panic!("not routed")
    };
    assert_eq!(backends, [client(1), client(2)]);
}

#[test]
fn the_leader_is_restarted_last_and_hands_over_to_one_that_is_done() {
    let mut state = State::well(3);
    state.leader = Some(1);
    state.cells[1].config = Config::Former;
    let Plan::Act(Action::MoveLeader { from: 1, to, .. }) = state.plan() else { panic!("{:?}", state.plan()) };
    assert_eq!(to, 0);
}
