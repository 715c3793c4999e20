//! What the exploration found, and single decisions that deserve a name.

use super::{
    super::super::{LONGEST_BACK_OFF, Plan, back_off, plan},
    state::{Access, Cell, Config, Kind, MOST, State, now},
};
use crate::{
    action::Action,
    observed::{Health, Process},
    status::AppliedPassword,
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
    let Plan::Act(Action::ServeEndpoint { backends, .. }) = state.plan() else { panic!("{:?}", state.plan()) };
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
    let Plan::Act(Action::ServeEndpoint { backends, .. }) = plan(&instance, &status, &observed, now()) else {
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

fn decided(kinds: &[Kind], change: impl FnOnce(&mut State)) -> Plan {
    let mut state = State::of(members(kinds), u8::try_from(kinds.len()).unwrap());
    change(&mut state);
    state.plan()
}

#[test]
fn a_member_whose_start_failed_and_that_left_nothing_is_not_removed_again_and_again() {
    let state = State::of(members(&[Kind::Serving, Kind::Gone, Kind::Serving]), 3);
    let (instance, status, mut observed) = state.build();
    // As the controller shows a start that did not come to a process.
    observed.members[1].process = Process::Exited { at: now(), quick_exits: 3 };
    let decision = plan(&instance, &status, &observed, now());
    assert_eq!(decision, Plan::Act(Action::AddToCluster { ordinal: 1 }));
}

#[test]
fn a_leader_whose_data_was_removed_under_it_hands_over_before_it_is_taken_out() {
    let decision = decided(&[Kind::Serving, Kind::WipedServing, Kind::Serving], |state| state.leader = Some(1));
    assert!(matches!(decision, Plan::Act(Action::MoveLeader { from: 1, to: 0, .. })), "{decision:?}");
}

#[test]
fn the_only_member_is_not_restarted_once_its_data_was_removed_under_it() {
    let decision = decided(&[Kind::WipedServing], |state| state.cells[0].config = Config::Former);
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn binaries_and_certificates_that_are_gone_are_brought_back_for_a_dead_member() {
    let dead = [Kind::Serving, Kind::Due, Kind::Serving];
    let route = |state: &mut State| state.backends = 0b101;
    let decision = decided(&dead, |state| {
        route(state);
        state.installed = false;
    });
    assert_eq!(decision, Plan::Act(Action::InstallVersion));
    let decision = decided(&dead, |state| {
        route(state);
        state.credentials = false;
    });
    assert_eq!(decision, Plan::Act(Action::IssueCredentials));
}

#[test]
fn a_cluster_without_quorum_brings_back_binaries_too() {
    let decision = decided(&[Kind::Due; 3], |state| {
        state.installed = false;
        state.backends = 0b111;
    });
    assert_eq!(decision, Plan::Act(Action::InstallVersion));
}

#[test]
fn two_voters_that_cannot_spare_one_change_their_number_before_their_configuration() {
    let mut state = State::of(members(&[Kind::Serving, Kind::Serving]), 1);
    state.cells[0].config = Config::Former;
    state.cells[1].config = Config::Former;
    // Clients are sent elsewhere first.
    assert_eq!(state.plan(), Plan::Act(Action::ServeEndpoint { backends: vec![client(0)], public: None }));
    state.backends = 0b01;
    assert!(matches!(state.plan(), Plan::Act(Action::RemoveFromCluster { ordinal: 1, .. })), "{:?}", state.plan());
}

#[test]
fn a_learner_gets_its_vote_only_where_a_majority_with_it_serves() {
    let kinds = [Kind::LearnerServing, Kind::Serving, Kind::Silent, Kind::Silent];
    let decision = decided(&kinds, |state| state.wanted = 3);
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
    let kinds = [Kind::LearnerServing, Kind::Serving, Kind::Serving, Kind::Silent];
    let decision = decided(&kinds, |state| state.wanted = 4);
    assert!(matches!(decision, Plan::Act(Action::PromoteMember { ordinal: 0, .. })), "{decision:?}");
}

#[test]
fn binaries_that_vanished_are_brought_back_before_anything_needs_them() {
    let decision = decided(&[Kind::Serving; 3], |state| state.installed = false);
    assert_eq!(decision, Plan::Act(Action::InstallVersion), "a creation is not done without them either");
}

#[test]
fn a_member_that_serves_without_its_data_stays_while_another_is_away() {
    let kinds = [Kind::WipedServing, Kind::Serving, Kind::Serving, Kind::Serving, Kind::Later];
    let decision = decided(&kinds, |state| state.leader = Some(1));
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn one_of_two_voters_that_serves_without_its_data_can_be_taken_out() {
    let decision = decided(&[Kind::Serving, Kind::WipedServing], |state| state.wanted = 1);
    assert!(matches!(decision, Plan::Act(Action::RemoveFromCluster { ordinal: 1, .. })), "{decision:?}");
}

#[test]
fn an_alarm_stays_while_a_learner_is_on_its_way_in() {
    let decision = decided(&[Kind::Serving, Kind::LearnerStarting], |state| {
        (state.alarm, state.compacted, state.wanted) = (true, true, 3);
    });
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn an_alarm_stays_while_the_space_of_a_member_that_is_away_is_unknown() {
    let decision = decided(&[Kind::Serving, Kind::Serving, Kind::Serving, Kind::Serving, Kind::Later], |state| {
        (state.alarm, state.compacted) = (true, true);
    });
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn a_founder_that_is_about_to_make_its_data_is_not_replaced() {
    let state = State::of(members(&[Kind::Serving, Kind::Serving, Kind::Silent]), 3);
    let (instance, status, mut observed) = state.build();
    observed.members[2].data = false;
    let decision = plan(&instance, &status, &observed, now());
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn nobody_is_restarted_while_the_list_of_a_cluster_that_serves_could_not_be_read() {
    let state = State::of(members(&[Kind::Serving, Kind::Serving, Kind::Outcast]), 3);
    let (instance, status, mut observed) = state.build();
    observed.membership = None;
    let decision = plan(&instance, &status, &observed, now());
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn certificates_are_renewed_before_members_that_do_not_serve_are_looked_after() {
    // All of them may be silent because what they show has ended.
    for kind in [Kind::Silent, Kind::Due] {
        assert_eq!(decided(&[kind; 3], |state| state.due = true), Plan::Act(Action::IssueCredentials));
    }
    let delivered = decided(&[Kind::Silent; 3], |state| (state.stale, state.backends) = (0b101, 0b111));
    assert_eq!(delivered, Plan::Act(Action::DeliverCertificates { ordinals: vec![0, 2] }));
}

#[test]
fn a_dead_member_is_started_before_others_are_given_their_certificates() {
    let plan = decided(&[Kind::Serving, Kind::Serving, Kind::Due], |state| state.stale = 0b011);
    assert_eq!(plan, Plan::Act(Action::RestartMember { ordinal: 2 }));
}

fn with_access(access: Access) -> Plan {
    State { access, ..State::well(3) }.plan()
}

#[test]
fn auth_that_somebody_turned_off_by_hand_is_turned_on_again_only_where_the_owner_asked_for_it() {
    let off = Access { on: Some(false), ..Access::default() };
    assert_eq!(with_access(off), Plan::Converged);
    let wanted = Access { wanted: Some(true), given: true, applied: true, ..off };
    assert_eq!(with_access(wanted), Plan::Act(Action::EnableAuth));
}

#[test]
fn auth_that_somebody_turned_on_by_hand_is_left_alone_unless_the_owner_wants_it_off() {
    let on = Access { on: Some(true), ..Access::default() };
    assert_eq!(with_access(on), Plan::Converged);
    assert_eq!(with_access(Access { given: true, applied: true, ..on }), Plan::Converged);
    assert_eq!(with_access(Access { wanted: Some(false), ..on }), Plan::Act(Action::DisableAuth));
}

#[test]
fn a_password_given_while_auth_is_off_waits_until_it_is_on() {
    let given = Access { on: Some(false), given: true, ..Access::default() };
    assert_eq!(with_access(given), Plan::Converged);
    assert_eq!(with_access(Access { on: Some(true), ..given }), Plan::Act(Action::SetRootPassword));
}

#[test]
fn a_cluster_that_does_not_tell_whether_auth_is_on_is_asked_again() {
    let decision = with_access(Access { wanted: Some(true), given: true, ..Access::default() });
    assert!(matches!(decision, Plan::Wait { .. }), "{decision:?}");
}

#[test]
fn another_cluster_made_of_a_snapshot_is_given_the_password_again() {
    let access = Access { wanted: Some(true), on: Some(true), given: true, applied: true };
    let (instance, mut status, observed) = State { access, ..State::well(3) }.build();
    assert_eq!(plan(&instance, &status, &observed, now()), Plan::Converged);
    status.root_password = status.root_password.map(|given| AppliedPassword { cluster_id: 0xb, ..given });
    assert_eq!(plan(&instance, &status, &observed, now()), Plan::Act(Action::SetRootPassword));
}
