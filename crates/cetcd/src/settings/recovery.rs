//! What is done where a cluster lost its quorum.

use serde::Deserialize;

/// What is done where a cluster lost its quorum.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recovery {
    /// Who decides that a cluster goes on without a quorum.
    pub policy: RecoveryPolicy,
}

/// Who decides that a cluster goes on without a quorum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RecoveryPolicy {
    /// A person, by RecoverEtcdInstance.
    #[default]
    Manual,
    /// The service, where no restart can bring the quorum back.
    Automatic,
}
