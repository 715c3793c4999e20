//! Processes of this run: finding them by the mark in their environment, what they use, ending them.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Carried by every member and endpoint: the directory that it belongs to.
pub const MARKER: &str = "CETCD_MEMBER";

/// The system's unit of process times is a hundredth of a second for every program on Linux, whatever the
/// kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a process may take to end when asked.
const GRACE: Duration = Duration::from_secs(15);

/// A process of ours.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its pid.
    pub pid: u32,
    /// The file that it runs.
    pub program: PathBuf,
    /// Its arguments, the program left out.
    pub arguments: Vec<String>,
    /// Its environment as `NAME=value`.
    pub environment: Vec<String>,
}

impl Process {
    /// Whether it is a member, not an endpoint or a wrapper on its way to becoming one.
    pub fn is_etcd(&self) -> bool {
        self.program.file_name().is_some_and(|name| name == "etcd")
    }

    /// The value of `--NAME=value`.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Every process that is marked with a directory below `dir`.
pub fn marked(dir: &Path) -> Vec<Process> {
    let mark = [MARKER.as_bytes(), b"=", dir.as_os_str().as_bytes(), b"/"].concat();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let marked = environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(&mark));
        marked.then_some(())?;
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let mut arguments = strings(&fs::read(format!("/proc/{pid}/cmdline")).ok()?);
        arguments.drain(..1.min(arguments.len()));
        Some(Process { pid, program, arguments, environment: strings(&environment) })
    })
    .collect()
}

fn strings(bytes: &[u8]) -> Vec<String> {
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// Ends every process that is marked with a directory below `dir`. Blocks for as long as that takes.
pub fn end_marked(dir: &Path) {
    let began = Instant::now();
    let mut asked: Vec<u32> = Vec::new();
    loop {
        let left = marked(dir);
        if left.is_empty() || began.elapsed() > GRACE * 2 {
            return;
        }
        for process in left {
            if began.elapsed() > GRACE {
                signal(process.pid, Signal::KILL);
            } else if !asked.contains(&process.pid) {
                signal(process.pid, Signal::TERM);
                asked.push(process.pid);
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Waits until no process is marked with a directory below `dir`.
pub async fn none_left(dir: &Path) -> Result<()> {
    let began = Instant::now();
    loop {
        let left = marked(dir);
        if left.is_empty() {
            return Ok(());
        }
        if began.elapsed() > GRACE {
            bail!("{} of {} still run", left.len(), dir.display());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks a child to end and waits for it; ends it where it does not.
pub async fn stop(child: &mut Child) -> Result<()> {
    signal(child.id(), Signal::TERM);
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > GRACE {
            end(child);
            bail!("pid {} did not end within {} s of SIGTERM", child.id(), GRACE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Ends a child at once and waits for it; nothing where it has ended.
pub fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn signal(pid: u32, signal: Signal) {
    // It may have ended meanwhile, which is what is wanted.
    let _ = i32::try_from(pid).ok().and_then(Pid::from_raw).map(|pid| kill_process(pid, signal));
}

/// Resident memory in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// All of it: `VmRSS`.
    pub all: f64,
    /// Without pages that a file backs: `RssAnon`.
    pub anonymous: f64,
}

/// What the process holds now.
pub fn resident(pid: u32) -> Result<Resident> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let field = |name: &str| -> Result<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.with_context(|| format!("the system does not tell {name}"))? / 1024.0)
    };
    Ok(Resident { all: field("VmRSS:")?, anonymous: field("RssAnon:")? })
}

/// Seconds of processor time that the process has used.
pub fn processor_seconds(pid: u32) -> Result<f64> {
    // utime and stime.
    Ok((times(pid, 11)? + times(pid, 12)?) / TICKS_PER_SECOND)
}

/// When the process started, in seconds since the system did; to a hundredth.
pub fn started(pid: u32) -> Result<f64> {
    Ok(times(pid, 19)? / TICKS_PER_SECOND)
}

/// Seconds since the system started, by the clock of [`started`]; to a hundredth.
pub fn uptime() -> Result<f64> {
    let text = fs::read_to_string("/proc/uptime")?;
    let seconds = text.split(' ').next().and_then(|seconds| seconds.parse().ok());
    seconds.context("the system does not tell how long it runs")
}

/// A field of the process's times, counted from after its name, which is in brackets and may hold anything.
fn times(pid: u32, field: usize) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    let fields = text.rsplit_once(") ").map(|(_, fields)| fields);
    let ticks = fields.and_then(|fields| fields.split(' ').nth(field)?.parse().ok());
    ticks.context("the system does not tell the times of processes")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_flag_is_found_by_its_whole_name() {
        let arguments = ["--peer-cert-file=/p", "--cert-file=/c"].map(str::to_owned).to_vec();
        let process = Process { pid: 1, program: "/x/etcd".into(), arguments, environment: Vec::new() };
        assert_eq!(process.flag("cert-file"), Some("/c"));
        assert_eq!(process.flag("cert"), None);
        assert!(process.is_etcd());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_uses_is_read_from_the_system() {
        let own = std::process::id();
        let held = resident(own).unwrap();
        assert!(held.all > 0.5 && held.anonymous < held.all);
        assert!(processor_seconds(own).unwrap() >= 0.0);
        assert!(started(own).unwrap() <= uptime().unwrap());
    }
}
