//! Settings of who watches instances: a Prometheus that is run here, those that run elsewhere, and a Grafana.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, bail};
use cetcd_core::PrometheusId;
use cetcd_prometheus::{External, GrafanaProgram, find_binary};
use secrecy::SecretString;
use serde::Deserialize;

use super::load::secret;

/// Prometheus instances.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prometheus {
    /// The binary that new ones are run with: looked for on PATH and in the user's cache folder where absent; none
    /// where empty.
    pub binary: Option<PathBuf>,
    /// Seconds between two scrapes of a member, and two evaluations of the rules, 1 to 300.
    pub scrape_interval_seconds: u64,
    /// Those that run elsewhere.
    pub external: Vec<Elsewhere>,
}

/// A Prometheus that runs elsewhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// What instances name it by: `prom-` and eight of a-z0-9.
    pub id: PrometheusId,
    /// Where it answers.
    pub url: String,
    /// Who asks, where it lets nobody else in.
    pub user: Option<String>,
    /// The password that goes with it.
    #[serde(default, deserialize_with = "secret")]
    pub password: Option<SecretString>,
    /// A folder of its own, where its jobs are written: its configuration includes `FOLDER/*.yml` by
    /// `scrape_config_files`.
    pub jobs_dir: PathBuf,
}

/// The Grafana that is run beside every Prometheus.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grafana {
    /// The binary; without one none is run.
    pub binary: Option<PathBuf>,
    /// What Grafana calls its home.
    pub home: PathBuf,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self { binary: None, scrape_interval_seconds: 15, external: Vec::new() }
    }
}

impl Default for Grafana {
    fn default() -> Self {
        Self { binary: None, home: PathBuf::from("/usr/share/grafana") }
    }
}

impl Prometheus {
    /// The binary to run, where there is one.
    pub fn program(&self) -> Result<Option<PathBuf>> {
        match &self.binary {
            None => Ok(find_binary("prometheus", brought().as_deref())),
            Some(none) if none.as_os_str().is_empty() => Ok(None),
            Some(path) if path.is_file() => Ok(Some(path.clone())),
            Some(path) => bail!("`prometheus.binary` is {}, where no file is", path.display()),
        }
    }

    /// Those that run elsewhere, by ID.
    pub fn elsewhere(&self) -> Result<BTreeMap<PrometheusId, External>> {
        let mut all = BTreeMap::new();
        for one in &self.external {
            let user = match (&one.user, &one.password) {
                (None, None) => None,
                (Some(user), Some(password)) => Some((user.clone(), password.clone())),
                _ => {
                    bail!("`prometheus.external`: `user` and `password` of {} go together: set both or neither", one.id)
                }
            };
            if !["http://", "https://"].iter().any(|scheme| one.url.starts_with(scheme)) {
                bail!("`prometheus.external`: the url of {} begins with neither http:// nor https://", one.id);
            }
            let jobs_dir = std::path::absolute(&one.jobs_dir)?;
            let url = one.url.trim_end_matches('/').to_owned();
            if all.values().any(|other: &External| other.jobs_dir == jobs_dir) {
                bail!("`prometheus.external`: two of them have the same `jobs_dir`, {}", jobs_dir.display());
            }
            if all.insert(one.id.clone(), External { url, user, jobs_dir }).is_some() {
                bail!("`prometheus.external`: {} is there twice", one.id);
            }
        }
        Ok(all)
    }

    /// Says what is wrong before anything is run.
    pub fn check(&self) -> Result<()> {
        if !(1..=300).contains(&self.scrape_interval_seconds) {
            bail!("`prometheus.scrape_interval_seconds` is {}: it may be 1 to 300", self.scrape_interval_seconds);
        }
        self.program()?;
        self.elsewhere().map(drop)
    }
}

impl Grafana {
    /// The Grafana, where one is to be run.
    pub fn program(&self) -> Option<GrafanaProgram> {
        let binary = self.binary.clone().filter(|path| !path.as_os_str().is_empty())?;
        Some(GrafanaProgram { binary, home: self.home.clone() })
    }
}

/// Where `scripts/prometheus` puts what it brings: the user's cache folder.
fn brought() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("cetcd").join("prometheus"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<PrometheusId, External>> {
        let settings: Prometheus = toml::from_str(text)?;
        settings.check()?;
        settings.elsewhere()
    }

    #[test]
    fn one_that_runs_elsewhere_is_known_by_its_id_and_its_password_is_shown_nowhere() {
        let text = "[[external]]\nid = \"prom-abcd1234\"\nurl = \"http://127.0.0.1:9090/\"\nuser = \"u\"\n\
                    password = \"hunter2\"\njobs_dir = \"/jobs\"\n";
        let all = read(text).unwrap();
        let (id, one) = all.first_key_value().unwrap();
        assert_eq!((id.as_str(), one.url.as_str()), ("prom-abcd1234", "http://127.0.0.1:9090"));
        assert!(!format!("{one:?}").contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let one = |more: &str| format!("[[external]]\nid = \"prom-abcd1234\"\njobs_dir = \"/jobs\"\n{more}\n");
        let url = "url = \"http://127.0.0.1:9090\"";
        assert!(read(&one(url)).is_ok());
        for wrong in [
            one("url = \"127.0.0.1:9090\""),
            one(&format!("{url}\nuser = \"u\"")),
            format!("{}{}", one(url), one(url)),
            one(url).replace("prom-abcd1234", "prom"),
            "scrape_interval_seconds = 0".to_owned(),
            "binary = \"/nowhere/prometheus\"".to_owned(),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_empty_binary_is_none() {
        let settings: Prometheus = toml::from_str("binary = \"\"").unwrap();
        assert_eq!(settings.program().unwrap(), None);
    }
}
