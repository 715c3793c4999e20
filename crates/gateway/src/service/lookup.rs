//! Finding what a request names, as far as its caller may see it, and what is shown of it.

use std::sync::Arc;

use cetcd_api::{Code, Error};
use cetcd_core::{Instance, InstanceId, Status, Task, condition::ConditionKind, status::Phase, task::TaskKind};
use cetcd_store::records::{self, Record};
use jiff::Timestamp;

use super::{Service, commit::store_error};
use crate::Context;

impl Service {
    /// The instance `id` from the view, where it is the caller's.
    pub(super) fn find(&self, context: &Context, id: &str) -> Option<Arc<Instance>> {
        let instance = self.view.instance(&InstanceId::parse(id)?)?.value;
        is_callers(context, &instance).then_some(instance)
    }

    /// The same, for actions that need it.
    pub(super) fn visible(&self, context: &Context, id: &str) -> Result<Arc<Instance>, Error> {
        self.find(context, id).ok_or_else(|| Error::instance_not_found(id))
    }

    /// The instance `id` as it is in the store at this moment, where it is the caller's: what a change starts from.
    pub(super) async fn stored(&self, context: &Context, id: &str) -> Result<Record<Instance>, Error> {
        let not_found = || Error::instance_not_found(id);
        let parsed = InstanceId::parse(id).ok_or_else(not_found)?;
        records::get::<Instance>(self.store.as_ref(), &records::instance_key(&parsed))
            .await
            .map_err(|error| store_error("read an instance", &error))?
            .filter(|record| is_callers(context, &record.value))
            .ok_or_else(not_found)
    }

    /// The task that is changing instance `id`, where there is one. Exact for an instance record of the view's
    /// revision or earlier, since a task is accepted in the transaction that changes its instance.
    pub fn changing_task(&self, id: &InstanceId) -> Option<Arc<Task>> {
        self.view.tasks_about(id).into_iter().find(|task| task.is_open() && task.kind.changes_instance())
    }

    /// Refuses a change of `instance` while another one is under way, naming its task, or while the instance is
    /// being deleted. For every action that makes a task; its transaction must name the instance's revision, and
    /// the view must have reached that.
    pub fn require_unchanging(&self, instance: &Instance) -> Result<(), Error> {
        let (id, task) = (&instance.id, self.changing_task(&instance.id));
        let Some(task) = task else {
            return if instance.spec.deleting { Err(being_deleted(id)) } else { Ok(()) };
        };
        let (kind, task) = (task.kind.as_str(), &task.id);
        Err(Error::new(
            Code::OperationDenied,
            format!(
                "The instance `{id}` is being changed by the task `{task}` ({kind}). Wait until it has ended; DescribeEtcdTasks shows it."
            ),
            format!("实例 `{id}` 正在执行任务 `{task}`（{kind}），请等待其结束，可通过 DescribeEtcdTasks 查看。"),
        ))
    }
}

/// Whether an instance belongs to the caller's account and is in the request's region.
fn is_callers(context: &Context, instance: &Instance) -> bool {
    instance.account == *context.account && instance.region == *context.region
}

/// The refusal to change what is going away.
pub(super) fn being_deleted(id: &InstanceId) -> Error {
    Error::new(
        Code::OperationDenied,
        format!("The instance `{id}` is being deleted."),
        format!("实例 `{id}` 正在删除。"),
    )
}

/// The instance's status word. What is being done shows from the answer to its request until its task ends, not
/// only while the controller is at it: who waits for `running` after a change must not find the one from before.
pub(super) fn phase(instance: &Instance, status: Option<&Status>, changing: Option<TaskKind>) -> Phase {
    match (changing, status) {
        _ if instance.spec.deleting => Phase::Deleting,
        (Some(TaskKind::CreateInstance), _) | (None | Some(TaskKind::CreateSnapshot), None) => Phase::Creating,
        (Some(TaskKind::DeleteInstance), _) => Phase::Deleting,
        (Some(TaskKind::ResizeInstance), _) => Phase::Resizing,
        (Some(TaskKind::UpgradeInstance), _) => Phase::Upgrading,
        (
            Some(
                TaskKind::ModifyConfiguration
                | TaskKind::ModifyAttribute
                | TaskKind::RotateCredentials
                | TaskKind::EnableInternet
                | TaskKind::DisableInternet,
            ),
            _,
        ) => Phase::Updating,
        (Some(TaskKind::RecoverInstance), _) => Phase::Abnormal,
        (Some(TaskKind::RestoreRemoteSnapshot), _) => Phase::Restoring,
        // A snapshot changes nothing.
        (None | Some(TaskKind::CreateSnapshot), Some(status)) => status.phase,
    }
}

/// The address that clients use, from when it first served: before, connecting to it could only fail.
pub(super) fn endpoint(instance: &Instance, status: &Status) -> Option<String> {
    let serving = || status.conditions.iter().any(|c| c.kind == ConditionKind::EndpointServing && c.holds);
    let address = status.endpoint.filter(|_| status.observed_generation > 0 || serving())?;
    let scheme = if instance.spec.security.https { "https" } else { "http" };
    Some(format!("{scheme}://{address}"))
}

/// A time as the API writes it: RFC 3339, UTC, whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The part of a list that a page shows. A limit of 0, or none, is `default`.
pub(super) fn page<T>(
    all: impl IntoIterator<Item = T>,
    offset: Option<u64>,
    limit: Option<u64>,
    default: usize,
    most: usize,
) -> impl Iterator<Item = T> {
    let number = |n: Option<u64>| usize::try_from(n.unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = match number(limit) {
        0 => default,
        limit => limit.min(most),
    };
    all.into_iter().skip(number(offset)).take(limit)
}
