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
    answers::{Failure, Kind},
    bulk::Bulk,
    metrics,
    session::Passwords,
};

/// What the certificates of all members are for.
const COMMON_NAME: &str = "127.0.0.1";

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
    pub(crate) passwords: Mutex<HashMap<InstanceId, Passwords>>,
    /// For reading metrics.
    connectors: metrics::Connectors,
}

/// What a connection is for. Probes have their own, so that they are held up by nothing else, and a token
/// that expired is no reason for a probe to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    Probes,
    Operations,
    /// Gigabytes that come beside what the member has to do otherwise. Never kept.
    Snapshots,
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
        self.keep(target, used_for, &client);
        Ok(client)
    }

    fn keep(&self, target: &Target, used_for: Use, client: &Client) {
        let connection = Connection {
            instance: target.instance.clone(),
            credentials: target.credentials.clone(),
            client: client.clone(),
        };
        self.connections().insert((used_for, target.address), connection);
    }

    /// A connection that is not kept. Each call of an operation has its own time.
    pub(crate) async fn connect(&self, target: &Target, used_for: Use) -> Result<Client, String> {
        // Members show certificates for their addresses.
        self.connect_as(target, used_for, &target.address.ip().to_string()).await
    }

    /// The same to a member that has to show a certificate for `name`.
    async fn connect_as(&self, target: &Target, used_for: Use, name: &str) -> Result<Client, String> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.options.timeout)
            .with_tcp_keepalive(Duration::from_secs(30));
        if used_for == Use::Probes {
            options = options.with_timeout(self.options.timeout);
        }
        let tls = target.credentials.as_ref().map(|credentials| {
            TlsOptions::new()
                .ca_certificate(Certificate::from_pem(&credentials.ca))
                .identity(Identity::from_pem(&credentials.client.cert, &credentials.client.key))
                .domain_name(name)
        });
        if let Some(tls) = &tls {
            options = options.with_tls(tls.clone());
        }
        // What it says may quote the PEM.
        let unreadable = "the control plane's certificate, key or CA for it cannot be read";
        if used_for == Use::Snapshots {
            let bulk = Bulk::to(url(target), tls, self.options.timeout).map_err(|_| unreadable)?;
            let connected = Client::connect_with_balanced_channel([url(target)], Some(options), bulk).await;
            return connected.map_err(|_| unreadable.to_owned());
        }
        Client::connect([url(target)], Some(options)).await.map_err(|_| unreadable.to_owned())
    }

    /// Drops the kept connection, so that the next one starts anew.
    pub(crate) fn drop_connection(&self, target: &Target, used_for: Use) {
        self.connections().remove(&(used_for, target.address));
    }

    async fn ask(&self, target: &Target) -> Result<Serving> {
        let client = self.client(target, Use::Probes).await.map_err(|reason| not_serving(target, reason))?;
        let failure = match self.in_time(target, status_and_read(&client)).await? {
            Ok(serving) => return Ok(serving),
            Err(error) => Failure::new(target.address, &error),
        };
        if !matches!(failure.kind, Kind::NotRoot | Kind::OldToken) {
            return Err(unwell(target, failure));
        }
        // From 3.5.28 a member tells its status to root only.
        let session = self.over(target, Ok(client.clone()))?;
        if !session.may_log_in() {
            return Err(unwell(target, failure));
        }
        let client = match self.in_time(target, session.log_in_as_user()).await? {
            Ok(()) => client,
            Err(failure) if failure.kind == Kind::Learner => Box::pin(self.let_in_by_another(target)).await?,
            Err(failure) => return Err(unwell(target, failure)),
        };
        let answer = self.in_time(target, status_and_read(&client)).await?;
        answer.map_err(|error| unwell(target, Failure::new(target.address, &error)))
    }

    /// A connection to a learner that lasts. A learner takes the token of any member, and gives none itself: so the
    /// connection is first one to a member that was asked before, logs in there, and is then moved.
    async fn let_in_by_another(&self, target: &Target) -> Result<Client> {
        let others: Vec<SocketAddr> = {
            let kept = self.connections();
            let of_it =
                kept.iter().filter(|((_, address), c)| c.instance == target.instance && *address != target.address);
            of_it.filter(|((used_for, _), _)| *used_for == Use::Probes).map(|((_, address), _)| *address).collect()
        };
        let mut why =
            not_serving(target, "it is a learner, and no other member is known that lets anybody in".to_owned());
        for address in others {
            let other = Target { address, ..target.clone() };
            let client = self.connect_as(&other, Use::Probes, COMMON_NAME).await;
            let session = self.over(&other, client)?;
            match self.in_time(&other, session.log_in_as_user()).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    why = unwell(&other, failure);
                    continue;
                }
                Err(error) => {
                    why = error;
                    continue;
                }
            }
            let client = session.client;
            let move_it = async {
                client.add_endpoint(url(target)).await?;
                client.remove_endpoint(url(&other)).await
            };
            move_it.await.map_err(|error| unwell(target, Failure::new(target.address, &error)))?;
            self.keep(target, Use::Probes, &client);
            return Ok(client);
        }
        Err(why)
    }

    /// The answer of a probe, where one comes in time. A connection that none came over is not used again.
    async fn in_time<T, E: Answer>(
        &self,
        target: &Target,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>> {
        match tokio::time::timeout(self.options.timeout, asked).await {
            Ok(Err(error)) if !error.is_answer() => {
                self.drop_connection(target, Use::Probes);
                Ok(Err(error))
            }
            Ok(answer) => Ok(answer),
            Err(_) => {
                self.drop_connection(target, Use::Probes);
                Err(not_serving(target, self.too_slow()))
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
        Box::pin(self.ask(target)).await
    }

    async fn metrics(&self, target: &Target) -> Result<String> {
        tokio::time::timeout(self.options.timeout, metrics::get(target, &self.connectors))
            .await
            .unwrap_or_else(|_| Err(self.too_slow()))
            .map_err(|reason| not_serving(target, reason))
    }

    async fn serves_peers(&self, peer: SocketAddr, ca: &str) -> bool {
        crate::peer::serves_peers(peer, ca).await
    }

    fn forget(&self, instance: &InstanceId) {
        self.connections().retain(|_, connection| connection.instance != *instance);
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).remove(instance);
        self.connectors.forget(instance);
    }
}

/// Where the member serves clients.
fn url(target: &Target) -> String {
    let scheme = if target.credentials.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", target.address)
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

/// What went wrong with a question.
trait Answer {
    /// Whether etcd itself said so: then the connection is good.
    fn is_answer(&self) -> bool;
}

impl Answer for etcd_client::Error {
    fn is_answer(&self) -> bool {
        matches!(self, Self::GRpcStatus(status)
            if status.source().is_none() && status.message().starts_with("etcdserver: "))
    }
}

impl Answer for Failure {
    fn is_answer(&self) -> bool {
        self.kind != Kind::Silent
    }
}

/// What a probe says of a member that does not answer as it should: that it does not let the control plane in, or that
/// it does not serve.
fn unwell(target: &Target, failure: Failure) -> Error {
    match failure.into() {
        error @ (Error::NotRoot { .. } | Error::NotServing { .. }) => error,
        other => not_serving(target, other.to_string()),
    }
}

fn not_serving(target: &Target, reason: String) -> Error {
    Error::NotServing { address: target.address, reason }
}
