//! What the API's handlers ask of the living: versions and members' metrics.

use std::sync::Arc;

use async_trait::async_trait;
use cetcd_core::{EtcdVersion, Instance, member::KeyPair, status::MemberRecord};
use cetcd_etcd::{
    admin::{ClientCredentials, EtcdAdmin, Target},
    client::LiveAdmin,
    versions::{Installer, Versions},
};
use cetcd_gateway::service::VersionCatalogue;
use cetcd_monitor::LiveMembers;
use cetcd_store::{Store, records, seal::Sealer};

/// Makers of the two adapters.
pub struct Live;

impl Live {
    /// Versions that can be offered.
    pub fn versions(versions: Arc<Versions>) -> impl VersionCatalogue {
        Offered(versions)
    }

    /// Members that can be asked.
    pub fn members(store: Arc<dyn Store>, sealer: Sealer, admin: Arc<LiveAdmin>) -> impl LiveMembers {
        Members { store, sealer, admin }
    }
}

struct Offered(Arc<Versions>);

impl VersionCatalogue for Offered {
    fn available(&self) -> Vec<EtcdVersion> {
        self.0.available()
    }

    fn installed(&self, version: &EtcdVersion) -> bool {
        self.0.binaries(version).is_some()
    }
}

struct Members {
    store: Arc<dyn Store>,
    sealer: Sealer,
    admin: Arc<LiveAdmin>,
}

#[async_trait]
impl LiveMembers for Members {
    async fn metrics(&self, instance: &Instance, member: &MemberRecord) -> Result<String, String> {
        let credentials = if instance.spec.security.https {
            let all = records::certificates(self.store.as_ref(), &self.sealer, &instance.id).await;
            let all = all.map_err(|error| error.to_string())?.ok_or("its certificates are not made yet")?;
            Some(Arc::new(ClientCredentials { ca: all.trusted(), client: KeyPair::from(&all.client) }))
        } else {
            None
        };
        let target = Target { instance: instance.id.clone(), address: member.client, credentials };
        self.admin.metrics(&target).await.map_err(|error| error.to_string())
    }
}
