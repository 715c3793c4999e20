//! The throw-away member of a drill.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use cetcd_core::{
    InstanceId,
    instance::{RunConfig, Security},
    member::{KeyPair, MemberCertificates, MemberPaths, MemberSpec, Start},
};
use cetcd_etcd::{ClientCredentials, EtcdAdmin, LiveAdmin, Target, command_arguments};
use cetcd_pki::{Authority, LeafRequest};
use jiff::{SignedDuration, Timestamp};
use tokio::process::Child;

use super::{DrillOptions, Ended, leftovers::MARKER};
use crate::{Error, Result, restore::gentle};

/// How long its certificates are good for.
const LIFE: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How often it is asked whether it serves; etcd tells nobody.
const ASKED_EVERY: Duration = Duration::from_millis(100);
/// How much of its log is shown.
const SHOWN: usize = 600;

/// A member of one.
pub(super) struct Drilled {
    place: PathBuf,
    spec: MemberSpec,
    paths: MemberPaths,
    program: PathBuf,
    target: Target,
    child: Option<Child>,
}

impl Drilled {
    /// Chooses where it serves, and makes its certificates.
    pub fn prepare(
        place: &Path,
        instance: &InstanceId,
        options: &DrillOptions,
        bytes: u64,
        now: Timestamp,
    ) -> Result<Self> {
        let (client, peer) = free_ports().map_err(Error::io("find two free ports on loopback"))?;
        let (certificates, credentials) =
            issue(now).map_err(|reason| Error::io("make certificates for a drill")(std::io::Error::other(reason)))?;
        let paths = paths(place);
        write_files(&paths, &certificates).map_err(Error::io(format!("write to {}", place.display())))?;
        let name = instance.member_name(0);
        let spec = MemberSpec {
            instance: instance.clone(),
            ordinal: 0,
            run: RunConfig {
                version: options.version.clone(),
                // Its clients are known by their certificate: root, where auth is on.
                security: Security { https: true, client_cert_auth: true },
                auto_compaction: None,
                quota_bytes: bytes.saturating_mul(2).max(8 << 30),
                resources: None,
                trust: 0,
            },
            client,
            peer,
            start: Start::Existing,
            initial_cluster: format!("{name}=https://{peer}"),
            token: "drill".to_owned(),
            certificates,
        };
        let target = Target { instance: instance.clone(), address: client, credentials: Some(Arc::new(credentials)) };
        let program = options.binaries.etcd.clone();
        Ok(Self { place: place.to_owned(), spec, paths, program, target, child: None })
    }

    pub fn name(&self) -> String {
        self.spec.name()
    }

    pub fn peer_url(&self) -> String {
        format!("https://{}", self.spec.peer)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.paths.data.clone()
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Starts it, and waits until it serves.
    pub async fn serve(&mut self, admin: &LiveAdmin, limit: Duration) -> Result<(), Ended> {
        let log_path = self.place.join("etcd.log");
        let starting = || format!("start {}", self.program.display());
        let log = File::create(&log_path).map_err(Error::io(starting()))?;
        let mut command = gentle(&self.program, true);
        command
            .args(command_arguments(&self.spec, &self.paths))
            .env(MARKER, &self.place)
            .current_dir(&self.place)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Error::io(starting()))?)
            .stderr(log)
            .kill_on_drop(true);
        if cfg!(target_arch = "aarch64") {
            // etcd before 3.5 refuses to start without it.
            command.env("ETCD_UNSUPPORTED_ARCH", "arm64");
        }
        let mut child = command.spawn().map_err(Error::io(starting()))?;
        let begun = Instant::now();
        let answer = loop {
            match admin.probe(&self.target).await {
                Ok(_) => break Ok(()),
                // It may be the machine that is too busy: nothing is proved against the snapshot.
                Err(error) if begun.elapsed() > limit => {
                    let reason = format!("it took longer than {} s: {error}; {}", limit.as_secs(), tail(&log_path));
                    let late = std::io::Error::new(std::io::ErrorKind::TimedOut, reason);
                    return Err(Ended::NotMade(Error::io("see the restored member serve")(late)));
                }
                Err(_) => {}
            }
            match tokio::time::timeout(ASKED_EVERY, child.wait()).await {
                Err(_still_running) => {}
                Ok(ended) => {
                    let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    break Err(format!("the restored member ended ({ended}): {}", tail(&log_path)));
                }
            }
        };
        self.child = Some(child);
        match answer {
            // Somebody else took the port in between: nothing is wrong with the snapshot.
            Err(reason) if reason.contains("address already in use") => {
                let taken = std::io::Error::new(std::io::ErrorKind::AddrInUse, reason);
                Err(Ended::NotMade(Error::io("start the member of a drill")(taken)))
            }
            other => other.map_err(Ended::Failed),
        }
    }

    /// Why it ended by itself, if it did.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok().flatten()?;
        Some(format!("the restored member ended ({status}): {}", tail(&self.place.join("etcd.log"))))
    }

    /// Ends it. Its data are thrown away, so that it need not say goodbye.
    pub async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails for one that has ended.
            let _ = child.kill().await;
        }
    }
}

fn free_ports() -> std::io::Result<(SocketAddr, SocketAddr)> {
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (any()?, any()?);
    Ok((first.local_addr()?, second.local_addr()?))
}

/// A CA for this one drill, what the member shows, and what root shows.
fn issue(now: Timestamp) -> Result<(MemberCertificates, ClientCredentials), cetcd_pki::Error> {
    let authority = Authority::create("etcd-drill", now, LIFE)?;
    let request = LeafRequest::new(now).ips([Ipv4Addr::LOCALHOST.into()]).validity(LIFE);
    let pair = |leaf: cetcd_pki::Leaf| KeyPair { cert: leaf.cert_pem, key: leaf.key_pem.to_string() };
    let certificates = MemberCertificates {
        ca: authority.cert_pem().to_owned(),
        server: pair(authority.issue_server(&request)?),
        peer: pair(authority.issue_peer(&request)?),
    };
    let client = pair(authority.issue_client("root", now, LIFE)?);
    Ok((certificates, ClientCredentials { ca: authority.cert_pem().to_owned(), client }))
}

fn paths(place: &Path) -> MemberPaths {
    MemberPaths {
        data: place.join("data"),
        ca: place.join("ca.crt"),
        server_cert: place.join("server.crt"),
        server_key: place.join("server.key"),
        peer_cert: place.join("peer.crt"),
        peer_key: place.join("peer.key"),
    }
}

/// In a folder of 0700.
fn write_files(paths: &MemberPaths, certificates: &MemberCertificates) -> std::io::Result<()> {
    fs::write(&paths.ca, &certificates.ca)?;
    fs::write(&paths.server_cert, &certificates.server.cert)?;
    fs::write(&paths.server_key, &certificates.server.key)?;
    fs::write(&paths.peer_cert, &certificates.peer.cert)?;
    fs::write(&paths.peer_key, &certificates.peer.key)
}

/// The end of a log, for whoever asks why.
fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(SHOWN)..]).into_owned();
    text.lines().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(" | ")
}
