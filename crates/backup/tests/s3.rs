//! Snapshots in buckets: a real S3 server on loopback, with faults on the way to it. Needs Python 3.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/s3.rs"]
mod s3;
mod support;

use std::sync::Mutex;

use cetcd_backup::{Error, Location, Progress, Repository, store};
use cetcd_core::Entropy;
use cetcd_etcd::testing::Database;
use jiff::Timestamp;
use s3::{Fault, Server, Way, any, is_get, is_part, is_put};
use store::Credentials;
use support::{about, database, files, id, instance, key, repository, stream};

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "a secret".to_owned().into(),
        session_token: None,
    }
}

/// A server, the way to it, and snapshots in a bucket there.
struct Bucket {
    _server: Server,
    way: Way,
    repository: Repository,
}

fn open(url: &str) -> Repository {
    repository(store::open_with(&Location::parse(url).unwrap(), Some(&credentials())).unwrap())
}

impl Bucket {
    async fn make() -> Option<Self> {
        let server = Server::start()?;
        let way = Way::to(&server).await;
        make_bucket(&way, "backups-1250000000").await;
        let repository = open(&format!("s3://backups-1250000000/some/prefix?endpoint=http://{}", way.address));
        Some(Self { _server: server, way, repository })
    }

    async fn create(&self, name: &str, plain: Vec<u8>) -> Result<cetcd_backup::Manifest, Error> {
        self.repository.create(&key(), about(name), stream(plain), &Progress::default()).await
    }

    async fn verify(&self, name: &str) -> Result<cetcd_backup::Manifest, Error> {
        self.repository.verify(&key(), &instance(), &id(name), &Progress::default()).await
    }

    async fn listed(&self) -> Vec<String> {
        let listing = self.repository.list(&key(), &instance()).await.unwrap();
        assert!(listing.unusable.is_empty());
        listing.snapshots.iter().map(|stored| stored.manifest.about.id.to_string()).collect()
    }
}

async fn make_bucket(way: &Way, name: &str) {
    let client: hyper_util::client::legacy::Client<_, http_body_util::Full<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = http::Request::put(format!("http://{}/{name}", way.address)).body(http_body_util::Full::default());
    assert!(client.request(request.unwrap()).await.unwrap().status().is_success());
}

/// A snapshot that takes several parts to upload.
fn large() -> Vec<u8> {
    let value = |n: i64| {
        let mut bytes = vec![0; 60_000];
        support::Counted::from(Mutex::new(n.cast_unsigned())).fill(&mut bytes);
        bytes
    };
    Database { keys: (2..400).map(|n| (n, value(n))).collect(), ..Database::default() }.snapshot()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_several_parts_comes_back_to_the_byte() {
    let Some(bucket) = Bucket::make().await else { return };
    let plain = large();
    let manifest = bucket.create("snap-1", plain.clone()).await.unwrap();
    assert!(manifest.stored_bytes > 20 << 20);
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("plain.db");
    bucket.repository.download(&key(), &instance(), &id("snap-1"), &into, &Progress::default()).await.unwrap();
    assert_eq!(std::fs::read(&into).unwrap(), plain);
    assert_eq!(bucket.listed().await, ["snap-1"]);
    bucket.repository.delete(&instance(), &id("snap-1")).await.unwrap();
    assert_eq!(bucket.listed().await, [""; 0]);
    assert!(matches!(bucket.verify("snap-1").await, Err(Error::NoSnapshot { .. })));
    assert!(bucket.repository.collect_orphans(&instance(), Timestamp::MAX).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_now_and_then_is_tried_again() {
    let Some(bucket) = Bucket::make().await else { return };
    bucket.way.meet(any, [Fault::Answer(503), Fault::Late(200)]);
    bucket.way.meet(is_part, [Fault::Answer(500), Fault::Late(100), Fault::Answer(503)]);
    bucket.create("snap-1", large()).await.unwrap();
    assert_eq!(bucket.way.happened(), 5);
    // An answer that breaks off is read on from there: the manifest's, then that of the data, twice.
    bucket.way.meet(is_get, [Fault::Cut, Fault::Cut, Fault::Cut]);
    bucket.verify("snap-1").await.unwrap();
    assert_eq!(bucket.way.happened(), 3);
    bucket.way.meet(any, [Fault::Answer(503), Fault::Answer(503)]);
    assert_eq!(bucket.listed().await, ["snap-1"]);
    assert_eq!(bucket.way.happened(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_bucket_is_told_as_such_and_nothing_is_listed() {
    let Some(bucket) = Bucket::make().await else { return };
    bucket.way.meet(is_part, [Fault::Answer(507); 20]);
    let error = bucket.create("snap-1", large()).await.unwrap_err();
    assert!(matches!(error, Error::Full { .. }) && !error.is_retryable(), "{error}");
    bucket.way.happened();
    assert_eq!(bucket.listed().await, [""; 0]);
    // The data are there, and the manifest is not: still nothing, until what is left is collected.
    bucket
        .way
        .meet(|request| is_put(request) && request.uri().path().contains("/manifests/"), [Fault::Answer(507); 20]);
    bucket.create("snap-1", database(100).snapshot()).await.unwrap_err();
    bucket.way.happened();
    assert_eq!(bucket.listed().await, [""; 0]);
    assert_eq!(bucket.repository.collect_orphans(&instance(), Timestamp::MAX).await.unwrap(), [id("snap-1")]);
    bucket.create("snap-1", database(100).snapshot()).await.unwrap();
    bucket.verify("snap-1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_to_set_right_is_not_tried_again() {
    let Some(bucket) = Bucket::make().await else { return };
    bucket.way.meet(is_put, [Fault::Answer(403)]);
    let error = bucket.create("snap-1", database(100).snapshot()).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && !error.is_retryable(), "{error}");
    let elsewhere = open(&format!("s3://no-such-bucket?endpoint=http://{}", bucket.way.address));
    let create = elsewhere.create(&key(), about("snap-1"), stream(database(9).snapshot()), &Progress::default()).await;
    assert!(matches!(create, Err(Error::Refused { .. })), "{create:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_is_away_is_told_as_such() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = open(&format!("s3://backups-1250000000?endpoint=http://127.0.0.1:{port}"));
    let error = away.list(&key(), &instance()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }) && error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_for_good_leaves_nothing() {
    let Some(bucket) = Bucket::make().await else { return };
    bucket.create("snap-1", large()).await.unwrap();
    bucket.way.meet(|request| is_get(request) && request.uri().path().contains("/data/"), [Fault::Answer(503); 50]);
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("plain.db");
    let error =
        bucket.repository.download(&key(), &instance(), &id("snap-1"), &into, &Progress::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(files(folder.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cos_is_spoken_too() {
    let Some(bucket) = Bucket::make().await else { return };
    let url = format!("cos://backups-1250000000/etcd?endpoint=http://localhost:{}", bucket.way.address.port());
    let bucket = Bucket { repository: open(&url), ..bucket };
    bucket.create("snap-1", large()).await.unwrap();
    bucket.verify("snap-1").await.unwrap();
    assert_eq!(bucket.listed().await, ["snap-1"]);
    bucket.repository.delete(&instance(), &id("snap-1")).await.unwrap();
    assert_eq!(bucket.listed().await, [""; 0]);
}
