//! DescribeEtcdCreatingProgress: the steps of the task that makes, or made, an instance.

use cetcd_api::{
    Code, Error,
    actions::{
        DescribeEtcdCreatingProgress, DescribeEtcdCreatingProgressRequest, DescribeEtcdCreatingProgressResponse,
    },
    structures::TaskStepInfo,
    values,
};
use cetcd_core::{
    Task,
    task::{Step, StepState, TaskKind},
};

use super::{Service, lookup::time};
use crate::{Context, Handler};

impl Handler<DescribeEtcdCreatingProgress> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdCreatingProgressRequest,
    ) -> Result<DescribeEtcdCreatingProgressResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let tasks = self.view.tasks_about(&instance.id);
        let creation = tasks.iter().find(|task| is_creation(task)).ok_or_else(|| {
            let id = &instance.id;
            Error::new(
                Code::ResourceNotFound,
                format!("There is no record of the creation of the instance `{id}` any more."),
                format!("实例 `{id}` 的创建记录已不存在。"),
            )
        })?;
        Ok(DescribeEtcdCreatingProgressResponse { steps: Some(creation.steps.iter().map(shown).collect()) })
    }
}

/// Whether the task made its instance: from nothing, or from a snapshot.
fn is_creation(task: &Task) -> bool {
    match task.kind {
        TaskKind::CreateInstance => true,
        TaskKind::RestoreRemoteSnapshot => task.generation == 1,
        _ => false,
    }
}

pub(super) fn shown(step: &Step) -> TaskStepInfo {
    TaskStepInfo {
        step: step.name.as_str().to_owned(),
        life_state: match step.state {
            StepState::Pending => values::StepState::Pending,
            StepState::Running => values::StepState::Running,
            StepState::Success => values::StepState::Success,
            StepState::Failed => values::StepState::Failed,
        },
        start_at: step.started_at.map(time),
        end_at: step.ended_at.map(time),
        failed_msg: Some(step.failed_message.clone()),
    }
}
