//! Bringing back members whose process has ended.

use super::{Action, Look, MemberRecord, ObservedMember, Plan, Process, SignedDuration, Timestamp};
use crate::certificates::OnDisk;

/// The longest pause before a member that keeps ending is started again.
pub const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_secs(60);

/// The first dead member that has its data and whose pause is over. One that the cluster no longer lists must
/// not come back, and one without data would be somebody else under the same name: both are
/// [`super::membership`]'s.
pub(super) fn dead_member(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let may_come_back = look
        .members()
        .filter(|(record, member)| may_be_listed(look, record) && member.is_some_and(|member| member.data));
    let can_start = may_come_back.filter(|(record, _)| look.can_start(record));
    let (ordinals, _) = due(can_start.filter_map(|(_, member)| member), now);
    ordinals.first().map(|ordinal| Plan::Act(Action::RestartMember { ordinal: *ordinal }))
}

/// Whether the cluster lists the member. Only where nobody serves who could be asked, all may be: one that was
/// removed is refused by the others. Where somebody serves, the list can be waited for; so it can where a member runs
/// that only shows what has ended, and tells once it has other certificates.
fn may_be_listed(look: &Look<'_>, record: &MemberRecord) -> bool {
    let will_tell = |member: &ObservedMember| member.process == Process::Running && member.shows == OnDisk::Ended;
    let nobody_tells =
        look.observed.membership.is_none() && look.serving().is_empty() && !look.observed.members.iter().any(will_tell);
    look.peer(record).is_some() || nobody_tells
}

/// Brings what a member that does not run takes to be started. After all that heals without it: what cannot be had
/// must not keep the others from being served.
pub(super) fn prepare(look: &Look<'_>) -> Option<Plan> {
    let waits = look.members().any(|(record, member)| {
        let runs = member.is_some_and(|member| member.process == Process::Running);
        !runs && may_be_listed(look, record) && !look.can_start(record)
    });
    let missing = if look.observed.credentials { Action::InstallVersion } else { Action::IssueCredentials };
    waits.then_some(Plan::Act(missing))
}

/// The members without a process whose pause is over, and when the next pause of another ends.
pub(super) fn due<'a>(
    members: impl Iterator<Item = &'a ObservedMember>,
    now: Timestamp,
) -> (Vec<u32>, Option<Timestamp>) {
    let (mut ordinals, mut next) = (Vec::new(), None::<Timestamp>);
    for member in members {
        let at = match member.process {
            Process::Running => continue,
            Process::Absent => now,
            Process::Exited { at, quick_exits } => at.saturating_add(back_off(quick_exits)).unwrap_or(now),
        };
        if at <= now {
            ordinals.push(member.ordinal);
        } else {
            next = Some(next.map_or(at, |next| next.min(at)));
        }
    }
    (ordinals, next)
}

/// The pause before the next start: none after the first quick exit, then 1 s, 2 s, 4 s … up to a minute.
pub fn back_off(quick_exits: u32) -> SignedDuration {
    match quick_exits {
        0 | 1 => SignedDuration::ZERO,
        n => SignedDuration::from_secs(1i64 << (n - 2).min(6)).min(LONGEST_BACK_OFF),
    }
}
