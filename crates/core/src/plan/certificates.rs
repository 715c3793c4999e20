//! Certificates: renewed long before they end, and given to members that run.

use super::{Action, ObservedMember, Plan, Process, Status, Timestamp, recorded};
use crate::{certificates::OnDisk, observed::Observed};

/// Issues anew what is due. It comes before all that heals: who shows what has ended is let in by nobody, so that
/// neither it nor anything else of it could be seen to serve.
pub(super) fn renew(observed: &Observed, now: Timestamp) -> Option<Plan> {
    let due = observed.issued.leaves.iter().any(|leaf| leaf.is_due(now));
    due.then_some(Plan::Act(Action::IssueCredentials))
}

/// Brings it to the members that run; the others get it when they are started. After what heals without it: a disk
/// that takes no file must not keep the others from being served.
pub(super) fn deliver(status: &Status, observed: &Observed) -> Option<Plan> {
    let differs = |member: &&ObservedMember| member.process == Process::Running && member.shows != OnDisk::Same;
    let ordinals: Vec<u32> = recorded(status, observed).filter(differs).map(|member| member.ordinal).collect();
    (!ordinals.is_empty()).then_some(Plan::Act(Action::DeliverCertificates { ordinals }))
}
