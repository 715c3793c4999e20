//! Secrets at rest: XChaCha20-Poly1305 under a master key that is kept beside the store, not in it.
//!
//! A sealed value is `version (1 byte) ‖ nonce (24 bytes) ‖ ciphertext and tag`. The version and
//! the record's key are authenticated with it, so that a sealed value cannot be moved to another
//! record. Nonces are random: 24 bytes are long enough never to meet the same twice.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::{Rng, RngCore};
use zeroize::Zeroizing;

use crate::{Error, Result};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// The key that every secret in the store is sealed under.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl MasterKey {
    /// A key from elsewhere; 32 bytes that nobody can guess.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key in the file at `path`; where there is no file, a new random one is put there, mode
    /// 0600, whole or not at all. Of several processes that make it at once, all get the same.
    ///
    /// A file that other users may read or write, or of another length, is
    /// [`Error::KeyFile`]: it is never replaced, for what it seals would be lost with it.
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match File::open(path) {
            Ok(file) => Self::load(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path)?;
                let file = File::open(path).map_err(|source| file_error("open", path, source))?;
                Self::load(path, file)
            }
            Err(source) => Err(file_error("open", path, source)),
        }
    }

    fn load(path: &Path, mut file: File) -> Result<Self> {
        let refused = |reason: String| Error::KeyFile { path: path.to_owned(), reason };
        let metadata = file.metadata().map_err(|source| file_error("read the mode of", path, source))?;
        let mode = metadata.permissions().mode() & 0o777;
        if !metadata.is_file() {
            return Err(refused("it is not a regular file".to_owned()));
        }
        if mode & 0o077 != 0 {
            return Err(refused(format!(
                "its mode is {mode:04o}, so other users can read or change it: chmod 600 it, and \
                 consider what it sealed as seen"
            )));
        }
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if length != KEY_BYTES {
            return Err(refused(format!("it has {length} bytes instead of {KEY_BYTES}: bring it back from a copy")));
        }
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        file.read_exact(key.as_mut()).map_err(|source| file_error("read", path, source))?;
        Ok(Self(key))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey([redacted])")
    }
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File { doing, path: path.to_owned(), source }
}

/// Puts a new key at `path` unless one is there by now. It is written under another name first and
/// linked, since a crash in the middle of writing must leave no half a key at `path`.
fn create(path: &Path) -> Result<()> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    rand::rng().fill_bytes(key.as_mut());
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let draft = Draft(folder.join(format!(".master-key-{:016x}", rand::rng().random::<u64>())));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft.0)
        .and_then(|mut file| file.write_all(key.as_ref()).and_then(|()| file.sync_all()))
        .map_err(|source| file_error("write", &draft.0, source))?;
    match fs::hard_link(&draft.0, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(file_error("create", path, error));
        }
        _ => {}
    }
    drop(draft);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| file_error("flush", folder, source))
}

/// A file that is removed with its value.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Where it was never made there is nothing to remove.
        drop(fs::remove_file(&self.0));
    }
}

/// Seals and opens values. Clones share the key, which is wiped with the last.
#[derive(Clone)]
pub struct Sealer(Arc<XChaCha20Poly1305>);

impl Sealer {
    /// A sealer under `key`.
    pub fn new(key: &MasterKey) -> Self {
        Self(Arc::new(XChaCha20Poly1305::new(Key::from_slice(key.0.as_ref()))))
    }

    /// Encrypts `plain` for the record `context` (its key). Never twice the same: the nonce is
    /// random.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let associated = associated_data(context);
        let ciphertext = self
            .0
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: &associated })
            .expect("only a plaintext of over 256 GiB fails");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Decrypts what was sealed for `context`; [`Error::NotAuthentic`] for anything else.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed
            .strip_prefix(&[VERSION])
            .and_then(|rest| rest.split_at_checked(NONCE_BYTES))
            .ok_or(Error::NotAuthentic)?;
        let associated = associated_data(context);
        self.0
            .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &associated })
            .map(Zeroizing::new)
            .map_err(|_| Error::NotAuthentic)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

fn associated_data(context: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(1 + context.len());
    data.push(VERSION);
    data.extend_from_slice(context.as_bytes());
    data
}
