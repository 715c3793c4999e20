//! Reading the settings: default, then file, then `CETCD_…` environment, then flag.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

use super::{RecoveryPolicy, Settings, check};

/// The tables of [`Settings`]: `CETCD_LIMITS_REQUESTS_PER_SECOND` is `limits.requests_per_second`.
const TABLES: [&str; 15] = [
    "limits",
    "etcd",
    "runtime",
    "internet",
    "certificates",
    "tls",
    "backup",
    "monitor",
    "alerts",
    "prometheus",
    "grafana",
    "recovery",
    "maintenance",
    "console",
    "log",
];

/// What the flags set.
#[derive(Debug, Default)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--recovery-policy`.
    pub recovery_policy: Option<RecoveryPolicy>,
}

/// Reads the settings. `environment` is the process's own in production.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: Flags,
) -> Result<Settings> {
    let mut table = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            text.parse::<Table>().map_err(|error| bad_file(path, &text, &error))?
        }
        None => Table::new(),
    };
    for (name, text) in environment {
        if let Some(name) = name.strip_prefix("CETCD_") {
            overlay(&mut table, &name.to_ascii_lowercase(), &text);
        }
    }
    if let Some(path) = flags.data_dir {
        table.insert("data_dir".to_owned(), Value::String(path.to_string_lossy().into_owned()));
    }
    if let Some(listen) = flags.listen {
        table.insert("listen".to_owned(), Value::String(listen.to_string()));
    }
    let mut settings: Settings = table.try_into().context("a setting is wrong")?;
    if let Some(policy) = flags.recovery_policy {
        settings.recovery.policy = policy;
    }
    check(&settings)?;
    Ok(settings)
}

/// Where the file is not good TOML. The line itself is not repeated: a secret may stand in it.
fn bad_file(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    anyhow::anyhow!("{} is not good TOML: line {line}: {}", path.display(), error.message())
}

/// Settings that are text whatever they look like: `0012` is no number there.
const TEXTS: [&str; 3] = ["backup_access_key_id", "backup_secret_access_key", "alerts_bearer_token"];

/// Puts one variable into the table, where it names a setting; others (`CETCD_BIN`, …) are not ours.
fn overlay(table: &mut Table, name: &str, text: &str) {
    let value = if TEXTS.contains(&name) { Value::String(text.to_owned()) } else { parse(text) };
    for section in TABLES {
        if let Some(key) = name.strip_prefix(section).and_then(|rest| rest.strip_prefix('_')) {
            let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.to_owned(), value);
            }
            return;
        }
    }
    if ["data_dir", "listen", "regions", "service_domains"].contains(&name) {
        table.insert(name.to_owned(), value);
    }
}

/// Numbers and booleans as such, everything else as text.
fn parse(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return Value::Integer(number);
    }
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(text.to_owned()),
    }
}

/// A list, or text with commas.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::List(list) => list,
        Either::Text(text) => text.split(',').map(|item| item.trim().to_owned()).filter(|i| !i.is_empty()).collect(),
    })
}

/// Text that is not to be shown, also where it is of another type.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(Some(text.into())),
        _ => Err(serde::de::Error::custom("it has to be text, in quotes")),
    }
}
