//! What is true now.

use std::{sync::Arc, time::Duration};

use cetcd_monitor::Monitor;
use cetcd_store::view::View;
use jiff::Timestamp;

use crate::Alert;

/// Says what is wrong.
pub trait Source: Send + Sync + 'static {
    /// Everything that is wrong at `now`.
    fn firing(&self, now: Timestamp) -> Vec<Alert>;

    /// Whether what was once wrong is over for sure. What cannot be told yet is not.
    fn is_over(&self, alert: &Alert, now: Timestamp) -> bool;
}

/// The conditions of all instances.
pub struct Instances {
    view: Arc<View>,
    monitor: Arc<Monitor>,
    after: Duration,
}

impl Instances {
    /// What does not hold for at least `after` is wrong: a member that is started again within seconds is no reason to
    /// wake anyone.
    pub fn new(view: Arc<View>, monitor: Arc<Monitor>, after: Duration) -> Self {
        Self { view, monitor, after }
    }
}

impl Source for Instances {
    fn firing(&self, now: Timestamp) -> Vec<Alert> {
        let mut firing = Vec::new();
        for (id, _) in self.view.instance_revisions() {
            let Some(instance) = self.view.instance(&id).map(|record| record.value) else { continue };
            if instance.spec.deleting {
                continue;
            }
            let wrong = self.monitor.all_conditions(&instance, now).into_iter().filter(|condition| {
                let lasts = now.duration_since(condition.since);
                !condition.holds && lasts.as_secs_f64() >= self.after.as_secs_f64()
            });
            firing.extend(wrong.map(|condition| Alert::new(&instance, condition)));
        }
        firing
    }

    fn is_over(&self, alert: &Alert, now: Timestamp) -> bool {
        let Some(instance) = self.view.instance(&alert.instance).map(|record| record.value) else { return true };
        if instance.spec.deleting {
            return true;
        }
        let all = self.monitor.all_conditions(&instance, now);
        // What is not known yet after a start was wrong when it was last known.
        let Some(condition) = all.into_iter().find(|condition| condition.kind == alert.kind) else { return false };
        if condition.holds {
            self.monitor.may_tell_that_it_holds(&alert.instance, alert.kind, now)
        } else {
            condition.severity() != alert.severity
        }
    }
}
