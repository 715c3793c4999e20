//! What the controller can do to an instance. Each action is idempotent: done twice, or done in part and
//! then again, it ends in the same state.

use std::net::SocketAddr;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Reserve the addresses of the members and the endpoint and draw the cluster token, in one transaction.
    Place,
    /// Make the CA and every certificate, and store them sealed.
    IssueCredentials,
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
    /// End the processes of those members. Only in a deletion.
    StopMembers {
        /// Members whose process may run.
        ordinals: Vec<u32>,
    },
    /// Remove what those members left on disk. Only in a deletion, when no process runs.
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
            Self::InstallVersion => "install_version",
            Self::Bootstrap { .. } => "bootstrap",
            Self::LatchCluster { .. } => "latch_cluster",
            Self::RestartMember { .. } => "restart_member",
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
