//! Objects as files of a folder.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::{MOST_LISTED, ObjectInfo, ObjectStore, ObjectWriter, checked};
use crate::{Error, Result};

/// What the name of an unfinished file begins with. No object's does.
const UNFINISHED: &str = ".part-";
/// How much is read at once.
const READ: usize = 256 << 10;

/// A folder. Its files are 0600, in folders of 0700; each is whole and on the disk before it has its name.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// Makes nothing yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        Ok(self.root.join(checked(name)?))
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn create(&self, name: &str) -> Result<Box<dyn ObjectWriter>> {
        let path = self.path(name)?;
        let doing = format!("write {}", path.display());
        let root = self.root.clone();
        let begin = move || {
            let folder = path.parent().unwrap_or(&path);
            make_folders(&root, folder)?;
            // 0600.
            let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
            Ok(Writer { file: Some(file), path, written: 0 })
        };
        Ok(Box::new(blocking(doing, begin).await?))
    }

    async fn read(&self, name: &str, offset: u64) -> Result<BoxStream<'static, Result<Bytes>>> {
        let path = self.path(name)?;
        let doing = format!("read {}", path.display());
        let missing = name.to_owned();
        let open = move || {
            let mut file = absent_is_none(File::open(&path))?;
            if let Some(file) = &mut file {
                file.seek(SeekFrom::Start(offset))?;
            }
            Ok(file)
        };
        let file = blocking(doing.clone(), open).await?.ok_or(Error::NotFound { path: missing })?;
        let parts = futures::stream::try_unfold(file, move |mut file| {
            let doing = doing.clone();
            async move {
                let read = move || {
                    let mut part = vec![0; READ];
                    let mut length = 0;
                    while length < READ {
                        match file.read(&mut part[length..]) {
                            Ok(0) => break,
                            Ok(count) => length += count,
                            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                            Err(error) => return Err(error),
                        }
                    }
                    part.truncate(length);
                    Ok((Bytes::from(part), file))
                };
                let (part, file) = blocking(doing, read).await?;
                Ok((!part.is_empty()).then_some((part, file)))
            }
        });
        Ok(parts.boxed())
    }

    async fn stat(&self, name: &str) -> Result<ObjectInfo> {
        let path = self.path(name)?;
        let (doing, of, missing) = (format!("look at {}", path.display()), name.to_owned(), name.to_owned());
        let look = move || absent_is_none(fs::metadata(&path))?.map(|metadata| info(of, &metadata)).transpose();
        blocking(doing, look).await?.ok_or(Error::NotFound { path: missing })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let (root, folder) = (self.root.clone(), self.path(prefix.trim_end_matches('/'))?);
        let doing = format!("list {}", folder.display());
        let listed = blocking(doing.clone(), move || {
            let mut found = Vec::new();
            walk(&folder, &mut |path, metadata| {
                let Ok(name) = path.strip_prefix(&root) else { return Ok(()) };
                // What has another name was not put there by us.
                let Some(name) = name.to_str().filter(|name| checked(name).is_ok()) else { return Ok(()) };
                found.push(info(name.to_owned(), metadata)?);
                Ok(())
            })?;
            found.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(found)
        })
        .await?;
        if listed.len() > MOST_LISTED {
            return Err(Error::Refused { doing, reason: format!("it holds more than {MOST_LISTED} objects") });
        }
        Ok(listed)
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        blocking(format!("remove {}", path.display()), move || {
            if absent_is_none(fs::remove_file(&path))?.is_some() {
                sync_folder(&path)?;
            }
            Ok(())
        })
        .await
    }

    async fn sweep(&self, prefix: &str, before: Timestamp) -> Result<usize> {
        let folder = self.path(prefix.trim_end_matches('/'))?;
        blocking(format!("clean {}", folder.display()), move || {
            let mut removed = 0;
            walk(&folder, &mut |path, metadata| {
                let unfinished =
                    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()));
                if unfinished && timestamp(metadata.modified()?)? < before {
                    removed += usize::from(absent_is_none(fs::remove_file(path))?.is_some());
                }
                Ok(())
            })?;
            Ok(removed)
        })
        .await
    }
}

struct Writer {
    /// `None` only while it is in use.
    file: Option<NamedTempFile>,
    path: PathBuf,
    /// Bytes so far.
    written: u64,
}

#[async_trait]
impl ObjectWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let doing = format!("write {}", self.path.display());
        let lost = || Error::io(doing.clone())(io::Error::other("an earlier part could not be written"));
        let mut file = self.file.take().ok_or_else(lost)?;
        let (from, length) = (self.written, bytes.len() as u64);
        let write = move || {
            file.write_all(&bytes)?;
            set_to_work(file.as_file(), from, length);
            Ok(file)
        };
        self.file = Some(blocking(doing, write).await?);
        self.written += length;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let doing = format!("write {}", self.path.display());
        let Self { file, path, .. } = *self;
        let file =
            file.ok_or_else(|| Error::io(doing.clone())(io::Error::other("an earlier part could not be written")))?;
        blocking(doing, move || {
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            sync_folder(&path)
        })
        .await
    }

    async fn abort(self: Box<Self>) {
        // Removed with it.
        drop(self.file);
    }
}

/// Sets the disk to work on what was just written, and waits for nothing: else all of it would wait for the end. A flush
/// would do so, too, but members' logs on the same disk wait for each of those. What the disk finds wrong is told at
/// the end.
fn set_to_work(file: &File, from: u64, length: u64) {
    // Linux begins to write what is said not to be needed. It may refuse, and then writes in its own time.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, from, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = (file, from, length);
}

/// Makes the folders from `root` to `folder`, and sees to it that they are on the disk.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(root.parent().unwrap_or(root)));
    above.take(3).try_for_each(|above| File::open(above)?.sync_all())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Calls `visit` with each file below a folder. What vanishes meanwhile is passed over.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
    let Some(entries) = absent_is_none(fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        // A link is neither: it leads elsewhere.
        let Some(metadata) = absent_is_none(entry.metadata())? else { continue };
        if metadata.is_dir() {
            walk(&entry.path(), visit)?;
        } else if metadata.is_file() {
            visit(&entry.path(), &metadata)?;
        }
    }
    Ok(())
}

fn info(name: String, metadata: &fs::Metadata) -> io::Result<ObjectInfo> {
    Ok(ObjectInfo { name, bytes: metadata.len(), modified_at: timestamp(metadata.modified()?)? })
}

fn timestamp(time: SystemTime) -> io::Result<Timestamp> {
    Timestamp::try_from(time).map_err(io::Error::other)
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Does what may block off the threads that must not.
async fn blocking<T: Send + 'static>(
    doing: String,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::from).flatten().map_err(Error::io(doing))
}
