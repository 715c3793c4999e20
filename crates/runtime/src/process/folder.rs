//! A folder that holds certain private files and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::files;

/// The files of a folder, by their path within it.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Makes `dir` hold `wanted` and nothing else, each file replaced in one step. What is new comes first and what is no
/// longer wanted goes last, so that whoever reads one file finds those that it names. Answers which files changed, came
/// or went.
pub fn hold(dir: &Path, wanted: &Files) -> io::Result<BTreeSet<PathBuf>> {
    files::make_dir(dir)?;
    let mut changed = BTreeSet::new();
    // Deeper ones first: a file at the top names those below.
    let mut names: Vec<&PathBuf> = wanted.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.components().count()));
    for name in names {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            files::make_dir(parent)?;
        }
        if fs::read(&path).ok().as_ref() != Some(&wanted[name]) {
            changed.insert(name.clone());
        }
        // Also where the text is the same: the mode may not be.
        files::put(&path, &wanted[name])?;
    }
    clear(dir, Path::new(""), wanted, &mut changed)?;
    Ok(changed)
}

/// Removes what is not wanted in the folder `at` within `dir`, and folders that are empty then.
fn clear(dir: &Path, at: &Path, wanted: &Files, changed: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir.join(at))? {
        let entry = entry?;
        let name = at.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            clear(dir, &name, wanted, changed)?;
            files::remove_empty_dir(&entry.path())?;
        } else if !wanted.contains_key(&name) {
            files::remove(&entry.path())?;
            changed.insert(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn wanted(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_folder_holds_what_is_wanted_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("config");
        assert_eq!(hold(&dir, &wanted(&[("main.yml", "1"), ("keys/a/key", "a")])).unwrap().len(), 2);
        assert!(hold(&dir, &wanted(&[("main.yml", "1"), ("keys/a/key", "a")])).unwrap().is_empty());
        let changed = hold(&dir, &wanted(&[("main.yml", "2"), ("keys/b/key", "b")])).unwrap();
        assert_eq!(changed, wanted(&[("main.yml", ""), ("keys/a/key", ""), ("keys/b/key", "")]).into_keys().collect());
        assert!(!dir.join("keys/a").exists());
        assert_eq!(fs::read_to_string(dir.join("main.yml")).unwrap(), "2");
    }

    #[test]
    fn its_files_are_read_by_their_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        hold(root.path(), &wanted(&[("keys/a", "a")])).unwrap();
        fs::set_permissions(root.path().join("keys/a"), fs::Permissions::from_mode(0o644)).unwrap();
        hold(root.path(), &wanted(&[("keys/a", "a")])).unwrap();
        let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("keys"), mode("keys/a")), (0o700, 0o600));
    }
}
