//! The public address: opened only to a cluster that is guarded, once members show certificates that are for it.

use super::{Action, Look, Plan, Process};
use crate::{
    Instance,
    certificates::OnDisk,
    internet::{PublicRoute, has_certificates},
    observed::Observed,
};

/// What the endpoint is to do at the public address now; nothing where absent. It has to do with safety, not with
/// health: it is asked whenever the endpoint is, before all that changes.
pub(super) fn route(look: &Look<'_>) -> Option<PublicRoute> {
    let wish = look.instance.spec.internet.as_ref()?;
    let listen = look.status.public.as_ref()?.listen;
    let seen = look.observed.endpoint.public.as_ref();
    let is_open = seen.is_some_and(|public| public.route.listen == listen);
    let ready = is_open || shows_its_name(look.instance, look.observed);
    (ready && is_guarded(look.instance, look.observed, is_open))
        .then(|| PublicRoute { listen, allowed: wish.allowed.clone() })
}

/// Reserves a public address, or gives it back, and waits until clients were let in there once.
pub(super) fn settle(look: &Look<'_>) -> Option<Plan> {
    match (&look.instance.spec.internet, &look.status.public) {
        (Some(_), None) => Some(Plan::Act(Action::ReservePublicAddress)),
        // The endpoint has closed it by now, or there would be something else to do.
        (None, Some(_)) => Some(Plan::Act(Action::FreePublicAddress)),
        (Some(_), Some(public)) if !public.opened => {
            Some(Plan::Wait { until: None, reason: not_public(look.instance, look.observed) })
        }
        _ => None,
    }
}

/// Why nobody is let in at the public address that is wanted.
pub fn not_public(instance: &Instance, observed: &Observed) -> String {
    let seen = observed.endpoint.public.as_ref();
    if let Some(error) = seen.and_then(|public| public.error.as_ref()) {
        return error.clone();
    }
    if !is_guarded(instance, observed, seen.is_some()) {
        return "etcd's authentication is not on yet, and clients need no certificate".to_owned();
    }
    if !shows_its_name(instance, observed) {
        return "members do not show a certificate with the public address yet".to_owned();
    }
    "the endpoint does not listen at the public address yet".to_owned()
}

/// Whether whoever connects has to prove something now. A restored snapshot may bring back a time without passwords.
/// What cannot be asked does not close what is open.
fn is_guarded(instance: &Instance, observed: &Observed, is_open: bool) -> bool {
    has_certificates(instance.spec.security) || observed.auth.unwrap_or(is_open)
}

/// Whether clients that verify whom they reach would be content, as far as members that run can tell.
fn shows_its_name(instance: &Instance, observed: &Observed) -> bool {
    let mut running = observed.members.iter().filter(|member| member.process == Process::Running);
    let mut leaves = observed.issued.leaves.iter();
    !instance.spec.security.https || (running.all(|m| m.shows == OnDisk::Same) && leaves.all(|leaf| leaf.named))
}
