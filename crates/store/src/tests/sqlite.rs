//! What only the SQLite backend does: files, restarts, other processes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::Sqlite;
use crate::sqlite::{Options, SqliteStore};
use crate::{Error, Store, Txn};

const PATIENCE: Duration = Duration::from_secs(20);

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let lease = store.grant(Duration::from_secs(3600)).await.unwrap();
    store.txn(Txn::new().put_with_lease("a", "1", lease).put("b", "2")).await.unwrap();
    let before = store.range("").await.unwrap();
    store.close().await.unwrap();

    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.range("").await.unwrap(), before);
    assert!(store.grant(Duration::from_secs(1)).await.unwrap() > lease, "IDs are not used twice");
    let mut watch = store.watch("", 2).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().key(), "a");
    store.revoke(lease).await.unwrap();
}

#[tokio::test]
async fn the_files_are_closed_to_other_users() {
    let Sqlite { store, folder, .. } = Sqlite::new();
    store.txn(Txn::new().put("a", "1")).await.unwrap();
    let mut names = 0;
    for file in folder.path().read_dir().unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        names += 1;
    }
    assert_eq!(names, 3, "the database, its log and its shared memory");
}

#[tokio::test]
async fn an_open_file_is_closed_to_other_users_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    drop(store);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = SqliteStore::open(&path).map(drop);
    assert!(matches!(refused, Err(Error::Schema { found: 99, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, [7; 4096]).unwrap();
    let refused = SqliteStore::open(&path).map(drop);
    assert!(matches!(refused, Err(Error::Backend { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&path).unwrap(), [7; 4096]);
}

/// A second store on the file shares nothing with the first but the file, as another process.
#[tokio::test]
async fn a_watch_sees_what_another_opener_writes() {
    let Sqlite { store, folder, .. } = Sqlite::new();
    let mut watch = store.watch("", 2).await.unwrap();
    let other = SqliteStore::open(folder.path().join("store.db")).unwrap();
    for n in 2..5 {
        let revision = other.txn(Txn::new().put("a", "1")).await.unwrap().revision;
        assert_eq!(revision, n);
        let event = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.revision, n);
        // Read-your-writes across openers: the next revision goes on from the other's.
        assert_eq!(store.get("a").await.unwrap().unwrap().mod_revision, n);
    }
    assert_eq!(store.txn(Txn::new().put("b", "1")).await.unwrap().revision, 5);
}

#[tokio::test]
async fn many_openers_at_once_make_one_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let openers: Vec<_> = (0..6)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || SqliteStore::open(path).unwrap())
        })
        .collect();
    let stores: Vec<_> = openers.into_iter().map(|opener| opener.join().unwrap()).collect();
    let writes = stores.iter().map(|store| store.txn(Txn::new().put("a", "1")));
    let mut revisions: Vec<_> =
        futures::future::join_all(writes).await.into_iter().map(|outcome| outcome.unwrap().revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_lease_expires_without_any_call() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { poll_interval: Duration::from_millis(10), ..Options::default() };
    let store = SqliteStore::open_with(folder.path().join("store.db"), options).unwrap();
    let lease = store.grant(Duration::from_millis(1)).await.unwrap();
    // It may be over before it is used: then the refusal is the expiry that we wait for.
    let mut watch = store.watch("", 0).await.unwrap();
    if store.txn(Txn::new().put_with_lease("a", "1", lease)).await.is_ok() {
        for _ in 0..2 {
            tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap().unwrap();
        }
    }
    assert_eq!(store.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_closed_store_refuses_calls_and_ends_its_watches() {
    let Sqlite { store, folder: _folder, .. } = Sqlite::new();
    let other = store.clone();
    let mut watch = other.watch("", 0).await.unwrap();
    store.close().await.unwrap();
    assert!(watch.next().await.is_none());
    assert!(matches!(other.get("a").await, Err(Error::Closed)));
    assert!(matches!(other.txn(Txn::new().put("a", "1")).await, Err(Error::Closed)));
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_store_ends_its_watches() {
    let Sqlite { store, folder: _folder, .. } = Sqlite::new();
    let mut watch = store.watch("", 0).await.unwrap();
    drop(store);
    assert!(tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().is_none());
}
