//! All that is true of an instance: what its controller recorded, what its metrics tell, how it is watched, and how its
//! backups are.

use cetcd_core::{
    Instance, InstanceId, PrometheusId, backup,
    condition::{Condition, ConditionKind},
    prometheus::{self, wanted_by},
};
use jiff::Timestamp;

use crate::{Monitor, judge};

impl Monitor {
    /// Every condition of the instance at `now`. Before the controller's first look nothing is known.
    pub fn all_conditions(&self, instance: &Instance, now: Timestamp) -> Vec<Condition> {
        let (id, view) = (&instance.id, self.view());
        let status = view.status(id);
        let mut conditions = status.as_ref().map_or_else(Vec::new, |status| status.conditions.clone());
        if !conditions.is_empty() {
            conditions.extend(self.conditions(id));
        }
        let by = wanted_by(instance).and_then(PrometheusId::parse).and_then(|id| view.prometheus_status(&id));
        conditions.extend(prometheus::condition(instance, by.as_deref()));
        // The age of a backup needs no look: it follows from records and the time.
        if status.is_some_and(|status| status.observed_generation > 0) {
            let (policies, snapshots) = (view.policies_of(id), view.snapshots_of(id));
            conditions.extend(backup::health::conditions(instance, &policies, &snapshots, now));
        }
        conditions
    }

    /// Whether members were watched for so long that a condition of `kind` that holds really does: soon after a start
    /// it holds for want of knowledge.
    pub fn may_tell_that_it_holds(&self, id: &InstanceId, kind: ConditionKind, now: Timestamp) -> bool {
        let seconds = judge::needs(kind);
        seconds == 0 || self.watched_since(id).is_some_and(|since| now.duration_since(since).as_secs() >= seconds)
    }
}
