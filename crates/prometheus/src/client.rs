//! Asking a Prometheus.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use cetcd_core::InstanceId;
use serde_json::Value;
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig, TlsProvider},
};

use crate::{Error, Result, Target};

/// How long an answer may take. It says nothing of queries: nobody asks any here.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most bytes of an answer: some thousand members.
const MOST_BYTES: u64 = 16 << 20;

/// Asks one Prometheus. Calls block.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

impl Client {
    /// A client of the Prometheus at `url`.
    pub fn new(url: &str, user: Option<(&str, &str)>) -> Self {
        let basic = |(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let url = url.trim_end_matches('/').to_owned();
        Self { agent: agent(url.starts_with("https:")), authorization: user.map(basic), url }
    }

    /// Whether it is ready to answer; else why not.
    pub fn ready(&self) -> Result<()> {
        self.get("/-/ready").map(drop)
    }

    /// Tells it to read its configuration anew, which it does only where it was started so.
    pub fn reload(&self) -> Result<()> {
        let url = format!("{}/-/reload", self.url);
        let mut request = self.agent.post(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let failed = |reason: String| Error::NoAnswer { url: url.clone(), reason };
        let answer = request.send_empty().map_err(|error| failed(error.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(failed(format!("HTTP {}", answer.status()))) }
    }

    /// The members that it reads, by instance.
    pub fn targets(&self) -> Result<BTreeMap<InstanceId, Vec<Target>>> {
        Ok(targets(&self.get("/api/v1/targets?state=active")?))
    }

    fn get(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.url);
        let failed = |reason: String| Error::NoAnswer { url: url.clone(), reason };
        let mut request = self.agent.get(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let mut answer = request.call().map_err(|error| failed(error.to_string()))?;
        let text = answer.body_mut().with_config().limit(MOST_BYTES).read_to_string();
        let text = text.map_err(|error| failed(error.to_string()))?;
        if answer.status().is_success() { Ok(text) } else { Err(failed(format!("HTTP {}", answer.status()))) }
    }
}

fn agent(tls: bool) -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).proxy(None).timeout_global(Some(PATIENCE));
    if !tls {
        return config.build().into();
    }
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = roots.iter().map(|der| ureq::tls::Certificate::from_der(der).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    config.tls_config(tls.build()).build().into()
}

/// What an answer says of targets that are members of ours. What is not understood is left out.
fn targets(answer: &str) -> BTreeMap<InstanceId, Vec<Target>> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let mut found: BTreeMap<InstanceId, Vec<Target>> = BTreeMap::new();
    for target in answer["data"]["activeTargets"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let labels = &target["labels"];
        let Some(instance) = labels["instance"].as_str().and_then(InstanceId::parse) else { continue };
        let up = match target["health"].as_str() {
            Some("up") => Some(true),
            Some("down") => Some(false),
            _ => None,
        };
        let target = Target { member: text(&labels["member"]), up, error: text(&target["lastError"]) };
        found.entry(instance).or_default().push(target);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart_by_instance_and_strangers_are_left_out() {
        let answer = r#"{"status":"success","data":{"activeTargets":[
            {"labels":{"instance":"etcd-aaaaaaaa","member":"etcd-aaaaaaaa-etcd-0"},"health":"up","lastError":""},
            {"labels":{"instance":"etcd-aaaaaaaa","member":"etcd-aaaaaaaa-etcd-1"},"health":"down","lastError":"refused"},
            {"labels":{"instance":"etcd-bbbbbbbb","member":"etcd-bbbbbbbb-etcd-0"},"health":"unknown","lastError":""},
            {"labels":{"instance":"cetcd"},"health":"up"}]}}"#;
        let found = targets(answer);
        let up = |id: &str| -> Vec<Option<bool>> {
            found[&InstanceId::parse(id).expect("well formed")].iter().map(|target| target.up).collect()
        };
        assert_eq!(found.len(), 2);
        assert_eq!((up("etcd-aaaaaaaa"), up("etcd-bbbbbbbb")), (vec![Some(true), Some(false)], vec![None]));
        assert!(targets("<html>").is_empty());
    }
}
