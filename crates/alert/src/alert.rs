//! One thing that is wrong with one instance.

use cetcd_core::{
    Instance, InstanceId,
    condition::{Condition, ConditionKind, Severity},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A condition that does not hold, as a webhook is told of it. It is the same alert for as long as instance, kind and
/// severity are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The instance.
    pub instance: InstanceId,
    /// What its owner calls it.
    pub name: String,
    /// Its owner.
    pub account: String,
    /// Where it is.
    pub region: String,
    /// What does not hold.
    pub kind: ConditionKind,
    /// How urgent that is.
    pub severity: Severity,
    /// Since when it does not hold.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

impl Alert {
    /// The alert of a condition that does not hold.
    pub(crate) fn new(instance: &Instance, condition: Condition) -> Self {
        Self {
            instance: instance.id.clone(),
            name: instance.spec.name.clone(),
            account: instance.account.clone(),
            region: instance.region.clone(),
            kind: condition.kind,
            severity: condition.severity(),
            since: condition.since,
            reason: condition.reason,
        }
    }

    /// What it is known by.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}.{}", self.instance, self.kind.as_str(), self.severity.as_str())
    }
}
