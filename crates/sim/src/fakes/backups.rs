//! Object storage beside the simulated machine.

use std::net::SocketAddr;

use async_trait::async_trait;
use cetcd_controller::backups::{BackupError, Backups, NewMember, Source};
use cetcd_core::{
    EtcdVersion, InstanceId,
    backup::{Contents, Drill, Snapshot},
};

use super::{SimEtcd, time_of};
use crate::{
    Sim,
    cluster::founder_id,
    host::{Data, Making, cluster_id},
    sim::State,
};

/// Keeps backups where a crash does not reach them.
pub(crate) struct SimBackups(pub Sim);

/// What is stored under a name.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Its record as the one who stored it had it.
    pub snapshot: Snapshot,
    /// What it holds; absent where the one who stored it was cut off.
    pub contents: Option<Contents>,
}

fn unavailable() -> BackupError {
    BackupError { reason: "the storage does not answer".to_owned(), damaged: false }
}

impl SimBackups {
    async fn effect<T: Send>(
        &self,
        what: &str,
        id: &InstanceId,
        apply: impl FnMut(&mut State) -> Result<T, BackupError> + Send,
        half: impl FnOnce(&mut State) + Send,
    ) -> Result<T, BackupError> {
        let fault = |state: &mut State| {
            half(state);
            unavailable()
        };
        self.0.effect(format!("{what} {id}"), apply, fault).await
    }
}

fn key(snapshot: &Snapshot) -> (InstanceId, String) {
    (snapshot.instance.clone(), snapshot.object.clone())
}

#[async_trait]
impl Backups for SimBackups {
    async fn take(&self, snapshot: &Snapshot, from: &Source) -> Result<Contents, BackupError> {
        let apply = |state: &mut State| {
            let stored = state.host.stored.get(&key(snapshot)).and_then(|stored| stored.contents.clone());
            if let Some(contents) = stored {
                return Ok(contents);
            }
            let refused = |error: cetcd_etcd::Error| BackupError { reason: error.to_string(), damaged: false };
            let (_, data) = SimEtcd::serving(state, &from.target).map_err(refused)?;
            let contents = Contents {
                version: EtcdVersion::new(3, 5, 16),
                cluster_id: data.cluster,
                revision: data.index.cast_signed(),
                keys: data.index,
                bytes: 20_512,
                stored_bytes: 4000,
                sha256: String::new(),
            };
            let whole = Stored { snapshot: snapshot.clone(), contents: Some(contents.clone()) };
            state.host.stored.insert(key(snapshot), whole);
            Ok(contents)
        };
        let half = |state: &mut State| {
            let half = Stored { snapshot: snapshot.clone(), contents: None };
            state.host.stored.entry(key(snapshot)).or_insert(half);
        };
        self.effect("store a snapshot of", &snapshot.instance, apply, half).await
    }

    async fn stored(&self, instance: &InstanceId, _bucket: Option<&str>) -> Result<Vec<Snapshot>, BackupError> {
        let apply = |state: &mut State| {
            let of_it = state.host.stored.iter().filter(|((id, _), _)| id == instance);
            let whole = of_it.filter_map(|(_, stored)| {
                let mut snapshot = stored.snapshot.clone();
                snapshot.succeed(stored.contents.clone()?, time_of(state.now));
                Some(snapshot)
            });
            Ok(whole.collect())
        };
        self.effect("list the stored snapshots of", instance, apply, |_| {}).await
    }

    async fn remove(&self, snapshot: &Snapshot) -> Result<(), BackupError> {
        let apply = |state: &mut State| {
            state.check_removal(snapshot);
            state.host.stored.remove(&key(snapshot));
            Ok(())
        };
        self.effect("remove a snapshot of", &snapshot.instance, apply, |_| {}).await
    }

    async fn collect_orphans(&self, instance: &InstanceId, _bucket: Option<&str>) -> Result<(), BackupError> {
        let apply = |state: &mut State| {
            state.host.stored.retain(|(id, _), stored| id != instance || stored.contents.is_some());
            Ok(())
        };
        self.effect("remove what is left of snapshots of", instance, apply, |_| {}).await
    }

    async fn forget(&self, instance: &InstanceId) -> Result<(), BackupError> {
        self.effect("forget the key of", instance, |_| Ok(()), |_| {}).await
    }

    async fn fetch(&self, snapshot: &Snapshot, _restore: &str) -> Result<(), BackupError> {
        let apply = |state: &mut State| {
            let missing = || BackupError { reason: "it is not there".to_owned(), damaged: true };
            let stored = state.host.stored.get(&key(snapshot)).and_then(|stored| stored.contents.clone());
            stored.map(drop).ok_or_else(missing)
        };
        self.effect("fetch a snapshot of", &snapshot.instance, apply, |_| {}).await
    }

    async fn restore(
        &self,
        snapshot: &Snapshot,
        _restore: &str,
        _version: &EtcdVersion,
        members: &[NewMember],
    ) -> Result<(), BackupError> {
        let apply = |state: &mut State| {
            let missing = || BackupError { reason: "it is not there".to_owned(), damaged: true };
            let stored = state.host.stored.get(&key(snapshot)).and_then(|stored| stored.contents.clone());
            let index = stored.ok_or_else(missing)?.keys;
            for member in members {
                let place = member.data_dir.to_string_lossy().into_owned();
                let (id, ordinal) = place.split_once('/').unwrap_or_default();
                let Some(id) = InstanceId::parse(id) else { continue };
                let peers: Vec<SocketAddr> = member
                    .initial_cluster
                    .split(',')
                    .filter_map(|part| part.split_once("=https://")?.1.parse().ok())
                    .collect();
                let own = member.peer_url.strip_prefix("https://").and_then(|text| text.parse().ok());
                let at = peers.iter().position(|peer| Some(*peer) == own).unwrap_or_default();
                let cluster = cluster_id(&member.token, &member.initial_cluster);
                let data = Data { cluster, id: founder_id(at), index };
                state.host.prepare(&id, ordinal.parse().unwrap_or_default()).making = Some(Making { data, peers });
            }
            Ok(())
        };
        self.effect("make data of a snapshot of", &snapshot.instance, apply, |_| {}).await
    }

    async fn drill(&self, snapshot: &Snapshot) -> Result<Drill, BackupError> {
        let apply = |state: &mut State| {
            let whole = state.host.stored.get(&key(snapshot)).is_some_and(|stored| stored.contents.is_some());
            let message = if whole { String::new() } else { "it is not there".to_owned() };
            Ok(Drill { at: time_of(state.now), passed: whole, message, millis: 1 })
        };
        self.effect("prove a snapshot of", &snapshot.instance, apply, |_| {}).await
    }
}

impl State {
    /// Only what is to be removed is: never the newest good one, unless its owner said so.
    fn check_removal(&mut self, snapshot: &Snapshot) {
        let id = &snapshot.instance;
        let recorded = self.audit.snapshots.range((id.clone(), String::new())..);
        let of_it = recorded.take_while(|((owner, _), _)| owner == id).map(|(_, snapshot)| snapshot);
        let newest = of_it.filter(|s| s.is_good()).max_by_key(|s| (s.taken_at(), s.name.clone()));
        if newest.is_some_and(|newest| newest.object == snapshot.object) {
            let name = &snapshot.name;
            self.host.violations.push(format!("the newest good snapshot of {id}, {name}, is removed"));
        }
    }
}
