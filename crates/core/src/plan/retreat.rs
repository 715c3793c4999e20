//! An upgrade that cannot be: a member that does not serve with the new version is put back, and so is who went before
//! it. Nothing is tried for ever.

use super::{Action, Look, MemberRecord, ObservedMember, Plan, Process, Timestamp, hung};
use crate::EtcdVersion;

/// How often in a row a member may end soon after its start before the version is held to be the reason. With the pauses
/// between its starts that is a quarter of a minute.
pub const MOST_QUICK_ENDS: u32 = 5;

/// Gives an upgrade up, once. The others have the quorum, or there are none: nobody is restarted who serves.
pub(super) fn give_up(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let spec = &look.instance.spec;
    if look.status.given_up(spec).is_some() {
        return None;
    }
    let (record, former) = look.members().find_map(|(record, member)| {
        let former = record.moved_from.as_ref().filter(|former| **former < spec.version)?;
        (record.run.version == spec.version && has_failed(look, record, member?, now)).then_some((record, former))
    })?;
    let back_to = goes_back(look, record, former).then(|| former.clone());
    Some(Plan::Act(Action::GiveUpUpgrade { ordinal: record.ordinal, back_to }))
}

/// Whether its time is over.
fn has_failed(look: &Look<'_>, record: &MemberRecord, member: &ObservedMember, now: Timestamp) -> bool {
    match member.process {
        Process::Exited { quick_exits, .. } => quick_exits >= MOST_QUICK_ENDS,
        Process::Running if member.serving().is_none() => {
            record.silent_since.is_some_and(|since| now.duration_since(since) >= hung::patience_with(look.observed, 0))
        }
        Process::Running | Process::Absent => false,
    }
}

/// Whether etcd goes back: within a minor version always; from the next one as long as the cluster as a whole was not
/// raised to it, which it is only once every member runs it. Another member that serves with the former proves that; a
/// member that is alone never served, and a start with the former does no harm.
fn goes_back(look: &Look<'_>, record: &MemberRecord, former: &EtcdVersion) -> bool {
    let of_former = |version: &EtcdVersion| (version.major, version.minor) == (former.major, former.minor);
    let serving = look.serving();
    let mut others = serving.iter().filter(|(other, _)| other.ordinal != record.ordinal);
    of_former(&record.run.version)
        || look.status.members.len() == 1
        || others.any(|(other, _)| of_former(&other.run.version) && other.moved_from.is_none())
}
