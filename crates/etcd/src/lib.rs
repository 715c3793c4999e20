//! etcd knowledge: typed operations on live members, command lines by version, the version catalogue and
//! the installer.

pub mod admin;
mod age;
mod answers;
mod archive;
mod bolt;
pub mod browse;
mod bulk;
pub mod catalogue;
pub mod client;
mod crc;
mod error;
pub mod flags;
mod metrics;
pub mod offline;
mod operate;
pub mod operator;
mod pace;
mod pages;
mod path;
mod peer;
mod session;
mod snapshot;
#[cfg(feature = "testing")]
pub mod testing;
pub mod versions;
pub mod words;

pub use admin::{ClientCredentials, EtcdAdmin, Target};
pub use age::must_age;
pub use client::LiveAdmin;
pub use error::Error;
pub use flags::command_arguments;
pub use operator::{
    Alarm, AlarmKind, ClusterMember, EtcdOperator, KvHash, Login, MemberStatus, SnapshotBucket, SnapshotInfo,
};
pub use pace::Pace;
pub use snapshot::{SnapshotCheck, SnapshotStream, database_contents};
pub use versions::{Binaries, Installer, Versions};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
