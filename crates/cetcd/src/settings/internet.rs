//! Where instances can be reached from outside.

use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use cetcd_runtime::process::PublicRange;
use serde::Deserialize;

/// Where instances can be reached from outside: an address of this host, a port of it for each of them. Nowhere unless
/// both are set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Internet {
    /// The address that the endpoint listens at; `0.0.0.0` or `::` for all that the host has.
    pub address: Option<IpAddr>,
    /// The ports that are given to instances, such as `32000-32999`.
    pub ports: Option<String>,
    /// The name that clients know the address by; it is in the certificates then.
    pub name: Option<String>,
}

impl Internet {
    /// The range, where there is one.
    pub fn range(&self) -> Result<Option<PublicRange>> {
        let (address, ports) = match (self.address, &self.ports) {
            (None, None) if self.name.is_none() => return Ok(None),
            (Some(address), Some(ports)) => (address, ports),
            _ => bail!("`internet.address` and `internet.ports` go together, and `internet.name` needs both"),
        };
        let wrong = || format!("`internet.ports` is {ports:?}: it may be like 32000-32999, from 1024 on");
        let (first, last) = ports.split_once('-').with_context(wrong)?;
        let port = |text: &str| text.trim().parse::<u16>().with_context(wrong);
        let (first, last) = (port(first)?, port(last)?);
        if first < 1024 || last < first {
            bail!(wrong());
        }
        if let Some(name) = &self.name {
            cetcd_pki::check_dns_name(name).context("`internet.name`")?;
        }
        if address.is_unspecified() && self.name.is_none() {
            bail!("`internet.address` is {address}: set `internet.name` too, since clients need one to connect to");
        }
        Ok(Some(PublicRange { address, first, last, name: self.name.clone() }))
    }
}
