//! A snapshot is never in memory as a whole. A test binary of its own, since the system counts by process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use bytes::Bytes;
use cetcd_backup::Progress;
use cetcd_etcd::{SnapshotStream, testing::large};
use futures::StreamExt;
use support::{about, id, in_folder, instance, key};

/// A line of what the system says of this process, in MiB.
fn mebibytes(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_goes_in_and_out_with_little_of_it_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    let before = mebibytes("VmRSS:");
    let parts = futures::stream::iter(large(20_000)).map(|page| Ok(Bytes::from(page)));
    let source = SnapshotStream::new(parts.boxed());
    let manifest = repository.create(&key(), about("snap-1"), source, &Progress::default()).await.unwrap();
    assert_eq!((manifest.contents.keys, manifest.contents.revision), (20_000, 20_001));
    assert!(manifest.contents.bytes > 78 << 20);
    repository.verify(&key(), &instance(), &id("snap-1"), &Progress::default()).await.unwrap();
    let grown = mebibytes("VmHWM:") - before;
    assert!(grown <= 40, "grown by {grown} MiB");
}
