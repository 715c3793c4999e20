//! What the controller recorded of an instance. The API only reads it.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    EtcdVersion, Instance, InstanceId,
    condition::Condition,
    instance::{Restore, RunConfig, Spec},
    internet::PublicAddress,
    recovery::{QuorumLoss, Recovered, Recovery},
};

/// What the controller knows and must not forget, one record an instance, written only by the controller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// What the API shows.
    pub phase: Phase,
    /// The last generation that the instance has converged on; 0 before the first.
    pub observed_generation: u64,
    /// The token of the cluster's first start; empty before placement. Never used for a second cluster.
    pub cluster_token: String,
    /// The cluster's ID, latched when the first member served. From then on no member starts as `new`.
    pub cluster_id: Option<u64>,
    /// Where clients connect.
    pub endpoint: Option<SocketAddr>,
    /// Where else clients connect, while the instance is, or was a moment ago, open to the public.
    #[serde(default)]
    pub public: Option<PublicAddress>,
    /// Every member that is or may be running, by ordinal. A record is written before the member is started.
    pub members: Vec<MemberRecord>,
    /// The snapshot that was taken before the upgrade to a version, so that it is taken once.
    pub upgrade_snapshot: Option<UpgradeSnapshot>,
    /// An upgrade that was given up.
    #[serde(default)]
    pub failed_upgrade: Option<FailedUpgrade>,
    /// When space was last reclaimed by compaction: not more than once in ten minutes.
    pub compacted_at: Option<Timestamp>,
    /// The password of root that the cluster was last given; absent before the first.
    #[serde(default)]
    pub root_password: Option<AppliedPassword>,
    /// When every member's metrics had first been read; absent before.
    pub monitored_at: Option<Timestamp>,
    /// The Prometheus that every member was seen to be read by, when one was last wanted; absent where none was.
    #[serde(default)]
    pub monitored_by: Option<String>,
    /// How far the change of its CA is.
    #[serde(default)]
    pub rotation: Rotation,
    /// What is true of the instance now.
    pub conditions: Vec<Condition>,
    /// When a member was last defragmented; written before it is.
    #[serde(default)]
    pub defragmented_at: Option<Timestamp>,
    /// What is left of the cluster, while nobody serves.
    #[serde(default)]
    pub quorum_loss: Option<QuorumLoss>,
    /// A recovery by force that goes on.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// The last recovery by force that has ended.
    #[serde(default)]
    pub recovered: Option<Recovered>,
    /// The restore that is under way.
    #[serde(default)]
    pub restoring: Option<Restoring>,
    /// The last restore that was done.
    #[serde(default)]
    pub restored: Option<Restored>,
    /// The last restore that was refused: it replaced nothing, and the instance goes on as it was.
    #[serde(default)]
    pub refused_restore: Option<String>,
    /// The number of the next event: how many the controller has written.
    #[serde(default)]
    pub next_event: u64,
}

/// A restore that is under way, and what of it must not be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoring {
    /// Which.
    pub id: String,
    /// The token of the cluster that it makes: never one that was used before.
    pub token: String,
    /// What is replaced has been backed up, or cannot be, or need not be.
    pub backed_up: bool,
    /// The ID of the cluster that it made, recorded when its first member served.
    pub cluster_id: Option<u64>,
}

/// A restore that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Which.
    pub id: String,
    /// When it was checked. What it replaced is kept aside until there is a good backup from after that.
    pub at: Timestamp,
}

/// A member as the controller intends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// Its number within the instance; given to another only once nothing of this one is left.
    pub ordinal: u32,
    /// Its subnet.
    pub subnet_id: String,
    /// What it is to be started with. Written before the member is stopped for it, so that a member that dies on
    /// its own comes back as it was.
    pub run: RunConfig,
    /// Its zone, for example `ap-guangzhou-1`.
    pub zone: String,
    /// Where it serves clients.
    pub client: SocketAddr,
    /// Where it serves peers: this, not an ID, is what it is known by in the cluster.
    pub peer: SocketAddr,
    /// What the API shows of it.
    pub phase: MemberPhase,
    /// The version that it was last seen to run, as etcd prints it.
    pub version: Option<String>,
    /// It was seen to serve then, so that it held all that had been acknowledged before. Written with changes of the
    /// record, not with each look: it may have served later.
    #[serde(default)]
    pub served_at: Option<Timestamp>,
    /// Since when its process runs and says nothing that it should: it does not serve while others do, or does not answer
    /// at all while nobody does.
    #[serde(default)]
    pub silent_since: Option<Timestamp>,
    /// The version before, while it has not served with the one that it was moved to.
    #[serde(default)]
    pub moved_from: Option<EtcdVersion>,
    /// It is about to be added, or was, with a vote at once (etcd 3.3 knows no learners): until it runs the cluster may
    /// have no quorum and tell nobody who its members are. Written before it is added.
    #[serde(default)]
    pub adding: bool,
    /// How often it was started again because it ran without serving, since it last served.
    #[serde(default)]
    pub woken: u32,
    /// How often its data was put aside lately, for being bad or different.
    #[serde(default)]
    pub replaced: Option<Replaced>,
}

/// An upgrade that was given up, since a member did not serve with the new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedUpgrade {
    /// Which of [`Spec::upgrades`].
    pub upgrade: u64,
    /// What it was to.
    pub version: EtcdVersion,
    /// What members run in its place; absent where etcd does not go back.
    pub back_to: Option<EtcdVersion>,
    /// What went wrong, on whom, and what was done about it.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// How often a member's data was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// So many times.
    pub times: u32,
    /// The last time.
    pub last: Timestamp,
}

/// Which password the user root has in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPassword {
    /// The cluster: one that is made of a snapshot brings back the password of that time, and counts as never given
    /// another.
    pub cluster_id: u64,
    /// Which of those that the owner gave ([`crate::instance::Auth::password_generation`]).
    pub generation: u64,
}

/// How far the change of the CA is. Written in the transactions that change the certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rotation {
    /// Which CAs members are to be started with: moves on when a CA comes and when one goes. Even: one. Odd: two.
    pub trust: u32,
    /// The last of [`crate::instance::CredentialsWish::rotations`] that was begun.
    pub begun: u32,
    /// When the new credentials were good everywhere, while the former ones still are.
    pub overlap_since: Option<Timestamp>,
    /// `trust` when all was last as wanted.
    pub settled: u32,
}

/// A snapshot taken before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeSnapshot {
    /// The version that was upgraded to.
    pub version: EtcdVersion,
    /// What it is called among the backups; one that an earlier release took has its path on the machine here.
    #[serde(alias = "path")]
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was taken.
    pub taken_at: Timestamp,
}

/// Status of an instance in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Being made.
    #[default]
    Creating,
    /// All is well.
    Running,
    /// A member or the endpoint is missing.
    Abnormal,
    /// Its configuration or attributes are being changed.
    Updating,
    /// Members are being added, moved or removed.
    Resizing,
    /// Members are being moved to another version.
    Upgrading,
    /// A snapshot takes the place of its data.
    Restoring,
    /// Being taken down.
    Deleting,
}

impl Phase {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Abnormal => "abnormal",
            Self::Updating => "updating",
            Self::Resizing => "resizing",
            Self::Upgrading => "upgrading",
            Self::Restoring => "restoring",
            Self::Deleting => "deleting",
        }
    }
}

/// Status of a member in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MemberPhase {
    /// Not started yet, or on its way.
    #[default]
    Pending,
    /// Serves linearizable reads.
    Running,
    /// Takes part without a vote.
    Learner,
    /// Runs without serving.
    Unhealthy,
    /// Its process has ended.
    Stopped,
}

impl MemberPhase {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Learner => "Learner",
            Self::Unhealthy => "Unhealthy",
            Self::Stopped => "Stopped",
        }
    }
}

impl MemberRecord {
    /// What it is known by in the cluster.
    pub fn peer_url(&self) -> String {
        format!("https://{}", self.peer)
    }
}

impl Status {
    /// The restore that was asked for and is not done.
    pub fn restore_under_way<'a>(&self, instance: &'a Instance) -> Option<&'a Restore> {
        let wanted = instance.spec.restore.as_ref()?;
        let done = self.restored.as_ref().is_some_and(|done| done.id == wanted.id);
        let refused = self.refused_restore.as_ref() == Some(&wanted.id);
        (!done && !refused).then_some(wanted)
    }

    /// The last upgrade, where it was given up.
    pub fn given_up(&self, spec: &Spec) -> Option<&FailedUpgrade> {
        let failed = self.failed_upgrade.as_ref()?;
        (failed.upgrade == spec.upgrades && failed.version == spec.version).then_some(failed)
    }

    /// The version that every member is to run: the wanted one, unless members went back from it.
    pub fn version<'a>(&'a self, spec: &'a Spec) -> &'a EtcdVersion {
        self.given_up(spec).and_then(|failed| failed.back_to.as_ref()).unwrap_or(&spec.version)
    }

    /// What every member is to run with by `spec`.
    pub fn run_config(&self, spec: &Spec) -> RunConfig {
        RunConfig { version: self.version(spec).clone(), ..spec.run_config(self.rotation.trust) }
    }

    /// The record of member `ordinal`.
    pub fn member(&self, ordinal: u32) -> Option<&MemberRecord> {
        self.members.iter().find(|member| member.ordinal == ordinal)
    }

    /// `initial-cluster` of those members that `belong`: each one's name and peer URL.
    pub fn initial_cluster(&self, id: &InstanceId, belong: impl Fn(&MemberRecord) -> bool) -> String {
        let members = self.members.iter().filter(|member| belong(member));
        let peers: Vec<String> = members.map(|m| format!("{}={}", id.member_name(m.ordinal), m.peer_url())).collect();
        peers.join(",")
    }
}
