//! Operations on clusters that really run. Needs binaries of etcd: `make versions`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    fs,
    future::Future,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use cetcd_core::{
    EtcdVersion,
    instance::Security,
    member::{MemberSpec, Start},
};
use cetcd_etcd::{
    Alarm, AlarmKind, ClientCredentials, Error, EtcdAdmin, EtcdOperator, Installer, LiveAdmin, Login, Result, Target,
    client::Options,
};
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions, Txn, TxnOp};
use rustix::process::Signal;
use support::{Member, newest, specs, versions};

fn admin() -> LiveAdmin {
    LiveAdmin::new(Options { timeout: Duration::from_secs(5) })
}

/// By certificate, by password over TLS, and by password alone.
const WAYS_IN: [Security; 3] = [
    Security { https: true, client_cert_auth: true },
    Security { https: true, client_cert_auth: false },
    Security { https: false, client_cert_auth: false },
];

/// The newest of 3.3, 3.4, 3.5 and of all that are there.
fn one_of_each() -> Vec<EtcdVersion> {
    let mut chosen = versions().installed();
    let newest = chosen[0].minor;
    chosen.retain(|version| version.minor <= 5 || version.minor == newest);
    chosen.dedup_by_key(|version| version.minor);
    chosen
}

/// Runs the same for several versions at once: most of it is waiting for etcd.
async fn for_each<F: Future<Output = ()> + Send + 'static>(
    versions: Vec<EtcdVersion>,
    test: impl Fn(EtcdVersion) -> F,
) {
    let running: Vec<_> = versions.into_iter().map(|version| (version.clone(), tokio::spawn(test(version)))).collect();
    for (version, test) in running {
        test.await.unwrap_or_else(|error| panic!("{version}: {error}"));
    }
}

/// Tries until it is done, as long as trying again can help. etcd tells nobody when it is ready for a change.
async fn eventually<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(error.is_retryable() && Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The specifications of members that join one after the other.
fn joining(
    version: &EtcdVersion,
    size: u32,
    security: Security,
) -> (Vec<MemberSpec>, std::sync::Arc<ClientCredentials>) {
    let (mut specs, control_plane) = specs(version, size, security.https);
    let all: Vec<_> = specs[0].initial_cluster.split(',').map(str::to_owned).collect();
    for (n, spec) in specs.iter_mut().enumerate() {
        spec.initial_cluster = all[..=n].join(",");
        spec.run.security = security;
        spec.start = if n == 0 { Start::New } else { Start::Join };
    }
    (specs, control_plane)
}

async fn client(target: &Target) -> Client {
    let Some(credentials) = &target.credentials else {
        return Client::connect([format!("http://{}", target.address)], None).await.unwrap();
    };
    let tls = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(&credentials.ca))
        .identity(Identity::from_pem(&credentials.client.cert, &credentials.client.key));
    let url = format!("https://{}", target.address);
    Client::connect([url], Some(ConnectOptions::new().with_tls(tls))).await.unwrap()
}

#[tokio::test]
async fn with_auth_on_a_cluster_grows_by_learners_and_shrinks_with_its_leader_last() {
    let ways = WAYS_IN.map(|security| {
        for_each(one_of_each(), move |version| async move { grow_and_shrink(&version, security).await })
    });
    futures::future::join_all(ways).await;
}

async fn grow_and_shrink(version: &EtcdVersion, security: Security) {
    let admin = &admin();
    let (specs, control_plane) = joining(version, 3, security);
    let mut members = vec![Member::launch(&specs[0], &control_plane)];
    members[0].serving(admin).await;
    let first = vec![members[0].target.clone()];
    admin.enable_auth(&first, "secret").await.unwrap();
    let founder = admin.status(&first[0]).await.unwrap().member_id;

    let mut ids = vec![founder];
    for spec in &specs[1..] {
        let url = &format!("https://{}", spec.peer);
        let id = eventually(|| admin.add_member(&first, url, true)).await;
        // The second voter of 3.3 takes the quorum away until it starts: then there is nobody to ask.
        if version.has_learners() {
            assert_eq!(admin.add_member(&first, url, true).await.unwrap(), id, "added twice");
            let listed = admin.members(&first).await.unwrap();
            let added = listed.iter().find(|member| member.id == id).unwrap();
            assert_eq!((added.name.as_str(), added.learner), ("", true));
            let early = admin.promote_member(&first, id).await.unwrap_err();
            assert!(matches!(early, Error::NotInSync { .. }), "{early}");
            let second = admin.add_member(&first, "https://127.0.0.1:1", true).await.unwrap_err();
            assert!(matches!(second, Error::TooManyLearners | Error::UnsafeReconfiguration { .. }), "{second}");
        }
        let mut member = Member::launch(spec, &control_plane);
        assert_eq!(member.serving(admin).await.member_id, id);
        if version.has_learners() {
            let error = admin.move_leader(&first[0], id).await.unwrap_err();
            assert!(matches!(error, Error::CannotLead { .. }), "{error}");
        }
        members.push(member);
        // The new one may answer by then, so that it is asked first here.
        let through: Vec<_> = members.iter().rev().map(|member| member.target.clone()).collect();
        eventually(|| admin.promote_member(&through, id)).await;
        admin.promote_member(&through, id).await.unwrap();
        ids.push(id);
    }
    let all: Vec<_> = members.iter().map(|member| member.target.clone()).collect();
    let listed = admin.members(&all).await.unwrap();
    assert!(listed.iter().all(|member| !member.learner && !member.name.is_empty()), "{listed:?}");
    let unknown = admin.promote_member(&all, 42).await.unwrap_err();
    assert!(matches!(unknown, Error::NoSuchMember { id: 42 }), "{unknown}");

    same_everywhere(admin, &all).await;

    assert_eq!(admin.status(&all[1]).await.unwrap().leader_id, Some(founder));
    let error = admin.move_leader(&all[1], ids[2]).await.unwrap_err();
    assert!(matches!(error, Error::NotLeader { .. }), "{error}");
    admin.move_leader(&all[0], ids[2]).await.unwrap();
    admin.move_leader(&all[0], ids[2]).await.unwrap();
    eventually(|| admin.move_leader(&all[2], ids[2])).await;

    let rest = &all[1..];
    eventually(|| admin.remove_member(rest, ids[0])).await;
    admin.remove_member(rest, ids[0]).await.unwrap();
    assert_eq!(admin.members(rest).await.unwrap().len(), 2);
    // The removed one does not answer any more, or not for the cluster: the next one is asked.
    eventually(|| admin.remove_member(&all, ids[1])).await;
    eventually(|| admin.remove_member(&all[2..], ids[1])).await;
    assert_eq!(admin.members(&all[2..]).await.unwrap()[0].id, ids[2]);

    assert!(admin.auth_enabled(&all[2..]).await.unwrap());
    admin.disable_auth(&all[2..]).await.unwrap();
    admin.disable_auth(&all[2..]).await.unwrap();
    assert!(!admin.auth_enabled(&all[2..]).await.unwrap());
}

/// Compacts, and sees that every member holds the same.
async fn same_everywhere(admin: &LiveAdmin, all: &[Target]) {
    let mut writer = client(&all[1]).await;
    writer.update_user(Some(("root".to_owned(), "secret".to_owned()))).await.unwrap();
    for n in 0..10 {
        writer.put(format!("key-{n}"), "value", None).await.unwrap();
    }
    let revision = admin.status(&all[1]).await.unwrap().revision;
    assert_eq!(revision, 11);
    admin.compact(all, 5).await.unwrap();
    admin.compact(all, 5).await.unwrap();
    let ahead = admin.compact(all, 1000).await.unwrap_err();
    assert!(matches!(ahead, Error::FutureRevision { revision: 1000 }), "{ahead}");

    let mut hashes = Vec::new();
    for target in all {
        // The others may not have come to the compaction yet.
        let compacted = || async {
            let hash = admin.hash_kv(target, revision).await?;
            if hash.compact_revision == 5 { Ok(hash) } else { Err(Error::FutureRevision { revision: 5 }) }
        };
        hashes.push(eventually(compacted).await);
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    assert_eq!((hashes[0].compact_revision, hashes[0].revision), (5, revision));
    assert_ne!(hashes[0].hash, 0);
    assert_eq!(admin.hash_kv(&all[0], 0).await.unwrap(), hashes[0]);
    let gone = admin.hash_kv(&all[0], 2).await.unwrap_err();
    assert!(matches!(gone, Error::Compacted { revision: 2 }), "{gone}");
}

#[tokio::test]
async fn a_full_database_is_cleared_by_compacting_defragmenting_and_disarming() {
    for_each(one_of_each(), |version| async move { fill_and_clear(&version).await }).await;
}

async fn fill_and_clear(version: &EtcdVersion) {
    let admin = &admin();
    let (mut specs, control_plane) = specs(version, 1, true);
    specs[0].run.quota_bytes = 2 * 1024 * 1024;
    let mut member = Member::launch(&specs[0], &control_plane);
    let id = member.serving(admin).await.member_id;
    let through = [member.target.clone()];
    assert_eq!(admin.alarms(&through).await.unwrap(), []);

    let mut writer = client(&member.target).await;
    let value = vec![7_u8; 100 * 1024];
    let mut written = 0;
    let refused = loop {
        match writer.put("key", value.clone(), None).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100);
    };
    assert!(refused.to_string().contains("database space exceeded"), "{refused}");
    let alarm = Alarm { member_id: id, kind: AlarmKind::NoSpace };
    assert_eq!(admin.alarms(&through).await.unwrap(), [alarm]);

    let full = admin.status(&member.target).await.unwrap();
    assert_eq!(full.errors.is_empty(), !version.has_learners(), "{full:?}");
    admin.compact(&through, full.revision).await.unwrap();
    admin.defragment(&member.target).await.unwrap();
    let cleared = admin.status(&member.target).await.unwrap();
    assert!(cleared.database_bytes < full.database_bytes / 2, "{} of {}", cleared.database_bytes, full.database_bytes);
    if let Some(in_use) = cleared.database_bytes_in_use {
        assert!(in_use <= cleared.database_bytes);
    }
    admin.disarm(&through, &alarm).await.unwrap();
    admin.disarm(&through, &alarm).await.unwrap();
    assert_eq!(admin.alarms(&through).await.unwrap(), []);
    writer.put("key", "small", None).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_holds_what_its_own_tools_read_from_it() {
    for_each(versions().installed(), |version| async move { take_snapshots(&version).await }).await;
}

async fn take_snapshots(version: &EtcdVersion) {
    let admin = admin();
    let mut member = Member::start(version, true);
    member.serving(&admin).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("snapshot.db");

    let empty = admin.snapshot_to_file(&member.target, &place).await.unwrap();
    assert_eq!(empty.revision, 1);

    let mut writer = client(&member.target).await;
    for batch in 0..25 {
        let put = |n| TxnOp::put(format!("key-{batch}-{n}"), vec![b'v'; 200], None);
        writer.txn(Txn::new().and_then((0..100).map(put).collect::<Vec<_>>())).await.unwrap();
    }
    writer.put("large", vec![b'v'; 300 * 1024], None).await.unwrap();
    writer.lease_grant(600, None).await.unwrap();
    let taken = admin.snapshot_to_file(&member.target, &place).await.unwrap();
    assert_eq!(taken.revision, 27);
    assert_eq!(taken.total_keys, 2501);

    let file = fs::metadata(&place).unwrap();
    assert_eq!((file.len(), file.permissions().mode() & 0o777), (taken.bytes, 0o600));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let (revision, entries) = status_of(version, &place);
    assert_eq!(revision, taken.revision);
    // Before 3.6 the tool counts the other buckets as well.
    assert_eq!(entries == taken.total_keys, version.at_least(3, 6), "{entries}");

    // Where all is deleted and compacted, only the store's own records tell its revision.
    writer.delete("", Some(etcd_client::DeleteOptions::new().with_all_keys())).await.unwrap();
    writer.put("key", "value", None).await.unwrap();
    writer.delete("key", None).await.unwrap();
    admin.compact(std::slice::from_ref(&member.target), 30).await.unwrap();
    let compacted = admin.snapshot_to_file(&member.target, &place).await.unwrap();
    assert_eq!(compacted.revision, 30);
    // Newer versions keep a deletion at the compacted revision itself.
    assert!(compacted.total_keys <= 1, "{compacted:?}");

    member.child.kill().unwrap();
    member.child.wait().unwrap();
    let error = admin.snapshot_to_file(&member.target, &place).await.unwrap_err();
    assert!(matches!(error, Error::NotServing { .. }), "{error}");
    assert_eq!(fs::metadata(&place).unwrap().len(), compacted.bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Revision and number of entries, as etcd's own tool reads them.
fn status_of(version: &EtcdVersion, snapshot: &Path) -> (i64, u64) {
    let binaries = versions().binaries(version).unwrap();
    let tool = binaries.etcdutl.or(binaries.etcdctl).unwrap();
    let mut command = Command::new(tool);
    command.env_clear().env("ETCDCTL_API", "3").args(["snapshot", "status", "--write-out=json"]).arg(snapshot);
    let output = support::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())).wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (status["revision"].as_i64().unwrap(), status["totalKey"].as_u64().unwrap())
}

#[tokio::test]
async fn without_certificates_the_password_of_root_opens_a_cluster_with_auth_on() {
    for_each(one_of_each(), |version| async move { use_password(&version).await }).await;
}

async fn use_password(version: &EtcdVersion) {
    let first = admin();
    let mut member = Member::start(version, false);
    member.serving(&first).await;
    let through = [member.target.clone()];
    let nobody = first.set_root_password(&through, "early").await.unwrap_err();
    assert!(matches!(nobody, Error::NoRootUser), "{nobody}");
    first.enable_auth(&through, "one").await.unwrap();
    first.enable_auth(&through, "one").await.unwrap();
    first.defragment(&member.target).await.unwrap();

    let second = admin();
    assert!(second.auth_enabled(&through).await.unwrap());
    let refused = second.defragment(&member.target).await.unwrap_err();
    assert!(matches!(refused, Error::NotRoot { .. }), "{refused}");
    second.log_in_with(&member.target.instance, &["wrong"]);
    let refused = second.defragment(&member.target).await.unwrap_err();
    assert!(matches!(refused, Error::NotRoot { .. }), "{refused}");
    assert!(!format!("{refused:?}").contains("wrong"), "{refused:?}");
    second.log_in_with(&member.target.instance, &["one"]);
    let place = tempfile::tempdir().unwrap().path().join("none").join("snapshot.db");
    let error = second.snapshot_to_file(&member.target, &place).await.unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    // Somebody else with root's role, where only snapshots are asked for.
    let mut by_hand = client(&member.target).await;
    by_hand.update_user(Some(("root".to_owned(), "one".to_owned()))).await.unwrap();
    by_hand.user_add("keeper", "of backups", None).await.unwrap();
    by_hand.user_grant_role("keeper", "root").await.unwrap();
    let login = |password: &str| Login { user: "keeper".to_owned(), password: password.to_owned().into() };
    let third = admin();
    third.snapshot(&member.target, Some(&login("of somebody else"))).await.unwrap_err();
    let mut snapshot = third.snapshot(&member.target, Some(&login("of backups"))).await.unwrap();
    assert!(snapshot.next().await.unwrap().is_some());

    second.set_root_password(&through, "two").await.unwrap();
    second.set_root_password(&through, "two").await.unwrap();
    assert_eq!(second.members(&through).await.unwrap().len(), 1);
    second.hash_kv(&member.target, 0).await.unwrap();

    // Its token is from before the change.
    first.log_in_with(&member.target.instance, &["two"]);
    first.disable_auth(&through).await.unwrap();
    assert!(!first.auth_enabled(&through).await.unwrap());
    assert_eq!(second.alarms(&through).await.unwrap(), []);
}

#[tokio::test]
async fn with_auth_on_everything_goes_on_in_every_way_to_be_let_in() {
    for security in WAYS_IN {
        for_each(one_of_each(), |version| async move { go_on_with_auth(&version, security).await }).await;
    }
}

/// One who turns auth on, and one who comes later and knows some passwords, of which one may be right.
async fn go_on_with_auth(version: &EtcdVersion, security: Security) {
    let first = admin();
    let (mut specs, control_plane) = specs(version, 1, security.https);
    specs[0].run.security = security;
    let mut member = Member::launch(&specs[0], &control_plane);
    let id = member.serving(&first).await.member_id;
    let (instance, through) = (member.target.instance.clone(), [member.target.clone()]);
    first.enable_auth(&through, "one").await.unwrap();
    first.set_root_password(&through, "two").await.unwrap();

    let second = admin();
    assert!(second.auth_enabled(&through).await.unwrap());
    second.log_in_with(&instance, &["three", "wrong"]);
    let without = second.members(&through).await;
    assert_eq!(without.is_ok(), security.client_cert_auth, "{without:?}");
    // A crash came before the newest one was set.
    second.log_in_with(&instance, &["three", "two", "one"]);
    for _ in 0..2 {
        second.probe(&member.target).await.unwrap();
        assert_eq!(second.members(&through).await.unwrap().len(), 1);
        assert_eq!(second.alarms(&through).await.unwrap(), []);
        second.disarm(&through, &Alarm { member_id: id, kind: AlarmKind::NoSpace }).await.unwrap();
        let revision = second.status(&member.target).await.unwrap().revision;
        second.compact(&through, revision).await.unwrap();
        second.hash_kv(&member.target, 0).await.unwrap();
        second.defragment(&member.target).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        second.snapshot_to_file(&member.target, &folder.path().join("snapshot.db")).await.unwrap();
        if version.has_learners() {
            let peer = support::addresses().1;
            let learner = second.add_member(&through, &format!("https://{peer}"), true).await.unwrap();
            second.remove_member(&through, learner).await.unwrap();
        }
        second.set_root_password(&through, "three").await.unwrap();
    }
    // What it learnt is forgotten with the instance.
    second.forget(&instance);
    assert_eq!(second.members(&through).await.is_ok(), security.client_cert_auth);
    second.log_in_with(&instance, &["three"]);
    second.disable_auth(&through).await.unwrap();
    second.disable_auth(&through).await.unwrap();
    assert!(!second.auth_enabled(&through).await.unwrap());
    second.enable_auth(&through, "four").await.unwrap();
    assert!(second.auth_enabled(&through).await.unwrap());
    assert_eq!(second.members(&through).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_frozen_or_dead_member_is_passed_over_in_time() {
    let admin = LiveAdmin::new(Options { timeout: Duration::from_millis(500) });
    let (specs, control_plane) = specs(&newest(), 3, true);
    let mut members: Vec<_> = specs.iter().map(|spec| Member::launch(spec, &control_plane)).collect();
    for member in &mut members {
        member.serving(&admin).await;
    }
    let mut all: Vec<_> = members.iter().map(|member| member.target.clone()).collect();
    let leads = admin.status(&all[0]).await.unwrap();
    let mut others = Vec::new();
    for target in &all {
        others.push(leads.leader_id != Some(admin.status(target).await.unwrap().member_id));
    }
    let frozen = others.iter().position(|other| *other).unwrap();
    members[frozen].signal(Signal::STOP);
    all.swap(0, frozen);

    let start = Instant::now();
    assert_eq!(admin.members(&all).await.unwrap().len(), 3);
    admin.compact(&all, 1).await.unwrap();
    let error = admin.defragment(&all[0]).await.unwrap_err();
    assert!(matches!(error, Error::NotServing { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let error = eventually_unsafe(&admin, &all).await;
    assert!(error.is_retryable(), "{error}");
    members[frozen].signal(Signal::CONT);
    assert!(matches!(admin.members(&[]).await.unwrap_err(), Error::NobodyToAsk));
}

/// While a voter is away, etcd takes no new one.
async fn eventually_unsafe(admin: &LiveAdmin, all: &[Target]) -> Error {
    let error = admin.add_member(all, "https://127.0.0.1:1", false).await.unwrap_err();
    assert!(matches!(error, Error::UnsafeReconfiguration { .. }), "{error}");
    error
}

/// 3.7 ends at what 3.5 wrote into the log. Skipped where one of the three lines is not there.
#[tokio::test]
async fn a_quiet_member_from_before_3_6_starts_as_3_7_only_once_its_log_was_aged() {
    let admin = &admin();
    let all = versions().installed();
    let [Some(old), Some(middle), Some(new)] =
        [5, 6, 7].map(|minor| all.iter().find(|version| version.minor == minor).cloned())
    else {
        eprintln!("skipped: etcd 3.5, 3.6 and 3.7 are not all there");
        return;
    };
    let (mut all, control_plane) = specs(&old, 1, true);
    let mut spec = all.remove(0);
    let mut member = Member::launch(&spec, &control_plane);
    member.serving(admin).await;
    client(&member.target).await.put("kept", "since before", None).await.unwrap();
    let mut go_on_as = |member: &mut Member, version: &EtcdVersion| {
        spec.run.version = version.clone();
        spec.start = Start::Existing;
        member.go_on_as(&spec);
    };
    go_on_as(&mut member, &middle);
    member.serving(admin).await;
    go_on_as(&mut member, &new);
    let ended = tokio::time::timeout(Duration::from_secs(30), async {
        while member.child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    ended.await.expect("3.7 reads the log of 3.5: then nothing has to be aged any more");

    go_on_as(&mut member, &middle);
    member.serving(admin).await;
    let before = admin.status(&member.target).await.unwrap();
    admin.age_log(std::slice::from_ref(&member.target)).await.unwrap();
    let after = admin.status(&member.target).await.unwrap();
    assert!(after.raft_index > before.raft_index + 10_000, "{} to {}", before.raft_index, after.raft_index);
    assert_eq!(after.revision, before.revision, "what ages the log changes nothing");
    go_on_as(&mut member, &new);
    member.serving(admin).await;
    let found = client(&member.target).await.get("kept", None).await.unwrap();
    assert_eq!(found.kvs()[0].value_str().unwrap(), "since before");
}
