//! What the tests of this crate start from.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use cetcd_backup::{About, BackupKey, Location, ObjectStore, Repository, SnapshotId, store};
use cetcd_core::{Clock, Entropy, InstanceId};
use cetcd_etcd::{SnapshotStream, testing::Database};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};

/// Bytes that look drawn.
#[derive(Default)]
pub struct Counted(Mutex<u64>);

impl From<Mutex<u64>> for Counted {
    fn from(state: Mutex<u64>) -> Self {
        Self(state)
    }
}

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for byte in bytes {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    }
}

/// A clock that goes on by a second whenever it is looked at.
pub struct Ticking(Mutex<Timestamp>);

impl Default for Ticking {
    fn default() -> Self {
        Self(Mutex::new("2026-11-02T00:00:00Z".parse().unwrap()))
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_secs(1);
        *now
    }
}

pub fn instance() -> InstanceId {
    InstanceId::parse("etcd-abcd1234").unwrap()
}

pub fn id(text: &str) -> SnapshotId {
    SnapshotId::parse(text).unwrap()
}

pub fn about(id_text: &str) -> About {
    About {
        id: id(id_text),
        name: format!("the one called {id_text}"),
        instance: instance(),
        account: "100000000001".to_owned(),
        region: "ap-guangzhou".to_owned(),
        cluster_id: 0xcdf8_181e_3b47_2d4a,
        etcd_version: "v3.5.30".parse().unwrap(),
        labels: [("policy".to_owned(), "hourly".to_owned())].into(),
    }
}

pub fn key() -> BackupKey {
    BackupKey::from_bytes(&[7; 32]).unwrap()
}

pub fn repository(store: Arc<dyn ObjectStore>) -> Repository {
    Repository::new(store, Arc::new(Ticking::default()), Arc::new(Counted::default()))
}

pub fn in_folder(folder: &Path) -> Repository {
    repository(store::open(&Location::Folder(folder.to_owned())).unwrap())
}

/// A database of so many keys with values that do not compress to nothing, some of them longer than a page.
pub fn database(keys: i64) -> Database {
    let value = |n: i64| {
        let mut bytes = vec![0; if n % 50 == 7 { 9000 } else { 100 }];
        Counted(Mutex::new(n.cast_unsigned())).fill(&mut bytes);
        bytes
    };
    Database {
        keys: (2..keys + 2).map(|n| (n, value(n))).collect(),
        others: vec![("lease", vec![(b"12345678".to_vec(), b"ttl".to_vec())])],
        ..Database::default()
    }
}

/// These bytes as a member sends them: in parts of 32 KiB.
pub fn stream(bytes: Vec<u8>) -> SnapshotStream {
    let bytes = Bytes::from(bytes);
    let parts = (0..bytes.len()).step_by(32 << 10).map(move |at| Ok(bytes.slice(at..bytes.len().min(at + (32 << 10)))));
    SnapshotStream::new(futures::stream::iter(parts.collect::<Vec<_>>()).boxed())
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.extend(files(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}
