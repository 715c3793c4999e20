//! Joins the process runtime with what is known of etcd's flags and binaries.

use std::sync::Arc;

use cetcd_core::member::{MemberPaths, MemberSpec};
use cetcd_etcd::{flags, versions::Installer};
use cetcd_runtime::{CommandLine, Launcher};

/// Makes the command lines of real etcd members.
pub struct EtcdLauncher {
    installer: Arc<dyn Installer>,
}

impl EtcdLauncher {
    /// A launcher that finds binaries through `installer`.
    pub fn new(installer: Arc<dyn Installer>) -> Self {
        Self { installer }
    }
}

impl Launcher for EtcdLauncher {
    fn command(&self, spec: &MemberSpec, paths: &MemberPaths) -> Result<CommandLine, String> {
        let found = self.installer.binaries(&spec.run.version);
        let binaries = found.ok_or_else(|| format!("etcd {} is not installed any more", spec.run.version))?;
        Ok(CommandLine { program: binaries.etcd, arguments: flags::command_arguments(spec, paths) })
    }
}
