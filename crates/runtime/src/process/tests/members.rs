//! Starting, watching, stopping and removing members.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test]
async fn a_member_is_started_once_however_often_it_is_asked_for() {
    let fixture = Fixture::new(RUNS).await;
    let spec = spec();
    let ensure = || fixture.runtime.ensure_member(&spec);
    let (first, second, third) = tokio::join!(ensure(), ensure(), ensure());
    for done in [first, second, third] {
        done.unwrap();
    }
    let pid = fixture.pid();
    fixture.ensure().await;
    assert_eq!(fixture.pid(), pid);
    assert_eq!(fixture.view().await.process, Process::Running);
    assert_eq!(fixture.runtime.instances().await.unwrap(), BTreeSet::from([instance()]));
}

#[tokio::test]
async fn a_process_that_does_not_end_when_asked_is_killed_after_the_grace() {
    let fixture = Fixture::with(IGNORES_SIGTERM, |options| options.grace = Duration::from_millis(100)).await;
    fixture.ensure().await;
    fixture.ready().await;
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    assert!(matches!(fixture.view().await.process, Process::Exited { quick_exits: 0, .. }));
    assert!(Fixture::pids(&fixture.member_dir()).is_empty());
}

#[tokio::test]
async fn a_stopped_member_runs_again_when_asked_for() {
    let fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let first = fixture.pid();
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    fixture.ensure().await;
    assert_ne!(fixture.pid(), first);
    assert_eq!(fixture.view().await.process, Process::Running);
}

#[tokio::test]
async fn a_member_is_not_removed_while_it_runs_and_leaves_nothing_after() {
    let fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let refused = fixture.runtime.remove_member(&instance(), 0).await;
    assert!(matches!(refused, Err(Error::StillRunning { member }) if member == "etcd-abcd1234-etcd-0"));
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    fixture.runtime.remove_member(&instance(), 0).await.unwrap();
    assert_eq!(fixture.runtime.observe(&instance()).await.unwrap(), RuntimeView::default());
    assert!(fixture.runtime.instances().await.unwrap().is_empty());
    assert_eq!(fs::read_dir(fixture.options.root.join("members")).unwrap().count(), 0);
    fixture.runtime.remove_member(&instance(), 0).await.unwrap();
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
}

#[cfg(target_os = "linux")]
#[cfg(target_os = "linux")]
#[tokio::test]
async fn files_and_folders_are_private_and_certificates_are_replaced() {
    let fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let mut renewed = spec();
    renewed.certificates.peer = KeyPair { cert: "renewed".to_owned(), key: "renewed key".to_owned() };
    renewed.certificates.server = KeyPair::default();
    fixture.runtime.ensure_member(&renewed).await.unwrap();
    let paths = member::paths(&fixture.member_dir());
    assert_eq!(fs::read_to_string(&paths.peer_cert).unwrap(), "renewed");
    assert_eq!(fs::read_to_string(&paths.peer_key).unwrap(), "renewed key");
    assert!(!paths.server_key.exists() && !paths.server_cert.exists());
    let mut folders = vec![fixture.options.root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let (path, metadata) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_member_gets_none_of_our_environment_but_what_is_listed() {
    let fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    fixture.ready().await;
    let marker = format!("{MARKER}={}", fixture.member_dir().display());
    let mut environment = String::new();
    // Not to be read for a moment while the shell becomes another program.
    until(async || {
        environment = fs::read_to_string(format!("/proc/{}/environ", fixture.pid())).unwrap();
        environment.contains(&marker)
    })
    .await;
    // Cargo's are in ours; the shell sets PWD and OLDPWD itself.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    assert!(!environment.contains("CARGO"), "{environment}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn with_the_wrapper_a_member_leads_a_session_of_its_own() {
    /// The wrapper is a test program here, which takes no arguments that begin with a dash.
    struct Plain;
    impl Launcher for Plain {
        fn command(&self, _: &MemberSpec, _: &MemberPaths) -> Result<CommandLine, String> {
            Ok(CommandLine { program: "/bin/sleep".into(), arguments: vec!["1000".to_owned()] })
        }
    }
    let wrapper = this_program("process::tests::acts_as_the_session_wrapper", &["session"]);
    let fixture = Fixture::with(RUNS, |options| {
        options.session_wrapper = Some(wrapper);
        options.launcher = Arc::new(Plain);
    })
    .await;
    fixture.ensure().await;
    let pid = fixture.pid();
    let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    until(async || name().trim() == "sleep").await;
    let session = rustix::process::getsid(Pid::from_raw(pid)).unwrap();
    assert_eq!(session.as_raw_nonzero().get(), pid);
    assert_eq!(fixture.pid(), pid);
    assert_eq!(fixture.view().await.process, Process::Running);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    struct Missing;
    impl Launcher for Missing {
        fn command(&self, _: &MemberSpec, _: &MemberPaths) -> Result<CommandLine, String> {
            Ok(CommandLine { program: "/nowhere/etcd".into(), arguments: vec![] })
        }
    }
    let fixture = Fixture::with(RUNS, |options| options.launcher = Arc::new(Missing)).await;
    let error = fixture.runtime.ensure_member(&spec()).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/etcd"), "{error}");
    assert_eq!(fixture.view().await.process, Process::Absent);
}

#[tokio::test]
async fn limits_that_cannot_be_enforced_are_told_only_where_they_were_asked_for() {
    let fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    assert_eq!(fixture.view().await.unlimited, None);
    let mut limited = MemberSpec { ordinal: 1, ..spec() };
    limited.run.resources = Some(Resources { cpu: 1, memory_gib: 1 });
    fixture.runtime.ensure_member(&limited).await.unwrap();
    let view = fixture.runtime.observe(&instance()).await.unwrap();
    assert!(view.members[1].unlimited.is_some());
    assert_eq!(view.members[1].process, Process::Running);
}

#[tokio::test]
async fn the_disk_that_the_data_takes_is_measured() {
    let fixture = Fixture::new(RUNS).await;
    let data = member::paths(&fixture.member_dir()).data.join("member/snap");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("db"), vec![1; 100_000]).unwrap();
    fixture.ensure().await;
    let bytes = fixture.view().await.disk_bytes;
    assert!((100_000..1_000_000).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn a_running_member_is_given_other_certificates_and_goes_on() {
    let fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    fixture.ready().await;
    let pid = fixture.pid();
    let mut wanted = spec().certificates;
    "renewed".clone_into(&mut wanted.server.cert);
    "another CA".clone_into(&mut wanted.ca);
    let print = Fingerprint::of(&wanted.server, &wanted.peer);
    let shows = async || fixture.view().await.shows.unwrap().compare(&print);
    assert_eq!(shows().await, OnDisk::OtherCertificates);
    fixture.runtime.put_certificates(&instance(), 0, &wanted).await.unwrap();
    assert_eq!(shows().await, OnDisk::Same);
    assert_eq!(fixture.pid(), pid);
    let ca = fs::read_to_string(member::paths(&fixture.member_dir()).ca).unwrap();
    assert_eq!(ca, spec().certificates.ca, "etcd reads the CA at its start only");
}

#[tokio::test]
async fn a_member_that_left_nothing_is_given_no_certificates() {
    let fixture = Fixture::new(RUNS).await;
    fixture.runtime.put_certificates(&instance(), 0, &spec().certificates).await.unwrap();
    assert!(fixture.runtime.instances().await.unwrap().is_empty());
}
