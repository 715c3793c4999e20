//! An instance's life through the API, timed from the request.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    api::Refused,
    etcd::{self, Credentials},
    processes::{self, Process},
    server::Server,
};

/// Between two looks at what is being made or deleted: short against what it adds to the time measured.
const LOOK: Duration = Duration::from_millis(10);
/// When to give up.
const LIMIT: Duration = Duration::from_secs(180);

/// An instance that serves.
pub struct Instance {
    /// Its ID.
    pub id: String,
    /// Where clients connect.
    pub endpoint: SocketAddr,
    /// What they show.
    pub credentials: Credentials,
    /// When the request was sent, in seconds since the system started.
    pub requested: f64,
    /// From the request to the first answer through the endpoint: to a write, of a restored one to a read.
    pub first_answer: Duration,
    /// From the request to the success of all steps.
    pub complete: Duration,
}

impl Instance {
    /// Makes one as a client that knows nothing but the API does, and writes to it as early as that goes.
    pub async fn create(server: &Server, name: &str, size: u64, version: &str) -> Result<Self> {
        let parameters = json!({
            "Name": name, "VpcId": "vpc-abcd1234", "ServiceSubnetId": "subnet-abcd1234",
            "SubnetIds": ["subnet-abcd1234"], "EtcdVersion": version, "Size": size,
        });
        let requested = processes::uptime()?;
        let began = Instant::now();
        let answer = server.api.call("CreateEtcdInstance", &parameters).await?;
        let id = answer["InstanceId"].as_str().context("CreateEtcdInstance gave no InstanceId")?.to_owned();
        let (endpoint, credentials) = reached(server, &id).await?;
        etcd::first_write(&[endpoint], &credentials).await?;
        let first_answer = began.elapsed();
        until(&format!("the five steps of {id}"), async || {
            let answer = server.api.call("DescribeEtcdCreatingProgress", &json!({ "InstanceId": id })).await?;
            let steps = answer["Steps"].as_array().filter(|steps| !steps.is_empty());
            let done = steps.is_some_and(|steps| steps.iter().all(|step| step["LifeState"] == "success"));
            Ok(done.then_some(()))
        })
        .await?;
        Ok(Self { id, endpoint, credentials, requested, first_answer, complete: began.elapsed() })
    }

    /// Makes one of one member from a snapshot, in the same way, and reads `key` from it as early as that goes.
    pub async fn restore(server: &Server, source: &str, snapshot: &str, key: &str) -> Result<Self> {
        let parameters = json!({
            "InstanceId": source, "SnapshotName": snapshot, "NewInstance": { "Name": "restored", "Size": 1 },
        });
        let requested = processes::uptime()?;
        let began = Instant::now();
        let answer = server.api.call("RestoreEtcdSnapshot", &parameters).await?;
        let id = answer["InstanceId"].as_str().context("RestoreEtcdSnapshot gave no InstanceId")?.to_owned();
        let (endpoint, credentials) = reached(server, &id).await?;
        etcd::first_read(endpoint, &credentials, key).await?;
        let first_answer = began.elapsed();
        until(&format!("the end of the restore to {id}"), async || {
            let answer = server.api.call("DescribeEtcdInstances", &json!({ "InstanceIds": [id] })).await?;
            Ok((answer["Etcds"][0]["Status"] == "running").then_some(()))
        })
        .await?;
        Ok(Self { id, endpoint, credentials, requested, first_answer, complete: began.elapsed() })
    }

    /// Its members, as the system sees them, in the order of their names.
    pub fn members(&self, server: &Server) -> Vec<Process> {
        let prefix = format!("{}-etcd-", self.id);
        let all = processes::marked(server.data()).into_iter().filter(Process::is_etcd);
        let mut own: Vec<_> = all.filter(|p| p.flag("name").is_some_and(|name| name.starts_with(&prefix))).collect();
        own.sort_by_key(|process| process.flag("name").map(str::to_owned));
        own
    }

    /// Where its members serve clients.
    pub fn addresses(&self, server: &Server) -> Result<Vec<SocketAddr>> {
        let members = self.members(server);
        let address = |member: &Process| client_address(member).with_context(|| format!("pid {}", member.pid));
        members.iter().map(address).collect()
    }

    /// Deletes it and waits until it is gone.
    pub async fn delete(self, server: &Server) -> Result<()> {
        server.api.call("DeleteEtcdInstance", &json!({ "InstanceId": self.id })).await?;
        until(&format!("the end of {}", self.id), async || {
            match server.api.call("DescribeEtcdInstances", &json!({ "InstanceIds": [self.id] })).await {
                Ok(answer) => Ok((answer["TotalCount"] == 0).then_some(())),
                Err(error) => match error.downcast_ref::<Refused>() {
                    Some(refused) if refused.code.starts_with("ResourceNotFound") => Ok(Some(())),
                    _ => Err(error),
                },
            }
        })
        .await
    }
}

/// Where an instance is reached, and with what, once the API tells.
async fn reached(server: &Server, id: &str) -> Result<(SocketAddr, Credentials)> {
    let endpoint = until(&format!("the endpoint of {id}"), async || {
        let answer = server.api.call("DescribeEtcdInstances", &json!({ "InstanceIds": [id] })).await?;
        let url = answer["Etcds"][0]["Endpoint"].as_str().unwrap_or_default();
        Ok(url.strip_prefix("https://").and_then(|address| address.parse().ok()))
    })
    .await?;
    let credentials = until(&format!("the credentials of {id}"), async || {
        let answer = server.api.call("DescribeEtcdCredentials", &json!({ "InstanceId": id })).await?;
        Ok(credentials(&answer["Credentials"][0]))
    })
    .await?;
    Ok((endpoint, credentials))
}

/// Where a member serves clients.
pub fn client_address(member: &Process) -> Result<SocketAddr> {
    let url = member.flag("listen-client-urls").context("a member without --listen-client-urls")?;
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    address.parse().with_context(|| format!("--listen-client-urls={url}"))
}

/// The newest installed version of etcd 3.5, or else of any, unless one is asked for.
pub async fn version(server: &Server, asked: Option<&str>) -> Result<String> {
    if let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    let answer = server.api.call("DescribeEtcdAvailableVersions", &json!({})).await?;
    let versions = answer["Versions"].as_array().cloned().unwrap_or_default();
    let installed = versions.iter().filter(|version| version["Remark"] == "installed");
    let names: Vec<&str> = installed.filter_map(|version| version["Version"].as_str()).collect();
    let usual = names.iter().find(|name| name.starts_with("v3.5.")).or(names.first());
    Ok((*usual.context("no version of etcd is installed; `make versions` brings some")?).to_owned())
}

fn credentials(value: &Value) -> Option<Credentials> {
    let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Credentials { ca: text("CACert")?, cert: text("Cert")?, key: text("Key")? })
}

/// Looks until there is something to see.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    until_every(LOOK, what, look).await
}

/// The same with another pause between two looks.
pub async fn until_every<T>(
    pause: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if began.elapsed() > LIMIT {
            bail!("{what}: nothing after {} s", LIMIT.as_secs());
        }
        tokio::time::sleep(pause).await;
    }
}
