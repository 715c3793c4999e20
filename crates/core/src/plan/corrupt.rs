//! Members whose data differs from the others', and members whose own files are bad.
//!
//! The alarm CORRUPT may name no member, or the wrong one. So hashes of the keys, at one revision, are held against
//! each other, and what more than half of the voters agree on is right. Where nothing is, a person decides.

use super::{
    Action, Look, MemberRecord, ObservedMember, Plan, Process, SignedDuration, Timestamp, certificates, membership,
    quorum, restart,
};
use crate::observed::KeysHash;

/// So many times may a member's data be put aside in [`AGAIN_AFTER`]; then something else is wrong.
pub const MOST_REPLACEMENTS: u32 = 3;

/// After so long a replacement counts as the first again.
pub const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// A process that ended so many times in a row soon after its start does not do better by itself.
const HOPELESS_EXITS: u32 = 3;

/// What is done about an alarm: who differs is put aside, one at a time, and once all agree the alarm is taken back.
pub(super) fn repair(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    if !look.observed.corrupt || look.observed.membership.is_none() {
        return None;
    }
    let Some(right) = agreed(&look.observed.hashes, look.voters()) else {
        // Whoever joined now would copy from one that may be wrong. But one that is dead, or that nobody is let in by,
        // may be who decides.
        let reason = "members hold different data, and no majority of them the same".to_owned();
        return certificates::deliver(look.instance, look.status, look.observed)
            .or_else(|| restart::prepare(look))
            .or(Some(Plan::Wait { until: None, reason }));
    };
    // One after the other: who is put aside leaves the cluster first.
    if look.members().any(|(record, member)| look.peer(record).is_some() && !member.is_some_and(|member| member.data)) {
        return None;
    }
    let differs = |ordinal: u32| look.observed.hashes.iter().any(|h| h.ordinal == ordinal && !h.agrees_with(right));
    let odd = || look.serving().into_iter().filter(|(record, _)| differs(record.ordinal));
    let Some((record, member)) = odd().next() else {
        let known = |record: &MemberRecord| look.observed.hashes.iter().any(|hash| hash.ordinal == record.ordinal);
        let silent = look.members().any(|(r, m)| m.is_some_and(|m| m.process == Process::Running) && !known(r));
        return (!silent).then_some(Plan::Act(Action::DisarmCorrupt));
    };
    if !may_be_replaced(record, now) || !membership::others_hold_quorum(look, record.ordinal) {
        return None;
    }
    let leads = member.serving().is_some_and(|serving| serving.leader);
    let hand_over = if leads { look.successor(record.ordinal, |other| !differs(other.ordinal)) } else { None };
    Some(Plan::Act(hand_over.unwrap_or(Action::SetAside { ordinals: vec![record.ordinal] })))
}

/// While the alarm is raised nothing is as wanted, also where a member's hash was not told this time.
pub(super) fn unresolved(look: &Look<'_>) -> Option<Plan> {
    let reason = "the alarm CORRUPT is raised, and not every member told what it holds".to_owned();
    look.observed.corrupt.then_some(Plan::Wait { until: None, reason })
}

/// The hash that more than half of the voters have, at the same point of the log.
pub fn agreed(hashes: &[KeysHash], voters: usize) -> Option<&KeysHash> {
    // Who lags behind has other keys for good reasons.
    let applied = hashes.iter().filter_map(|hash| hash.applied_index).max();
    if hashes.iter().any(|hash| hash.applied_index.is_some() && hash.applied_index != applied) {
        return None;
    }
    let count = |one: &KeysHash| hashes.iter().filter(|other| other.agrees_with(one)).count();
    hashes.iter().find(|one| count(one) >= quorum(voters))
}

/// A listed member that ends again and again over its own files is put aside, and joins anew. Only while the others
/// do without it.
pub(super) fn bad_data(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    look.observed.membership.as_ref()?;
    let (record, _) = look.members().find(|(record, member)| {
        member.is_some_and(is_hopeless)
            // A version that does not get on with its files is given up first, not the files.
            && (record.moved_from.is_none() || stays(look, record))
            && look.peer(record).is_some()
            && may_be_replaced(record, now)
            && membership::others_hold_quorum(look, record.ordinal)
    })?;
    Some(Plan::Act(Action::SetAside { ordinals: vec![record.ordinal] }))
}

/// Whether the member keeps the version that it does not serve with: its upgrade was given up without a way back, since
/// the others serve with it.
fn stays(look: &Look<'_>, record: &MemberRecord) -> bool {
    let spec = &look.instance.spec;
    look.status.given_up(spec).is_some() && record.run.version == *look.status.version(spec)
}

/// Whether its files, by its own last words, keep it from running.
pub(super) fn is_hopeless(member: &ObservedMember) -> bool {
    let ends = matches!(member.process, Process::Exited { quick_exits, .. } if quick_exits >= HOPELESS_EXITS);
    ends && member.data && member.bad_data.is_some()
}

/// Whether a replacement may help: three that did not are enough.
pub fn may_be_replaced(record: &MemberRecord, now: Timestamp) -> bool {
    record.replaced.as_ref().is_none_or(|r| r.times < MOST_REPLACEMENTS || now.duration_since(r.last) >= AGAIN_AFTER)
}
