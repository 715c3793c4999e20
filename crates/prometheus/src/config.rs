//! The files that a Prometheus reads.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use cetcd_core::InstanceId;
use cetcd_runtime::process::Files;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Job, Ours, Result, Service, USER, Wanted, assets::RULES};

/// The file that names all others.
pub const MAIN: &str = "prometheus.yml";

/// Who may ask, within the folder of the configuration.
pub const WEB: &str = "web.yml";

/// The job of the service's own metrics.
const SERVICE_JOB: &str = "cetcd";

/// Rounds of bcrypt, as a power of two. The password is drawn, with 165 bits: nobody guesses it however quick that is,
/// and Prometheus hashes what it is given at each request that it does not remember.
const COST: u32 = 5;

/// All files of a Prometheus of ours, by their path within the folder of its configuration.
pub fn files(wanted: &Wanted, ours: &Ours, service: &Service, seconds: u64) -> Result<Files> {
    let mut files = Files::new();
    let mut jobs = vec![service_job(&wanted.jobs, service)];
    for job in &wanted.jobs {
        put_pairs(&mut files, job);
        jobs.push(scrape_job(job, wanted, service, Path::new("")));
    }
    for rules in RULES {
        files.insert(Path::new("rules").join(rules.name), rules.text.into());
    }
    if let Some(ca) = &service.ca {
        files.insert("service-ca.pem".into(), ca.clone().into());
    }
    files.insert("token".into(), wanted.token.clone().into());
    let interval = format!("{seconds}s");
    let timeout = format!("{}s", seconds.min(10));
    let main = json!({
        "global": { "scrape_interval": interval, "scrape_timeout": timeout, "evaluation_interval": interval },
        "rule_files": ["rules/*.yml"],
        "scrape_configs": jobs,
    });
    files.insert(MAIN.into(), yaml(&main));
    let hash = bcrypt::hash_with_salt(&ours.password, COST, salt(wanted, ours))?;
    files.insert(WEB.into(), yaml(&json!({ "basic_auth_users": { (USER): hash.to_string() } })));
    Ok(files)
}

/// What a Prometheus that runs elsewhere includes: a file for each job, whose paths are absolute since nobody knows
/// where it is included from.
pub fn files_elsewhere(wanted: &Wanted, service: &Service, dir: &Path) -> Files {
    let mut files = Files::new();
    for job in &wanted.jobs {
        put_pairs(&mut files, job);
        let text = yaml(&json!({ "scrape_configs": [scrape_job(job, wanted, service, dir)] }));
        files.insert(format!("{}.yml", job.instance).into(), text);
    }
    if let Some(ca) = &service.ca {
        files.insert("service-ca.pem".into(), ca.clone().into());
    }
    files.insert("token".into(), wanted.token.clone().into());
    files
}

/// The instances that the files in `dir` name, ours or elsewhere.
pub fn jobs_in(dir: &Path) -> BTreeSet<InstanceId> {
    let names = |dir: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    };
    let mut found: BTreeSet<_> =
        names(&dir.join("instances")).iter().filter_map(|name| InstanceId::parse(name)).collect();
    found.extend(names(dir).iter().filter_map(|name| InstanceId::parse(name.strip_suffix(".yml")?)));
    let main = std::fs::read(dir.join(MAIN)).ok();
    let main: Option<Value> = main.and_then(|text| serde_yaml::from_slice(&text).ok());
    let jobs = main.iter().filter_map(|main| main["scrape_configs"].as_array()).flatten();
    found.extend(jobs.filter_map(|job| InstanceId::parse(job["job_name"].as_str()?)));
    found
}

/// The command line's arguments of a Prometheus of ours. `dir` is its folder.
pub fn arguments(ours: &Ours, dir: &Path, config: &Path) -> Vec<String> {
    let path = |path: PathBuf| path.display().to_string();
    vec![
        format!("--config.file={}", path(config.join(MAIN))),
        format!("--web.config.file={}", path(config.join(WEB))),
        format!("--web.listen-address={}", ours.listen),
        format!("--storage.tsdb.path={}", path(dir.join("data"))),
        format!("--storage.tsdb.retention.time={}d", ours.retention_days),
    ]
}

fn put_pairs(files: &mut Files, job: &Job) {
    let Some(tls) = &job.tls else { return };
    let dir = pairs(job);
    files.insert(dir.join("ca.pem"), tls.ca.clone().into());
    files.insert(dir.join("client.pem"), tls.client.cert.clone().into());
    files.insert(dir.join("client.key"), tls.client.key.clone().into());
}

/// Where the certificates of a job are.
fn pairs(job: &Job) -> PathBuf {
    Path::new("instances").join(job.instance.as_str())
}

/// Members come with `instance` and `member` from the service; `job` is the same for all of them, as rules and
/// dashboards for etcd expect it.
fn scrape_job(job: &Job, wanted: &Wanted, service: &Service, dir: &Path) -> Value {
    let path = |name: PathBuf| dir.join(name).display().to_string();
    let mut discovery = json!({
        "url": format!("{}/sd/{}/{}", service.url, wanted.id, job.instance),
        "refresh_interval": "5s",
        "authorization": { "type": "Bearer", "credentials_file": path("token".into()) },
    });
    if service.ca.is_some() {
        discovery["tls_config"] = json!({ "ca_file": path("service-ca.pem".into()) });
    }
    let mut config = json!({
        "job_name": job.instance,
        "scheme": "http",
        "http_sd_configs": [discovery],
        "relabel_configs": [{ "target_label": "job", "replacement": "etcd" }],
    });
    if job.tls.is_some() {
        let file = |name: &str| path(pairs(job).join(name));
        config["scheme"] = json!("https");
        config["tls_config"] =
            json!({ "ca_file": file("ca.pem"), "cert_file": file("client.pem"), "key_file": file("client.key") });
    }
    config
}

/// The service's own metrics, of which those about other people's instances are left out.
fn service_job(jobs: &[Job], service: &Service) -> Value {
    let (scheme, address) = service.url.split_once("://").unwrap_or(("http", &service.url));
    let ids = jobs.iter().map(|job| job.instance.as_str());
    let kept: Vec<&str> = std::iter::once(SERVICE_JOB).chain(ids).collect();
    let mut config = json!({
        "job_name": SERVICE_JOB,
        "scheme": scheme,
        // It names instances itself.
        "honor_labels": true,
        "static_configs": [{ "targets": [address], "labels": { "instance": SERVICE_JOB } }],
        "metric_relabel_configs": [
            { "source_labels": ["instance"], "regex": kept.join("|"), "action": "keep" },
        ],
    });
    if service.ca.is_some() {
        config["tls_config"] = json!({ "ca_file": "service-ca.pem" });
    }
    config
}

/// Drawn from the password itself: the same password gives the same file, so that nothing is written without need.
fn salt(wanted: &Wanted, ours: &Ours) -> [u8; 16] {
    let digest = Sha256::new().chain_update(wanted.id.as_str()).chain_update(&ours.password).finalize();
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest[..16]);
    salt
}

pub fn yaml(value: &Value) -> Vec<u8> {
    serde_yaml::to_string(value).expect("keys are text and no serializer fails").into_bytes()
}

#[cfg(test)]
mod tests;
