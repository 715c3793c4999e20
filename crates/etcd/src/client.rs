//! Asking live members, over connections that are kept.

use std::{
    collections::HashMap,
    error::Error as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cetcd_core::{InstanceId, observed::Serving};
use etcd_client::{Certificate, Client, ConnectOptions, GetOptions, Identity, TlsOptions};

use crate::{
    Error, Result,
    admin::{ClientCredentials, EtcdAdmin, Target},
    answers::reason,
    metrics,
    session::Password,
};

/// A key that is read to see whether a quorum answers. Nobody needs to have written it.
const PROBED_KEY: &str = "health";

/// How members are asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a member may take for connection and answer together.
    pub timeout: Duration,
}

impl Default for Options {
    /// One and a half seconds: longer than an election at etcd's defaults, shorter than the two seconds
    /// between two looks at a member.
    fn default() -> Self {
        Self { timeout: Duration::from_millis(1500) }
    }
}

/// Members that really run. One connection is kept for each address and use; it is replaced when the
/// credentials change and dropped when the member does not answer.
#[derive(Default)]
pub struct LiveAdmin {
    pub(crate) options: Options,
    connections: Mutex<HashMap<(Use, SocketAddr), Connection>>,
    pub(crate) passwords: Mutex<HashMap<InstanceId, Password>>,
}

/// What a connection is for. Probes have their own, so that they are held up by nothing else, and a token
/// that expired is no reason for a probe to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    Probes,
    Operations,
}

struct Connection {
    instance: InstanceId,
    credentials: Option<Arc<ClientCredentials>>,
    client: Client,
}

impl LiveAdmin {
    /// Connects to nothing yet.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<(Use, SocketAddr), Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kept connection, or a new one, which connects when it is first used.
    pub(crate) async fn client(&self, target: &Target, used_for: Use) -> Result<Client, String> {
        let key = (used_for, target.address);
        if let Some(kept) = self.connections().get(&key)
            && kept.instance == target.instance
            && kept.credentials == target.credentials
        {
            return Ok(kept.client.clone());
        }
        let client = self.connect(target, used_for).await?;
        let connection = Connection {
            instance: target.instance.clone(),
            credentials: target.credentials.clone(),
            client: client.clone(),
        };
        self.connections().insert(key, connection);
        Ok(client)
    }

    /// A connection that is not kept. Each call of an operation has its own time.
    pub(crate) async fn connect(&self, target: &Target, used_for: Use) -> Result<Client, String> {
        let scheme = if target.credentials.is_some() { "https" } else { "http" };
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.options.timeout)
            .with_tcp_keepalive(Duration::from_secs(30));
        if used_for == Use::Probes {
            options = options.with_timeout(self.options.timeout);
        }
        if let Some(credentials) = &target.credentials {
            options = options.with_tls(
                TlsOptions::new()
                    .ca_certificate(Certificate::from_pem(&credentials.ca))
                    .identity(Identity::from_pem(&credentials.client.cert, &credentials.client.key))
                    // Members show certificates for their addresses.
                    .domain_name(target.address.ip().to_string()),
            );
        }
        Client::connect([format!("{scheme}://{}", target.address)], Some(options))
            .await
            // What it says may quote the PEM.
            .map_err(|_| "the control plane's certificate, key or CA for it cannot be read".to_owned())
    }

    /// Drops the kept connection, so that the next one starts anew.
    pub(crate) fn drop_connection(&self, target: &Target, used_for: Use) {
        self.connections().remove(&(used_for, target.address));
    }

    async fn ask(&self, target: &Target) -> Result<Serving, String> {
        let client = self.client(target, Use::Probes).await?;
        match tokio::time::timeout(self.options.timeout, status_and_read(&client)).await {
            Ok(Ok(serving)) => Ok(serving),
            Ok(Err(error)) => {
                if !is_answer(&error) {
                    self.drop_connection(target, Use::Probes);
                }
                Err(reason(&error))
            }
            Err(_) => {
                self.drop_connection(target, Use::Probes);
                Err(self.too_slow())
            }
        }
    }

    fn too_slow(&self) -> String {
        format!("no answer within {} ms", self.options.timeout.as_millis())
    }
}

#[async_trait]
impl EtcdAdmin for LiveAdmin {
    async fn probe(&self, target: &Target) -> Result<Serving> {
        self.ask(target).await.map_err(|reason| not_serving(target, reason))
    }

    async fn metrics(&self, target: &Target) -> Result<String> {
        tokio::time::timeout(self.options.timeout, metrics::get(target))
            .await
            .unwrap_or_else(|_| Err(self.too_slow()))
            .map_err(|reason| not_serving(target, reason))
    }

    async fn serves_peers(&self, peer: SocketAddr, ca: &str) -> bool {
        crate::peer::serves_peers(peer, ca).await
    }

    fn forget(&self, instance: &InstanceId) {
        self.connections().retain(|_, connection| connection.instance != *instance);
    }
}

/// What the member says of itself, after a read that took a quorum.
async fn status_and_read(client: &Client) -> Result<Serving, etcd_client::Error> {
    let status = client.maintenance_client().status().await?;
    let mut options = GetOptions::new().with_count_only();
    if status.is_learner() {
        // A learner takes no linearizable reads.
        options = options.with_serializable();
    }
    match client.kv_client().get(PROBED_KEY, Some(options)).await {
        Ok(_) => {}
        // The read itself was done: etcd asks who may read only after the quorum answered.
        Err(error) if is_about_permission(&error) => {}
        Err(error) => return Err(error),
    }
    let (cluster_id, member_id) = status.header().map_or((0, 0), |header| (header.cluster_id(), header.member_id()));
    let database_bytes = u64::try_from(status.db_size()).unwrap_or(0);
    Ok(Serving {
        cluster_id,
        member_id,
        leader: member_id != 0 && status.leader() == member_id,
        learner: status.is_learner(),
        version: status.version().to_owned(),
        database_bytes,
        // etcd 3.3 does not tell: all of it, then.
        database_bytes_in_use: u64::try_from(status.raft_used_db_size())
            .ok()
            .filter(|bytes| *bytes != 0)
            .unwrap_or(database_bytes),
    })
}

/// Whether etcd refused a read since auth is on and the client is nobody.
fn is_about_permission(error: &etcd_client::Error) -> bool {
    match error {
        etcd_client::Error::GRpcStatus(status) if status.source().is_none() => {
            let message = status.message();
            message.contains("etcdserver: permission denied") || message.contains("etcdserver: user name is empty")
        }
        _ => false,
    }
}

/// Whether etcd itself said so: then the connection is good.
fn is_answer(error: &etcd_client::Error) -> bool {
    matches!(error, etcd_client::Error::GRpcStatus(status)
        if status.source().is_none() && status.message().starts_with("etcdserver: "))
}

fn not_serving(target: &Target, reason: String) -> Error {
    Error::NotServing { address: target.address, reason }
}
