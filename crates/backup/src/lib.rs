//! Backups: snapshots of clusters in object storage, and what is done with them.
//!
//! # Overview
//!
//! - [`Location`] reads the setting `backup.url` (`file:///dir`, `s3://bucket/prefix?endpoint=…&region=…`,
//!   `cos://bucket/prefix?region=…`), and [`store::open`] makes an [`ObjectStore`] of it.
//!   [`Location::in_bucket`] puts the bucket that a request names (`CosBucketName`) in the place of its own.
//! - [`Repository`] keeps snapshots in an [`ObjectStore`]:
//!   [`create`](Repository::create) streams one in, [`list`](Repository::list) tells which there are,
//!   [`verify`](Repository::verify) reads one and checks everything, [`download`](Repository::download) makes
//!   the plain file of it that `etcdutl` takes, [`delete`](Repository::delete) removes it, and
//!   [`collect_orphans`](Repository::collect_orphans) what a crash left.
//!   [`record_drill`](Repository::record_drill) keeps what a restore of it proved.
//!   [`lay_out`](Repository::lay_out) writes one where the [`RestoreTool`] of the version that is to serve it makes
//!   data directories of it, for a new cluster; [`drill`](Repository::drill) restores one into a
//!   throw-away member, compares and times.
//! - [`BackupKey`] is an instance's own key. Draw one ([`BackupKey::draw`]) when its first backup is taken, keep
//!   it sealed with its other secrets, and keep it for as long as any of its snapshots: without it they are noise.
//!
//! Where a snapshot comes from is [`cetcd_etcd::EtcdOperator::snapshot`]: ask a follower for it. Long work tells
//! how far it is through [`Progress`], which is polled from elsewhere. Work that is dropped leaves nothing that
//! would be listed.
//!
//! # What is stored
//!
//! Three objects for each snapshot, below the URL's prefix:
//!
//! | object | holds | written |
//! |---|---|---|
//! | `{instance}/data/{id}` | the snapshot: compressed, then sealed in chunks | first |
//! | `{instance}/manifests/{id}` | [`Manifest`]: one line of JSON, one with its HMAC | last: only now it is listed |
//! | `{instance}/drills/{id}` | [`DrillResult`], in the same form | at each drill |
//!
//! The data are zstd under ChaCha20-Poly1305 in chunks of 64 KiB (the STREAM construction: a counter and a mark
//! on the last chunk), under a key derived for this one object from the instance's key, a random salt, the
//! instance and the snapshot's ID. So a changed bit, a cut end, chunks in another order or of another snapshot do
//! not open. Within is what etcd sent, with its own SHA-256. See [`seal`].

mod about;
mod copying;
pub mod drill;
mod error;
mod key;
mod location;
mod manifest;
mod pipeline;
mod progress;
mod repository;
pub mod restore;
pub mod seal;
pub mod store;

pub use about::{About, SnapshotId};
pub use drill::DrillOptions;
pub use error::Error;
pub use key::BackupKey;
pub use location::Location;
pub use manifest::{Contents, DrillOutcome, DrillResult, Manifest};
pub use progress::Progress;
pub use repository::{Listing, Repository, Stored};
pub use restore::{RestoreTool, RestoredMember};
pub use store::ObjectStore;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
