//! An instance's public address: what its owner wants of it, where it is, and what the endpoint is to do about it.

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::instance::{Auth, Security};

/// The most networks that one instance lets in.
pub const MOST_NETWORKS: usize = 32;

/// What the owner wants: the instance can be reached from those networks, and from no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Internet {
    /// At most [`MOST_NETWORKS`], each once, in order.
    pub allowed: Vec<IpNet>,
}

/// The public address of an instance. It is the instance's own as long as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAddress {
    /// Where the endpoint listens.
    pub listen: SocketAddr,
    /// The name that clients know the address by, where there is one.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether the endpoint was ever seen to accept connections there. That is waited for once: an address that goes
    /// away later is told, and holds up no other change.
    #[serde(default)]
    pub opened: bool,
}

impl PublicAddress {
    /// What clients connect to: the name where there is one, else the address, and the port.
    pub fn host_and_port(&self) -> String {
        let Self { listen, name, .. } = self;
        name.as_ref().map_or_else(|| listen.to_string(), |name| format!("{name}:{}", listen.port()))
    }
}

/// What the endpoint is to do beside its first address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicRoute {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who is let in.
    pub allowed: Vec<IpNet>,
}

/// Whether everyone who connects has to prove something, by what is wanted: a certificate of the instance's CA, or a
/// password. Without either no instance is opened to the public.
pub fn is_guarded(security: Security, auth: Auth) -> bool {
    has_certificates(security) || auth.enabled == Some(true)
}

/// Whether clients have to show a certificate.
pub fn has_certificates(security: Security) -> bool {
    security.https && security.client_cert_auth
}
