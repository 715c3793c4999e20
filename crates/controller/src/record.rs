//! Recording what was seen: the status and the tasks, in one transaction, only where something changed.

use cetcd_core::{
    Instance, InstanceId, Status, Task,
    condition::{self, ConditionKind},
    event::{self, Event},
    observed::Observed,
    plan::{Plan, is_silent},
    progress, recovery,
    task::{TaskKind, TaskState},
};
use cetcd_store::{
    Compare, Txn, events,
    records::{self, Record},
};

use crate::{Error, Result, World, served::Served};

/// What a turn has found out.
pub(crate) struct Findings<'a> {
    pub observed: &'a Observed,
    pub plan: &'a Plan,
    /// What went wrong in the last action, if anything did.
    pub failure: Option<&'a str>,
    pub served: &'a Served,
    /// What was done and seen since the last record, to be told.
    pub told: &'a [Event],
}

/// Writes what follows from the look, and the events that tell of it. Answers the status with the revision that it now
/// has.
pub(crate) async fn record(
    world: &World,
    instance: &Record<Instance>,
    status: &Record<Status>,
    findings: &Findings<'_>,
) -> Result<Record<Status>> {
    let Findings { observed, failure, .. } = *findings;
    let now = world.clock.now();
    let id = &instance.value.id;
    let mut next = next_status(&instance.value, &status.value, findings, now);
    let tasks = open_tasks(world, id).await?;
    let tasks: Vec<_> = tasks.into_iter().filter(|task| task.value.kind.changes_instance()).collect();
    // What happens to an instance that goes away goes with it.
    let mut told = Vec::new();
    if !instance.value.spec.deleting {
        told.extend_from_slice(findings.told);
        told.extend(event::of_change(&status.value, &next, observed, now));
        told.extend(event::tell_conditions(&mut next, now));
    }
    let mut txn = Txn::new()
        .when(Compare::mod_revision(records::instance_key(id), instance.revision))
        .when(Compare::mod_revision(records::status_key(id), status.revision));
    for mut event in told {
        event.number = next.next_event;
        event.task = tasks.first().map(|task| task.value.id.clone());
        next.next_event += 1;
        txn = txn.then(events::put(id, &event));
    }
    let status_changed = next != status.value;
    let mut changed = status_changed;
    if status_changed {
        txn = txn.then(records::put_status(id, &next));
    }
    let mut ended = Vec::new();
    for Record { value: mut task, revision } in tasks {
        let mut passed = progress::passed_steps(task.kind, &instance.value, &status.value, observed);
        // The last step counts only when nothing is left to do: a task that is done stays done.
        if next.observed_generation < task.generation {
            passed = passed.min(task.steps.len() - 1);
        }
        let given_up = status.value.given_up(&instance.value.spec).filter(|_| task.kind == TaskKind::UpgradeInstance);
        if let Some(failed) = given_up {
            task.fail(&failed.reason, now);
            txn = txn.when(Compare::mod_revision(records::task_key(&task), revision)).then(records::put_task(&task));
            changed = true;
            ended.push(task);
            continue;
        }
        let moved = task.advance(passed, now);
        let reported = task.state == TaskState::Process && task.report(failure.unwrap_or_default(), now);
        if moved || reported {
            txn = txn.when(Compare::mod_revision(records::task_key(&task), revision)).then(records::put_task(&task));
            changed = true;
            ended.extend((!task.is_open()).then_some(task));
        }
    }
    if !changed {
        return Ok(status.clone());
    }
    let outcome = world.store.txn(txn).await?;
    if !outcome.succeeded {
        return Err(Error::Conflict { what: format!("{id}") });
    }
    for task in &ended {
        world.task_metrics.ended(task);
    }
    let revision = if status_changed { outcome.revision } else { status.revision };
    Ok(Record { value: next, revision })
}

fn next_status(instance: &Instance, status: &Status, findings: &Findings<'_>, now: jiff::Timestamp) -> Status {
    let Findings { observed, plan, failure, served, .. } = *findings;
    let mut next = status.clone();
    if *plan == Plan::Converged {
        next.observed_generation = instance.generation;
        next.rotation.settled = next.rotation.trust;
    }
    for record in &mut next.members {
        let member = observed.member(record.ordinal);
        let silent = member.is_some_and(|member| is_silent(status, observed, member));
        record.silent_since = record.silent_since.or(Some(now)).filter(|_| silent);
        let Some(member) = member else { continue };
        record.phase = progress::member_phase(member);
        if let Some(serving) = member.serving() {
            record.version = Some(serving.version.clone());
            record.woken = 0;
            if member.started_with.as_deref() == Some(record.run.line().as_str()) {
                record.moved_from = None;
            }
        }
        // The cluster lists it with its name, or it serves: it is in.
        let joined = observed.peer(&record.peer_url()).is_some_and(|peer| peer.started);
        record.adding &= !joined && member.serving().is_none();
        served.note_in(record, member);
    }
    if let Some(public) = &mut next.public {
        let seen = observed.endpoint.public.as_ref();
        public.opened |= seen.is_some_and(|seen| seen.serving && seen.route.listen == public.listen);
    }
    next.quorum_loss = recovery::assess(&next, observed, now);
    next.phase = progress::phase(instance, &next, observed);
    for (kind, holds, reason) in progress::conditions(instance, &next, observed, now) {
        condition::set(&mut next.conditions, kind, holds, reason, now);
    }
    let grade = progress::quota_grade(&next, observed);
    condition::grade(&mut next.conditions, ConditionKind::QuotaLeft, grade);
    let reason = failure.unwrap_or_default().to_owned();
    condition::set(&mut next.conditions, ConditionKind::Reconciled, failure.is_none(), reason, now);
    next
}

/// The tasks of the instance that go on.
pub(crate) async fn open_tasks(world: &World, id: &InstanceId) -> Result<Vec<Record<Task>>> {
    let range = world.store.range(&records::tasks_prefix(id)).await?;
    let mut tasks = Vec::new();
    for entry in &range.entries {
        let record: Record<Task> = records::decode(entry)?;
        if record.value.state == TaskState::Process {
            tasks.push(record);
        }
    }
    Ok(tasks)
}
