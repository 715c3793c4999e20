//! Snapshots in a folder: taken, listed, verified, brought back, removed.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use bytes::Bytes;
use cetcd_backup::{BackupKey, DrillOutcome, DrillResult, Error, Progress};
use cetcd_core::InstanceId;
use cetcd_etcd::SnapshotStream;
use futures::StreamExt;
use jiff::Timestamp;
use support::{about, database, files, id, in_folder, instance, key, stream};

#[tokio::test]
async fn what_was_stored_comes_back_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(&folder.path().join("backups"));
    let plain = database(3000).snapshot();
    let progress = Progress::default();
    let manifest = repository.create(&key(), about("snap-1"), stream(plain.clone()), &progress).await.unwrap();
    assert_eq!(progress.done(), plain.len() as u64);
    assert_eq!(manifest.contents.bytes, plain.len() as u64);
    assert_eq!((manifest.contents.revision, manifest.contents.keys), (3001, 3000));
    assert_eq!(manifest.contents.buckets["lease"].0, 1);
    assert!(manifest.stored_bytes > manifest.compressed_bytes && manifest.stored_bytes < manifest.contents.bytes);

    let into = folder.path().join("plain.db");
    let again = repository.download(&key(), &instance(), &id("snap-1"), &into, &Progress::default()).await.unwrap();
    assert_eq!(again, manifest);
    assert_eq!(fs::read(&into).unwrap(), plain);
    assert_eq!(fs::metadata(&into).unwrap().permissions().mode() & 0o777, 0o600);
    let verified = repository.verify(&key(), &instance(), &id("snap-1"), &Progress::default()).await.unwrap();
    assert_eq!(verified, manifest);
}

#[tokio::test]
async fn a_listing_has_what_is_whole_the_newest_first_with_what_drills_showed() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    assert!(repository.list(&key(), &instance()).await.unwrap().snapshots.is_empty());
    for name in ["snap-b", "snap-a"] {
        repository.create(&key(), about(name), stream(database(3).snapshot()), &Progress::default()).await.unwrap();
    }
    let drill = DrillResult {
        started_at: Timestamp::UNIX_EPOCH,
        outcome: DrillOutcome::Failed("it did not serve".to_owned()),
        etcd_version: "v3.5.30".parse().unwrap(),
        fetch_ms: 1,
        restore_ms: 2,
        serve_ms: 3,
        revision: 4,
        keys: 5,
        hash_kv: Some(6),
    };
    repository.record_drill(&key(), &instance(), &id("snap-b"), &drill).await.unwrap();
    let listing = repository.list(&key(), &instance()).await.unwrap();
    let listed: Vec<_> = listing.snapshots.iter().map(|stored| stored.manifest.about.id.as_str()).collect();
    assert_eq!(listed, ["snap-a", "snap-b"]);
    assert_eq!((&listing.snapshots[0].drill, &listing.snapshots[1].drill), (&None, &Some(drill)));
    assert!(listing.unusable.is_empty());
}

#[tokio::test]
async fn an_id_is_used_once() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    let (key, progress) = (key(), Progress::default());
    let create = || repository.create(&key, about("snap-1"), stream(database(3).snapshot()), &progress);
    create().await.unwrap();
    assert!(matches!(create().await, Err(Error::Exists { .. })));
    repository.delete(&instance(), &id("snap-1")).await.unwrap();
    create().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_not_whole_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    let whole = database(3000).snapshot();
    let mut changed = whole.clone();
    changed[100_000] ^= 1;
    let broken_off =
        futures::stream::iter([Ok(Bytes::copy_from_slice(&whole[..100_000])), Err(cetcd_etcd::Error::NobodyToAsk)]);
    let sources = [
        stream(whole[..whole.len() - 1].to_vec()),
        stream(whole[..whole.len() - 32].to_vec()),
        stream(Vec::new()),
        stream(changed),
        SnapshotStream::new(broken_off.boxed()),
    ];
    for source in sources {
        let error = repository.create(&key(), about("snap-1"), source, &Progress::default()).await.unwrap_err();
        assert!(matches!(error, Error::BadSnapshot { .. } | Error::Source(_)), "{error}");
        assert_eq!(files(folder.path()), [""; 0]);
    }
}

#[tokio::test]
async fn a_snapshot_that_is_given_up_half_way_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    let begun = std::sync::Arc::new(tokio::sync::Notify::new());
    let (whole, notify) = (database(3000).snapshot(), begun.clone());
    let source = futures::stream::iter([Ok(Bytes::copy_from_slice(&whole[..100_000]))]).chain(futures::stream::once(
        async move {
            notify.notify_one();
            std::future::pending().await
        },
    ));
    let (key, progress) = (key(), Progress::default());
    let create = repository.create(&key, about("snap-1"), SnapshotStream::new(source.boxed()), &progress);
    tokio::select! {
        _ = create => panic!("the source never ends"),
        () = begun.notified() => {}
    }
    assert_eq!(files(folder.path()), [""; 0]);
}

#[tokio::test]
async fn nothing_opens_under_another_key_id_or_instance() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    for name in ["snap-1", "snap-2"] {
        repository.create(&key(), about(name), stream(database(3).snapshot()), &Progress::default()).await.unwrap();
    }
    let other = BackupKey::from_bytes(&[8; 32]).unwrap();
    let opened = repository.verify(&other, &instance(), &id("snap-1"), &Progress::default()).await;
    assert!(matches!(opened, Err(Error::Damaged { .. })));

    let place = |part: &str, name: &str| folder.path().join(format!("{}/{part}/{name}", instance()));
    // The data of one beside the manifest of the other.
    fs::copy(place("data", "snap-1"), place("data", "snap-2")).unwrap();
    let opened = repository.verify(&key(), &instance(), &id("snap-2"), &Progress::default()).await;
    assert!(matches!(opened, Err(Error::Damaged { .. })));
    // Both, under another name.
    fs::copy(place("manifests", "snap-1"), place("manifests", "snap-2")).unwrap();
    let opened = repository.verify(&key(), &instance(), &id("snap-2"), &Progress::default()).await;
    assert!(matches!(opened, Err(Error::Damaged { .. })));
    // All of it, as another instance's.
    let theirs = InstanceId::parse("etcd-zzzz9999").unwrap();
    fs::rename(folder.path().join(instance().as_str()), folder.path().join(theirs.as_str())).unwrap();
    let opened = repository.verify(&key(), &theirs, &id("snap-1"), &Progress::default()).await;
    assert!(matches!(opened, Err(Error::Damaged { .. })));
    assert_eq!(repository.list(&key(), &theirs).await.unwrap().unusable.len(), 2);
}

#[tokio::test]
async fn a_deletion_that_broke_off_shows_nothing_and_is_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    for name in ["snap-1", "snap-2"] {
        repository.create(&key(), about(name), stream(database(3).snapshot()), &Progress::default()).await.unwrap();
    }
    let place = folder.path().join(instance().as_str());
    fs::remove_file(place.join("manifests/snap-1")).unwrap();
    fs::write(place.join("data/.part-abc"), "half of something").unwrap();
    assert_eq!(repository.list(&key(), &instance()).await.unwrap().snapshots.len(), 1);

    // What is young may be a snapshot that is just being finished.
    assert!(repository.collect_orphans(&instance(), Timestamp::UNIX_EPOCH).await.unwrap().is_empty());
    assert_eq!(files(&place.join("data")), [".part-abc", "snap-1", "snap-2"]);
    let gone = repository.collect_orphans(&instance(), Timestamp::MAX).await.unwrap();
    assert_eq!(gone, [id("snap-1")]);
    assert_eq!(files(&place), ["data/snap-2", "manifests/snap-2"]);
    repository.verify(&key(), &instance(), &id("snap-2"), &Progress::default()).await.unwrap();
}

#[tokio::test]
async fn data_that_are_gone_are_told_from_a_snapshot_that_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(folder.path());
    repository.create(&key(), about("snap-1"), stream(database(3).snapshot()), &Progress::default()).await.unwrap();
    fs::remove_file(folder.path().join(format!("{}/data/snap-1", instance()))).unwrap();
    let verify = |name| {
        let (repository, id) = (repository.clone(), id(name));
        async move { repository.verify(&key(), &instance(), &id, &Progress::default()).await.unwrap_err() }
    };
    assert!(matches!(verify("snap-1").await, Error::Damaged { .. }));
    assert!(matches!(verify("snap-2").await, Error::NoSnapshot { .. }));
}

#[tokio::test]
async fn a_failed_download_leaves_the_file_that_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let repository = in_folder(&folder.path().join("backups"));
    repository.create(&key(), about("snap-1"), stream(database(900).snapshot()), &Progress::default()).await.unwrap();
    let data = folder.path().join(format!("backups/{}/data/snap-1", instance()));
    let mut bytes = fs::read(&data).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&data, bytes).unwrap();
    let target = folder.path().join("out");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("plain.db"), "the one before").unwrap();
    let into = target.join("plain.db");
    let failed = repository.download(&key(), &instance(), &id("snap-1"), &into, &Progress::default()).await;
    assert!(matches!(failed, Err(Error::Damaged { .. })));
    assert_eq!(fs::read_to_string(&into).unwrap(), "the one before");
    assert_eq!(files(&target), ["plain.db"]);
}
