//! Who is told where something is wrong.

use std::time::Duration;

use cetcd_alert::Webhook;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::load::{list, secret};

/// Who is told where something is wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// URLs that alerts are posted to, as Alertmanager posts them: https, or http to this machine.
    #[serde(deserialize_with = "webhooks")]
    pub webhooks: Vec<Webhook>,
    /// What webhooks are shown to let us in, as a bearer token.
    #[serde(deserialize_with = "secret")]
    pub bearer_token: Option<SecretString>,
    /// Seconds that something has to be wrong before it is told; what heals by itself within them never is.
    pub after_seconds: u32,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { webhooks: Vec::new(), bearer_token: None, after_seconds: 30 }
    }
}

impl Alerts {
    /// How long something has to be wrong before it is told.
    pub fn after(&self) -> Duration {
        Duration::from_secs(self.after_seconds.into())
    }
}

fn webhooks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Webhook>, D::Error> {
    let parse = |text: &String| {
        Webhook::parse(text).map_err(|error| serde::de::Error::custom(format_args!("`alerts.webhooks`: {error}")))
    };
    list(deserializer)?.iter().map(parse).collect()
}
