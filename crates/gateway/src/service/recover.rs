//! RecoverEtcdInstance: asks for a cluster without a quorum to go on with the best of its survivors.

use cetcd_api::{
    Code, Error,
    actions::{RecoverEtcdInstance, RecoverEtcdInstanceRequest, RecoverEtcdInstanceResponse},
    structures::EtcdSurvivor,
};
use cetcd_core::{Instance, Status, Task, recovery::QuorumLoss, task::TaskKind};
use cetcd_store::{
    Compare, Txn,
    records::{self, Record},
};

use super::{
    Service,
    commit::{ATTEMPTS, contended},
    lookup::{being_deleted, time},
};
use crate::{Context, Handler};

/// What the step under way of a task says that a recovery ended. What it was to bring about stays wanted.
const OVERTAKEN: &str = "the quorum was lost and a recovery asked for; what is wanted is brought about after it";

impl Handler<RecoverEtcdInstance> for Service {
    /// Does not wait for other tasks, which cannot go on without a quorum: it ends them.
    async fn handle(
        &self,
        context: &Context,
        request: RecoverEtcdInstanceRequest,
    ) -> Result<RecoverEtcdInstanceResponse, Error> {
        if request.dry_run == Some(true) {
            let instance = self.visible(context, &request.instance_id)?;
            let status = self.view.status(&instance.id);
            return Ok(shown(&instance, status.as_deref()));
        }
        for _ in 0..ATTEMPTS {
            let current = self.stored(context, &request.instance_id).await?;
            self.require_view(current.revision).await?;
            let mut instance = current.value;
            if instance.spec.deleting {
                return Err(being_deleted(&instance.id));
            }
            let status = self.view.status(&instance.id);
            let answer = shown(&instance, status.as_deref());
            let observed = status.as_ref().map_or(0, |status| status.observed_generation);
            if instance.spec.recovery_asked > observed || status.is_some_and(|status| status.recovery.is_some()) {
                return Ok(answer);
            }
            if !answer.recoverable {
                return Err(nothing_to_recover(&instance, &answer.reason));
            }
            instance.generation += 1;
            instance.spec.recovery_asked = instance.generation;
            let mut txn = Txn::new()
                .when(Compare::mod_revision(records::instance_key(&instance.id), current.revision))
                .then(records::put_instance(&instance));
            for Record { value: mut task, revision } in self.tasks_under_way(&instance).await? {
                task.fail(OVERTAKEN, context.now);
                let key = records::task_key(&task);
                txn = txn.when(Compare::mod_revision(key, revision)).then(records::put_task(&task));
            }
            let task = Task::accepted(self.entropy.uuid(), TaskKind::RecoverInstance, &instance, context.now);
            let txn = txn.when(Compare::absent(records::task_key(&task))).then(records::put_task(&task));
            if self.commit(txn).await? {
                return Ok(answer);
            }
        }
        Err(contended(&request.instance_id))
    }
}

/// What the controller last recorded of the loss, and what a recovery would do about it.
fn shown(instance: &Instance, status: Option<&Status>) -> RecoverEtcdInstanceResponse {
    let Some(loss) = status.and_then(|status| status.quorum_loss.as_ref()) else {
        let reason = "members serve, or the instance has no cluster yet: there is nothing to recover".to_owned();
        return RecoverEtcdInstanceResponse { recoverable: false, reason, survivors: Some(Vec::new()) };
    };
    let chosen = loss.choice().map(|survivor| survivor.ordinal);
    let survivor = |survivor: &cetcd_core::recovery::Survivor| EtcdSurvivor {
        member: instance.id.member_name(survivor.ordinal),
        log_index: survivor.index,
        revision: survivor.revision,
        complete_until: survivor.complete_until.map(time),
        chosen: chosen == Some(survivor.ordinal),
    };
    RecoverEtcdInstanceResponse {
        recoverable: is_recoverable(loss),
        reason: loss.describe(),
        survivors: Some(loss.survivors.iter().map(survivor).collect()),
    }
}

/// Whether a member is left, and none of them knows of a leader: between two leaders nobody serves for a moment.
fn is_recoverable(loss: &QuorumLoss) -> bool {
    loss.choice().is_some() && !loss.survivors.iter().any(|survivor| survivor.led)
}

fn nothing_to_recover(instance: &Instance, reason: &str) -> Error {
    let id = &instance.id;
    Error::new(
        Code::OperationDenied,
        format!("The instance `{id}` cannot be recovered by force: {reason}."),
        format!("实例 `{id}` 无法强制恢复：{reason}。"),
    )
}
