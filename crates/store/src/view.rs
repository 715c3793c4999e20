//! The in-memory view: every record that Describe answers from, fed by the store's watch, so that a read
//! costs no I/O. A writer that reads its own write waits for its revision.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, RwLock, RwLockReadGuard},
    time::Duration,
};

use cetcd_core::{
    Instance, InstanceId, PrometheusId, Status, Task,
    backup::Snapshot,
    prometheus::{Prometheus, PrometheusStatus, wanted_by},
};
use futures::FutureExt;
use tokio::sync::{broadcast, watch};

use crate::{
    Entry, Error, Event, EventKind, Result, Store,
    records::{
        self, EVENTS, INSTANCES, POLICIES, PROMETHEUS, PROMETHEUS_STATUS, Record, SNAPSHOTS, STATUS, SnapshotPolicy,
        TASKS,
    },
};

/// How many changes are kept for who follows them: one who falls further behind is told so.
const CHANGES: usize = 1024;

/// The records of all instances, at one revision.
#[derive(Debug)]
pub struct View {
    tables: RwLock<Tables>,
    revision: watch::Sender<u64>,
    changes: broadcast::Sender<Change>,
}

/// What has changed, for who shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Something that is recorded of an instance.
    Instance {
        /// Which.
        id: InstanceId,
        /// Whose it is.
        account: String,
        /// Where it is.
        region: String,
    },
    /// Anything may have.
    Everything,
}

#[derive(Debug, Default)]
struct Tables {
    instances: BTreeMap<InstanceId, Record<Arc<Instance>>>,
    by_owner: BTreeMap<(String, String), BTreeSet<InstanceId>>,
    status: BTreeMap<InstanceId, Arc<Status>>,
    tasks: BTreeMap<String, Record<Arc<Task>>>,
    policies: BTreeMap<(InstanceId, String), Arc<SnapshotPolicy>>,
    snapshots: BTreeMap<(InstanceId, String), Arc<Snapshot>>,
    /// By instance, the revision at which its policies or snapshots last changed.
    backups: BTreeMap<InstanceId, u64>,
    prometheus: BTreeMap<PrometheusId, Arc<Prometheus>>,
    prometheus_status: BTreeMap<PrometheusId, Arc<PrometheusStatus>>,
}

impl View {
    /// Reads everything and goes on to follow the store until the returned future is dropped. The future
    /// ends only with the store.
    pub async fn follow(store: Arc<dyn Store>) -> Result<(Arc<Self>, impl Future<Output = ()> + Send + use<>)> {
        let (revision, changes) = (watch::Sender::new(0), broadcast::Sender::new(CHANGES));
        let view = Arc::new(Self { tables: RwLock::default(), revision, changes });
        let mut watch = view.reload(&store).await?;
        let followed = Arc::clone(&view);
        let follow = async move {
            while let Some(first) = watch.next().await {
                // What is there already is taken along, so that a transaction is shown whole: its events
                // come out of the history together.
                let mut events = Vec::new();
                let mut next = Some(first);
                while let Some(Ok(event)) = next {
                    events.push(event);
                    next = watch.next().now_or_never().flatten();
                }
                followed.apply(&events);
                if next.is_some() {
                    // Fell behind the kept history, or the backend failed: everything is read again.
                    match followed.reload_until_done(&store).await {
                        Some(again) => watch = again,
                        None => return,
                    }
                }
            }
        };
        Ok((view, follow))
    }

    /// `None` where the store was closed.
    async fn reload_until_done(&self, store: &Arc<dyn Store>) -> Option<crate::Watch> {
        loop {
            match self.reload(store).await {
                Ok(watch) => return Some(watch),
                Err(Error::Closed) => return None,
                Err(error) => {
                    tracing::error!(%error, "cannot read the store; trying again");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    async fn reload(&self, store: &Arc<dyn Store>) -> Result<crate::Watch> {
        let all = store.range("/").await?;
        let mut tables = Tables::default();
        for entry in &all.entries {
            tables.put(entry);
        }
        let watch = store.watch("/", all.revision + 1).await?;
        *self.tables.write().unwrap_or_else(std::sync::PoisonError::into_inner) = tables;
        self.revision.send_replace(all.revision);
        // Nobody may be following.
        let _ = self.changes.send(Change::Everything);
        Ok(watch)
    }

    fn apply(&self, events: &[Event]) {
        let Some(last) = events.last() else { return };
        let mut touched = BTreeMap::new();
        {
            let mut tables = self.tables.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            for event in events {
                let about = about(event.key());
                // One that goes away has no owner any more once that is applied, one that comes has none before.
                let mut touch = |tables: &Tables| {
                    let owner = about.as_ref().and_then(|id| Some((id.clone(), tables.owner(id)?)));
                    touched.extend(owner);
                };
                touch(&tables);
                match &event.kind {
                    EventKind::Put(entry) => tables.put(entry),
                    EventKind::Delete { key } => tables.delete(key, event.revision),
                }
                touch(&tables);
            }
        }
        self.revision.send_replace(last.revision);
        for (id, (account, region)) in touched {
            let _ = self.changes.send(Change::Instance { id, account, region });
        }
    }

    /// The revision that the view has reached.
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// Moves whenever a record changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// What changes from now on, told once it shows. Whoever falls far behind is told that he missed something.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Waits until the view shows all of the transaction that made `revision`.
    pub async fn wait_for(&self, revision: u64) {
        let mut reached = self.revision.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = reached.wait_for(|now| *now >= revision).await;
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The instance `id`, with the revision that its next change must name.
    pub fn instance(&self, id: &InstanceId) -> Option<Record<Arc<Instance>>> {
        self.read().instances.get(id).cloned()
    }

    /// What the controller recorded of instance `id`; absent before its first turn.
    pub fn status(&self, id: &InstanceId) -> Option<Arc<Status>> {
        self.read().status.get(id).cloned()
    }

    /// Every instance with the revision of its desired state, in order of IDs.
    pub fn instance_revisions(&self) -> Vec<(InstanceId, u64)> {
        self.read().instances.iter().map(|(id, record)| (id.clone(), record.revision)).collect()
    }

    /// Every instance of an account in a region with its status, oldest first.
    pub fn instances_of(&self, account: &str, region: &str) -> Vec<(Arc<Instance>, Option<Arc<Status>>)> {
        let tables = self.read();
        let Some(ids) = tables.by_owner.get(&(account.to_owned(), region.to_owned())) else { return Vec::new() };
        let mut found: Vec<_> = ids
            .iter()
            .filter_map(|id| Some((Arc::clone(&tables.instances.get(id)?.value), tables.status.get(id).cloned())))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.created_at.cmp(&b.created_at).then_with(|| a.id.cmp(&b.id)));
        found
    }

    /// How many instances an account has in a region.
    pub fn count_of(&self, account: &str, region: &str) -> usize {
        self.read().by_owner.get(&(account.to_owned(), region.to_owned())).map_or(0, BTreeSet::len)
    }

    /// The task `id`.
    pub fn task(&self, id: &str) -> Option<Arc<Task>> {
        self.read().tasks.get(id).map(|record| Arc::clone(&record.value))
    }

    /// Every task of an account in a region, newest first.
    pub fn tasks_of(&self, account: &str, region: &str) -> Vec<Arc<Task>> {
        self.tasks_where(|task| task.account == account && task.region == region)
    }

    /// Every task of an instance, newest first.
    pub fn tasks_about(&self, id: &InstanceId) -> Vec<Arc<Task>> {
        self.tasks_where(|task| task.instance == *id)
    }

    /// How many tasks there are that `sort` puts together.
    pub fn count_tasks<K: Ord>(&self, sort: impl Fn(&Task) -> K) -> BTreeMap<K, usize> {
        let mut counts = BTreeMap::new();
        for record in self.read().tasks.values() {
            *counts.entry(sort(&record.value)).or_default() += 1;
        }
        counts
    }

    /// Every task that is `wanted`, newest first.
    pub fn tasks_where(&self, wanted: impl Fn(&Task) -> bool) -> Vec<Arc<Task>> {
        let tables = self.read();
        let mut found: Vec<_> =
            tables.tasks.values().map(|r| &r.value).filter(|task| wanted(task)).map(Arc::clone).collect();
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        found
    }

    /// Every snapshot policy of an instance, by name.
    pub fn policies_of(&self, id: &InstanceId) -> Vec<Arc<SnapshotPolicy>> {
        of(&self.read().policies, id)
    }

    /// Every snapshot of an instance that is recorded, whether the instance is there or not, by name.
    pub fn snapshots_of(&self, id: &InstanceId) -> Vec<Arc<Snapshot>> {
        of(&self.read().snapshots, id)
    }

    /// Every Prometheus instance of ours, by ID.
    pub fn prometheus(&self) -> Vec<Arc<Prometheus>> {
        self.read().prometheus.values().cloned().collect()
    }

    /// Every Prometheus instance of which anything is recorded.
    pub fn prometheus_ids(&self) -> BTreeSet<PrometheusId> {
        let tables = self.read();
        tables.prometheus.keys().chain(tables.prometheus_status.keys()).cloned().collect()
    }

    /// What the controller recorded of the Prometheus instance `id`; absent before its first turn.
    pub fn prometheus_status(&self, id: &PrometheusId) -> Option<Arc<PrometheusStatus>> {
        self.read().prometheus_status.get(id).cloned()
    }

    /// Every instance that is to be watched by the Prometheus instance `id` and is not going away, by ID, with its
    /// status.
    pub fn watched_by(&self, id: &PrometheusId) -> Vec<(Arc<Instance>, Option<Arc<Status>>)> {
        let tables = self.read();
        let all = tables.instances.values().map(|record| &record.value);
        all.filter(|instance| wanted_by(instance) == Some(id.as_str()) && !instance.spec.deleting)
            .map(|instance| (Arc::clone(instance), tables.status.get(&instance.id).cloned()))
            .collect()
    }

    /// Every instance that has a policy or a snapshot, there or not, with the revision at which those last changed.
    pub fn backup_revisions(&self) -> Vec<(InstanceId, u64)> {
        self.read().backups.iter().map(|(id, revision)| (id.clone(), *revision)).collect()
    }
}

/// The entries of one instance, by name.
fn of<T>(table: &BTreeMap<(InstanceId, String), Arc<T>>, id: &InstanceId) -> Vec<Arc<T>> {
    let from = (id.clone(), String::new());
    table.range(from..).take_while(|((owner, _), _)| owner == id).map(|(_, value)| Arc::clone(value)).collect()
}

impl Tables {
    fn put(&mut self, entry: &Entry) {
        let result = self.try_put(entry);
        if let Err(error) = result {
            // A record that cannot be read hides one thing; it must not take the others away.
            tracing::error!(key = entry.key, %error, "a record cannot be read and is left out of the view");
        }
    }

    fn try_put(&mut self, entry: &Entry) -> Result<()> {
        if entry.key.starts_with(INSTANCES) {
            let record: Record<Instance> = records::decode(entry)?;
            let owner = (record.value.account.clone(), record.value.region.clone());
            let id = record.value.id.clone();
            self.by_owner.entry(owner).or_default().insert(id.clone());
            self.instances.insert(id, Record { value: Arc::new(record.value), revision: record.revision });
        } else if let Some(id) = entry.key.strip_prefix(STATUS).and_then(InstanceId::parse) {
            self.status.insert(id, Arc::new(records::decode(entry)?.value));
        } else if let Some(task) = task_of(&entry.key) {
            let record: Record<Task> = records::decode(entry)?;
            self.tasks.insert(task.to_owned(), Record { value: Arc::new(record.value), revision: record.revision });
        } else if let Some((id, name)) = named(POLICIES, &entry.key) {
            self.policies.insert((id.clone(), name), Arc::new(records::decode(entry)?.value));
            self.backups.insert(id, entry.mod_revision);
        } else if let Some((id, name)) = named(SNAPSHOTS, &entry.key) {
            self.snapshots.insert((id.clone(), name), Arc::new(records::decode(entry)?.value));
            self.backups.insert(id, entry.mod_revision);
        } else if let Some(id) = entry.key.strip_prefix(PROMETHEUS).and_then(PrometheusId::parse) {
            self.prometheus.insert(id, Arc::new(records::decode(entry)?.value));
        } else if let Some(id) = entry.key.strip_prefix(PROMETHEUS_STATUS).and_then(PrometheusId::parse) {
            self.prometheus_status.insert(id, Arc::new(records::decode(entry)?.value));
        }
        Ok(())
    }

    /// Account and region of an instance.
    fn owner(&self, id: &InstanceId) -> Option<(String, String)> {
        let instance = &self.instances.get(id)?.value;
        Some((instance.account.clone(), instance.region.clone()))
    }

    /// Something of an instance's backups went at `revision`; with the last of it, what is known of them goes.
    fn touch(&mut self, id: &InstanceId, revision: u64) {
        if of(&self.policies, id).is_empty() && of(&self.snapshots, id).is_empty() {
            self.backups.remove(id);
        } else {
            self.backups.insert(id.clone(), revision);
        }
    }

    fn delete(&mut self, key: &str, revision: u64) {
        if let Some(id) = key.strip_prefix(INSTANCES).and_then(InstanceId::parse) {
            if let Some(gone) = self.instances.remove(&id) {
                let owner = (gone.value.account.clone(), gone.value.region.clone());
                if let Some(ids) = self.by_owner.get_mut(&owner) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.by_owner.remove(&owner);
                    }
                }
            }
        } else if let Some(id) = key.strip_prefix(STATUS).and_then(InstanceId::parse) {
            self.status.remove(&id);
        } else if let Some(task) = task_of(key) {
            self.tasks.remove(task);
        } else if let Some(id_and_name) = named(POLICIES, key) {
            self.policies.remove(&id_and_name);
            self.touch(&id_and_name.0, revision);
        } else if let Some(id_and_name) = named(SNAPSHOTS, key) {
            self.snapshots.remove(&id_and_name);
            self.touch(&id_and_name.0, revision);
        } else if let Some(id) = key.strip_prefix(PROMETHEUS).and_then(PrometheusId::parse) {
            self.prometheus.remove(&id);
        } else if let Some(id) = key.strip_prefix(PROMETHEUS_STATUS).and_then(PrometheusId::parse) {
            self.prometheus_status.remove(&id);
        }
    }
}

/// The instance that a record which is shown is about.
fn about(key: &str) -> Option<InstanceId> {
    let shown = [INSTANCES, STATUS, TASKS, POLICIES, SNAPSHOTS, EVENTS];
    let rest = shown.into_iter().find_map(|prefix| key.strip_prefix(prefix))?;
    InstanceId::parse(rest.split('/').next()?)
}

fn task_of(key: &str) -> Option<&str> {
    key.strip_prefix(TASKS)?.split_once('/').map(|(_, task)| task)
}

/// The instance and the name in a key.
fn named(prefix: &str, key: &str) -> Option<(InstanceId, String)> {
    let (id, name) = key.strip_prefix(prefix)?.split_once('/')?;
    Some((InstanceId::parse(id)?, name.to_owned()))
}
