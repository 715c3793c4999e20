//! `cetcd snapshot`: taking, listing, restoring and removing backups; and, on the host of the service, reading them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{
    Global, change,
    client::Client,
    output::{Format, print, say, tell, text},
    stored,
};

/// Backups.
#[derive(Debug, Subcommand)]
pub enum Snapshots {
    /// Take a snapshot and wait until it is there
    Create(Create),
    /// List the backups of an instance, the newest first; also of one that was deleted
    List {
        /// ID of the instance
        id: String,
    },
    /// Delete a snapshot
    Delete {
        /// ID of the instance
        id: String,
        /// Name of the snapshot
        name: String,
    },
    /// Let other accounts make new instances of a snapshot; without any, nobody may any more
    Share {
        /// ID of the instance
        id: String,
        /// Name of the snapshot
        name: String,
        /// ID of an account that may; all of them have to be named
        #[arg(long = "with", value_name = "ACCOUNT")]
        accounts: Vec<String>,
    },
    /// Restore a snapshot, in place or into a new instance, and wait
    Restore(Restore),
    /// Restore a snapshot into a member that is thrown away, compare, and wait for the outcome
    Prove {
        /// ID of the instance
        id: String,
        /// Name of the snapshot
        name: String,
        /// Give up waiting after so many seconds
        #[arg(long, default_value_t = 600)]
        timeout: u64,
    },
    /// Write a snapshot to a file that etcdutl takes; on the host of the service
    Download(stored::Download),
    /// Read a snapshot whole and check every bit; on the host of the service
    Verify(stored::Verify),
    /// Make stored snapshots known of which the service has no record, after its database was lost; on its host
    Adopt(stored::Adopt),
}

/// Takes a snapshot.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// ID of the instance
    id: String,
    /// Name of the snapshot
    name: String,
    /// etcd user that takes it where authentication is on; the password comes from CETCD_SNAPSHOT_PASSWORD
    #[arg(long)]
    user: Option<String>,
    /// Answer as soon as the request is accepted
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after so many seconds; the snapshot goes on
    #[arg(long, default_value_t = 600)]
    timeout: u64,
}

/// Restores a snapshot.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// ID of the instance that the snapshot is of
    id: String,
    /// Name of the snapshot
    name: String,
    /// Make a new instance of this name from it; in place where left out
    #[arg(long, value_name = "NAME")]
    new: Option<String>,
    /// Region of the new instance
    #[arg(long, requires = "new", value_name = "REGION")]
    into_region: Option<String>,
    /// Number of members of the new instance
    #[arg(long, requires = "new")]
    size: Option<u64>,
    /// Version of the new instance
    #[arg(long, requires = "new")]
    version: Option<String>,
    /// VPC of the new instance; has to be named for a snapshot that another account shares
    #[arg(long, requires_all = ["new", "subnets"])]
    vpc: Option<String>,
    /// Subnet for members of the new instance; may be said several times, the first has the endpoint's address
    #[arg(long = "subnet", requires = "vpc")]
    subnets: Vec<String>,
    /// Replace the data of the instance: without this nothing is done in place
    #[arg(long, conflicts_with = "new")]
    replace: bool,
    /// Do not back up first what is replaced
    #[arg(long, requires = "replace")]
    skip_backup: bool,
    #[command(flatten)]
    wait: change::Wait,
}

/// Between two looks: under the service's limit of 20 requests a second.
const LOOK: Duration = Duration::from_millis(150);

/// Runs one of them.
pub fn run(global: &Global, command: &Snapshots) -> Result<()> {
    let format = global.output;
    match command {
        Snapshots::Create(create) => take(&Client::open(global)?, create, format),
        Snapshots::List { id } => list(&Client::open(global)?, id, format),
        Snapshots::Delete { id, name } => {
            Client::open(global)?.call("DeleteEtcdSnapshot", &json!({ "InstanceId": id, "SnapshotName": name }))?;
            tell!("{id}: snapshot {name} is deleted");
            Ok(())
        }
        Snapshots::Share { id, name, accounts } => {
            let wanted = json!({ "InstanceId": id, "SnapshotName": name, "AccountIds": accounts });
            Client::open(global)?.call("ShareEtcdSnapshot", &wanted)?;
            match accounts.join(", ") {
                nobody if nobody.is_empty() => tell!("{id}: snapshot {name} is shared with nobody"),
                all => tell!("{id}: snapshot {name} may be restored into new instances by {all}"),
            }
            Ok(())
        }
        Snapshots::Restore(wanted) => restore(global, wanted),
        Snapshots::Prove { id, name, timeout } => prove(&Client::open(global)?, id, name, *timeout, format),
        Snapshots::Download(download) => stored::download(global, download),
        Snapshots::Verify(verify) => stored::verify(global, verify),
        Snapshots::Adopt(adopt) => stored::adopt(global, adopt),
    }
}

/// The one backup of that name.
fn one(client: &Client, id: &str, name: &str) -> Result<Value> {
    let filters = json!([{ "Name": "name", "Values": [name] }]);
    let answer = client.call("DescribeEtcdBackups", &json!({ "InstanceId": id, "Filters": filters }))?;
    match answer["Backups"].get(0) {
        Some(found) => Ok(found.clone()),
        None => bail!("{id} has no snapshot {name}; `cetcd snapshot list {id}` shows those there are"),
    }
}

fn take(client: &Client, create: &Create, format: Format) -> Result<()> {
    let (id, name) = (&create.id, &create.name);
    let mut wanted = json!({ "InstanceId": id, "SnapshotName": name });
    if let Some(user) = &create.user {
        wanted["User"] = json!(user);
        if let Ok(password) = std::env::var("CETCD_SNAPSHOT_PASSWORD") {
            wanted["Password"] = json!(password);
        }
    }
    let began = Instant::now();
    client.call("CreateEtcdSnapshot", &wanted)?;
    if create.no_wait {
        return Ok(());
    }
    let mut said = String::new();
    let bar = stored::bar(0);
    loop {
        let backup = one(client, id, name)?;
        let (state, message) = (text(&backup["State"]), text(&backup["FailedMsg"]));
        let line = if message.is_empty() { state.clone() } else { format!("{state}: {message}") };
        if line != said {
            bar.suspend(|| tell!("  {line}"));
            said = line;
        }
        show(&bar, &backup);
        match state.as_str() {
            "done" => {
                bar.finish_and_clear();
                let seconds = began.elapsed().as_secs_f64();
                let bytes = backup["Size"].as_u64().unwrap_or_default();
                #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
                let rate = bytes as f64 / seconds.max(0.001) / 1e6;
                tell!("{id}: {name} has {bytes} bytes at revision {}, {rate:.1} MB/s", text(&backup["Revision"]));
                return print(format, &backup, &[], vec![vec![name.clone()]]);
            }
            "failed" => bail!("the snapshot was given up: {message}"),
            _ => {}
        }
        if began.elapsed() > Duration::from_secs(create.timeout) {
            bail!("{name} is still {state} after {} s; `cetcd snapshot list {id}` says how far it is", create.timeout);
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Brings the bar to where a transfer is, where there is one.
fn show(bar: &ProgressBar, transfer: &Value) {
    if let Some(bytes) = transfer["TransferredBytes"].as_u64() {
        // A snapshot that grew while it was begun is larger than was expected.
        bar.set_length(transfer["ExpectedBytes"].as_u64().unwrap_or_default().max(bytes));
        bar.set_position(bytes);
    }
}

/// The largest page of DescribeEtcdBackups.
const PAGE: u64 = 100;

fn list(client: &Client, id: &str, format: Format) -> Result<()> {
    let mut all = Vec::new();
    loop {
        let wanted = json!({ "InstanceId": id, "Offset": all.len(), "Limit": PAGE });
        let answer = client.call("DescribeEtcdBackups", &wanted)?;
        let page = answer["Backups"].as_array().cloned().unwrap_or_default();
        let ended = page.is_empty();
        all.extend(page);
        if ended || all.len() as u64 >= answer["TotalCount"].as_u64().unwrap_or_default() {
            break;
        }
    }
    let fields = ["Name", "State", "Origin", "StartedAt", "Revision", "Size", "StoredSize", "ProofState"];
    let row = |backup: &Value| {
        let mut row = fields.map(|field| text(&backup[field])).to_vec();
        row.push([text(&backup["FailedMsg"]), text(&backup["ProofMsg"])].join(""));
        row
    };
    let rows = all.iter().map(row).collect();
    let headings = ["name", "state", "origin", "taken", "revision", "bytes", "stored", "proof", ""];
    print(format, &Value::Array(all), &headings, rows)
}

fn restore(global: &Global, wanted: &Restore) -> Result<()> {
    let (id, name) = (&wanted.id, &wanted.name);
    let mut parameters = json!({ "InstanceId": id, "SnapshotName": name });
    match &wanted.new {
        Some(new) => {
            let mut target = json!({ "Name": new });
            for (field, value) in [
                ("Region", json!(wanted.into_region)),
                ("Size", json!(wanted.size)),
                ("EtcdVersion", json!(wanted.version)),
                ("VpcId", json!(wanted.vpc)),
                ("ServiceSubnetId", json!(wanted.subnets.first())),
                ("SubnetIds", json!(Some(&wanted.subnets).filter(|all| !all.is_empty()))),
            ] {
                if !value.is_null() {
                    target[field] = value;
                }
            }
            parameters["NewInstance"] = target;
        }
        None if !wanted.replace => {
            bail!("this replaces all that {id} holds: say --replace, or make a new instance with --new NAME")
        }
        None => parameters["SkipBackup"] = json!(wanted.skip_backup),
    }
    let answer = Client::open(global)?.call("RestoreEtcdSnapshot", &parameters)?;
    let restored = text(&answer["InstanceId"]);
    let region = wanted.into_region.clone().or_else(|| global.region.clone());
    let there = Client::open(&Global { region, ..global.clone() })?;
    let of_it = json!({ "InstanceId": restored, "Limit": 1 });
    change::wait_beside(&there, &restored, &wanted.wait, &stored::bar(0), |bar| {
        show(bar, &there.call("DescribeEtcdBackups", &of_it)?["Restoring"]);
        Ok(())
    })?;
    let failed = there.call(
        "DescribeEtcdTasks",
        &json!({ "Filters": [
        { "Name": "resourceId", "Values": [restored] }, { "Name": "taskType", "Values": ["restore_remote_snapshot"] },
    ] }),
    )?;
    if failed["Tasks"].get(0).is_some_and(|task| task["LifeState"] == "failed") {
        bail!("the restore of {restored} was given up; `cetcd tasks {restored}` shows it");
    }
    say!("{restored}")?;
    Ok(())
}

fn prove(client: &Client, id: &str, name: &str, timeout: u64, format: Format) -> Result<()> {
    client.call("VerifyEtcdSnapshot", &json!({ "InstanceId": id, "SnapshotName": name }))?;
    let began = Instant::now();
    loop {
        let backup = one(client, id, name)?;
        match text(&backup["ProofState"]).as_str() {
            "passed" => {
                tell!("{id}: {name} was restored and compared in {} ms", text(&backup["ProofMillis"]));
                return print(format, &backup, &[], vec![vec![name.to_owned()]]);
            }
            "failed" => bail!("{name} does not restore: {}", text(&backup["ProofMsg"])),
            _ => {}
        }
        if began.elapsed() > Duration::from_secs(timeout) {
            bail!("{name} was not proved within {timeout} s; drills are done one at a time");
        }
        std::thread::park_timeout(LOOK);
    }
}
