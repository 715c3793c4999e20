//! The typed keyspace: which record lies under which key.
//!
//! | key | record | written by |
//! |---|---|---|
//! | `/instances/{id}` | [`Instance`], desired state | the API |
//! | `/status/{id}` | [`Status`] | the controller |
//! | `/tasks/{id}/{task}` | [`Task`] | the API makes, the controller advances |
//! | `/policies/{id}/{name}` | [`SnapshotPolicy`] | both |
//! | `/snapshots/{id}/{name}` | [`Snapshot`]; outlives its instance | both |
//! | `/backup-keys/{id}` | what backups of the instance are encrypted with, sealed; outlives it too | the controller |
//! | `/events/{id}/{place}` | [`Event`](cetcd_core::Event)s, see [`crate::events`] | the controller |
//! | `/alerts/{webhook}/{alert}` | what a webhook was told of and not yet that it is over | who delivers alerts |
//! | `/secrets/{id}/{name}` | sealed bytes | both |
//! | `/addresses/{ip:port}` | ID of the instance, or of the Prometheus instance, that holds it | the controller |
//! | `/prometheus/{prom}` | [`Prometheus`], desired state | the API |
//! | `/prometheus-status/{prom}` | [`PrometheusStatus`]; of those too that run elsewhere | the controller |
//! | `/prometheus-secrets/{prom}` | [`PrometheusSecrets`], sealed | the API |
//! | `/quota/{account}/{region}` | moves with every creation, so that two cannot pass the limit together | the API |

use std::net::SocketAddr;

pub use cetcd_core::backup::Policy as SnapshotPolicy;
use cetcd_core::{
    Instance, InstanceId, PrometheusId, Status, Task,
    backup::Snapshot,
    member::KeyPair,
    prometheus::{Prometheus, PrometheusStatus},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{Entry, Error, Op, Result, Store, passwords::RootPasswords, seal::Sealer};

/// Prefix of every instance.
pub const INSTANCES: &str = "/instances/";
/// Prefix of every status.
pub const STATUS: &str = "/status/";
/// Prefix of every task.
pub const TASKS: &str = "/tasks/";
/// Prefix of every snapshot policy.
pub const POLICIES: &str = "/policies/";
/// Prefix of every snapshot.
pub const SNAPSHOTS: &str = "/snapshots/";
/// Prefix of every event.
pub const EVENTS: &str = "/events/";
/// Prefix of what webhooks were told.
pub const ALERTS: &str = "/alerts/";
/// Prefix of every reserved address.
pub const ADDRESSES: &str = "/addresses/";

/// Prefix of every Prometheus instance of ours.
pub const PROMETHEUS: &str = "/prometheus/";
/// Prefix of every status of a Prometheus instance.
pub const PROMETHEUS_STATUS: &str = "/prometheus-status/";

/// Key of an instance's desired state.
pub fn instance_key(id: &InstanceId) -> String {
    format!("{INSTANCES}{id}")
}

/// Key of an instance's status.
pub fn status_key(id: &InstanceId) -> String {
    format!("{STATUS}{id}")
}

/// Prefix of an instance's tasks. They stay when the instance is gone.
pub fn tasks_prefix(id: &InstanceId) -> String {
    format!("{TASKS}{id}/")
}

/// Key of a task.
pub fn task_key(task: &Task) -> String {
    format!("{TASKS}{}/{}", task.instance, task.id)
}

/// Prefix of an instance's policies.
pub fn policies_prefix(id: &InstanceId) -> String {
    format!("{POLICIES}{id}/")
}

/// Key of a policy.
pub fn policy_key(id: &InstanceId, name: &str) -> String {
    format!("{POLICIES}{id}/{name}")
}

/// Prefix of an instance's secrets.
pub fn secrets_prefix(id: &InstanceId) -> String {
    format!("/secrets/{id}/")
}

/// Key of an instance's certificates: [`InstanceCertificates`], sealed.
pub fn certificates_key(id: &InstanceId) -> String {
    format!("/secrets/{id}/certificates")
}

/// Key of the password that backups of the instance use, sealed.
pub fn backup_password_key(id: &InstanceId) -> String {
    format!("/secrets/{id}/backup-password")
}

/// Key of what a Prometheus shows to the instance's members: [`PrometheusClient`], sealed.
pub fn prometheus_client_key(id: &InstanceId) -> String {
    format!("/secrets/{id}/prometheus-client")
}

/// Key of the passwords that root of the instance was given: [`RootPasswords`], sealed.
pub fn root_passwords_key(id: &InstanceId) -> String {
    format!("/secrets/{id}/root-passwords")
}

/// Key of the password that a policy's backups use, sealed. That of [`DEFAULT_POLICY`] is written by the creation of
/// the instance, before the policy is.
pub fn policy_password_key(id: &InstanceId, policy: &str) -> String {
    if policy == DEFAULT_POLICY { backup_password_key(id) } else { format!("/secrets/{id}/policy-passwords/{policy}") }
}

/// Key of the password that one snapshot uses, sealed; it goes when the snapshot has ended.
pub fn snapshot_password_key(id: &InstanceId, snapshot: &str) -> String {
    format!("/secrets/{id}/snapshot-passwords/{snapshot}")
}

/// Prefix of an instance's snapshots. They stay when the instance is gone.
pub fn snapshots_prefix(id: &InstanceId) -> String {
    format!("{SNAPSHOTS}{id}/")
}

/// Key of a snapshot.
pub fn snapshot_key(id: &InstanceId, name: &str) -> String {
    format!("{SNAPSHOTS}{id}/{name}")
}

/// Key of what the backups of an instance are encrypted with, sealed. Not among its secrets: it stays as long as
/// there are backups, which an instance's deletion keeps.
pub fn backup_key_key(id: &InstanceId) -> String {
    format!("/backup-keys/{id}")
}

/// Key of a reserved address.
pub fn address_key(address: &SocketAddr) -> String {
    format!("{ADDRESSES}{address}")
}

/// Key of a Prometheus instance's desired state.
pub fn prometheus_key(id: &PrometheusId) -> String {
    format!("{PROMETHEUS}{id}")
}

/// Key of a Prometheus instance's status.
pub fn prometheus_status_key(id: &PrometheusId) -> String {
    format!("{PROMETHEUS_STATUS}{id}")
}

/// Key of a Prometheus instance's [`PrometheusSecrets`], sealed.
pub fn prometheus_secrets_key(id: &PrometheusId) -> String {
    format!("/prometheus-secrets/{id}")
}

/// Key that every creation of an account in a region moves.
pub fn quota_key(account: &str, region: &str) -> String {
    format!("/quota/{account}/{region}")
}

/// Name of the policy that creation makes.
pub const DEFAULT_POLICY: &str = "default-backup-policy";

/// The CA of an instance and all that it issued. Sealed as one record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCertificates {
    /// The CA.
    pub authority: StoredPair,
    /// The client with CN=root that the owner and the control plane use.
    pub client: StoredPair,
    /// Certificates of members, by ordinal.
    pub members: std::collections::BTreeMap<u32, MemberPairs>,
    /// The next CA: trusted beside the first, and issues nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<StoredPair>,
    /// The CA before: trusted beside the first. It issues what members show to clients; its key is thrown away
    /// (empty) when it issues nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<StoredPair>,
}

impl InstanceCertificates {
    /// The CA that issues what members show to clients.
    pub fn server_authority(&self) -> &StoredPair {
        self.outgoing.as_ref().filter(|former| !former.key.is_empty()).unwrap_or(&self.authority)
    }

    /// Every CA that is to be trusted, PEM; first the one that issued what members show to clients.
    pub fn trusted(&self) -> String {
        let first = self.server_authority();
        let others = [Some(&self.authority), self.incoming.as_ref(), self.outgoing.as_ref()];
        let others = others.into_iter().flatten().filter(|ca| ca.cert != first.cert);
        std::iter::once(first).chain(others).map(|ca| ca.cert.as_str()).collect()
    }
}

impl std::fmt::Debug for InstanceCertificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstanceCertificates(redacted)")
    }
}

/// A certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPair {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: String,
}

impl From<&StoredPair> for KeyPair {
    fn from(pair: &StoredPair) -> Self {
        Self { cert: pair.cert.clone(), key: pair.key.clone() }
    }
}

/// What one member shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberPairs {
    /// To clients.
    pub server: StoredPair,
    /// To peers.
    pub peer: StoredPair,
}

/// What a Prometheus instance of ours lets its users in by, and what we let it in by. Sealed as one record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrometheusSecrets {
    /// The password of its one user.
    pub password: String,
    /// The bearer token that it asks for its targets with.
    pub token: String,
    /// The password of Grafana's user.
    pub grafana_password: String,
}

impl std::fmt::Debug for PrometheusSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrometheusSecrets(redacted)")
    }
}

/// The client certificate of an instance that a Prometheus shows. Sealed as one record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrometheusClient {
    /// The certificate of the CA that issued it.
    pub issued_by: String,
    /// It, with its key.
    pub pair: StoredPair,
}

/// A record and the revision at which it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<T> {
    /// The record.
    pub value: T,
    /// Revision of its last change: the precondition of the next one.
    pub revision: u64,
}

/// Reads a record from its stored form.
pub fn decode<T: DeserializeOwned>(entry: &Entry) -> Result<Record<T>> {
    let value = serde_json::from_slice(&entry.value).map_err(|source| Error::Backend {
        doing: "read a record",
        source: format!("{}: {source}", entry.key).into(),
    })?;
    Ok(Record { value, revision: entry.mod_revision })
}

/// The stored form of a record.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("records have string keys and no failing serializers")
}

/// Reads the record under `key`.
pub async fn get<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<Record<T>>> {
    store.get(key).await?.as_ref().map(decode).transpose()
}

/// An operation that writes an instance's desired state.
pub fn put_instance(instance: &Instance) -> Op {
    Op::put(instance_key(&instance.id), encode(instance))
}

/// An operation that writes a status.
pub fn put_status(id: &InstanceId, status: &Status) -> Op {
    Op::put(status_key(id), encode(status))
}

/// An operation that writes a task.
pub fn put_task(task: &Task) -> Op {
    Op::put(task_key(task), encode(task))
}

/// An operation that writes a policy.
pub fn put_policy(id: &InstanceId, policy: &SnapshotPolicy) -> Op {
    Op::put(policy_key(id, &policy.name), encode(policy))
}

/// An operation that writes a snapshot.
pub fn put_snapshot(snapshot: &Snapshot) -> Op {
    Op::put(snapshot_key(&snapshot.instance, &snapshot.name), encode(snapshot))
}

/// An operation that seals and writes a secret.
pub fn put_secret(sealer: &Sealer, key: &str, plain: &[u8]) -> Op {
    Op::put(key, sealer.seal(key, plain))
}

/// Reads every snapshot of an instance, by name.
pub async fn snapshots(store: &dyn Store, id: &InstanceId) -> Result<Vec<Record<Snapshot>>> {
    store.range(&snapshots_prefix(id)).await?.entries.iter().map(decode).collect()
}

/// Reads every policy of an instance, by name.
pub async fn policies(store: &dyn Store, id: &InstanceId) -> Result<Vec<Record<SnapshotPolicy>>> {
    store.range(&policies_prefix(id)).await?.entries.iter().map(decode).collect()
}

/// Reads and opens the secret under `key`.
pub async fn secret(store: &dyn Store, sealer: &Sealer, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    store.get(key).await?.map(|entry| sealer.open(key, &entry.value)).transpose()
}

/// Reads and opens the certificates of an instance.
pub async fn certificates(store: &dyn Store, sealer: &Sealer, id: &InstanceId) -> Result<Option<InstanceCertificates>> {
    store.get(&certificates_key(id)).await?.map(|entry| open_certificates(sealer, id, &entry)).transpose()
}

/// Opens the certificates of an instance.
pub fn open_certificates(sealer: &Sealer, id: &InstanceId, entry: &Entry) -> Result<InstanceCertificates> {
    let plain = sealer.open(&certificates_key(id), &entry.value)?;
    // The parser's message may quote the text it read, which is secret: only the fact is told.
    serde_json::from_slice(&plain)
        .map_err(|_| Error::Backend { doing: "read certificates", source: "the record is not as expected".into() })
}

/// Reads and opens the passwords that root of an instance was given, with the revision they were last written at.
/// None, at revision 0, where it never was.
pub async fn root_passwords(store: &dyn Store, sealer: &Sealer, id: &InstanceId) -> Result<Record<RootPasswords>> {
    let key = root_passwords_key(id);
    let Some(entry) = store.get(&key).await? else {
        return Ok(Record { value: RootPasswords::default(), revision: 0 });
    };
    Ok(Record { value: open_root_passwords(sealer, id, &entry)?, revision: entry.mod_revision })
}

/// Opens the passwords that root of an instance was given.
pub fn open_root_passwords(sealer: &Sealer, id: &InstanceId, entry: &Entry) -> Result<RootPasswords> {
    let plain = sealer.open(&root_passwords_key(id), &entry.value)?;
    // As above: only the fact is told.
    serde_json::from_slice(&plain)
        .map_err(|_| Error::Backend { doing: "read root's passwords", source: "the record is not as expected".into() })
}

/// An operation that seals and writes the passwords that root of an instance was given.
pub fn put_root_passwords(sealer: &Sealer, id: &InstanceId, passwords: &RootPasswords) -> Op {
    let plain = Zeroizing::new(encode(passwords));
    put_secret(sealer, &root_passwords_key(id), &plain)
}

/// An operation that writes a Prometheus instance's desired state.
pub fn put_prometheus(prometheus: &Prometheus) -> Op {
    Op::put(prometheus_key(&prometheus.id), encode(prometheus))
}

/// An operation that writes a Prometheus instance's status.
pub fn put_prometheus_status(id: &PrometheusId, status: &PrometheusStatus) -> Op {
    Op::put(prometheus_status_key(id), encode(status))
}

/// An operation that seals and writes a Prometheus instance's secrets.
pub fn put_prometheus_secrets(sealer: &Sealer, id: &PrometheusId, secrets: &PrometheusSecrets) -> Op {
    let plain = Zeroizing::new(encode(secrets));
    put_secret(sealer, &prometheus_secrets_key(id), &plain)
}

/// An operation that seals and writes what a Prometheus shows to the instance's members.
pub fn put_prometheus_client(sealer: &Sealer, id: &InstanceId, client: &PrometheusClient) -> Op {
    let plain = Zeroizing::new(encode(client));
    put_secret(sealer, &prometheus_client_key(id), &plain)
}

/// Reads and opens the secrets of a Prometheus instance.
pub async fn prometheus_secrets(
    store: &dyn Store,
    sealer: &Sealer,
    id: &PrometheusId,
) -> Result<Option<PrometheusSecrets>> {
    sealed(store, sealer, &prometheus_secrets_key(id), "read secrets of a Prometheus").await
}

/// Reads and opens what a Prometheus shows to the instance's members.
pub async fn prometheus_client(
    store: &dyn Store,
    sealer: &Sealer,
    id: &InstanceId,
) -> Result<Option<PrometheusClient>> {
    sealed(store, sealer, &prometheus_client_key(id), "read a certificate for a Prometheus").await
}

async fn sealed<T: DeserializeOwned>(
    store: &dyn Store,
    sealer: &Sealer,
    key: &str,
    doing: &'static str,
) -> Result<Option<T>> {
    let Some(plain) = secret(store, sealer, key).await? else { return Ok(None) };
    // As above: only the fact is told.
    let failed = |_| Error::Backend { doing, source: "the record is not as expected".into() };
    serde_json::from_slice(&plain).map(Some).map_err(failed)
}
