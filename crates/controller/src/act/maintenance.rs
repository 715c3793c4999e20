//! Snapshots before upgrades, and making space.

use std::sync::Arc;

use cetcd_core::{
    backup::{Origin, Snapshot},
    status::UpgradeSnapshot,
};
use cetcd_etcd::{must_age, operator::AlarmKind};
use cetcd_store::records::{self, Record};

use super::{Subject, required, write_status};
use crate::{
    Result, World,
    backups::{Cluster, take_now},
};

/// Takes a snapshot to where all backups go, and records that it is there. A try that was cut off is found by its name
/// and goes on. Members that could not start as the new version with the log that they have are made to forget it.
pub(super) async fn take_upgrade_snapshot(world: &World, subject: &Subject<'_>) -> Result<()> {
    let (instance, version) = (&subject.instance.value, subject.instance.value.spec.version.clone());
    // The generation tells two upgrades apart.
    let name = format!("before-{version}-{}", instance.generation);
    let origin = Origin::BeforeUpgrade { version: version.clone() };
    let snapshot = snapshot_for_change(world, subject, &name, origin).await?;
    if subject.status.value.members.iter().any(|record| must_age(&record.run.version, &version)) {
        // Every member serves when this is asked.
        world.admin.age_log(&subject.targets()).await?;
    }
    let mut status = subject.status.value.clone();
    status.upgrade_snapshot = Some(UpgradeSnapshot {
        version,
        name,
        bytes: snapshot.contents.as_ref().map_or(0, |contents| contents.bytes),
        taken_at: snapshot.taken_at(),
    });
    write_status(world, subject, &status).await
}

/// The snapshot that a change is to begin with: the one of that name that is there, or one that is taken now.
pub(super) async fn snapshot_for_change(
    world: &World,
    subject: &Subject<'_>,
    name: &str,
    origin: Origin,
) -> Result<Snapshot> {
    let instance = &subject.instance.value;
    let key = records::snapshot_key(&instance.id, name);
    let present: Option<Record<Snapshot>> = records::get(world.store.as_ref(), &key).await?;
    let record = match present {
        Some(record) if record.value.origin == origin && record.value.is_good() => return Ok(record.value),
        // Given up by an earlier try of the same change: tried again, since the change waits for it.
        Some(record) => record,
        None => {
            let object = Snapshot::draw_object(world.entropy.as_ref());
            let wanted = Snapshot::wanted(instance, name.to_owned(), origin, world.clock.now(), object);
            let wanted = Snapshot { bucket: instance.spec.backup.cos_bucket_name.clone(), ..wanted };
            Record { value: wanted, revision: 0 }
        }
    };
    let cluster = Cluster {
        instance: subject.instance,
        status: &subject.status.value,
        observed: subject.observed,
        certificates: subject.certificates.map(Arc::as_ref),
    };
    Ok(take_now(world, &cluster, record).await?.value)
}

/// Compacts to the current revision. The time is recorded first: what fails half-way is not tried at once again.
pub(super) async fn compact(world: &World, subject: &Subject<'_>) -> Result<()> {
    let mut status = subject.status.value.clone();
    status.compacted_at = Some(world.clock.now());
    write_status(world, subject, &status).await?;
    let targets = subject.targets();
    let revision = world.admin.status(required(targets.first(), "a member that serves")?).await?.revision;
    Ok(world.admin.compact(&targets, revision).await?)
}

/// Takes every alarm of a kind back.
pub(super) async fn disarm(world: &World, subject: &Subject<'_>, kind: AlarmKind) -> Result<()> {
    let targets = subject.targets();
    for alarm in world.admin.alarms(&targets).await? {
        if alarm.kind == kind {
            world.admin.disarm(&targets, &alarm).await?;
        }
    }
    Ok(())
}

/// Defragments a member. The time is recorded first: the next one waits for this one to settle.
pub(super) async fn defragment(world: &World, subject: &Subject<'_>, ordinal: u32) -> Result<()> {
    let mut status = subject.status.value.clone();
    status.defragmented_at = Some(world.clock.now());
    write_status(world, subject, &status).await?;
    Ok(world.admin.defragment(&subject.target(ordinal)?).await?)
}
