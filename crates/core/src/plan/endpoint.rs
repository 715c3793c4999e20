//! Which members the endpoint passes connections to.

use super::{
    Action, Look, ObservedMember, Plan, SocketAddr, Timestamp, internet, maintenance, membership, recorded, rolling,
    serves,
};
use crate::{Status, observed::Observed};

/// Sends clients to those who serve where they have nobody yet: what else is to be done waits for them, not they for it.
/// A cluster that lost its quorum and goes on with one member takes seconds until others are added.
pub(super) fn reopen(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let serving = look.serving();
    let seen = &look.observed.endpoint;
    let served = seen.serving && serving.iter().any(|(record, _)| seen.backends.contains(&record.client));
    if serving.is_empty() || served { None } else { serve(look, now) }
}

/// Opens the endpoint, or changes whom it passes connections to.
pub(super) fn serve(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    let backends = undisturbed(look, now, wanted_backends(look.status, look.observed, look.cluster_id));
    let public = internet::route(look);
    let seen = &look.observed.endpoint;
    let same = seen.public.as_ref().map(|public| &public.route) == public.as_ref();
    let there = seen.serving && seen.backends == backends && same;
    (!there).then_some(Plan::Act(Action::ServeEndpoint { backends, public }))
}

/// Without the member that is about to be stopped, where another is left: new connections go elsewhere before it
/// says goodbye to the old ones.
fn undisturbed(look: &Look<'_>, now: Timestamp, backends: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let leaving = rolling::next(look)
        .or_else(|| membership::leaving(look))
        .or_else(|| maintenance::next(look, now).map(|(record, _)| record))
        .map(|record| record.client);
    let others: Vec<SocketAddr> = backends.iter().filter(|client| Some(**client) != leaving).copied().collect();
    if others.is_empty() { backends } else { others }
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
