//! The same members started by hand: the flags of real ones, other addresses, fresh data, certificates that
//! were there before.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use cetcd_pki::{Authority, CA_LIFE, LeafRequest};
use jiff::Timestamp;

use crate::{
    etcd::Credentials,
    instance::client_address,
    processes::{self, MARKER, Process},
};

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;

/// Flags that name a file, and the file that takes its place.
const FILES: [(&str, &str); 6] = [
    ("cert-file", "server.pem"),
    ("key-file", "server-key.pem"),
    ("trusted-ca-file", "ca.pem"),
    ("peer-cert-file", "peer.pem"),
    ("peer-key-file", "peer-key.pem"),
    ("peer-trusted-ca-file", "ca.pem"),
];

/// Members that are about to be started.
pub struct Prepared {
    commands: Vec<Command>,
    /// Where they will serve clients.
    pub addresses: Vec<SocketAddr>,
    /// What their clients show.
    pub credentials: Credentials,
}

/// Members that run; ended when dropped.
pub struct Running(Vec<Child>);

/// Makes folders, certificates and command lines under `dir` after the pattern of `members`.
pub fn prepare(members: &[Process], dir: &Path) -> Result<Prepared> {
    let theirs: Vec<IpAddr> = members.iter().map(|m| Ok(client_address(m)?.ip())).collect::<Result<_>>()?;
    let ours = free_addresses(&theirs)?;
    let tls = dir.join("tls");
    let credentials = certificates(&tls, &ours)?;
    let instead: BTreeMap<IpAddr, Ipv4Addr> = theirs.into_iter().zip(ours.iter().copied()).collect();
    let mut commands = Vec::with_capacity(members.len());
    for (ordinal, member) in members.iter().enumerate() {
        let home = dir.join(ordinal.to_string());
        fs::create_dir_all(&home)?;
        let log = File::create(home.join("etcd.log"))?;
        let mut command = Command::new(&member.program);
        command.args(member.arguments.iter().map(|argument| rewritten(argument, &home, &tls, &instead)));
        command.env_clear();
        let others = member.environment.iter().filter_map(|variable| variable.split_once('='));
        command.envs(others.filter(|(name, _)| *name != MARKER)).env(MARKER, &home);
        command.current_dir(&home).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        commands.push(command);
    }
    let addresses = ours.into_iter().map(|ip| SocketAddr::from((ip, CLIENT_PORT))).collect();
    Ok(Prepared { commands, addresses, credentials })
}

impl Prepared {
    /// The value of `--NAME=value` that a member will be started with.
    pub fn flag(&self, ordinal: usize, name: &str) -> Option<String> {
        let arguments = self.commands.get(ordinal)?.get_args().filter_map(OsStr::to_str);
        let mut values =
            arguments.filter_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='));
        values.next().map(str::to_owned)
    }

    /// Starts them all.
    pub fn start(&mut self) -> Result<Running> {
        let mut running = Running(Vec::with_capacity(self.commands.len()));
        for command in &mut self.commands {
            running.0.push(command.spawn().context("cannot start etcd by hand")?);
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(processes::end);
    }
}

/// One argument of a real member, for ours.
fn rewritten(argument: &str, home: &Path, tls: &Path, instead: &BTreeMap<IpAddr, Ipv4Addr>) -> String {
    if let Some((flag, _)) = argument.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
        if flag == "data-dir" {
            return format!("--data-dir={}", home.join("data").display());
        }
        if let Some((_, file)) = FILES.iter().find(|(name, _)| *name == flag) {
            return format!("--{flag}={}", tls.join(file).display());
        }
    }
    let mut text = argument.to_owned();
    for (theirs, ours) in instead {
        // With what stands around it in a URL: 127.1.0.2 is in 127.1.0.25 too.
        text = text.replace(&format!("://{theirs}:"), &format!("://{ours}:"));
    }
    text
}

/// Loopback addresses in another block than the real members', with both ports free.
fn free_addresses(theirs: &[IpAddr]) -> Result<Vec<Ipv4Addr>> {
    let taken: Vec<u8> =
        theirs.iter().filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip.octets()[1]) } else { None }).collect();
    if taken.len() < theirs.len() || theirs.iter().any(|ip| !ip.is_loopback()) {
        bail!("the members are not on IPv4 loopback addresses");
    }
    for block in (1..=254).rev().filter(|block| !taken.contains(block)) {
        let addresses: Vec<_> = (1..).take(theirs.len()).map(|last| Ipv4Addr::new(127, block, 77, last)).collect();
        let free = |ip: &Ipv4Addr| [CLIENT_PORT, PEER_PORT].iter().all(|port| TcpListener::bind((*ip, *port)).is_ok());
        if addresses.iter().all(free) {
            return Ok(addresses);
        }
    }
    bail!("no block of loopback addresses is free; members of one's own need Linux, where 127.0.0.0/8 is local")
}

/// An authority and what it issues, as an instance has them; gives the client's.
fn certificates(dir: &Path, addresses: &[Ipv4Addr]) -> Result<Credentials> {
    fs::create_dir_all(dir)?;
    let now = Timestamp::now();
    let authority = Authority::create("by hand", now, CA_LIFE)?;
    let names = || LeafRequest::new(now).dns(["localhost"]).ips(addresses.iter().map(|ip| IpAddr::V4(*ip)));
    let server = authority.issue_server(&names())?;
    let peer = authority.issue_peer(&names())?;
    let client = authority.issue_client("root", now, cetcd_pki::LEAF_LIFE)?;
    let write = |name: &str, text: &str| private_file(&dir.join(name), text);
    write("ca.pem", authority.cert_pem())?;
    write("server.pem", &server.cert_pem)?;
    write("server-key.pem", &server.key_pem)?;
    write("peer.pem", &peer.cert_pem)?;
    write("peer-key.pem", &peer.key_pem)?;
    Ok(Credentials { ca: authority.cert_pem().to_owned(), cert: client.cert_pem, key: client.key_pem.to_string() })
}

fn private_file(path: &PathBuf, text: &str) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_addresses_data_and_certificates_differ_from_the_real_members() {
        let instead = BTreeMap::from([
            ("127.1.0.2".parse().unwrap(), Ipv4Addr::new(127, 254, 77, 1)),
            ("127.1.0.25".parse().unwrap(), Ipv4Addr::new(127, 254, 77, 2)),
        ]);
        let rewrite = |argument: &str| rewritten(argument, Path::new("/h"), Path::new("/t"), &instead);
        assert_eq!(
            rewrite("--initial-cluster=a=https://127.1.0.2:2380,b=https://127.1.0.25:2380"),
            "--initial-cluster=a=https://127.254.77.1:2380,b=https://127.254.77.2:2380"
        );
        assert_eq!(rewrite("--data-dir=/x"), "--data-dir=/h/data");
        assert_eq!(rewrite("--peer-key-file=/x"), "--peer-key-file=/t/peer-key.pem");
        assert_eq!(rewrite("--snapshot-count=10000"), "--snapshot-count=10000");
    }
}
