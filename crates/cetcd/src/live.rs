//! What the API's handlers ask of the living: versions, members' metrics, closer looks at clusters, and how far
//! backups are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cetcd_controller::backups::StoredBackups;
use cetcd_core::{EtcdVersion, Instance, InstanceId, member::KeyPair, status::MemberRecord};
use cetcd_etcd::{
    admin::{ClientCredentials, EtcdAdmin, Target},
    browse,
    client::LiveAdmin,
    operator::EtcdOperator,
    versions::{Installer, Versions},
};
use cetcd_gateway::service::{
    FoundKey, KeyPage, KeyRange, LiveClusters, Standing, Transferred, Transfers, VersionCatalogue,
};
use cetcd_monitor::LiveMembers;
use cetcd_store::{Store, records, seal::Sealer, view::View};

/// Makers of the adapters.
pub struct Live;

impl Live {
    /// Versions that can be offered.
    pub fn versions(versions: Arc<Versions>) -> impl VersionCatalogue {
        Offered(versions)
    }

    /// Backups that move.
    pub fn transfers(backups: Arc<StoredBackups>) -> impl Transfers {
        Moving(backups)
    }

    /// Members that can be asked.
    pub fn members(
        store: Arc<dyn Store>,
        sealer: Sealer,
        admin: Arc<LiveAdmin>,
        view: Arc<View>,
    ) -> impl LiveMembers + LiveClusters {
        Members { store, sealer, admin, view, opened: Mutex::default() }
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

struct Moving(Arc<StoredBackups>);

impl Transfers for Moving {
    fn transferred(&self, what: &str) -> Option<Transferred> {
        let progress = self.0.transferred(what)?;
        Some(Transferred { bytes: progress.done(), expected: progress.total() })
    }
}

struct Members {
    store: Arc<dyn Store>,
    sealer: Sealer,
    admin: Arc<LiveAdmin>,
    view: Arc<View>,
    opened: Mutex<Opened>,
}

/// By instance, the revision that its certificates were read at, and what was in them.
type Opened = HashMap<InstanceId, (u64, Arc<ClientCredentials>)>;

impl Members {
    /// The way in, opened once for each time that it was written: every member is asked every few seconds.
    async fn credentials(&self, instance: &Instance) -> Result<Option<Arc<ClientCredentials>>, String> {
        if !instance.spec.security.https {
            return Ok(None);
        }
        let id = &instance.id;
        let entry = self.store.get(&records::certificates_key(id)).await.map_err(|error| error.to_string())?;
        let entry = entry.ok_or("its certificates are not made yet")?;
        if let Some((revision, credentials)) = self.opened().get(id)
            && *revision == entry.mod_revision
        {
            return Ok(Some(Arc::clone(credentials)));
        }
        let all = records::open_certificates(&self.sealer, id, &entry).map_err(|error| error.to_string())?;
        let credentials = Arc::new(ClientCredentials { ca: all.trusted(), client: KeyPair::from(&all.client) });
        let mut opened = self.opened();
        opened.retain(|id, _| self.view.instance(id).is_some());
        opened.insert(id.clone(), (entry.mod_revision, Arc::clone(&credentials)));
        Ok(Some(credentials))
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn target(&self, instance: &Instance, member: &MemberRecord) -> Result<Target, String> {
        let credentials = self.credentials(instance).await?;
        Ok(Target { instance: instance.id.clone(), address: member.client, credentials })
    }
}

#[async_trait]
impl LiveMembers for Members {
    async fn metrics(&self, instance: &Instance, member: &MemberRecord) -> Result<String, String> {
        let target = self.target(instance, member).await?;
        self.admin.metrics(&target).await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl LiveClusters for Members {
    async fn standing(&self, instance: &Instance, member: &MemberRecord) -> Result<Standing, String> {
        let target = self.target(instance, member).await?;
        let status = self.admin.status(&target).await.map_err(|error| error.to_string())?;
        Ok(Standing {
            leads: status.leader_id == Some(status.member_id),
            learner: status.learner,
            version: status.version,
            raft_term: status.raft_term,
            raft_index: status.raft_index,
            applied_index: status.applied_index,
            revision: u64::try_from(status.revision).unwrap_or(0),
            database_bytes: status.database_bytes,
            database_bytes_in_use: status.database_bytes_in_use,
        })
    }

    async fn keys(&self, instance: &Instance, through: &[MemberRecord], range: KeyRange) -> Result<KeyPage, String> {
        let credentials = self.credentials(instance).await?;
        let target = |member: &MemberRecord| Target {
            instance: instance.id.clone(),
            address: member.client,
            credentials: credentials.clone(),
        };
        let through: Vec<_> = through.iter().map(target).collect();
        let page = self.admin.keys(&through, &etcd_range(range)).await.map_err(|error| error.to_string())?;
        let key = |found: browse::FoundKey| FoundKey {
            key: found.key,
            value: found.value,
            version: found.version,
            create_revision: found.create_revision,
            mod_revision: found.mod_revision,
            lease: found.lease,
        };
        let keys = page.keys.into_iter().map(key).collect();
        Ok(KeyPage { keys, more: page.more, count: page.count, revision: page.revision })
    }
}

fn etcd_range(range: KeyRange) -> browse::KeyRange {
    match range {
        KeyRange::One(key) => {
            browse::KeyRange { to: browse::KeyRange::behind(&key), from: key, limit: 1, values: true }
        }
        KeyRange::Page { prefix, after, limit } => {
            let to = browse::KeyRange::end_of(&prefix);
            // etcd takes no empty key: a zero byte is the first there can be.
            let first = if prefix.is_empty() { vec![0] } else { prefix };
            let from = after.map_or(first.clone(), |after| browse::KeyRange::behind(&after).max(first));
            browse::KeyRange { from, to, limit, values: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_keys_stay_within_their_prefix() {
        let page = |prefix: &[u8], after: Option<&[u8]>| {
            let range = KeyRange::Page { prefix: prefix.to_vec(), after: after.map(<[u8]>::to_vec), limit: 5 };
            let range = etcd_range(range);
            (range.from, range.to)
        };
        assert_eq!(page(b"", None), (b"\0".to_vec(), b"\0".to_vec()));
        assert_eq!(page(b"/a", None), (b"/a".to_vec(), b"/b".to_vec()));
        assert_eq!(page(b"/a", Some(b"/a1")), (b"/a1\0".to_vec(), b"/b".to_vec()));
        assert_eq!(page(b"/a", Some(b"/")), (b"/a".to_vec(), b"/b".to_vec()), "not before the prefix");
        let one = etcd_range(KeyRange::One(b"x".to_vec()));
        assert_eq!((one.from, one.to, one.limit, one.values), (b"x".to_vec(), b"x\0".to_vec(), 1, true));
    }
}
