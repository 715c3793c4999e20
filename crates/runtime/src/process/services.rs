//! Processes beside members and the endpoint, which outlive this program as those do: a Prometheus, a Grafana.
//!
//! ```text
//! root/{name}/    process.json log/ and whatever it keeps
//! ```
//!
//! A name may have a second part, `prom-abcd1234/grafana`. Each is adopted by the next that opens the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use cetcd_core::{Clock, clock::SystemClock, observed::Process, plan::back_off};
use rustix::process::Signal;
use tokio::sync::watch;
use tracing::warn;

use super::{
    files,
    folder::{self, Files},
    logs,
    member::blocking,
    proc,
    supervised::Supervised,
};
use crate::{CommandLine, Error, Placement};

/// How often logs are looked at.
const ROTATE_EVERY: Duration = Duration::from_secs(15);

/// How services are run.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The folder of them all, made (0700) where it does not exist.
    pub root: PathBuf,
    /// As for members: makes a session of its own for each.
    pub session_wrapper: Option<CommandLine>,
    /// How long a process that was asked to end may take before it is killed.
    pub grace: Duration,
    /// Tells when a process started and ended.
    pub clock: Arc<dyn Clock>,
    /// A log larger than this, in bytes, is moved aside; three old ones are kept.
    pub log_bytes: u64,
}

impl ServiceOptions {
    /// The defaults beside what has none.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            session_wrapper: None,
            grace: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
            log_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Runs services as processes of this machine.
pub struct Services {
    options: ServiceOptions,
    known: Mutex<BTreeMap<String, Arc<Supervised>>>,
    changes: watch::Sender<u64>,
    /// Held by whatever starts, stops or removes.
    changing: tokio::sync::Mutex<()>,
}

impl Services {
    /// Opens the folder and adopts what runs of it.
    pub async fn open(options: ServiceOptions) -> Result<Arc<Self>, Error> {
        let given = options.root.clone();
        let failed = Error::io(format!("open {}", given.display()));
        let make = move || std::path::absolute(given).and_then(|root| files::make_dir(&root).map(|()| root));
        let root = blocking(make).await.map_err(failed)?;
        let marked = blocking(proc::marked).await.map_err(Error::io("list the processes"))?;
        let services = Arc::new(Self {
            options: ServiceOptions { root: root.clone(), ..options },
            known: Mutex::default(),
            changes: watch::Sender::new(0),
            changing: tokio::sync::Mutex::new(()),
        });
        let at = root.clone();
        let mut names = blocking(move || recorded(&at)).await.map_err(Error::io(format!("read {}", root.display())))?;
        names.extend(marked.iter().filter_map(|one| one.dir.strip_prefix(&root).ok()?.to_str().map(str::to_owned)));
        let found: Vec<_> = names.iter().map(|name| services.service(name)).collect();
        let unsure: Vec<_> = found.into_iter().filter(|service| !service.find(&marked)).collect();
        if !unsure.is_empty() {
            tokio::time::sleep(super::SECOND_LOOK).await;
            let marked = blocking(proc::marked).await.map_err(Error::io("list the processes"))?;
            for service in unsure {
                service.find(&marked);
            }
        }
        tokio::spawn(rotate_logs(Arc::downgrade(&services)));
        Ok(services)
    }

    /// The folder of a service.
    pub fn dir(&self, name: &str) -> PathBuf {
        self.options.root.join(name)
    }

    /// The first parts of the names of all services of which anything is left.
    pub async fn names(&self) -> Result<BTreeSet<String>, Error> {
        let root = self.options.root.clone();
        let failed = Error::io(format!("read {}", root.display()));
        let names = blocking(move || files::names(&root)).await.map_err(failed)?;
        Ok(names.into_iter().collect())
    }

    /// Makes the folder `within` the service's own hold those files and nothing else. Answers which changed.
    pub async fn hold(&self, name: &str, within: &str, wanted: Files) -> Result<BTreeSet<PathBuf>, Error> {
        hold(&self.dir(name).join(within), wanted).await
    }

    /// Sees to it that the service runs: one that ended soon after its start, twice or more in a row, waits longer and
    /// longer.
    pub async fn ensure(&self, name: &str, command: &CommandLine) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let service = self.service(name);
        if let Process::Exited { at, quick_exits } = service.observed()
            && at.saturating_add(back_off(quick_exits)).is_ok_and(|at| at > self.options.clock.now())
        {
            return Ok(());
        }
        let log = service.dir().join("log");
        let failed = Error::io(format!("make {}", log.display()));
        blocking(move || files::make_dir(&log)).await.map_err(failed)?;
        service.start(command, self.options.session_wrapper.as_ref(), None).await.map(drop)
    }

    /// Tells a service that runs to read its configuration anew.
    pub fn reload(&self, name: &str) -> Result<(), Error> {
        self.service(name).signal(Signal::HUP)
    }

    /// How its process is.
    pub fn process(&self, name: &str) -> Process {
        self.service(name).observed()
    }

    /// The last line that it said; empty where it said nothing.
    pub async fn last_words(&self, name: &str) -> String {
        let log = self.service(name).log().to_owned();
        blocking(move || Ok(logs::tail(&log, 1))).await.unwrap_or_default()
    }

    /// Ends the service and leaves its files.
    pub async fn stop(&self, name: &str) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        self.service(name).stop(self.options.grace).await
    }

    /// Ends the service, those below it first, and removes all that they kept.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let below = format!("{name}/");
        let is_of = |known: &str| known == name || known.starts_with(&below);
        // Deeper ones come later in the order of names.
        let all: Vec<_> =
            self.known().iter().rev().filter(|(known, _)| is_of(known)).map(|(_, service)| service.clone()).collect();
        for service in all {
            service.stop(self.options.grace).await?;
        }
        let dir = self.dir(name);
        let failed = Error::io(format!("remove {}", dir.display()));
        blocking(move || files::remove_tree(&dir)).await.map_err(failed)?;
        self.known().retain(|known, _| !is_of(known));
        Ok(())
    }

    /// A counter that moves when a service ended.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn service(&self, name: &str) -> Arc<Supervised> {
        let mut known = self.known();
        let service = known.entry(name.to_owned()).or_insert_with(|| {
            let dir = self.dir(name);
            let log = dir.join("log").join(format!("{}.log", program_of(name)));
            let changes = self.changes.clone();
            let clock = Arc::clone(&self.options.clock);
            Supervised::new(name.to_owned(), dir, log, clock, move || changes.send_modify(|n| *n += 1))
        });
        Arc::clone(service)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Supervised>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a folder hold certain private files and nothing else. Answers which changed.
pub async fn hold(dir: &Path, wanted: Files) -> Result<BTreeSet<PathBuf>, Error> {
    let failed = Error::io(format!("write the files of {}", dir.display()));
    let dir = dir.to_owned();
    blocking(move || folder::hold(&dir, &wanted)).await.map_err(failed)
}

/// Where two services serve at a place: at their own ports where the address is theirs alone and nobody has taken
/// these on every address of the host, else at the ports of the place.
pub fn ports_at(place: Placement, ports: [u16; 2]) -> [SocketAddr; 2] {
    let given = [place.client, place.peer];
    let own = ports.map(|port| SocketAddr::from((place.client.ip(), port)));
    let alone = place.client.ip() == place.peer.ip() && !is_shared(place);
    if alone && own.iter().all(|address| TcpListener::bind(address).is_ok()) { own } else { given }
}

/// Whether others have the same address with other ports.
fn is_shared(place: Placement) -> bool {
    place.client.ip() == std::net::IpAddr::from([127, 0, 0, 1])
}

fn program_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("prometheus", |(_, program)| program)
}

/// Services whose process was recorded, by name.
fn recorded(root: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for name in files::names(root)? {
        for below in files::names(&root.join(&name)).unwrap_or_default() {
            if below == "process.json" {
                found.insert(name.clone());
            } else if root.join(&name).join(&below).join("process.json").exists() {
                found.insert(format!("{name}/{below}"));
            }
        }
    }
    Ok(found)
}

async fn rotate_logs(services: Weak<Services>) {
    loop {
        tokio::time::sleep(ROTATE_EVERY).await;
        let Some(services) = services.upgrade() else { return };
        let logs: Vec<_> = services.known().values().map(|service| service.log().to_owned()).collect();
        let limit = services.options.log_bytes;
        let rotate = move || {
            for log in logs {
                if let Err(error) = logs::rotate(&log, limit) {
                    warn!("cannot rotate {}: {error}", log.display());
                }
            }
            Ok(())
        };
        // Each log's failure was told.
        let _ = blocking(rotate).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::tests::until, *};

    fn sleeping() -> CommandLine {
        CommandLine { program: "/bin/sleep".into(), arguments: vec!["600".to_owned()] }
    }

    fn pid(services: &Services, name: &str) -> Option<i32> {
        services.service(name).pid()
    }

    #[tokio::test]
    async fn a_service_is_started_once_adopted_by_the_next_and_removed_with_what_is_below() {
        let root = tempfile::tempdir().unwrap();
        let services = Services::open(ServiceOptions::new(root.path())).await.unwrap();
        for name in ["prom-a", "prom-a/grafana"] {
            services.ensure(name, &sleeping()).await.unwrap();
        }
        let (first, below) = (pid(&services, "prom-a"), pid(&services, "prom-a/grafana"));
        services.ensure("prom-a", &sleeping()).await.unwrap();
        assert_eq!(pid(&services, "prom-a"), first);
        drop(services);
        let services = Services::open(ServiceOptions::new(root.path())).await.unwrap();
        assert!(first.is_some() && pid(&services, "prom-a") == first && pid(&services, "prom-a/grafana") == below);
        services.remove("prom-a").await.unwrap();
        assert!(services.names().await.unwrap().is_empty());
        assert_eq!(services.process("prom-a"), Process::Absent);
    }

    #[tokio::test]
    async fn the_end_of_a_service_is_told_and_it_is_started_again() {
        let root = tempfile::tempdir().unwrap();
        let services = Services::open(ServiceOptions::new(root.path())).await.unwrap();
        services.ensure("prom-a", &sleeping()).await.unwrap();
        let mut changes = services.changes();
        services.service("prom-a").signal(Signal::KILL).unwrap();
        changes.changed().await.unwrap();
        assert!(matches!(services.process("prom-a"), Process::Exited { quick_exits: 1, .. }));
        services.ensure("prom-a", &sleeping()).await.unwrap();
        assert_eq!(services.process("prom-a"), Process::Running);
        services.remove("prom-a").await.unwrap();
    }

    #[tokio::test]
    async fn ports_of_their_own_are_taken_only_where_they_are_free() {
        let alone: std::net::IpAddr = [127, 251, 7, 9].into();
        let place = Placement { client: (alone, 2379).into(), peer: (alone, 2380).into() };
        let taken = TcpListener::bind((alone, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(ports_at(place, [port, port]), [place.client, place.peer]);
        drop(taken);
        until(async || ports_at(place, [port, port]) == [SocketAddr::from((alone, port)); 2]).await;
    }
}
