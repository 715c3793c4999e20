//! `cetcd create`: one request, then the five steps as they happen.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::{
    client::Client,
    output::{Format, print_data, say, tell, text},
};

/// Makes an instance.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// Name of the instance
    name: String,
    /// Number of members: 1, 3, 5, 7 or 9
    #[arg(long, default_value_t = 3)]
    size: u64,
    /// etcd version, for example v3.5.16; the newest that is installed where absent
    #[arg(long)]
    version: Option<String>,
    /// VPC; the first that there is where absent
    #[arg(long)]
    vpc: Option<String>,
    /// Subnets of the members; may be given several times. All of the VPC where absent, so that members are spread
    /// over its zones
    #[arg(long = "subnet")]
    subnets: Vec<String>,
    /// Subnet of the endpoint; the first of the members' where absent
    #[arg(long)]
    service_subnet: Option<String>,
    /// Free text
    #[arg(long)]
    description: Option<String>,
    /// Storage of each member in GB
    #[arg(long)]
    disk_size: Option<u64>,
    /// Refuse deletion until protection is turned off
    #[arg(long)]
    protect: bool,
    /// More parameters of CreateEtcdInstance as JSON, for example '{"AdvancedSettings":{…}}'
    #[arg(long, value_name = "JSON")]
    json: Option<String>,
    /// Answer as soon as the request is accepted
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after so many seconds
    #[arg(long, default_value_t = 300)]
    timeout: u64,
}

/// Between two looks at the progress: under the service's limit of 20 requests a second.
const LOOK: Duration = Duration::from_millis(150);

/// Makes the instance and waits.
pub fn run(client: &Client, create: Create, format: Format) -> Result<()> {
    let parameters = parameters(client, &create)?;
    let began = Instant::now();
    let answer = client.call("CreateEtcdInstance", &Value::Object(parameters))?;
    let id = text(&answer["InstanceId"]);
    if !create.no_wait {
        watch(client, &id, Duration::from_secs(create.timeout))?;
        tell!("{id} runs after {:.1} s", began.elapsed().as_secs_f64());
    }
    match format {
        Format::Table => say!("{id}")?,
        Format::Json | Format::Yaml => print_data(format, &answer)?,
    }
    Ok(())
}

fn parameters(client: &Client, create: &Create) -> Result<Map<String, Value>> {
    let version = match &create.version {
        Some(version) => version.clone(),
        None => newest_installed(client)?,
    };
    let (vpc, subnets) = places(client, create)?;
    let service_subnet = create.service_subnet.as_ref().or(subnets.first());
    let mut parameters = Map::new();
    if let Some(json) = &create.json {
        let more: Value = serde_json::from_str(json).context("--json is not JSON")?;
        let Value::Object(more) = more else { bail!("--json must be an object") };
        parameters.extend(more);
    }
    let named = [
        ("Name", json!(create.name)),
        ("VpcId", json!(vpc)),
        ("ServiceSubnetId", json!(service_subnet)),
        ("SubnetIds", json!(subnets)),
        ("EtcdVersion", json!(version)),
        ("Size", json!(create.size)),
    ];
    for (name, value) in named {
        parameters.entry(name).or_insert(value);
    }
    if let Some(description) = &create.description {
        parameters.insert("Description".to_owned(), json!(description));
    }
    if let Some(size) = create.disk_size {
        parameters.insert("DiskSize".to_owned(), json!(size));
    }
    if create.protect {
        parameters.insert("DeletionProtection".to_owned(), json!(true));
    }
    Ok(parameters)
}

/// The VPC and the members' subnets: those that were named, else what the service has.
fn places(client: &Client, create: &Create) -> Result<(String, Vec<String>)> {
    if let (Some(vpc), false) = (&create.vpc, create.subnets.is_empty()) {
        return Ok((vpc.clone(), create.subnets.clone()));
    }
    let answer = client.call("DescribeEtcdSubnets", &json!({}))?;
    let all = answer["Subnets"].as_array().cloned().unwrap_or_default();
    let named = |subnet: &Value| create.subnets.iter().any(|id| subnet["SubnetId"] == id.as_str());
    let first = all.iter().find(|subnet| named(subnet)).or(all.first());
    let Some(vpc) = create.vpc.clone().or(first.map(|subnet| text(&subnet["VpcId"]))) else {
        bail!("the service has no VPC in this region; name one in its `networks`")
    };
    if !create.subnets.is_empty() {
        return Ok((vpc, create.subnets.clone()));
    }
    let within = all.iter().filter(|subnet| subnet["VpcId"] == vpc.as_str());
    Ok((vpc.clone(), within.map(|subnet| text(&subnet["SubnetId"])).collect()))
}

/// The list is newest first and says of each version whether it is installed; one that is not may take long
/// to download.
fn newest_installed(client: &Client) -> Result<String> {
    let answer = client.call("DescribeEtcdAvailableVersions", &json!({}))?;
    let versions = answer["Versions"].as_array().cloned().unwrap_or_default();
    let installed = versions.iter().find(|version| version["Remark"] == "installed");
    let Some(version) = installed.or(versions.first()) else {
        bail!(
            "the service has no etcd version; bring some with `make versions`, or put binaries under etcd.versions_dir"
        );
    };
    Ok(text(&version["Version"]))
}

fn watch(client: &Client, id: &str, limit: Duration) -> Result<()> {
    let mut display = Display::new(id);
    let began = Instant::now();
    loop {
        let answer = client.call("DescribeEtcdCreatingProgress", &json!({ "InstanceId": id }))?;
        let steps = answer["Steps"].as_array().cloned().unwrap_or_default();
        display.show(&steps);
        if !steps.is_empty() && steps.iter().all(|step| step["LifeState"] == "success") {
            display.finish();
            return Ok(());
        }
        if began.elapsed() > limit {
            display.finish();
            let stuck = steps.iter().find(|step| step["LifeState"] != "success");
            let (step, why) = stuck.map_or_else(Default::default, |s| (text(&s["Step"]), text(&s["FailedMsg"])));
            bail!(
                "{id} is still being made after {} s, at {step} {why}; `cetcd tasks` and the log of the service say more",
                limit.as_secs()
            );
        }
        std::thread::park_timeout(LOOK);
    }
}

/// A line a step: live on a terminal, a line at each change elsewhere.
struct Display {
    lines: Vec<(String, ProgressBar)>,
    all: Option<MultiProgress>,
    said: Vec<String>,
}

impl Display {
    fn new(id: &str) -> Self {
        tell!("making {id}");
        let all = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { lines: Vec::new(), all, said: Vec::new() }
    }

    fn show(&mut self, steps: &[Value]) {
        for step in steps {
            let (name, state) = (text(&step["Step"]), text(&step["LifeState"]));
            let why = text(&step["FailedMsg"]);
            let line = if why.is_empty() { format!("{name:22} {state}") } else { format!("{name:22} {state}: {why}") };
            match &self.all {
                Some(all) => {
                    if !self.lines.iter().any(|(known, _)| *known == name) {
                        let bar = all.add(ProgressBar::new_spinner());
                        bar.set_style(
                            ProgressStyle::with_template("  {spinner} {msg}")
                                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                        );
                        bar.enable_steady_tick(Duration::from_millis(100));
                        self.lines.push((name.clone(), bar));
                    }
                    let Some((_, bar)) = self.lines.iter().find(|(known, _)| *known == name) else { continue };
                    if state == "success" { bar.finish_with_message(line) } else { bar.set_message(line) }
                }
                None if state != "pending" && !self.said.contains(&line) => {
                    tell!("  {line}");
                    self.said.push(line);
                }
                None => {}
            }
        }
    }

    fn finish(&mut self) {
        for (_, bar) in &self.lines {
            bar.finish();
        }
    }
}
