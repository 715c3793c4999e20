//! Tasks and their steps.

use crate::values::StepState;

structure! {
    /// A task: a change that is being made to an instance, or was.
    out EtcdTaskInfo {
        /// ID of the task.
        "TaskID" task_id: String => example("4fee3bfe-7670-4014-82d4-31507e3a93f4");
        /// What the task does.
        "TaskType" task_type: String => values(&[
            "create_instance", "resize_instance", "upgrade_instance", "modify_configuration", "modify_attribute",
            "create_snapshot", "restore_remote_snapshot", "enable_internet", "disable_internet", "delete_instance"
        ]), example("enable_internet");
        /// ID of the instance.
        "ResourceID" resource_id: String => example("etcd-jirlfihs");
        /// How far the task is.
        "LifeState" life_state: String => values(&["process", "done", "failed"]), example("process");
        /// When the task was made, RFC 3339 in UTC.
        "CreatedAt" created_at: String => example("2021-08-23T10:00:00Z");
        /// When the task last changed, RFC 3339 in UTC.
        "UpdatedAt" updated_at: String => example("2021-08-23T10:00:00Z");
    }
}

structure! {
    /// A step of a creation.
    out TaskStepInfo {
        /// Name of the step.
        "Step" step: String => values(&[
            "prepare_env", "install_suit", "create_etcd", "install_monitor", "create_backup_policy"
        ]), example("prepare_env");
        /// How far the step is: pending, running, success or failed.
        "LifeState" life_state: StepState => example("running");
        /// When the step began, RFC 3339 in UTC; null before that.
        "StartAt" start_at: Option<String> => example("2022-03-29T11:30:17Z");
        /// When the step ended, RFC 3339 in UTC; null before that.
        "EndAt" end_at: Option<String> => example("2022-03-29T11:30:17Z");
        /// Why the step failed.
        "FailedMsg" failed_msg: Option<String> => example("error");
    }
}
