//! The key of an instance's backups.

use std::fmt;

use cetcd_core::{Entropy, InstanceId};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::SnapshotId;

/// How many bytes a key has.
pub const KEY_BYTES: usize = 32;

/// The key under which the snapshots of one instance are sealed. Everything else is derived from it.
#[derive(Clone)]
pub struct BackupKey(Zeroizing<[u8; KEY_BYTES]>);

/// What a key is derived for: no two purposes share one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Data,
    Manifest,
    Drill,
}

impl Purpose {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Data => b"cetcd backup data",
            Self::Manifest => b"cetcd backup manifest",
            Self::Drill => b"cetcd backup drill",
        }
    }
}

impl BackupKey {
    /// A key from where it was kept; `None` for anything that is not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// A new random key.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(bytes.as_mut());
        Self(bytes)
    }

    /// The key itself, to be sealed and kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// HMAC-SHA256 under this key of a purpose, an object and `more`, each with its length before it.
    pub(crate) fn derive(
        &self,
        purpose: Purpose,
        instance: &InstanceId,
        id: &SnapshotId,
        more: &[u8],
    ) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac(purpose, instance, id, more).finalize().into_bytes().into())
    }

    /// Whether `tag` is what [`derive`](Self::derive) answers, in constant time.
    pub(crate) fn agrees(
        &self,
        purpose: Purpose,
        instance: &InstanceId,
        id: &SnapshotId,
        more: &[u8],
        tag: &[u8],
    ) -> bool {
        self.mac(purpose, instance, id, more).verify_slice(tag).is_ok()
    }

    fn mac(&self, purpose: Purpose, instance: &InstanceId, id: &SnapshotId, more: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()).expect("a key of any length will do");
        for part in [purpose.as_bytes(), instance.as_str().as_bytes(), id.as_str().as_bytes(), more] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupKey([redacted])")
    }
}
