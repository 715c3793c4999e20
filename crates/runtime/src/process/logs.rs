//! Output of processes: bounded, and its end to be shown.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::files::absent_is_fine;

/// How many old files are kept beside the one written to.
const KEPT: u32 = 3;

/// How much of the end of a file is read to find its last lines.
const TAIL: u64 = 64 * 1024;

/// Moves a log that is larger than `limit` bytes aside: `etcd.log` to `.1`, `.1` to `.2` and so on. The
/// process goes on writing to the same file, which is copied and cut off; what it writes in between is lost.
pub fn rotate(log: &Path, limit: u64) -> io::Result<()> {
    let length = match fs::metadata(log) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if length <= limit {
        return Ok(());
    }
    let kept = keep(log);
    // On a full disk the copy fails; a log without bound would only make it worse.
    if kept.is_ok() || length > 2 * limit {
        OpenOptions::new().write(true).open(log)?.set_len(0)?;
    }
    kept
}

fn keep(log: &Path) -> io::Result<()> {
    for number in (1..KEPT).rev() {
        absent_is_fine(fs::rename(numbered(log, number), numbered(log, number + 1)))?;
    }
    let first = numbered(log, 1);
    let mut copy = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&first)?;
    io::copy(&mut File::open(log)?, &mut copy).map(drop)
}

fn numbered(log: &Path, number: u32) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// The last lines of a log, at most `lines` and 64 KiB; empty where there is none.
pub fn tail(log: &Path, lines: usize) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_over_its_bound_is_cut_and_three_old_ones_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("etcd.log");
        let mut writer = OpenOptions::new().append(true).create(true).open(&log).unwrap();
        for round in 0..6 {
            write!(writer, "round {round}").unwrap();
            rotate(&log, 4).unwrap();
            assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        }
        let old = |number| fs::read_to_string(numbered(&log, number)).ok();
        let kept = [old(1), old(2), old(3), old(4)].map(Option::unwrap_or_default);
        assert_eq!(kept, ["round 5", "round 4", "round 3", ""]);
    }

    #[test]
    fn a_log_within_its_bound_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("etcd.log");
        fs::write(&log, "1234").unwrap();
        rotate(&log, 4).unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "1234");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("etcd.log");
        assert_eq!(tail(&log, 2), "");
        fs::write(&log, "a\nb\nc\n").unwrap();
        assert_eq!(tail(&log, 2), "b\nc");
        assert_eq!(tail(&log, 9), "a\nb\nc");
    }
}
