//! A client of the API: signs with TC3 and speaks JSON over one kept connection.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use bytes::Bytes;
use cetcd_signature::tc3::{Sign, sign};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use serde_json::Value;

/// The API answered with an error.
#[derive(Debug, thiserror::Error)]
#[error("{action}: {code}: {message}")]
pub struct Refused {
    /// What was asked for.
    pub action: String,
    /// Its code.
    pub code: String,
    /// Its text.
    pub message: String,
}

/// Asks one service as its root account.
pub struct Api {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
    /// `ADDRESS:PORT`.
    pub host: String,
    region: String,
    secret_id: String,
    secret_key: String,
}

impl Api {
    /// Of the service with this data directory; `None` while it has not said where it serves.
    pub fn of(data: &Path) -> Option<Self> {
        let url = fs::read_to_string(data.join("api.url")).ok()?;
        let host = url.trim().strip_prefix("http://")?.to_owned();
        let text = fs::read_to_string(data.join("credentials.env")).ok()?;
        let mut pairs: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let mut take = |name: &str| pairs.remove(name).map(str::to_owned);
        Some(Self {
            client: legacy::Client::builder(TokioExecutor::new()).build_http(),
            host,
            region: take("TENCENTCLOUD_REGION")?,
            secret_id: take("TENCENTCLOUD_SECRET_ID")?,
            secret_key: take("TENCENTCLOUD_SECRET_KEY")?,
        })
    }

    /// The headers of a request that is signed now; they hold for five minutes.
    pub fn headers(&self, action: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let request = Sign {
            method: "POST",
            host: &self.host,
            query: "",
            content_type: "application/json",
            body,
            sign_body: true,
            action,
            version: cetcd_api::VERSION,
            region: &self.region,
            service: cetcd_api::SERVICE,
            timestamp: Timestamp::now().as_second(),
        };
        sign(&request, &self.secret_id, &self.secret_key)
    }

    /// Calls an action and gives what stands under `Response`.
    pub async fn call(&self, action: &str, parameters: &Value) -> Result<Value> {
        let body = serde_json::to_vec(parameters)?;
        let mut request = Request::post(format!("http://{}/", self.host));
        for (name, value) in self.headers(action, &body) {
            request = request.header(name, value);
        }
        let answer = self.client.request(request.body(Full::new(body.into()))?).await;
        let answer = answer.with_context(|| format!("{action}: no answer from {}", self.host))?;
        let body = answer.into_body().collect().await?.to_bytes();
        let mut answer: Value = serde_json::from_slice(&body).with_context(|| format!("{action}: not JSON"))?;
        let response = answer["Response"].take();
        if let Some(error) = response.get("Error") {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            return Err(Refused { action: action.to_owned(), code: text("Code"), message: text("Message") }.into());
        }
        Ok(response)
    }

    /// Whether the service says that it is ready.
    pub async fn ready(&self) -> bool {
        let Ok(request) = Request::get(format!("http://{}/readyz", self.host)).body(Full::default()) else {
            return false;
        };
        self.client.request(request).await.is_ok_and(|answer| answer.status().is_success())
    }
}
