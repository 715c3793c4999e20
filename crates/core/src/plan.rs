//! The planner: from what is wanted, recorded and seen to the one thing to do next.
//!
//! It is a pure function, so that every small state can be explored and every decision replayed.

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Instance, Status,
    action::Action,
    observed::{Observed, ObservedMember, Process},
};

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Do this, then look again.
    Act(Action),
    /// Nothing can be done until something changes, or until the given time.
    Wait {
        /// When to look again at the latest; `None` where only a change matters.
        until: Option<Timestamp>,
        /// What is waited for, for people.
        reason: String,
    },
    /// What is wanted is there.
    Converged,
}

/// The longest pause before a member that keeps ending is started again.
pub const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_secs(60);

/// Decides the next action. The order of the rules is the order of the questions below.
pub fn plan(instance: &Instance, status: &Status, observed: &Observed, now: Timestamp) -> Plan {
    // A deletion goes before healing: a dead member of an instance that is going away stays dead.
    if instance.spec.deleting {
        return plan_deletion(observed);
    }
    if !is_placed(instance, status) {
        return Plan::Act(Action::Place);
    }
    if !observed.credentials {
        return Plan::Act(Action::IssueCredentials);
    }
    if !observed.installed {
        return Plan::Act(Action::InstallVersion);
    }
    let Some(cluster_id) = status.cluster_id else {
        return plan_bootstrap(status, observed, now);
    };
    // Restarts come before the endpoint: a member that is back is the better backend.
    let mut due = None;
    for member in recorded(status, observed) {
        match start_due(member, now) {
            Due::Runs => {}
            Due::Now => return Plan::Act(Action::RestartMember { ordinal: member.ordinal }),
            Due::At(at) => due = Some(earliest(due, at)),
        }
    }
    let backends = wanted_backends(status, observed, cluster_id);
    if !observed.endpoint.serving || observed.endpoint.backends != backends {
        return Plan::Act(Action::ServeEndpoint { backends });
    }
    let down: Vec<String> =
        recorded(status, observed).filter(|m| !serves(m, cluster_id)).map(|m| m.ordinal.to_string()).collect();
    if !down.is_empty() {
        return Plan::Wait { until: due, reason: format!("members {} do not serve", down.join(", ")) };
    }
    if !observed.monitored {
        return Plan::Act(Action::StartMonitoring);
    }
    if !observed.backup_policy {
        return Plan::Act(Action::CreateBackupPolicy);
    }
    Plan::Converged
}

/// Nothing that serves a client or runs may be left when its data goes, and nothing at all when the records go.
fn plan_deletion(observed: &Observed) -> Plan {
    if observed.endpoint.routed {
        return Plan::Act(Action::RemoveEndpoint);
    }
    let ordinals = |wanted: &dyn Fn(&ObservedMember) -> bool| -> Vec<u32> {
        observed.members.iter().filter(|m| wanted(m)).map(|m| m.ordinal).collect()
    };
    let running = ordinals(&|m| m.process == Process::Running);
    if !running.is_empty() {
        return Plan::Act(Action::StopMembers { ordinals: running });
    }
    let left = ordinals(&|m| m.footprint || m.process != Process::Absent);
    if !left.is_empty() {
        return Plan::Act(Action::RemoveMembers { ordinals: left });
    }
    Plan::Act(Action::Forget)
}

/// Founders start together, since one alone has no quorum. The ID is latched as soon as any of them serves,
/// before anything else is started: from then on `new` is no longer safe.
fn plan_bootstrap(status: &Status, observed: &Observed, now: Timestamp) -> Plan {
    if let Some(serving) = observed.members.iter().find_map(ObservedMember::serving) {
        return Plan::Act(Action::LatchCluster { cluster_id: serving.cluster_id });
    }
    let mut ordinals = Vec::new();
    let mut due = None;
    for member in recorded(status, observed) {
        match start_due(member, now) {
            Due::Runs => {}
            Due::Now => ordinals.push(member.ordinal),
            Due::At(at) => due = Some(earliest(due, at)),
        }
    }
    if ordinals.is_empty() {
        return Plan::Wait { until: due, reason: "the founders have not formed a cluster yet".to_owned() };
    }
    Plan::Act(Action::Bootstrap { ordinals })
}

/// Whether every member of the wanted size and the endpoint have an address.
pub fn is_placed(instance: &Instance, status: &Status) -> bool {
    status.endpoint.is_some()
        && !status.cluster_token.is_empty()
        && (0..u32::from(instance.spec.size)).all(|ordinal| status.member(ordinal).is_some())
}

/// The members that the endpoint should pass connections to: those that serve, belong to this cluster and
/// have a vote. Where none does, what it has stays, since a member may answer clients that the control plane
/// cannot reach; where it has nothing, all of them. What is no member's address, or is that of one that
/// answers for another cluster or without a vote, is never passed to.
pub fn wanted_backends(status: &Status, observed: &Observed, cluster_id: u64) -> Vec<SocketAddr> {
    let clients = |wanted: &dyn Fn(&ObservedMember) -> bool| -> Vec<SocketAddr> {
        let wanted = recorded(status, observed).filter(|m| wanted(m));
        wanted.filter_map(|m| status.member(m.ordinal).map(|record| record.client)).collect()
    };
    let healthy = clients(&|m| serves(m, cluster_id));
    if !healthy.is_empty() {
        return healthy;
    }
    let silent = clients(&|m| m.serving().is_none());
    let kept: Vec<SocketAddr> =
        silent.iter().filter(|client| observed.endpoint.backends.contains(client)).copied().collect();
    if kept.is_empty() { silent } else { kept }
}

/// Whether a member serves as a voter of the latched cluster.
pub fn serves(member: &ObservedMember, cluster_id: u64) -> bool {
    member.serving().is_some_and(|s| s.cluster_id == cluster_id && !s.learner)
}

/// What was seen of the members that are on record.
fn recorded<'a>(status: &'a Status, observed: &'a Observed) -> impl Iterator<Item = &'a ObservedMember> {
    status.members.iter().filter_map(|record| observed.member(record.ordinal))
}

/// When a member is to be started.
enum Due {
    /// It runs.
    Runs,
    /// At once.
    Now,
    /// Not before.
    At(Timestamp),
}

fn start_due(member: &ObservedMember, now: Timestamp) -> Due {
    match member.process {
        Process::Running => Due::Runs,
        Process::Absent => Due::Now,
        Process::Exited { at, quick_exits } => {
            let due = at.saturating_add(back_off(quick_exits)).unwrap_or(now);
            if due <= now { Due::Now } else { Due::At(due) }
        }
    }
}

/// The pause before the next start: none after the first quick exit, then 1 s, 2 s, 4 s … up to a minute.
pub fn back_off(quick_exits: u32) -> SignedDuration {
    match quick_exits {
        0 | 1 => SignedDuration::ZERO,
        n => SignedDuration::from_secs(1i64 << (n - 2).min(6)).min(LONGEST_BACK_OFF),
    }
}

fn earliest(due: Option<Timestamp>, at: Timestamp) -> Timestamp {
    due.map_or(at, |due| due.min(at))
}

#[cfg(test)]
mod tests;
