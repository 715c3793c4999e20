#![allow(clippy::unwrap_used)]

//! With stand-ins for both programs: they write down how they were started, and stay.

use std::{fs, os::unix::fs::PermissionsExt};

use cetcd_core::InstanceId;
use cetcd_runtime::process::ServiceOptions;

use super::*;
use crate::Job;

fn stand_in(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, "#!/bin/sh\nprintf '%s\\n' \"$@\" >arguments.new && mv arguments.new arguments\nexec sleep 600\n")
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn id() -> PrometheusId {
    PrometheusId::parse("prom-abcd1234").unwrap()
}

fn wanted(instances: &[&str]) -> Wanted {
    let job = |text: &&str| Job { instance: InstanceId::parse(text).unwrap(), tls: None };
    let ours = Ours {
        // Nobody listens there: a stand-in answers nobody.
        listen: ([127, 251, 3, 1], 9).into(),
        password: "drawn".to_owned(),
        retention_days: 10,
        grafana: ([127, 251, 3, 1], 10).into(),
        grafana_user: "admin".to_owned(),
        grafana_password: "given".to_owned(),
    };
    Wanted { id: id(), token: "token".to_owned(), jobs: instances.iter().map(job).collect(), ours: Some(ours) }
}

async fn watchers(root: &Path) -> Arc<ProcessWatchers> {
    let grafana = GrafanaProgram { binary: stand_in(root, "grafana"), home: root.join("home") };
    let options = Options {
        binary: Some(stand_in(root, "prometheus")),
        grafana: Some(grafana),
        service: Service { url: "http://127.0.0.1:8379".to_owned(), ca: None },
        interval_seconds: 15,
        external: BTreeMap::new(),
    };
    ProcessWatchers::new(options, Services::open(ServiceOptions::new(root.join("services"))).await.unwrap())
}

/// What the stand-in was started with, once it has written that down.
async fn arguments(folder: &Path) -> Vec<String> {
    loop {
        if let Ok(text) = fs::read_to_string(folder.join("arguments")) {
            return text.lines().map(str::to_owned).collect();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn both_are_started_with_their_files_adopted_and_removed_without_a_trace() {
    let root = tempfile::tempdir().unwrap();
    let wanted = wanted(&["etcd-aaaaaaaa"]);
    let first = watchers(root.path()).await;
    assert!(first.ensure(&wanted).await.unwrap());
    assert!(!first.ensure(&wanted).await.unwrap(), "nothing is changed twice");
    let folder = root.path().join("services/prom-abcd1234");
    let started = arguments(&folder).await;
    assert!(started.contains(&"--storage.tsdb.retention.time=10d".to_owned()), "{started:?}");
    assert_eq!(arguments(&folder.join("grafana")).await[0], "server");
    drop(first);
    let second = watchers(root.path()).await;
    let look = second.look(&id(), wanted.ours.as_ref()).await;
    assert!(look.problem.is_some_and(|problem| problem.contains("no answer")), "it runs, and answers nobody");
    assert_eq!(look.jobs.len(), 1);
    second.remove(&id()).await.unwrap();
    assert!(!folder.exists());
    let look = second.look(&id(), wanted.ours.as_ref()).await;
    assert_eq!(look.problem.as_deref(), Some("it is not started yet"));
}

#[tokio::test]
async fn what_goes_goes_from_the_files_though_there_is_no_binary_any_more() {
    let root = tempfile::tempdir().unwrap();
    let services = Services::open(ServiceOptions::new(root.path())).await.unwrap();
    let options = Options {
        binary: None,
        grafana: None,
        service: Service { url: "http://127.0.0.1:8379".to_owned(), ca: None },
        interval_seconds: 15,
        external: BTreeMap::new(),
    };
    let watchers = ProcessWatchers::new(options, services);
    for instances in [&["etcd-aaaaaaaa"][..], &[]] {
        let wanted = wanted(instances);
        assert!(matches!(watchers.ensure(&wanted).await, Err(Error::NoBinary)));
        assert_eq!(watchers.look(&id(), wanted.ours.as_ref()).await.jobs.len(), instances.len());
    }
}
