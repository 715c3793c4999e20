//! DescribeEtcdTasks and DescribeEtcdTaskSteps: what was asked for, and how far it is. Tasks outlive their instances.

use std::sync::Arc;

use cetcd_api::{
    Code, Error,
    actions::{
        DescribeEtcdTaskSteps, DescribeEtcdTaskStepsRequest, DescribeEtcdTaskStepsResponse, DescribeEtcdTasks,
        DescribeEtcdTasksRequest, DescribeEtcdTasksResponse,
    },
    structures::{EtcdTaskInfo, EtcdTaskStep, Filter},
};
use cetcd_core::Task;

use super::{Service, lookup::time, progress};
use crate::{Context, Handler};

/// The most tasks in an answer: the action has no pages. A filter reaches the older ones.
const MOST_TASKS: usize = 1000;

impl Handler<DescribeEtcdTasks> for Service {
    /// Newest first. TaskID and filters may come together: all must hold.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdTasksRequest,
    ) -> Result<DescribeEtcdTasksResponse, Error> {
        let filters = request.filters.unwrap_or_default();
        let mut conditions = Vec::with_capacity(filters.len());
        for (index, filter) in filters.iter().enumerate() {
            conditions.push((attribute(filter, index)?, filter.values.as_slice()));
        }
        let found = match request.task_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => self.view.task(id).filter(|task| is_callers(context, task)).into_iter().collect(),
            None => self.view.tasks_of(&context.account, &context.region),
        };
        let wanted = |task: &&Arc<Task>| {
            conditions.iter().all(|(attribute, values)| values.iter().any(|value| value == attribute(task)))
        };
        let tasks = found.iter().filter(wanted).take(MOST_TASKS).map(|task| shown(task)).collect();
        Ok(DescribeEtcdTasksResponse { tasks: Some(tasks) })
    }
}

impl Handler<DescribeEtcdTaskSteps> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdTaskStepsRequest,
    ) -> Result<DescribeEtcdTaskStepsResponse, Error> {
        let id = &request.task_id;
        let task = self.view.task(id).filter(|task| is_callers(context, task)).ok_or_else(|| {
            Error::new(
                Code::ResourceNotFound,
                format!("There is no task `{id}` in this region."),
                format!("此地域没有任务 `{id}`。"),
            )
        })?;
        let steps = task.steps.iter().map(progress::shown).map(|step| EtcdTaskStep {
            step: step.step,
            life_state: step.life_state,
            start_at: step.start_at,
            end_at: step.end_at,
            failed_msg: step.failed_msg,
        });
        Ok(DescribeEtcdTaskStepsResponse { steps: Some(steps.collect()) })
    }
}

fn is_callers(context: &Context, task: &Task) -> bool {
    task.account == *context.account && task.region == *context.region
}

/// What a filter compares.
fn attribute(filter: &Filter, index: usize) -> Result<fn(&Task) -> &str, Error> {
    match filter.name.as_str() {
        "taskType" => Ok(|task| task.kind.as_str()),
        "resourceId" => Ok(|task| task.instance.as_str()),
        "lifeState" => Ok(|task| task.state.as_str()),
        other => Err(Error::wrong_value(other, format_args!("Filters.{index}.Name"))),
    }
}

fn shown(task: &Task) -> EtcdTaskInfo {
    EtcdTaskInfo {
        task_id: task.id.clone(),
        task_type: task.kind.as_str().to_owned(),
        resource_id: task.instance.as_str().to_owned(),
        life_state: task.state.as_str().to_owned(),
        created_at: time(task.created_at),
        updated_at: time(task.updated_at),
    }
}
