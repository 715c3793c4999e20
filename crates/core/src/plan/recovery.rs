//! Going on without a quorum: by policy, or because somebody asked for it.
//!
//! ```text
//!   nobody serves, and no restart helps ─ BeginRecovery (the intent) ─ nobody is sent to it ─ the others stop
//!     ─ their data is set aside ─ ForceNewCluster ─ it serves alone ─ EndRecovery ─ the others join as learners
//! ```

use super::{Action, Look, MemberRecord, Plan, Process, SignedDuration, Timestamp, internet, restart};
use crate::recovery;

/// How long nobody serves before a recovery begins.
pub const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// How long members with data that do not answer are waited for: they may know of more.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(15);

/// How long a member that was started with force, or came back after it, may take to serve before that is done again.
pub const FORCED_ONCE_IN: SignedDuration = SignedDuration::from_secs(120);

/// Goes on with a recovery that has begun. Nothing else is done meanwhile.
pub(super) fn go_on(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let recovery = look.status.recovery.as_ref()?;
    let ordinal = recovery.from.ordinal;
    let (Some(record), Some(member)) = (look.status.member(ordinal), look.observed.member(ordinal)) else {
        return Some(gone(ordinal));
    };
    let forced = recovery.forced_at.is_some();
    if look.observed.membership.is_some() && !look.serving().is_empty() {
        let alone = look.voters() == 1 && look.serving().iter().any(|(server, _)| server.ordinal == ordinal);
        // Where others serve, the lost came back: nothing has to be forced any more.
        if alone || !forced {
            return Some(Plan::Act(Action::EndRecovery { forced: alone && forced }));
        }
    }
    // What is acknowledged before the end is recorded might be lost once more: so nothing is.
    if look.observed.endpoint.routed && !look.observed.endpoint.backends.is_empty() {
        return Some(Plan::Act(Action::ServeEndpoint { backends: Vec::new(), public: internet::route(look) }));
    }
    let others = || look.members().filter_map(|(_, member)| member).filter(|member| member.ordinal != ordinal);
    if !member.data {
        // Before force nothing was decided: another that has its data is chosen in its place.
        let again = !forced && others().any(|member| member.data);
        return Some(if again { Plan::Act(Action::EndRecovery { forced: false }) } else { gone(ordinal) });
    }
    let running: Vec<u32> = others().filter(|m| m.process == Process::Running).map(|m| m.ordinal).collect();
    if !running.is_empty() {
        return Some(Plan::Act(Action::StopMembers { ordinals: running }));
    }
    let left: Vec<u32> = others().filter(|member| member.data).map(|member| member.ordinal).collect();
    if !left.is_empty() {
        return Some(Plan::Act(Action::SetAside { ordinals: left }));
    }
    if let Some(missing) = missing(look, record) {
        return Some(Plan::Act(missing));
    }
    let due_again = recovery.forced_at.map(|at| at.saturating_add(FORCED_ONCE_IN).unwrap_or(now));
    if due_again.is_none_or(|at| at <= now) {
        return Some(Plan::Act(Action::ForceNewCluster { ordinal }));
    }
    // It was forced once: whether or not that came to an effect, its next start shows.
    let (due, until) = restart::due(std::iter::once(member), now);
    if member.process != Process::Running && !due.is_empty() {
        return Some(Plan::Act(Action::RestartMember { ordinal }));
    }
    Some(Plan::Wait { until: until.or(due_again), reason: format!("member {ordinal} does not serve alone yet") })
}

fn gone(ordinal: u32) -> Plan {
    let reason = format!("member {ordinal}, which the cluster was to go on with, lost its data: restore a backup");
    Plan::Wait { until: None, reason }
}

fn missing(look: &Look<'_>, record: &MemberRecord) -> Option<Action> {
    let missing = if look.observed.credentials { Action::InstallVersion } else { Action::IssueCredentials };
    (!look.can_start(record)).then_some(missing)
}

/// Begins a recovery, where nobody has served for a while and it is wanted: by policy only where no restart can help,
/// on request wherever somebody is left. Dead members have been restarted when this is asked.
pub(super) fn begin(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let asked = look.instance.spec.recovery_asked > look.status.observed_generation;
    if !(asked || look.observed.automatic_recovery) {
        return None;
    }
    // From an earlier look: one alone may be of a moment between two leaders.
    look.status.quorum_loss.as_ref()?;
    let loss = recovery::assess(look.status, look.observed, now)?;
    if !(asked || loss.is_final()) || loss.survivors.iter().any(|survivor| survivor.led) {
        return None;
    }
    let choice = loss.choice()?;
    let waited = if loss.silent.is_empty() { GRACE } else { PATIENCE };
    let until = loss.since.saturating_add(waited).unwrap_or(now);
    if now < until {
        let reason = "the quorum is lost; members that may come back are waited for".to_owned();
        return Some(Plan::Wait { until: Some(until), reason });
    }
    Some(Plan::Act(Action::BeginRecovery { from: choice.clone() }))
}
