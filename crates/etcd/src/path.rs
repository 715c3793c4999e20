//! Binaries that the machine has on its PATH.

use std::{
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use cetcd_core::EtcdVersion;

/// How long `etcd --version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);
/// It is four short lines.
const MAX_VERSION_BYTES: u64 = 64 * 1024;

/// The `etcd` on PATH and the version that it says it is, asked once for as long as the file stays the same.
#[derive(Debug, Default)]
pub struct OnPath(Mutex<Option<Asked>>);

#[derive(Debug)]
struct Asked {
    etcd: PathBuf,
    modified: SystemTime,
    version: Option<EtcdVersion>,
}

impl OnPath {
    /// Version and place of the first `etcd` on PATH that runs.
    pub fn find(&self) -> Option<(EtcdVersion, PathBuf)> {
        let etcd = which("etcd")?;
        let modified = fs::metadata(&etcd).and_then(|m| m.modified()).ok()?;
        let mut asked = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !asked.as_ref().is_some_and(|a| a.etcd == etcd && a.modified == modified) {
            let version = version_of(&etcd).ok();
            *asked = Some(Asked { etcd: etcd.clone(), modified, version });
        }
        asked.as_ref().and_then(|a| a.version.clone()).map(|version| (version, etcd))
    }
}

/// The first executable file of that name on PATH.
fn which(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|f| f.join(name)).find(|f| is_executable(f))
}

/// Whether `path` is a file that someone may run.
pub fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// What `etcd --version` says, or in words why it says nothing. Blocks for up to five seconds.
pub fn version_of(etcd: &Path) -> Result<EtcdVersion, String> {
    let mut command = Command::new(etcd);
    command.arg("--version").env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = spawn(&mut command).map_err(|error| format!("its etcd does not run here: {error}"))?;

    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take().map(|stdout| stdout.take(MAX_VERSION_BYTES));
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map(|mut stdout| stdout.read_to_string(&mut text));
        // Nobody listens any more where it took too long.
        let _ = sender.send(read.map(|_| text));
    });
    let said = receiver.recv_timeout(VERSION_TIMEOUT);
    // It has ended or is to end; that it cannot be ended twice is fine.
    let _ = child.kill();
    let _ = child.wait();
    said.map_err(|_| format!("`etcd --version` did not end within {} s", VERSION_TIMEOUT.as_secs()))?
        .as_deref()
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("etcd Version:"))
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| "`etcd --version` does not say a version".to_owned())
}

/// Starts a file that may just have been written: another thread that forked meanwhile holds it open for
/// writing until its own exec, and so long the file is busy.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no event for it; it is for milliseconds, and called where blocking is fine"
)]
fn spawn(command: &mut Command) -> io::Result<Child> {
    let deadline = Instant::now() + VERSION_TIMEOUT;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// The executable `name` in the folder of `etcd`, where there is one.
pub fn beside(etcd: &Path, name: &str) -> Option<PathBuf> {
    let path = etcd.with_file_name(name);
    is_executable(&path).then_some(path)
}
