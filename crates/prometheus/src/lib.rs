//! A Prometheus for instances: what it and its Grafana are set up with, running them, and asking them how it goes.
//!
//! ```text
//!   controller ── Wanted ─► ProcessWatchers ─► config (files) ─► prometheus, a process of this host
//!                                 └─► client ─► its API: what it reads      └─► members' /metrics, as jobs tell it
//! ```
//!
//! Each instance is a scrape job of its own, since each has a CA of its own. Which members it has a job asks the
//! service itself, by HTTP service discovery: members come and go without the configuration being touched.
//!
//! One that runs elsewhere is given the same jobs as files, which its operator includes.

pub mod assets;
mod client;
mod config;
mod error;
mod grafana;
mod host;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use async_trait::async_trait;
use cetcd_core::{InstanceId, PrometheusId, member::KeyPair};
use cetcd_runtime::Placement;
use tokio::sync::watch;

pub use error::{Error, Result};
pub use host::{External, GrafanaProgram, Options, ProcessWatchers, Service, find_binary};

/// The one user of every Prometheus of ours.
pub const USER: &str = "cetcd";

/// Runs Prometheus instances and asks them.
///
/// Every method is idempotent: done again, or after a crash half-way, it ends in the same state.
#[async_trait]
pub trait Watchers: Send + Sync + 'static {
    /// Sees to it that the Prometheus has these jobs and no others, and that it runs, where it is ours. Answers whether
    /// its configuration was changed.
    async fn ensure(&self, wanted: &Wanted) -> Result<bool>;

    /// Looks at a Prometheus; `ours` says how to be let in where it is ours.
    async fn look(&self, id: &PrometheusId, ours: Option<&Ours>) -> Look;

    /// Ends a Prometheus of ours, and removes all that it kept.
    async fn remove(&self, id: &PrometheusId) -> Result<()>;

    /// Where a Prometheus and its Grafana serve at a place.
    fn addresses(&self, place: Placement) -> [SocketAddr; 2];

    /// Those that run elsewhere and are named in the settings.
    fn external(&self) -> Vec<PrometheusId>;

    /// Whether new ones can be run here.
    fn can_run(&self) -> bool;

    /// A counter that moves when a process of one of them ended: the sign to look again.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// A Prometheus as it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub id: PrometheusId,
    /// The bearer token that it asks for its targets with.
    pub token: String,
    /// A job for each instance that it watches.
    pub jobs: Vec<Job>,
    /// What else it takes to run it, where it is ours.
    pub ours: Option<Ours>,
}

/// A Prometheus that is run here.
#[derive(Clone, PartialEq, Eq)]
pub struct Ours {
    /// Where it serves.
    pub listen: SocketAddr,
    /// The password of [`USER`].
    pub password: String,
    /// How long samples are kept, in days.
    pub retention_days: u32,
    /// Where its Grafana serves, where one is run.
    pub grafana: SocketAddr,
    /// The user of Grafana.
    pub grafana_user: String,
    /// The password of Grafana's user.
    pub grafana_password: String,
}

/// An instance that is scraped.
#[derive(Clone, PartialEq, Eq)]
pub struct Job {
    /// Which.
    pub instance: InstanceId,
    /// How to be let in by its members; absent where they serve plain http.
    pub tls: Option<JobTls>,
}

/// What a Prometheus shows to members, and whom it believes.
#[derive(Clone, PartialEq, Eq)]
pub struct JobTls {
    /// Every CA that the members' certificates may be of, PEM.
    pub ca: String,
    /// A client certificate of the instance, with its key.
    pub client: KeyPair,
}

/// One look at a Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Why it does not serve, where it does not.
    pub problem: Option<String>,
    /// The instances that its configuration names.
    pub jobs: BTreeSet<InstanceId>,
    /// What it reads.
    pub targets: BTreeMap<InstanceId, Vec<Target>>,
}

impl Look {
    /// How many members of an instance it was told of, how many it reads, and why it does not read the first that it
    /// does not.
    pub fn counts(targets: &[Target]) -> (u32, u32, String) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let up = targets.iter().filter(|target| target.up == Some(true)).count();
        let down = targets.iter().find(|target| target.up == Some(false));
        let reason = down.map_or_else(String::new, |target| format!("{}: {}", target.member, target.error));
        (number(targets.len()), number(up), reason)
    }
}

/// What a Prometheus says of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The member's name.
    pub member: String,
    /// Whether its last scrape succeeded; absent before the first.
    pub up: Option<bool>,
    /// Why the last scrape failed; empty where it did not.
    pub error: String,
}
