//! The planner: from what is wanted, recorded and seen to the one thing to do next.
//!
//! It is a pure function, so that every small state can be explored and every decision replayed.
//!
//! ```text
//!   deletion ─ restore ─ creation ─┐ until a cluster ID is latched
//!                        └► certificates::renew ─ recovery::go_on ─ bad data ─ retreat ─ restart ─ join_blindly ─ recovery::begin ─ corrupt ─ hung
//!                               ─ space ─ endpoint::reopen ─ membership::finish ─ endpoint::serve ─ certificates::deliver
//!                               ─ prepare ─ all healthy?
//!                               ─ rolling ─ membership::change ─ certificates::change_authority ─ auth ─ monitoring
//!                               ─ policy ─ internet ─ defragmentation
//! ```

mod auth;
mod certificates;
mod corrupt;
mod endpoint;
mod hung;
mod internet;
mod maintenance;
mod membership;
mod recovery;
mod restart;
pub mod restore;
mod retreat;
mod rolling;
mod space;

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};

pub use self::auth::auth_is_as_wanted;
pub use self::certificates::overlap_end;
pub use self::corrupt::{AGAIN_AFTER, MOST_REPLACEMENTS, agreed, may_be_replaced};
pub use self::endpoint::wanted_backends;
pub use self::hung::{is_silent, patience};
pub use self::internet::not_public;
pub use self::maintenance::is_worthwhile;
pub use self::restart::{LONGEST_BACK_OFF, back_off};
pub use self::retreat::MOST_QUICK_ENDS;
use crate::{
    Instance, Status,
    action::Action,
    instance::RunConfig,
    observed::{Observed, ObservedMember, Peer, Process},
    quorum::quorum,
    slots::slots,
    status::MemberRecord,
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

/// Decides the next action. The order of the rules is the order of the questions below.
pub fn plan(instance: &Instance, status: &Status, observed: &Observed, now: Timestamp) -> Plan {
    // A deletion goes before healing: a dead member of an instance that is going away stays dead.
    if instance.spec.deleting {
        return plan_deletion(observed);
    }
    // Before healing: what is replaced is not repaired. No client is let in before it is done.
    if let Some(plan) = restore::go_on(instance, status, observed, now) {
        return plan;
    }
    let Some(cluster_id) = status.cluster_id else { return plan_creation(instance, status, observed, now) };
    let look = Look { instance, status, observed, cluster_id };
    // What heals comes first, then what changes, then what only follows. Restarts come before the endpoint: a
    // member that is back is the better backend.
    // A recovery that has begun is alone with the instance: what it takes apart must not be put together again. But
    // what has expired keeps everybody out, the survivor too.
    certificates::renew(observed, now)
        .or_else(|| recovery::go_on(&look, now))
        .or_else(|| corrupt::bad_data(&look, now))
        .or_else(|| retreat::give_up(&look, now))
        .or_else(|| restart::dead_member(&look, now))
        .or_else(|| membership::join_blindly(&look, now))
        .or_else(|| recovery::begin(&look, now))
        .or_else(|| corrupt::repair(&look, now))
        .or_else(|| hung::wake(&look, now))
        .or_else(|| space::relieve(&look, now))
        .or_else(|| endpoint::reopen(&look, now))
        .or_else(|| membership::finish(&look, now))
        .or_else(|| endpoint::serve(&look, now))
        .or_else(|| certificates::deliver(instance, status, observed))
        .or_else(|| restart::prepare(&look))
        .or_else(|| all_serve(&look, now))
        .or_else(|| rolling::roll(&look))
        .or_else(|| membership::change(&look))
        .or_else(|| rolling::unfinished(&look))
        .or_else(|| certificates::change_authority(&look, now))
        .or_else(|| auth::converge(&look))
        .or_else(|| (!observed.credentials).then_some(Plan::Act(Action::IssueCredentials)))
        .or_else(|| (!observed.installed).then_some(Plan::Act(Action::InstallVersion)))
        .or_else(|| (!observed.monitored).then_some(Plan::Act(Action::StartMonitoring)))
        .or_else(|| (!observed.backup_policy).then_some(Plan::Act(Action::CreateBackupPolicy)))
        .or_else(|| internet::settle(&look))
        .or_else(|| maintenance::defragment(&look, now))
        .or_else(|| corrupt::unresolved(&look))
        .unwrap_or(Plan::Converged)
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

/// Everything up to the moment when the cluster has an ID.
fn plan_creation(instance: &Instance, status: &Status, observed: &Observed, now: Timestamp) -> Plan {
    if !is_placed(instance, status) {
        return Plan::Act(Action::Place);
    }
    if !observed.credentials {
        return Plan::Act(Action::IssueCredentials);
    }
    // A creation that waits for long must not wait for what has ended.
    if let Some(plan) = certificates::renew(observed, now).or_else(|| certificates::deliver(instance, status, observed))
    {
        return plan;
    }
    if !observed.installed {
        return Plan::Act(Action::InstallVersion);
    }
    // The ID is latched as soon as any founder serves, before anything else is started: from then on `new` is no
    // longer safe.
    if let Some(serving) = observed.members.iter().find_map(ObservedMember::serving) {
        return Plan::Act(Action::LatchCluster { cluster_id: serving.cluster_id });
    }
    if let Some(plan) = hung::wake_founder(status, observed, now) {
        return plan;
    }
    // Founders start together, since one alone has no quorum.
    let (ordinals, until) = restart::due(recorded(status, observed), now);
    if ordinals.is_empty() {
        return Plan::Wait { until, reason: "the founders have not formed a cluster yet".to_owned() };
    }
    Plan::Act(Action::Bootstrap { ordinals })
}

/// What the rules for a cluster that has an ID look at.
struct Look<'a> {
    instance: &'a Instance,
    status: &'a Status,
    observed: &'a Observed,
    cluster_id: u64,
}

impl<'a> Look<'a> {
    /// The members on record with what was seen of each. What was never started has not been seen.
    fn members(&self) -> impl Iterator<Item = (&'a MemberRecord, Option<&'a ObservedMember>)> {
        let observed = self.observed;
        self.status.members.iter().map(move |record| (record, observed.member(record.ordinal)))
    }

    /// What every member is to run with.
    fn run_config(&self) -> RunConfig {
        self.status.run_config(&self.instance.spec)
    }

    /// The cluster's entry of a member.
    fn peer(&self, record: &MemberRecord) -> Option<&'a Peer> {
        self.observed.peer(&record.peer_url())
    }

    /// The voters on the cluster's list; none where there is no list.
    fn voters(&self) -> usize {
        self.observed.membership.as_ref().map_or(0, |peers| peers.iter().filter(|peer| !peer.learner).count())
    }

    /// Members on record that serve as voters of this cluster, by ordinal.
    fn serving(&self) -> Vec<(&'a MemberRecord, &'a ObservedMember)> {
        self.members().filter_map(|(r, m)| Some((r, m?))).filter(|(_, m)| serves(m, self.cluster_id)).collect()
    }

    /// Whether all is there that the member takes to be started: its certificates, and its binaries, as far as they
    /// are those of the wanted version.
    fn can_start(&self, record: &MemberRecord) -> bool {
        let is_wanted = record.run.version == *self.status.version(&self.instance.spec);
        self.observed.credentials && (self.observed.installed || !is_wanted)
    }

    /// Whether the cluster goes on when one more of its serving voters is taken away for a while. A cluster of
    /// one has to pause for whatever is done to its member.
    fn can_spare_one(&self) -> bool {
        let serving = self.serving().len();
        (self.voters() == 1 && serving == 1) || serving > quorum(self.voters())
    }

    /// Another serving member that could lead in place of `ordinal`; the lowest of those that `fit` best.
    fn successor(&self, ordinal: u32, fit: impl Fn(&MemberRecord) -> bool) -> Option<Action> {
        let serving = self.serving();
        let others = || serving.iter().filter(|(record, _)| record.ordinal != ordinal);
        let (record, member) = others().find(|(record, _)| fit(record)).or_else(|| others().next())?;
        Some(Action::MoveLeader { from: ordinal, to: record.ordinal, id: member.serving()?.member_id })
    }
}

/// Nothing is changed while a member does not serve.
fn all_serve(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let down: Vec<String> = look
        .members()
        .filter(|(_, member)| !member.is_some_and(|m| serves(m, look.cluster_id)))
        .map(|(record, _)| record.ordinal.to_string())
        .collect();
    let (_, until) = restart::due(recorded(look.status, look.observed), now);
    if !down.is_empty() {
        return Some(Plan::Wait { until, reason: format!("members {} do not serve", down.join(", ")) });
    }
    // A voter whose data was removed under its process serves until that ends: nothing may end it.
    if let Some((record, _)) = look.serving().iter().find(|(_, member)| !member.data) {
        let reason = format!("member {} lost its data while it runs", record.ordinal);
        return Some(Plan::Wait { until, reason });
    }
    if look.observed.membership.is_none() {
        return Some(Plan::Wait { until, reason: "the cluster does not list its members".to_owned() });
    }
    None
}

/// Whether every wanted place has a member on record, and the endpoint an address.
pub fn is_placed(instance: &Instance, status: &Status) -> bool {
    status.endpoint.is_some() && !status.cluster_token.is_empty() && slots(instance, status).missing.is_empty()
}

/// Whether a member serves as a voter of the latched cluster.
pub fn serves(member: &ObservedMember, cluster_id: u64) -> bool {
    member.serving().is_some_and(|s| s.cluster_id == cluster_id && !s.learner)
}

/// What was seen of the members that are on record.
fn recorded<'a>(status: &'a Status, observed: &'a Observed) -> impl Iterator<Item = &'a ObservedMember> {
    status.members.iter().filter_map(|record| observed.member(record.ordinal))
}

#[cfg(test)]
mod tests;
