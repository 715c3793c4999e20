//! `cetcd list`, `get` and `delete`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    client::{Client, Error},
    output::{Format, print, say, tell, text},
};

/// Lists instances.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Only those of this VPC
    #[arg(long)]
    vpc: Option<String>,
}

/// Shows an instance.
#[derive(Debug, clap::Args)]
pub struct Get {
    /// ID of the instance
    id: String,
}

/// Deletes an instance.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// ID of the instance
    id: String,
    /// Turn its deletion protection off first
    #[arg(long)]
    unprotect: bool,
    /// Answer as soon as the request is accepted
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after so many seconds
    #[arg(long, default_value_t = 120)]
    timeout: u64,
}

/// Between two looks: under the service's limit of 20 requests a second.
const LOOK: Duration = Duration::from_millis(150);

/// The largest page of DescribeEtcdInstances.
const PAGE: u64 = 50;

/// Prints every instance.
pub fn list(client: &Client, list: &List, format: Format) -> Result<()> {
    let mut all = Vec::new();
    loop {
        let mut parameters = json!({ "Offset": all.len(), "Limit": PAGE });
        if let Some(vpc) = &list.vpc {
            parameters["Filters"] = json!([{ "Name": "vpc-id", "Values": [vpc] }]);
        }
        let answer = client.call("DescribeEtcdInstances", &parameters)?;
        let page = answer["Etcds"].as_array().cloned().unwrap_or_default();
        let ended = page.is_empty();
        all.extend(page);
        if ended || all.len() as u64 >= answer["TotalCount"].as_u64().unwrap_or_default() {
            break;
        }
    }
    let rows = all
        .iter()
        .map(|i| {
            let members = i["Members"].as_array().map_or(0, Vec::len);
            let running = i["Members"].as_array().map_or(0, |m| m.iter().filter(|m| m["Status"] == "Running").count());
            vec![
                text(&i["InstanceId"]),
                text(&i["Name"]),
                text(&i["Status"]),
                text(&i["Version"]),
                format!("{running}/{members}"),
                text(&i["Endpoint"]),
            ]
        })
        .collect();
    print(format, &Value::Array(all), &["id", "name", "status", "version", "members", "endpoint"], rows)
}

/// Prints one instance with its members.
pub fn get(client: &Client, get: &Get, format: Format) -> Result<()> {
    let mut instance = client.instance(&get.id)?;
    let health = client.call("DescribeEtcdHealth", &json!({ "InstanceId": get.id }))?;
    instance["Health"] = json!({ "Healthy": health["Healthy"], "Conditions": health["Conditions"] });
    let internet = client.call("DescribeEtcdInternet", &json!({ "InstanceId": get.id }))?;
    instance["Internet"] = ["Enabled", "Open", "Endpoint", "AllowedNetworks", "Reason"]
        .into_iter()
        .map(|field| (field.to_owned(), internet[field].clone()))
        .collect();
    if format == Format::Table {
        for field in
            ["InstanceId", "Name", "Description", "Status", "Version", "VpcId", "Endpoint", "DeletionProtection"]
        {
            say!("{field:20}{}", text(&instance[field]))?;
        }
        if internet["Enabled"] == true {
            let networks: Vec<String> =
                internet["AllowedNetworks"].as_array().into_iter().flatten().map(text).collect();
            let open = if internet["Open"] == true { "from" } else { "not open; to be, from" };
            say!("{:20}{} {open} {}", "Internet", text(&internet["Endpoint"]), networks.join(", "))?;
        }
        say!("")?;
    }
    let members = instance["Members"].as_array().cloned().unwrap_or_default();
    let rows = members.iter().map(|m| ["Name", "Status", "Version", "Zone"].map(|f| text(&m[f])).to_vec()).collect();
    print(format, &instance, &["member", "status", "version", "zone"], rows)?;
    if format == Format::Table {
        for condition in health["Conditions"].as_array().into_iter().flatten().filter(|c| c["Holds"] == false) {
            let [kind, since, reason, advice] =
                ["Type", "Since", "Reason", "Advice"].map(|field| text(&condition[field]));
            say!("\nnot {kind} since {since}: {reason}\n  {advice}")?;
        }
    }
    Ok(())
}

/// Deletes an instance and waits until nothing of it is left.
pub fn delete(client: &Client, delete: &Delete) -> Result<()> {
    let parameters = json!({ "InstanceId": delete.id });
    if delete.unprotect {
        client.call("DisableEtcdInstanceDeletionProtection", &parameters)?;
    }
    client.call("DeleteEtcdInstance", &parameters)?;
    if delete.no_wait {
        return Ok(());
    }
    let began = Instant::now();
    loop {
        match client.instance(&delete.id) {
            Ok(_) => {}
            Err(error) => match error.downcast_ref::<Error>() {
                Some(Error::Refused { code, .. }) if code == "ResourceNotFound" => break,
                _ => return Err(error),
            },
        }
        if began.elapsed() > Duration::from_secs(delete.timeout) {
            bail!("{} is still being deleted after {} s; `cetcd tasks` says how far it is", delete.id, delete.timeout);
        }
        std::thread::park_timeout(LOOK);
    }
    tell!("{} is gone after {:.1} s", delete.id, began.elapsed().as_secs_f64());
    Ok(())
}
