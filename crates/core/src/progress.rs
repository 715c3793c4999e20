//! From what was seen to what is shown: milestones of tasks, status words, conditions.

use jiff::Timestamp;

use crate::{
    Instance, Status,
    certificates::{Handover, Leaf},
    condition::ConditionKind,
    observed::{Health, Observed, ObservedMember, Process},
    plan::{is_placed, overlap_end, serves},
    quorum::quorum,
    slots::slots,
    status::{MemberPhase, Phase},
    task::{StepName, TaskKind},
};

/// How many of the first steps of a task are passed.
pub fn passed_steps(kind: TaskKind, instance: &Instance, status: &Status, observed: &Observed) -> usize {
    kind.steps().iter().take_while(|step| is_passed(**step, instance, status, observed)).count()
}

fn is_passed(step: StepName, instance: &Instance, status: &Status, observed: &Observed) -> bool {
    let all_members = |wanted: &dyn Fn(&ObservedMember) -> bool| observed.members.iter().all(wanted);
    let version = &instance.spec.version;
    match step {
        StepName::PrepareEnv => is_placed(instance, status) && observed.credentials,
        StepName::InstallSuit => observed.installed,
        StepName::CreateEtcd => is_serving(status, observed),
        StepName::InstallMonitor => observed.monitored,
        StepName::CreateBackupPolicy => observed.backup_policy,
        StepName::BackupEtcd => {
            status.upgrade_snapshot.as_ref().is_some_and(|snapshot| snapshot.version == *version)
                || status.members.iter().all(|member| member.run.version == *version)
        }
        StepName::TrustAuthority => {
            let rotation = &status.rotation;
            let rolled = status.members.iter().all(|member| member.run.trust >= rotation.trust);
            rotation.begun >= instance.spec.credentials.rotations && rolled
        }
        StepName::IssueCredentials => observed.issued.handover != Handover::Introduced,
        // The last step of its task: it is passed when nothing is left to do, which the plan tells.
        StepName::ResizeEtcd | StepName::UpgradeEtcd | StepName::UpdateEtcd => true,
        StepName::StopEtcd => !observed.endpoint.routed && all_members(&|m| m.process != Process::Running),
        StepName::RemoveData => all_members(&|m| !m.footprint && m.process == Process::Absent),
        // Passed by Action::Forget itself, in the transaction that deletes the records.
        StepName::CleanEnv => false,
    }
}

/// Whether every recorded member has its data and serves as a voter of the latched cluster, and the endpoint accepts connections.
pub fn is_serving(status: &Status, observed: &Observed) -> bool {
    let Some(cluster_id) = status.cluster_id else { return false };
    !status.members.is_empty()
        && status.members.iter().all(|r| observed.member(r.ordinal).is_some_and(|m| m.data && serves(m, cluster_id)))
        && observed.endpoint.serving
}

/// The instance's status word.
pub fn phase(instance: &Instance, status: &Status, observed: &Observed) -> Phase {
    let version = &instance.spec.version;
    let slots = slots(instance, status);
    if instance.spec.deleting {
        Phase::Deleting
    } else if status.observed_generation == 0 {
        Phase::Creating
    } else if status.observed_generation < instance.generation {
        let joins = status.members.iter().any(|member| observed.peer(&member.peer_url()).is_none_or(|p| p.learner));
        if status.members.iter().any(|member| member.run.version != *version) {
            Phase::Upgrading
        } else if joins || !slots.missing.is_empty() || !slots.surplus.is_empty() {
            Phase::Resizing
        } else {
            Phase::Updating
        }
    } else if status.rotation.settled != status.rotation.trust {
        // The end of an overlap comes by itself, and restarts members.
        Phase::Updating
    } else if is_serving(status, observed) {
        Phase::Running
    } else {
        Phase::Abnormal
    }
}

/// A member's status word.
pub fn member_phase(member: &ObservedMember) -> MemberPhase {
    match (&member.process, &member.health) {
        (Process::Absent, _) => MemberPhase::Pending,
        (Process::Exited { .. }, _) => MemberPhase::Stopped,
        (Process::Running, Health::Serving(serving)) if serving.learner => MemberPhase::Learner,
        (Process::Running, Health::Serving(_)) => MemberPhase::Running,
        (Process::Running, Health::NotServing(_) | Health::NotAsked) => MemberPhase::Unhealthy,
    }
}

/// What is true of the members, the endpoint and the certificates: kind, whether it holds, and why not.
pub fn conditions(
    instance: &Instance,
    status: &Status,
    observed: &Observed,
    now: Timestamp,
) -> Vec<(ConditionKind, bool, String)> {
    let Some(cluster_id) = status.cluster_id else { return Vec::new() };
    let mut down = Vec::new();
    for member in &observed.members {
        if serves(member, cluster_id) && member.data {
            continue;
        }
        let why = match (&member.process, &member.health) {
            (Process::Absent, _) => "has no process".to_owned(),
            (Process::Exited { quick_exits, .. }, _) if *quick_exits > 1 => {
                format!("ended {quick_exits} times soon after its start; read its log")
            }
            (Process::Exited { .. }, _) => "has ended".to_owned(),
            (_, Health::NotServing(why)) => why.clone(),
            _ if serves(member, cluster_id) => "has lost its data and serves until its process ends".to_owned(),
            (_, Health::Serving(s)) if s.cluster_id != cluster_id => {
                format!("belongs to another cluster ({:x}, not {cluster_id:x})", s.cluster_id)
            }
            (_, Health::Serving(_)) => "is a learner".to_owned(),
            (_, Health::NotAsked) => "was not asked".to_owned(),
        };
        down.push(format!("member {} {why}", member.ordinal));
    }
    let voters = status.members.len();
    let healthy = voters.saturating_sub(down.len());
    let limit = instance.spec.disk_limit_bytes();
    let large: Vec<String> = observed
        .members
        .iter()
        .filter(|m| m.disk_bytes > limit)
        .map(|m| format!("member {} keeps {} bytes of {limit}", m.ordinal, m.disk_bytes))
        .collect();
    let unlimited: Vec<String> = observed
        .members
        .iter()
        .filter_map(|m| Some(format!("member {}: {}", m.ordinal, m.unlimited.as_ref()?)))
        .collect();
    vec![
        (ConditionKind::DiskWithinLimit, large.is_empty(), large.join("; ")),
        (ConditionKind::ResourcesLimited, unlimited.is_empty(), unlimited.join("; ")),
        (
            ConditionKind::SpaceLeft,
            observed.out_of_space.is_empty(),
            match observed.out_of_space.len() {
                0 => String::new(),
                n => format!("{n} members have used their backend quota up; no key can be written"),
            },
        ),
        (ConditionKind::MembersHealthy, down.is_empty(), down.join("; ")),
        (ConditionKind::Quorum, healthy >= quorum(voters), format!("{healthy} of {voters} voters serve")),
        (
            ConditionKind::EndpointServing,
            observed.endpoint.serving,
            if observed.endpoint.serving {
                String::new()
            } else {
                "the endpoint does not accept connections".to_owned()
            },
        ),
        certificates(instance, status, observed, now),
    ]
}

/// Whether every certificate was replaced in time, and which ends first.
fn certificates(
    instance: &Instance,
    status: &Status,
    observed: &Observed,
    now: Timestamp,
) -> (ConditionKind, bool, String) {
    let late = observed.issued.leaves.iter().any(|leaf| leaf.validity.is_late(now));
    let ends = |leaf: &Leaf| format!("{} ends first, at {}", leaf.holder, leaf.validity.until);
    let mut reason = observed.issued.soonest().map_or_else(String::new, ends);
    if let Some(since) = status.rotation.overlap_since {
        let until = overlap_end(since, instance.spec.credentials.overlap_seconds);
        reason = format!("{reason}; the former credentials are good until {until}");
    }
    (ConditionKind::CertificatesFresh, !late, reason)
}

#[cfg(test)]
mod tests;
