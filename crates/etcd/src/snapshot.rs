//! Snapshots: taking them from a member, checking them on the way, and writing them to a file.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use etcd_client::SnapshotResponse;
use futures::{StreamExt, stream::BoxStream};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::{
    Error, Pace, Result, SnapshotInfo, answers::Failure, bolt, operator::SnapshotBucket, pace::Pacer, session::Session,
};

/// How long nothing may come. etcd reads the database while it sends it.
const STALL: Duration = Duration::from_secs(30);
/// The stream ends in the SHA-256 of what came before.
const HASH_BYTES: usize = 32;
/// bbolt's files are whole pages, and the smallest page is this.
const PAGE: u64 = 512;
/// How many parts, 32 KiB each, may wait for the disk.
const WAITING: usize = 32;
/// How much of a file is read at once.
const READ: usize = 256 << 10;

/// A snapshot on its way from a member: what `etcdctl snapshot save` would write, in parts.
///
/// The parts are as they come. Whoever takes them feeds them to a [`SnapshotCheck`] and trusts nothing before
/// its [`finish`](SnapshotCheck::finish) said that it is whole. Dropped, it ends at the member.
pub struct SnapshotStream {
    parts: BoxStream<'static, Result<Bytes>>,
    pacer: Pacer,
}

impl SnapshotStream {
    /// A snapshot from elsewhere.
    pub fn new(parts: BoxStream<'static, Result<Bytes>>) -> Self {
        Self { parts, pacer: Pacer::default() }
    }

    /// The same at the pace that `pace` has at each moment.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pacer: Pacer::new(pace), ..self }
    }

    /// Whether it comes no faster than a pace that is set: then it is better worked upon in small pieces, too.
    pub fn is_held_back(&self) -> bool {
        self.pacer.pace.limit().is_some()
    }

    /// What comes next, mostly 32 KiB; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let part = self.parts.next().await.transpose()?;
        if let Some(part) = &part {
            self.pacer.pass(part.len()).await;
        }
        Ok(part)
    }
}

impl fmt::Debug for SnapshotStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotStream")
    }
}

/// Checks a snapshot while it goes by, and tells what is in it: its SHA-256, its length and the pages of its
/// database. Takes about 5 MiB of memory for each GiB, and no more than a core for it.
pub struct SnapshotCheck {
    hash: Sha256,
    database: bolt::Reader,
    bytes: u64,
    /// The hash at the end is no part of what is hashed, and the end is known only when it is there.
    last: Vec<u8>,
}

impl Default for SnapshotCheck {
    fn default() -> Self {
        Self::until(i64::MAX)
    }
}

impl SnapshotCheck {
    /// Leaves revisions of keys after `revision` out of what is counted and summed: for a snapshot that may
    /// have grown beyond the one that it is compared with.
    pub fn until(revision: i64) -> Self {
        Self {
            hash: Sha256::new(),
            database: bolt::Reader::new(revision),
            bytes: 0,
            last: Vec::with_capacity(2 * HASH_BYTES),
        }
    }

    /// Takes what comes next.
    pub fn update(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        let before = (self.last.len() + part.len()).saturating_sub(HASH_BYTES);
        let from_last = before.min(self.last.len());
        self.hash.update(&self.last[..from_last]);
        self.database.update(&self.last[..from_last]);
        self.last.drain(..from_last);
        let (now, later) = part.split_at(before - from_last);
        self.hash.update(now);
        self.database.update(now);
        self.last.extend_from_slice(later);
    }

    /// How many bytes came.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the snapshot holds, or in words why it is none.
    pub fn finish(self) -> Result<SnapshotInfo, String> {
        let bytes = self.bytes;
        if bytes % PAGE != HASH_BYTES as u64 {
            return Err(format!("its size of {bytes} bytes is not that of pages and a hash"));
        }
        let found: [u8; HASH_BYTES] = self.hash.finalize().into();
        if self.last != found {
            return Err("its SHA-256 is not the one that it ends in".to_owned());
        }
        let contents = self.database.finish().map_err(|error| format!("it is no database of etcd: {error}"))?;
        Ok(info(bytes, hex::encode(found), contents))
    }
}

/// What the database file of a member that does not run holds. Blocks. Its size and SHA-256 are left out: a file
/// that is in use has room to grow at its end.
pub fn database_contents(path: &Path) -> io::Result<SnapshotInfo> {
    let mut file = File::open(path)?;
    let mut reader = bolt::Reader::new(i64::MAX);
    let mut part = vec![0; READ];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(info(0, String::new(), reader.finish()?)),
            Ok(count) => reader.update(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn info(bytes: u64, sha256: String, contents: bolt::Contents) -> SnapshotInfo {
    SnapshotInfo {
        bytes,
        sha256,
        revision: contents.revision,
        compact_revision: contents.compact_revision,
        compaction_pending: contents.compaction_pending,
        total_keys: contents.entries(),
        hash: contents.hash,
        consistent_index: contents.consistent_index,
        buckets: contents
            .buckets
            .into_iter()
            .map(|bucket| (bucket.name, SnapshotBucket { entries: bucket.entries, crc: bucket.crc }))
            .collect(),
    }
}

/// A part as it came: its bytes are not copied once more.
struct Blob(SnapshotResponse);

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        self.0.blob()
    }
}

/// Begins a snapshot.
pub async fn stream(member: Session) -> Result<SnapshotStream> {
    let address = member.target.address;
    // Says within the time of a read that nobody is there.
    member.status().await?;
    // Whoever may not have it is told so where the first part would be.
    let begin = || async {
        let mut stream = member.client.maintenance_client().snapshot().await?;
        let first = stream.message().await?;
        Ok((stream, first))
    };
    let (stream, first) = member.ask(STALL, begin).await?;
    let bad = move |reason: String| Error::BadSnapshot { address, reason };
    // The connection goes with the stream.
    let parts = futures::stream::try_unfold((stream, first, member), move |(mut stream, part, member)| async move {
        let Some(part) = part else { return Ok(None) };
        let part = Bytes::from_owner(Blob(part));
        let next = tokio::time::timeout(STALL, stream.message());
        let stalled = |_| bad(format!("nothing more came within {} s", STALL.as_secs()));
        let next = next.await.map_err(stalled)?.map_err(|error| Failure::new(address, &error))?;
        Ok(Some((part, (stream, next, member))))
    });
    Ok(SnapshotStream::new(parts.boxed()))
}

/// Streams, checks, and puts the file in its place.
pub async fn to_file(member: Session, into: &Path) -> Result<SnapshotInfo> {
    let address = member.target.address;
    let bad = |reason: String| Error::BadSnapshot { address, reason };
    let mut stream = stream(member).await?;

    let (parts, received) = mpsc::channel(WAITING);
    let place = into.to_owned();
    let writer = tokio::task::spawn_blocking(move || write(&place, received));
    while let Some(part) = stream.next().await? {
        if parts.send(part).await.is_err() {
            // The writer tells below what it ended for.
            break;
        }
    }
    drop(parts);
    let written = writer.await.map_err(|_| bad("the writer ended early".to_owned()))??;

    let place = into.to_owned();
    // Until here, whoever gives up leaves nothing behind: the temporary file goes with its last owner.
    tokio::task::spawn_blocking(move || finish(written, &place))
        .await
        .map_err(|_| bad("the check ended early".to_owned()))?
        .map_err(|error| match error {
            Unfit::Io(error) => error,
            Unfit::Snapshot(reason) => bad(reason),
        })
}

struct Written {
    file: NamedTempFile,
    check: SnapshotCheck,
}

/// Writes what comes to a file beside `place`.
fn write(place: &Path, mut received: mpsc::Receiver<Bytes>) -> Result<Written> {
    let doing = |path: &Path| format!("write a snapshot beside {}", path.display());
    // Made 0600.
    let mut file = NamedTempFile::new_in(folder(place)).map_err(Error::io(doing(place)))?;
    let mut check = SnapshotCheck::default();
    while let Some(part) = received.blocking_recv() {
        file.write_all(&part).map_err(Error::io(doing(place)))?;
        check.update(&part);
    }
    Ok(Written { file, check })
}

enum Unfit {
    Io(Error),
    Snapshot(String),
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Io(error)
    }
}

/// Checks what was written, and puts it in its place for good.
fn finish(written: Written, place: &Path) -> Result<SnapshotInfo, Unfit> {
    let Written { file, check } = written;
    let info = check.finish().map_err(Unfit::Snapshot)?;
    let keeping = || format!("keep the snapshot {}", place.display());
    file.as_file().sync_all().map_err(Error::io(keeping()))?;
    file.persist(place).map_err(|error| Error::io(keeping())(error.error))?;
    File::open(folder(place)).and_then(|folder| folder.sync_all()).map_err(Error::io(keeping()))?;
    Ok(info)
}

fn folder(place: &Path) -> PathBuf {
    match place.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What becomes of a stream of these parts, and whether anything is left beside what was there.
    fn take(parts: &[&[u8]]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("snapshot.db");
        std::fs::write(&place, "the one before").unwrap();
        let (sender, receiver) = mpsc::channel(parts.len().max(1));
        for part in parts {
            sender.try_send(Bytes::copy_from_slice(part)).unwrap();
        }
        drop(sender);
        let said = match finish(write(&place, receiver).unwrap(), &place) {
            Ok(info) => format!("{info:?}"),
            Err(Unfit::Io(error)) => error.to_string(),
            Err(Unfit::Snapshot(reason)) => reason,
        };
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "the one before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        said
    }

    #[test]
    fn a_stream_that_ends_early_is_no_snapshot() {
        assert!(take(&[]).contains("size of 0 bytes"));
        assert!(take(&[&[0; 4096], &[0; 16]]).contains("size of 4112 bytes"));
        assert!(take(&[&[0; 4096], &[0; 4096]]).contains("size of 8192 bytes"));
    }

    #[test]
    fn a_changed_byte_is_seen() {
        let hash = Sha256::digest([0; 4096]);
        assert!(take(&[&[1], &[0; 4095], &hash]).contains("SHA-256"));
    }

    #[test]
    fn what_hashes_right_but_is_no_database_is_refused() {
        let hash = Sha256::digest([0; 8192]);
        // However the stream is cut.
        assert!(take(&[&[0; 8192], &hash]).contains("no database"));
        assert!(take(&[&[0; 8191], &[0], &hash[..7], &hash[7..]]).contains("no database"));
    }
}
