//! The traits of the controller's world, over the simulated one.

mod backups;
mod etcd;
mod issuer;
mod runtime;
mod store;
mod time;

pub(crate) use backups::{SimBackups, Stored};
pub(crate) use etcd::{SimEtcd, SimInstaller, VERSIONS};
pub(crate) use issuer::{SimIssuer, believes, shown_until};
pub(crate) use runtime::SimRuntime;
pub(crate) use store::SimStore;
pub(crate) use time::{SimClock, SimEntropy, time_of};
