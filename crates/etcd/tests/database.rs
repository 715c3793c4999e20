//! What a database holds is read from its pages as they go by.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_etcd::{SnapshotBucket, SnapshotCheck, SnapshotInfo, testing::Database};

fn read(plain: &[u8], step: usize, until: i64) -> SnapshotInfo {
    let mut check = SnapshotCheck::until(until);
    for part in plain.chunks(step) {
        check.update(part);
    }
    check.finish().unwrap()
}

fn key(main: i64) -> Vec<u8> {
    [main.to_be_bytes().as_slice(), b"_", &[0; 8]].concat()
}

/// Small values, values longer than a page, and more leaves than one branch page has room for.
fn database() -> Database {
    let value = |n: i64| vec![b'v'; if n % 97 == 0 { 20_000 } else { 60 }];
    Database {
        keys: (2..9002).map(|n| (n, value(n))).collect(),
        others: vec![("auth", Vec::new()), ("lease", vec![(b"12345678".to_vec(), b"ttl".to_vec())])],
        ..Database::default()
    }
}

/// The checksum over keys and values, bit by bit.
fn crc(bytes: impl IntoIterator<Item = u8>) -> u32 {
    !bytes.into_iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
    })
}

#[test]
fn entries_revision_and_checksums_are_those_of_the_tree_that_is_in_use() {
    let database = database();
    let info = read(&database.snapshot(), 32 << 10, i64::MAX);
    assert_eq!((info.revision, info.total_keys, info.compact_revision), (9001, 9000, 0));
    let keys: Vec<u8> = database.keys.iter().flat_map(|(main, value)| [key(*main), value.clone()].concat()).collect();
    assert_eq!(info.buckets["key"], SnapshotBucket { entries: 9000, crc: crc(keys.iter().copied()) });
    assert_eq!(info.buckets["auth"], SnapshotBucket { entries: 0, crc: 0 });
    assert_eq!(info.buckets["lease"].entries, 1);
    let all = [b"auth".as_slice(), b"key", &keys, b"lease", b"12345678ttl"].concat();
    assert_eq!(info.hash, crc(all));
}

#[test]
fn it_does_not_matter_how_the_stream_is_cut() {
    let plain = database().snapshot();
    let whole = read(&plain, plain.len(), i64::MAX);
    for step in [31, 4096, 5000, 65_537, 1 << 20] {
        assert_eq!(read(&plain, step, i64::MAX), whole, "{step}");
    }
}

#[test]
fn what_came_later_can_be_left_out() {
    let database = database();
    let earlier = Database { keys: database.keys[..4321].to_vec(), ..database.clone() };
    let (now, then) = (read(&database.snapshot(), 50_000, 4322), read(&earlier.snapshot(), 50_000, i64::MAX));
    assert_eq!(now.buckets, then.buckets);
    assert_eq!(now.revision, then.revision);
}

#[test]
fn where_the_last_keys_are_gone_the_compaction_tells_the_revision() {
    let database = Database { keys: vec![(5, b"v".to_vec())], compacted: 70, ..Database::default() };
    let info = read(&database.snapshot(), 4096, i64::MAX);
    assert_eq!((info.revision, info.compact_revision, info.total_keys), (70, 70, 1));
    assert!(!info.compaction_pending);
    assert_eq!(read(&Database::default().snapshot(), 4096, i64::MAX).revision, 1);
}

#[test]
fn a_page_that_is_in_use_and_makes_no_sense_is_seen() {
    use sha2::{Digest, Sha256};
    let mut file = database().file();
    let leaf = 4 * 4096;
    // Where the first leaf of the keys says that it begins.
    file[leaf + 16 + 4] ^= 0xff;
    let hash = Sha256::digest(&file);
    file.extend_from_slice(&hash);
    let mut check = SnapshotCheck::default();
    check.update(&file);
    assert!(check.finish().unwrap_err().contains("no database"));
}
