//! What is counted of notifications.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Metrics of notifications. A webhook is known by its place in the setting: its URL may be a secret.
#[derive(Debug, Clone, Default)]
pub struct AlertMetrics {
    notifications: Family<Outcome, Counter>,
    waiting: Family<Place, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    webhook: usize,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    webhook: usize,
}

impl AlertMetrics {
    /// Shows the metrics in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("cetcd_alert");
        let help = "Tries to tell a webhook of an alert or its end, by outcome";
        registry.register("notifications", help, self.notifications.clone());
        registry.register("notifications_waiting", "What a webhook is still to be told", self.waiting.clone());
    }

    pub(crate) fn tried(&self, webhook: usize, outcome: &'static str) {
        self.notifications.get_or_create(&Outcome { webhook, outcome }).inc();
    }

    pub(crate) fn waits(&self, webhook: usize, count: usize) {
        self.waiting.get_or_create(&Place { webhook }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How often this was the outcome.
    #[cfg(test)]
    pub(crate) fn count(&self, webhook: usize, outcome: &'static str) -> u64 {
        self.notifications.get_or_create(&Outcome { webhook, outcome }).get()
    }
}
