//! `cetcd policy`: when an instance is backed up and what is kept.

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::Client,
    output::{Format, print, tell, text},
};

/// Policies that take backups.
#[derive(Debug, Subcommand)]
pub enum Policies {
    /// List the policies of an instance
    List {
        /// ID of the instance
        id: String,
    },
    /// Make a policy: hourly with 24 kept, unless said otherwise
    Create(Settings),
    /// Change a policy; what is left out stays
    Modify(Settings),
    /// Delete a policy; the snapshots that it took stay
    Delete {
        /// ID of the instance
        id: String,
        /// Name of the policy
        name: String,
    },
}

/// What a policy says.
#[derive(Debug, clap::Args)]
pub struct Settings {
    /// ID of the instance
    id: String,
    /// Name of the policy
    name: String,
    /// Seconds from one backup to the next, 60 at least
    #[arg(long, value_name = "SECONDS")]
    interval: Option<u64>,
    /// How many of the newest are kept
    #[arg(long, value_name = "COUNT")]
    keep: Option<u64>,
    /// Of so many hours the newest is kept beside
    #[arg(long, value_name = "COUNT")]
    keep_hourly: Option<u64>,
    /// Of so many days the newest is kept beside
    #[arg(long, value_name = "COUNT")]
    keep_daily: Option<u64>,
    /// Of so many weeks the newest is kept beside
    #[arg(long, value_name = "COUNT")]
    keep_weekly: Option<u64>,
    /// Restore every so many for proof; 0: none
    #[arg(long, value_name = "COUNT")]
    prove_every: Option<u64>,
    /// Bucket that the backups go to; else the service's own
    #[arg(long)]
    bucket: Option<String>,
    /// etcd user that takes them where authentication is on; the password comes from CETCD_SNAPSHOT_PASSWORD
    #[arg(long)]
    user: Option<String>,
}

/// Runs one of them.
pub fn run(client: &Client, command: &Policies, format: Format) -> Result<()> {
    match command {
        Policies::List { id } => list(client, id, format),
        Policies::Create(settings) => {
            let hourly = json!({ "BackupInterval": 3600, "MaxBackupCount": 24 });
            client.call("CreateEtcdSnapshotPolicy", &published(settings, hourly))?;
            retention(client, settings)?;
            tell!("{}: policy {} is made", settings.id, settings.name);
            Ok(())
        }
        Policies::Modify(settings) => {
            let wanted = published(settings, present(client, settings)?);
            client.call("ModifyEtcdSnapshotPolicy", &wanted)?;
            retention(client, settings)?;
            tell!("{}: policy {} is changed", settings.id, settings.name);
            Ok(())
        }
        Policies::Delete { id, name } => {
            client.call("DeleteEtcdSnapshotPolicy", &json!({ "InstanceId": id, "SnapshotPolicyName": name }))?;
            tell!("{id}: policy {name} is deleted; its snapshots stay");
            Ok(())
        }
    }
}

/// How the policy is now: the published action takes interval and count together.
fn present(client: &Client, settings: &Settings) -> Result<Value> {
    let answer = client.call("DescribeEtcdBackups", &json!({ "InstanceId": settings.id, "Limit": 1 }))?;
    let mut policies = answer["Policies"].as_array().into_iter().flatten();
    let Some(policy) = policies.find(|policy| policy["Name"] == settings.name.as_str()) else {
        bail!(
            "{} has no policy {}; `cetcd policy list {}` shows those there are",
            settings.id,
            settings.name,
            settings.id
        )
    };
    Ok(json!({ "BackupInterval": policy["BackupInterval"], "MaxBackupCount": policy["MaxBackupCount"] }))
}

fn published(settings: &Settings, mut backup: Value) -> Value {
    let password = std::env::var("CETCD_SNAPSHOT_PASSWORD").ok().filter(|_| settings.user.is_some());
    let texts = [("User", &settings.user), ("Password", &password), ("CosBucketName", &settings.bucket)];
    for (name, number) in [("BackupInterval", settings.interval), ("MaxBackupCount", settings.keep)] {
        if let Some(number) = number {
            backup[name] = json!(number);
        }
    }
    for (name, text) in texts.into_iter().filter(|(_, text)| text.is_some()) {
        backup[name] = json!(text);
    }
    json!({ "InstanceId": settings.id, "SnapshotPolicyName": settings.name, "BackupSettings": backup })
}

fn has_retention(settings: &Settings) -> bool {
    [settings.keep_hourly, settings.keep_daily, settings.keep_weekly, settings.prove_every].iter().any(Option::is_some)
}

/// What the published structure has no place for.
fn retention(client: &Client, settings: &Settings) -> Result<()> {
    if has_retention(settings) {
        let wanted = json!({
            "InstanceId": settings.id,
            "SnapshotPolicyName": settings.name,
            "KeepHourly": settings.keep_hourly,
            "KeepDaily": settings.keep_daily,
            "KeepWeekly": settings.keep_weekly,
            "ProveEvery": settings.prove_every,
        });
        client.call("ModifyEtcdSnapshotRetention", &wanted)?;
    }
    Ok(())
}

fn list(client: &Client, id: &str, format: Format) -> Result<()> {
    let answer = client.call("DescribeEtcdBackups", &json!({ "InstanceId": id, "Limit": 1 }))?;
    let fields = [
        "Name",
        "BackupInterval",
        "MaxBackupCount",
        "KeepHourly",
        "KeepDaily",
        "KeepWeekly",
        "ProveEvery",
        "LastSlot",
        "NextSlot",
    ];
    let policies = answer["Policies"].as_array().into_iter().flatten();
    let rows = policies.map(|policy| fields.map(|field| text(&policy[field])).to_vec()).collect();
    let headings = ["name", "every s", "kept", "hourly", "daily", "weekly", "prove every", "last", "next"];
    print(format, &answer["Policies"], &headings, rows)
}
