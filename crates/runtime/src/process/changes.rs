//! Tells whoever waits that a process of an instance ended.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use cetcd_core::InstanceId;
use tokio::sync::watch;

/// A counter for every instance that someone watches.
#[derive(Debug, Default)]
pub struct Changes(Mutex<HashMap<InstanceId, watch::Sender<u64>>>);

impl Changes {
    /// Watches the counter of an instance, from now on.
    pub fn subscribe(&self, instance: &InstanceId) -> watch::Receiver<u64> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.retain(|_, counter| counter.receiver_count() > 0);
        counters.entry(instance.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Moves the counter of an instance.
    pub fn bump(&self, instance: &InstanceId) {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = counters.get(instance) {
            counter.send_modify(|count| *count += 1);
        }
    }
}
