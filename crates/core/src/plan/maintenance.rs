//! Upkeep in its window: defragmentation, member by member, while all is well.

use super::{Action, Look, MemberRecord, ObservedMember, Plan, SignedDuration, Timestamp};

/// What can be given back has to be at least so many bytes …
const WORTHWHILE_BYTES: u64 = 100_000_000;
/// … and at least this part of the database, in percent.
const WORTHWHILE_PERCENT: u64 = 45;

/// Between two members: caches warm up again, and what was late catches up.
pub const SETTLING: SignedDuration = SignedDuration::from_mins(1);

/// The next defragmentation. Everything else is as wanted when this is asked.
pub(super) fn defragment(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    if let Some((record, _)) = next(look, now) {
        return Some(Plan::Act(Action::Defragment { ordinal: record.ordinal }));
    }
    // Only the leader is left. It hands over, since its members wait while it is defragmented.
    let (record, _) = pending(look, now).into_iter().next()?;
    let hand_over = look.successor(record.ordinal, |_| true);
    Some(Plan::Act(hand_over.unwrap_or(Action::Defragment { ordinal: record.ordinal })))
}

/// The member that is defragmented next, once nothing stands in the way: what the endpoint has to drain. None while
/// only the leader is left.
pub(super) fn next<'a>(look: &Look<'a>, now: Timestamp) -> Option<(&'a MemberRecord, &'a ObservedMember)> {
    let leads = |member: &ObservedMember| member.serving().is_some_and(|serving| serving.leader);
    pending(look, now).into_iter().find(|(_, member)| !leads(member))
}

fn pending<'a>(look: &Look<'a>, now: Timestamp) -> Vec<(&'a MemberRecord, &'a ObservedMember)> {
    let settles = look.status.defragmented_at.is_some_and(|at| now.duration_since(at) < SETTLING);
    let serving = look.serving();
    let well = serving.len() == look.status.members.len() && look.observed.out_of_space.is_empty();
    if !look.observed.maintenance || settles || !well || !look.can_spare_one() {
        return Vec::new();
    }
    serving.into_iter().filter(|(_, member)| is_worthwhile(member)).collect()
}

/// Whether a defragmentation gives enough back for what it costs: the member serves nobody for 2 to 20 s a GB.
pub fn is_worthwhile(member: &ObservedMember) -> bool {
    member.serving().is_some_and(|s| {
        let free = s.database_bytes.saturating_sub(s.database_bytes_in_use);
        free >= WORTHWHILE_BYTES && free * 100 >= s.database_bytes * WORTHWHILE_PERCENT
    })
}
