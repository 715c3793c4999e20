//! What it costs to watch five hundred instances of three members: processor time and memory of the watcher alone. The
//! members are simulated, in a process of their own, and everything between is real: connections, TLS with certificates
//! of each instance, and as many lines as a member of etcd 3.5 answers with.
//!
//! `cargo test --release -p cetcd-monitor --test five_hundred -- --ignored --nocapture watching`
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Lines},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use cetcd_core::{
    Clock, Instance, InstanceId, Status,
    instance::{BackupSettings, Charge},
    member::KeyPair,
    status::{MemberRecord, Phase},
};
use cetcd_etcd::{ClientCredentials, EtcdAdmin, LiveAdmin, Target, client};
use cetcd_monitor::{LiveMembers, Metric, Monitor, Options};
use cetcd_pki::{Authority, CA_LIFE, LEAF_LIFE, LeafRequest};
use cetcd_store::{Store, Txn, memory::MemoryStore, records, view::View};
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

const INSTANCES: u32 = 500;
const MEMBERS: u32 = 3;
/// Readings that are kept of a member: two hours at ten seconds.
const KEPT: u32 = 720;
/// Rounds that are measured.
const ROUNDS: u32 = 6;
/// Seconds from one round to the next.
const EVERY: f64 = 10.0;
/// What the watcher may take: of one core, and of memory.
const MOST_OF_A_CORE: f64 = 0.10;
const MOST_MIB: f64 = 80.0;
const DIR: &str = "CETCD_SIMULATED_MEMBERS";

fn address(instance: u32, member: u32) -> Ipv4Addr {
    let number = instance * MEMBERS + member;
    let low = |number: u32| u8::try_from(number).unwrap();
    Ipv4Addr::new(127, 201, low(number / 200), low(number % 200 + 1))
}

fn id(instance: u32) -> InstanceId {
    InstanceId::parse(&format!("etcd-{instance:08}")).unwrap()
}

/// As many lines as a member answers with, of which a few dozen are wanted.
fn answer() -> String {
    let mut text = String::new();
    for family in ["etcd_disk_wal_fsync_duration_seconds", "etcd_disk_backend_commit_duration_seconds"] {
        for (number, le) in ["0.001", "0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "+Inf"].iter().enumerate() {
            writeln!(text, "{family}_bucket{{le=\"{le}\"}} {}", 10 * number).unwrap();
        }
    }
    for name in ["etcd_mvcc_db_total_size_in_bytes", "process_resident_memory_bytes", "etcd_server_is_leader"] {
        writeln!(text, "# HELP {name} What it is.\n# TYPE {name} gauge\n{name} 1.048576e+06").unwrap();
    }
    for number in 0..1000 {
        let method = format!("grpc_code=\"OK\",grpc_method=\"Method{number}\",grpc_service=\"etcdserverpb.KV\"");
        writeln!(text, "grpc_server_started_by_method_total{{{method},grpc_type=\"unary\"}} {number}").unwrap();
    }
    text
}

/// The simulated members: one listener, which tells by the address that was asked whose certificate to show.
#[test]
#[ignore = "the other process of the test below"]
fn members() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut configs = HashMap::new();
        for instance in 0..INSTANCES {
            let read = |name: &str| fs::read(Path::new(&dir).join(format!("{instance}.{name}"))).unwrap();
            let chain = vec![CertificateDer::from_pem_slice(&read("crt")).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let config = Arc::new(config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap());
            configs.extend((0..MEMBERS).map(|member| (IpAddr::V4(address(instance, member)), Arc::clone(&config))));
        }
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        println!("port={}", listener.local_addr().unwrap().port());
        let text: Arc<str> = answer().into();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let config = Arc::clone(&configs[&stream.local_addr().unwrap().ip()]);
            tokio::spawn(serve(stream, config, Arc::clone(&text)));
        }
    });
}

async fn serve(stream: TcpStream, config: Arc<rustls::ServerConfig>, text: Arc<str>) {
    let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return };
    let mut request = [0; 1024];
    if stream.read(&mut request).await.is_ok() {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// The other process, which ends with the test.
struct Members {
    child: Child,
    port: u16,
    /// Kept open: the process ends where nobody takes what it says.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Members {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "members", "--nocapture"])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| line.split_once("port=")?.1.parse().ok());
        Self { child, port: port.expect("it says where it listens"), _output: lines }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The way to the members, but for the two hours that went before.
struct Way {
    admin: LiveAdmin,
    credentials: BTreeMap<InstanceId, Arc<ClientCredentials>>,
    past: AtomicBool,
}

#[async_trait]
impl LiveMembers for Way {
    async fn metrics(&self, instance: &Instance, member: &MemberRecord) -> Result<String, String> {
        if self.past.load(Ordering::Relaxed) {
            return Ok("etcd_server_is_leader 1\nprocess_open_fds 20\n".to_owned());
        }
        let credentials = Some(Arc::clone(&self.credentials[&instance.id]));
        let target = Target { instance: instance.id.clone(), address: member.client, credentials };
        self.admin.metrics(&target).await.map_err(|error| error.to_string())
    }
}

/// Ten seconds for each round.
#[derive(Default)]
struct Rounds(AtomicI64);

impl Clock for Rounds {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + 10 * self.0.load(Ordering::Relaxed)).unwrap()
    }
}

fn records_of(instance: u32, port: u16) -> (Instance, Status) {
    let security = json!({ "https": true, "client_cert_auth": true });
    let member = |ordinal: u32| {
        let client = SocketAddr::from((address(instance, ordinal), port));
        json!({
            "ordinal": ordinal, "subnet_id": "subnet-abcd1234", "zone": "ap-guangzhou-1", "client": client,
            "peer": client, "phase": "Running", "version": null,
            "run": {
                "version": "v3.5.30", "security": security, "auto_compaction": null, "quota_bytes": 1,
                "resources": null,
            },
        })
    };
    let members = (0..MEMBERS).map(|ordinal| serde_json::from_value(member(ordinal)).unwrap()).collect();
    let status = Status { phase: Phase::Running, cluster_id: Some(1), members, ..Status::default() };
    let instance = json!({
        "id": id(instance), "account": "1", "region": "ap-guangzhou", "created_at": "2026-11-23T10:00:00Z",
        "generation": 1,
        "spec": {
            "name": "", "description": "", "vpc_id": "vpc-abcd1234", "service_subnet_id": "subnet-abcd1234",
            "subnet_ids": ["subnet-abcd1234"], "version": "v3.5.30", "size": MEMBERS, "security": security,
            "auto_compaction": null, "backup": BackupSettings::default(), "monitor": null, "custom_domains": [],
            "custom_ips": [], "charge": Charge::default(), "disk_size_gb": 20, "resources": null,
            "deletion_protection": false, "deleting": false,
        },
    });
    (serde_json::from_value(instance).unwrap(), status)
}

/// Seconds of processor time that this process has taken.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    // User and system time, in hundredths: Linux tells no other unit.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// The CAs of all instances; what their members show is put into `dir`.
fn issue(dir: &Path) -> BTreeMap<InstanceId, Arc<ClientCredentials>> {
    let now = Timestamp::now();
    let of_one = |instance| {
        let authority = Authority::create(id(instance).as_str(), now, CA_LIFE).unwrap();
        let addresses = (0..MEMBERS).map(|member| IpAddr::V4(address(instance, member)));
        let server = authority.issue_server(&LeafRequest::new(now).ips(addresses)).unwrap();
        fs::write(dir.join(format!("{instance}.crt")), &server.cert_pem).unwrap();
        fs::write(dir.join(format!("{instance}.key")), server.key_pem.as_bytes()).unwrap();
        let client = authority.issue_client("root", now, LEAF_LIFE).unwrap();
        let client = KeyPair { cert: client.cert_pem, key: client.key_pem.to_string() };
        (id(instance), Arc::new(ClientCredentials { ca: authority.cert_pem().to_owned(), client }))
    };
    (0..INSTANCES).map(of_one).collect()
}

#[tokio::test]
#[ignore = "takes a minute, and its figures are those of an optimised build"]
async fn watching_five_hundred_instances_costs_little() {
    let dir = tempfile::tempdir().unwrap();
    let credentials = issue(dir.path());
    let members = Members::start(dir.path());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for instance in 0..INSTANCES {
        let (instance, status) = records_of(instance, members.port);
        let txn = Txn::new().then(records::put_instance(&instance)).then(records::put_status(&instance.id, &status));
        store.txn(txn).await.unwrap();
    }
    let (view, _follow) = View::follow(store).await.unwrap();
    let before = resident_mib();
    let admin = LiveAdmin::new(client::Options::default());
    let way = Arc::new(Way { admin, credentials, past: AtomicBool::new(true) });
    let clock = Arc::new(Rounds::default());
    let monitor = Monitor::new(view, Arc::clone(&way) as _, Arc::clone(&clock) as _, Options::default());
    let round = async || {
        clock.0.fetch_add(1, Ordering::Relaxed);
        let began = processor_seconds();
        monitor.turn().await;
        processor_seconds() - began
    };
    for _ in 0..KEPT {
        round().await;
    }
    way.past.store(false, Ordering::Relaxed);
    // It makes what is kept of each instance.
    let first = round().await;
    let mut all = 0.0;
    for _ in 0..ROUNDS {
        all += round().await;
    }
    let (each, mib) = (all / f64::from(ROUNDS), resident_mib() - before);
    let (count, of_a_core) = (INSTANCES * MEMBERS, 100.0 * each / EVERY);
    println!(
        "{count} members: {each:.3} s of processor time a round (the first: {first:.3} s), which is {of_a_core:.1} % of a core; {mib:.1} MiB"
    );
    let last = clock.now().as_second();
    for instance in [0, INSTANCES - 1] {
        let series = monitor.series(&id(instance), &[Metric::DatabaseSize], last, last, 1);
        assert_eq!(series.iter().filter(|series| !series.points.is_empty()).count(), 3, "every member was read");
    }
    assert!(mib < MOST_MIB, "{mib} MiB");
    assert!(cfg!(debug_assertions) || each / EVERY < MOST_OF_A_CORE, "{each} s a round");
}
