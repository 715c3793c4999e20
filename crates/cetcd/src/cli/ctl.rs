//! `cetcd ctl`: the right etcdctl, with the right credentials.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use cetcd_core::EtcdVersion;
use cetcd_etcd::versions::Installer;

use super::{client::Client, credentials, output::text};
use crate::serve::{settings, versions};

/// Runs etcdctl against an instance.
#[derive(Debug, clap::Args)]
pub struct Ctl {
    /// ID of the instance
    id: String,
    /// Arguments of etcdctl
    #[arg(last = true, required = true)]
    arguments: Vec<OsString>,
}

/// Runs etcdctl and answers its exit code. The credentials live in a private directory until it ends.
pub fn run(client: &Client, ctl: &Ctl) -> Result<ExitCode> {
    let version: EtcdVersion =
        text(&client.instance(&ctl.id)?["Version"]).parse().map_err(|reason: String| anyhow::anyhow!(reason))?;
    let binaries = versions(&settings(None, crate::settings::Flags::default())?)?.binaries(&version);
    let etcdctl = binaries.and_then(|binaries| binaries.etcdctl);
    let etcdctl = etcdctl.with_context(|| {
        format!("there is no etcdctl {version} on this machine; bring it with `make versions`, or set CETCD_ETCD_VERSIONS_DIR")
    })?;
    let dir = tempfile::Builder::new().prefix("cetcd-ctl-").tempdir().context("cannot make a private directory")?;
    let files = credentials::write(client, &ctl.id, dir.path())?;
    let mut command = Command::new(&etcdctl);
    if !version.at_least(3, 4) {
        // Older ones speak the API of etcd 2 unless told; newer ones warn of the variable.
        command.env("ETCDCTL_API", "3");
    }
    let status = command
        .args(files.etcdctl_flags())
        .args(&ctl.arguments)
        .status()
        .with_context(|| format!("cannot run {}", etcdctl.display()))?;
    // 128 + n is how a shell tells that signal n ended a program; without a code there was a signal.
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130)))
}
