//! The process runtime with real, small processes.
#![allow(clippy::unwrap_used, missing_docs)]

mod adoption;
mod endpoint;
mod members;

use std::{
    fs,
    sync::atomic::{AtomicU8, Ordering},
    time::Instant,
};

use cetcd_core::{
    EtcdVersion,
    certificates::OnDisk,
    instance::{RunConfig, Security},
    member::{KeyPair, MemberCertificates, MemberPaths, Start},
    observed::Process,
};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    addresses::{FIRST_BLOCK, LAST_BLOCK},
    record::Record,
    *,
};
use crate::{EndpointView, Fingerprint, MemberView};

const PATIENCE: Duration = Duration::from_secs(20);

/// A block of loopback addresses that no other test of this process has: a port that was free a moment ago is taken by
/// whoever connects from it or listens at it in another test.
fn own_addresses() -> AddressMode {
    static TAKEN: AtomicU8 = AtomicU8::new(0);
    // Only Linux has all of 127.0.0.0/8 on its loopback interface without being told.
    if !cfg!(target_os = "linux") {
        return AddressMode::Ports;
    }
    // Other processes begin elsewhere.
    let number = std::process::id() + u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
    AddressMode::Block(FIRST_BLOCK + u8::try_from(number % u32::from(LAST_BLOCK - FIRST_BLOCK)).unwrap())
}

/// Runs the same shell script as every member.
struct Script(&'static str);

impl Launcher for Script {
    fn command(&self, _spec: &MemberSpec, _paths: &MemberPaths) -> Result<CommandLine, String> {
        let arguments = vec!["-c".to_owned(), self.0.to_owned()];
        Ok(CommandLine { program: PathBuf::from("/bin/sh"), arguments })
    }
}

const RUNS: Script = Script("echo ready; exec sleep 1000");
const IGNORES_SIGTERM: Script = Script("trap '' TERM; echo ready; exec sleep 1000");

/// A runtime in a folder of its own; whatever was started for the folder is killed in the end.
struct Fixture {
    dir: tempfile::TempDir,
    options: Options,
    runtime: Arc<ProcessRuntime>,
}

impl Fixture {
    async fn new(script: Script) -> Self {
        Self::with(script, |_| {}).await
    }

    async fn with(script: Script, change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("runtime");
        let endpoint = this_program("process::tests::acts_as_the_endpoint_process", &[]);
        let mut options = Options::new(root, Networks::default(), Arc::new(script), endpoint);
        options.addresses = own_addresses();
        // Never the machine's: the limits of the tests' own control group are others'.
        options.cgroup_root = dir.path().join("cgroup");
        change(&mut options);
        let runtime = ProcessRuntime::open(options.clone()).await.unwrap();
        Self { dir, options, runtime }
    }

    /// What a restart of the control plane does.
    async fn reopen(&mut self) {
        self.runtime = ProcessRuntime::open(self.options.clone()).await.unwrap();
    }

    fn member_dir(&self) -> PathBuf {
        self.options.root.join("members/etcd-abcd1234/0")
    }

    fn record(&self) -> PathBuf {
        self.member_dir().join("process.json")
    }

    fn pids(dir: &Path) -> Vec<i32> {
        proc::marked().unwrap().into_iter().filter(|marked| marked.dir == dir).map(|marked| marked.pid).collect()
    }

    /// The pid of the only process of the member. While it turns from the shell into another program the
    /// system shows no environment of it for a moment.
    fn pid(&self) -> i32 {
        let begin = Instant::now();
        loop {
            let pids = Self::pids(&self.member_dir());
            if !pids.is_empty() || begin.elapsed() > PATIENCE {
                return only(&pids);
            }
        }
    }

    fn endpoint_pids(&self) -> Vec<i32> {
        Self::pids(&endpoint_dir(&self.options.root))
    }

    async fn ensure(&self) {
        self.runtime.ensure_member(&spec()).await.unwrap();
    }

    async fn view(&self) -> MemberView {
        self.runtime.observe(&instance()).await.unwrap().members.remove(0)
    }

    /// Waits until the member's script has come to its last line.
    async fn ready(&self) {
        until(async || self.runtime.log_tail(&instance(), 0, 1).await == "ready").await;
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // By the record as well: a process that is just becoming another program shows no marker.
        let members = self.options.root.join("members");
        let instances = files::names(&members).unwrap_or_default().into_iter().map(|name| members.join(name));
        let dirs = instances.flat_map(|dir| {
            files::names(&dir).unwrap_or_default().into_iter().map(move |name| dir.join(name)).collect::<Vec<_>>()
        });
        for dir in dirs.chain([endpoint_dir(&self.options.root)]) {
            if let Some(Record::Running { identity, .. }) = Record::read(&dir.join("process.json"))
                && identity.runs()
            {
                kill(identity.pid);
            }
        }
        for marked in proc::marked().unwrap_or_default() {
            if marked.dir.starts_with(self.dir.path()) {
                kill(marked.pid);
            }
        }
    }
}

fn kill(pid: i32) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
}

fn only(pids: &[i32]) -> i32 {
    assert_eq!(pids.len(), 1, "{pids:?}");
    pids[0]
}

/// This test program, running just the (ignored) test of that name, which acts as another program.
fn this_program(test: &str, arguments: &[&str]) -> CommandLine {
    let flags = ["--ignored", "--exact", "--nocapture", test];
    CommandLine {
        program: std::env::current_exe().unwrap(),
        arguments: flags.iter().chain(arguments).map(|argument| (*argument).to_owned()).collect(),
    }
}

#[tokio::test]
#[ignore = "no test: the endpoint process of the other tests"]
async fn acts_as_the_endpoint_process() {
    let Some(dir) = std::env::var_os(MARKER) else { return };
    let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    let mut options = cetcd_endpoint::Options::new(dir);
    options.drain = Duration::from_millis(50);
    cetcd_endpoint::run(options, async move { while asked.recv().await != Some(()) {} }).await.unwrap();
}

#[test]
#[ignore = "no test: the session wrapper of the other tests"]
fn acts_as_the_session_wrapper() {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != "session").skip(1);
    let Some(program) = arguments.next() else { return };
    let arguments: Vec<_> = arguments.collect();
    panic!("{}", exec_session(&program, &arguments));
}

fn instance() -> InstanceId {
    InstanceId::parse("etcd-abcd1234").unwrap()
}

fn spec() -> MemberSpec {
    let pair = |name: &str| KeyPair { cert: format!("{name} certificate"), key: format!("{name} key") };
    MemberSpec {
        instance: instance(),
        ordinal: 0,
        run: RunConfig {
            version: "3.5.30".parse::<EtcdVersion>().unwrap(),
            security: Security::default(),
            auto_compaction: None,
            quota_bytes: 1,
            resources: None,
            trust: 0,
        },
        client: ([127, 0, 0, 1], 1).into(),
        peer: ([127, 0, 0, 1], 2).into(),
        start: Start::New,
        initial_cluster: String::new(),
        token: String::new(),
        certificates: MemberCertificates { ca: "ca".to_owned(), server: pair("server"), peer: pair("peer") },
    }
}

/// Waits until it holds. What a test just closed may not be closed yet: a process that another test starts in that
/// moment has it too until it has become its program.
pub(super) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "it does not come to hold");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn changed(changes: &mut watch::Receiver<u64>) {
    tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
}
