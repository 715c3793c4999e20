//! What the controller counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cetcd_core::{InstanceId, Task, certificates::Issued, status::Phase};
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
    looks: Histogram,
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
            looks: Histogram::new(BOUNDS),
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
        let help = "How long it took to look at an instance, to plan and to record, before anything was done";
        registry.register("look_duration_seconds", help, self.looks.clone());
    }

    pub(crate) fn acted(&self, action: &'static str, good: bool, seconds: f64) {
        let outcome = if good { "success" } else { "failure" };
        self.actions.get_or_create(&ActionLabels { action, outcome }).inc();
        self.durations.get_or_create(&NameLabel { action }).observe(seconds);
    }

    pub(crate) fn saw(&self, id: &InstanceId, phase: Phase, issued: &Issued, seconds: f64) {
        self.turns.inc();
        self.looks.observe(seconds);
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

/// How long tasks took. Labels are types and states of tasks: a small, fixed set.
#[derive(Clone)]
pub struct TaskMetrics(Family<TaskLabels, Histogram>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    r#type: &'static str,
    state: &'static str,
}

/// Upper bounds in seconds: a snapshot takes a tenth, moving five large members minutes.
const TASK_BOUNDS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1200.0, 3600.0];

impl Default for TaskMetrics {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(TASK_BOUNDS)))
    }
}

impl TaskMetrics {
    /// Shows the metrics in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "How long a task took from its acceptance to its end, by type and state";
        registry.register("cetcd_task_duration_seconds", help, self.0.clone());
    }

    /// A task has ended; one that goes on is passed over.
    pub(crate) fn ended(&self, task: &Task) {
        if task.is_open() {
            return;
        }
        let labels = TaskLabels { r#type: task.kind.as_str(), state: task.state.as_str() };
        let took = task.updated_at.duration_since(task.created_at);
        self.0.get_or_create(&labels).observe(took.as_secs_f64().max(0.0));
    }
}
