//! `cetcd events`.

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    client::Client,
    output::{Format, print, text},
};

/// Lists what was seen of an instance, what was done about it, and why: the newest first.
#[derive(Debug, clap::Args)]
pub struct Events {
    /// The instance
    instance: String,
    /// Only what matters at least so much
    #[arg(long, value_enum, default_value_t = Level::Info)]
    level: Level,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Info,
    Warning,
    Error,
}

/// Prints the events.
pub fn run(client: &Client, events: &Events, format: Format) -> Result<()> {
    let levels = match events.level {
        Level::Info => vec![],
        Level::Warning => vec!["warning", "error"],
        Level::Error => vec!["error"],
    };
    let filters: Vec<Value> =
        (!levels.is_empty()).then(|| json!({ "Name": "level", "Values": levels })).into_iter().collect();
    let parameters = json!({ "InstanceId": events.instance, "Limit": events.limit, "Filters": filters });
    let answer = client.call("DescribeEtcdEvents", &parameters)?;
    let fields = ["Time", "Level", "Message", "Reason"];
    let rows =
        answer["Events"].as_array().into_iter().flatten().map(|e| fields.map(|f| text(&e[f])).to_vec()).collect();
    print(format, &answer["Events"], &["time", "level", "message", "reason"], rows)
}
