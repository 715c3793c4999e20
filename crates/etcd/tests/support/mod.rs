//! A real member of one, for tests that need one.

use std::{
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cetcd_core::{
    EtcdVersion, InstanceId,
    instance::{AutoCompaction, CompactionMode, RunConfig, Security},
    member::{KeyPair, MemberCertificates, MemberPaths, MemberSpec, Start},
    observed::Serving,
};
use cetcd_etcd::{
    ClientCredentials, EtcdAdmin, Installer, LiveAdmin, Target, Versions, command_arguments,
    versions::{Options, default_versions_dir},
};
use cetcd_pki::{Authority, LeafRequest};

/// The versions that `make versions` brought.
pub fn versions() -> Versions {
    let folder = default_versions_dir().expect("tests need a home folder, or CETCD_ETCD_VERSIONS_DIR");
    let versions = Versions::new(Options { url_template: None, ..Options::new(&folder) });
    assert!(
        !versions.installed().is_empty(),
        "no etcd in {} and none on PATH: run `make versions` first",
        folder.display()
    );
    versions
}

/// The newest version that is there.
pub fn newest() -> EtcdVersion {
    versions().installed().swap_remove(0)
}

/// An instance's CA and what it issued for its members and the control plane.
pub struct Credentials {
    certificates: MemberCertificates,
    pub control_plane: Arc<ClientCredentials>,
}

impl Credentials {
    pub fn issue(addresses: &[SocketAddr]) -> Self {
        let now = jiff::Timestamp::now();
        let authority = Authority::create("etcd-test0000", now, cetcd_pki::CA_LIFE).unwrap();
        // Peers check each other's source address, and that is this one on loopback.
        let source = IpAddr::from(Ipv4Addr::LOCALHOST);
        let request = || LeafRequest::new(now).ips(addresses.iter().map(SocketAddr::ip).chain([source]));
        let pair = |leaf: cetcd_pki::Leaf| KeyPair { cert: leaf.cert_pem, key: leaf.key_pem.to_string() };
        Self {
            certificates: MemberCertificates {
                ca: authority.cert_pem().to_owned(),
                server: pair(authority.issue_server(&request()).unwrap()),
                peer: pair(authority.issue_peer(&request()).unwrap()),
            },
            control_plane: Arc::new(ClientCredentials {
                ca: authority.cert_pem().to_owned(),
                client: pair(authority.issue_client("root", now, cetcd_pki::LEAF_LIFE).unwrap()),
            }),
        }
    }
}

/// What the members of an instance are to be started with, from ordinal 0.
pub fn specs(version: &EtcdVersion, size: u32, https: bool) -> (Vec<MemberSpec>, Arc<ClientCredentials>) {
    let places: Vec<_> = (0..size).map(|_| addresses()).collect();
    let clients: Vec<_> = places.iter().map(|place| place.0).collect();
    let credentials = Credentials::issue(&clients);
    let instance = InstanceId::parse("etcd-test0000").unwrap();
    let all: Vec<_> =
        (0..).zip(&places).map(|(n, (_, peer))| format!("{}=https://{peer}", instance.member_name(n))).collect();
    let spec = |(ordinal, (client, peer))| MemberSpec {
        instance: instance.clone(),
        ordinal,
        run: RunConfig {
            version: version.clone(),
            security: Security { https, client_cert_auth: https },
            auto_compaction: Some(AutoCompaction { mode: CompactionMode::Periodic, retention: "5m".to_owned() }),
            quota_bytes: 8 * 1024 * 1024 * 1024,
            resources: None,
            trust: 0,
        },
        client,
        peer,
        start: Start::New,
        initial_cluster: all.join(","),
        token: format!("token-{}", clients[0]),
        certificates: credentials.certificates.clone(),
    };
    ((0..).zip(places).map(spec).collect(), Arc::clone(&credentials.control_plane))
}

/// A member that runs until this is dropped.
pub struct Member {
    pub child: Child,
    pub target: Target,
    folder: tempfile::TempDir,
}

impl Member {
    /// Starts the only member of a new cluster.
    pub fn start(version: &EtcdVersion, https: bool) -> Self {
        let (mut specs, control_plane) = specs(version, 1, https);
        Self::launch(&specs.remove(0), &control_plane)
    }

    /// Starts a member as the command line of its version says.
    pub fn launch(spec: &MemberSpec, control_plane: &Arc<ClientCredentials>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = run(spec, folder.path());
        let credentials = spec.run.security.https.then(|| Arc::clone(control_plane));
        Self { child, target: Target { instance: spec.instance.clone(), address: spec.client, credentials }, folder }
    }

    /// Ends it, and starts it with its data as another version.
    #[allow(dead_code, reason = "not every file of tests starts one again")]
    pub fn go_on_as(&mut self, spec: &MemberSpec) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal(rustix::process::Signal::TERM);
            self.child.wait().unwrap();
        }
        self.child = run(spec, self.folder.path());
    }

    /// Its data directory.
    #[allow(dead_code, reason = "not every file of tests looks at it")]
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Waits until it serves. etcd tells nobody, so that it has to be asked.
    pub async fn serving(&mut self, admin: &LiveAdmin) -> Serving {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match admin.probe(&self.target).await {
                Ok(serving) => return serving,
                Err(error) => {
                    let ended = self.child.try_wait().unwrap();
                    let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    assert!(ended.is_none(), "etcd ended ({ended:?}):\n{}", log());
                    assert!(Instant::now() < deadline, "{error}:\n{}", log());
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Neither fails for a child that was not waited for; and if so, the test has already said more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts etcd in `folder` as its version's command line says.
fn run(spec: &MemberSpec, folder: &Path) -> Child {
    let paths = write_files(folder, &spec.certificates);
    let log = File::create(folder.join("log")).unwrap();
    spawn(
        Command::new(versions().binaries(&spec.run.version).expect("installed").etcd)
            .args(command_arguments(spec, &paths))
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log),
    )
}

fn write_files(folder: &Path, certificates: &MemberCertificates) -> MemberPaths {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    MemberPaths {
        data: folder.join("data"),
        ca: write("ca.pem", &certificates.ca),
        server_cert: write("server.pem", &certificates.server.cert),
        server_key: write("server-key.pem", &certificates.server.key),
        peer_cert: write("peer.pem", &certificates.peer.cert),
        peer_key: write("peer-key.pem", &certificates.peer.key),
    }
}

/// Held while addresses are tried or a process is started: a child that did not come to its exec yet holds
/// what its parent listens on.
static LISTENING: Mutex<()> = Mutex::new(());

/// Starts a process.
pub fn spawn(command: &mut Command) -> Child {
    let _nobody_listens = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

/// A loopback address of which nobody else uses the standard ports.
pub fn addresses() -> (SocketAddr, SocketAddr) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let _nobody_forks = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        // Beyond what instances of a service on this machine are given.
        let number = std::process::id().wrapping_mul(101).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let [_, b, c, d] = number.to_be_bytes();
        if d == 0 || d == 255 {
            // Taken for its neighbour, it would be given twice before anybody listens there.
            continue;
        }
        let ip = Ipv4Addr::new(127, 0xe0 | (b & 0x1f), c, d);
        let addresses = (SocketAddr::from((ip, 2379)), SocketAddr::from((ip, 2380)));
        if TcpListener::bind(addresses.0).is_ok() && TcpListener::bind(addresses.1).is_ok() {
            return addresses;
        }
    }
}
