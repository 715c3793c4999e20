//! What the control plane asks of a live member.

use std::{fmt, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use cetcd_core::{InstanceId, member::KeyPair, observed::Serving};

/// Operations on live members.
#[async_trait]
pub trait EtcdAdmin: Send + Sync + 'static {
    /// Asks one member for its status and a linearizable read, over a connection kept for the next time.
    /// Bounded in time: a member that accepts connections without answering is an error, not a wait.
    async fn probe(&self, target: &Target) -> Result<Serving, super::Error>;

    /// The member's own metrics, in Prometheus text format, at most 8 MiB.
    async fn metrics(&self, target: &Target) -> Result<String, super::Error>;

    /// Waits, for at most two seconds, until the member serves its peers at `peer`. `ca` is the instance's CA, PEM.
    async fn serves_peers(&self, peer: SocketAddr, ca: &str) -> bool;

    /// Drops every connection to the instance's members, and the passwords that it was told of them.
    fn forget(&self, instance: &InstanceId);
}

/// A member to be asked.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its instance.
    pub instance: InstanceId,
    /// Where it serves clients.
    pub address: SocketAddr,
    /// How to be let in; `None` where https is off.
    pub credentials: Option<Arc<ClientCredentials>>,
}

/// The control plane's way into an instance: a client certificate with CN=root, so that it is root where
/// auth is on.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The instance's CA, PEM.
    pub ca: String,
    /// Certificate and key of the client.
    pub client: KeyPair,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCredentials(redacted)")
    }
}
