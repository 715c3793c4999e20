//! A file of lines that is put aside when it has grown.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::options::AuditOptions;

/// Readable by its owner alone.
const MODE: u32 = 0o600;

#[derive(Debug)]
pub(super) struct RotatedFile {
    options: AuditOptions,
    file: File,
    size: u64,
}

impl RotatedFile {
    pub(super) fn open(options: AuditOptions) -> io::Result<Self> {
        let (file, size) = open(&options.path)?;
        Ok(Self { options, file, size })
    }

    /// Writes a line in one call, so that a crash leaves at most the last line short.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.size > 0 && self.size.saturating_add(length) > self.options.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(&bytes)?;
        self.size += length;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        for number in (1..self.options.files.max(1)).rev() {
            let from = if number == 1 { self.options.path.clone() } else { numbered(&self.options.path, number - 1) };
            match std::fs::rename(&from, numbered(&self.options.path, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.options.files <= 1 {
            std::fs::remove_file(&self.options.path)?;
        }
        (self.file, self.size) = open(&self.options.path)?;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_put_aside_by_size_and_the_oldest_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let options = AuditOptions { path: folder.path().join("audit.log"), max_bytes: 20, files: 3 };
        let mut file = RotatedFile::open(options).unwrap();
        for number in 0..9 {
            file.append(&format!("line {number}")).unwrap();
        }
        assert_eq!(names(folder.path()), ["audit.log", "audit.log.1", "audit.log.2"]);
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("audit.log"), "line 8\n");
        assert_eq!(read("audit.log.1"), "line 6\nline 7\n");
        assert_eq!(read("audit.log.2"), "line 4\nline 5\n");
    }

    #[test]
    fn only_its_owner_can_read_it_and_it_is_appended_to_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, "before\n").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        RotatedFile::open(AuditOptions::new(&path)).unwrap().append("after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nafter\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_single_file_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let options = AuditOptions { path: folder.path().join("audit.log"), max_bytes: 10, files: 1 };
        let mut file = RotatedFile::open(options).unwrap();
        file.append("first line").unwrap();
        file.append("second").unwrap();
        assert_eq!(names(folder.path()), ["audit.log"]);
        assert_eq!(std::fs::read_to_string(folder.path().join("audit.log")).unwrap(), "second\n");
    }
}
