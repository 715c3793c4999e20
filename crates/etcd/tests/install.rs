//! Bringing versions from an archive server.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use cetcd_core::EtcdVersion;
use cetcd_etcd::{Error, Installer, Versions, versions::Options};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const ETCD: &str = "#!/bin/sh\necho 'etcd Version: 3.5.16'\n";

fn version() -> EtcdVersion {
    EtcdVersion::new(3, 5, 16)
}

/// An archive of executable files; names are written as they are, however wrong.
fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn release() -> Vec<u8> {
    archive(&[
        ("etcd-v3.5.16-linux-amd64/README.md", "read me"),
        ("etcd-v3.5.16-linux-amd64/etcd", ETCD),
        ("etcd-v3.5.16-linux-amd64/etcdctl", "#!/bin/sh\n"),
        ("etcd-v3.5.16-linux-amd64/Documentation/etcdutl", "no binary"),
    ])
}

/// Serves `body` to everybody, as if it had `length` bytes; counts how often. It ends with the test process.
fn serve(body: Vec<u8>, length: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/{{version}}/etcd-{{version}}-{{os}}-{{arch}}.tar.gz", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let served = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /v3.5.16/etcd-v3.5.16-"));
            served.fetch_add(1, Ordering::SeqCst);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    (url, count)
}

fn versions(folder: &Path, url: &str, sum: [u8; 32]) -> Versions {
    Versions::new(Options {
        url_template: Some(url.to_owned()),
        search_path: false,
        sums: BTreeMap::from([(version(), sum)]),
        ..Options::new(folder)
    })
}

/// Serves `body` with its own sum, and says how installing it fails.
async fn failure(body: Vec<u8>) -> (TempDir, Error) {
    let folder = tempfile::tempdir().unwrap();
    let sum = Sha256::digest(&body).into();
    let (url, _) = serve(body.clone(), body.len());
    let error = versions(folder.path(), &url, sum).install(&version()).await.unwrap_err();
    (folder, error)
}

fn assert_empty(folder: &TempDir) {
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_release_is_downloaded_once_however_many_ask_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let body = release();
    let sum = Sha256::digest(&body).into();
    let (url, downloads) = serve(body.clone(), body.len());
    let versions = versions(&folder.path().join("made/when/needed"), &url, sum);
    assert_eq!(versions.binaries(&version()), None);

    let wanted = version();
    let (one, two) = tokio::join!(versions.install(&wanted), versions.install(&wanted));
    let binaries = one.unwrap();
    assert_eq!(two.unwrap(), binaries);
    assert_eq!(versions.install(&wanted).await.unwrap(), binaries);
    assert_eq!(downloads.load(Ordering::SeqCst), 1);

    assert_eq!(fs::read_to_string(&binaries.etcd).unwrap(), ETCD);
    assert_eq!(binaries.etcd, folder.path().join("made/when/needed/v3.5.16/etcd"));
    assert!(binaries.etcdctl.is_some() && binaries.etcdutl.is_none());
    let files = fs::read_dir(binaries.etcd.parent().unwrap()).unwrap().count();
    assert_eq!(files, 2, "only binaries are unpacked");
    assert_eq!(versions.installed(), [version()]);
}

#[tokio::test]
async fn an_archive_with_another_sum_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let body = release();
    let (url, _) = serve(body.clone(), body.len());
    let error = versions(folder.path(), &url, [7; 32]).install(&version()).await.unwrap_err();
    assert!(matches!(&error, Error::WrongSum { expected, .. } if *expected == "07".repeat(32)), "{error}");
    assert!(!error.is_retryable());
    assert_empty(&folder);
}

#[tokio::test]
async fn a_download_that_breaks_off_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let body = release();
    let sum = Sha256::digest(&body).into();
    let (url, _) = serve(body[..body.len() / 2].to_vec(), body.len());
    let error = versions(folder.path(), &url, sum).install(&version()).await.unwrap_err();
    assert!(matches!(error, Error::Download { .. }) && error.is_retryable(), "{error}");
    assert!(error.to_string().contains("make versions"), "{error}");
    assert_empty(&folder);
}

#[tokio::test]
async fn an_archive_that_was_cut_short_is_refused() {
    let body = release();
    let (folder, error) = failure(body[..body.len() / 2].to_vec()).await;
    assert!(matches!(error, Error::BadArchive { .. }), "{error}");
    assert_empty(&folder);
}

#[tokio::test]
async fn an_archive_that_would_write_elsewhere_is_refused() {
    for name in ["../../etcd", "/tmp/etcd", "etcd-v3.5.16-linux-amd64/../../etcd"] {
        let (folder, error) = failure(archive(&[("a/etcd", ETCD), (name, "evil")])).await;
        assert!(error.to_string().contains("leaves the archive's folder"), "{error}");
        assert_empty(&folder);
    }
}

#[tokio::test]
async fn an_archive_without_etcd_or_with_another_version_is_refused() {
    let (_, error) = failure(archive(&[("a/etcdctl", ETCD)])).await;
    assert!(error.to_string().contains("holds no etcd"), "{error}");
    let (folder, error) = failure(archive(&[("a/etcd", "#!/bin/sh\necho 'etcd Version: 3.5.17'\n")])).await;
    assert!(error.to_string().contains("says that it is v3.5.17"), "{error}");
    assert_empty(&folder);
}

#[tokio::test]
async fn nobody_at_the_address_says_what_to_do_instead() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/{{version}}", listener.local_addr().unwrap());
    drop(listener);
    let said = versions(folder.path(), &url, [0; 32]).install(&version()).await.unwrap_err().to_string();
    assert!(said.contains("make versions") && said.contains("v3.5.16"), "{said}");
}

#[tokio::test]
async fn what_is_not_offered_not_known_or_not_to_be_downloaded_is_refused_before_any_download() {
    let folder = tempfile::tempdir().unwrap();
    let online = Versions::new(Options { search_path: false, ..Options::new(folder.path()) });
    let error = online.install(&EtcdVersion::new(3, 5, 1)).await.unwrap_err();
    assert!(matches!(error, Error::NeverOffered { .. }), "{error}");
    let error = online.install(&EtcdVersion::new(3, 4, 1)).await.unwrap_err();
    assert!(matches!(error, Error::NoSum { .. }), "{error}");

    let offline = Versions::new(Options { url_template: None, search_path: false, ..Options::new(folder.path()) });
    let error = offline.install(&version()).await.unwrap_err();
    assert!(matches!(error, Error::NotInstalled { .. }), "{error}");
    assert_eq!(offline.available(), []);
}

#[test]
fn versions_that_are_there_or_can_be_downloaded_are_available_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, mode| {
        fs::create_dir(folder.path().join(name)).unwrap();
        let etcd = folder.path().join(name).join("etcd");
        fs::write(&etcd, ETCD).unwrap();
        fs::set_permissions(&etcd, fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in ["v3.4.9", "v3.4.23", "v3.4.13.tke.2", "v3.5.1", "3.4.24", "latest", ".install-x"] {
        put(name, 0o755);
    }
    put("v3.4.30", 0o644);
    let options = Options { search_path: false, ..Options::new(folder.path()) };
    let versions = Versions::new(Options { sums: BTreeMap::from([(EtcdVersion::new(3, 4, 25), [1; 32])]), ..options });
    let text = |versions: Vec<EtcdVersion>| versions.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(text(versions.installed()), ["v3.4.23", "v3.4.13.tke.2", "v3.4.9"]);
    let available = text(versions.available());
    assert!(
        available.ends_with(&["v3.4.25", "v3.4.23", "v3.4.13.tke.2", "v3.4.9"].map(str::to_owned)),
        "{available:?}"
    );
}
