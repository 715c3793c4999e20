//! Following a tool that copies a large file to work with the copy.
//!
//! The file is only there to be copied. Left whole until the end of that it takes as much memory again as the data that
//! are made of it, from the members that serve beside it, or is written to the disk for nothing.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    time::Duration,
};

use crate::{Error, Result};

/// How often the copies are looked at. A few MiB are copied meanwhile.
const LOOK: Duration = Duration::from_millis(4);
/// What is given back at once, at least, and how far behind the copies that stays.
const STEP: u64 = 1 << 20;

/// Follows until it is dropped.
pub(crate) struct Copying {
    _ends: Sender<()>,
}

impl Copying {
    /// Sends each of `copies` to the disk as soon as it has all but `cut` bytes of `file`: whoever works with it has to
    /// wait for less of that later. Where `spend` says so, takes from `file` what all of them have, which reads as zeros
    /// from then on.
    pub fn follow(file: &Path, copies: Vec<PathBuf>, cut: u64, spend: bool) -> Result<Self> {
        let failed = || Error::io(format!("follow the copying of {}", file.display()));
        let mut follower = Follower::new(file, copies, cut, spend).map_err(failed())?;
        let (ends, ended) = mpsc::channel();
        let follow = move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                follower.look();
            }
        };
        std::thread::Builder::new().name("backup-copying".to_owned()).spawn(follow).map_err(failed())?;
        Ok(Self { _ends: ends })
    }
}

struct Follower {
    source: File,
    /// How long a whole copy is.
    whole: u64,
    copies: Vec<PathBuf>,
    unsynced: Vec<PathBuf>,
    /// How much of the source is gone. `None` where it stays.
    spent: Option<u64>,
}

impl Follower {
    fn new(file: &Path, copies: Vec<PathBuf>, cut: u64, spend: bool) -> io::Result<Self> {
        let source = OpenOptions::new().write(true).open(file)?;
        let whole = source.metadata()?.len().saturating_sub(cut);
        Ok(Self { source, whole, unsynced: copies.clone(), copies, spent: spend.then_some(0) })
    }

    fn look(&mut self) {
        let shortest = self.copies.iter().map(|copy| length_of(copy)).min().unwrap_or(0);
        let through = shortest.saturating_sub(STEP) / STEP * STEP;
        if let Some(spent) = self.spent.filter(|spent| through > *spent) {
            self.spent = give_back(&self.source, spent, through).then_some(through);
        }
        let whole = self.whole;
        for copy in self.unsynced.extract_if(.., |copy| length_of(copy) >= whole) {
            // Whoever works with it syncs it, too, and finds what is wrong.
            let _ = File::open(copy).and_then(|copy| copy.sync_data());
        }
    }
}

fn length_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

#[cfg(target_os = "linux")]
fn give_back(file: &File, from: u64, to: u64) -> bool {
    use rustix::fs::{FallocateFlags, fallocate};

    fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, to - from).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn give_back(_file: &File, _from: u64, _to: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MIB: usize = 1 << 20;
    const LENGTH: usize = 8 * MIB + 32;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with_source() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            std::fs::write(folder.path("source"), vec![7; LENGTH]).unwrap();
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn follower(&self, copies: &[&str], spend: bool) -> Follower {
            let copies = copies.iter().map(|name| self.path(name)).collect();
            Follower::new(&self.path("source"), copies, 32, spend).unwrap()
        }

        fn copy(&self, name: &str, bytes: usize) {
            let mut copy = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
            copy.write_all(&vec![7; bytes]).unwrap();
        }

        /// How much of the source is gone, counted from its beginning; the rest has to be as it was.
        fn gone(&self) -> usize {
            let source = std::fs::read(self.path("source")).unwrap();
            let gone = source.iter().take_while(|byte| **byte == 0).count();
            assert_eq!(source.len(), LENGTH);
            assert!(source[gone..].iter().all(|byte| *byte == 7));
            gone
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_slowest_copy_has_is_given_back_but_for_the_last_of_it() {
        let folder = Folder::with_source();
        let mut follower = folder.follower(&["a", "b"], true);
        let mut gone_after = |name, bytes| {
            folder.copy(name, bytes);
            follower.look();
            folder.gone()
        };
        assert_eq!(gone_after("a", 8 * MIB), 0);
        assert_eq!(gone_after("b", MIB), 0);
        assert_eq!(gone_after("b", 2 * MIB + 5), 2 * MIB);
        assert_eq!(gone_after("b", 10), 2 * MIB);
        assert_eq!(gone_after("b", 5 * MIB - 15), 7 * MIB);
    }

    #[test]
    fn a_file_that_is_read_again_stays_as_it_is() {
        let folder = Folder::with_source();
        let mut follower = folder.follower(&["a"], false);
        folder.copy("a", 8 * MIB);
        follower.look();
        assert_eq!(folder.gone(), 0);
    }

    #[test]
    fn a_copy_goes_to_the_disk_once_as_soon_as_it_is_whole_but_for_what_is_cut_off() {
        let folder = Folder::with_source();
        let mut follower = folder.follower(&["a", "b"], false);
        folder.copy("a", 8 * MIB - 1);
        follower.look();
        assert_eq!(follower.unsynced.len(), 2);
        folder.copy("a", 1);
        follower.look();
        assert_eq!(follower.unsynced, [folder.path("b")]);
    }
}
