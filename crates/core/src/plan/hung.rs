//! Members that run and do not serve.

use super::{Action, Look, Plan, Process, SignedDuration, Timestamp, membership};

/// How long a member may run without serving while others serve, before it is started again. Long enough to read a
/// large database and to catch up.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// The longest that it may do so, however often it was started again in vain.
pub const LONGEST_PATIENCE: SignedDuration = SignedDuration::from_secs(3600);

/// How long a member may run without serving that was started again so many times since it last served: twice as long
/// each time, since another start did not help.
pub fn patience(times: u32) -> SignedDuration {
    PATIENCE.checked_mul(1 << times.min(10)).unwrap_or(LONGEST_PATIENCE).min(LONGEST_PATIENCE)
}

/// Ends the process of a member that has not served for long, where the others do without it: its restart follows,
/// and its time begins anew.
pub(super) fn wake(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    look.observed.membership.as_ref()?;
    let (record, _) = look.members().find(|(record, member)| {
        let runs = member.is_some_and(|m| m.process == Process::Running && m.data && m.serving().is_none());
        let enough = patience(record.woken);
        let long = record.silent_since.is_some_and(|since| now.duration_since(since) >= enough);
        runs && long && look.peer(record).is_some() && membership::others_hold_quorum(look, record.ordinal)
    })?;
    Some(Plan::Act(Action::EndHung { ordinal: record.ordinal }))
}
