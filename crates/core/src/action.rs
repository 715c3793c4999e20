//! What the controller can do to an instance. Each action is idempotent: done twice, or done in part and
//! then again, it ends in the same state.

use std::net::SocketAddr;

use crate::{EtcdVersion, certificates::Handover, internet::PublicRoute, recovery::Survivor};

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
    /// Record that the upgrade under way is given up, and where etcd goes back, that all members are to run what they ran
    /// before; end the process of the member that failed. Its restart and the way back of the others follow.
    GiveUpUpgrade {
        /// Who does not serve with the new version.
        ordinal: u32,
        /// What members run in its place; absent where etcd does not go back.
        back_to: Option<EtcdVersion>,
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
    /// Make the user root with the wanted password and the role root, and turn etcd's authentication on.
    EnableAuth,
    /// Turn etcd's authentication off. Users and roles stay.
    DisableAuth,
    /// Give the user root the wanted password, while authentication is on.
    SetRootPassword,
    /// Make the endpoint pass connections to those members and no others.
    ServeEndpoint {
        /// Their client addresses, in order of ordinals.
        backends: Vec<SocketAddr>,
        /// Where else it listens; nowhere where absent. That it does is not waited for, that it no longer does is.
        public: Option<PublicRoute>,
    },
    /// Reserve a public address for the endpoint. Nobody listens there yet.
    ReservePublicAddress,
    /// Give the public address back: nobody listens there any more.
    FreePublicAddress,
    /// Read every member's metrics once, which proves that they can be watched, and see the Prometheus that is wanted
    /// do so, and no other.
    StartMonitoring,
    /// Make `default-backup-policy`.
    CreateBackupPolicy,
    /// Record that a restore begins, and draw the token of the cluster that it makes.
    BeginRestore,
    /// Take a snapshot of what the restore replaces, as far as a member serves, and record that.
    BackUpReplaced,
    /// Bring the snapshot, make the data of those members of it, and put it in the place of theirs, which is set
    /// aside. None of their processes runs.
    RestoreMembers {
        /// Members whose data is not yet of this restore.
        ordinals: Vec<u32>,
    },
    /// Record the ID of the cluster that the restore made, in the place of the one before.
    LatchRestored {
        /// What a serving member said.
        cluster_id: u64,
    },
    /// Hold what the members serve against the snapshot, and record that the restore is done.
    CheckRestored,
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
    /// Take the CORRUPT alarms back: all members that serve hold the same.
    DisarmCorrupt,
    /// End the process of a member that does not serve though it runs; the restart of a dead member follows.
    EndHung {
        /// Which.
        ordinal: u32,
    },
    /// Record that the cluster goes on with this member alone, since its quorum is lost. Nothing is touched yet.
    BeginRecovery {
        /// It, as it was seen.
        from: Survivor,
    },
    /// End the processes of those members and move their data where nothing starts from it, to be kept.
    SetAside {
        /// Members that have data.
        ordinals: Vec<u32>,
    },
    /// End the process of the member that a recovery goes on with, and start it with `--force-new-cluster`.
    ForceNewCluster {
        /// Which.
        ordinal: u32,
    },
    /// Record that the recovery is over: no member is started with force from then on.
    EndRecovery {
        /// Whether it came to that; else a quorum came back by itself, or the member lost its data before.
        forced: bool,
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
            Self::GiveUpUpgrade { .. } => "give_up_upgrade",
            Self::DropMember { .. } => "drop_member",
            Self::TakeUpgradeSnapshot => "take_upgrade_snapshot",
            Self::Compact => "compact",
            Self::Defragment { .. } => "defragment",
            Self::DisarmSpace => "disarm_space",
            Self::EnableAuth => "enable_auth",
            Self::DisableAuth => "disable_auth",
            Self::SetRootPassword => "set_root_password",
            Self::ServeEndpoint { .. } => "serve_endpoint",
            Self::ReservePublicAddress => "reserve_public_address",
            Self::FreePublicAddress => "free_public_address",
            Self::StartMonitoring => "start_monitoring",
            Self::CreateBackupPolicy => "create_backup_policy",
            Self::BeginRestore => "begin_restore",
            Self::BackUpReplaced => "back_up_replaced",
            Self::RestoreMembers { .. } => "restore_members",
            Self::LatchRestored { .. } => "latch_restored",
            Self::CheckRestored => "check_restored",
            Self::RemoveEndpoint => "remove_endpoint",
            Self::StopMembers { .. } => "stop_members",
            Self::RemoveMembers { .. } => "remove_members",
            Self::DisarmCorrupt => "disarm_corrupt",
            Self::EndHung { .. } => "end_hung",
            Self::BeginRecovery { .. } => "begin_recovery",
            Self::SetAside { .. } => "set_aside",
            Self::ForceNewCluster { .. } => "force_new_cluster",
            Self::EndRecovery { .. } => "end_recovery",
            Self::Forget => "forget",
        }
    }
}
