//! One process that is started, found again, waited for and stopped: a member's or the endpoint's.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cetcd_core::{Clock, observed::Process};
use rustix::process::Signal;
use tokio::{process::Child, sync::watch};
use tracing::{info, warn};

use super::{
    handle::{Handle, Waiting, how},
    identity::Identity,
    proc,
    record::Record,
    spawn,
};
use crate::{CommandLine, Error};

/// How long a killed process may take to vanish: it may be stuck in a disk's answer.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// How long the system may take to say who a child of ours is, and how often it is asked.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A process with its folder. Calls that change it are made one at a time, which the owner sees to.
pub struct Supervised {
    name: String,
    dir: PathBuf,
    log: PathBuf,
    clock: Arc<dyn Clock>,
    changed: Box<dyn Fn() + Send + Sync>,
    state: Mutex<State>,
}

/// What became of a process that was just started.
enum Begun {
    Held(Handle, watch::Sender<bool>),
    Ended(String),
}

/// Takes hold of a child; `who_has` answers who has a pid. A child that lives may look as if it had ended: one whose
/// first thread is gone while another becomes a program does, and so does everyone while we can open no file.
async fn take_hold(child: &mut Child, who_has: impl Fn(i32) -> Option<Identity>) -> std::io::Result<Begun> {
    let begun = tokio::time::Instant::now();
    loop {
        let identity = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(&who_has);
        if let Some((handle, ended)) = identity.as_ref().and_then(Handle::take) {
            return Ok(Begun::Held(handle, ended));
        }
        if let Ok(ended) = tokio::time::timeout(LOOK_EVERY, child.wait()).await {
            return Ok(Begun::Ended(how(ended)));
        }
        if begun.elapsed() > KNOWN_WITHIN {
            // Unknown to us it could neither be stopped nor found again.
            child.kill().await?;
            let reason = "the system does not say who the process is; it was ended again";
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, reason));
        }
    }
}

#[derive(Default)]
struct State {
    live: Option<Handle>,
    record: Option<Record>,
    stopping: bool,
}

impl Supervised {
    /// A process that belongs to `dir` (absolute); `changed` is called whenever it ended.
    pub fn new(
        name: String,
        dir: PathBuf,
        log: PathBuf,
        clock: Arc<dyn Clock>,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { name, dir, log, clock, changed: Box::new(changed), state: Mutex::default() })
    }

    /// Finds the process again after this program's start: by its record, else by its marker among `marked`.
    /// False where a start was under way and nothing is found: while a process becomes the program that it
    /// was started for, its marker is not to be seen for a moment, so it is worth a second look.
    pub fn find(self: &Arc<Self>, marked: &[proc::Marked]) -> bool {
        let record = Record::read(&self.record_path());
        if let Some(Record::Running { identity, .. }) = &record
            && let Some((handle, ended)) = Handle::take(identity)
        {
            info!(process = self.name, pid = identity.pid, "adopted");
            self.lock().record = record;
            self.watch(handle.clone(), Waiting::Adopted(handle), ended);
            return true;
        }
        self.lock().record.clone_from(&record);
        if self.find_by_marker(marked) {
            return true;
        }
        match record {
            Some(Record::Starting { .. }) => false,
            Some(record @ Record::Running { .. }) => {
                self.remember(record.ended(self.clock.now(), false));
                true
            }
            Some(Record::Exited { .. }) | None => true,
        }
    }

    /// Adopts the oldest process that carries our marker, if one does.
    fn find_by_marker(self: &Arc<Self>, marked: &[proc::Marked]) -> bool {
        marked.iter().filter(|marked| marked.dir == self.dir).any(|marked| {
            let Some(identity) = Identity::of(marked.pid) else { return false };
            let Some((handle, ended)) = Handle::take(&identity) else { return false };
            info!(process = self.name, pid = marked.pid, "adopted, found by its marker");
            let quick_exits = self.lock().record.as_ref().map_or(0, Record::quick_exits);
            self.remember(Record::Running { identity, started_at: self.clock.now(), quick_exits });
            self.watch(handle.clone(), Waiting::Adopted(handle), ended);
            true
        })
    }

    /// Sees to it that the process runs; answers its pid, `None` where it ended before it could be looked at.
    /// The folders of `dir` and of the log must exist.
    pub async fn start(
        self: &Arc<Self>,
        command: &CommandLine,
        session_wrapper: Option<&CommandLine>,
        cpu: Option<u32>,
    ) -> Result<Option<i32>, Error> {
        if let Some(pid) = self.pid() {
            return Ok(Some(pid));
        }
        // A start whose record was lost (a crash in between, a removed file) is found, not repeated.
        let marked = tokio::task::spawn_blocking(proc::marked).await.map_err(std::io::Error::from).flatten();
        let marked = marked.map_err(Error::io("list the processes"))?;
        if self.find_by_marker(&marked)
            && let Some(pid) = self.pid()
        {
            return Ok(Some(pid));
        }
        spawn::check_program(command).map_err(|reason| Error::Command { member: self.name.clone(), reason })?;
        let quick_exits = self.lock().record.as_ref().map_or(0, Record::quick_exits);
        let record_path = self.record_path();
        let recorded = || Error::io(format!("write {}", record_path.display()));
        Record::Starting { quick_exits }.write(&record_path).map_err(recorded())?;
        let start = spawn::Start { command, session_wrapper, dir: &self.dir, log: &self.log, cpu };
        let starting = || Error::io(format!("start {}", command.program.display()));
        let mut child = spawn::spawn(&start).map_err(starting())?;
        let started_at = self.clock.now();
        let (handle, ended) = match take_hold(&mut child, Identity::of).await.map_err(starting())? {
            Begun::Held(handle, ended) => (handle, ended),
            Begun::Ended(how) => {
                warn!(process = self.name, "ended at once: {how}");
                let quick_exits = quick_exits.saturating_add(1);
                self.remember(Record::Exited { at: self.clock.now(), quick_exits });
                (self.changed)();
                return Ok(None);
            }
        };
        let pid = handle.identity.pid;
        info!(process = self.name, pid, "started");
        self.remember(Record::Running { identity: handle.identity.clone(), started_at, quick_exits });
        self.watch(handle, Waiting::Child(child), ended);
        Ok(Some(pid))
    }

    /// Ends the process: asks, and after `grace` forces; at once where that is zero. Answers once it has ended.
    pub async fn stop(&self, grace: Duration) -> Result<(), Error> {
        let Some(handle) = self.begin_stop() else { return Ok(()) };
        let signal = |signal| {
            handle.signal(signal).map_err(Error::io(format!("signal {} (pid {})", self.name, handle.identity.pid)))
        };
        let mut ended = handle.ended.clone();
        if !grace.is_zero() {
            signal(Signal::TERM)?;
            if tokio::time::timeout(grace, ended.wait_for(|ended| *ended)).await.is_ok() {
                return Ok(());
            }
            warn!(process = self.name, pid = handle.identity.pid, "did not end within {grace:?} and is killed");
        }
        signal(Signal::KILL)?;
        match tokio::time::timeout(AFTER_KILL, ended.wait_for(|ended| *ended)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Timeout {
                what: format!("{} (pid {}) did not end after SIGKILL", self.name, handle.identity.pid),
                seconds: AFTER_KILL.as_secs(),
            }),
        }
    }

    /// Sends it a signal, where it runs.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let Some(handle) = self.lock().live.clone() else { return Ok(()) };
        handle.signal(signal).map_err(Error::io(format!("signal {} (pid {})", self.name, handle.identity.pid)))
    }

    fn begin_stop(&self) -> Option<Handle> {
        let mut state = self.lock();
        let handle = state.live.clone()?;
        state.stopping = true;
        Some(handle)
    }

    /// Its pid, where it runs.
    pub fn pid(&self) -> Option<i32> {
        self.lock().live.as_ref().map(|handle| handle.identity.pid)
    }

    /// Its state as an observer sees it.
    pub fn observed(&self) -> Process {
        self.lock().record.as_ref().map_or(Process::Absent, Record::observed)
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    fn watch(self: &Arc<Self>, handle: Handle, waiting: Waiting, ended: watch::Sender<bool>) {
        let pid = handle.identity.pid;
        {
            let mut state = self.lock();
            state.live = Some(handle);
            state.stopping = false;
        }
        // Not kept alive by its own watcher: a runtime that was dropped records nothing any more. The task
        // goes on for the sake of a child, which has to be reaped.
        let supervised = Arc::downgrade(self);
        tokio::spawn(async move {
            let how = waiting.ended().await;
            if let Some(supervised) = supervised.upgrade() {
                supervised.has_ended(pid, &how);
                // After the state: whoever waits for the end sees it.
                ended.send_replace(true);
                (supervised.changed)();
            }
        });
    }

    fn has_ended(&self, pid: i32, how: &str) {
        let mut state = self.lock();
        let asked = std::mem::take(&mut state.stopping);
        state.live = None;
        let Some(record) = state.record.as_ref().map(|record| record.ended(self.clock.now(), asked)) else { return };
        if asked {
            info!(process = self.name, pid, "ended as asked: {how}");
        } else {
            warn!(process = self.name, pid, quick_exits = record.quick_exits(), "ended: {how}");
        }
        state.record = Some(record.clone());
        self.write(&record);
    }

    fn remember(&self, record: Record) {
        let mut state = self.lock();
        self.write(&record);
        state.record = Some(record);
    }

    /// A record that cannot be written is not a reason to fail: the marker finds the process as well.
    fn write(&self, record: &Record) {
        if let Err(error) = record.write(&self.record_path()) {
            warn!(process = self.name, "cannot record its state in {}: {error}", self.dir.display());
        }
    }

    fn record_path(&self) -> PathBuf {
        self.dir.join("process.json")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;

    use super::*;

    fn child(program: &str, arguments: &[&str]) -> Child {
        tokio::process::Command::new(program).args(arguments).kill_on_drop(true).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_child_that_looks_as_if_it_had_ended_is_held_once_it_is_known() {
        let mut child = child("/bin/sleep", &["600"]);
        let asked = Cell::new(0);
        let known_at_last = |pid| {
            asked.set(asked.get() + 1);
            if asked.get() < 4 { None } else { Identity::of(pid) }
        };
        let held = take_hold(&mut child, known_at_last).await.unwrap();
        assert!(matches!(held, Begun::Held(handle, _) if Some(handle.identity.pid.unsigned_abs()) == child.id()));
    }

    #[tokio::test]
    async fn a_child_that_has_ended_is_told_with_its_status() {
        let ended = take_hold(&mut child("/bin/false", &[]), |_| None).await.unwrap();
        assert!(matches!(ended, Begun::Ended(how) if how == "exit status: 1"));
    }

    #[tokio::test]
    async fn a_child_that_is_never_known_is_ended_and_told() {
        let mut child = child("/bin/sleep", &["600"]);
        tokio::time::pause();
        let Err(error) = take_hold(&mut child, |_| None).await else { unreachable!("nobody said who it is") };
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert!(child.try_wait().unwrap().is_some());
    }
}
