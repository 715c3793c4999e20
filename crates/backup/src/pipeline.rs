//! Moving snapshots between members, storage and files, a few MiB at a time.
//!
//! Checking, compressing or its reverse, and writing each have a thread of their own; between them are short queues. What a
//! member sends comes in parts of 32 KiB, which are passed on by the dozen: to wake a thread costs as much as to sum
//! up such a part. What is brought out goes from thread to thread in a few buffers, which the last gives back to the
//! first.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use bytes::Bytes;
use cetcd_core::{Entropy, InstanceId};
use cetcd_etcd::{SnapshotCheck, SnapshotInfo, SnapshotStream};
use futures::{StreamExt, stream::BoxStream};
use tokio::sync::{mpsc, oneshot};

use crate::{
    BackupKey, Contents, Error, Progress, Result, SnapshotId,
    seal::{Opening, Sealing, Unsealable},
    store::ObjectWriter,
};

/// How many bytes of a member's stream are passed on at once, at least.
const BATCH: usize = 512 << 10;
/// The same where the member's clients are not to notice: so much is worked upon in a fraction of a millisecond.
const SMALL_BATCH: usize = 64 << 10;
/// How many such batches may wait for a thread.
const BATCHES: usize = 4;
/// How many bytes of a plain snapshot are checked and written at once.
const PART: usize = 512 << 10;
/// How many such parts there are, with the threads or between them.
const PARTS: usize = 8;
/// How much is written by one call. Linux takes pages for it in one piece, and for a larger one prefers memory that was
/// not in use for long: on a virtual machine that costs four times as long, as its host has to bring it again.
const WRITE: usize = 64 << 10;
/// What is given to the storage at once, at least.
const PIECE: usize = 256 << 10;
/// How many pieces may wait for the storage or for a thread.
const PIECES: usize = 16;

/// What is wrong with a snapshot that opens.
pub(crate) const OTHERWISE: &str = "its data are not what its manifest says";

/// The key, and what it is used for.
#[derive(Clone)]
pub(crate) struct Subject {
    pub key: BackupKey,
    pub instance: InstanceId,
    pub id: SnapshotId,
}

impl Subject {
    pub fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::Damaged { instance: self.instance.clone(), id: self.id.clone(), reason: reason.into() }
    }
}

/// How much a transfer presses: by the priority of its threads (`nice`), which only matters where others want the
/// processor too, and by what it leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Someone waits for it, whose cluster does not serve meanwhile.
    Full,
    /// The cluster serves clients at the same time.
    BesideClients,
    /// Nobody waits for it.
    Gentle,
}

impl Pace {
    /// The priority of a thread, from 0 to 19, which is the lowest.
    fn nice(self) -> i32 {
        match self {
            Self::Full => 0,
            Self::BesideClients => 5,
            Self::Gentle => 19,
        }
    }

    /// Whether what is brought out is summed up and counted once more on its way, page by page. What was sealed after
    /// that was done, opens with the seal, and decompresses to what its checksum says, holds the same: whoever is waited
    /// for leaves it at that.
    fn checks(self) -> bool {
        self != Self::Full
    }

    /// Runs `work` on a thread of its own: those of a pool could not be given back their priority.
    fn run<T: Send + 'static>(
        self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>> {
        let (done, outcome) = oneshot::channel();
        let run = move || {
            // Of the calling thread, on Linux alone. Refused where all of the program is gentler than that.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, self.nice());
            let _ = done.send(work());
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(Error::io("start a thread"))?;
        Ok(outcome)
    }
}

/// What became of a snapshot on its way in.
pub(crate) struct TakenIn {
    pub info: SnapshotInfo,
    pub compressed_bytes: u64,
    pub stored_bytes: u64,
}

/// Checks, compresses, seals and writes a snapshot. The caller finishes or aborts the object.
pub(crate) async fn take_in(
    subject: &Subject,
    mut source: SnapshotStream,
    object: &mut dyn ObjectWriter,
    entropy: Arc<dyn Entropy>,
    progress: &Progress,
) -> Result<TakenIn> {
    let (to_check, mut checked) = mpsc::channel::<Vec<Bytes>>(BATCHES);
    let checking = Pace::BesideClients.run("backup-check", move || {
        let mut check = SnapshotCheck::default();
        while let Some(batch) = checked.blocking_recv() {
            for part in &batch {
                check.update(part);
            }
        }
        check.finish()
    })?;
    let (to_seal, batches) = mpsc::channel::<Vec<Bytes>>(BATCHES);
    let (sealed, mut pieces) = mpsc::channel::<Bytes>(PIECES);
    let of = subject.clone();
    let sealing = Pace::BesideClients.run("backup-seal", move || seal(&of, batches, &sealed, &*entropy))?;

    let feed = async move {
        let (mut batch, mut waiting) = (Vec::new(), 0);
        loop {
            let part = source.next().await?;
            let ended = part.is_none();
            waiting += part.as_ref().map_or(0, Bytes::len);
            progress.add(part.as_ref().map_or(0, Bytes::len));
            batch.extend(part);
            let enough = if source.is_held_back() { SMALL_BATCH } else { BATCH };
            if ended || waiting >= enough {
                let full = std::mem::take(&mut batch);
                waiting = 0;
                if to_check.send(full.clone()).await.is_err() || to_seal.send(full).await.is_err() || ended {
                    // A thread that ended early tells below what for.
                    return Ok(());
                }
            }
        }
    };
    let write = async {
        let mut stored_bytes = 0;
        while let Some(piece) = pieces.recv().await {
            stored_bytes += piece.len() as u64;
            object.write(piece).await?;
        }
        Ok::<_, Error>(stored_bytes)
    };
    let ((), stored_bytes) = tokio::try_join!(feed, write)?;
    let compressed_bytes = sealing.await.map_err(gone)?.map_err(Error::io("compress and seal a snapshot"))?;
    let info = checking.await.map_err(gone)?.map_err(|reason| Error::BadSnapshot { reason })?;
    Ok(TakenIn { info, compressed_bytes, stored_bytes })
}

fn seal(
    subject: &Subject,
    mut batches: mpsc::Receiver<Vec<Bytes>>,
    sealed: &mpsc::Sender<Bytes>,
    entropy: &dyn Entropy,
) -> io::Result<u64> {
    let mut sealing = Sealing::new(&subject.key, &subject.instance, &subject.id, entropy)?;
    let gone = |_| io::Error::other("nobody writes it any more");
    while let Some(batch) = batches.blocking_recv() {
        for part in batch {
            sealing.update(&part)?;
            if sealing.sealed().len() >= PIECE {
                let piece = std::mem::replace(sealing.sealed(), Vec::with_capacity(PIECE + PIECE / 8));
                sealed.blocking_send(piece.into()).map_err(gone)?;
            }
        }
    }
    let (rest, compressed) = sealing.finish()?;
    sealed.blocking_send(rest.into()).map_err(gone)?;
    Ok(compressed)
}

/// Opens, decompresses and checks stored data, and writes the plain snapshot to `file` where there is one. At
/// [`Pace::Full`] it is what was sealed, and no more is known.
pub(crate) async fn bring_out(
    subject: &Subject,
    expected: Contents,
    mut data: BoxStream<'static, Result<Bytes>>,
    file: Option<File>,
    pace: Pace,
    progress: &Progress,
) -> Result<()> {
    let (to_first, mut parts) = sync_channel(PARTS);
    let (give_back, empty) = sync_channel(PARTS);
    for _ in 0..PARTS {
        give_back.send(Vec::new()).map_err(gone)?;
    }
    let checking = if pace.checks() {
        let (to_next, next) = sync_channel(PARTS);
        let from = std::mem::replace(&mut parts, next);
        Some(pace.run("backup-check", move || check(&from, &to_next, &expected))?)
    } else {
        None
    };
    let writing = pace.run("backup-write", move || write(&parts, &give_back, file))?;
    let (to_open, mut pieces) = mpsc::channel::<Bytes>(PIECES);
    let (of, progress) = (subject.clone(), progress.clone());
    let opening = pace.run("backup-open", move || {
        let plain = Plain { part: Vec::with_capacity(PART), to_next: to_first, empty, progress };
        let mut opening = Opening::new(&of.key, &of.instance, &of.id, plain)?;
        let mut whole = false;
        while let Some(piece) = pieces.blocking_recv() {
            // An empty piece says that the object came to its end, and did not break off.
            whole = piece.is_empty();
            opening.update(&piece)?;
        }
        if !whole {
            return Err(Unsealable::Io(io::Error::other("nobody reads it any more")));
        }
        opening.finish()?.pass_on(Vec::new()).map_err(Unsealable::Io)
    })?;
    while let Some(piece) = data.next().await.transpose()? {
        if !piece.is_empty() && to_open.send(piece).await.is_err() {
            break;
        }
    }
    // Fails where the thread has ended, which tells why below.
    let _ = to_open.send(Bytes::new()).await;
    drop(to_open);
    let opened = opening.await.map_err(gone)?;
    let doing = || format!("write the plain snapshot {}", subject.id);
    // Where this failed, so did the opening, which had nowhere to go on to.
    writing.await.map_err(gone)?.map_err(Error::io(doing()))?;
    opened.map_err(|error| match error {
        Unsealable::Damaged(reason) => subject.damaged(reason),
        Unsealable::Io(error) => Error::io(doing())(error),
    })?;
    match checking {
        Some(checking) => checking.await.map_err(gone)?.map_err(|reason| subject.damaged(reason)),
        None => Ok(()),
    }
}

/// Checks what comes against what is expected of it, and passes it on.
fn check(parts: &Receiver<Vec<u8>>, to_next: &SyncSender<Vec<u8>>, expected: &Contents) -> Result<(), String> {
    let mut check = SnapshotCheck::default();
    for part in parts {
        check.update(&part);
        if to_next.send(part).is_err() {
            // The disk took no more, which is what is told.
            break;
        }
    }
    let same = Contents::from(check.finish()?) == *expected;
    same.then_some(()).ok_or_else(|| OTHERWISE.to_owned())
}

/// Writes what comes to `file` where there is one, and gives the buffers back.
fn write(parts: &Receiver<Vec<u8>>, give_back: &SyncSender<Vec<u8>>, mut file: Option<File>) -> io::Result<()> {
    for part in parts {
        if let Some(file) = &mut file {
            part.chunks(WRITE).try_for_each(|piece| file.write_all(piece))?;
        }
        // Nobody needs it any more once all is opened.
        let _ = give_back.send(part);
    }
    Ok(())
}

/// Where the plain snapshot goes.
struct Plain {
    /// What is not full yet.
    part: Vec<u8>,
    to_next: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    progress: Progress,
}

impl Plain {
    /// Passes on what there is; `next` is filled from then on.
    fn pass_on(&mut self, next: Vec<u8>) -> io::Result<()> {
        self.to_next.send(std::mem::replace(&mut self.part, next)).map_err(taken_no_more)
    }
}

fn taken_no_more<E>(_: E) -> io::Error {
    io::Error::other("the disk took no more")
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART {
            let mut empty = self.empty.recv().map_err(taken_no_more)?;
            empty.clear();
            empty.reserve_exact(PART);
            self.pass_on(empty)?;
        }
        let count = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(&bytes[..count]);
        self.progress.add(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a plain snapshot has the length and ends in the hash that are expected of it.
pub(crate) fn ends_as(plain: &File, expected: &Contents) -> io::Result<bool> {
    let bytes = plain.metadata()?.len();
    let mut hash = [0; 32];
    let Some(before) = bytes.checked_sub(32).filter(|_| bytes == expected.bytes) else { return Ok(false) };
    plain.read_exact_at(&mut hash, before)?;
    Ok(hex::encode(hash) == expected.sha256)
}

fn gone(error: impl fmt::Display) -> Error {
    Error::io("finish a transfer")(io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_snapshot_is_held_against_the_length_and_the_hash_that_it_should_have() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[vec![1; 4096], vec![0xab; 32]].concat()).unwrap();
        let expected = Contents { bytes: 4096 + 32, sha256: "ab".repeat(32), ..Contents::default() };
        assert!(ends_as(&file, &expected).unwrap());
        assert!(!ends_as(&file, &Contents { bytes: 8192 + 32, ..expected.clone() }).unwrap());
        assert!(!ends_as(&file, &Contents { sha256: "ac".repeat(32), ..expected }).unwrap());
        let short = Contents { bytes: 31, sha256: "ab".repeat(32), ..Contents::default() };
        file.set_len(31).unwrap();
        assert!(!ends_as(&file, &short).unwrap());
    }
}
