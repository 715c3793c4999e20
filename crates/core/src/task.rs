//! Tasks: what the API shows of a change that takes time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::InstanceId;

/// A change that was asked for, and how far it is. It ends when the instance has converged on `generation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// A UUID.
    pub id: String,
    /// What was asked for.
    pub kind: TaskKind,
    /// The instance it is about.
    pub instance: InstanceId,
    /// Owner of the instance.
    pub account: String,
    /// Region of the instance.
    pub region: String,
    /// The generation of the instance that the task brings about.
    pub generation: u64,
    /// Whether it goes on.
    pub state: TaskState,
    /// Its milestones, in order.
    pub steps: Vec<Step>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Kinds of task, by the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// CreateEtcdInstance.
    CreateInstance,
    /// DeleteEtcdInstance.
    DeleteInstance,
    /// ResizeEtcdInstance.
    ResizeInstance,
    /// UpgradeEtcdInstance.
    UpgradeInstance,
    /// ModifyEtcdConfiguration.
    ModifyConfiguration,
    /// ModifyEtcdAttribute, as far as it takes time.
    ModifyAttribute,
    /// RecoverEtcdInstance.
    RecoverInstance,
    /// RestoreEtcdSnapshot, in place or into a new instance.
    RestoreRemoteSnapshot,
    /// CreateEtcdSnapshot. It changes nothing of the instance, so it keeps no change from being made.
    CreateSnapshot,
    /// RotateEtcdCredentials.
    RotateCredentials,
    /// EnableEtcdInternet.
    EnableInternet,
    /// DisableEtcdInternet.
    DisableInternet,
}

impl TaskKind {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateInstance => "create_instance",
            Self::DeleteInstance => "delete_instance",
            Self::ResizeInstance => "resize_instance",
            Self::UpgradeInstance => "upgrade_instance",
            Self::ModifyConfiguration => "modify_configuration",
            Self::ModifyAttribute => "modify_attribute",
            Self::RecoverInstance => "recover_instance",
            Self::RestoreRemoteSnapshot => "restore_remote_snapshot",
            Self::CreateSnapshot => "create_snapshot",
            Self::RotateCredentials => "rotate_credentials",
            Self::EnableInternet => "enable_internet",
            Self::DisableInternet => "disable_internet",
        }
    }

    /// Whether it changes its instance: one such task at a time, which ends when the instance has converged. The
    /// others go on beside, and whoever does them ends them.
    pub fn changes_instance(self) -> bool {
        self != Self::CreateSnapshot
    }

    /// The steps of a task of this kind, in order.
    pub fn steps(self) -> &'static [StepName] {
        match self {
            Self::CreateInstance => &[
                StepName::PrepareEnv,
                StepName::InstallSuit,
                StepName::CreateEtcd,
                StepName::InstallMonitor,
                StepName::CreateBackupPolicy,
            ],
            Self::ResizeInstance => &[StepName::PrepareEnv, StepName::ResizeEtcd],
            Self::UpgradeInstance => &[StepName::InstallSuit, StepName::BackupEtcd, StepName::UpgradeEtcd],
            Self::ModifyConfiguration => &[StepName::PrepareEnv, StepName::UpdateEtcd, StepName::InstallMonitor],
            Self::ModifyAttribute => &[StepName::PrepareEnv, StepName::UpdateEtcd, StepName::UpdateAuth],
            Self::RecoverInstance => &[StepName::RecoverEtcd, StepName::ResizeEtcd],
            Self::RotateCredentials => &[StepName::TrustAuthority, StepName::IssueCredentials, StepName::UpdateEtcd],
            Self::DeleteInstance => &[StepName::StopEtcd, StepName::RemoveData, StepName::CleanEnv],
            Self::RestoreRemoteSnapshot => &[
                StepName::PrepareEnv,
                StepName::InstallSuit,
                StepName::BackupReplaced,
                StepName::RestoreEtcd,
                StepName::CheckEtcd,
                StepName::OpenEndpoint,
            ],
            Self::CreateSnapshot => &[StepName::BackupEtcd],
            Self::EnableInternet => &[StepName::ReserveAddress, StepName::UpdateCertificates, StepName::OpenInternet],
            Self::DisableInternet => &[StepName::CloseInternet, StepName::UpdateCertificates],
        }
    }
}

/// Whether a task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Goes on.
    Process,
    /// Ended well.
    Done,
    /// Ended without reaching its end, for example a creation overtaken by a deletion.
    Failed,
}

impl TaskState {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Milestones of tasks, by the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Addresses are reserved and certificates issued.
    PrepareEnv,
    /// The version's binaries are on the machine.
    InstallSuit,
    /// Every member serves, and so does the endpoint.
    CreateEtcd,
    /// A member serves again, and no recovery goes on.
    RecoverEtcd,
    /// Every member's metrics are read.
    InstallMonitor,
    /// `default-backup-policy` exists.
    CreateBackupPolicy,
    /// The members are those that are wanted.
    ResizeEtcd,
    /// The snapshot is there: the one that was asked for, or the one from before an upgrade.
    BackupEtcd,
    /// What a restore replaces is backed up, as far as there is anything that can be.
    BackupReplaced,
    /// Every member has its data from the snapshot.
    RestoreEtcd,
    /// Every member serves what the snapshot holds.
    CheckEtcd,
    /// Clients are let in.
    OpenEndpoint,
    /// Every member runs the wanted version.
    UpgradeEtcd,
    /// Every member runs with what is wanted, where it is wanted.
    UpdateEtcd,
    /// etcd's authentication is on or off, and root has the password, as is wanted.
    UpdateAuth,
    /// Every member trusts the CA that is to come.
    TrustAuthority,
    /// The new credentials are good everywhere.
    IssueCredentials,
    /// The endpoint has a public address.
    ReserveAddress,
    /// Members show certificates that are for the addresses that there are.
    UpdateCertificates,
    /// The endpoint accepts connections at the public address.
    OpenInternet,
    /// It does not any more.
    CloseInternet,
    /// No process of the instance runs.
    StopEtcd,
    /// Nothing of the members is left on disk.
    RemoveData,
    /// Addresses, certificates and records are gone.
    CleanEnv,
}

impl StepName {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrepareEnv => "prepare_env",
            Self::InstallSuit => "install_suit",
            Self::CreateEtcd => "create_etcd",
            Self::RecoverEtcd => "recover_etcd",
            Self::InstallMonitor => "install_monitor",
            Self::CreateBackupPolicy => "create_backup_policy",
            Self::ResizeEtcd => "resize_etcd",
            Self::BackupEtcd => "backup_etcd",
            Self::BackupReplaced => "backup_replaced",
            Self::RestoreEtcd => "restore_etcd",
            Self::CheckEtcd => "check_etcd",
            Self::OpenEndpoint => "open_endpoint",
            Self::UpgradeEtcd => "upgrade_etcd",
            Self::UpdateEtcd => "update_etcd",
            Self::UpdateAuth => "update_auth",
            Self::TrustAuthority => "trust_authority",
            Self::IssueCredentials => "issue_credentials",
            Self::ReserveAddress => "reserve_address",
            Self::UpdateCertificates => "update_certificates",
            Self::OpenInternet => "open_internet",
            Self::CloseInternet => "close_internet",
            Self::StopEtcd => "stop_etcd",
            Self::RemoveData => "remove_data",
            Self::CleanEnv => "clean_env",
        }
    }
}

/// One milestone and when it was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How far.
    pub state: StepState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What went wrong in the last try; empty otherwise. A step is tried again until it succeeds.
    pub failed_message: String,
}

/// State of a milestone, by the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Passed.
    Success,
    /// The last try failed; the next follows.
    Failed,
}

impl StepState {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

impl Task {
    /// A task that has just been accepted; its first step runs.
    pub fn accepted(id: String, kind: TaskKind, instance: &crate::Instance, now: Timestamp) -> Self {
        let steps = kind
            .steps()
            .iter()
            .map(|name| Step {
                name: *name,
                state: StepState::Pending,
                started_at: None,
                ended_at: None,
                failed_message: String::new(),
            })
            .collect();
        let mut task = Self {
            id,
            kind,
            instance: instance.id.clone(),
            account: instance.account.clone(),
            region: instance.region.clone(),
            generation: instance.generation,
            state: TaskState::Process,
            steps,
            created_at: now,
            updated_at: now,
        };
        task.advance(0, now);
        task
    }

    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.state == TaskState::Process
    }

    /// Records that the first `passed` steps are passed and the next one runs; a step never goes back.
    /// Answers whether anything changed.
    pub fn advance(&mut self, passed: usize, now: Timestamp) -> bool {
        let mut changed = false;
        for (index, step) in self.steps.iter_mut().enumerate() {
            if index < passed && step.state != StepState::Success {
                step.state = StepState::Success;
                step.started_at.get_or_insert(now);
                step.ended_at = Some(now);
                step.failed_message.clear();
                changed = true;
            } else if index == passed && step.state == StepState::Pending {
                step.state = StepState::Running;
                step.started_at = Some(now);
                changed = true;
            }
        }
        if passed >= self.steps.len() && self.state == TaskState::Process {
            self.state = TaskState::Done;
            changed = true;
        }
        if changed {
            self.updated_at = now;
        }
        changed
    }

    /// Records what went wrong in the step that runs, or that it goes well again (an empty message).
    /// Answers whether anything changed.
    pub fn report(&mut self, message: &str, now: Timestamp) -> bool {
        let open = |step: &&mut Step| matches!(step.state, StepState::Running | StepState::Failed);
        let Some(step) = self.steps.iter_mut().find(open) else { return false };
        let state = if message.is_empty() { StepState::Running } else { StepState::Failed };
        if step.state == state && step.failed_message == message {
            return false;
        }
        step.state = state;
        message.clone_into(&mut step.failed_message);
        self.updated_at = now;
        true
    }

    /// Ends the task without success, with the reason in the step that was under way.
    pub fn fail(&mut self, message: &str, now: Timestamp) {
        self.report(message, now);
        self.state = TaskState::Failed;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests;
