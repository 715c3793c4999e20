//! Who is in the cluster: joining by learners, leaving, and replacing members that lost their data.

use super::{
    Action, Look, MemberRecord, ObservedMember, Peer, Plan, Process, Timestamp, quorum, restart, serves, slots,
};

/// Brings what is half done, or broken, to its end: at each moment at most one member is on its way.
pub(super) fn finish(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    // Without the cluster's own list nothing is known of who belongs to it.
    look.observed.membership.as_ref()?;
    let kept = slots(look.instance, look.status).kept;
    let is_kept = |record: &MemberRecord| kept.iter().any(|other| other.ordinal == record.ordinal);
    look.members()
        .find_map(|(record, member)| match look.peer(record) {
            None => outside(look, record, member, is_kept(record)),
            Some(peer) => inside(look, record, member, peer, is_kept(record), now),
        })
        .map(Plan::Act)
}

/// Starts a member that was added with a vote at once, where nobody tells who is listed: a cluster of one that got a
/// second voter has no quorum until that runs. Where it was not added after all, etcd refuses to start it.
pub(super) fn join_blindly(look: &Look<'_>, now: Timestamp) -> Option<Plan> {
    if look.observed.membership.is_some() || !look.serving().is_empty() {
        return None;
    }
    let is_due = |member: Option<&ObservedMember>| {
        member.is_none_or(|m| !m.data && !restart::due(std::iter::once(m), now).0.is_empty())
    };
    let (record, _) =
        look.members().find(|(record, member)| record.adding && is_due(*member) && look.can_start(record))?;
    Some(Plan::Act(Action::JoinMember { ordinal: record.ordinal }))
}

/// A member on record that the cluster does not list: it was never added, or it was removed. What a removed one
/// left goes first, so that it can never come back with it.
fn outside(look: &Look<'_>, record: &MemberRecord, member: Option<&ObservedMember>, kept: bool) -> Option<Action> {
    let ordinals = vec![record.ordinal];
    if member.is_some_and(|member| member.process == Process::Running) {
        return Some(Action::StopMembers { ordinals });
    }
    // Not by its process: a start that failed is shown as one that ended, whether or not anything is left of it.
    if member.is_some_and(|member| member.footprint) {
        return Some(Action::RemoveMembers { ordinals });
    }
    if !kept {
        return Some(Action::DropMember { ordinal: record.ordinal });
    }
    if !look.observed.credentials {
        return Some(Action::IssueCredentials);
    }
    can_add(look).then_some(Action::AddToCluster { ordinal: record.ordinal })
}

/// A member that the cluster lists, on its way in, or without the data that it had.
fn inside(
    look: &Look<'_>,
    record: &MemberRecord,
    member: Option<&ObservedMember>,
    peer: &Peer,
    kept: bool,
    now: Timestamp,
) -> Option<Action> {
    let ordinal = record.ordinal;
    let remove = Action::RemoveFromCluster { ordinal, id: peer.id };
    let data = member.is_some_and(|member| member.data);
    let runs = member.is_some_and(|member| member.process == Process::Running);
    if !kept && (peer.learner || !peer.started) {
        return Some(remove);
    }
    if peer.started && !data {
        // It lost its data: under its old ID it could vote against what it once promised. A member of the others'
        // quorum must not be waited for.
        // Not while its process makes it, as a founder's does that was started last.
        if runs && member.and_then(ObservedMember::serving).is_none() {
            return None;
        }
        // Where its process still serves, it is missed like any other, and decides on its own removal with them.
        let serves_still = member.is_some_and(|member| serves(member, look.cluster_id));
        let everyone_serves = look.serving().len() == look.voters() && look.voters() > 1;
        let may_go = if serves_still { everyone_serves } else { peer.learner || others_hold_quorum(look, ordinal) };
        if !may_go {
            return None;
        }
        let leads = member.and_then(ObservedMember::serving).is_some_and(|serving| serving.leader);
        let hand_over = if leads { look.successor(ordinal, is_sound(look)) } else { None };
        return Some(hand_over.unwrap_or(remove));
    }
    if !peer.started && !data && !runs {
        let is_due = member.is_none_or(|member| !restart::due(std::iter::once(member), now).0.is_empty());
        return (is_due && look.can_start(record)).then_some(Action::JoinMember { ordinal });
    }
    let caught_up =
        member.and_then(ObservedMember::serving).is_some_and(|s| s.learner && s.cluster_id == look.cluster_id);
    // With its vote the majority grows: those that serve must have it.
    let carries = look.serving().len() + 1 >= quorum(look.voters() + 1);
    (peer.learner && caught_up && carries).then_some(Action::PromoteMember { ordinal, id: peer.id })
}

/// Changes the members towards what is wanted. Every member serves when this is asked.
pub(super) fn change(look: &Look<'_>) -> Option<Plan> {
    let slots = slots(look.instance, look.status);
    if !slots.missing.is_empty() {
        return Some(Plan::Act(Action::Place));
    }
    if slots.surplus.is_empty() {
        return None;
    }
    if let Some(record) = leaving(look) {
        let id = look.peer(record)?.id;
        return Some(Plan::Act(Action::RemoveFromCluster { ordinal: record.ordinal, id }));
    }
    // Only the leader is left to go: it hands over to one that stays.
    let leader = slots.surplus.first()?;
    let stays = |other: &MemberRecord| slots.kept.iter().any(|kept| kept.ordinal == other.ordinal);
    look.successor(leader.ordinal, stays).map(Plan::Act)
}

/// The member that is taken out next, once every wanted place is filled by one that serves: the highest ordinal
/// that does not lead. Ordinals go round the subnets, so this keeps them even.
pub(super) fn leaving<'a>(look: &Look<'a>) -> Option<&'a MemberRecord> {
    let slots = slots(look.instance, look.status);
    let serving = look.serving();
    let all_serve = slots.missing.is_empty() && serving.len() == look.status.members.len();
    if !all_serve || look.observed.membership.is_none() {
        return None;
    }
    let leads = |record: &MemberRecord| {
        let member = look.observed.member(record.ordinal).and_then(ObservedMember::serving);
        member.is_some_and(|serving| serving.leader)
    };
    slots.surplus.into_iter().rev().find(|record| !leads(record))
}

/// Whether a member may be added: everyone who votes serves, and nobody else is on the way in.
fn can_add(look: &Look<'_>) -> bool {
    let peers = look.observed.membership.as_deref().unwrap_or_default();
    peers.iter().all(|peer| {
        let record = look.status.members.iter().find(|record| record.peer_url() == peer.url);
        let member = record.and_then(|record| look.observed.member(record.ordinal));
        !peer.learner && peer.started && member.is_some_and(|member| serves(member, look.cluster_id))
    })
}

/// Whether a member has its data.
fn is_sound<'a>(look: &'a Look<'_>) -> impl Fn(&MemberRecord) -> bool + 'a {
    |record| look.observed.member(record.ordinal).is_some_and(|member| member.data)
}

/// Whether the cluster can decide on the removal of a member without it.
pub(super) fn others_hold_quorum(look: &Look<'_>, ordinal: u32) -> bool {
    let others = look.serving().iter().filter(|(record, _)| record.ordinal != ordinal).count();
    others >= quorum(look.voters())
}
