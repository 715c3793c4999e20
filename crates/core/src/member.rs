//! Everything that it takes to start a member, whatever starts it.

use std::{fmt, net::SocketAddr, path::PathBuf};

use crate::{InstanceId, instance::RunConfig};

/// What a member is to be started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSpec {
    /// Its instance.
    pub instance: InstanceId,
    /// Its number within the instance.
    pub ordinal: u32,
    /// What it is started with.
    pub run: RunConfig,
    /// Where it serves clients.
    pub client: SocketAddr,
    /// Where it serves peers.
    pub peer: SocketAddr,
    /// Whether it founds the cluster or joins it. etcd ignores it where the data directory holds a member.
    pub start: Start,
    /// `initial-cluster`: `name=https://peer` of every member that etcd is to expect.
    pub initial_cluster: String,
    /// `initial-cluster-token`.
    pub token: String,
    /// Its certificates.
    pub certificates: MemberCertificates,
}

/// `initial-cluster-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Founds a cluster; only while no cluster ID was latched.
    New,
    /// Joins a cluster that has added it, without any data.
    Join,
    /// Goes on with its own data, and never without.
    Existing,
    /// Goes on with its own data as the only member, whoever else was one: with `--force-new-cluster`.
    Forced,
}

impl Start {
    /// The word of etcd's flag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Join | Self::Existing | Self::Forced => "existing",
        }
    }
}

/// A certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct KeyPair {
    /// The certificate.
    pub cert: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(redacted)")
    }
}

/// What a member shows to clients and peers, and whom it believes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberCertificates {
    /// The instance's CA, PEM.
    pub ca: String,
    /// Shown to clients, where https is on.
    pub server: KeyPair,
    /// Shown to peers.
    pub peer: KeyPair,
}

/// Where a runtime put the files of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPaths {
    /// `data-dir`.
    pub data: PathBuf,
    /// The CA.
    pub ca: PathBuf,
    /// Certificate shown to clients.
    pub server_cert: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// Certificate shown to peers.
    pub peer_cert: PathBuf,
    /// Its key.
    pub peer_key: PathBuf,
}

impl MemberSpec {
    /// The member's name.
    pub fn name(&self) -> String {
        self.instance.member_name(self.ordinal)
    }

    /// What it is started with, in the one line that a runtime keeps beside its process.
    pub fn line(&self) -> String {
        if self.start == Start::Forced { self.run.forced_line() } else { self.run.line() }
    }
}
