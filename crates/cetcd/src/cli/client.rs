//! A client of the API like any other: it signs with TC3 and speaks JSON.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use cetcd_core::{Clock, clock::SystemClock};
use cetcd_signature::tc3::{Sign, sign};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::Global;
use crate::serve::{ADDRESS_FILE, CREDENTIALS_FILE};

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API answered with an error.
    #[error("{code}: {message} (request {request_id})")]
    Refused {
        /// Its code.
        code: String,
        /// Its text.
        message: String,
        /// The request, as the service's log names it.
        request_id: String,
    },
    /// No answer came.
    #[error(
        "no answer from {endpoint}: {reason}\nIs the service running? Start it with `cetcd serve` or `make up`, or name another with --endpoint"
    )]
    Unreachable {
        /// The URL.
        endpoint: String,
        /// Why not.
        reason: String,
    },
}

/// Asks one service, as one user, in one region.
pub struct Client {
    agent: ureq::Agent,
    endpoint: String,
    region: String,
    secret_id: String,
    secret_key: SecretString,
}

/// Where the data directory is, where none is named.
pub const DEFAULT_DATA_DIR: &str = ".cetcd";

/// An answer is at most this long.
const MOST_BYTES: u64 = 50 * 1024 * 1024;

impl Client {
    /// Finds the service and the key pair: flags and environment first, then the data directory.
    pub fn open(global: &Global) -> Result<Self> {
        let dir = global.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
        let file = read_env(&dir.join(CREDENTIALS_FILE));
        let named = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty()).or_else(|| file.get(name).cloned());
        let (Some(secret_id), Some(secret_key)) = (named("TENCENTCLOUD_SECRET_ID"), named("TENCENTCLOUD_SECRET_KEY"))
        else {
            bail!(
                "no key pair: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or name the service's data \
                 directory with --data-dir ({} has no {CREDENTIALS_FILE})",
                dir.display()
            );
        };
        let endpoint = match &global.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => fs::read_to_string(dir.join(ADDRESS_FILE)).unwrap_or_else(|_| "http://127.0.0.1:8379".to_owned()),
        };
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        let endpoint = if endpoint.contains("://") { endpoint } else { format!("http://{endpoint}") };
        let region = global.region.clone().or_else(|| named("TENCENTCLOUD_REGION")).unwrap_or_default();
        let ca = global.ca_file.clone().or_else(|| Some(dir.join("tls/ca.crt")).filter(|path| path.exists()));
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                .proxy(None)
                .timeout_global(Some(Duration::from_secs(60)))
                .tls_config(tls_config(ca.as_deref())?)
                .build(),
        );
        Ok(Self { agent, endpoint, region, secret_id, secret_key: secret_key.into() })
    }

    /// Calls an action with its parameters and gives what stands under `Response`.
    pub fn call(&self, action: &str, parameters: &Value) -> Result<Value> {
        let body = serde_json::to_vec(parameters)?;
        let host = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, host)| host);
        let headers = sign(
            &Sign {
                method: "POST",
                host,
                query: "",
                content_type: "application/json",
                body: &body,
                sign_body: true,
                action,
                version: cetcd_api::VERSION,
                region: &self.region,
                service: cetcd_api::SERVICE,
                timestamp: SystemClock.now().as_second(),
            },
            &self.secret_id,
            self.secret_key.expose_secret(),
        );
        let mut request = self.agent.post(format!("{}/", self.endpoint));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let unreachable = |reason: String| Error::Unreachable { endpoint: self.endpoint.clone(), reason };
        let mut answer = request.send(&body[..]).map_err(|error| unreachable(error.to_string()))?;
        let text = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let text = text.map_err(|error| unreachable(error.to_string()))?;
        let mut answer: Value = serde_json::from_slice(&text)
            .map_err(|_| unreachable(format!("HTTP {} without JSON; is it this service?", answer.status())))?;
        let response = answer["Response"].take();
        if let Some(error) = response.get("Error") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            return Err(Error::Refused {
                code: text(&error["Code"]),
                message: text(&error["Message"]),
                request_id: text(&response["RequestId"]),
            }
            .into());
        }
        Ok(response)
    }

    /// The one instance `id`.
    pub fn instance(&self, id: &str) -> Result<Value> {
        let answer = self.call("DescribeEtcdInstances", &serde_json::json!({ "InstanceIds": [id] }))?;
        let Some(found) = answer["Etcds"].get(0) else {
            return Err(Error::Refused {
                code: "ResourceNotFound".to_owned(),
                message: format!("there is no instance {id} in {}; `cetcd list` shows those there are", self.region),
                request_id: answer["RequestId"].as_str().unwrap_or_default().to_owned(),
            }
            .into());
        };
        Ok(found.clone())
    }
}

fn tls_config(ca: Option<&Path>) -> Result<TlsConfig> {
    let mut config = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    if let Some(path) = ca {
        let pem = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let certificate = Certificate::from_pem(&pem).with_context(|| format!("{} is not PEM", path.display()))?;
        config = config.root_certs(RootCerts::new_with_certs(&[certificate]));
    }
    Ok(config.build())
}

/// `NAME=value` lines; nothing where the file is not there.
fn read_env(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}
