//! The form of stored data: zstd, then ChaCha20-Poly1305 in chunks.
//!
//! An object is a header of 40 bytes (`CETCDBK`, the version 1, a salt of 32 bytes) and then chunks. Each chunk
//! is 64 KiB of the compressed stream and a tag of 16 bytes; the last is shorter or as long. Chunks are sealed
//! one after the other with a counter and a mark on the last in the nonce (STREAM, of Hoang, Reyhanitabar, Rogaway
//! and Vizár), under a key for this one object: HMAC-SHA256 under the instance's key of the purpose, the
//! instance, the snapshot's ID and the header. A changed bit of the header gives another key; a chunk of another
//! place or another object does not open; an object that lost its end has no last chunk. The zstd frame ends in its
//! checksum of what it was made of, so that a mistake on the way through the compression is found, too. What the first
//! releases wrote has none.

use std::io::{self, Write};

use cetcd_core::{Entropy, InstanceId};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{BackupKey, SnapshotId, key::Purpose};

const MAGIC: &[u8; 8] = b"CETCDBK\x01";
const SALT: usize = 32;
/// Bytes before the first chunk.
pub const HEADER: usize = MAGIC.len() + SALT;
/// Bytes of the compressed stream in a chunk.
pub const CHUNK: usize = 64 << 10;
/// What a chunk's tag adds to it.
pub const TAG: usize = 16;
/// Fast: what it leaves over is for the storage to pay.
const LEVEL: i32 = 1;
/// The largest window of what is read, in powers of two: 8 MiB. Level 1 writes half a megabyte.
const WINDOW_LOG_MAX: u32 = 23;

/// STREAM over ChaCha20-Poly1305, in the form of the `aead` crate's `StreamBE32`: the nonce of a chunk is seven
/// zeros, its number with the highest byte first, and 1 for the last, 0 for all others. The zeros are no weakness:
/// a key is derived for one object and used for no other.
struct Stream {
    key: LessSafeKey,
    /// The number of the next chunk; `None` once there are no more.
    next: Option<u32>,
}

impl Stream {
    fn new(key: &BackupKey, instance: &InstanceId, id: &SnapshotId, header: &[u8]) -> Self {
        let derived = key.derive(Purpose::Data, instance, id, header);
        let key = UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref()).expect("what is derived has 32 bytes");
        Self { key: LessSafeKey::new(key), next: Some(0) }
    }

    fn nonce(&mut self, last: bool) -> Option<Nonce> {
        let number = self.next?;
        self.next = number.checked_add(1);
        let mut nonce = [0; NONCE_LEN];
        nonce[7..11].copy_from_slice(&number.to_be_bytes());
        nonce[11] = u8::from(last);
        Some(Nonce::assume_unique_for_key(nonce))
    }

    /// Seals a chunk, and puts its tag behind it.
    fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last).ok_or_else(|| io::Error::other("a backup holds at most 256 TiB"))?;
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::empty(), chunk);
        sealed.map_err(|_| io::Error::other("a chunk cannot be sealed"))
    }

    /// Opens a chunk with its tag, and takes that away; `None` where it is not what was sealed.
    fn open(&mut self, chunk: &mut Vec<u8>, last: bool) -> Option<()> {
        let nonce = self.nonce(last)?;
        let length = self.key.open_in_place(nonce, Aad::empty(), chunk).ok()?.len();
        chunk.truncate(length);
        Some(())
    }
}

/// Compresses and seals.
pub struct Sealing {
    zstd: zstd::stream::write::Encoder<'static, Chunks>,
}

/// Takes the compressed stream, and seals it.
struct Chunks {
    stream: Stream,
    chunk: Vec<u8>,
    sealed: Vec<u8>,
    compressed: u64,
}

impl Sealing {
    /// Begins an object.
    pub fn new(key: &BackupKey, instance: &InstanceId, id: &SnapshotId, entropy: &dyn Entropy) -> io::Result<Self> {
        let mut header = [0; HEADER];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        entropy.fill(&mut header[MAGIC.len()..]);
        let stream = Stream::new(key, instance, id, &header);
        let chunks = Chunks { stream, chunk: Vec::with_capacity(CHUNK + TAG), sealed: header.to_vec(), compressed: 0 };
        let mut zstd = zstd::stream::write::Encoder::new(chunks, LEVEL)?;
        zstd.include_checksum(true)?;
        Ok(Self { zstd })
    }

    /// Takes what comes next of the plain snapshot.
    pub fn update(&mut self, plain: &[u8]) -> io::Result<()> {
        self.zstd.write_all(plain)
    }

    /// What is sealed and was not taken yet.
    pub fn sealed(&mut self) -> &mut Vec<u8> {
        &mut self.zstd.get_mut().sealed
    }

    /// Ends the object; answers the rest of it, and how many bytes it had after compression.
    pub fn finish(self) -> io::Result<(Vec<u8>, u64)> {
        let Chunks { mut stream, mut chunk, mut sealed, compressed } = self.zstd.finish()?;
        stream.seal(&mut chunk, true)?;
        sealed.extend_from_slice(&chunk);
        Ok((sealed, compressed))
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Sealed only now: a chunk that is full may still be the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.stream.seal(&mut self.chunk, false)?;
            self.sealed.extend_from_slice(&self.chunk);
            self.chunk.clear();
        }
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        self.compressed += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens and decompresses into `W`, which gets nothing that was not sealed under the key. Only after
/// [`finish`](Self::finish) is it known that it got everything.
pub struct Opening<W: Write> {
    key: BackupKey,
    instance: InstanceId,
    id: SnapshotId,
    /// What came and was not opened yet.
    waiting: Vec<u8>,
    stream: Option<Stream>,
    zstd: zstd::stream::write::Decoder<'static, Whole<W>>,
}

/// Why data do not open.
#[derive(Debug)]
pub enum Unsealable {
    /// What is stored is not what was sealed for this snapshot.
    Damaged(&'static str),
    /// `W` failed, or what was sealed is no whole zstd stream.
    Io(io::Error),
}

impl From<io::Error> for Unsealable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Counts what it passes on.
struct Whole<W> {
    sink: W,
    failed: bool,
}

impl<W: Write> Write for Whole<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Told apart from what zstd itself has against its input.
        self.sink.write_all(bytes).map(|()| bytes.len()).inspect_err(|_| self.failed = true)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Opening<W> {
    /// Begins to read the data of a snapshot.
    pub fn new(key: &BackupKey, instance: &InstanceId, id: &SnapshotId, sink: W) -> io::Result<Self> {
        let mut zstd = zstd::stream::write::Decoder::new(Whole { sink, failed: false })?;
        zstd.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Self {
            key: key.clone(),
            instance: instance.clone(),
            id: id.clone(),
            waiting: Vec::with_capacity(2 * (CHUNK + TAG)),
            stream: None,
            zstd,
        })
    }

    /// Takes what comes next of the object.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), Unsealable> {
        while !bytes.is_empty() {
            // One byte more than a chunk tells that it is not the last.
            let wanted = if self.stream.is_none() { HEADER } else { CHUNK + TAG + 1 };
            let count = (wanted - self.waiting.len()).min(bytes.len());
            self.waiting.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.waiting.len() < wanted {
                break;
            }
            let Some(stream) = &mut self.stream else {
                if self.waiting[..MAGIC.len()] != *MAGIC {
                    return Err(Unsealable::Damaged("its data begin as no backup does"));
                }
                self.stream = Some(Stream::new(&self.key, &self.instance, &self.id, &self.waiting));
                self.waiting.clear();
                continue;
            };
            let first_of_next = self.waiting.pop();
            stream
                .open(&mut self.waiting, false)
                .ok_or(Unsealable::Damaged("its data were changed, or are sealed with another key"))?;
            pass_on(&mut self.zstd, &self.waiting)?;
            self.waiting.clear();
            self.waiting.extend(first_of_next);
        }
        Ok(())
    }

    /// Says that nothing more comes, and answers `W`.
    pub fn finish(mut self) -> Result<W, Unsealable> {
        let mut stream = self.stream.take().ok_or(Unsealable::Damaged("its data are cut off"))?;
        stream
            .open(&mut self.waiting, true)
            .ok_or(Unsealable::Damaged("its data were changed, cut off, or are sealed with another key"))?;
        pass_on(&mut self.zstd, &self.waiting)?;
        self.zstd.flush().map_err(Unsealable::Io)?;
        Ok(self.zstd.into_inner().sink)
    }
}

fn pass_on<W: Write>(
    zstd: &mut zstd::stream::write::Decoder<'static, Whole<W>>,
    bytes: &[u8],
) -> Result<(), Unsealable> {
    zstd.write_all(bytes).map_err(|error| {
        if zstd.get_ref().failed {
            Unsealable::Io(error)
        } else {
            Unsealable::Damaged("its data cannot be decompressed")
        }
    })
}
