//! etcd's own authentication: on or off as the owner asked, with the password that he gave. What he never asked for
//! stays as he has it.

use super::{Action, Look, Plan};
use crate::{Instance, Status, observed::Observed};

/// Turns authentication on or off, or gives root the password. Every member serves when this is asked.
pub(super) fn converge(look: &Look<'_>) -> Option<Plan> {
    let wanted = look.instance.spec.auth;
    if !wanted.is_managed() {
        return None;
    }
    let Some(on) = look.observed.auth else {
        return Some(Plan::Wait { until: None, reason: "the cluster does not tell whether auth is on".to_owned() });
    };
    let action = match (wanted.enabled, on) {
        (Some(true), false) => Action::EnableAuth,
        (Some(false), true) => Action::DisableAuth,
        // While auth is off, the password is kept for when it is turned on.
        (_, true) if !is_given(look.instance, look.status) => Action::SetRootPassword,
        _ => return None,
    };
    Some(Plan::Act(action))
}

/// Whether root has the password that the owner gave last, as far as is recorded; true where he gave none.
fn is_given(instance: &Instance, status: &Status) -> bool {
    let generation = instance.spec.auth.password_generation;
    generation == 0
        || status.root_password.is_some_and(|p| Some(p.cluster_id) == status.cluster_id && p.generation == generation)
}

/// Whether authentication is as the owner wants it.
pub fn auth_is_as_wanted(instance: &Instance, status: &Status, observed: &Observed) -> bool {
    let wanted = instance.spec.auth;
    match observed.auth {
        _ if !wanted.is_managed() => true,
        None => false,
        Some(on) => wanted.enabled.is_none_or(|enabled| enabled == on) && (!on || is_given(instance, status)),
    }
}
