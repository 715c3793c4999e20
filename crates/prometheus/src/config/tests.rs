#![allow(clippy::unwrap_used)]

use cetcd_core::{PrometheusId, member::KeyPair};

use super::*;
use crate::JobTls;

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

fn ours() -> Ours {
    Ours {
        listen: ([127, 0, 0, 1], 9090).into(),
        password: "drawn".to_owned(),
        retention_days: 10,
        grafana: ([127, 0, 0, 1], 3000).into(),
        grafana_user: "admin".to_owned(),
        grafana_password: "hunter2".to_owned(),
    }
}

fn service() -> Service {
    Service { url: "http://127.0.0.1:8379".to_owned(), ca: None }
}

fn wanted() -> Wanted {
    let client = KeyPair { cert: "cert".to_owned(), key: "key".to_owned() };
    let tls = Some(JobTls { ca: "ca".to_owned(), client });
    let jobs = vec![Job { instance: id("etcd-aaaaaaaa"), tls }, Job { instance: id("etcd-bbbbbbbb"), tls: None }];
    let prometheus = PrometheusId::parse("prom-abcd1234").unwrap();
    Wanted { id: prometheus, token: "token".to_owned(), jobs, ours: Some(ours()) }
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files[Path::new(name)].clone()).unwrap()
}

fn main_file(service: &Service) -> Value {
    let files = files(&wanted(), &ours(), service, 15).unwrap();
    serde_yaml::from_str(&text(&files, MAIN)).unwrap()
}

#[test]
fn every_instance_has_a_job_with_its_own_certificates_and_http_where_it_speaks_no_tls() {
    let main = main_file(&service());
    let jobs = main["scrape_configs"].as_array().unwrap();
    let names: Vec<_> = jobs.iter().map(|job| job["job_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cetcd", "etcd-aaaaaaaa", "etcd-bbbbbbbb"]);
    assert_eq!(jobs[1]["tls_config"]["key_file"], "instances/etcd-aaaaaaaa/client.key");
    assert_eq!((&jobs[1]["scheme"], &jobs[2]["scheme"]), (&json!("https"), &json!("http")));
    assert_eq!(jobs[1]["http_sd_configs"][0]["url"], "http://127.0.0.1:8379/sd/prom-abcd1234/etcd-aaaaaaaa");
    assert!(jobs[2]["tls_config"].is_null());
}

#[test]
fn of_the_services_own_metrics_those_of_other_peoples_instances_are_left_out() {
    let main = main_file(&service());
    let rule = &main["scrape_configs"][0]["metric_relabel_configs"][0];
    assert_eq!(rule["regex"], "cetcd|etcd-aaaaaaaa|etcd-bbbbbbbb");
}

#[test]
fn a_service_behind_tls_is_verified() {
    let service = Service { url: "https://192.0.2.1:8379".to_owned(), ca: Some("service ca".to_owned()) };
    let main = main_file(&service);
    assert_eq!(main["scrape_configs"][0]["scheme"], "https");
    assert_eq!(main["scrape_configs"][0]["tls_config"]["ca_file"], "service-ca.pem");
    assert_eq!(main["scrape_configs"][1]["http_sd_configs"][0]["tls_config"]["ca_file"], "service-ca.pem");
}

#[test]
fn the_password_is_in_no_file_and_its_hash_is_the_same_each_time() {
    let first = files(&wanted(), &ours(), &service(), 15).unwrap();
    assert_eq!(first, files(&wanted(), &ours(), &service(), 15).unwrap());
    for (name, text) in &first {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains("drawn") && !text.contains("hunter2"), "{}", name.display());
    }
    let web: Value = serde_yaml::from_str(&text(&first, WEB)).unwrap();
    assert!(bcrypt::verify("drawn", web["basic_auth_users"][USER].as_str().unwrap()).unwrap());
}

#[test]
fn elsewhere_a_job_is_a_file_with_absolute_paths() {
    let files = files_elsewhere(&wanted(), &service(), Path::new("/jobs"));
    let job: Value = serde_yaml::from_str(&text(&files, "etcd-aaaaaaaa.yml")).unwrap();
    let job = &job["scrape_configs"][0];
    assert_eq!(job["tls_config"]["ca_file"], "/jobs/instances/etcd-aaaaaaaa/ca.pem");
    assert_eq!(job["http_sd_configs"][0]["authorization"]["credentials_file"], "/jobs/token");
}

#[tokio::test]
async fn which_instances_are_named_is_read_back_from_the_files() {
    let both = BTreeSet::from([id("etcd-aaaaaaaa"), id("etcd-bbbbbbbb")]);
    let dir = tempfile::tempdir().unwrap();
    assert!(jobs_in(dir.path()).is_empty());
    let here = files(&wanted(), &ours(), &service(), 15).unwrap();
    for files in [here, files_elsewhere(&wanted(), &service(), dir.path())] {
        cetcd_runtime::process::hold(dir.path(), files).await.unwrap();
        assert_eq!(jobs_in(dir.path()), both);
    }
    cetcd_runtime::process::hold(dir.path(), Files::new()).await.unwrap();
    assert!(jobs_in(dir.path()).is_empty());
}
