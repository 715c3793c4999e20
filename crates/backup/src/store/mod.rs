//! Object storage, as little of it as backups need.

mod http;
mod local;
mod remote;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;

pub use local::LocalStore;
pub use remote::RemoteStore;
use zeroize::Zeroizing;

use crate::{Error, Location, Result};

/// Keeps objects under names such as `etcd-abcd1234/data/snap-0a1b2c`: parts of a-z, A-Z, 0-9, `-`, `_` and `.`,
/// with slashes between.
///
/// Calls are bounded in time, and tried again where that can help; what they answer then is final for now, and
/// [`Error::is_retryable`] says whether it is worth another try later.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Begins an object. It is there, in the place of what was there under its name, once
    /// [`finish`](ObjectWriter::finish) has answered, and never in part.
    async fn create(&self, name: &str) -> Result<Box<dyn ObjectWriter>>;

    /// The object's bytes from `offset` to its end. [`Error::NotFound`] where there is none.
    async fn read(&self, name: &str, offset: u64) -> Result<BoxStream<'static, Result<Bytes>>>;

    /// What is known of an object. [`Error::NotFound`] where there is none.
    async fn stat(&self, name: &str) -> Result<ObjectInfo>;

    /// The objects whose names begin with `prefix`, which ends in a slash, by rising name.
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>>;

    /// Removes an object. One that is not there is removed already.
    async fn delete(&self, name: &str) -> Result<()>;

    /// Removes what unfinished writes of others left under `prefix`, if they began before `before`; answers how
    /// many there were. Where the storage does not show them this does nothing: give the bucket a rule that
    /// drops incomplete uploads after some days.
    async fn sweep(&self, prefix: &str, before: Timestamp) -> Result<usize>;
}

/// An object that is being written. Dropped, it is given up.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Writes what comes next.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Puts the object in its place for good.
    async fn finish(self: Box<Self>) -> Result<()>;

    /// Gives it up. Nothing of it is left where this can be helped.
    async fn abort(self: Box<Self>);
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written, by the storage's clock.
    pub modified_at: Timestamp,
}

/// What a bucket's service knows us by.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the key: `AKIA…`, `AKID…`.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Zeroizing<String>,
    /// What belongs to a key that is good for some time only.
    pub session_token: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Opens the storage at `location` as [`open_with`] does, with what the environment knows: for S3 the variables,
/// files and roles that Amazon's own clients look at.
pub fn open(location: &Location) -> Result<Arc<dyn ObjectStore>> {
    open_with(location, None)
}

/// Opens the storage at `location`. Nothing is asked yet, and a folder is made when it is first written to.
/// A folder needs no credentials, COS does; for S3 those of the environment do where none are given.
pub fn open_with(location: &Location, credentials: Option<&Credentials>) -> Result<Arc<dyn ObjectStore>> {
    Ok(match location {
        Location::Folder(folder) => Arc::new(LocalStore::new(folder)),
        Location::S3(bucket) => Arc::new(RemoteStore::s3(bucket, credentials)?),
        Location::Cos(bucket) => Arc::new(RemoteStore::cos(bucket, credentials)?),
    })
}

/// The most that a listing may hold. An instance keeps at most some thousand snapshots.
pub(crate) const MOST_LISTED: usize = 100_000;

/// Whether text may name an object: no implementation has to think about what else it could mean.
pub(crate) fn checked(name: &str) -> Result<&str> {
    let good_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let good = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(good_byte);
    if name.len() <= 512 && name.split('/').all(good) {
        return Ok(name);
    }
    Err(Error::Refused { doing: format!("name an object {name:?}"), reason: "it is no name of an object".to_owned() })
}
