//! etcd's own tools, as a person uses them.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::{
    etcd::{Credentials, client},
    instance::Instance,
    processes::{MARKER, Process},
    server::Server,
};

/// The tools of the members' own version.
pub struct Tools {
    etcdctl: PathBuf,
    /// `etcdutl`; before 3.5 etcdctl does its work.
    restore: PathBuf,
}

/// What a client shows and trusts, in files.
pub struct Files {
    dir: PathBuf,
}

impl Tools {
    /// Those that lie beside the members' program.
    pub fn beside(members: &[Process]) -> Result<Self> {
        let etcd = &members.first().context("an instance without members")?.program;
        let etcdctl = etcd.with_file_name("etcdctl");
        if !etcdctl.is_file() {
            bail!("{} is not there: what is done by hand takes it", etcdctl.display());
        }
        let restore = Some(etcd.with_file_name("etcdutl")).filter(|tool| tool.is_file());
        Ok(Self { restore: restore.unwrap_or_else(|| etcdctl.clone()), etcdctl })
    }

    /// `etcdctl snapshot save`; answers how many seconds it took.
    pub async fn save(&self, member: SocketAddr, files: &Files, into: &Path) -> Result<f64> {
        let mut command = Command::new(&self.etcdctl);
        command.arg(format!("--endpoints=https://{member}")).args(files.flags()).args(["snapshot", "save"]).arg(into);
        run(command, &files.dir).await
    }

    /// `etcdutl snapshot restore` with these further flags, which has its own check of the file's hash.
    pub async fn restore(&self, snapshot: &Path, flags: &[String], dir: &Path) -> Result<f64> {
        let mut command = Command::new(&self.restore);
        command.args(["snapshot", "restore"]).arg(snapshot).args(flags);
        run(command, dir).await
    }
}

impl Files {
    /// Writes them to a folder that is made for them.
    pub fn write(dir: &Path, credentials: &Credentials) -> Result<Self> {
        fs::create_dir_all(dir)?;
        for (name, text) in
            [("ca.pem", &credentials.ca), ("client.pem", &credentials.cert), ("client.key", &credentials.key)]
        {
            fs::write(dir.join(name), text)?;
        }
        Ok(Self { dir: dir.to_owned() })
    }

    fn flags(&self) -> [String; 3] {
        [("cacert", "ca.pem"), ("cert", "client.pem"), ("key", "client.key")]
            .map(|(flag, file)| format!("--{flag}={}", self.dir.join(file).display()))
    }
}

async fn run(mut command: Command, dir: &Path) -> Result<f64> {
    command.env("ETCDCTL_API", "3").env(MARKER, dir.join("tool")).stdin(Stdio::null()).kill_on_drop(true);
    let began = Instant::now();
    let output = command.output().await.context("etcd's tool cannot be run")?;
    let took = began.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!("etcd's tool ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(took)
}

/// The member that a snapshot is taken from: the first that does not lead. cetcd chooses so, too.
pub async fn follower(server: &Server, instance: &Instance) -> Result<SocketAddr> {
    for address in instance.addresses(server)? {
        let status = client(address, &instance.credentials).await?.maintenance_client().status().await?;
        let own = status.header().context("an answer without a header")?.member_id();
        if own != status.leader() {
            return Ok(address);
        }
    }
    bail!("no member of {} follows", instance.id)
}
