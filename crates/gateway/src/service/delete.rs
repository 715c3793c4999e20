//! DeleteEtcdInstance: marks an instance for deletion; the controller takes it down.

use cetcd_api::{
    Code, Error,
    actions::{DeleteEtcdInstance, DeleteEtcdInstanceRequest, DeleteEtcdInstanceResponse},
};
use cetcd_core::{
    Instance, Task,
    task::{TaskKind, TaskState},
};
use cetcd_store::{
    Compare, Txn,
    records::{self, Record},
};

use super::{
    Service,
    commit::{ATTEMPTS, contended, store_error},
};
use crate::{Context, Handler};

/// What the step under way of a task says that a deletion ended.
const OVERTAKEN: &str = "overtaken by deletion";

impl Handler<DeleteEtcdInstance> for Service {
    /// Does not wait for other tasks: it ends them in the transaction that accepts the deletion, so that two tasks
    /// are never under way together.
    async fn handle(
        &self,
        context: &Context,
        request: DeleteEtcdInstanceRequest,
    ) -> Result<DeleteEtcdInstanceResponse, Error> {
        for _ in 0..ATTEMPTS {
            let current = self.stored(context, &request.instance_id).await?;
            if current.value.spec.deleting {
                return Ok(DeleteEtcdInstanceResponse {});
            }
            if current.value.spec.deletion_protection {
                return Err(protected(&current.value));
            }
            let mut instance = current.value;
            instance.spec.deleting = true;
            instance.generation += 1;
            let mut txn = Txn::new()
                .when(Compare::mod_revision(records::instance_key(&instance.id), current.revision))
                .then(records::put_instance(&instance));
            for Record { value: mut task, revision } in self.tasks_under_way(&instance).await? {
                task.fail(OVERTAKEN, context.now);
                let key = records::task_key(&task);
                txn = txn.when(Compare::mod_revision(key, revision)).then(records::put_task(&task));
            }
            let task = Task::accepted(self.entropy.uuid(), TaskKind::DeleteInstance, &instance, context.now);
            let txn = txn.when(Compare::absent(records::task_key(&task))).then(records::put_task(&task));
            if self.commit(txn).await? {
                return Ok(DeleteEtcdInstanceResponse {});
            }
        }
        Err(contended(&request.instance_id))
    }
}

impl Service {
    /// The tasks of an instance that go on, with their revisions. A task is accepted in the transaction that changes
    /// its instance, so whoever read the instance before and names its revision has missed none.
    pub(super) async fn tasks_under_way(&self, instance: &Instance) -> Result<Vec<Record<Task>>, Error> {
        let failed = |error| store_error("read the tasks of an instance", &error);
        let range = self.store.range(&records::tasks_prefix(&instance.id)).await.map_err(failed)?;
        let tasks = range.entries.iter().map(records::decode::<Task>).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(tasks.into_iter().filter(|task| task.value.state == TaskState::Process).collect())
    }
}

fn protected(instance: &Instance) -> Error {
    let id = &instance.id;
    Error::new(
        Code::OperationDenied,
        format!(
            "The instance `{id}` is protected from deletion. Turn that off with DisableEtcdInstanceDeletionProtection first."
        ),
        format!("实例 `{id}` 已开启删除保护，请先通过 DisableEtcdInstanceDeletionProtection 关闭。"),
    )
}
