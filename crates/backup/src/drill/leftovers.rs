//! The folders of drills, and what a crash leaves in them.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

use crate::{Error, Result};

/// The environment variable of a drill's member: its folder.
pub(super) const MARKER: &str = "CETCD_DRILL";
const PREFIX: &str = "drill-";
const LOCK: &str = "lock";

/// The folder of a drill that is under way. Its lock is held until it is removed.
pub(super) struct Place {
    path: PathBuf,
    lock: Option<File>,
}

impl Place {
    pub fn make(work_dir: &Path) -> Result<Self> {
        let make = || {
            DirBuilder::new().recursive(true).mode(0o700).create(work_dir)?;
            // The marker of its processes has to be the same whoever looks.
            let work_dir = work_dir.canonicalize()?;
            // Removed by name, after its processes.
            let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(work_dir)?.keep();
            let lock = File::create(path.join(LOCK))?;
            rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            Ok(Self { path, lock: Some(lock) })
        };
        make().map_err(Error::io(format!("make a folder in {}", work_dir.display())))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends what runs in it, and removes it. What cannot be removed now is removed with the leftovers.
    pub async fn remove(mut self) {
        let (path, lock) = (self.path.clone(), self.lock.take());
        let clear = move || clear_locked(&path, lock);
        if let Err(error) = tokio::task::spawn_blocking(clear).await {
            tracing::warn!(path = %self.path.display(), %error, "the folder of a drill stays for now");
        }
    }
}

/// A drill that gives way is dropped in its middle. What it leaves is no small thing: it goes at once, and nobody waits
/// for that.
impl Drop for Place {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            let path = self.path.clone();
            let _ = std::thread::Builder::new()
                .name("drill-clear".to_owned())
                .spawn(move || clear_locked(&path, Some(lock)));
        }
    }
}

/// The lock is given back only then: nobody else clears the same.
fn clear_locked(path: &Path, lock: Option<File>) {
    if let Err(error) = clear(path) {
        tracing::warn!(path = %path.display(), %error, "the folder of a drill stays for now");
    }
    drop(lock);
}

/// Removes what drills of processes that are gone left in `work_dir`, their members first; answers how many.
/// Drills of processes that live, this one's among them, are left alone. Blocks.
pub fn remove_leftovers(work_dir: &Path) -> Result<usize> {
    let doing = || format!("clean {}", work_dir.display());
    let work_dir = match work_dir.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other.map_err(Error::io(doing()))?,
    };
    let mut removed = 0;
    for entry in fs::read_dir(&work_dir).map_err(Error::io(doing()))? {
        let path = entry.map_err(Error::io(doing()))?.path();
        let ours = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        if !ours || !path.is_dir() {
            continue;
        }
        // One without a lock was made by someone who did not come to lock it.
        if let Ok(lock) = File::open(path.join(LOCK))
            && rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err()
        {
            continue;
        }
        clear(&path).map_err(Error::io(format!("remove {}", path.display())))?;
        removed += 1;
    }
    Ok(removed)
}

/// Ends the processes that belong to a folder, then removes it.
fn clear(path: &Path) -> io::Result<()> {
    end_processes(path);
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Kills the processes whose environment says that they belong to a folder.
#[cfg(target_os = "linux")]
fn end_processes(folder: &Path) {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let marker = [MARKER.as_bytes(), b"=", folder.as_os_str().as_encoded_bytes()].concat();
    let carries = |pid: i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == marker)
    };
    let Ok(processes) = fs::read_dir("/proc") else { return };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids.filter(|pid| carries(*pid)) {
        let Some(raw) = Pid::from_raw(pid) else { continue };
        let Ok(process) = pidfd_open(raw, PidfdFlags::empty()) else { continue };
        // Looked at again: until it was held, its pid could have become another's.
        if carries(pid) && pidfd_send_signal(&process, Signal::KILL).is_ok() {
            let mut ended = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
            let limit = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
            // Readable once it has ended; where not in time, its files are removed all the same.
            let _ = rustix::event::poll(&mut ended, Some(&limit));
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn end_processes(_folder: &Path) {}
