//! What is counted of backups.

use cetcd_core::{
    InstanceId,
    backup::{Drill, Policy, Snapshot},
};
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Metrics of backups. Three series an instance tell when its newest good and its newest proved backup are from, and
/// when the next is due; the others are few.
#[derive(Clone)]
pub struct BackupMetrics {
    snapshots: Family<OutcomeLabel, Counter>,
    bytes: Counter,
    seconds: Histogram,
    drills: Family<OutcomeLabel, Counter>,
    drill_seconds: Histogram,
    newest: Family<InstanceLabel, Gauge>,
    proved: Family<InstanceLabel, Gauge>,
    due: Family<InstanceLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabel {
    instance: String,
}

/// Upper bounds in seconds: an empty cluster takes a tenth, 8 GiB some minutes.
const BOUNDS: [f64; 9] = [0.1, 0.5, 2.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1800.0];

impl Default for BackupMetrics {
    fn default() -> Self {
        Self {
            snapshots: Family::default(),
            bytes: Counter::default(),
            seconds: Histogram::new(BOUNDS),
            drills: Family::default(),
            drill_seconds: Histogram::new(BOUNDS),
            newest: Family::default(),
            proved: Family::default(),
            due: Family::default(),
        }
    }
}

impl BackupMetrics {
    /// Shows the metrics in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("cetcd_backup");
        registry.register("snapshots", "Tries to take a snapshot, by outcome", self.snapshots.clone());
        registry.register("snapshot_bytes", "Bytes of the snapshots that were taken", self.bytes.clone());
        registry.register("snapshot_duration_seconds", "How long a try to take one took", self.seconds.clone());
        registry.register("drills", "Backups restored for proof, by outcome", self.drills.clone());
        registry.register(
            "drill_duration_seconds",
            "How long restoring took until it served",
            self.drill_seconds.clone(),
        );
        let help = "When the newest good backup of an instance is from, Unix time; 0 where there is none";
        registry.register("newest_good_timestamp_seconds", help, self.newest.clone());
        let help = "When the newest proved backup of an instance is from, Unix time; 0 where there is none";
        registry.register("newest_proved_timestamp_seconds", help, self.proved.clone());
        let help =
            "When the next backup of an instance has to be there at the latest, Unix time; absent without a policy";
        registry.register("due_timestamp_seconds", help, self.due.clone());
        // There from the beginning: a rate of what appears with its first event misses that event.
        for good in [true, false] {
            self.snapshots.get_or_create(&outcome(good)).inc_by(0);
            self.drills.get_or_create(&outcome(good)).inc_by(0);
        }
    }

    /// A try ended after `seconds`; with so many bytes, where it was good.
    pub(crate) fn took(&self, bytes: Option<u64>, seconds: f64) {
        self.snapshots.get_or_create(&outcome(bytes.is_some())).inc();
        self.bytes.inc_by(bytes.unwrap_or_default());
        self.seconds.observe(seconds);
    }

    pub(crate) fn drilled(&self, drill: &Drill) {
        self.drills.get_or_create(&outcome(drill.passed)).inc();
        #[expect(clippy::cast_precision_loss, reason = "a duration for people")]
        self.drill_seconds.observe(drill.millis as f64 / 1000.0);
    }

    /// `born` is when the instance was made, from which on it is to have backups.
    pub(crate) fn saw<'a>(
        &self,
        id: &InstanceId,
        born: Timestamp,
        policies: impl Iterator<Item = &'a Policy>,
        snapshots: impl Iterator<Item = &'a Snapshot> + Clone,
    ) {
        let newest = |of: fn(&Snapshot) -> bool| {
            let good = snapshots.clone().filter(|snapshot| of(snapshot));
            good.map(|snapshot| snapshot.taken_at().as_second()).max().unwrap_or_default()
        };
        let label = InstanceLabel { instance: id.to_string() };
        let good = newest(Snapshot::is_good);
        self.newest.get_or_create(&label).set(good);
        self.proved.get_or_create(&label).set(newest(Snapshot::is_proved));
        match policies.map(|policy| policy.settings.interval_seconds).min() {
            Some(interval) => {
                let interval = i64::try_from(interval).unwrap_or(i64::MAX);
                self.due.get_or_create(&label).set(good.max(born.as_second()).saturating_add(interval));
            }
            None => {
                self.due.remove(&label);
            }
        }
    }

    pub(crate) fn forgot(&self, id: &InstanceId) {
        let label = InstanceLabel { instance: id.to_string() };
        for family in [&self.newest, &self.proved, &self.due] {
            family.remove(&label);
        }
    }
}

fn outcome(good: bool) -> OutcomeLabel {
    OutcomeLabel { outcome: if good { "success" } else { "failure" } }
}
