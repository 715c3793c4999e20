//! What the controller counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cetcd_core::{InstanceId, certificates::Issued, status::Phase};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The controller's metrics. Labels are names of actions and phases, a small, fixed set; and one series an instance
/// tells when the first of its certificates ends.
#[derive(Clone)]
pub struct Metrics {
    actions: Family<ActionLabels, Counter>,
    durations: Family<NameLabel, Histogram>,
    instances: Family<PhaseLabel, Gauge>,
    turns: Counter,
    certificates: Family<InstanceLabel, Gauge>,
    phases: Arc<Mutex<BTreeMap<InstanceId, Phase>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabels {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabel {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabel {
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabel {
    instance: String,
}

/// Upper bounds in seconds: a store write is a few milliseconds, a download minutes.
const BOUNDS: [f64; 10] = [0.002, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 300.0];

impl Default for Metrics {
    fn default() -> Self {
        Self {
            actions: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            instances: Family::default(),
            turns: Counter::default(),
            certificates: Family::default(),
            phases: Arc::default(),
        }
    }
}

impl Metrics {
    /// Shows the metrics in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("cetcd_controller");
        registry.register("actions", "Actions done, by name and outcome", self.actions.clone());
        registry.register("action_duration_seconds", "How long an action took", self.durations.clone());
        registry.register("instances", "Instances, by status", self.instances.clone());
        let help = "When the first of an instance's certificates ends, Unix time";
        registry.register("certificate_end_timestamp_seconds", help, self.certificates.clone());
        registry.register("turns", "Reconciliation turns taken", self.turns.clone());
    }

    pub(crate) fn acted(&self, action: &'static str, good: bool, seconds: f64) {
        let outcome = if good { "success" } else { "failure" };
        self.actions.get_or_create(&ActionLabels { action, outcome }).inc();
        self.durations.get_or_create(&NameLabel { action }).observe(seconds);
    }

    pub(crate) fn saw(&self, id: &InstanceId, phase: Phase, issued: &Issued) {
        self.turns.inc();
        if let Some(leaf) = issued.soonest() {
            let label = InstanceLabel { instance: id.to_string() };
            self.certificates.get_or_create(&label).set(leaf.validity.until.as_second());
        }
        self.set_phase(id, Some(phase));
    }

    pub(crate) fn forgot(&self, id: &InstanceId) {
        self.certificates.remove(&InstanceLabel { instance: id.to_string() });
        self.set_phase(id, None);
    }

    fn set_phase(&self, id: &InstanceId, phase: Option<Phase>) {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match phase {
            Some(phase) => phases.insert(id.clone(), phase),
            None => phases.remove(id),
        };
        if before == phase {
            return;
        }
        for (phase, change) in [(before, -1), (phase, 1)] {
            if let Some(phase) = phase {
                self.instances.get_or_create(&PhaseLabel { phase: phase.as_str() }).inc_by(change);
            }
        }
    }
}
