//! Certificates: renewed long before they end, given to members that run, and moved from one CA to the next.

use super::{
    Action, Instance, Look, MemberRecord, ObservedMember, Plan, Process, SignedDuration, Status, Timestamp, rolling,
};
use crate::{
    certificates::{Handover, OnDisk},
    observed::Observed,
};

/// Issues anew what is due. It comes before all that heals: who shows what has ended is let in by nobody, so that
/// neither it nor anything else of it could be seen to serve.
pub(super) fn renew(observed: &Observed, now: Timestamp) -> Option<Plan> {
    let due = observed.issued.leaves.iter().any(|leaf| leaf.is_due(now));
    due.then_some(Plan::Act(Action::IssueCredentials))
}

/// Brings it to the members that run; the others get it when they are started. After what heals without it: a disk
/// that takes no file must not keep the others from being served. Another key waits for a restart that is to come, unless
/// nobody is let in before.
pub(super) fn deliver(instance: &Instance, status: &Status, observed: &Observed) -> Option<Plan> {
    let wanted = status.run_config(&instance.spec);
    let differs = |record: &MemberRecord, member: &ObservedMember| match member.shows {
        OnDisk::Same => false,
        OnDisk::OtherCertificates | OnDisk::Ended => true,
        OnDisk::OtherKeys => !rolling::differs(record, member, &wanted),
    };
    let members = status.members.iter().filter_map(|record| Some((record, observed.member(record.ordinal)?)));
    let ordinals: Vec<u32> = members
        .filter(|(record, member)| member.process == Process::Running && differs(record, member))
        .map(|(_, member)| member.ordinal)
        .collect();
    (!ordinals.is_empty()).then_some(Plan::Act(Action::DeliverCertificates { ordinals }))
}

/// Goes on from one CA to the next, where it is wanted or the CA is near its end. Every member serves and runs with
/// what is wanted when this is asked, so that each step stands on the one before.
pub(super) fn change_authority(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let (issued, wish, rotation) = (&look.observed.issued, &look.instance.spec.credentials, &look.status.rotation);
    let is_due = issued.authority.is_some_and(|authority| authority.is_due(now));
    let to = match issued.handover {
        Handover::None if wish.rotations > rotation.begun || is_due => Handover::Introduced,
        Handover::Introduced => Handover::Overlap,
        Handover::Overlap if is_over(look, now) => Handover::Withdrawn,
        Handover::Withdrawn => Handover::None,
        Handover::None | Handover::Overlap => return None,
    };
    Some(Plan::Act(Action::ChangeAuthority { to }))
}

/// Whether the former CA has been good for long enough, or will not be much longer.
fn is_over(look: &Look<'_>, now: Timestamp) -> bool {
    let (wish, rotation) = (&look.instance.spec.credentials, &look.status.rotation);
    let until = rotation.overlap_since.map(|since| overlap_end(since, wish.overlap_seconds));
    wish.end_overlap == rotation.trust
        || until.is_none_or(|until| now >= until)
        || look.observed.issued.former.is_some_and(|former| former.is_ending(now))
}

/// When an overlap ends that began at `since`.
pub fn overlap_end(since: Timestamp, overlap_seconds: u64) -> Timestamp {
    let overlap = SignedDuration::from_secs(i64::try_from(overlap_seconds).unwrap_or(i64::MAX));
    since.saturating_add(overlap).unwrap_or(Timestamp::MAX)
}
