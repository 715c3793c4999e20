//! Entries, ranges, events.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The name of a lease, given by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(pub u64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value and its history in numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// The revision that created the key (anew, where it had been deleted).
    pub create_revision: u64,
    /// The revision that last put it.
    pub mod_revision: u64,
    /// How many revisions have put it since it was created; 1 for a new key.
    pub version: u64,
    /// The lease that it goes with.
    pub lease: Option<LeaseId>,
}

/// The value's length only: values may be private and are long.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("value", &format_args!("{} bytes", self.value.len()))
            .field("create_revision", &self.create_revision)
            .field("mod_revision", &self.mod_revision)
            .field("version", &self.version)
            .field("lease", &self.lease)
            .finish()
    }
}

/// The entries under a prefix at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// In key order.
    pub entries: Vec<Entry>,
    /// The store's revision at which they are true.
    pub revision: u64,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnOutcome {
    /// Whether every comparison held, and so `then` was applied.
    pub succeeded: bool,
    /// The store's revision after it: the transaction's own, where it changed something.
    pub revision: u64,
}

/// One key's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The revision of the change; all events of one transaction have the same.
    pub revision: u64,
    /// What changed.
    pub kind: EventKind,
}

impl Event {
    /// The key that changed.
    pub fn key(&self) -> &str {
        match &self.kind {
            EventKind::Put(entry) => &entry.key,
            EventKind::Delete { key } => key,
        }
    }
}

/// How a key changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It was put; this is the new entry.
    Put(Entry),
    /// It was deleted, by request or with its lease.
    Delete {
        /// The key.
        key: String,
    },
}

/// The first key after all that start with `prefix`; `None` where no key is after them.
///
/// UTF-8 sorts as its characters do, so this is the prefix with its last character that has a
/// successor raised to it.
pub fn prefix_end(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::prefix_end;

    #[test]
    fn a_prefix_ends_at_the_next_character() {
        assert_eq!(prefix_end("a/").as_deref(), Some("a0"));
        assert_eq!(prefix_end("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(prefix_end("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(prefix_end("\u{10ffff}"), None);
        assert_eq!(prefix_end(""), None);
    }
}
