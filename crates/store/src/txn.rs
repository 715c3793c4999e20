//! Transactions: comparisons, and what to do by their outcome.

use std::fmt;

use bytes::Bytes;

use crate::{Entry, Error, LeaseId, Result};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// The most comparisons and operations of one transaction, together.
pub const MAX_TXN_ITEMS: usize = 1024;

/// A condition on one key. As in etcd, the revisions and the version of an absent key are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key does not exist.
    Absent {
        /// The key.
        key: String,
    },
    /// The key exists.
    Present {
        /// The key.
        key: String,
    },
    /// The key was last put at this revision.
    ModRevision {
        /// The key.
        key: String,
        /// The revision.
        revision: u64,
    },
    /// The key was created at this revision.
    CreateRevision {
        /// The key.
        key: String,
        /// The revision.
        revision: u64,
    },
    /// The key was put this many times since it was created.
    Version {
        /// The key.
        key: String,
        /// The version.
        version: u64,
    },
    /// The key has exactly this value. Not in constant time: not for secrets.
    Value {
        /// The key.
        key: String,
        /// The value.
        value: Bytes,
    },
}

impl Compare {
    /// The key does not exist.
    pub fn absent(key: impl Into<String>) -> Self {
        Self::Absent { key: key.into() }
    }

    /// The key exists.
    pub fn present(key: impl Into<String>) -> Self {
        Self::Present { key: key.into() }
    }

    /// The key was last put at `revision` (0: it does not exist).
    pub fn mod_revision(key: impl Into<String>, revision: u64) -> Self {
        Self::ModRevision { key: key.into(), revision }
    }

    /// The key was created at `revision` (0: it does not exist).
    pub fn create_revision(key: impl Into<String>, revision: u64) -> Self {
        Self::CreateRevision { key: key.into(), revision }
    }

    /// The key has this version (0: it does not exist).
    pub fn version(key: impl Into<String>, version: u64) -> Self {
        Self::Version { key: key.into(), version }
    }

    /// The key exists with this value.
    pub fn value(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self::Value { key: key.into(), value: value.into() }
    }

    /// The key that it looks at.
    pub fn key(&self) -> &str {
        match self {
            Self::Absent { key }
            | Self::Present { key }
            | Self::ModRevision { key, .. }
            | Self::CreateRevision { key, .. }
            | Self::Version { key, .. }
            | Self::Value { key, .. } => key,
        }
    }

    /// Whether it holds for the key's entry.
    pub fn holds(&self, entry: Option<&Entry>) -> bool {
        match self {
            Self::Absent { .. } => entry.is_none(),
            Self::Present { .. } => entry.is_some(),
            Self::ModRevision { revision, .. } => entry.map_or(0, |entry| entry.mod_revision) == *revision,
            Self::CreateRevision { revision, .. } => entry.map_or(0, |entry| entry.create_revision) == *revision,
            Self::Version { version, .. } => entry.map_or(0, |entry| entry.version) == *version,
            Self::Value { value, .. } => entry.is_some_and(|entry| entry.value == *value),
        }
    }
}

/// One change.
#[derive(Clone, PartialEq, Eq)]
pub enum Op {
    /// Sets the key.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: Bytes,
        /// The lease that the key goes with from now on; none takes it off any it had.
        lease: Option<LeaseId>,
    },
    /// Deletes the key, where it exists.
    Delete {
        /// The key.
        key: String,
    },
    /// Deletes all keys that start with the prefix; `""` is every key.
    DeletePrefix {
        /// The prefix.
        prefix: String,
    },
}

impl Op {
    /// Sets `key` to `value`.
    pub fn put(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self::Put { key: key.into(), value: value.into(), lease: None }
    }

    /// Sets `key` to `value` for as long as `lease` lives.
    pub fn put_with_lease(key: impl Into<String>, value: impl Into<Bytes>, lease: LeaseId) -> Self {
        Self::Put { key: key.into(), value: value.into(), lease: Some(lease) }
    }

    /// Deletes `key`.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Delete { key: key.into() }
    }

    /// Deletes all keys that start with `prefix`.
    pub fn delete_prefix(prefix: impl Into<String>) -> Self {
        Self::DeletePrefix { prefix: prefix.into() }
    }
}

/// The value's length only, as for an [`Entry`].
impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value, lease } => f
                .debug_struct("Put")
                .field("key", key)
                .field("value", &format_args!("{} bytes", value.len()))
                .field("lease", lease)
                .finish(),
            Self::Delete { key } => f.debug_struct("Delete").field("key", key).finish(),
            Self::DeletePrefix { prefix } => f.debug_struct("DeletePrefix").field("prefix", prefix).finish(),
        }
    }
}

/// Comparisons, and the changes to make where all of them hold or where one does not.
///
/// Operations apply in order, later ones on top of earlier ones; what a watcher sees is the net
/// effect, at most one event a key. A transaction that changes nothing makes no revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a transaction does nothing until a store runs it"]
pub struct Txn {
    /// All must hold for `then`. None: they hold.
    pub compare: Vec<Compare>,
    /// Applied where all hold.
    pub then: Vec<Op>,
    /// Applied where one does not.
    pub otherwise: Vec<Op>,
}

impl Txn {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition.
    pub fn when(mut self, compare: Compare) -> Self {
        self.compare.push(compare);
        self
    }

    /// Adds a change for when all conditions hold.
    pub fn then(mut self, op: Op) -> Self {
        self.then.push(op);
        self
    }

    /// Adds a change for when one condition does not hold.
    pub fn otherwise(mut self, op: Op) -> Self {
        self.otherwise.push(op);
        self
    }

    /// Sets `key` to `value` when all conditions hold.
    pub fn put(self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.then(Op::put(key, value))
    }

    /// Sets `key` to `value`, for as long as `lease` lives, when all conditions hold.
    pub fn put_with_lease(self, key: impl Into<String>, value: impl Into<Bytes>, lease: LeaseId) -> Self {
        self.then(Op::put_with_lease(key, value, lease))
    }

    /// Deletes `key` when all conditions hold.
    pub fn delete(self, key: impl Into<String>) -> Self {
        self.then(Op::delete(key))
    }

    /// Deletes all keys that start with `prefix` when all conditions hold.
    pub fn delete_prefix(self, prefix: impl Into<String>) -> Self {
        self.then(Op::delete_prefix(prefix))
    }

    /// Refuses what no store accepts, before any store looks at it.
    pub(crate) fn validate(&self) -> Result<()> {
        let items = self.compare.len() + self.then.len() + self.otherwise.len();
        if items > MAX_TXN_ITEMS {
            return Err(Error::TooLarge {
                what: "the number of a transaction's conditions and changes".to_owned(),
                size: items,
                limit: MAX_TXN_ITEMS,
            });
        }
        self.compare.iter().try_for_each(|compare| check_key(compare.key()))?;
        self.then.iter().chain(&self.otherwise).try_for_each(|op| match op {
            Op::Put { key, value, .. } => {
                check_key(key)?;
                if value.len() > MAX_VALUE_BYTES {
                    return Err(Error::TooLarge {
                        what: format!("the value of {key:?} (in bytes)"),
                        size: value.len(),
                        limit: MAX_VALUE_BYTES,
                    });
                }
                Ok(())
            }
            Op::Delete { key } => check_key(key),
            Op::DeletePrefix { .. } => Ok(()),
        })
    }
}

fn check_key(key: &str) -> Result<()> {
    let reason = if key.is_empty() {
        "a key has at least one character"
    } else if key.len() > MAX_KEY_BYTES {
        "a key has at most 1024 bytes"
    } else if key.contains('\0') {
        "a key has no NUL character"
    } else {
        return Ok(());
    };
    Err(Error::InvalidKey { key: key.chars().take(64).collect(), reason })
}
