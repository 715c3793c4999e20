//! One member: its folder, its files, its process, its limits.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cetcd_core::{
    Clock, InstanceId,
    instance::Resources,
    member::{KeyPair, MemberCertificates, MemberPaths, MemberSpec, Start},
    observed::Process,
};
use cetcd_endpoint::files::write_atomically;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::warn;

use super::{
    cgroup::{Cgroups, Limits},
    changes::Changes,
    files, logs, proc, replace,
    supervised::Supervised,
};
use crate::{CommandLine, Error, Fingerprint, Launcher, MemberView};

/// How long a measurement of the disk is good for.
const MEASURED_EVERY: Duration = Duration::from_secs(10);

/// A member of which anything may be left.
pub struct Member {
    name: String,
    ordinal: u32,
    process: Arc<Supervised>,
    /// Held by whatever changes the member; true once it was removed.
    pub gone: tokio::sync::Mutex<bool>,
    limits: Mutex<Limits>,
    measured: tokio::sync::Mutex<Option<(Instant, u64)>>,
}

/// What a start needs beside the specification.
pub struct Tools<'a> {
    /// Makes the command line.
    pub launcher: &'a dyn Launcher,
    /// Makes the session.
    pub session_wrapper: Option<&'a CommandLine>,
    /// Enforces limits.
    pub cgroups: &'a Arc<Cgroups>,
    /// Limits where the specification has none.
    pub default_resources: Option<Resources>,
}

impl Member {
    /// The member whose folder is `dir`, as nothing is known of it.
    pub fn new(
        instance: &InstanceId,
        ordinal: u32,
        dir: PathBuf,
        clock: Arc<dyn Clock>,
        changes: &Arc<Changes>,
    ) -> Arc<Self> {
        let name = instance.member_name(ordinal);
        let (changes, of) = (Arc::clone(changes), instance.clone());
        let log = dir.join("log").join("etcd.log");
        let limits = std::fs::read(limits_path(&dir)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Arc::new(Self {
            process: Supervised::new(name.clone(), dir, log, clock, move || changes.bump(&of)),
            name,
            ordinal,
            gone: tokio::sync::Mutex::new(false),
            limits: Mutex::new(limits.unwrap_or_default()),
            measured: tokio::sync::Mutex::new(None),
        })
    }

    /// Finds its process after this program's start; false where it is worth a second look.
    pub fn find(&self, marked: &[proc::Marked]) -> bool {
        self.process.find(marked)
    }

    /// Its output.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.process.dir()
    }

    /// Writes its files and sees to it that its process runs. The caller holds `gone`.
    pub async fn ensure(&self, spec: &MemberSpec, tools: &Tools<'_>) -> Result<(), Error> {
        let paths = paths(self.dir());
        if matches!(spec.start, Start::Existing | Start::Forced) && self.process.pid().is_none() {
            let data = data(&paths.data);
            if !blocking(move || Ok(data.is_dir())).await.unwrap_or_default() {
                return Err(Error::NoData { member: self.name.clone() });
            }
        }
        let (dir, to_write, certificates) = (self.dir().to_owned(), paths.clone(), spec.certificates.clone());
        let write = move || {
            files::make_dir(&dir)?;
            files::make_dir(&dir.join("log"))?;
            files::make_dir(&dir.join("tls"))?;
            files::make_dir(&to_write.data)?;
            put_or_remove(&to_write.ca, &certificates.ca)?;
            put_pair(&to_write.server_cert, &to_write.server_key, &certificates.server)?;
            put_pair(&to_write.peer_cert, &to_write.peer_key, &certificates.peer)
        };
        blocking(write).await.map_err(Error::io(format!(
            "write the files of {} in {}",
            self.name,
            self.dir().display()
        )))?;
        let command = tools
            .launcher
            .command(spec, &paths)
            .map_err(|reason| Error::Command { member: self.name.clone(), reason })?;
        if self.process.pid().is_none() {
            // Before the start: what runs was started with this or with something older, never newer.
            let (path, line) = (started_with_path(self.dir()), spec.line());
            let failed = Error::io(format!("write {}", path.display()));
            blocking(move || write_atomically(&path, line.as_bytes(), false)).await.map_err(failed)?;
        }
        let resources = spec.run.resources.or(tools.default_resources);
        let cpu = resources.map(|resources| resources.cpu);
        let pid = self.process.start(&command, tools.session_wrapper, cpu).await?;
        if let (Some(pid), Some(resources)) = (pid, resources) {
            self.limit(pid, resources, tools.cgroups).await;
        }
        Ok(())
    }

    /// Replaces what it shows, where it has files at all. The caller holds `gone`.
    pub async fn put_certificates(&self, certificates: &MemberCertificates) -> Result<(), Error> {
        let (paths, certificates) = (paths(self.dir()), certificates.clone());
        let failed = Error::io(format!("write the certificates of {} in {}", self.name, self.dir().display()));
        let write = move || {
            if !paths.ca.parent().is_some_and(Path::is_dir) {
                return Ok(());
            }
            put_pair(&paths.server_cert, &paths.server_key, &certificates.server)?;
            put_pair(&paths.peer_cert, &paths.peer_key, &certificates.peer)
        };
        blocking(write).await.map_err(failed)
    }

    async fn limit(&self, pid: i32, resources: Resources, cgroups: &Arc<Cgroups>) {
        let (cgroups, name, path) = (Arc::clone(cgroups), self.name.clone(), limits_path(self.dir()));
        let limited = blocking(move || {
            let remember = |limits: &Limits| write_atomically(&path, &serde_json::to_vec(limits)?, false);
            let limits = cgroups.limit(&name, pid, resources, remember);
            remember(&limits).map(|()| limits)
        });
        let limits = limited.await.unwrap_or_else(|error| Limits {
            groups: Vec::new(),
            unlimited: Some(format!("cannot record the control groups: {error}")),
        });
        let mut known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = limits.unlimited.as_ref().filter(|reason| known.unlimited.as_ref() != Some(*reason)) {
            warn!(member = self.name, "runs without its limits: {reason}");
        }
        *known = limits;
    }

    /// A place for new data. The caller holds `gone`.
    pub async fn prepare_data(&self) -> Result<PathBuf, Error> {
        let dir = self.dir().to_owned();
        let failed = Error::io(format!("make room in {}", dir.display()));
        blocking(move || replace::prepare(&dir)).await.map_err(failed)
    }

    /// Puts what was made there in the place of its data, which goes to `aside`. The caller holds `gone`.
    pub async fn replace_data(&self, aside: PathBuf, restore: &str) -> Result<(), Error> {
        if self.process.pid().is_some() {
            return Err(Error::StillRunning { member: self.name.clone() });
        }
        let (dir, ordinal, restore) = (self.dir().to_owned(), self.ordinal, restore.to_owned());
        let failed = Error::io(format!("replace the data of {} in {}", self.name, dir.display()));
        blocking(move || replace::swap(&dir, &aside, ordinal, &restore)).await.map_err(failed)
    }

    /// Ends its process. The caller holds `gone`.
    pub async fn stop(&self, grace: Duration) -> Result<(), Error> {
        self.process.stop(grace).await
    }

    /// Removes all that it left. The caller holds `gone`.
    pub async fn remove(&self, cgroups: &Arc<Cgroups>) -> Result<(), Error> {
        if self.process.pid().is_some() {
            return Err(Error::StillRunning { member: self.name.clone() });
        }
        let dir = self.dir().to_owned();
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (cgroups, ordinal) = (Arc::clone(cgroups), self.ordinal);
        let failed = Error::io(format!("remove {}", dir.display()));
        blocking(move || {
            cgroups.remove(&limits)?;
            // Renamed first: what a crash leaves half removed is never taken for a member.
            let Some(parent) = dir.parent() else { return Ok(()) };
            let aside = parent.join(format!("{REMOVING}{ordinal}"));
            files::remove_tree(&aside)?;
            files::absent_is_fine(std::fs::rename(&dir, &aside))?;
            files::remove_tree(&aside)?;
            files::remove_empty_dir(parent)
        })
        .await
        .map_err(failed)
    }

    /// Moves its data into a folder of its own in `aside`. The caller holds `gone`.
    pub async fn set_aside(&self, aside: &Path, label: &str) -> Result<(), Error> {
        if self.process.pid().is_some() {
            return Err(Error::StillRunning { member: self.name.clone() });
        }
        let (from, aside) = (paths(self.dir()).data, aside.to_owned());
        let name = format!("{label}-{}", self.ordinal);
        let failed = Error::io(format!("move {} to {}", from.display(), aside.display()));
        blocking(move || {
            if !from.is_dir() {
                return Ok(());
            }
            files::make_dir(&aside)?;
            // What is kept is never written over.
            let names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
            let free = names.map(|name| aside.join(name)).find(|path| !path.exists());
            free.map_or(Ok(()), |free| files::absent_is_fine(std::fs::rename(&from, free)))
        })
        .await
        .map_err(failed)
    }

    /// One look at it.
    pub async fn view(&self) -> MemberView {
        let disk_bytes = self.disk_bytes().await;
        let (paths, started_with) = (paths(self.dir()), started_with_path(self.dir()));
        let look = move || {
            let (data, restored) = (data(&paths.data).is_dir(), replace::made_by(&paths.data));
            Ok((data, std::fs::read_to_string(started_with).ok(), shows(&paths).ok(), restored))
        };
        let (data, started_with, files, restored) = blocking(look).await.unwrap_or_default();
        let (shows, shown_until) = files.unzip();
        let shown_until = shown_until.flatten();
        let process = self.process.observed();
        let last_words = if matches!(process, Process::Exited { quick_exits: 2.., .. }) {
            let log = self.log().to_owned();
            blocking(move || Ok(logs::tail(&log, LAST_WORDS))).await.ok()
        } else {
            None
        };
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        MemberView {
            ordinal: self.ordinal,
            process,
            data,
            restored,
            started_with,
            shows,
            shown_until,
            disk_bytes,
            unlimited: limits.unlimited.clone(),
            last_words,
        }
    }

    async fn disk_bytes(&self) -> u64 {
        let mut measured = self.measured.lock().await;
        if let Some((at, bytes)) = *measured
            && at.elapsed() < MEASURED_EVERY
        {
            return bytes;
        }
        let data = paths(self.dir()).data;
        let bytes = blocking(move || Ok(files::disk_bytes(&data))).await.unwrap_or_default();
        *measured = Some((Instant::now(), bytes));
        bytes
    }
}

/// So many lines of its output tell why it ended: a panic comes with its stack.
const LAST_WORDS: usize = 80;

/// What the name of a member's folder begins with while it is removed.
pub const REMOVING: &str = ".removing-";

/// Where a member's files are within its folder.
pub fn paths(dir: &Path) -> MemberPaths {
    let tls = dir.join("tls");
    MemberPaths {
        data: dir.join("data"),
        ca: tls.join("ca.crt"),
        server_cert: tls.join("server.crt"),
        server_key: tls.join("server.key"),
        peer_cert: tls.join("peer.crt"),
        peer_key: tls.join("peer.key"),
    }
}

/// What is in the files of what it shows, and when the first of it ends.
fn shows(paths: &MemberPaths) -> io::Result<(Fingerprint, Option<Timestamp>)> {
    let read = |cert: &Path, key: &Path| {
        io::Result::Ok(KeyPair { cert: std::fs::read_to_string(cert)?, key: std::fs::read_to_string(key)? })
    };
    let server = read(&paths.server_cert, &paths.server_key)?;
    let peer = read(&paths.peer_cert, &paths.peer_key)?;
    let until = [&server, &peer].into_iter().filter_map(|pair| end_of(&pair.cert)).min();
    Ok((Fingerprint::of(&server, &peer), until))
}

/// When a certificate in PEM ends.
fn end_of(pem: &str) -> Option<Timestamp> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    Timestamp::from_second(pem.parse_x509().ok()?.validity().not_after.timestamp()).ok()
}

/// What a data directory holds once etcd has made its data there.
fn data(dir: &Path) -> PathBuf {
    dir.join("member")
}

fn started_with_path(dir: &Path) -> PathBuf {
    dir.join("started-with")
}

fn limits_path(dir: &Path) -> PathBuf {
    dir.join("limits.json")
}

/// The key first: a certificate without its key serves no one, an unused key does no harm.
fn put_pair(cert: &Path, key: &Path, pair: &KeyPair) -> io::Result<()> {
    put_or_remove(key, &pair.key)?;
    put_or_remove(cert, &pair.cert)
}

fn put_or_remove(path: &Path, text: &str) -> io::Result<()> {
    if text.is_empty() { files::remove(path) } else { files::put(path, text.as_bytes()) }
}

/// Does what may block off the threads that must not.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::from).flatten()
}
