//! Taking a snapshot into a file.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::{Error, Result, SnapshotInfo, answers::Failure, bolt, session::Session};

/// How long nothing may come. etcd reads the database while it sends it.
const STALL: Duration = Duration::from_secs(30);
/// The stream ends in the SHA-256 of what came before.
const HASH_BYTES: usize = 32;
/// bbolt's files are whole pages, and the smallest page is this.
const PAGE: u64 = 512;
/// How many parts, 32 KiB each, may wait for the disk.
const WAITING: usize = 32;

/// Streams, checks, and puts the file in its place.
pub async fn to_file(member: &Session, into: &Path) -> Result<SnapshotInfo> {
    let address = member.target.address;
    let bad = |reason: String| Error::BadSnapshot { address, reason };
    // Says within the time of a read that nobody is there.
    member.status().await?;
    let mut stream = member.ask(STALL, || async { member.client.maintenance_client().snapshot().await }).await?;

    let (parts, received) = mpsc::channel(WAITING);
    let place = into.to_owned();
    let writer = tokio::task::spawn_blocking(move || write(&place, received));
    loop {
        let next = tokio::time::timeout(STALL, stream.message());
        let stalled = |_| bad(format!("nothing more came within {} s", STALL.as_secs()));
        let part = next.await.map_err(stalled)?.map_err(|error| Failure::new(address, &error))?;
        let Some(part) = part else { break };
        if parts.send(part.blob().to_vec()).await.is_err() {
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
    bytes: u64,
    expected: Vec<u8>,
    found: [u8; HASH_BYTES],
}

/// Writes what comes to a file beside `place`.
fn write(place: &Path, mut received: mpsc::Receiver<Vec<u8>>) -> Result<Written> {
    let doing = |path: &Path| format!("write a snapshot beside {}", path.display());
    // Made 0600.
    let mut file = NamedTempFile::new_in(folder(place)).map_err(Error::io(doing(place)))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut last = Vec::with_capacity(2 * HASH_BYTES);
    while let Some(part) = received.blocking_recv() {
        file.write_all(&part).map_err(Error::io(doing(place)))?;
        bytes += part.len() as u64;
        // The hash at the end is no part of what is hashed, and the end is known only when it is there.
        last.extend_from_slice(&part);
        let before = last.len().saturating_sub(HASH_BYTES);
        hash.update(&last[..before]);
        last.drain(..before);
    }
    Ok(Written { file, bytes, expected: last, found: hash.finalize().into() })
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
    let Written { file, bytes, expected, found } = written;
    if bytes % PAGE != HASH_BYTES as u64 {
        return Err(Unfit::Snapshot(format!("its size of {bytes} bytes is not that of pages and a hash")));
    }
    if expected != found {
        return Err(Unfit::Snapshot("its SHA-256 is not the one that it ends in".to_owned()));
    }
    let database = bolt::read(file.as_file(), bytes - HASH_BYTES as u64)
        .map_err(|error| Unfit::Snapshot(format!("it is no database of etcd: {error}")))?;
    let keeping = || format!("keep the snapshot {}", place.display());
    file.as_file().sync_all().map_err(Error::io(keeping()))?;
    file.persist(place).map_err(|error| Error::io(keeping())(error.error))?;
    File::open(folder(place)).and_then(|folder| folder.sync_all()).map_err(Error::io(keeping()))?;
    Ok(SnapshotInfo { bytes, sha256: hex::encode(found), revision: database.revision, total_keys: database.entries })
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
            sender.try_send(part.to_vec()).unwrap();
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
