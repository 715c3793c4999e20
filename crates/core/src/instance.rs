//! The desired state of an instance: what the API writes and the controller only reads.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EtcdVersion, InstanceId, internet::Internet};

/// An instance as its owner wants it. Stored as one record, changed only by the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name for machines.
    pub id: InstanceId,
    /// The account that owns it; others do not see it.
    pub account: String,
    /// The region it lives in; it is not seen from another.
    pub region: String,
    /// When the request that made it was accepted.
    pub created_at: Timestamp,
    /// Counts the changes of `spec` that the controller has to act upon, from 1.
    pub generation: u64,
    /// What is wanted.
    pub spec: Spec,
}

/// What is wanted of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its name for people; not unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// VPC that it belongs to.
    pub vpc_id: String,
    /// Subnet that the endpoint's address is taken from.
    pub service_subnet_id: String,
    /// Subnets that members are spread over, evenly and in order.
    pub subnet_ids: Vec<String>,
    /// Version that every member runs.
    pub version: EtcdVersion,
    /// How many upgrades were asked for: tells one that is tried again from one that failed.
    #[serde(default)]
    pub upgrades: u64,
    /// Number of members: 1, 3, 5, 7 or 9.
    pub size: u8,
    /// How clients reach it.
    pub security: Security,
    /// Automatic compaction; etcd's default (none) where absent.
    pub auto_compaction: Option<AutoCompaction>,
    /// Backups by the policy that creation makes.
    pub backup: BackupSettings,
    /// Which Prometheus watches it, if one does.
    pub monitor: Option<MonitorSettings>,
    /// More DNS names in the server certificates.
    pub custom_domains: Vec<String>,
    /// More addresses in the server certificates.
    pub custom_ips: Vec<IpAddr>,
    /// Billing mode: kept and shown, without effect here.
    pub charge: Charge,
    /// Storage of each member in GB (10^9 bytes); bounds the backend quota and is watched.
    pub disk_size_gb: u32,
    /// Limits of each member's process; none where absent.
    pub resources: Option<Resources>,
    /// etcd's own authentication, as far as anything of it was ever asked for.
    #[serde(default)]
    pub auth: Auth,
    /// Deleting the instance deletes its backups too; else they are kept.
    #[serde(default)]
    pub delete_backups: bool,
    /// What is wanted of its CA.
    #[serde(default)]
    pub credentials: CredentialsWish,
    /// Deletion is refused while this is set.
    pub deletion_protection: bool,
    /// The instance is to be taken down and forgotten.
    pub deleting: bool,
    /// The generation at which somebody last asked to go on without a quorum; 0 where nobody did. It counts until the
    /// instance has converged on that generation.
    #[serde(default)]
    pub recovery_asked: u64,
    /// The last restore that was asked for; done where the status says so.
    #[serde(default)]
    pub restore: Option<Restore>,
    /// Who reaches it by a public address; nobody where absent.
    #[serde(default)]
    pub internet: Option<Internet>,
}

/// A snapshot that takes the place of the instance's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// A UUID: the same snapshot restored twice is two restores.
    pub id: String,
    /// The instance that the snapshot is of.
    pub source: InstanceId,
    /// The snapshot's name.
    pub snapshot: String,
    /// Whether what is replaced is not backed up first.
    pub skip_backup: bool,
}

/// What a member's process is started with, as far as it follows from what is wanted. A member that runs with
/// another one is restarted, one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The version that it runs.
    pub version: EtcdVersion,
    /// How clients reach it.
    pub security: Security,
    /// Automatic compaction.
    pub auto_compaction: Option<AutoCompaction>,
    /// Backend quota in bytes.
    pub quota_bytes: u64,
    /// Limits of its process.
    pub resources: Option<Resources>,
    /// Which CAs it trusts: [`crate::status::Rotation::trust`].
    #[serde(default)]
    pub trust: u32,
}

impl RunConfig {
    /// One line that two configurations share exactly when they are equal: what a runtime keeps beside a process
    /// to tell what that was started with.
    pub fn line(&self) -> String {
        let compaction = self.auto_compaction.as_ref();
        let compaction = compaction.map_or_else(String::new, |c| format!("{}:{}", c.mode.as_str(), c.retention));
        let limits = self.resources.map_or_else(String::new, |r| format!("{}c{}g", r.cpu, r.memory_gib));
        // Nothing of the first CA: so it was written before there could be another.
        let trust = if self.trust == 0 { String::new() } else { format!(" trust={}", self.trust) };
        format!(
            "{} https={} client-cert-auth={} compaction={compaction} quota={} limits={limits}{trust}",
            self.version, self.security.https, self.security.client_cert_auth, self.quota_bytes
        )
    }

    /// The same for a process that was started with `--force-new-cluster`: never what is wanted for good, so that the
    /// flag goes with the next roll.
    pub fn forced_line(&self) -> String {
        format!("{} force-new-cluster", self.line())
    }
}

/// What is wanted of the instance's CA. Every count only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialsWish {
    /// How many rotations were asked for.
    pub rotations: u32,
    /// How long both CAs are good in a rotation, in seconds.
    pub overlap_seconds: u64,
    /// The overlap that is to end at once, by [`crate::status::Rotation::trust`]; 0 for none.
    pub end_overlap: u32,
}

/// How long both CAs are good in a rotation where nobody says otherwise: a day, in seconds.
pub const DEFAULT_OVERLAP_SECONDS: u64 = 24 * 3600;

impl Default for CredentialsWish {
    fn default() -> Self {
        Self { rotations: 0, overlap_seconds: DEFAULT_OVERLAP_SECONDS, end_overlap: 0 }
    }
}

/// How clients reach the members. Peers always use mTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// TLS for clients.
    pub https: bool,
    /// Clients must show a certificate of the instance's CA; needs `https`.
    pub client_cert_auth: bool,
}

impl Default for Security {
    fn default() -> Self {
        Self { https: true, client_cert_auth: true }
    }
}

/// What the owner wants of etcd's own authentication. What he never asked for is his own business: he may run it with
/// etcdctl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Auth {
    /// Whether it is to be on; absent where that was never said.
    pub enabled: Option<bool>,
    /// Which of the passwords given for the user root is the last one, counted from 1; 0 where none was given. The
    /// passwords themselves are sealed in the store, not here.
    pub password_generation: u64,
}

impl Auth {
    /// Whether the owner wants anything of it.
    pub fn is_managed(&self) -> bool {
        *self != Self::default()
    }
}

/// Automatic compaction as etcd takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoCompaction {
    /// By age or by revisions.
    pub mode: CompactionMode,
    /// A duration such as `5m` for periodic (a bare number is hours), a count for revision; as etcd reads it.
    pub retention: String,
}

/// What automatic compaction goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompactionMode {
    /// Keeps the history of the last so long.
    Periodic,
    /// Keeps the last so many revisions.
    Revision,
}

impl CompactionMode {
    /// The word that etcd's flag and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Revision => "revision",
        }
    }
}

/// When backups are made and how many are kept. A password, if any, is sealed in the store, not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSettings {
    /// Seconds between two backups.
    pub interval_seconds: u64,
    /// How many are kept.
    pub max_count: u32,
    /// User that the backup is made as where auth is on.
    pub user: Option<String>,
    /// Bucket that backups go to; the service's default where absent.
    pub cos_bucket_name: Option<String>,
}

impl Default for BackupSettings {
    /// Hourly, 24 kept.
    fn default() -> Self {
        Self { interval_seconds: 3600, max_count: 24, user: None, cos_bucket_name: None }
    }
}

/// Which Prometheus watches the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorSettings {
    /// By its ID. What an earlier release accepted need not be one of those there are.
    #[serde(alias = "existing_prometheus")]
    pub prometheus: Option<String>,
}

/// Billing mode, kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// `PREPAID` or `POSTPAID_BY_HOUR`.
    pub kind: String,
    /// Months of a prepaid period.
    pub period: Option<i64>,
    /// How a prepaid period is renewed.
    pub renew_flag: Option<String>,
}

impl Default for Charge {
    fn default() -> Self {
        Self { kind: "POSTPAID_BY_HOUR".to_owned(), period: None, renew_flag: None }
    }
}

/// Limits of a member's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Cores.
    pub cpu: u32,
    /// Memory in GiB.
    pub memory_gib: u32,
}

/// DiskSize where the request names none, in GB.
pub const DEFAULT_DISK_SIZE_GB: u32 = 20;

/// The largest backend that etcd's own documentation recommends: 8 GiB.
const LARGEST_QUOTA: u64 = 8 * 1024 * 1024 * 1024;

impl Spec {
    /// What is wanted by who names a version and nothing else: one member, nowhere yet, and nothing that has to be
    /// asked for. What is said replaces it.
    pub fn new(version: EtcdVersion) -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            vpc_id: String::new(),
            service_subnet_id: String::new(),
            subnet_ids: Vec::new(),
            version,
            upgrades: 0,
            size: 1,
            security: Security::default(),
            auto_compaction: None,
            backup: BackupSettings::default(),
            monitor: None,
            custom_domains: Vec::new(),
            custom_ips: Vec::new(),
            charge: Charge::default(),
            disk_size_gb: DEFAULT_DISK_SIZE_GB,
            resources: None,
            auth: Auth::default(),
            delete_backups: false,
            credentials: CredentialsWish::default(),
            deletion_protection: false,
            deleting: false,
            recovery_asked: 0,
            restore: None,
            internet: None,
        }
    }

    /// The backend quota in bytes: half of the disk, since defragmentation writes a second copy beside the
    /// first, and no more than what etcd recommends.
    pub fn quota_bytes(&self) -> u64 {
        (u64::from(self.disk_size_gb) * 1_000_000_000 / 2).min(LARGEST_QUOTA)
    }

    /// What one member may keep on disk, in bytes.
    pub fn disk_limit_bytes(&self) -> u64 {
        u64::from(self.disk_size_gb) * 1_000_000_000
    }

    /// The subnet of each wanted member: evenly over the subnets, in order.
    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.subnet_ids.iter().cycle().take(usize::from(self.size)).map(String::as_str)
    }

    /// What every member is to run with, where they are to trust `trust` ([`crate::status::Rotation::trust`]).
    pub fn run_config(&self, trust: u32) -> RunConfig {
        RunConfig {
            version: self.version.clone(),
            security: self.security,
            auto_compaction: self.auto_compaction.clone(),
            quota_bytes: self.quota_bytes(),
            resources: self.resources,
            trust,
        }
    }
}
