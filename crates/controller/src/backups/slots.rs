//! How much is done at once, over all instances.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cetcd_core::InstanceId;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

/// Snapshots that are taken at once: each keeps a core and the network busy.
const SNAPSHOTS: usize = 2;

/// Who may move bytes now: a few snapshots at once, one of an instance, one drill.
pub struct Slots {
    snapshots: Arc<Semaphore>,
    drills: Arc<Semaphore>,
    instances: Mutex<BTreeMap<InstanceId, Arc<Turns>>>,
}

/// Whose turn it is with one instance.
#[derive(Default)]
struct Turns {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// How often someone had to wait: a drill hears of it.
    waited: watch::Sender<u64>,
}

/// Leave to move bytes, until it is dropped.
pub struct Slot {
    _instance: OwnedMutexGuard<()>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Leave to prove a snapshot, until it is dropped.
pub struct DrillSlot {
    _slot: Slot,
    waited: watch::Receiver<u64>,
}

impl DrillSlot {
    /// Ends once someone waits who wants to take a snapshot of the instance.
    pub async fn is_in_the_way(&mut self) {
        if self.waited.changed().await.is_err() {
            // Nobody can wait any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
            drills: Arc::new(Semaphore::new(1)),
            instances: Mutex::default(),
        }
    }
}

impl Slots {
    /// Waits until a snapshot of the instance may be taken. For the instance first: who waits for it must not keep a
    /// place that others could have.
    pub async fn snapshot(&self, id: &InstanceId) -> Slot {
        let turns = self.turns(id);
        let instance = if let Ok(free) = Arc::clone(&turns.lock).try_lock_owned() {
            free
        } else {
            turns.waited.send_modify(|times| *times += 1);
            Arc::clone(&turns.lock).lock_owned().await
        };
        // It is never closed.
        Slot { _instance: instance, _permit: Arc::clone(&self.snapshots).acquire_owned().await.ok() }
    }

    /// Leave to prove a snapshot of the instance, where there is a place now.
    pub fn try_drill(&self, id: &InstanceId) -> Option<DrillSlot> {
        let turns = self.turns(id);
        let waited = turns.waited.subscribe();
        let instance = Arc::clone(&turns.lock).try_lock_owned().ok()?;
        let permit = Arc::clone(&self.drills).try_acquire_owned().ok()?;
        Some(DrillSlot { _slot: Slot { _instance: instance, _permit: Some(permit) }, waited })
    }

    fn turns(&self, id: &InstanceId) -> Arc<Turns> {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        // Of instances that nobody waits for nothing is kept.
        instances.retain(|_, turns| Arc::strong_count(turns) > 1 || Arc::strong_count(&turns.lock) > 1);
        Arc::clone(instances.entry(id.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_drill_hears_of_who_waits_for_its_instance_and_of_nobody_else() {
        let (slots, mine) = (Slots::default(), InstanceId::parse("etcd-abcd1234").expect("well formed"));
        let other = InstanceId::parse("etcd-abcd1235").expect("well formed");
        drop(slots.snapshot(&mine).await);
        let mut drill = slots.try_drill(&mine).expect("nothing is under way");
        drop(slots.snapshot(&other).await);
        assert!(drill.is_in_the_way().now_or_never().is_none());
        assert!(slots.snapshot(&mine).now_or_never().is_none());
        assert!(drill.is_in_the_way().now_or_never().is_some());
        drop(drill);
        assert!(slots.snapshot(&mine).now_or_never().is_some());
    }
}
