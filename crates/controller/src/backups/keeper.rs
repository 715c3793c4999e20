//! The keeper of one instance's backups: looks, asks the planner, does the one thing.

use std::collections::BTreeSet;

use cetcd_core::{
    Instance, InstanceId, Status,
    backup::{
        Policy, Snapshot,
        plan::{self, Look, Next},
    },
    event::{Event, EventKind, Level},
};
use cetcd_store::{
    Compare, Txn, events,
    records::{self, Record},
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::take::{Cluster, take_now, task_of};
use crate::{
    Error, Result, World,
    observe::{Memory, observe},
};

/// The pause before the storage is looked through again where that failed.
const SEARCH_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// How long a drill waits that found no place: others are at it, and meanwhile a snapshot may become due.
const DRILL_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// How a turn ended: when to take the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Something was done: look again at once.
    Acted,
    /// Something failed: look again after a pause.
    Failed,
    /// Nothing is to be done until then, or until a record changes.
    Waiting(Option<Timestamp>),
    /// Neither the instance nor a backup of it is there.
    Gone,
}

/// Takes, proves and removes the backups of one instance. It holds nothing that it could not lose.
pub struct Keeper {
    world: World,
    id: InstanceId,
    memory: Memory,
    /// When the storage is to be looked through; `None` once it was, since this keeper began.
    search_at: Option<Timestamp>,
    /// Snapshots that could not be proved for a reason of ours, when that was last tried and how often.
    untried: Option<(Timestamp, u32)>,
    /// Moves when what it goes by does. Without it a drill goes on to its end.
    woken: Option<watch::Receiver<u64>>,
}

/// The records that a turn begins with.
struct Records {
    instance: Option<Record<Instance>>,
    status: Status,
    policies: Vec<Record<Policy>>,
    snapshots: Vec<Record<Snapshot>>,
}

impl Records {
    /// Since when there are to be backups: since the instance was made.
    fn born(&self, now: Timestamp) -> Timestamp {
        self.instance.as_ref().map_or(now, |instance| instance.value.created_at)
    }
}

impl Keeper {
    /// A keeper of the backups of `id`.
    pub fn new(world: World, id: InstanceId) -> Self {
        Self { world, id, memory: Memory::default(), search_at: Some(Timestamp::MIN), untried: None, woken: None }
    }

    /// The same, told when its instance, its policies or its snapshots change.
    #[must_use]
    pub fn woken_by(self, changes: watch::Receiver<u64>) -> Self {
        Self { woken: Some(changes), ..self }
    }

    /// The instance whose backups it keeps.
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// Looks, plans, and does the one thing that was planned.
    pub async fn turn(&mut self) -> Result<Kept> {
        let seen = self.read().await?;
        if seen.instance.is_none() && !seen.snapshots.iter().any(|snapshot| snapshot.value.deleting) {
            return Ok(Kept::Gone);
        }
        let now = self.world.clock.now();
        if let Some(instance) = seen.instance.as_ref().filter(|instance| !instance.value.spec.deleting)
            && self.search_at.is_some_and(|at| at <= now)
        {
            match self.search(&instance.value, &seen).await {
                Ok(found) => {
                    self.search_at = None;
                    if found {
                        return Ok(Kept::Acted);
                    }
                }
                Err(Error::Backup(error)) => {
                    // One bucket that is away must not keep snapshots from going to another.
                    tracing::warn!(instance = %self.id, %error, "its stored backups cannot be looked through yet");
                    self.search_at = now.saturating_add(SEARCH_AGAIN).ok();
                }
                Err(error) => return Err(error),
            }
        }
        let (policies, snapshots) = (seen.policies.iter(), seen.snapshots.iter());
        self.world.backup_metrics.saw(
            &self.id,
            seen.born(now),
            policies.map(|record| &record.value),
            snapshots.map(|record| &record.value),
        );
        let next = self.next(&seen, now);
        tracing::trace!(instance = %self.id, ?next, "backups");
        match next {
            Next::Wait { until } => Ok(Kept::Waiting(until)),
            Next::Delete { name } | Next::Collect { name } => self.remove(&seen, &name).await,
            Next::Begin { policy, slot, name } => self.begin(&seen, &policy, slot, name).await,
            Next::Take { name } => self.take(&seen, &name).await,
            Next::Drill { name } => self.drill(&seen, &name).await,
        }
    }

    /// What the planner wants.
    fn next(&self, seen: &Records, now: Timestamp) -> Next {
        let policies: Vec<Policy> = seen.policies.iter().map(|record| record.value.clone()).collect();
        let snapshots: Vec<Snapshot> = seen.snapshots.iter().map(|record| record.value.clone()).collect();
        let instance = seen.instance.as_ref();
        let ready = seen.status.cluster_id.is_some() && instance.is_some_and(|i| is_ready(&i.value, &seen.status));
        let born = seen.born(now);
        let look = Look { instance: &self.id, born, ready, policies: &policies, snapshots: &snapshots };
        plan::next(&look, now)
    }

    async fn read(&self) -> Result<Records> {
        let (store, id) = (self.world.store.as_ref(), &self.id);
        let instance: Option<Record<Instance>> = records::get(store, &records::instance_key(id)).await?;
        let status: Option<Record<Status>> = records::get(store, &records::status_key(id)).await?;
        Ok(Records {
            instance,
            status: status.map(|record| record.value).unwrap_or_default(),
            policies: records::policies(store, id).await?,
            snapshots: records::snapshots(store, id).await?,
        })
    }

    /// Looks through the storage once: what is stored whole and not recorded is recorded, what tries left that were
    /// cut off is removed. Answers whether anything was recorded.
    async fn search(&self, instance: &Instance, seen: &Records) -> Result<bool> {
        let of_policies = seen.policies.iter().map(|policy| policy.value.settings.cos_bucket_name.clone());
        let of_snapshots = seen.snapshots.iter().map(|snapshot| snapshot.value.bucket.clone());
        let buckets: BTreeSet<Option<String>> = [None].into_iter().chain(of_policies).chain(of_snapshots).collect();
        let _slot = self.world.slots.snapshot(&self.id).await;
        let mut found = false;
        for bucket in &buckets {
            self.world.backups.collect_orphans(&self.id, bucket.as_deref()).await?;
            for snapshot in self.world.backups.stored(&self.id, bucket.as_deref()).await? {
                found |= self.recover(instance, snapshot).await?;
            }
        }
        Ok(found)
    }

    /// Records a snapshot that is stored, unless it is.
    async fn recover(&self, instance: &Instance, mut snapshot: Snapshot) -> Result<bool> {
        snapshot.account.clone_from(&instance.account);
        snapshot.region.clone_from(&instance.region);
        let txn = Txn::new()
            .when(Compare::present(records::instance_key(&self.id)))
            .when(Compare::absent(records::snapshot_key(&self.id, &snapshot.name)))
            .then(records::put_snapshot(&snapshot));
        let recorded = self.world.store.txn(txn).await?.succeeded;
        if recorded {
            tracing::info!(instance = %self.id, snapshot = snapshot.name, "found a stored snapshot without a record");
        }
        Ok(recorded)
    }

    async fn remove(&self, seen: &Records, name: &str) -> Result<Kept> {
        let snapshot = named(seen, name)?;
        let _slot = self.world.slots.snapshot(&self.id).await;
        self.world.backups.remove(&snapshot.value).await?;
        // Nothing is left that could be read with it.
        let last = seen.instance.is_none() && seen.snapshots.len() == 1;
        if last {
            self.world.backups.forget(&self.id).await?;
        }
        let mut txn = Txn::new()
            .when(Compare::mod_revision(records::snapshot_key(&self.id, name), snapshot.revision))
            .delete(records::snapshot_key(&self.id, name))
            .delete(records::snapshot_password_key(&self.id, name));
        if last {
            txn = txn.delete(records::backup_key_key(&self.id));
        }
        let task = task_of(&self.world, &snapshot.value).await?;
        if let Some((task, revision)) = &task {
            txn = txn.when(Compare::mod_revision(records::task_key(task), *revision)).then(records::put_task(task));
        }
        tracing::info!(instance = %self.id, snapshot = name, "removed a snapshot");
        let event = Event::new(EventKind::BackupRemoved, self.world.clock.now());
        let kept = self.written(txn, name, event).await?;
        if let Some((task, _)) = &task {
            self.world.task_metrics.ended(task);
        }
        Ok(kept)
    }

    /// Records the run and the slot that it is for, in one transaction: none is made up twice.
    async fn begin(&self, seen: &Records, policy: &str, slot: Timestamp, name: String) -> Result<Kept> {
        let gone = || Error::Missing { what: format!("the snapshot policy {policy}") };
        let instance = seen.instance.as_ref().ok_or_else(gone)?;
        let policy = seen.policies.iter().find(|record| record.value.name == policy).ok_or_else(gone)?;
        let snapshot = Snapshot::of_policy(
            &instance.value,
            &policy.value,
            slot,
            name,
            Snapshot::draw_object(self.world.entropy.as_ref()),
        );
        let mut next = policy.value.clone();
        next.last_slot = Some(slot);
        let txn = Txn::new()
            .when(Compare::present(records::instance_key(&self.id)))
            .when(Compare::mod_revision(records::policy_key(&self.id, &next.name), policy.revision))
            .when(Compare::absent(records::snapshot_key(&self.id, &snapshot.name)))
            .then(records::put_policy(&self.id, &next))
            .then(records::put_snapshot(&snapshot));
        self.settled(txn, &snapshot.name).await
    }

    async fn take(&mut self, seen: &Records, name: &str) -> Result<Kept> {
        let snapshot = named(seen, name)?;
        let Some(instance) = &seen.instance else { return Ok(Kept::Gone) };
        let observed = observe(&self.world, &instance.value, &seen.status, &mut self.memory).await?;
        let cluster = Cluster {
            instance,
            status: &seen.status,
            observed: &observed,
            certificates: self.memory.certificates.as_deref(),
        };
        match take_now(&self.world, &cluster, snapshot.clone()).await {
            Ok(taken) => {
                // There is a good backup of what a restore made: what it replaced is needed no more.
                let restored = seen.status.restored.as_ref();
                if restored.is_some_and(|restored| restored.at < taken.value.taken_at()) {
                    self.world.runtime.drop_replaced(&self.id).await?;
                }
                Ok(Kept::Acted)
            }
            // What went wrong is recorded with when it is tried again.
            Err(Error::Backup(_)) => Ok(Kept::Acted),
            Err(error) => Err(error),
        }
    }

    /// Restores the newest and records how that went. One that could not be tried waits longer and longer.
    async fn drill(&mut self, seen: &Records, name: &str) -> Result<Kept> {
        let now = self.world.clock.now();
        if let Some((at, tries)) = self.untried {
            let again = at.saturating_add(cetcd_core::backup::snapshot::back_off(tries + 2)).unwrap_or(now);
            if again > now {
                return Ok(Kept::Waiting(Some(again)));
            }
        }
        let snapshot = named(seen, name)?;
        let Some(mut slot) = self.world.slots.try_drill(&self.id) else {
            return Ok(Kept::Waiting(now.saturating_add(DRILL_AGAIN).ok()));
        };
        let outcome = tokio::select! {
            biased;
            outcome = self.world.backups.drill(&snapshot.value) => Some(outcome),
            () = slot.is_in_the_way() => None,
            () = self.overtaken() => None,
        };
        drop(slot);
        let drill = match outcome {
            None => {
                tracing::info!(instance = %self.id, snapshot = name, "its proof gives way, and is begun again after");
                return Ok(Kept::Acted);
            }
            Some(Ok(drill)) => drill,
            Some(Err(error)) => {
                tracing::warn!(instance = %self.id, snapshot = name, %error, "a backup could not be proved; it is tried again");
                let tries = self.untried.map_or(0, |(_, tries)| tries);
                self.untried = Some((self.world.clock.now(), tries.saturating_add(1)));
                return Ok(Kept::Failed);
            }
        };
        self.untried = None;
        self.world.backup_metrics.drilled(&drill);
        if drill.passed {
            tracing::info!(instance = %self.id, snapshot = name, millis = drill.millis, "a backup is proved");
        } else {
            tracing::error!(instance = %self.id, snapshot = name, reason = drill.message, "a backup does not restore");
        }
        let event = Event::new(EventKind::DrillPassed, drill.at);
        let event = if drill.passed {
            event
        } else {
            Event { kind: EventKind::DrillFailed, ..event }.level(Level::Error).reason(&drill.message)
        };
        let mut proved = snapshot.value.clone();
        (proved.drill, proved.drill_wanted) = (Some(drill), false);
        let txn = Txn::new()
            .when(Compare::mod_revision(records::snapshot_key(&self.id, name), snapshot.revision))
            .then(records::put_snapshot(&proved));
        self.written(txn, name, event).await
    }

    /// Ends once a drill has to give way: to someone who asked for a snapshot or for the end of one, and to changes of
    /// the instance. Not to the runs of policies: those that are a minute apart would leave nothing proved.
    async fn overtaken(&self) {
        let Some(mut woken) = self.woken.clone() else { return std::future::pending().await };
        loop {
            woken.borrow_and_update();
            // A look that fails tells nothing: the next change is looked at again.
            if let Ok(seen) = self.read().await
                && goes_before_a_drill(&self.next(&seen, self.world.clock.now()), &seen)
            {
                return;
            }
            if woken.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Writes what became of a snapshot, and tells of it.
    async fn written(&self, txn: Txn, name: &str, event: Event) -> Result<Kept> {
        let txn = events::with_backup_event(self.world.store.as_ref(), &self.id, txn, event.detail(name)).await?;
        self.settled(txn, name).await
    }

    async fn settled(&self, txn: Txn, name: &str) -> Result<Kept> {
        let outcome = self.world.store.txn(txn).await?;
        if outcome.succeeded { Ok(Kept::Acted) } else { Err(Error::Conflict { what: format!("the snapshot {name}") }) }
    }
}

fn goes_before_a_drill(next: &Next, seen: &Records) -> bool {
    match next {
        Next::Delete { .. } | Next::Wait { .. } => true,
        Next::Take { name } => named(seen, name).is_ok_and(|record| record.value.policy().is_none()),
        Next::Begin { .. } | Next::Collect { .. } | Next::Drill { .. } => false,
    }
}

/// Whether snapshots can be asked of the instance's cluster.
fn is_ready(instance: &Instance, status: &Status) -> bool {
    !instance.spec.deleting && status.restore_under_way(instance).is_none()
}

fn named<'a>(seen: &'a Records, name: &str) -> Result<&'a Record<Snapshot>> {
    let found = seen.snapshots.iter().find(|record| record.value.name == name);
    found.ok_or_else(|| Error::Missing { what: format!("the snapshot {name}") })
}
