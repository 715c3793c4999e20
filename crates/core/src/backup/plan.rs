//! The planner of backups: from policies, records and the time to the one thing to do next for an instance.
//!
//! ```text
//!   delete what was asked ─ take what is open and due ─ begin what a policy is due ─ collect ─ drill ─ wait
//! ```
//!
//! One thing at a time, done to its end before the next is asked for: runs never overlap. A run that is under way
//! when the control plane dies is found as [`SnapshotState::Running`] and taken again.

use jiff::Timestamp;

use super::{Policy, Snapshot, SnapshotState, retention};
use crate::InstanceId;

/// What the planner looks at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The instance.
    pub instance: &'a InstanceId,
    /// When it was made.
    pub born: Timestamp,
    /// Whether it has a cluster that snapshots can be asked of: made, not going away, not being restored. Where not,
    /// only what was asked to be deleted is.
    pub ready: bool,
    /// Its policies.
    pub policies: &'a [Policy],
    /// Its snapshots.
    pub snapshots: &'a [Snapshot],
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Remove this snapshot and its record: someone asked for that.
    Delete {
        /// Which.
        name: String,
    },
    /// Take this snapshot.
    Take {
        /// Which.
        name: String,
    },
    /// Record that this snapshot is to be taken for a slot of a policy; it is taken next.
    Begin {
        /// The policy.
        policy: String,
        /// The slot.
        slot: Timestamp,
        /// What it is called.
        name: String,
    },
    /// Remove this snapshot and its record: more are kept than are wanted.
    Collect {
        /// Which.
        name: String,
    },
    /// Restore this snapshot into a member that is thrown away, and compare.
    Drill {
        /// Which.
        name: String,
    },
    /// Nothing is to be done until a record changes, or until then.
    Wait {
        /// When something is due.
        until: Option<Timestamp>,
    },
}

/// Decides what to do next.
pub fn next(look: &Look<'_>, now: Timestamp) -> Next {
    if let Some(snapshot) = look.snapshots.iter().find(|snapshot| snapshot.deleting) {
        return Next::Delete { name: snapshot.name.clone() };
    }
    if !look.ready {
        return Next::Wait { until: None };
    }
    take(look, now)
        .or_else(|| begin(look, now))
        .or_else(|| collect(look))
        .or_else(|| drill(look))
        .unwrap_or_else(|| Next::Wait { until: wake(look, now) })
}

/// Those that are taken in their own time and are not there yet.
fn open<'a>(look: &Look<'a>) -> impl Iterator<Item = &'a Snapshot> {
    look.snapshots.iter().filter(|snapshot| snapshot.is_open() && snapshot.is_independent())
}

/// What was cut off goes first, then who asked first.
fn take(look: &Look<'_>, now: Timestamp) -> Option<Next> {
    let order = |snapshot: &&Snapshot| {
        let waits = snapshot.state != SnapshotState::Running;
        (waits, snapshot.policy().is_some(), snapshot.requested_at, snapshot.name.clone())
    };
    let due = open(look).filter(|snapshot| snapshot.next_try() <= now).min_by_key(order)?;
    Some(Next::Take { name: due.name.clone() })
}

/// The policy whose slot came first. One whose last run is still open waits for that: what it will have then is no
/// older than what a second run would have.
fn begin(look: &Look<'_>, now: Timestamp) -> Option<Next> {
    let idle = |policy: &&Policy| open(look).all(|snapshot| snapshot.policy() != Some(&policy.name));
    let due = look.policies.iter().filter(idle).filter_map(|p| Some((p.due(look.instance, look.born, now)?, p)));
    let (slot, policy) = due.min_by_key(|(slot, policy)| (*slot, policy.name.clone()))?;
    Some(Next::Begin { policy: policy.name.clone(), slot, name: free_name(look, &policy.name, slot) })
}

/// A name that says which policy and slot; with a number where someone has taken it.
fn free_name(look: &Look<'_>, policy: &str, slot: Timestamp) -> String {
    const MOST: usize = 128;
    let stamp = slot.strftime("-%Y%m%dT%H%M%SZ").to_string();
    let policy: String = policy.chars().take(MOST - stamp.len() - 4).collect();
    let name = format!("{policy}{stamp}");
    let taken = |name: &str| look.snapshots.iter().any(|snapshot| snapshot.name == name);
    if !taken(&name) {
        return name;
    }
    // One more than there are snapshots cannot all be taken.
    (2..=look.snapshots.len() + 2).map(|n| format!("{name}-{n}")).find(|name| !taken(name)).unwrap_or(name)
}

fn collect(look: &Look<'_>) -> Option<Next> {
    let oldest = retention::surplus(look.policies, look.snapshots).into_iter().next()?;
    Some(Next::Collect { name: oldest.name.clone() })
}

/// The newest that was never restored, where its policy wants that by now. What someone asked for is proved once.
fn drill(look: &Look<'_>) -> Option<Next> {
    let mut done: Vec<&Snapshot> =
        look.snapshots.iter().filter(|snapshot| snapshot.state == SnapshotState::Done).collect();
    done.sort_by(|a, b| b.taken_at().cmp(&a.taken_at()).then_with(|| b.name.cmp(&a.name)));
    let wanted = |snapshot: &&&Snapshot| {
        let Some(name) = snapshot.policy().filter(|_| !snapshot.drill_wanted) else { return true };
        let Some(policy) = look.policies.iter().find(|policy| policy.name == name) else { return false };
        if policy.drill_every == 0 {
            return false;
        }
        // Those of the policy up to this one since the last that was proved.
        let not_after = |other: &&&Snapshot| {
            other.policy() == Some(name) && (other.taken_at(), &other.name) <= (snapshot.taken_at(), &snapshot.name)
        };
        let since = done.iter().filter(not_after).take_while(|other| other.drill.is_none()).count();
        since >= policy.drill_every as usize || done.iter().filter(not_after).all(|other| other.drill.is_none())
    };
    let next = done.iter().filter(|snapshot| snapshot.drill.is_none()).find(wanted)?;
    Some(Next::Drill { name: next.name.clone() })
}

/// When the next slot or the next try comes.
fn wake(look: &Look<'_>, now: Timestamp) -> Option<Timestamp> {
    let slots = look.policies.iter().map(|policy| policy.next_slot(look.instance, look.born, now));
    let tries = open(look).map(Snapshot::next_try);
    slots.chain(tries).filter(|time| *time > now).min()
}

#[cfg(test)]
mod tests;
