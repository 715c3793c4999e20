//! Where and when the figures were taken: without that they say nothing.

use std::{
    fmt,
    fs::{self, File},
    io::Write,
    path::Path,
    time::Instant,
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;

use crate::figures::median;

/// Writes that are timed to say how fast the disk is: most of what an etcd write waits for.
const SYNCS: usize = 50;

/// One machine on one day.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// UTC date, `2026-01-31`.
    pub date: String,
    /// The source's revision, where it was given.
    pub revision: Option<String>,
    /// CPUs that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub processor: String,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// `Linux 6.18.1`.
    pub kernel: String,
    /// File system of the data directories.
    pub file_system: String,
    /// Median of appending 4 KiB and `fdatasync`, in milliseconds.
    pub sync_ms: f64,
    /// etcd, where the run used one.
    pub etcd: Option<String>,
}

impl Machine {
    /// This one, with data under `dir`.
    pub fn here(dir: &Path, revision: Option<String>) -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Ok(Self {
            date: Timestamp::now().strftime("%Y-%m-%d").to_string(),
            revision,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processor: processor(&read("/proc/cpuinfo")),
            memory_gib: memory_kib(&read("/proc/meminfo"), "MemTotal").map_or(0.0, |kib| kib / 1024.0 / 1024.0),
            kernel: format!("{} {}", read("/proc/sys/kernel/ostype").trim(), read("/proc/sys/kernel/osrelease").trim()),
            file_system: file_system(&read("/proc/self/mountinfo"), dir),
            sync_ms: sync_milliseconds(dir).with_context(|| format!("cannot write under {}", dir.display()))?,
            etcd: None,
        })
    }
}

/// Memory that may still be used, in GiB.
pub fn available_memory_gib() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    memory_kib(&text, "MemAvailable").map_or(0.0, |kib| kib / 1024.0 / 1024.0)
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, cores, processor, memory_gib, kernel, file_system, sync_ms, .. } = self;
        write!(f, "{date}: {cores} cores ({processor}), {memory_gib:.1} GiB of memory, {kernel}, ")?;
        write!(f, "data on {file_system} (4 KiB and fdatasync: {sync_ms:.2} ms)")?;
        if let Some(etcd) = &self.etcd {
            write!(f, ", etcd {etcd}")?;
        }
        if let Some(revision) = &self.revision {
            write!(f, ", cetcd at {revision}")?;
        }
        f.write_str(".")
    }
}

fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory_kib(meminfo: &str, name: &str) -> Option<f64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The type of the innermost mount that holds `dir`.
fn file_system(mountinfo: &str, dir: &Path) -> String {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mounts = mountinfo.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        Some((mount.split(' ').nth(4)?, kind.split(' ').next()?))
    });
    // Of several at one place the last one hides the others.
    let innermost = mounts.filter(|(at, _)| dir.starts_with(at)).max_by_key(|(at, _)| at.len());
    innermost.map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

fn sync_milliseconds(dir: &Path) -> std::io::Result<f64> {
    let path = dir.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[0x5A; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(path)?;
    Ok(median(&times))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_innermost_mount_holds_the_directory() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /tmp rw shared:1 - tmpfs tmpfs rw\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/no-such-directory/x")), "tmpfs");
        assert_eq!(file_system(mounts, Path::new("/no-such-directory")), "ext4");
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        assert_eq!(memory_kib("MemTotal:       24643912 kB\nMemFree: 1 kB\n", "MemTotal"), Some(24_643_912.0));
        assert_eq!(memory_kib("", "MemTotal"), None);
    }
}
