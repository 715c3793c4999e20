//! NOSPACE: compact, defragment member by member, and take the alarm back once there is space again.

use super::{Action, Look, MemberRecord, ObservedMember, Plan, SignedDuration, Timestamp};

/// Not more than one compaction in this time: what did not help will not help at once.
pub const BETWEEN_COMPACTIONS: SignedDuration = SignedDuration::from_mins(10);

/// The alarm goes only when every backend is below this part of its quota, in percent.
const GOOD_PERCENT: u64 = 90;

/// A backend is worth defragmenting when at most this part of it is in use, in percent.
const FRAGMENTED_PERCENT: u64 = 80;

/// The next step towards space, where a member has run out of it.
pub(super) fn relieve(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let serving = look.serving();
    if look.observed.out_of_space.is_empty() || serving.is_empty() || !look.can_spare_one() {
        return None;
    }
    let recently = |at: Timestamp| now.duration_since(at) < BETWEEN_COMPACTIONS;
    if !look.status.compacted_at.is_some_and(recently) {
        return Some(Plan::Act(Action::Compact));
    }
    let full: Vec<_> = serving.iter().filter(|(record, member)| is_full(record, member)).collect();
    if full.is_empty() {
        // Of a member that is away, or on its way in, nobody knows: it would raise the alarm again.
        if look.observed.membership.as_ref().is_none_or(|peers| serving.len() < peers.len()) {
            return None;
        }
        return Some(Plan::Act(Action::DisarmSpace));
    }
    // Followers first. A leader hands over, since its members wait while it is defragmented.
    let leads = |member: &ObservedMember| member.serving().is_some_and(|serving| serving.leader);
    let mut helped = full.iter().filter(|(_, member)| is_fragmented(member));
    if let Some((record, _)) = helped.clone().find(|(_, member)| !leads(member)) {
        return Some(Plan::Act(Action::Defragment { ordinal: record.ordinal }));
    }
    let (record, _) = helped.next()?;
    let hand_over = look.successor(record.ordinal, |other| full.iter().all(|(r, _)| r.ordinal != other.ordinal));
    Some(Plan::Act(hand_over.unwrap_or(Action::Defragment { ordinal: record.ordinal })))
}

fn is_full(record: &MemberRecord, member: &ObservedMember) -> bool {
    member.serving().is_some_and(|s| s.database_bytes * 100 >= record.run.quota_bytes * GOOD_PERCENT)
}

fn is_fragmented(member: &ObservedMember) -> bool {
    member.serving().is_some_and(|s| s.database_bytes_in_use * 100 <= s.database_bytes * FRAGMENTED_PERCENT)
}
