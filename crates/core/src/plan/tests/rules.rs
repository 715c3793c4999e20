//! What a plan may never be.

use super::{
    super::Plan,
    state::{Member, RIGHT, State, later},
};
use crate::action::Action;

/// Panics where `plan` breaks a rule in `state`.
pub fn check(state: &State, plan: &Plan) {
    let member = |ordinal: &u32| state.members()[*ordinal as usize];
    let any = |wanted: &dyn Fn(Member) -> bool| state.members().iter().any(|m| wanted(*m));
    let good = match plan {
        Plan::Act(action) => {
            assert_eq!(
                state.deleting,
                is_of_deletion(action),
                "a deletion takes apart and nothing else does: {plan:?} in {state:?}"
            );
            match action {
                Action::Place => !state.placed,
                Action::IssueCredentials => state.placed && !state.credentials,
                Action::InstallVersion => state.placed && state.credentials && !state.installed,
                // Never where a cluster ID was latched, nor where one is there to be latched.
                Action::Bootstrap { ordinals } => {
                    ready(state)
                        && !state.latched
                        && !any(&Member::answers)
                        && !ordinals.is_empty()
                        && ordinals.iter().all(|o| !member(o).runs() && member(o) != Member::Later)
                }
                Action::LatchCluster { .. } => ready(state) && !state.latched && any(&Member::answers),
                Action::RemoveEndpoint => state.routed(),
                Action::StopMembers { ordinals } => {
                    !state.routed() && !ordinals.is_empty() && ordinals.iter().all(|o| member(o).runs())
                }
                Action::RemoveMembers { ordinals } => {
                    !state.routed()
                        && !any(&Member::runs)
                        && !ordinals.is_empty()
                        && ordinals.iter().all(|o| member(o) != Member::Absent)
                }
                Action::Forget => !state.routed() && !any(&|m| m != Member::Absent),
                // Everything else changes a cluster that has an ID.
                _ => false,
            }
        }
        Plan::Wait { until, .. } => {
            // Nothing is waited for while something could be started, and no pause is slept through.
            let pause = any(&|m| m == Member::Later);
            !state.deleting
                && ready(state)
                && (any(&Member::runs) || pause)
                && !any(&|m| matches!(m, Member::Absent | Member::Footprint | Member::Due))
                && *until == pause.then(later)
        }
        Plan::Converged => false,
    };
    assert!(good, "{plan:?} in {state:?}");
}

fn is_of_deletion(action: &Action) -> bool {
    matches!(
        action,
        Action::RemoveEndpoint | Action::StopMembers { .. } | Action::RemoveMembers { .. } | Action::Forget
    )
}

/// Everything is there that a member needs to be started.
fn ready(state: &State) -> bool {
    state.placed && state.credentials && state.installed
}

/// The ID that a plan latches is that of a member which answers.
pub fn check_latch(state: &State, cluster_id: u64) {
    let of = |wanted: &[Member]| state.members().iter().any(|m| wanted.contains(m));
    let good = if cluster_id == RIGHT { of(&[Member::Right, Member::Learner]) } else { of(&[Member::Other]) };
    assert!(good, "latches {cluster_id:x} in {state:?}");
}
