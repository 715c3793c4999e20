//! Asking simulated members, and installing versions.

use std::path::PathBuf;

use async_trait::async_trait;
use cetcd_core::{EtcdVersion, InstanceId, observed::Serving};
use cetcd_etcd::{Binaries, Error, EtcdAdmin, Installer, Result, Target};

use crate::{Flaw, Sim, sim::State};

/// Asks the members of the simulated machine.
pub(crate) struct SimEtcd(pub Sim);

/// The version that every simulated instance runs.
pub(crate) const VERSION: EtcdVersion = EtcdVersion::new(3, 5, 16);

impl SimEtcd {
    fn silent(target: &Target, reason: &str) -> Error {
        Error::NotServing { address: target.address, reason: reason.to_owned() }
    }

    /// The member that answers at the target's address: only one of its instance, since others have other CAs.
    fn member(state: &State, target: &Target) -> Result<u32> {
        match state.host.at(target.address, state.now) {
            Some((id, ordinal)) if *id == target.instance => Ok(ordinal),
            Some(_) => Err(Self::silent(target, "its certificate is not of this instance")),
            None => Err(Self::silent(target, "connection refused")),
        }
    }
}

#[async_trait]
impl EtcdAdmin for SimEtcd {
    async fn probe(&self, target: &Target) -> Result<Serving> {
        let apply = |state: &mut State| {
            let ordinal = Self::member(state, target)?;
            let cluster_id = state.host.serves(&target.instance, ordinal, state.now);
            Ok(Serving {
                cluster_id: cluster_id.ok_or_else(|| Self::silent(target, "no leader"))?,
                member_id: u64::from(ordinal) + 1,
                leader: ordinal == 0,
                learner: false,
                version: VERSION.bare(),
                database_bytes: 20_480,
            })
        };
        let fault = |_: &mut State| Self::silent(target, "no answer in time");
        self.0.effect(format!("probe {}", target.address), apply, fault).await
    }

    async fn metrics(&self, target: &Target) -> Result<String> {
        let apply = |state: &mut State| Self::member(state, target).map(|_| "etcd_server_has_leader 1\n".to_owned());
        let fault = |_: &mut State| Self::silent(target, "no answer in time");
        self.0.effect(format!("metrics {}", target.address), apply, fault).await
    }

    fn forget(&self, _instance: &InstanceId) {}
}

/// Brings the one version that there is.
pub(crate) struct SimInstaller(pub Sim);

fn binaries() -> Binaries {
    Binaries { etcd: PathBuf::from("/simulated/etcd"), etcdctl: None, etcdutl: None }
}

#[async_trait]
impl Installer for SimInstaller {
    fn binaries(&self, _version: &EtcdVersion) -> Option<Binaries> {
        self.0.state().host.installed.then(binaries)
    }

    async fn install(&self, version: &EtcdVersion) -> Result<Binaries> {
        let broken =
            || Error::BadArchive { version: version.clone(), url: String::new(), reason: "cut off".to_owned() };
        let apply = |state: &mut State| {
            if state.flaw == Flaw::NoVersions {
                return Err(broken());
            }
            state.host.installed = true;
            Ok(binaries())
        };
        self.0.effect(format!("install {version}"), apply, |_| broken()).await
    }

    fn installed(&self) -> Vec<EtcdVersion> {
        if self.0.state().host.installed { vec![VERSION] } else { Vec::new() }
    }

    fn available(&self) -> Vec<EtcdVersion> {
        vec![VERSION]
    }
}
