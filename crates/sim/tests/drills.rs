//! A drill is the last thing that an instance's keeper does: what someone asks for meanwhile is not kept waiting.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use async_trait::async_trait;
use cetcd_controller::{
    World,
    backups::{BackupError, Backups, Keeper, NewMember, Source},
};
use cetcd_core::{
    EtcdVersion, InstanceId,
    backup::{Contents, Drill, Snapshot, SnapshotState},
    instance::Security,
};
use cetcd_sim::{
    Flaw, Schedule, Sim, Weather,
    api::{self, Wanted},
};
use cetcd_store::records;
use futures::executor::block_on;
use tokio::sync::{Notify, watch};

/// A storage whose drills never end.
struct Endless {
    of: Arc<dyn Backups>,
    begun: Arc<Notify>,
}

#[async_trait]
impl Backups for Endless {
    async fn take(&self, snapshot: &Snapshot, from: &Source) -> Result<Contents, BackupError> {
        self.of.take(snapshot, from).await
    }

    async fn stored(&self, instance: &InstanceId, bucket: Option<&str>) -> Result<Vec<Snapshot>, BackupError> {
        self.of.stored(instance, bucket).await
    }

    async fn remove(&self, snapshot: &Snapshot) -> Result<(), BackupError> {
        self.of.remove(snapshot).await
    }

    async fn collect_orphans(&self, instance: &InstanceId, bucket: Option<&str>) -> Result<(), BackupError> {
        self.of.collect_orphans(instance, bucket).await
    }

    async fn forget(&self, instance: &InstanceId) -> Result<(), BackupError> {
        self.of.forget(instance).await
    }

    async fn fetch(&self, snapshot: &Snapshot, restore: &str) -> Result<(), BackupError> {
        self.of.fetch(snapshot, restore).await
    }

    async fn restore(
        &self,
        snapshot: &Snapshot,
        restore: &str,
        version: &EtcdVersion,
        members: &[NewMember],
    ) -> Result<(), BackupError> {
        self.of.restore(snapshot, restore, version, members).await
    }

    async fn drill(&self, _snapshot: &Snapshot) -> Result<Drill, BackupError> {
        self.begun.notify_one();
        std::future::pending().await
    }
}

/// An instance that was made, and the world that it is in.
fn made() -> (World, InstanceId) {
    let sim = Sim::new(5, Flaw::None, false);
    sim.set_weather(Weather::Calm);
    let id = InstanceId::parse("etcd-kit00000").unwrap();
    let security = Security { https: true, client_cert_auth: true };
    let wanted = Wanted { id: Some(id.clone()), size: 1, old: false, security, password: false, backup_seconds: 3600 };
    assert!(block_on(api::create(&sim.world(), &wanted)).unwrap().is_some());
    let mut schedule = Schedule::new(&sim);
    while !schedule.has_converged() {
        schedule.step();
    }
    (sim.world(), id)
}

async fn state(world: &World, id: &InstanceId, name: &str) -> Option<SnapshotState> {
    let record = records::get::<Snapshot>(world.store.as_ref(), &records::snapshot_key(id, name)).await.unwrap();
    record.map(|record| record.value.state)
}

#[tokio::test]
async fn a_drill_gives_way_to_a_snapshot_that_someone_asks_for() {
    let (mut world, id) = tokio::task::spawn_blocking(made).await.unwrap();
    let begun = Arc::new(Notify::new());
    world.backups = Arc::new(Endless { of: Arc::clone(&world.backups), begun: Arc::clone(&begun) });
    assert!(api::snapshot(&world, &id, "first").await.unwrap());
    let (changes, woken) = watch::channel(0);
    let mut keeper = Keeper::new(world.clone(), id.clone()).woken_by(woken);
    let keeping = async {
        while state(&world, &id, "second").await != Some(SnapshotState::Done) {
            keeper.turn().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let asking = async {
        begun.notified().await;
        assert!(api::snapshot(&world, &id, "second").await.unwrap());
        changes.send(1).unwrap();
    };
    tokio::join!(keeping, asking);
    assert_eq!(state(&world, &id, "first").await, Some(SnapshotState::Done));
}
