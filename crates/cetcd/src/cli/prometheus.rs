//! `cetcd prometheus`: who watches instances.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use cetcd_prometheus::assets::{Asset, DASHBOARDS, RULES};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Global,
    change::{Wait, change},
    client::{Client, Error},
    output::{Format, print, print_data, say, tell, text},
};

/// Prometheus instances.
#[derive(Debug, Subcommand)]
pub enum Prometheus {
    /// List those that instances of the region can be watched by
    List,
    /// Show one, with what its user is let in by
    Get {
        /// ID of the Prometheus instance
        id: String,
    },
    /// Let an instance be watched by one that there is, or by a new one
    Attach {
        /// ID of the instance
        id: String,
        /// ID of the Prometheus instance
        #[arg(required_unless_present = "new", conflicts_with = "new")]
        prometheus: Option<String>,
        /// Make a new one in this subnet
        #[arg(long, value_name = "SUBNET")]
        new: Option<String>,
        /// Days that a new one keeps data
        #[arg(long, default_value_t = 15)]
        retention: u32,
        /// User of a new one's Grafana, where one is run
        #[arg(long, default_value = "admin")]
        grafana_user: String,
        /// Variable of the environment that holds that user's password
        #[arg(long, value_name = "NAME", default_value = "CETCD_GRAFANA_PASSWORD")]
        grafana_password_env: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Let an instance be watched by none
    Detach {
        /// ID of the instance
        id: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete one with all that it kept, and wait until it is gone
    Delete {
        /// ID of the Prometheus instance
        id: String,
    },
    /// Write Grafana's dashboards and Prometheus' rules to a folder, for those that run elsewhere
    Dashboards {
        /// The folder
        #[arg(long, value_name = "DIR")]
        write: PathBuf,
    },
}

/// Between two looks: under the service's limit of 20 requests a second.
const LOOK: Duration = Duration::from_millis(200);

/// How long a deletion may take.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// Runs one of them. Files are written without asking the service: they are in this binary.
pub fn run(global: &Global, command: &Prometheus) -> Result<()> {
    if let Prometheus::Dashboards { write } = command {
        return dashboards(write);
    }
    let client = &Client::open(global)?;
    match command {
        Prometheus::List => list(client, global.output),
        Prometheus::Get { id } => get(client, id, global.output),
        Prometheus::Attach { id, prometheus: Some(prometheus), wait, .. } => {
            configure(client, id, &json!({ "ExistedPrometheusInstanceId": prometheus }), wait)
        }
        Prometheus::Attach { id, prometheus: None, new, retention, grafana_user, grafana_password_env, wait } => {
            let password = std::env::var(grafana_password_env).ok().filter(|text| !text.is_empty());
            let password = password.with_context(|| {
                format!("set {grafana_password_env} to the password of Grafana's user {grafana_user}")
            })?;
            let wanted = json!({
                "SubnetId": new,
                "DataRetention": retention,
                "GrafanaUserName": grafana_user,
                "GrafanaPassword": password,
            });
            configure(client, id, &json!({ "PrometheusCreationParam": wanted }), wait)
        }
        Prometheus::Detach { id, wait } => configure(client, id, &json!({ "ExistedPrometheusInstanceId": "" }), wait),
        Prometheus::Delete { id } => delete(client, id),
        Prometheus::Dashboards { .. } => Ok(()),
    }
}

fn configure(client: &Client, id: &str, settings: &Value, wait: &Wait) -> Result<()> {
    let parameters = json!({ "InstanceId": id, "MonitorSettings": settings });
    change(client, "ModifyEtcdConfiguration", id, &parameters, wait)
}

fn list(client: &Client, format: Format) -> Result<()> {
    let answer = client.call("DescribeEtcdPrometheus", &json!({}))?;
    let rows = answer["Prometheus"].as_array().into_iter().flatten().map(|one| {
        let watched = one["Watched"].as_array().into_iter().flatten();
        let watched: Vec<String> = watched.map(|watched| text(&watched["InstanceId"])).collect();
        let fields = ["PrometheusId", "Status", "Url", "DataRetention"].map(|field| text(&one[field]));
        fields.into_iter().chain([watched.join(", ")]).collect()
    });
    let rows = rows.collect();
    print(format, &answer["Prometheus"], &["id", "status", "url", "days kept", "watches"], rows)
}

fn get(client: &Client, id: &str, format: Format) -> Result<()> {
    let answer = client.call("DescribeEtcdPrometheus", &json!({ "PrometheusIds": [id] }))?;
    let Some(mut found) = answer["Prometheus"].get(0).cloned() else {
        return Err(Error::Refused {
            code: "ResourceNotFound".to_owned(),
            message: format!("there is no Prometheus instance {id}; `cetcd prometheus list` shows those there are"),
            request_id: text(&answer["RequestId"]),
        }
        .into());
    };
    if found["External"] == false && !found["Url"].is_null() {
        let access = client.call("DescribeEtcdPrometheusAccess", &json!({ "PrometheusId": id }))?;
        for field in ["User", "Password", "GrafanaUserName"] {
            found[field] = access[field].clone();
        }
    }
    if format != Format::Table {
        return print_data(format, &found);
    }
    let fields = ["PrometheusId", "Status", "Reason", "Url", "User", "Password", "GrafanaUrl", "GrafanaUserName"];
    for field in fields.into_iter().chain(["SubnetId", "DataRetention"]) {
        say!("{field:20}{}", text(&found[field]))?;
    }
    say!("")?;
    let rows = found["Watched"].as_array().into_iter().flatten();
    let rows = rows.map(|one| ["InstanceId", "Members", "Read", "Reason"].map(|field| text(&one[field])).to_vec());
    print(format, &found, &["watches", "members", "read", "reason"], rows.collect())
}

fn delete(client: &Client, id: &str) -> Result<()> {
    client.call("DeleteEtcdPrometheus", &json!({ "PrometheusId": id }))?;
    let began = Instant::now();
    loop {
        let answer = client.call("DescribeEtcdPrometheus", &json!({ "PrometheusIds": [id] }))?;
        if answer["Prometheus"].as_array().is_none_or(Vec::is_empty) {
            tell!("{id} is gone after {:.1} s", began.elapsed().as_secs_f64());
            return Ok(());
        }
        if began.elapsed() > GONE_WITHIN {
            bail!("{id} is still being deleted after {} s", GONE_WITHIN.as_secs());
        }
        std::thread::park_timeout(LOOK);
    }
}

fn dashboards(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for Asset { name, text } in DASHBOARDS.iter().chain(RULES) {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say!("{}", path.display())?;
    }
    Ok(())
}
