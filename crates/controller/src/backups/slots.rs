//! How much is done at once, over all instances.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cetcd_core::InstanceId;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// Snapshots that are taken at once: each keeps a core and the network busy.
const SNAPSHOTS: usize = 2;

/// Who may move bytes now: a few snapshots at once, one of an instance, one drill.
pub struct Slots {
    snapshots: Arc<Semaphore>,
    drills: Arc<Semaphore>,
    instances: Mutex<BTreeMap<InstanceId, Arc<tokio::sync::Mutex<()>>>>,
}

/// Leave to move bytes, until it is dropped.
pub struct Slot {
    _instance: OwnedMutexGuard<()>,
    _permit: Option<OwnedSemaphorePermit>,
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
        let instance = self.lock(id).lock_owned().await;
        // It is never closed.
        Slot { _instance: instance, _permit: Arc::clone(&self.snapshots).acquire_owned().await.ok() }
    }

    /// Leave to prove a snapshot of the instance, where there is a place now.
    pub fn try_drill(&self, id: &InstanceId) -> Option<Slot> {
        let instance = self.lock(id).try_lock_owned().ok()?;
        let permit = Arc::clone(&self.drills).try_acquire_owned().ok()?;
        Some(Slot { _instance: instance, _permit: Some(permit) })
    }

    fn lock(&self, id: &InstanceId) -> Arc<tokio::sync::Mutex<()>> {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        // Of instances that nobody waits for nothing is kept.
        instances.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(instances.entry(id.clone()).or_default())
    }
}
