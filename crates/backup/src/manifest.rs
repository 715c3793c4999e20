//! What is stored beside a snapshot: what it is, and what drills proved.

use std::collections::BTreeMap;

use cetcd_core::{EtcdVersion, InstanceId};
use cetcd_etcd::{SnapshotBucket, SnapshotInfo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{About, BackupKey, Error, Result, SnapshotId, key::Purpose};

/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// Everything that is known of a stored snapshot. All of it that is about its contents was taken from the
/// snapshot while it went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the manifest and of the data.
    pub format: u32,
    /// What it is of.
    #[serde(flatten)]
    pub about: About,
    /// What is in it.
    pub contents: Contents,
    /// Bytes after compression.
    pub compressed_bytes: u64,
    /// Bytes of the stored object.
    pub stored_bytes: u64,
    /// When it was begun: it holds everything that was acknowledged before.
    pub started_at: Timestamp,
    /// When it was whole.
    pub finished_at: Timestamp,
}

/// What is in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contents {
    /// Bytes of the plain snapshot, with the 32 of its hash.
    pub bytes: u64,
    /// Its SHA-256, as etcd sent it: lower-case hex.
    pub sha256: String,
    /// The revision of its keys.
    pub revision: i64,
    /// Up to where history was compacted; 0 where it never was.
    pub compact_revision: i64,
    /// Whether that was still under way; the first start of a member with it goes on with it.
    pub compaction_pending: bool,
    /// Revisions of keys, deletions among them.
    pub keys: u64,
    /// What `etcdutl snapshot status` shows as its hash.
    pub hash: u32,
    /// The last raft index that is applied in it.
    pub consistent_index: u64,
    /// Entries and CRC-32 (Castagnoli) of each of etcd's buckets.
    pub buckets: BTreeMap<String, (u64, u32)>,
}

impl From<SnapshotInfo> for Contents {
    fn from(info: SnapshotInfo) -> Self {
        let pair = |bucket: SnapshotBucket| (bucket.entries, bucket.crc);
        Self {
            bytes: info.bytes,
            sha256: info.sha256,
            revision: info.revision,
            compact_revision: info.compact_revision,
            compaction_pending: info.compaction_pending,
            keys: info.total_keys,
            hash: info.hash,
            consistent_index: info.consistent_index,
            buckets: info.buckets.into_iter().map(|(name, bucket)| (name, pair(bucket))).collect(),
        }
    }
}

/// What restoring a snapshot showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillResult {
    /// When it was begun.
    pub started_at: Timestamp,
    /// Whether it passed.
    pub outcome: DrillOutcome,
    /// The version of etcd that it was restored with.
    pub etcd_version: EtcdVersion,
    /// Milliseconds for bringing, opening and checking what is stored.
    pub fetch_ms: u64,
    /// Milliseconds that etcd's own tool took to make a data directory of it.
    pub restore_ms: u64,
    /// Milliseconds from the start of the member until it served.
    pub serve_ms: u64,
    /// The revision that the restored member served; 0 where it did not come to that.
    pub revision: i64,
    /// Revisions of keys that it had, deletions among them.
    pub keys: u64,
    /// What its `HashKV` answered, where it was asked.
    pub hash_kv: Option<u32>,
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
pub enum DrillOutcome {
    /// It was restored and served, and holds what the manifest says.
    Passed,
    /// It was not, or does not: why, in words. It must not be relied upon.
    Failed(String),
}

impl DrillResult {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        self.outcome == DrillOutcome::Passed
    }

    /// Milliseconds from the wish to restore to a member that serves.
    pub fn total_ms(&self) -> u64 {
        self.fetch_ms + self.restore_ms + self.serve_ms
    }
}

/// What can be read of any manifest.
#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    format: u32,
}

/// One line of JSON and one with its HMAC.
pub(crate) fn seal(
    key: &BackupKey,
    purpose: Purpose,
    instance: &InstanceId,
    id: &SnapshotId,
    value: &impl Serialize,
) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("plain values with string keys can be written");
    let tag = hex::encode(key.derive(purpose, instance, id, &bytes).as_ref());
    bytes.push(b'\n');
    bytes.extend_from_slice(tag.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// Reads what [`seal`] wrote for the same object under the same key; [`Error::Damaged`] for anything else.
pub(crate) fn open<T: DeserializeOwned>(
    key: &BackupKey,
    purpose: Purpose,
    instance: &InstanceId,
    id: &SnapshotId,
    bytes: &[u8],
) -> Result<T> {
    let damaged =
        |reason: &str| Error::Damaged { instance: instance.clone(), id: id.clone(), reason: reason.to_owned() };
    let cut = || damaged("its manifest is cut off");
    let rest = bytes.strip_suffix(b"\n").ok_or_else(cut)?;
    let end = rest.iter().rposition(|byte| *byte == b'\n').ok_or_else(cut)?;
    let (body, tag) = (&rest[..end], &rest[end + 1..]);
    // Only one way to write a tag: what is read is what was written, to the bit.
    let lower = tag.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let tag = hex::decode(tag).ok().filter(|_| lower).unwrap_or_default();
    if !key.agrees(purpose, instance, id, body, &tag) {
        return Err(damaged("its manifest was changed, or is sealed with another key"));
    }
    // It is known by its key, so that what is left to ask is only its age.
    if let Ok(Format { format }) = serde_json::from_slice(body)
        && format > FORMAT
    {
        return Err(Error::Newer { instance: instance.clone(), id: id.clone(), format });
    }
    serde_json::from_slice(body).map_err(|error| damaged(&format!("its manifest cannot be read: {error}")))
}
