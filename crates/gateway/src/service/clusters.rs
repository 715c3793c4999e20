//! The way to clusters themselves, for who looks closer than the view does.

use async_trait::async_trait;
use cetcd_core::{Instance, status::MemberRecord};

/// What is asked of a cluster itself. Every call is bounded in time; the error says why there is no answer, for the
/// log alone.
#[async_trait]
pub trait LiveClusters: Send + Sync + 'static {
    /// What a member says of itself.
    async fn standing(&self, instance: &Instance, member: &MemberRecord) -> Result<Standing, String>;

    /// Keys, by rising key, from the first of `through` that answers.
    async fn keys(&self, instance: &Instance, through: &[MemberRecord], range: KeyRange) -> Result<KeyPage, String>;
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it leads.
    pub leads: bool,
    /// Whether it has no vote.
    pub learner: bool,
    /// Its version, without a `v`.
    pub version: String,
    /// The raft term.
    pub raft_term: u64,
    /// The last index known to be committed.
    pub raft_index: u64,
    /// The last index that it applied; 3.3 does not tell.
    pub applied_index: Option<u64>,
    /// The revision of its keys.
    pub revision: u64,
    /// Size of the database in bytes.
    pub database_bytes: u64,
    /// How much of it is in use; 3.3 does not tell.
    pub database_bytes_in_use: Option<u64>,
}

/// Which keys are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRange {
    /// This one, with its value.
    One(Vec<u8>),
    /// A page, without values.
    Page {
        /// What they begin with.
        prefix: Vec<u8>,
        /// They come after this one.
        after: Option<Vec<u8>>,
        /// How many at most.
        limit: u32,
    },
}

/// Keys that were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPage {
    /// By rising key.
    pub keys: Vec<FoundKey>,
    /// Whether there are more behind the last.
    pub more: bool,
    /// How many there are from the first on.
    pub count: u64,
    /// The revision at which was read.
    pub revision: u64,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub key: Vec<u8>,
    /// Its value; empty in pages.
    pub value: Vec<u8>,
    /// How often it was written since it was made.
    pub version: u64,
    /// The revision at which it was made.
    pub create_revision: u64,
    /// The revision at which it was last written.
    pub mod_revision: u64,
    /// Its lease, or 0.
    pub lease: i64,
}
