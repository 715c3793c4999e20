//! The auditor: sees every committed change of the store, and holds it against the one before and the machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use cetcd_core::{
    Instance, InstanceId, Status, Task,
    backup::{Snapshot, SnapshotState},
    task::{StepState, TaskKind, TaskState},
};
use cetcd_store::{
    Entry,
    events::KEPT,
    records::{self, ADDRESSES, EVENTS, INSTANCES, POLICIES, SNAPSHOTS, STATUS, TASKS},
};

use crate::{host::Host, trace::Trace};

/// The records as they were last committed.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub instances: BTreeMap<InstanceId, Instance>,
    pub status: BTreeMap<InstanceId, Status>,
    pub tasks: BTreeMap<String, Task>,
    /// Who holds an address.
    pub addresses: BTreeMap<SocketAddr, InstanceId>,
    /// By instance and name.
    pub snapshots: BTreeMap<(InstanceId, String), Snapshot>,
    /// Policies and secrets: keys only.
    pub others: BTreeMap<String, InstanceId>,
    /// Keys of events.
    pub events: BTreeMap<InstanceId, BTreeSet<String>>,
    /// Counts the changes of desired state: what wakes a reconciler.
    pub wanted: BTreeMap<InstanceId, u64>,
    pub violations: Vec<String>,
}

impl Audit {
    /// Takes in what a transaction left under the keys that it touched.
    pub fn commit(&mut self, changes: Vec<(String, Option<Entry>)>, host: &Host, trace: &mut Trace, now: i64) {
        let mut gone = Vec::new();
        let mut touched = Vec::new();
        for (key, entry) in changes {
            if let Some(id) = key.strip_prefix(INSTANCES).and_then(InstanceId::parse) {
                match entry {
                    Some(entry) => self.put_instance(&entry),
                    None => gone.extend(self.instances.remove(&id)),
                }
                touched.push(id);
            } else if let Some(id) = key.strip_prefix(STATUS).and_then(InstanceId::parse) {
                match entry {
                    Some(entry) => self.put_status(&id, &entry, host, trace, now),
                    None => drop(self.status.remove(&id)),
                }
                touched.push(id);
            } else if key.starts_with(TASKS) {
                match entry {
                    Some(entry) => self.put_task(key, &entry, trace, now),
                    None => drop(self.tasks.remove(&key)),
                }
            } else if let Some(address) = key.strip_prefix(ADDRESSES).and_then(|text| text.parse().ok()) {
                match entry {
                    Some(entry) => self.put_address(address, &entry),
                    None => drop(self.addresses.remove(&address)),
                }
            } else if key.starts_with(SNAPSHOTS) {
                self.change_snapshot(&key, entry.as_ref(), host);
            } else if let Some((id, _)) = key.strip_prefix(EVENTS).and_then(|rest| rest.split_once('/')) {
                let Some(id) = InstanceId::parse(id) else { continue };
                let of_it = self.events.entry(id.clone()).or_default();
                if entry.is_some() {
                    of_it.insert(key)
                } else {
                    of_it.remove(&key)
                };
                touched.push(id);
            } else if let Some(id) = owner(&key) {
                match entry {
                    Some(_) => drop(self.others.insert(key, id.clone())),
                    None => drop(self.others.remove(&key)),
                }
                touched.push(id);
            }
        }
        for instance in gone {
            trace.add(now, format_args!("{} is forgotten", instance.id));
            self.check_forgotten(&instance, host);
        }
        for id in touched {
            self.check(&id);
        }
    }

    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self, entry: &Entry) -> Option<T> {
        match records::decode(entry) {
            Ok(record) => Some(record.value),
            Err(error) => {
                self.violation(format!("{} cannot be read: {error}", entry.key));
                None
            }
        }
    }

    fn put_instance(&mut self, entry: &Entry) {
        let Some(next): Option<Instance> = self.read(entry) else { return };
        *self.wanted.entry(next.id.clone()).or_default() += 1;
        if let Some(before) = self.instances.insert(next.id.clone(), next.clone()) {
            if next.generation < before.generation {
                self.violation(format!("the generation of {} goes back", next.id));
            }
            if before.spec.deleting && !next.spec.deleting {
                self.violation(format!("the deletion of {} is taken back", next.id));
            }
        }
    }

    fn put_status(&mut self, id: &InstanceId, entry: &Entry, host: &Host, trace: &mut Trace, now: i64) {
        let Some(next): Option<Status> = self.read(entry) else { return };
        let phase = next.phase.as_str();
        trace.add(now, format_args!("{id} {phase} at {} of {:?}", next.observed_generation, next.cluster_id));
        let Some(before) = self.status.insert(id.clone(), next.clone()) else { return };
        if let (None, Some(recovery)) = (&before.recovery, &next.recovery) {
            self.check_recovery(id, &before, recovery.from.ordinal, host, now);
        }
        let kept = |what: &str, kept: bool| (!kept).then(|| format!("{what} of {id} was changed after it was set"));
        let members = before.members.iter().all(|m| {
            next.member(m.ordinal).is_none_or(|n| (n.client, n.peer, &n.subnet_id) == (m.client, m.peer, &m.subnet_id))
        });
        self.violations.extend(
            [
                // A restore makes another cluster.
                kept(
                    "the cluster ID",
                    before.cluster_id.is_none() || before.cluster_id == next.cluster_id || next.restoring.is_some(),
                ),
                kept(
                    "the token",
                    before.cluster_token.is_empty()
                        || before.cluster_token == next.cluster_token
                        || next.restoring.is_some(),
                ),
                kept("the endpoint's address", before.endpoint.is_none() || before.endpoint == next.endpoint),
                kept(
                    "the time of monitoring",
                    before.monitored_at.is_none() || before.monitored_at == next.monitored_at,
                ),
                kept("a member's record", members),
                kept("the observed generation", before.observed_generation <= next.observed_generation),
            ]
            .into_iter()
            .flatten(),
        );
    }

    /// A recovery begins where nobody serves, and by itself only where nobody could again; with the best of them.
    fn check_recovery(&mut self, id: &InstanceId, status: &Status, ordinal: u32, host: &Host, now: i64) {
        let seen = host.faulted.get(id) <= host.looked.get(id);
        let asked = self.instances.get(id).is_some_and(|i| i.spec.recovery_asked > status.observed_generation);
        if seen && host.served_at_look.contains(id) {
            self.violation(format!("{id} goes on by force though it serves"));
        }
        if !asked && host.could_decide(id) {
            self.violation(format!("{id} goes on by force though nobody asked for it and a quorum could come back"));
        }
        if let Some(better) = host.better_survivor(id, ordinal, now) {
            self.violation(format!("{id} goes on with member {ordinal}, though member {better} holds more"));
        }
    }

    fn put_task(&mut self, key: String, entry: &Entry, trace: &mut Trace, now: i64) {
        let Some(next): Option<Task> = self.read(entry) else { return };
        let words: Vec<&str> = next.steps.iter().map(|step| step.state.as_str()).collect();
        let (kind, state) = (next.kind.as_str(), next.state.as_str());
        trace.add(now, format_args!("{} {kind} {state}: {}", next.instance, words.join(" ")));
        let all_passed = next.steps.iter().all(|step| step.state == StepState::Success);
        if (next.state == TaskState::Done) != all_passed {
            self.violation(format!("{kind} of {} is {state} with steps {}", next.instance, words.join(" ")));
        }
        if next.steps.iter().any(|step| (step.state == StepState::Failed) == step.failed_message.is_empty())
            && next.state == TaskState::Process
        {
            self.violation(format!("{kind} of {} has a failure without a word, or a word without one", next.instance));
        }
        let creation_of_none = next.kind == TaskKind::CreateInstance
            && next.state == TaskState::Done
            && self.tasks.get(&key).is_some_and(|before| before.state == TaskState::Process)
            && self.status.get(&next.instance).is_none_or(|s| s.observed_generation < next.generation);
        if creation_of_none {
            self.violation(format!("the creation of {} is done before the instance has converged", next.instance));
        }
        let Some(before) = self.tasks.insert(key, next.clone()) else { return };
        if before.state != TaskState::Process && before.state != next.state {
            self.violation(format!("{kind} of {} was {} and is {state}", next.instance, before.state.as_str()));
        }
        let rank = |state| match state {
            StepState::Pending => 0,
            StepState::Running | StepState::Failed => 1,
            StepState::Success => 2,
        };
        if before.steps.iter().zip(&next.steps).any(|(old, new)| rank(old.state) > rank(new.state)) {
            self.violation(format!("a step of {kind} of {} goes back", next.instance));
        }
    }

    /// What is listed is there, whole.
    fn change_snapshot(&mut self, key: &str, entry: Option<&Entry>, host: &Host) {
        let Some((id, name)) = key.strip_prefix(SNAPSHOTS).and_then(|rest| rest.split_once('/')) else { return };
        let Some(id) = InstanceId::parse(id) else { return };
        let place = (id.clone(), name.to_owned());
        let Some(entry) = entry else {
            self.snapshots.remove(&place);
            return;
        };
        let Some(next): Option<Snapshot> = self.read(entry) else { return };
        let stored = host.stored.get(&(id.clone(), next.object.clone())).and_then(|stored| stored.contents.as_ref());
        if next.state == SnapshotState::Done && next.contents.as_ref() != stored {
            self.violation(format!("the snapshot {name} of {id} is listed and not there"));
        }
        let running = |s: &Snapshot| {
            s.instance == id && s.name != name && s.state == SnapshotState::Running && s.is_independent()
        };
        if next.state == SnapshotState::Running
            && next.is_independent()
            && let Some(other) = self.snapshots.values().find(|other| running(other))
        {
            let other = other.name.clone();
            self.violation(format!("the snapshots {name} and {other} of {id} are taken at once"));
        }
        self.snapshots.insert(place, next);
    }

    fn put_address(&mut self, address: SocketAddr, entry: &Entry) {
        let Some(id) = std::str::from_utf8(&entry.value).ok().and_then(InstanceId::parse) else {
            self.violation(format!("{address} is held by nobody who has a name"));
            return;
        };
        if let Some(other) = self.addresses.insert(address, id.clone())
            && other != id
        {
            self.violation(format!("{id} takes {address} from {other}"));
        }
    }

    /// What holds between the records of one instance after every transaction.
    fn check(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else {
            let has_events = self.events.get(id).is_some_and(|events| !events.is_empty());
            if self.status.contains_key(id) || has_events || self.others.values().any(|owner| owner == id) {
                self.violation(format!("something is recorded of {id}, which is not there"));
            }
            return;
        };
        let Some(status) = self.status.get(id) else { return };
        let mut found = Vec::new();
        if self.events.get(id).is_some_and(|events| events.len() as u64 > KEPT + 1) {
            found.push(format!("more events of {id} are kept than there may be"));
        }
        if status.observed_generation > instance.generation {
            found.push(format!("{id} has converged on a generation that nobody asked for"));
        }
        let addresses = status.members.iter().flat_map(|m| [m.client, m.peer]).chain(status.endpoint);
        let addresses = addresses.chain(status.public.as_ref().map(|public| public.listen));
        found.extend(
            addresses
                .filter(|address| self.addresses.get(address) != Some(id))
                .map(|address| format!("{id} uses {address}, which it does not hold")),
        );
        let changes = |task: &&Task| task.instance == *id && task.is_open() && task.kind.changes_instance();
        let open = self.tasks.values().filter(changes).count();
        if open > 1 {
            found.push(format!("{id} has {open} tasks under way"));
        }
        self.violations.extend(found);
    }

    /// What a deletion may leave: its tasks.
    fn check_forgotten(&mut self, instance: &Instance, host: &Host) {
        let id = &instance.id;
        let mut found = Vec::new();
        if !instance.spec.deleting {
            found.push(format!("{id} is forgotten although nobody deleted it"));
        }
        if host.has(id) {
            found.push(format!("{id} is forgotten while something of it is left on the machine"));
        }
        if self.status.contains_key(id) || self.others.values().any(|owner| owner == id) {
            found.push(format!("{id} is forgotten while records of it are left"));
        }
        found.extend(
            self.addresses
                .iter()
                .filter(|(_, owner)| *owner == id)
                .map(|(address, _)| format!("{id} is forgotten and still holds {address}")),
        );
        let tasks = self.tasks.values().filter(|task| task.instance == *id);
        found.extend(
            tasks
                .filter(|task| match task.kind {
                    TaskKind::DeleteInstance => task.state != TaskState::Done,
                    _ => task.state == TaskState::Process,
                })
                .map(|task| format!("{id} is forgotten and its {} is {}", task.kind.as_str(), task.state.as_str())),
        );
        self.violations.extend(found);
    }
}

/// The instance of a policy or a secret.
fn owner(key: &str) -> Option<InstanceId> {
    let rest = key.strip_prefix(POLICIES).or_else(|| key.strip_prefix("/secrets/"))?;
    InstanceId::parse(rest.split_once('/')?.0)
}
