//! Settings: default, then file, then `CETCD_…` environment, then flag.

mod prometheus;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use cetcd_core::{EtcdVersion, network::Networks, window::Window};
use cetcd_runtime::process::PublicRange;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

pub use prometheus::{Grafana, Prometheus};

/// All settings of `cetcd serve`. Every one has a default, so that an empty file is a good file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where the API and the console are served. Plain http on loopback, https elsewhere.
    pub listen: SocketAddr,
    /// The regions that exist.
    #[serde(deserialize_with = "list")]
    pub regions: Vec<String>,
    /// Host names under which the service may be reached behind something that rewrites the Host header.
    #[serde(deserialize_with = "list")]
    pub service_domains: Vec<String>,
    /// VPCs and subnets.
    pub networks: Networks,
    /// Limits of the API.
    pub limits: Limits,
    /// etcd's binaries.
    pub etcd: Etcd,
    /// How members are run.
    pub runtime: Runtime,
    /// Where instances can be reached from outside.
    pub internet: Internet,
    /// Certificates of instances.
    pub certificates: Certificates,
    /// The certificate of the API.
    pub tls: Tls,
    /// Backups.
    pub backup: Backup,
    /// Reading members' metrics.
    pub monitor: Monitor,
    /// Prometheus instances.
    pub prometheus: Prometheus,
    /// The Grafana that is run beside each.
    pub grafana: Grafana,
    /// What is done where a cluster lost its quorum.
    pub recovery: Recovery,
    /// When upkeep may disturb a little.
    pub maintenance: Maintenance,
    /// The web console.
    pub console: Console,
    /// The service's own log.
    pub log: Log,
}

/// Limits of the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a second for each action, region and user; 0 for no limit.
    pub requests_per_second: u32,
    /// Instances of an account in a region.
    pub instances_per_region: usize,
    /// Connections at once.
    pub connections: usize,
}

/// etcd's binaries.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Etcd {
    /// Holds `vX.Y.Z/{etcd,etcdctl,etcdutl}`.
    pub versions_dir: Option<PathBuf>,
    /// Whether versions that are not there may be downloaded.
    pub download: bool,
    /// Release archives, with `{version}`, `{os}` and `{arch}`.
    pub download_url: String,
    /// SHA-256 sums, in hex, of archives that the catalogue does not know.
    pub sums: BTreeMap<String, String>,
    /// Whether binaries on PATH are offered too.
    pub search_path: bool,
}

/// How members are run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// Second number of the 127.x.0.0/16 block that members live in; drawn once where absent.
    pub address_block: Option<u8>,
    /// Cores that each member may use; unlimited where absent.
    pub member_cpu: Option<u32>,
    /// Memory in GiB that each member may use; unlimited where absent.
    pub member_memory_gib: Option<u32>,
}

/// Where instances can be reached from outside: an address of this host, a port of it for each of them. Nowhere unless
/// both are set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Internet {
    /// The address that the endpoint listens at; `0.0.0.0` or `::` for all that the host has.
    pub address: Option<IpAddr>,
    /// The ports that are given to instances, such as `32000-32999`.
    pub ports: Option<String>,
    /// The name that clients know the address by; it is in the certificates then.
    pub name: Option<String>,
}

impl Internet {
    /// The range, where there is one.
    pub fn range(&self) -> Result<Option<PublicRange>> {
        let (address, ports) = match (self.address, &self.ports) {
            (None, None) if self.name.is_none() => return Ok(None),
            (Some(address), Some(ports)) => (address, ports),
            _ => bail!("`internet.address` and `internet.ports` go together, and `internet.name` needs both"),
        };
        let wrong = || format!("`internet.ports` is {ports:?}: it may be like 32000-32999, from 1024 on");
        let (first, last) = ports.split_once('-').with_context(wrong)?;
        let port = |text: &str| text.trim().parse::<u16>().with_context(wrong);
        let (first, last) = (port(first)?, port(last)?);
        if first < 1024 || last < first {
            bail!(wrong());
        }
        if let Some(name) = &self.name {
            cetcd_pki::check_dns_name(name).context("`internet.name`")?;
        }
        if address.is_unspecified() && self.name.is_none() {
            bail!("`internet.address` is {address}: set `internet.name` too, since clients need one to connect to");
        }
        Ok(Some(PublicRange { address, first, last, name: self.name.clone() }))
    }
}

/// Certificates of instances.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certificates {
    /// Days that the certificates of members and clients are valid. They are issued anew at two thirds of it.
    pub leaf_days: u32,
    /// Days that an instance's CA is valid.
    pub authority_days: u32,
    /// Seconds that both CAs are good in a rotation where the request does not say.
    pub overlap_seconds: u32,
    /// The same in seconds, in place of the days: for tests.
    pub leaf_seconds: Option<u32>,
    /// The same in seconds, in place of the days: for tests.
    pub authority_seconds: Option<u32>,
}

/// The certificate of the API.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain; self-made where absent and `listen` is not loopback.
    pub cert: Option<PathBuf>,
    /// PEM file with its key.
    pub key: Option<PathBuf>,
}

/// Backups.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backup {
    /// Where backups go, as cetcd_backup::Location reads it: `file:///folder`, `s3://…`, `cos://…`; the
    /// folder `backups` of the data directory where absent.
    pub url: Option<String>,
    /// What the bucket's service knows us by: `AKIA…`, `AKID…`. For `s3://` the environment's own credentials are
    /// used where absent, `cos://` needs it.
    pub access_key_id: Option<String>,
    /// The key that goes with it.
    #[serde(deserialize_with = "secret")]
    pub secret_access_key: Option<SecretString>,
}

/// Reading members' metrics.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Monitor {
    /// Seconds between two readings of a member, 1 to 300. 720 readings are kept of each.
    pub interval_seconds: u64,
}

/// What is done where a cluster lost its quorum.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recovery {
    /// Who decides that a cluster goes on without a quorum.
    pub policy: RecoveryPolicy,
}

/// When upkeep may disturb a little.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Maintenance {
    /// A time of each day, such as `02:00-05:00`; empty for never.
    pub window: String,
    /// The time zone of the window, by its IANA name.
    pub time_zone: String,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { window: "02:00-05:00".to_owned(), time_zone: "UTC".to_owned() }
    }
}

impl Maintenance {
    /// The window, where there is one.
    pub fn window(&self) -> Result<Option<Window>> {
        let read =
            || Window::parse(&self.window, &self.time_zone).map_err(|why| anyhow::anyhow!("`maintenance`: {why}"));
        (!self.window.is_empty()).then(read).transpose()
    }
}

/// Who decides that a cluster goes on without a quorum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RecoveryPolicy {
    /// A person, by RecoverEtcdInstance.
    #[default]
    Manual,
    /// The service, where no restart can bring the quorum back.
    Automatic,
}

/// The web console, and what the API does for it alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// Whether keys of instances may be looked at (DescribeEtcdKeys).
    pub keys: KeyAccess,
}

/// What may be done with the keys of instances through the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAccess {
    /// Nothing: whoever may call the API need not be who may read the data.
    #[default]
    Off,
    /// They may be read, by everyone who has a key pair of the instance's account.
    Read,
}

/// The service's own log.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: String,
    /// A filter such as `info` or `cetcd_controller=debug`.
    pub level: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(".cetcd"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8379)),
            regions: cetcd_api::REGIONS.iter().map(|region| (*region).to_owned()).collect(),
            service_domains: vec!["cetcd.tencentcloudapi.com".to_owned()],
            networks: Networks::default(),
            limits: Limits::default(),
            etcd: Etcd::default(),
            runtime: Runtime::default(),
            internet: Internet::default(),
            certificates: Certificates::default(),
            tls: Tls::default(),
            backup: Backup::default(),
            monitor: Monitor::default(),
            prometheus: Prometheus::default(),
            grafana: Grafana::default(),
            recovery: Recovery::default(),
            maintenance: Maintenance::default(),
            console: Console::default(),
            log: Log::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_second: 20, instances_per_region: 5, connections: 1024 }
    }
}

impl Default for Etcd {
    fn default() -> Self {
        Self {
            versions_dir: None,
            download: true,
            download_url: cetcd_etcd::catalogue::RELEASE_URL.to_owned(),
            sums: BTreeMap::new(),
            search_path: true,
        }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            leaf_days: 365,
            authority_days: 3650,
            overlap_seconds: 86_400,
            leaf_seconds: None,
            authority_seconds: None,
        }
    }
}

impl Certificates {
    /// How long a leaf is valid.
    pub fn leaf_life(&self) -> SignedDuration {
        seconds_or_days(self.leaf_seconds, self.leaf_days)
    }

    /// How long a CA is valid.
    pub fn authority_life(&self) -> SignedDuration {
        seconds_or_days(self.authority_seconds, self.authority_days)
    }
}

fn seconds_or_days(seconds: Option<u32>, days: u32) -> SignedDuration {
    seconds
        .map_or(SignedDuration::from_hours(i64::from(days) * 24), |seconds| SignedDuration::from_secs(seconds.into()))
}

impl Default for Monitor {
    fn default() -> Self {
        Self { interval_seconds: 10 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text".to_owned(), level: "info".to_owned() }
    }
}

/// The tables of [`Settings`]: `CETCD_LIMITS_REQUESTS_PER_SECOND` is `limits.requests_per_second`.
const TABLES: [&str; 14] = [
    "limits",
    "etcd",
    "runtime",
    "internet",
    "certificates",
    "tls",
    "backup",
    "monitor",
    "prometheus",
    "grafana",
    "recovery",
    "maintenance",
    "console",
    "log",
];

/// What the flags set.
#[derive(Debug, Default)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--recovery-policy`.
    pub recovery_policy: Option<RecoveryPolicy>,
}

/// Reads the settings. `environment` is the process's own in production.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: Flags,
) -> Result<Settings> {
    let mut table = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            text.parse::<Table>().map_err(|error| bad_file(path, &text, &error))?
        }
        None => Table::new(),
    };
    for (name, text) in environment {
        if let Some(name) = name.strip_prefix("CETCD_") {
            overlay(&mut table, &name.to_ascii_lowercase(), &text);
        }
    }
    if let Some(path) = flags.data_dir {
        table.insert("data_dir".to_owned(), Value::String(path.to_string_lossy().into_owned()));
    }
    if let Some(listen) = flags.listen {
        table.insert("listen".to_owned(), Value::String(listen.to_string()));
    }
    let mut settings: Settings = table.try_into().context("a setting is wrong")?;
    if let Some(policy) = flags.recovery_policy {
        settings.recovery.policy = policy;
    }
    check(&settings)?;
    Ok(settings)
}

/// Where the file is not good TOML. The line itself is not repeated: a secret may stand in it.
fn bad_file(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    anyhow::anyhow!("{} is not good TOML: line {line}: {}", path.display(), error.message())
}

/// Settings that are text whatever they look like: `0012` is no number there.
const TEXTS: [&str; 2] = ["backup_access_key_id", "backup_secret_access_key"];

/// Puts one variable into the table, where it names a setting; others (`CETCD_BIN`, …) are not ours.
fn overlay(table: &mut Table, name: &str, text: &str) {
    let value = if TEXTS.contains(&name) { Value::String(text.to_owned()) } else { parse(text) };
    for section in TABLES {
        if let Some(key) = name.strip_prefix(section).and_then(|rest| rest.strip_prefix('_')) {
            let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.to_owned(), value);
            }
            return;
        }
    }
    if ["data_dir", "listen", "regions", "service_domains"].contains(&name) {
        table.insert(name.to_owned(), value);
    }
}

/// Numbers and booleans as such, everything else as text.
fn parse(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return Value::Integer(number);
    }
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(text.to_owned()),
    }
}

/// A list, or text with commas.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::List(list) => list,
        Either::Text(text) => text.split(',').map(|item| item.trim().to_owned()).filter(|i| !i.is_empty()).collect(),
    })
}

/// Text that is not to be shown, also where it is of another type.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(Some(text.into())),
        _ => Err(serde::de::Error::custom("it has to be text, in quotes")),
    }
}

fn check(settings: &Settings) -> Result<()> {
    if settings.regions.is_empty() {
        bail!("`regions` is empty: name at least one, for example ap-guangzhou");
    }
    if settings.tls.cert.is_some() != settings.tls.key.is_some() {
        bail!("`tls.cert` and `tls.key` go together: set both or neither");
    }
    if settings.backup.access_key_id.is_some() != settings.backup.secret_access_key.is_some() {
        bail!("`backup.access_key_id` and `backup.secret_access_key` go together: set both or neither");
    }
    if !["text", "json"].contains(&settings.log.format.as_str()) {
        bail!("`log.format` is {:?}: it may be text or json", settings.log.format);
    }
    let (leaf, authority) = (settings.certificates.leaf_life(), settings.certificates.authority_life());
    let longest = SignedDuration::from_hours(100 * 366 * 24);
    if leaf.is_zero() || authority < leaf || authority > longest {
        bail!(
            "`certificates`: leaves are valid for at least a day, a CA for at least as long as its leaves and at most \
             100 years"
        );
    }
    if !(1..=300).contains(&settings.monitor.interval_seconds) {
        bail!("`monitor.interval_seconds` is {}: it may be 1 to 300", settings.monitor.interval_seconds);
    }
    settings.maintenance.window()?;
    settings.internet.range()?;
    settings.prometheus.check()?;
    for version in settings.etcd.sums.keys() {
        version.parse::<EtcdVersion>().map_err(|reason| anyhow::anyhow!("`etcd.sums`: {reason}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use secrecy::ExposeSecret;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cetcd.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\ndata_dir = \"file\"\n[limits]\nrequests_per_second = 7\n")
            .unwrap();
        let vars = environment(&[("CETCD_LISTEN", "127.0.0.1:2"), ("CETCD_DATA_DIR", "environment")]);
        let flags = Flags { listen: Some("127.0.0.1:3".parse().unwrap()), ..Flags::default() };
        let settings = load(Some(&file), vars, flags).unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.data_dir, Path::new("environment"));
        assert_eq!(settings.limits.requests_per_second, 7);
        assert_eq!(settings.limits.instances_per_region, 5);
    }

    #[test]
    fn a_person_decides_about_a_lost_quorum_unless_it_is_set_otherwise() {
        let policy = |vars: &[(&str, &str)], flag| {
            let flags = Flags { recovery_policy: flag, ..Flags::default() };
            load(None, environment(vars), flags).map(|settings| settings.recovery.policy)
        };
        assert_eq!(policy(&[], None).unwrap(), RecoveryPolicy::Manual);
        let automatic = [("CETCD_RECOVERY_POLICY", "automatic")];
        assert_eq!(policy(&automatic, None).unwrap(), RecoveryPolicy::Automatic);
        assert_eq!(policy(&automatic, Some(RecoveryPolicy::Manual)).unwrap(), RecoveryPolicy::Manual);
        assert!(policy(&[("CETCD_RECOVERY_POLICY", "always")], None).is_err());
    }

    #[test]
    fn keys_are_nobodys_to_read_unless_that_is_set() {
        let keys = |vars: &[(&str, &str)]| {
            load(None, environment(vars), Flags::default()).map(|settings| settings.console.keys)
        };
        assert_eq!(keys(&[]).unwrap(), KeyAccess::Off);
        assert_eq!(keys(&[("CETCD_CONSOLE_KEYS", "read")]).unwrap(), KeyAccess::Read);
        assert!(keys(&[("CETCD_CONSOLE_KEYS", "write")]).is_err());
    }

    #[test]
    fn a_public_address_takes_ports_and_one_that_is_all_of_them_a_name() {
        let range = |vars: &[(&str, &str)]| {
            let vars: Vec<_> = vars.iter().map(|(name, value)| (format!("CETCD_INTERNET_{name}"), *value)).collect();
            let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            load(None, environment(&vars), Flags::default()).map(|settings| settings.internet.range().unwrap())
        };
        assert_eq!(range(&[]).unwrap(), None);
        let (address, ports) = (("ADDRESS", "192.0.2.1"), ("PORTS", "32000-32001"));
        let found = range(&[address, ports]).unwrap().unwrap();
        assert_eq!((found.address.to_string().as_str(), found.first, found.last), ("192.0.2.1", 32_000, 32_001));
        for wrong in [&[address][..], &[ports], &[("NAME", "etcd.example.com")]] {
            assert!(range(wrong).unwrap_err().to_string().contains("go together"));
        }
        for ports in ["32000", "5-9", "33000-32000", "a-b", "1024-99999"] {
            assert!(range(&[address, ("PORTS", ports)]).is_err(), "{ports}");
        }
        let all = ("ADDRESS", "0.0.0.0");
        assert!(range(&[all, ports]).unwrap_err().to_string().contains("internet.name"));
        assert!(range(&[all, ports, ("NAME", "no name")]).is_err());
        assert!(range(&[all, ports, ("NAME", "etcd.example.com")]).unwrap().is_some());
    }

    #[test]
    fn variables_reach_into_tables_and_foreign_ones_are_left_alone() {
        let vars = environment(&[
            ("CETCD_LIMITS_REQUESTS_PER_SECOND", "100"),
            ("CETCD_ETCD_VERSIONS_DIR", "/versions"),
            ("CETCD_REGIONS", "ap-guangzhou, ap-beijing"),
            ("CETCD_BIN", "target/debug/cetcd"),
        ]);
        let settings = load(None, vars, Flags::default()).unwrap();
        assert_eq!(settings.limits.requests_per_second, 100);
        assert_eq!(settings.etcd.versions_dir.as_deref(), Some(Path::new("/versions")));
        assert_eq!(settings.regions, ["ap-guangzhou", "ap-beijing"]);
    }

    #[test]
    fn upkeep_is_nightly_unless_it_is_set_otherwise() {
        let window = |text: &str| {
            load(None, environment(&[("CETCD_MAINTENANCE_WINDOW", text)]), Flags::default())?.maintenance.window()
        };
        assert_eq!(Settings::default().maintenance.window().unwrap(), Some(Window::default()));
        assert_eq!(window("").unwrap(), None);
        assert_eq!(window("22:00-23:30").unwrap(), Some(Window::parse("22:00-23:30", "UTC").unwrap()));
        assert!(window("at night").is_err());
    }

    #[test]
    fn the_keys_of_the_bucket_are_text_whatever_they_look_like_and_are_shown_nowhere() {
        let pair = [("CETCD_BACKUP_ACCESS_KEY_ID", "0012"), ("CETCD_BACKUP_SECRET_ACCESS_KEY", "true")];
        let settings = load(None, environment(&pair), Flags::default()).unwrap();
        assert_eq!(settings.backup.access_key_id.as_deref(), Some("0012"));
        assert_eq!(settings.backup.secret_access_key.as_ref().unwrap().expose_secret(), "true");
        let pair = [("CETCD_BACKUP_ACCESS_KEY_ID", "AKID1"), ("CETCD_BACKUP_SECRET_ACCESS_KEY", "hunter2")];
        let shown = format!("{:?}", load(None, environment(&pair), Flags::default()).unwrap());
        assert!(shown.contains("AKID1") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn one_key_of_the_bucket_without_the_other_is_refused() {
        for (name, value) in [("CETCD_BACKUP_ACCESS_KEY_ID", "a"), ("CETCD_BACKUP_SECRET_ACCESS_KEY", "hunter2")] {
            let said = format!("{:#}", load(None, environment(&[(name, value)]), Flags::default()).unwrap_err());
            assert!(said.contains("go together") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_of_without_what_stands_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cetcd.toml");
        for bad in ["hunter2", "[\"hunter2\"]", "\"hunter2", "4711"] {
            std::fs::write(&file, format!("[backup]\naccess_key_id = \"a\"\nsecret_access_key = {bad}\n")).unwrap();
            let said = format!("{:#}", load(Some(&file), environment(&[]), Flags::default()).unwrap_err());
            assert!(!said.contains("hunter2") && !said.contains("4711"), "{said}");
        }
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cetcd.toml");
        std::fs::write(&file, "[limits]\nrequests_per_sec = 7\n").unwrap();
        let error = load(Some(&file), environment(&[]), Flags::default()).unwrap_err();
        assert!(format!("{error:#}").contains("requests_per_sec"), "{error:#}");
    }
}
