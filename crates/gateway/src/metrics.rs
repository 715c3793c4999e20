//! What the gateway counts and times.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The label of every action that the registry does not have: names that callers invent make no series.
pub(crate) const UNKNOWN_ACTION: &str = "unknown";
/// The code of a request that succeeded.
pub(crate) const OK: &str = "OK";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByActionAndCode {
    action: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}

/// The gateway's metrics, all named `cetcd_api_…`.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<ByActionAndCode, Counter>,
    durations: Family<ByAction, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) panics: Counter,
    pub(crate) audit_lost: Counter,
}

fn histogram() -> Histogram {
    Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            panics: Counter::default(),
            audit_lost: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("cetcd_api");
        registry.register("requests", "Requests answered, by action and code", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request's headers to its answer, by action",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        registry.register("connections", "Client connections open", metrics.connections.clone());
        registry.register("handler_panics", "Requests whose handler panicked", metrics.panics.clone());
        registry.register(
            "audit_records_lost",
            "Audit records that could not be written to the audit log",
            metrics.audit_lost.clone(),
        );
        metrics
    }

    pub(crate) fn answered(&self, action: &'static str, code: &'static str, duration: Duration) {
        self.requests.get_or_create(&ByActionAndCode { action, code }).inc();
        self.durations.get_or_create(&ByAction { action }).observe(duration.as_secs_f64());
    }
}

/// Counts something for as long as it lives.
#[derive(Debug)]
pub(crate) struct Held(Gauge);

impl Held {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}
