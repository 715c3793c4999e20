//! `cetcd resize` and `cetcd upgrade`, and what other changes that take time have in common: waiting for the task.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{
    client::Client,
    output::{tell, text},
};

/// Changes the number of members.
#[derive(Debug, clap::Args)]
pub struct Resize {
    /// ID of the instance
    id: String,
    /// Number of members: 1, 3, 5, 7 or 9
    size: u64,
    #[command(flatten)]
    wait: Wait,
}

/// Moves every member to another version.
#[derive(Debug, clap::Args)]
pub struct Upgrade {
    /// ID of the instance
    id: String,
    /// The version, for example v3.5.30: of the same minor version or the next
    version: String,
    #[command(flatten)]
    wait: Wait,
}

/// Whether and how long the end is waited for.
#[derive(Debug, clap::Args)]
pub struct Wait {
    /// Answer as soon as the request is accepted
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after so many seconds; the change goes on
    #[arg(long, default_value_t = 600)]
    timeout: u64,
}

/// Between two looks: under the service's limit of 20 requests a second.
const LOOK: Duration = Duration::from_millis(200);

/// Resizes and waits.
pub fn resize(client: &Client, resize: &Resize) -> Result<()> {
    let parameters = json!({ "InstanceId": resize.id, "Size": resize.size });
    change(client, "ResizeEtcdInstance", &resize.id, &parameters, &resize.wait)
}

/// Upgrades and waits.
pub fn upgrade(client: &Client, upgrade: &Upgrade) -> Result<()> {
    let parameters = json!({ "InstanceId": upgrade.id, "EtcdVersion": upgrade.version });
    change(client, "UpgradeEtcdInstance", &upgrade.id, &parameters, &upgrade.wait)
}

/// Asks for a change, and waits until no task of the instance is under way.
pub fn change(client: &Client, action: &str, id: &str, parameters: &Value, wait: &Wait) -> Result<()> {
    client.call(action, parameters)?;
    self::wait(client, id, wait)
}

/// Waits until no change of the instance is under way, and says meanwhile how it is.
pub fn wait(client: &Client, id: &str, wait: &Wait) -> Result<()> {
    wait_beside(client, id, wait, &ProgressBar::hidden(), |_| Ok(()))
}

/// The same beside a bar, which is brought up to date at each look.
pub fn wait_beside(
    client: &Client,
    id: &str,
    wait: &Wait,
    bar: &ProgressBar,
    look: impl Fn(&ProgressBar) -> Result<()>,
) -> Result<()> {
    if wait.no_wait {
        return Ok(());
    }
    let began = Instant::now();
    let mut said = String::new();
    loop {
        let filters = json!([
            { "Name": "resourceId", "Values": [id] },
            { "Name": "lifeState", "Values": ["process"] },
        ]);
        let under_way = client.call("DescribeEtcdTasks", &json!({ "Filters": filters }))?;
        let instance = client.instance(id)?;
        let members = instance["Members"].as_array().cloned().unwrap_or_default();
        let members: Vec<String> = members
            .iter()
            .map(|member| {
                let name = text(&member["Name"]);
                let ordinal = name.rsplit('-').next().unwrap_or_default().to_owned();
                format!("{ordinal}:{} {}", text(&member["Status"]), text(&member["Version"]))
            })
            .collect();
        let line = format!("  {:10} {}", text(&instance["Status"]), members.join(", "));
        if line != said {
            bar.suspend(|| tell!("{line}"));
            said = line;
        }
        if under_way["Tasks"].as_array().is_none_or(Vec::is_empty) {
            bar.finish_and_clear();
            tell!("{id}: done after {:.1} s", began.elapsed().as_secs_f64());
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(wait.timeout) {
            bail!("{id} is still being changed after {} s; `cetcd tasks {id}` says how far it is", wait.timeout);
        }
        look(bar)?;
        std::thread::park_timeout(LOOK);
    }
}
