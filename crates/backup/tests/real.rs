//! Snapshots of members that really run. Needs binaries of etcd: `make versions`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../etcd/tests/support/mod.rs"]
#[allow(dead_code, clippy::duration_suboptimal_units)]
mod etcd;
mod support;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use cetcd_backup::{
    DrillOptions, DrillOutcome, Error, Location, Progress, Repository, RestoreTool, RestoredMember,
    drill::remove_leftovers, restore::DEFAULT_BUMP, store,
};
use cetcd_core::{
    EtcdVersion,
    clock::SystemClock,
    member::{MemberPaths, MemberSpec, Start},
};
use cetcd_etcd::{
    ClientCredentials, EtcdAdmin, EtcdOperator, Installer, LiveAdmin, Target, client::Options, command_arguments,
    database_contents,
};
use etcd_client::{
    Certificate, Client, CompactionOptions, ConnectOptions, GetOptions, Identity, Permission, PutOptions, TlsOptions,
    WatchOptions,
};
use support::{about, files, id, instance, key};

const PASSWORD: &str = "correct horse battery staple";

/// Certificates are only good now.
fn in_folder(folder: &Path) -> Repository {
    let store = store::open(&Location::Folder(folder.to_owned())).unwrap();
    Repository::new(store, Arc::new(SystemClock), Arc::new(support::Counted::default()))
}

fn admin() -> LiveAdmin {
    LiveAdmin::new(Options { timeout: Duration::from_secs(10) })
}

/// The newest of each of 3.4, 3.5 and 3.6.
fn one_of_each() -> Vec<EtcdVersion> {
    let mut chosen = etcd::versions().installed();
    chosen.retain(|version| (4..=6).contains(&version.minor));
    chosen.dedup_by_key(|version| version.minor);
    assert!(!chosen.is_empty(), "no etcd of 3.4 to 3.6: run `make versions` first");
    chosen
}

async fn connect(target: &Target) -> Client {
    let credentials = target.credentials.as_ref().unwrap();
    let tls = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(&credentials.ca))
        .identity(Identity::from_pem(&credentials.client.cert, &credentials.client.key))
        .domain_name(target.address.ip().to_string());
    let options = ConnectOptions::new().with_tls(tls).with_timeout(Duration::from_secs(20));
    Client::connect([format!("https://{}", target.address)], Some(options)).await.unwrap()
}

/// Keys with history, deletions, a compaction, a lease, users and roles.
async fn fill(target: &Target) {
    let mut client = connect(target).await;
    for round in 0..3 {
        for n in 0..200 {
            client.put(format!("/key/{n:04}"), vec![b'a' + round; 700], None).await.unwrap();
        }
    }
    client.delete("/key/0007", None).await.unwrap();
    let revision = client.put("/large", vec![b'x'; 300_000], None).await.unwrap().header().unwrap().revision();
    client.compact(revision - 300, Some(CompactionOptions::new().with_physical())).await.unwrap();
    let lease = client.lease_grant(3600, None).await.unwrap().id();
    client.put("/leased", "gone when its lease is", Some(PutOptions::new().with_lease(lease))).await.unwrap();
    client.role_add("reader").await.unwrap();
    client.role_grant_permission("reader", Permission::read("/key/0001")).await.unwrap();
    client.user_add("alice", "wonderland", None).await.unwrap();
    client.user_grant_role("alice", "reader").await.unwrap();
    client.put("/key/0001", "the last", None).await.unwrap();
    admin().enable_auth(std::slice::from_ref(target), PASSWORD).await.unwrap();
}

/// Everything that a client can see, revisions apart from those of keys left out.
async fn seen(target: &Target) -> String {
    let mut client = connect(target).await;
    let all = client.get("", Some(GetOptions::new().with_all_keys())).await.unwrap();
    let keys = all.kvs().iter().map(|kv| {
        let value = String::from_utf8_lossy(&kv.value()[..kv.value().len().min(30)]).into_owned();
        let (created, modified, version) = (kv.create_revision(), kv.mod_revision(), kv.version());
        format!("{} {value} {} {created} {modified} {version} {}", kv.key_str().unwrap(), kv.value().len(), kv.lease())
    });
    let mut text: Vec<String> = keys.collect();
    for lease in client.leases().await.unwrap().leases() {
        let live = client.lease_time_to_live(lease.id(), None).await.unwrap();
        text.push(format!("lease {} granted for {}", lease.id(), live.granted_ttl()));
    }
    text.push(format!("users {:?}", client.user_list().await.unwrap().users()));
    text.push(format!("roles {:?}", client.role_list().await.unwrap().roles()));
    text.push(format!("alice {:?}", client.user_get("alice").await.unwrap().roles()));
    text.push(format!("reader {:?}", client.role_get("reader").await.unwrap().permissions()));
    text.join("\n")
}

/// A member over a data directory that is there already.
struct Restored(Child, Target);

impl Restored {
    fn start(spec: &MemberSpec, folder: &Path, credentials: &Arc<ClientCredentials>) -> Self {
        let path = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let certificates = &spec.certificates;
        let paths = MemberPaths {
            data: folder.join("data"),
            ca: path("ca.pem", &certificates.ca),
            server_cert: path("server.pem", &certificates.server.cert),
            server_key: path("server-key.pem", &certificates.server.key),
            peer_cert: path("peer.pem", &certificates.peer.cert),
            peer_key: path("peer-key.pem", &certificates.peer.key),
        };
        let log = File::create(folder.join("log")).unwrap();
        let binaries = etcd::versions().binaries(&spec.run.version).unwrap();
        let mut command = Command::new(binaries.etcd);
        command.args(command_arguments(spec, &paths)).env_clear().current_dir(folder).stdin(Stdio::null());
        let child = etcd::spawn(command.stdout(log.try_clone().unwrap()).stderr(log));
        let credentials = Some(Arc::clone(credentials));
        Self(child, Target { instance: spec.instance.clone(), address: spec.client, credentials })
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        // Neither fails for a child that was not waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serving(target: &Target, log: &Path) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while let Err(error) = admin().probe(target).await {
        assert!(Instant::now() < deadline, "{error}:\n{}", fs::read_to_string(log).unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What etcd's own tool says of a snapshot file: its hash and its revision.
fn status(version: &EtcdVersion, file: &Path) -> (u32, i64) {
    let binaries = etcd::versions().binaries(version).unwrap();
    let tool = if version.at_least(3, 5) { binaries.etcdutl } else { binaries.etcdctl };
    let mut command = Command::new(tool.unwrap());
    command.env("ETCDCTL_API", "3").args(["snapshot", "status", "--write-out=json"]).arg(file);
    let output = command.output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (u32::try_from(said["hash"].as_u64().unwrap()).unwrap(), said["revision"].as_i64().unwrap())
}

/// Taken, checked against etcd's own tool, drilled, restored to a new cluster, and compared.
async fn there_and_back(version: EtcdVersion) {
    let work = tempfile::tempdir().unwrap();
    let repository = in_folder(&work.path().join("backups"));
    let mut source = etcd::Member::start(&version, true);
    source.serving(&admin()).await;
    fill(&source.target).await;
    let before = seen(&source.target).await;

    // Taken.
    let stream = admin().snapshot(&source.target, None).await.unwrap();
    let manifest = repository.create(&key(), about("snap-1"), stream, &Progress::default()).await.unwrap();
    let plain = work.path().join("plain.db");
    repository.download(&key(), &instance(), &id("snap-1"), &plain, &Progress::default()).await.unwrap();
    let (hash, _) = status(&version, &plain);
    assert_eq!(manifest.contents.hash, hash);
    let told = admin().status(&source.target).await.unwrap();
    assert_eq!(manifest.contents.revision, told.revision);
    assert_eq!(manifest.contents.compact_revision, told.revision - 302);
    assert!(!manifest.contents.compaction_pending);
    assert_eq!(manifest.contents.buckets["lease"].0, 1);
    assert_eq!(manifest.contents.buckets["authUsers"].0, 2);

    // Drilled.
    let binaries = etcd::versions().binaries(&version).unwrap();
    let drills = work.path().join("drills");
    let options = DrillOptions { work_dir: drills.clone(), version: version.clone(), binaries: binaries.clone() };
    let drill = repository.drill(&key(), &instance(), &id("snap-1"), &options).await.unwrap();
    assert_eq!(drill.outcome, DrillOutcome::Passed);
    assert_eq!((drill.revision, drill.keys), (manifest.contents.revision, manifest.contents.keys));
    let source_hash = admin().hash_kv(&source.target, manifest.contents.revision).await.unwrap();
    assert_eq!(drill.hash_kv, Some(source_hash.hash));
    assert_eq!(files(&drills), [""; 0]);
    let listed = repository.list(&key(), &instance()).await.unwrap().snapshots;
    assert_eq!(listed[0].drill.as_ref(), Some(&drill));

    // Restored, with the old member still there: nothing of the new one may find it.
    let tool = RestoreTool::find(&version, &binaries).await.unwrap();
    assert_eq!(tool.bumps(), version.at_least(3, 5), "{version}");
    let (mut specs, credentials) = etcd::specs(&version, 1, true);
    let mut spec = specs.remove(0);
    spec.start = Start::Existing;
    let folder = work.path().join("member");
    let restored = RestoredMember {
        name: spec.name(),
        peer_url: format!("https://{}", spec.peer),
        initial_cluster: spec.initial_cluster.clone(),
        token: spec.token.clone(),
        data_dir: folder.join("data"),
    };
    let bump = tool.bumps().then_some(DEFAULT_BUMP);
    let restore = |bump| {
        let (repository, tool, restored) = (&repository, &tool, restored.clone());
        let work = tempfile::tempdir_in(work.path()).unwrap();
        async move {
            let plain = work.path().join("snapshot.db");
            repository.lay_out(&key(), &instance(), &id("snap-1"), &plain, &Progress::default()).await?;
            tool.restore_all(&plain, std::slice::from_ref(&restored), bump).await?;
            assert!(!plain.exists());
            Ok::<_, Error>(())
        }
    };
    restore(bump).await.unwrap();
    let again = restore(bump).await.unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again}");

    let member = Restored::start(&spec, &folder, &credentials);
    serving(&member.1, &folder.join("log")).await;
    assert_eq!(seen(&member.1).await, before);
    let now = admin().status(&member.1).await.unwrap();
    assert_ne!(now.cluster_id, told.cluster_id);
    let expected = manifest.contents.revision + bump.map_or(0, u64::cast_signed);
    assert_eq!(now.revision, expected);
    // Root's password and alice's still work, and auth is on.
    assert!(admin().auth_enabled(std::slice::from_ref(&member.1)).await.unwrap());
    let mut client = connect(&member.1).await;
    client.auth_client().authenticate("alice".to_owned(), "wonderland".to_owned()).await.unwrap();
    client.auth_client().authenticate("root".to_owned(), PASSWORD.to_owned()).await.unwrap();
    if bump.is_some() {
        // A watcher from before is told, rather than waiting for ever.
        let from = WatchOptions::new().with_start_revision(manifest.contents.revision + 1);
        let mut watch = client.watch("/key/0001", Some(from)).await.unwrap();
        let told = async {
            loop {
                let told = watch.message().await.unwrap().unwrap();
                if !told.created() || told.canceled() {
                    return told;
                }
            }
        };
        let told = tokio::time::timeout(Duration::from_mins(1), told).await.unwrap();
        assert!(told.canceled() && told.compact_revision() >= manifest.contents.revision, "{told:?}");
    }
}

/// A snapshot that takes a moment to be copied, in a file, and the tool of its version.
async fn plain_snapshot(work: &Path) -> (PathBuf, RestoreTool) {
    let version = one_of_each().remove(0);
    let mut source = etcd::Member::start(&version, true);
    source.serving(&admin()).await;
    let mut client = connect(&source.target).await;
    for n in 0..60 {
        client.put(format!("/large/{n:02}"), vec![b'x'; 1_000_000], None).await.unwrap();
    }
    let repository = in_folder(&work.join("backups"));
    let stream = admin().snapshot(&source.target, None).await.unwrap();
    repository.create(&key(), about("snap-1"), stream, &Progress::default()).await.unwrap();
    let plain = work.join("plain.db");
    repository.lay_out(&key(), &instance(), &id("snap-1"), &plain, &Progress::default()).await.unwrap();
    (plain, RestoreTool::find(&version, &etcd::versions().binaries(&version).unwrap()).await.unwrap())
}

fn three(work: &Path) -> Vec<RestoredMember> {
    let url = |n: u32| format!("https://127.0.0.1:{}", 10_001 + n);
    let all: Vec<String> = (0..3).map(|n| format!("member-{n}={}", url(n))).collect();
    let member = |n: u32| RestoredMember {
        name: format!("member-{n}"),
        peer_url: url(n),
        initial_cluster: all.join(","),
        token: "token".to_owned(),
        data_dir: work.join(format!("member-{n}/data")),
    };
    (0..3).map(member).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_of_a_new_cluster_get_all_of_the_snapshot() {
    let work = tempfile::tempdir().unwrap();
    let (plain, tool) = plain_snapshot(work.path()).await;
    let kept = work.path().join("kept.db");
    fs::copy(&plain, &kept).unwrap();
    let members = three(work.path());
    tool.restore_all(&plain, &members, Some(DEFAULT_BUMP)).await.unwrap();
    let keys = |path: &Path| database_contents(path).unwrap().buckets["key"];
    // Made of a file that nothing was taken from meanwhile.
    let alone = RestoredMember { data_dir: work.path().join("alone/data"), ..members[0].clone() };
    tool.restore(&kept, &alone, Some(DEFAULT_BUMP)).await.unwrap();
    let expected = keys(&alone.data_dir.join("member/snap/db"));
    assert!(expected.entries >= 60, "{expected:?}");
    for member in &members {
        assert_eq!(keys(&member.data_dir.join("member/snap/db")), expected, "{}", member.name);
    }
    assert!(!plain.exists() && kept.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_member_gets_data_where_those_of_one_cannot_be_made() {
    let work = tempfile::tempdir().unwrap();
    let (plain, tool) = plain_snapshot(work.path()).await;
    let mut members = three(work.path());
    members[2].peer_url = "https://127.0.0.1:9".to_owned();
    let refused = tool.restore_all(&plain, &members, None).await.unwrap_err();
    assert!(matches!(refused, Error::Tool { .. }), "{refused}");
    for member in &members {
        assert_eq!(files(member.data_dir.parent().unwrap()), [""; 0], "{}", member.name);
    }
    assert!(!plain.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_each_version_proves_to_restore_with_leases_and_users() {
    for version in one_of_each() {
        there_and_back(version).await;
    }
}

/// A member of the newest version with some keys, and a snapshot of it.
async fn taken(work: &Path) -> (Repository, DrillOptions) {
    let version = one_of_each().swap_remove(0);
    let repository = in_folder(&work.join("backups"));
    let mut source = etcd::Member::start(&version, true);
    source.serving(&admin()).await;
    let mut client = connect(&source.target).await;
    for n in 0..50 {
        client.put(format!("/key/{n}"), "value", None).await.unwrap();
    }
    let stream = admin().snapshot(&source.target, None).await.unwrap();
    repository.create(&key(), about("snap-1"), stream, &Progress::default()).await.unwrap();
    let binaries = etcd::versions().binaries(&version).unwrap();
    (repository, DrillOptions { work_dir: work.join("drills"), version, binaries })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_with_a_damaged_snapshot_fails_and_says_so() {
    let work = tempfile::tempdir().unwrap();
    let (repository, options) = taken(work.path()).await;
    let data = work.path().join(format!("backups/{}/data/snap-1", instance()));
    let mut bytes = fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&data, bytes).unwrap();
    let drill = repository.drill(&key(), &instance(), &id("snap-1"), &options).await.unwrap();
    assert!(matches!(&drill.outcome, DrillOutcome::Failed(reason) if reason.contains("damaged")), "{drill:?}");
    let kept = repository.drill_result(&key(), &instance(), &id("snap-1")).await.unwrap();
    assert_eq!(kept, Some(drill));
    assert_eq!(files(&options.work_dir), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_drill_left_that_was_killed_is_ended_and_removed() {
    let work = tempfile::tempdir().unwrap();
    let (_, options) = taken(work.path()).await;
    // As a drill leaves it whose process was killed: its folder, whose lock nobody holds, and a process that
    // says it belongs to it.
    let place = options.work_dir.join("drill-abc");
    fs::create_dir_all(&place).unwrap();
    File::create(place.join("lock")).unwrap();
    let place = place.canonicalize().unwrap();
    let mut orphan = Command::new("sleep").arg("1000").env("CETCD_DRILL", &place).spawn().unwrap();
    let mut other = Command::new("sleep").arg("1000").env("CETCD_DRILL", "/elsewhere").spawn().unwrap();
    // One that is under way.
    let held = options.work_dir.join("drill-held");
    fs::create_dir_all(&held).unwrap();
    let lock = File::create(held.join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();

    assert_eq!(remove_leftovers(&options.work_dir).unwrap(), 1);
    assert!(!place.exists() && held.exists());
    assert!(!orphan.wait().unwrap().success());
    assert!(other.try_wait().unwrap().is_none());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_gives_way_leaves_nothing() {
    let work = tempfile::tempdir().unwrap();
    let (repository, options) = taken(work.path()).await;
    let deadline = Instant::now() + Duration::from_mins(1);
    let until = async |there: &dyn Fn(&[String]) -> bool| {
        while !there(&files(&options.work_dir)) {
            assert!(Instant::now() < deadline, "{:?}", files(&options.work_dir));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (key, instance, id) = (key(), instance(), id("snap-1"));
    tokio::select! {
        done = repository.drill(&key, &instance, &id, &options) => panic!("it was over first: {done:?}"),
        () = until(&|found| found.iter().any(|file| file.ends_with("/etcd.log"))) => {}
    }
    // With its member.
    until(&|found| found.is_empty()).await;
    assert_eq!(repository.drill_result(&key, &instance, &id).await.unwrap(), None);
}
