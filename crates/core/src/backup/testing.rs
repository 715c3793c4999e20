//! What the tests of backups start from.

use super::{Contents, Origin, Policy, Snapshot};
use crate::{
    EtcdVersion,
    instance::BackupSettings,
    testing::{at, instance},
};

/// A policy made at the beginning of time.
pub fn policy(name: &str, interval_seconds: u64, max_count: u32) -> Policy {
    let settings = BackupSettings { interval_seconds, max_count, ..BackupSettings::default() };
    Policy::new(name.to_owned(), settings, at(0))
}

/// A snapshot that someone asked for.
pub fn manual(name: &str, requested: i64) -> Snapshot {
    Snapshot::wanted(&instance(1), name.to_owned(), Origin::Manual, at(requested), format!("snap-{name}"))
}

/// What a snapshot holds.
pub fn contents() -> Contents {
    Contents {
        version: EtcdVersion::new(3, 5, 16),
        cluster_id: 1,
        revision: 7,
        keys: 5,
        bytes: 20_512,
        stored_bytes: 4000,
        sha256: "00".repeat(32),
    }
}

/// A snapshot of a policy that was taken.
pub fn taken(policy: &str, second: i64) -> Snapshot {
    let mut snapshot = manual(&format!("{policy}-{second}"), second);
    snapshot.origin = Origin::Policy { policy: policy.to_owned() };
    snapshot.begin(at(second));
    snapshot.succeed(contents(), at(second + 1));
    snapshot
}
