//! A member's data in the place of which other data is put: made beside it, swapped by renaming, the old kept.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use cetcd_endpoint::files::write_atomically;

use super::files;

/// What new data is called within a member's folder until it takes its place.
const MAKING: &str = "data.making";

/// What the name of a folder begins with in which whoever makes the data works, and which a crash leaves.
const HALF_MADE: &str = ".restoring-";

/// Says within a data directory which restore made it. etcd leaves alone what it does not know there.
const MADE_BY: &str = "restored-by";

/// Makes room beside the data in `dir` for new data; answers its path, at which nothing is.
pub fn prepare(dir: &Path) -> io::Result<PathBuf> {
    files::make_dir(dir)?;
    let making = dir.join(MAKING);
    files::remove_tree(&making)?;
    for name in files::names(dir)?.iter().filter(|name| name.starts_with(HALF_MADE)) {
        files::remove_tree(&dir.join(name))?;
    }
    Ok(making)
}

/// Puts what was made in `dir` in the place of the data there, which goes to a folder within `aside`. Whichever of
/// the steps was the last before a crash: done again, it ends in the same place, and nothing that was data is lost.
pub fn swap(dir: &Path, aside: &Path, ordinal: u32, restore: &str) -> io::Result<()> {
    let (making, data) = (dir.join(MAKING), dir.join("data"));
    if made_by(&data).as_deref() == Some(restore) {
        return files::remove_tree(&making);
    }
    if !making.join("member").is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("nothing was made at {}", making.display())));
    }
    // Within what takes the place, so that both come at once.
    write_atomically(&making.join(MADE_BY), restore.as_bytes(), true)?;
    if data.exists() {
        let kept = aside.join(restore);
        files::make_dir(&kept)?;
        fs::rename(&data, free(&kept, ordinal))?;
        File::open(&kept)?.sync_all()?;
    }
    fs::rename(&making, &data)?;
    File::open(dir)?.sync_all()
}

/// The restore that made this data; `None` where none did.
pub fn made_by(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(MADE_BY)).ok()
}

/// A name that nothing has: what was set aside before is never written over.
fn free(kept: &Path, ordinal: u32) -> PathBuf {
    let name = |n: u32| kept.join(if n == 0 { ordinal.to_string() } else { format!("{ordinal}-{n}") });
    (0..u32::MAX).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn put(dir: &Path, text: &str) {
        fs::create_dir_all(dir.join("member")).unwrap();
        fs::write(dir.join("member/db"), text).unwrap();
    }

    fn holds(dir: &Path) -> String {
        fs::read_to_string(dir.join("member/db")).unwrap()
    }

    #[test]
    fn the_new_takes_the_place_of_the_old_which_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let (dir, aside) = (root.path().join("0"), root.path().join("replaced"));
        put(&dir.join("data"), "old");
        put(&prepare(&dir).unwrap(), "new");
        swap(&dir, &aside, 0, "r1").unwrap();
        assert_eq!((holds(&dir.join("data")), holds(&aside.join("r1/0"))), ("new".to_owned(), "old".to_owned()));
        assert_eq!(made_by(&dir.join("data")).as_deref(), Some("r1"));
        // Done again it changes nothing.
        swap(&dir, &aside, 0, "r1").unwrap();
        assert_eq!(holds(&dir.join("data")), "new");
    }

    #[test]
    fn a_crash_between_the_two_renames_loses_nothing() {
        let root = tempfile::tempdir().unwrap();
        let (dir, aside) = (root.path().join("0"), root.path().join("replaced"));
        put(&dir.join("data"), "old");
        put(&prepare(&dir).unwrap(), "new");
        fs::create_dir_all(aside.join("r1")).unwrap();
        fs::rename(dir.join("data"), aside.join("r1/0")).unwrap();
        // What was made may be gone with the crash: it is made again.
        put(&prepare(&dir).unwrap(), "new again");
        swap(&dir, &aside, 0, "r1").unwrap();
        assert_eq!((holds(&dir.join("data")), holds(&aside.join("r1/0"))), ("new again".to_owned(), "old".to_owned()));
    }

    #[test]
    fn data_of_an_earlier_restore_is_set_aside_like_any_other() {
        let root = tempfile::tempdir().unwrap();
        let (dir, aside) = (root.path().join("0"), root.path().join("replaced"));
        for restore in ["r1", "r2"] {
            put(&prepare(&dir).unwrap(), restore);
            swap(&dir, &aside, 0, restore).unwrap();
        }
        assert_eq!((holds(&dir.join("data")), holds(&aside.join("r2/0"))), ("r2".to_owned(), "r1".to_owned()));
    }

    #[test]
    fn without_new_data_the_old_stays() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("0");
        put(&dir.join("data"), "old");
        prepare(&dir).unwrap();
        assert!(swap(&dir, &root.path().join("replaced"), 0, "r1").is_err());
        assert_eq!(holds(&dir.join("data")), "old");
    }
}
