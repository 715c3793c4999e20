//! Posting over https.

use std::{error::Error as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};

use crate::Webhook;

/// How long a receiver may take, from the connection to its answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Why a webhook did not take a notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Nobody answered: nor will they the next one.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It answered that it does not take this one.
    #[error("it answered {0}")]
    Refused(StatusCode),
}

/// Takes notifications to webhooks.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Posts `body` and waits for the answer.
    async fn post(&self, webhook: &Webhook, body: Bytes) -> Result<(), PostError>;
}

/// HTTP/1.1, TLS by the machine's own trusted roots, no proxy. Redirects are not followed: the token is for one host.
pub struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    token: Option<SecretString>,
}

impl Https {
    /// A way to `webhooks`, which are shown `token`, where there is one. The machine's roots are read only where one of
    /// them needs that; ones that cannot be read are left out, and a webhook that needs them does not answer then.
    pub fn new(webhooks: &[Webhook], token: Option<SecretString>) -> Self {
        let mut roots = RootCertStore::empty();
        if webhooks.iter().any(Webhook::is_https) {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has every version of TLS that is safe")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        // Notifications are seldom: nothing is kept open for them.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, token }
    }
}

#[async_trait]
impl Post for Https {
    async fn post(&self, webhook: &Webhook, body: Bytes) -> Result<(), PostError> {
        let mut request = Request::post(webhook.uri().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("cetcd/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
        }
        // The token alone could be wrong here, and is not to be repeated.
        let wrong = |_| PostError::Unreachable("the request cannot be written; see `alerts.bearer_token`".to_owned());
        let request = request.body(Full::new(body)).map_err(wrong)?;
        let answer = tokio::time::timeout(LIMIT, self.client.request(request)).await;
        let answer = answer.map_err(|_| PostError::Unreachable(format!("none within {} s", LIMIT.as_secs())))?;
        let answer = answer.map_err(|error| PostError::Unreachable(innermost(&error)))?;
        if answer.status().is_success() { Ok(()) } else { Err(PostError::Refused(answer.status())) }
    }
}

/// The first cause: what is around it only says that a request failed.
fn innermost(error: &hyper_util::client::legacy::Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
