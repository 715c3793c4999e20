//! What was seen of an instance, at one moment. The controller gathers it; the planner only reads it.

use std::net::SocketAddr;

use jiff::Timestamp;

use crate::{
    certificates::{Issued, OnDisk},
    internet::PublicRoute,
};

/// One look at an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact that was seen, not a state machine")]
pub struct Observed {
    /// Whether the instance's CA and certificates are in the store (or none are needed any more).
    pub credentials: bool,
    /// When those certificates hold, and whom they are for.
    pub issued: Issued,
    /// Whether the binaries of the wanted version can be run.
    pub installed: bool,
    /// Every member that is recorded or of which anything is left, by ordinal.
    pub members: Vec<ObservedMember>,
    /// The cluster's own list of its members; absent where none could be had, for example without a quorum.
    pub membership: Option<Vec<Peer>>,
    /// Members that have raised NOSPACE, by their IDs in the cluster.
    pub out_of_space: Vec<u64>,
    /// Whether etcd's authentication is on; absent where it was not asked or not told. It is asked only where the
    /// instance's owner ever wanted anything of it.
    pub auth: Option<bool>,
    /// What the cluster said when it did not take the control plane for root; absent where it does.
    pub refused: Option<String>,
    /// The endpoint.
    pub endpoint: ObservedEndpoint,
    /// Whether every member's metrics were read since it was made, by the Prometheus too that its owner last named.
    pub monitored: bool,
    /// Whether the instance has a backup policy.
    pub backup_policy: bool,
    /// Whether the alarm CORRUPT is raised: members hold different data, and nobody takes writes.
    pub corrupt: bool,
    /// Hashes of the keys of those that serve, by ordinal; asked for only while CORRUPT is raised.
    pub hashes: Vec<KeysHash>,
    /// What members say of themselves while nobody serves, by ordinal; asked for only then.
    pub standings: Vec<Standing>,
    /// Whether upkeep may disturb a little now.
    pub maintenance: bool,
    /// Whether the service is set to go on without a quorum by itself.
    pub automatic_recovery: bool,
}

/// The hash of a member's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysHash {
    /// Its number within the instance.
    pub ordinal: u32,
    /// The hash of its keys up to `at`.
    pub hash: u32,
    /// The revision of the hash, which all were asked for.
    pub at: i64,
    /// The revision up to which history was compacted in it.
    pub compact_revision: i64,
    /// The revision of its keys.
    pub revision: i64,
    /// The last index of the log that it had applied; 3.3 does not tell.
    pub applied_index: Option<u64>,
}

impl KeysHash {
    /// Whether both have the same keys. Equal hashes alone can hide that revisions differ.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.hash, self.at, self.compact_revision, self.revision)
            == (other.hash, other.at, other.compact_revision, other.revision)
    }
}

/// What is known of a member that cannot serve: no quorum stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its number within the instance.
    pub ordinal: u32,
    /// ID of its cluster.
    pub cluster_id: u64,
    /// Whether its process said so; else it was read from its disk.
    pub answers: bool,
    /// Whether it has no vote.
    pub learner: bool,
    /// Whether it knows of a leader.
    pub led: bool,
    /// The last index of the log that it knows to be committed.
    pub index: u64,
    /// The revision of its keys.
    pub revision: i64,
    /// The members as it knows them; empty where it did not tell.
    pub peers: Vec<Peer>,
}

/// A member as the cluster lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its ID, drawn anew at each joining.
    pub id: u64,
    /// What it is known by.
    pub url: String,
    /// Whether it has no vote.
    pub learner: bool,
    /// Whether it ever took part: it has told the cluster its name.
    pub started: bool,
}

/// One look at a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedMember {
    /// Its number within the instance.
    pub ordinal: u32,
    /// Its process.
    pub process: Process,
    /// Whether anything of it (data, certificates, logs) is left on disk.
    pub footprint: bool,
    /// Whether its data directory holds a member's data.
    pub data: bool,
    /// The restore that its data was made by, where one made it.
    pub restored: Option<String>,
    /// What its process was last started with ([`crate::instance::RunConfig::line`]); absent where it never was.
    pub started_with: Option<String>,
    /// How what it shows compares with what the store has for it.
    pub shows: OnDisk,
    /// What it answers.
    pub health: Health,
    /// Bytes that its data takes on disk, as last measured.
    pub disk_bytes: u64,
    /// Why its CPU and memory limits are not in force, where they were asked for and are not.
    pub unlimited: Option<String>,
    /// What it said of its own files when its process ended, where they keep it from running.
    pub bad_data: Option<String>,
}

/// State of a member's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Never started, or removed.
    Absent,
    /// Runs.
    Running,
    /// Has ended.
    Exited {
        /// When that was seen.
        at: Timestamp,
        /// How many times in a row it ended soon after its start; 0 for a process that had run for long.
        quick_exits: u32,
    },
}

/// What a member answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It was not asked, since it does not run.
    NotAsked,
    /// It does not serve; why, in words.
    NotServing(String),
    /// It answered a linearizable read.
    Serving(Serving),
}

/// What a serving member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// ID of its cluster.
    pub cluster_id: u64,
    /// Its own ID in the cluster.
    pub member_id: u64,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it has no vote.
    pub learner: bool,
    /// The version it runs, as etcd prints it: `3.5.16`.
    pub version: String,
    /// Size of its backend on disk, in bytes.
    pub database_bytes: u64,
    /// How much of that is in use, in bytes; the rest can be reclaimed by defragmentation.
    pub database_bytes_in_use: u64,
}

/// One look at the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedEndpoint {
    /// Whether it accepts connections at the recorded address.
    pub serving: bool,
    /// Whether anything of it (a route) is left.
    pub routed: bool,
    /// The members that it passes connections to.
    pub backends: Vec<SocketAddr>,
    /// What it does, or was told to do, at a public address.
    pub public: Option<ObservedPublic>,
}

/// One look at the public address of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPublic {
    /// What it was told.
    pub route: PublicRoute,
    /// Whether it accepts connections there by that.
    pub serving: bool,
    /// Why it does not, where it said so.
    pub error: Option<String>,
}

impl Observed {
    /// The cluster's entry of the member with that peer URL; absent also where the list is.
    pub fn peer(&self, url: &str) -> Option<&Peer> {
        self.membership.as_ref()?.iter().find(|peer| peer.url == url)
    }

    /// What was seen of member `ordinal`.
    pub fn member(&self, ordinal: u32) -> Option<&ObservedMember> {
        self.members.iter().find(|member| member.ordinal == ordinal)
    }
}

impl ObservedMember {
    /// What it says of itself, where it serves.
    pub fn serving(&self) -> Option<&Serving> {
        match &self.health {
            Health::Serving(serving) => Some(serving),
            Health::NotAsked | Health::NotServing(_) => None,
        }
    }
}
