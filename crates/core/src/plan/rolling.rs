//! Rolling a change of what members are started with through the cluster: followers first, the leader last,
//! each back and serving before the next.

use super::{Action, Look, MemberRecord, ObservedMember, Plan};
use crate::instance::RunConfig;

/// The next step of a roll. Every member serves when this is asked.
pub(super) fn roll(look: &Look<'_>) -> Option<Plan> {
    let wanted = look.run_config();
    let pending: Vec<_> = look.serving().into_iter().filter(|(r, m)| differs(r, m, &wanted)).collect();
    let (record, member) = *pending.first()?;
    if !look.observed.installed {
        return Some(Plan::Act(Action::InstallVersion));
    }
    if upgrades(look, &wanted) && look.status.upgrade_snapshot.as_ref().is_none_or(|s| s.version != wanted.version) {
        return Some(Plan::Act(Action::TakeUpgradeSnapshot));
    }
    // Two voters cannot spare one: first their number changes, if it is to.
    if !look.can_spare_one() {
        return None;
    }
    if let Some(next) = next(look) {
        return Some(Plan::Act(Action::RollMember { ordinal: next.ordinal }));
    }
    // Only the leader is left. It hands over to a member that is done; one that is alone simply pauses.
    debug_assert!(leads(member), "a pending member that does not lead is the next");
    let done = |other: &MemberRecord| pending.iter().all(|(r, _)| r.ordinal != other.ordinal);
    let hand_over = look.successor(record.ordinal, done);
    Some(Plan::Act(hand_over.unwrap_or(Action::RollMember { ordinal: record.ordinal })))
}

/// Waits while members differ from what is wanted and none can be restarted.
pub(super) fn unfinished(look: &Look<'_>) -> Option<Plan> {
    let wanted = look.run_config();
    let pending = look.serving().into_iter().any(|(record, member)| differs(record, member, &wanted));
    pending.then(|| Plan::Wait { until: None, reason: "no member can be spared".to_owned() })
}

/// The member that is restarted next, once nothing stands in the way: what the endpoint has to drain. None
/// while only the leader is left.
pub(super) fn next<'a>(look: &Look<'a>) -> Option<&'a MemberRecord> {
    let wanted = look.run_config();
    let serving = look.serving();
    let ready = serving.len() == look.status.members.len()
        && look.can_spare_one()
        && look.observed.installed
        && (!upgrades(look, &wanted)
            || look.status.upgrade_snapshot.as_ref().is_some_and(|s| s.version == wanted.version));
    let mut pending = serving.into_iter().filter(|(r, m)| differs(r, m, &wanted));
    if ready { pending.find(|(_, m)| !leads(m)).map(|(record, _)| record) } else { None }
}

/// Whether a member is to run, or runs, with something else than what is wanted.
pub(super) fn differs(record: &MemberRecord, member: &ObservedMember, wanted: &RunConfig) -> bool {
    record.run != *wanted || member.started_with.as_deref() != Some(wanted.line().as_str())
}

/// Whether the roll moves a member to a later version. On the way back from one that failed nothing is secured anew.
fn upgrades(look: &Look<'_>, wanted: &RunConfig) -> bool {
    look.status.members.iter().any(|record| record.run.version < wanted.version)
}

fn leads(member: &ObservedMember) -> bool {
    member.serving().is_some_and(|serving| serving.leader)
}
