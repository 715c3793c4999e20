//! What a snapshot is of, and what it is called.

use std::{collections::BTreeMap, fmt};

use cetcd_core::{Entropy, EtcdVersion, InstanceId};
use serde::{Deserialize, Serialize};

/// Names a stored snapshot among those of its instance, in the names of its objects: 1 to 64 of a-z, 0-9 and
/// `-`. What its owner calls it is [`About::name`], which may be any text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotId(String);

impl SnapshotId {
    /// Reads an ID; `None` where the text has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ((1..=64).contains(&text.len()) && text.bytes().all(good)).then(|| Self(text.to_owned()))
    }

    /// Draws a new ID: `snap-` and twelve of a-z0-9.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(format!("snap-{}", entropy.lowercase_alphanumeric(12)))
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> Self {
        id.0
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not the ID of a snapshot"))
    }
}

/// What is known of a snapshot before it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its ID.
    pub id: SnapshotId,
    /// What its owner calls it.
    pub name: String,
    /// The instance that it is of.
    pub instance: InstanceId,
    /// The account that owns the instance.
    pub account: String,
    /// The region of the instance.
    pub region: String,
    /// The ID of the cluster.
    pub cluster_id: u64,
    /// The version of the member that it comes from.
    pub etcd_version: EtcdVersion,
    /// What else whoever takes it wants to find again: the policy, the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_part_of_a_path_is_an_id() {
        assert!(SnapshotId::parse("snap-0a1b2c3d4e5f").is_some());
        for bad in ["", ".", "..", "a/b", "a.b", "Snap", "a b", "é", "a\0", &"a".repeat(65)] {
            assert!(SnapshotId::parse(bad).is_none(), "{bad}");
        }
    }
}
