//! Members that run and do not serve.

use super::{
    Action, Look, MemberRecord, Observed, ObservedMember, Plan, Process, SignedDuration, Status, Timestamp, membership,
};

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

/// How many times as long a member is waited for while nobody serves: it may be reading a large database, and ending it
/// would make all wait for longer.
const NEEDED: i32 = 3;

/// The patience as things are.
pub(super) fn patience_with(observed: &Observed, times: u32) -> SignedDuration {
    let patience = patience(times);
    if observed.membership.is_some() { patience } else { patience * NEEDED }
}

/// Whether a member says nothing that it should: it runs with its data, and serves nobody while others do, or does not
/// even answer while nobody does, though nothing keeps the members from each other's help: all of them run. Where
/// several do not answer, another has to: it may be we whom they do not hear. Before the cluster has an ID no founder is
/// asked for more than whether it serves.
pub fn is_silent(status: &Status, observed: &Observed, member: &ObservedMember) -> bool {
    let runs = |member: &ObservedMember| member.process == Process::Running && member.data;
    if !runs(member) || member.serving().is_some() {
        return false;
    }
    if observed.membership.is_some() || status.cluster_id.is_none() {
        return true;
    }
    let answers = |ordinal: u32| observed.standings.iter().any(|said| said.ordinal == ordinal && said.answers);
    let records = &status.members;
    let heard = records.len() == 1 || records.iter().any(|record| answers(record.ordinal));
    let all_run = records.iter().all(|record| observed.member(record.ordinal).is_some_and(runs));
    all_run && heard && !answers(member.ordinal)
}

/// Ends the process of a member that has been silent for long, where the others do without it or it is no use to them
/// as it is: its restart follows, and its time begins anew.
pub(super) fn wake(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    find(look.status, look.observed, now, |record| {
        look.observed.membership.is_none()
            || (look.peer(record).is_some() && membership::others_hold_quorum(look, record.ordinal))
    })
}

/// The same of a founder, before the cluster has an ID.
pub(super) fn wake_founder(status: &Status, observed: &Observed, now: Timestamp) -> Option<Plan> {
    find(status, observed, now, |_| true)
}

fn find(
    status: &Status,
    observed: &Observed,
    now: Timestamp,
    is_spared: impl Fn(&MemberRecord) -> bool,
) -> Option<Plan> {
    let record = status.members.iter().find(|record| {
        let silent = observed.member(record.ordinal).is_some_and(|member| is_silent(status, observed, member));
        let enough = patience_with(observed, record.woken);
        let long = record.silent_since.is_some_and(|since| now.duration_since(since) >= enough);
        silent && long && is_spared(record)
    })?;
    Some(Plan::Act(Action::EndHung { ordinal: record.ordinal }))
}
