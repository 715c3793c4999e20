//! Who watches instances: what is offered by the settings, and running it.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context, Result};
use cetcd_gateway::service::PrometheusCatalogue;
use cetcd_prometheus::{Options, ProcessWatchers, Service};
use cetcd_runtime::{
    CommandLine,
    process::{ServiceOptions, Services},
};

use crate::settings::Settings;

/// What the API can offer.
pub fn catalogue(settings: &Settings) -> Result<PrometheusCatalogue> {
    let external = settings.prometheus.elsewhere()?;
    Ok(PrometheusCatalogue {
        can_run: settings.prometheus.program()?.is_some(),
        grafana: settings.grafana.program().is_some(),
        external: external.into_iter().map(|(id, external)| (id, external.url)).collect(),
    })
}

/// Runs Prometheus instances below `dir`, and adopts those that run. `address` is where the API is served.
pub async fn watchers(
    settings: &Settings,
    dir: &Path,
    address: SocketAddr,
    tls: bool,
    session_wrapper: Option<CommandLine>,
) -> Result<Arc<ProcessWatchers>> {
    let mut options = ServiceOptions::new(dir.join("runtime").join("prometheus"));
    options.session_wrapper = session_wrapper;
    let services = Services::open(options).await?;
    let options = Options {
        binary: settings.prometheus.program()?,
        grafana: settings.grafana.program(),
        service: service(settings, dir, address, tls)?,
        interval_seconds: settings.prometheus.scrape_interval_seconds,
        external: settings.prometheus.elsewhere()?,
    };
    Ok(ProcessWatchers::new(options, services))
}

/// Where a process of this host reaches the API, and by whom it is verified.
fn service(settings: &Settings, dir: &Path, address: SocketAddr, tls: bool) -> Result<Service> {
    let ip = if address.ip().is_unspecified() { [127, 0, 0, 1].into() } else { address.ip() };
    let address = SocketAddr::new(ip, address.port());
    if !tls {
        return Ok(Service { url: format!("http://{address}"), ca: None });
    }
    let ca = settings.tls.cert.clone().unwrap_or_else(|| dir.join("tls").join("ca.crt"));
    let ca = fs::read_to_string(&ca).with_context(|| format!("cannot read {}", ca.display()))?;
    Ok(Service { url: format!("https://{address}"), ca: Some(ca) })
}
