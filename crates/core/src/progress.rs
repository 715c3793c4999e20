//! From what was seen to what is shown: milestones of tasks, status words, conditions.

use jiff::Timestamp;

use crate::{
    Instance, Status,
    certificates::{Handover, Leaf, OnDisk},
    condition::{ConditionKind, Severity},
    observed::{Health, KeysHash, Observed, ObservedMember, Process},
    plan::{
        self, MOST_REPLACEMENTS, agreed, auth_is_as_wanted, is_placed, is_worthwhile, overlap_end, restore, serves,
    },
    quorum::quorum,
    slots::slots,
    status::{MemberPhase, MemberRecord, Phase},
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
        StepName::RecoverEtcd => {
            status.recovery.is_none()
                && observed.members.iter().any(|m| status.cluster_id.is_some_and(|id| serves(m, id)))
        }
        StepName::InstallMonitor => observed.monitored,
        StepName::CreateBackupPolicy => observed.backup_policy,
        StepName::BackupEtcd => {
            status.upgrade_snapshot.as_ref().is_some_and(|snapshot| snapshot.version == *version)
                || status.members.iter().all(|member| member.run.version == *version)
        }
        StepName::BackupReplaced => {
            restored(instance, status) || status.restoring.as_ref().is_some_and(|restoring| restoring.backed_up)
        }
        StepName::RestoreEtcd => restored(instance, status) || restore::all_have_it(instance, status, observed),
        StepName::CheckEtcd => restored(instance, status),
        StepName::TrustAuthority => {
            let rotation = &status.rotation;
            let rolled = status.members.iter().all(|member| member.run.trust >= rotation.trust);
            rotation.begun >= instance.spec.credentials.rotations && rolled
        }
        StepName::IssueCredentials => observed.issued.handover != Handover::Introduced,
        // The last step of its task: it is passed when nothing is left to do, which the plan tells.
        StepName::ResizeEtcd | StepName::UpgradeEtcd | StepName::OpenEndpoint | StepName::OpenInternet => true,
        StepName::ReserveAddress => status.public.is_some(),
        StepName::CloseInternet => observed.endpoint.public.is_none() && status.public.is_none(),
        StepName::UpdateCertificates => {
            observed.issued.leaves.iter().all(|leaf| leaf.named) && all_members(&|m| m.shows == OnDisk::Same)
        }
        StepName::UpdateEtcd => {
            let slots = slots(instance, status);
            let wanted = status.run_config(&instance.spec);
            let updated = status.members.iter().all(|record| record.run == wanted);
            let shown = observed.members.iter().all(|member| member.shows == OnDisk::Same);
            updated && shown && slots.missing.is_empty() && slots.surplus.is_empty() && is_serving(status, observed)
        }
        StepName::UpdateAuth => auth_is_as_wanted(instance, status, observed),
        StepName::StopEtcd => !observed.endpoint.routed && all_members(&|m| m.process != Process::Running),
        StepName::RemoveData => all_members(&|m| !m.footprint && m.process == Process::Absent),
        // Passed by Action::Forget itself, in the transaction that deletes the records.
        StepName::CleanEnv => false,
    }
}

/// Whether the last restore that was asked for is done.
fn restored(instance: &Instance, status: &Status) -> bool {
    status.restore_under_way(instance).is_none()
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
    let version = status.version(&instance.spec);
    let slots = slots(instance, status);
    if instance.spec.deleting {
        Phase::Deleting
    } else if !restored(instance, status) {
        Phase::Restoring
    } else if status.observed_generation == 0 {
        Phase::Creating
    } else if status.recovery.is_some() {
        Phase::Abnormal
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
    let down = observed.members.iter();
    let down: Vec<String> = down
        .filter_map(|member| Some(format!("member {} {}", member.ordinal, why_down(status, member, cluster_id)?)))
        .collect();
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
        quota_left(status, observed),
        fragmentation(observed),
        (ConditionKind::DataConsistent, !observed.corrupt, corruption(status, observed)),
        (ConditionKind::MembersKnown, strangers(status, observed).is_empty(), strangers(status, observed)),
        (ConditionKind::MembersHealthy, down.is_empty(), down.join("; ")),
        (ConditionKind::Quorum, healthy >= quorum(voters), quorum_reason(status, healthy, voters)),
        (
            ConditionKind::EndpointServing,
            observed.endpoint.serving,
            if observed.endpoint.serving {
                String::new()
            } else {
                "the endpoint does not accept connections".to_owned()
            },
        ),
        public_address(instance, observed),
        certificates(instance, status, observed, now),
    ]
}

/// Why the member does not serve with its data as a voter of the latched cluster; `None` where it does.
pub fn why_down(status: &Status, member: &ObservedMember, cluster_id: u64) -> Option<String> {
    if serves(member, cluster_id) && member.data {
        return None;
    }
    Some(match (&member.process, &member.health) {
        (Process::Absent, _) => "has no process".to_owned(),
        (Process::Exited { quick_exits, .. }, _) if *quick_exits > 1 && member.bad_data.is_some() => {
            let words = member.bad_data.as_deref().unwrap_or_default();
            let replaced = status.member(member.ordinal).and_then(|record| record.replaced.as_ref());
            let times = replaced.map_or(0, |replaced| replaced.times);
            let given_up = if times >= MOST_REPLACEMENTS {
                format!("; it was replaced {times} times already: look for what damages its files")
            } else {
                String::new()
            };
            format!("ended {quick_exits} times over its own data ({words}){given_up}")
        }
        (Process::Exited { quick_exits, .. }, _) if *quick_exits > 1 => {
            format!("ended {quick_exits} times soon after its start; read its log")
        }
        (Process::Exited { .. }, _) => "has ended".to_owned(),
        (_, Health::NotServing(why)) => match status.member(member.ordinal).map_or(0, |record| record.woken) {
            0 => why.clone(),
            times => {
                let minutes = plan::patience(times).as_mins();
                format!("{why}; started again {times} times in vain, next after {minutes} minutes; read its log")
            }
        },
        _ if serves(member, cluster_id) => "has lost its data and serves until its process ends".to_owned(),
        (_, Health::Serving(s)) if s.cluster_id != cluster_id => {
            format!("belongs to another cluster ({:x}, not {cluster_id:x})", s.cluster_id)
        }
        (_, Health::Serving(_)) => "is a learner".to_owned(),
        (_, Health::NotAsked) => "was not asked".to_owned(),
    })
}

/// Whether the public address accepts connections, where one is wanted.
fn public_address(instance: &Instance, observed: &Observed) -> (ConditionKind, bool, String) {
    let wanted = instance.spec.internet.is_some();
    let serving = observed.endpoint.public.as_ref().is_some_and(|public| public.serving);
    let reason = if wanted && !serving { plan::not_public(instance, observed) } else { String::new() };
    (ConditionKind::PublicAddressServing, !wanted || serving, reason)
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

/// Parts of the backend quota at which somebody should look, in percent.
const QUOTA_STEPS: [u64; 3] = [65, 75, 85];

/// How full backends are. It is told in steps: with each figure the record would be written anew.
fn quota_left(status: &Status, observed: &Observed) -> (ConditionKind, bool, String) {
    let full: Vec<String> = status
        .members
        .iter()
        .filter_map(|record| {
            let step = quota_step(record, observed)?;
            Some(format!("member {} has used {step} % of its backend quota", record.ordinal))
        })
        .collect();
    (ConditionKind::QuotaLeft, full.is_empty(), full.join("; "))
}

/// How urgent it is that backends are near their quota: more with each step.
pub fn quota_grade(status: &Status, observed: &Observed) -> Option<Severity> {
    let full = status.members.iter().filter_map(|record| quota_step(record, observed)).max()?;
    Some(match full {
        85.. => Severity::Critical,
        75.. => Severity::Warning,
        _ => Severity::Info,
    })
}

/// The last of the steps that the member's backend has passed.
fn quota_step(record: &MemberRecord, observed: &Observed) -> Option<u64> {
    let used = observed.member(record.ordinal)?.serving()?.database_bytes;
    let passed = |percent: &u64| used * 100 >= record.run.quota_bytes * *percent;
    QUOTA_STEPS.into_iter().rfind(passed)
}

/// Which backends hold so many free pages that a defragmentation is worth it.
fn fragmentation(observed: &Observed) -> (ConditionKind, bool, String) {
    let members = observed.members.iter().filter(|member| is_worthwhile(member));
    let members: Vec<String> = members.map(|member| format!("member {}", member.ordinal)).collect();
    let reason =
        if members.is_empty() { String::new() } else { format!("{} hold mostly free pages", members.join(", ")) };
    (ConditionKind::Fragmentation, members.is_empty(), reason)
}

/// Who differs from what most hold, where the alarm CORRUPT is raised.
fn corruption(status: &Status, observed: &Observed) -> String {
    if !observed.corrupt {
        return String::new();
    }
    let voters = observed
        .membership
        .as_ref()
        .map_or(status.members.len(), |peers| peers.iter().filter(|peer| !peer.learner).count());
    let Some(right) = agreed(&observed.hashes, voters) else {
        let shown =
            |hash: &KeysHash| format!("member {}: hash {:08x} at revision {}", hash.ordinal, hash.hash, hash.revision);
        let all: Vec<String> = observed.hashes.iter().map(shown).collect();
        return format!("no majority of the voters holds the same data, so nothing is done ({})", all.join("; "));
    };
    let odd = observed.hashes.iter().filter(|hash| !hash.agrees_with(right));
    let odd: Vec<String> = odd.map(|hash| format!("member {}", hash.ordinal)).collect();
    if odd.is_empty() {
        return format!("all that serve agree at revision {}; the alarm is taken back", right.revision);
    }
    format!("{} differ from the majority and are replaced one by one", odd.join(", "))
}

/// Members that the cluster lists and of which nothing is recorded: nobody is added while they do not serve.
fn strangers(status: &Status, observed: &Observed) -> String {
    let peers = observed.membership.as_deref().unwrap_or_default();
    let known = |url: &str| status.members.iter().any(|record| record.peer_url() == url);
    let strangers = peers.iter().filter(|peer| !known(&peer.url));
    let strangers: Vec<String> = strangers.map(|peer| format!("{:x} at {}", peer.id, peer.url)).collect();
    if strangers.is_empty() {
        return String::new();
    }
    format!("the cluster lists {}, which this service did not make", strangers.join(", "))
}

/// How many voters serve, and what became of a quorum that was lost.
fn quorum_reason(status: &Status, healthy: usize, voters: usize) -> String {
    let story = if let Some(recovery) = &status.recovery {
        format!("; since {} the cluster is made to go on: {}", recovery.began_at, recovery.from.bound())
    } else if let Some(loss) = &status.quorum_loss {
        format!("; {}", loss.describe())
    } else if let Some(recovered) = &status.recovered {
        let (at, bound) = (recovered.at, recovered.from.bound());
        format!("; at {at} the cluster was made to go on without a quorum: {bound}")
    } else {
        String::new()
    };
    format!("{healthy} of {voters} voters serve{story}")
}

#[cfg(test)]
mod tests;
