//! Prometheus instances of this host, each with a Grafana where there is one, and the way to those that run elsewhere.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use cetcd_core::{PrometheusId, observed::Process};
use cetcd_runtime::{
    CommandLine, Placement,
    process::{Services, hold, ports_at},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::{
    Error, Look, Ours, Result, USER, Wanted, Watchers,
    client::Client,
    config::{self, arguments},
    grafana,
};

/// The ports that both have everywhere.
const PROMETHEUS_PORT: u16 = 9090;
const GRAFANA_PORT: u16 = 3000;

/// Where the service itself is reached, for targets and for its own metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// The CA that it is verified by, PEM; the host's own where absent.
    pub ca: Option<String>,
}

/// A Prometheus that runs elsewhere, as the settings name it.
#[derive(Debug, Clone)]
pub struct External {
    /// Its URL.
    pub url: String,
    /// Who asks, and the password.
    pub user: Option<(String, SecretString)>,
    /// Where its jobs are written, a file each, for its operator to include.
    pub jobs_dir: PathBuf,
}

/// A Grafana that is run beside every Prometheus.
#[derive(Debug, Clone)]
pub struct GrafanaProgram {
    /// The binary.
    pub binary: PathBuf,
    /// What Grafana calls its home: where its own files are.
    pub home: PathBuf,
}

/// How they are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary; without one none is run.
    pub binary: Option<PathBuf>,
    /// The Grafana, where there is one.
    pub grafana: Option<GrafanaProgram>,
    /// Where the service itself is reached.
    pub service: Service,
    /// Seconds between two scrapes, and two evaluations of rules.
    pub interval_seconds: u64,
    /// Those that run elsewhere.
    pub external: BTreeMap<PrometheusId, External>,
}

/// Runs Prometheus instances as processes of this host.
pub struct ProcessWatchers {
    options: Options,
    services: Arc<Services>,
}

impl ProcessWatchers {
    /// Runs them as `services`.
    pub fn new(options: Options, services: Arc<Services>) -> Arc<Self> {
        Arc::new(Self { options, services })
    }

    async fn ensure_ours(&self, wanted: &Wanted, ours: &Ours) -> Result<bool> {
        let (id, dir) = (wanted.id.as_str(), self.services.dir(wanted.id.as_str()));
        let files = config::files(wanted, ours, &self.options.service, self.options.interval_seconds)?;
        let changed = self.services.hold(id, "config", files).await?;
        let runs = self.services.process(id) == Process::Running;
        if runs && !changed.is_empty() {
            self.services.reload(id)?;
        }
        // After the files: whose certificates are to go must not wait for a binary to come back.
        let binary = self.options.binary.as_ref().ok_or(Error::NoBinary)?;
        let command = CommandLine { program: binary.clone(), arguments: arguments(ours, &dir, &dir.join("config")) };
        self.services.ensure(id, &command).await?;
        if let Some(program) = &self.options.grafana {
            self.ensure_grafana(wanted, ours, program).await?;
        }
        Ok(!changed.is_empty())
    }

    async fn ensure_grafana(&self, wanted: &Wanted, ours: &Ours, program: &GrafanaProgram) -> Result<()> {
        let name = grafana_of(&wanted.id);
        let dir = self.services.dir(&name);
        let config = dir.join("config");
        self.services.hold(&name, "config", grafana::files(ours, &config, &dir.join("data"))).await?;
        let arguments = grafana::arguments(&program.binary, &program.home, &config);
        let command = CommandLine { program: program.binary.clone(), arguments };
        Ok(self.services.ensure(&name, &command).await?)
    }

    async fn ensure_elsewhere(&self, wanted: &Wanted, external: &External) -> Result<bool> {
        let dir = &external.jobs_dir;
        let changed = hold(dir, config::files_elsewhere(wanted, &self.options.service, dir)).await?;
        if !changed.is_empty() {
            let client = client_of(external);
            let told = blocking(move || client.reload()).await;
            if let Err(error) = told {
                tracing::info!(prometheus = %wanted.id, %error, "it was not told to read its jobs anew; its operator has to, unless it does so by itself");
            }
        }
        Ok(!changed.is_empty())
    }

    /// Why the process of one of ours does not run, where it does not.
    async fn ended(&self, id: &PrometheusId) -> Option<String> {
        match self.services.process(id.as_str()) {
            Process::Running => None,
            Process::Absent => Some("it is not started yet".to_owned()),
            Process::Exited { .. } => {
                let words = self.services.last_words(id.as_str()).await;
                Some(format!("its process has ended; the last that it said was: {words}"))
            }
        }
    }
}

#[async_trait]
impl Watchers for ProcessWatchers {
    async fn ensure(&self, wanted: &Wanted) -> Result<bool> {
        if let Some(ours) = &wanted.ours {
            return self.ensure_ours(wanted, ours).await;
        }
        let external = self.options.external.get(&wanted.id);
        let external = external.ok_or_else(|| Error::Unknown { id: wanted.id.to_string() })?;
        self.ensure_elsewhere(wanted, external).await
    }

    async fn look(&self, id: &PrometheusId, ours: Option<&Ours>) -> Look {
        let (client, dir) = match (ours, self.options.external.get(id)) {
            (Some(ours), _) => {
                let url = format!("http://{}", ours.listen);
                (Client::new(&url, Some((USER, &ours.password))), self.services.dir(id.as_str()).join("config"))
            }
            (None, Some(external)) => (client_of(external), external.jobs_dir.clone()),
            (None, None) => return Look { problem: Some("it is not in the settings".to_owned()), ..Look::default() },
        };
        let jobs = blocking(move || Ok(config::jobs_in(&dir))).await.unwrap_or_default();
        if ours.is_some()
            && let Some(why) = self.ended(id).await
        {
            return Look { problem: Some(why), jobs, ..Look::default() };
        }
        let asked = blocking(move || client.ready().and_then(|()| client.targets())).await;
        match asked {
            Ok(targets) => Look { problem: None, jobs, targets },
            Err(error) => Look { problem: Some(error.to_string()), jobs, ..Look::default() },
        }
    }

    async fn remove(&self, id: &PrometheusId) -> Result<()> {
        Ok(self.services.remove(id.as_str()).await?)
    }

    fn addresses(&self, place: Placement) -> [SocketAddr; 2] {
        ports_at(place, [PROMETHEUS_PORT, GRAFANA_PORT])
    }

    fn external(&self) -> Vec<PrometheusId> {
        self.options.external.keys().cloned().collect()
    }

    fn can_run(&self) -> bool {
        self.options.binary.is_some()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.services.changes()
    }
}

fn client_of(external: &External) -> Client {
    let user = external.user.as_ref().map(|(user, password)| (user.as_str(), password.expose_secret()));
    Client::new(&external.url, user)
}

fn grafana_of(id: &PrometheusId) -> String {
    format!("{id}/grafana")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::NoAnswer { url: "a thread of this program".to_owned(), reason: error.to_string() })
    })
}

/// A binary of that name on PATH, else in `folder`.
pub fn find_binary(name: &str, folder: Option<&Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(folder.map(Path::to_owned));
    dirs.map(|dir| dir.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests;
