//! Changes that take time: desired state and a task in one transaction.

use cetcd_api::Error;
use cetcd_core::{
    Instance, Task,
    instance::Spec,
    task::{StepState, TaskKind},
};
use cetcd_store::{
    Compare, Op, Txn,
    records::{self, Record},
};

use super::{
    Service,
    commit::{ATTEMPTS, contended},
    lookup::being_deleted,
    monitoring::Beside,
};
use crate::Context;

/// What the step under way of a task says that a new password ended.
const OVERTAKEN: &str = "overtaken by another password";

/// A secret that is written with a change of desired state.
pub(super) struct Secret {
    /// The revision of what it takes the place of.
    pub replaces: Compare,
    /// The write.
    pub write: Op,
}

/// A task that cannot be done and whose place a change takes.
pub(super) struct Overtakes {
    /// Of which kind.
    pub kind: TaskKind,
    /// What its step under way says then.
    pub why: &'static str,
}

/// What goes with a change.
#[derive(Default)]
pub(super) struct With {
    /// A secret that is written too. It may be what a task waits for: one of the same kind that is failing is ended,
    /// and this change takes its place.
    pub secret: Option<Secret>,
    /// So it is with one that the change overtakes.
    pub overtakes: Option<Overtakes>,
    /// What else is written.
    pub beside: Beside,
}

impl Service {
    /// Lets `change` alter the desired state of the caller's instance `id`. What the controller has to act upon
    /// gets a new generation and a task of `kind`, and is refused while another task is under way; what is only
    /// shown is written alone; what already is so changes nothing.
    pub(super) async fn converge(
        &self,
        context: &Context,
        id: &str,
        kind: TaskKind,
        change: impl Fn(&mut Instance) -> Result<(), Error> + Send + Sync,
    ) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            if self.try_converge(context, id, kind, &change, With::default()).await? {
                return Ok(());
            }
        }
        Err(contended(id))
    }

    /// One try of that; false where another change was quicker.
    pub(super) async fn try_converge(
        &self,
        context: &Context,
        id: &str,
        kind: TaskKind,
        change: impl Fn(&mut Instance) -> Result<(), Error> + Send + Sync,
        with: With,
    ) -> Result<bool, Error> {
        let With { secret, overtakes, beside } = with;
        let current = self.stored(context, id).await?;
        let mut wanted = current.value.clone();
        change(&mut wanted)?;
        if wanted == current.value {
            return Ok(true);
        }
        let mut txn = Txn::new().when(Compare::mod_revision(records::instance_key(&wanted.id), current.revision));
        if !only_shown(&current.value.spec, &wanted.spec) {
            let overtakes = overtakes.or(secret.as_ref().map(|_| Overtakes { kind, why: OVERTAKEN }));
            let failing = match &overtakes {
                Some(overtakes) => self.failing_task(&current.value, overtakes.kind).await?,
                None => None,
            };
            if let (Some(Record { value: mut task, revision }), Some(overtakes)) = (failing, overtakes) {
                if current.value.spec.deleting {
                    return Err(being_deleted(&wanted.id));
                }
                task.fail(overtakes.why, context.now);
                let key = records::task_key(&task);
                txn = txn.when(Compare::mod_revision(key, revision)).then(records::put_task(&task));
            } else {
                self.require_view(current.revision).await?;
                self.require_unchanging(&current.value)?;
            }
            wanted.generation += 1;
            let task = Task::accepted(self.entropy.uuid(), kind, &wanted, context.now);
            txn = txn.when(Compare::absent(records::task_key(&task))).then(records::put_task(&task));
        }
        if let Some(Secret { replaces, write }) = secret {
            txn = txn.when(replaces).then(write);
        }
        txn = beside.when.into_iter().fold(txn, Txn::when);
        txn = beside.then.into_iter().fold(txn, Txn::then);
        self.commit(txn.then(records::put_instance(&wanted))).await
    }

    /// The task of `kind` under way whose step cannot be done, where there is one.
    async fn failing_task(&self, instance: &Instance, kind: TaskKind) -> Result<Option<Record<Task>>, Error> {
        let under_way = self.tasks_under_way(instance).await?;
        let fails = |task: &Task| task.kind == kind && task.steps.iter().any(|step| step.state == StepState::Failed);
        Ok(under_way.into_iter().find(|task| fails(&task.value)))
    }
}

/// Whether two specifications differ at most in what is kept to be shown, or to be known later.
fn only_shown(before: &Spec, after: &Spec) -> bool {
    let mut shown = Spec {
        name: before.name.clone(),
        description: before.description.clone(),
        charge: before.charge.clone(),
        delete_backups: before.delete_backups,
        deletion_protection: before.deletion_protection,
        ..after.clone()
    };
    // Auth is off unless somebody turned it on by hand; it then goes off like anything else that is not as wanted.
    if before.auth.enabled.is_none() && after.auth.enabled == Some(false) {
        shown.auth.enabled = None;
    }
    shown == *before
}
