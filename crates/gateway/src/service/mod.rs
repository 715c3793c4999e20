//! The service handlers: what each action of the API does.
//!
//! ```text
//!   reads    ──► View (in memory, no I/O) ──► answer
//!   changes  ──► store: read ──► check ──► one transaction with a precondition ──► wait for the View ──► answer
//! ```
//!
//! A handler writes desired state and tasks, never a status, and touches no cluster: the controller follows.
//! Waiting for the view makes every caller read its own write. A transaction that lost a race is tried again
//! from the new state, a bounded number of times.
//!
//! Whatever belongs to another account or region is answered as if it did not exist, and so is an ID that has
//! not the form of one.

mod attributes;
mod audit;
mod backups;
mod clusters;
mod commit;
mod configuration;
mod converge;
mod create;
mod credentials;
mod delete;
mod discovery;
mod events;
mod health;
mod instances;
mod internet;
mod keys;
mod lookup;
mod members;
mod metrics;
mod monitoring;
mod policies;
mod progress;
mod prometheus;
mod protection;
mod recover;
mod resize;
mod restore;
mod rotate;
mod rpc_methods;
mod snapshots;
mod surroundings;
mod tasks;
#[cfg(test)]
mod tests;
mod transfers;

use std::sync::Arc;

use cetcd_core::{Entropy, EtcdVersion, network::Networks};
use cetcd_monitor::{LiveMembers, Monitor};
use cetcd_store::{Store, seal::Sealer, view::View};

pub use clusters::{FoundKey, KeyPage, KeyRange, LiveClusters, Standing};
pub use discovery::{Discovery, StoredTargets};
pub use prometheus::PrometheusCatalogue;
pub use transfers::{Transferred, Transfers};

use crate::{AuditOptions, EventStreams};

/// The versions of etcd that new instances can have.
pub trait VersionCatalogue: Send + Sync + 'static {
    /// The versions on offer, in any order. Asked on every creation and listing: it must be cheap and not wait.
    fn available(&self) -> Vec<EtcdVersion>;

    /// Whether the version's binaries are on the machine already; another has to be downloaded first.
    fn installed(&self, version: &EtcdVersion) -> bool;
}

/// What an account may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Instances of an account in a region, those under creation or deletion included.
    pub instances_per_region: usize,
    /// Instances of all accounts that can be open to the public at a time: how many public ports there are.
    pub public_ports: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instances_per_region: 5, public_ports: 0 }
    }
}

/// What the handlers need.
pub struct Dependencies {
    /// Where desired state is written.
    pub store: Arc<dyn Store>,
    /// What is read from; the caller drives the future that feeds it.
    pub view: Arc<View>,
    /// Seals the secrets of a request before they are stored, and opens certificates.
    pub sealer: Sealer,
    /// Draws the IDs of instances and tasks.
    pub entropy: Arc<dyn Entropy>,
    /// The VPCs and subnets that instances can be in.
    pub networks: Arc<Networks>,
    /// The regions served, as DescribeEtcdRegions is to list them.
    pub regions: Vec<String>,
    /// The versions on offer.
    pub versions: Arc<dyn VersionCatalogue>,
    /// The way to the members.
    pub members: Arc<dyn LiveMembers>,
    /// The way to clusters, for closer looks.
    pub clusters: Arc<dyn LiveClusters>,
    /// How far backups are that move now.
    pub transfers: Arc<dyn Transfers>,
    /// Whether keys of instances may be read through the API.
    pub keys_readable: bool,
    /// Where the audit log is, which is also read from; `None` where none is written.
    pub audit: Option<AuditOptions>,
    /// What members' metrics said over the last two hours.
    pub monitor: Arc<Monitor>,
    /// Gives tickets for streams of changes.
    pub streams: Arc<EventStreams>,
    /// What an account may have.
    pub limits: Limits,
    /// How long both CAs are good in a rotation of credentials where a request does not say, in seconds.
    pub overlap_seconds: u64,
    /// What there is of Prometheus instances.
    pub prometheus: PrometheusCatalogue,
}

/// The handlers of every action: [`Handler`](crate::Handler) is implemented for each.
pub struct Service {
    store: Arc<dyn Store>,
    view: Arc<View>,
    sealer: Sealer,
    entropy: Arc<dyn Entropy>,
    networks: Arc<Networks>,
    regions: Vec<String>,
    versions: Arc<dyn VersionCatalogue>,
    members: Arc<dyn LiveMembers>,
    clusters: Arc<dyn LiveClusters>,
    transfers: Arc<dyn Transfers>,
    keys_readable: bool,
    audit: Option<AuditOptions>,
    monitor: Arc<Monitor>,
    streams: Arc<EventStreams>,
    limits: Limits,
    overlap_seconds: u64,
    prometheus: PrometheusCatalogue,
}

impl Service {
    /// Puts the handlers together.
    pub fn new(dependencies: Dependencies) -> Self {
        let Dependencies {
            store,
            view,
            sealer,
            entropy,
            networks,
            regions,
            versions,
            members,
            clusters,
            transfers,
            keys_readable,
            audit,
            monitor,
            streams,
            limits,
            overlap_seconds,
            prometheus,
        } = dependencies;
        Self {
            store,
            view,
            sealer,
            entropy,
            networks,
            regions,
            versions,
            members,
            clusters,
            transfers,
            keys_readable,
            audit,
            monitor,
            streams,
            limits,
            overlap_seconds,
            prometheus,
        }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("regions", &self.regions).field("limits", &self.limits).finish_non_exhaustive()
    }
}
