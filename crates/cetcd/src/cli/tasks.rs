//! `cetcd tasks`.

use anyhow::Result;
use serde_json::json;

use super::{
    client::Client,
    output::{Format, print, text},
};

/// Lists tasks, the newest first.
#[derive(Debug, clap::Args)]
pub struct Tasks {
    /// Only those about this instance
    instance: Option<String>,
    /// Only the task with this ID
    #[arg(long, value_name = "ID")]
    task: Option<String>,
}

/// Prints the tasks.
pub fn run(client: &Client, tasks: &Tasks, format: Format) -> Result<()> {
    let mut parameters = json!({});
    if let Some(task) = &tasks.task {
        parameters["TaskID"] = json!(task);
    }
    if let Some(instance) = &tasks.instance {
        parameters["Filters"] = json!([{ "Name": "resourceId", "Values": [instance] }]);
    }
    let answer = client.call("DescribeEtcdTasks", &parameters)?;
    let fields = ["TaskID", "TaskType", "ResourceID", "LifeState", "CreatedAt", "UpdatedAt"];
    let rows = answer["Tasks"].as_array().into_iter().flatten().map(|t| fields.map(|f| text(&t[f])).to_vec()).collect();
    print(format, &answer["Tasks"], &["task", "type", "instance", "state", "created", "updated"], rows)
}
