//! A snapshot in the place of an instance's data: in place, or as the beginning of a new instance.
//!
//! ```text
//!   begin ─ back up what is replaced ─ close the endpoint ─ stop all ─ make the data ─ start all ─ latch ─ check
//! ```
//!
//! Every step is seen in what is there, so that one that was cut off is done again. The data of members is replaced
//! as often as it takes until the check has passed, and never after it: from then on clients may have written. The
//! endpoint is opened by the rules for a cluster in use, which follow.

use jiff::Timestamp;

use super::{Plan, is_placed, recorded, restart};
use crate::{
    Instance, Status,
    action::Action,
    observed::{Observed, ObservedMember, Process},
};

/// The next step of the restore that is under way; `None` where none is.
pub(super) fn go_on(instance: &Instance, status: &Status, observed: &Observed, now: Timestamp) -> Option<Plan> {
    let wanted = status.restore_under_way(instance)?;
    let begun = status.restoring.as_ref().filter(|restoring| restoring.id == wanted.id);
    let ordinals = |of: &dyn Fn(&ObservedMember) -> bool| -> Vec<u32> {
        recorded(status, observed).filter(|member| of(member)).map(|member| member.ordinal).collect()
    };
    let act = |action| Some(Plan::Act(action));
    if !is_placed(instance, status) {
        return act(Action::Place);
    }
    if !observed.credentials {
        return act(Action::IssueCredentials);
    }
    if !observed.installed {
        return act(Action::InstallVersion);
    }
    let Some(begun) = begun else { return act(Action::BeginRestore) };
    if !begun.backed_up {
        return act(Action::BackUpReplaced);
    }
    if observed.endpoint.routed {
        return act(Action::RemoveEndpoint);
    }
    let lacking: Vec<u32> = status
        .members
        .iter()
        .filter(|record| !has_it(observed.member(record.ordinal), &wanted.id))
        .map(|record| record.ordinal)
        .collect();
    if !lacking.is_empty() {
        // All of them, also those that have theirs: nothing may come of the old cluster while the new one is made.
        let running = ordinals(&|member| member.process == Process::Running);
        if !running.is_empty() {
            return act(Action::StopMembers { ordinals: running });
        }
        return act(Action::RestoreMembers { ordinals: lacking });
    }
    let (due, until) = restart::due(recorded(status, observed), now);
    if let Some(ordinal) = due.first() {
        return act(Action::RestartMember { ordinal: *ordinal });
    }
    let wait = |reason: &str| Some(Plan::Wait { until, reason: reason.to_owned() });
    let serving = || recorded(status, observed).filter_map(ObservedMember::serving);
    let Some(cluster_id) = begun.cluster_id else {
        return match serving().next() {
            Some(serving) => act(Action::LatchRestored { cluster_id: serving.cluster_id }),
            None => wait("the restored members have not formed a cluster yet"),
        };
    };
    let all_serve = serving().filter(|serving| serving.cluster_id == cluster_id).count() == status.members.len();
    if all_serve { act(Action::CheckRestored) } else { wait("not every restored member serves yet") }
}

fn has_it(member: Option<&ObservedMember>, restore: &str) -> bool {
    member.is_some_and(|member| member.data && member.restored.as_deref() == Some(restore))
}

/// Whether every recorded member has its data from the restore that is under way.
pub fn all_have_it(instance: &Instance, status: &Status, observed: &Observed) -> bool {
    let Some(wanted) = status.restore_under_way(instance) else { return false };
    !status.members.is_empty() && status.members.iter().all(|m| has_it(observed.member(m.ordinal), &wanted.id))
}

#[cfg(test)]
mod tests;
