//! All that a reconciler acts through.

use std::sync::Arc;

use cetcd_core::{Clock, Entropy, network::Networks, window::Window};
use cetcd_etcd::{operator::EtcdOperator, versions::Installer};
use cetcd_runtime::Runtime;
use cetcd_store::{Store, seal::Sealer};

use crate::{
    Issue, TaskMetrics,
    backups::{BackupMetrics, Backups, Slots},
};

/// The effects of the controller, each behind a trait.
#[derive(Clone)]
pub struct World {
    /// Where desired state is read and everything is recorded.
    pub store: Arc<dyn Store>,
    /// Seals secrets.
    pub sealer: Sealer,
    /// Runs members and endpoints.
    pub runtime: Arc<dyn Runtime>,
    /// Asks live members.
    pub admin: Arc<dyn EtcdOperator>,
    /// Brings binaries.
    pub installer: Arc<dyn Installer>,
    /// Makes certificates.
    pub issuer: Arc<dyn Issue>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps backups.
    pub backups: Arc<dyn Backups>,
    /// How much is done for backups at once.
    pub slots: Arc<Slots>,
    /// What is counted of backups.
    pub backup_metrics: BackupMetrics,
    /// How long tasks took.
    pub task_metrics: TaskMetrics,
    /// Names zones.
    pub networks: Arc<Networks>,
    /// What the service does by itself.
    pub policies: Policies,
}

/// What the service does by itself and what it leaves to a person, for all instances.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// Whether a cluster that lost its quorum for good goes on with the best of its survivors; else somebody has to
    /// ask for it.
    pub automatic_recovery: bool,
    /// When upkeep may disturb a little; never where absent.
    pub window: Option<Window>,
}
