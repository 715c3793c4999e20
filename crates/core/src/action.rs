//! What the controller can do to an instance. Each action is idempotent: done twice, or done in part and
//! then again, it ends in the same state.

use std::net::SocketAddr;

use crate::certificates::Handover;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Reserve the addresses of the members and the endpoint and draw the cluster token, in one transaction.
    Place,
    /// Make what is missing of the CA and the certificates, and anew what is due or for other names; store them
    /// sealed.
    IssueCredentials,
    /// Give those members, which run, what the store has for them to show.
    DeliverCertificates {
        /// Members whose files differ.
        ordinals: Vec<u32>,
    },
    /// Go on from one CA to the next: make it, let it issue to clients and peers, then everything, forget the former.
    ChangeAuthority {
        /// How far it is then; [`Handover::None`] once the former is forgotten.
        to: Handover,
    },
    /// Bring the binaries of the wanted version onto the machine.
    InstallVersion,
    /// Start those founders with `initial-cluster-state=new`. Only before a cluster ID was latched.
    Bootstrap {
        /// Founders that do not run.
        ordinals: Vec<u32>,
    },
    /// Record the cluster's ID, once and for all.
    LatchCluster {
        /// What a serving member said.
        cluster_id: u64,
    },
    /// Start a member whose process has ended, with `initial-cluster-state=existing`.
    RestartMember {
        /// Which.
        ordinal: u32,
    },
    /// Add the member to the cluster: as a learner, or with a vote where the version has no learners.
    AddToCluster {
        /// Which.
        ordinal: u32,
    },
    /// Start a member that was added, with an empty data directory and `initial-cluster-state=existing`.
    JoinMember {
        /// Which.
        ordinal: u32,
    },
    /// Give the learner its vote, once it has caught up.
    PromoteMember {
        /// Which.
        ordinal: u32,
        /// Its ID in the cluster.
        id: u64,
    },
    /// Take a member out of the cluster.
    RemoveFromCluster {
        /// Which.
        ordinal: u32,
        /// Its ID in the cluster.
        id: u64,
    },
    /// Hand the lead to another member.
    MoveLeader {
        /// Who leads.
        from: u32,
        /// Who is to lead.
        to: u32,
        /// That one's ID in the cluster.
        id: u64,
    },
    /// Record what the member is to run with, then end its process; the restart of a dead member follows.
    RollMember {
        /// Which.
        ordinal: u32,
    },
    /// Free what a member that is no longer in the cluster held: its record, addresses and certificates.
    DropMember {
        /// Which.
        ordinal: u32,
    },
    /// Take a snapshot that the upgrade to the wanted version could be undone with.
    TakeUpgradeSnapshot,
    /// Compact to the current revision, since a member ran out of space.
    Compact,
    /// Defragment one member's backend.
    Defragment {
        /// Which.
        ordinal: u32,
    },
    /// Take the NOSPACE alarms back.
    DisarmSpace,
    /// Make the endpoint pass connections to those members and no others.
    ServeEndpoint {
        /// Their client addresses, in order of ordinals.
        backends: Vec<SocketAddr>,
    },
    /// Read every member's metrics once, which proves that they can be watched.
    StartMonitoring,
    /// Make `default-backup-policy`.
    CreateBackupPolicy,
    /// Close the endpoint.
    RemoveEndpoint,
    /// End the processes of those members at once, without regard to what they hold: they are in no cluster
    /// that is wanted.
    StopMembers {
        /// Members whose process may run.
        ordinals: Vec<u32>,
    },
    /// Remove what those members left on disk, when no process of theirs runs: in a deletion, or because they are
    /// in no cluster any more.
    RemoveMembers {
        /// Members that left anything.
        ordinals: Vec<u32>,
    },
    /// Delete every record and secret of the instance, free its addresses and end its tasks, in one transaction.
    Forget,
}

impl Action {
    /// A short name for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::IssueCredentials => "issue_credentials",
            Self::DeliverCertificates { .. } => "deliver_certificates",
            Self::ChangeAuthority { to: Handover::Introduced } => "introduce_authority",
            Self::ChangeAuthority { to: Handover::Overlap } => "switch_authority",
            Self::ChangeAuthority { to: Handover::Withdrawn } => "withdraw_authority",
            Self::ChangeAuthority { to: Handover::None } => "forget_authority",
            Self::InstallVersion => "install_version",
            Self::Bootstrap { .. } => "bootstrap",
            Self::LatchCluster { .. } => "latch_cluster",
            Self::RestartMember { .. } => "restart_member",
            Self::AddToCluster { .. } => "add_to_cluster",
            Self::JoinMember { .. } => "join_member",
            Self::PromoteMember { .. } => "promote_member",
            Self::RemoveFromCluster { .. } => "remove_from_cluster",
            Self::MoveLeader { .. } => "move_leader",
            Self::RollMember { .. } => "roll_member",
            Self::DropMember { .. } => "drop_member",
            Self::TakeUpgradeSnapshot => "take_upgrade_snapshot",
            Self::Compact => "compact",
            Self::Defragment { .. } => "defragment",
            Self::DisarmSpace => "disarm_space",
            Self::ServeEndpoint { .. } => "serve_endpoint",
            Self::StartMonitoring => "start_monitoring",
            Self::CreateBackupPolicy => "create_backup_policy",
            Self::RemoveEndpoint => "remove_endpoint",
            Self::StopMembers { .. } => "stop_members",
            Self::RemoveMembers { .. } => "remove_members",
            Self::Forget => "forget",
        }
    }
}
