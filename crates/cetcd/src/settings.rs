//! Settings: default, then file, then `CETCD_…` environment, then flag. Each section has a file of its own.

mod alerts;
mod backup;
mod certificates;
mod console;
mod etcd;
mod internet;
mod limits;
mod load;
mod log;
mod maintenance;
mod monitor;
mod prometheus;
mod recovery;
mod runtime;
#[cfg(test)]
mod tests;
mod tls;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Result, bail};
use cetcd_core::{EtcdVersion, network::Networks};
use jiff::SignedDuration;
use serde::Deserialize;

use self::load::list;
pub use self::{
    alerts::Alerts,
    backup::Backup,
    certificates::Certificates,
    console::{Console, KeyAccess},
    etcd::Etcd,
    internet::Internet,
    limits::Limits,
    load::{Flags, load},
    log::Log,
    maintenance::Maintenance,
    monitor::Monitor,
    prometheus::{Grafana, Prometheus},
    recovery::{Recovery, RecoveryPolicy},
    runtime::Runtime,
    tls::Tls,
};

/// All settings of `cetcd serve`. Every one has a default, so that an empty file is a good file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where the API and the console are served. Plain http on loopback, https elsewhere.
    pub listen: SocketAddr,
    /// The regions that exist.
    #[serde(deserialize_with = "list")]
    pub regions: Vec<String>,
    /// Host names under which the service may be reached behind something that rewrites the Host header.
    #[serde(deserialize_with = "list")]
    pub service_domains: Vec<String>,
    /// VPCs and subnets.
    pub networks: Networks,
    /// Limits of the API.
    pub limits: Limits,
    /// etcd's binaries.
    pub etcd: Etcd,
    /// How members are run.
    pub runtime: Runtime,
    /// Where instances can be reached from outside.
    pub internet: Internet,
    /// Certificates of instances.
    pub certificates: Certificates,
    /// The certificate of the API.
    pub tls: Tls,
    /// Backups.
    pub backup: Backup,
    /// Reading members' metrics.
    pub monitor: Monitor,
    /// Who is told where something is wrong.
    pub alerts: Alerts,
    /// Prometheus instances.
    pub prometheus: Prometheus,
    /// The Grafana that is run beside each.
    pub grafana: Grafana,
    /// What is done where a cluster lost its quorum.
    pub recovery: Recovery,
    /// When upkeep may disturb a little.
    pub maintenance: Maintenance,
    /// The web console.
    pub console: Console,
    /// The service's own log.
    pub log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(".cetcd"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8379)),
            regions: cetcd_api::REGIONS.iter().map(|region| (*region).to_owned()).collect(),
            service_domains: vec!["cetcd.tencentcloudapi.com".to_owned()],
            networks: Networks::default(),
            limits: Limits::default(),
            etcd: Etcd::default(),
            runtime: Runtime::default(),
            internet: Internet::default(),
            certificates: Certificates::default(),
            tls: Tls::default(),
            backup: Backup::default(),
            monitor: Monitor::default(),
            alerts: Alerts::default(),
            prometheus: Prometheus::default(),
            grafana: Grafana::default(),
            recovery: Recovery::default(),
            maintenance: Maintenance::default(),
            console: Console::default(),
            log: Log::default(),
        }
    }
}

fn check(settings: &Settings) -> Result<()> {
    if settings.regions.is_empty() {
        bail!("`regions` is empty: name at least one, for example ap-guangzhou");
    }
    if settings.tls.cert.is_some() != settings.tls.key.is_some() {
        bail!("`tls.cert` and `tls.key` go together: set both or neither");
    }
    if settings.backup.access_key_id.is_some() != settings.backup.secret_access_key.is_some() {
        bail!("`backup.access_key_id` and `backup.secret_access_key` go together: set both or neither");
    }
    if !["text", "json"].contains(&settings.log.format.as_str()) {
        bail!("`log.format` is {:?}: it may be text or json", settings.log.format);
    }
    let (leaf, authority) = (settings.certificates.leaf_life(), settings.certificates.authority_life());
    let longest = SignedDuration::from_hours(100 * 366 * 24);
    if leaf.is_zero() || authority < leaf || authority > longest {
        bail!(
            "`certificates`: leaves are valid for at least a day, a CA for at least as long as its leaves and at most \
             100 years"
        );
    }
    if !(1..=300).contains(&settings.monitor.interval_seconds) {
        bail!("`monitor.interval_seconds` is {}: it may be 1 to 300", settings.monitor.interval_seconds);
    }
    settings.maintenance.window()?;
    settings.internet.range()?;
    settings.prometheus.check()?;
    for version in settings.etcd.sums.keys() {
        version.parse::<EtcdVersion>().map_err(|reason| anyhow::anyhow!("`etcd.sums`: {reason}"))?;
    }
    Ok(())
}
