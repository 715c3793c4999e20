//! Snapshots before upgrades, and making space.

use cetcd_core::{observed::ObservedMember, status::UpgradeSnapshot};
use cetcd_etcd::operator::AlarmKind;

use super::{Subject, required, write_status};
use crate::{Result, World};

/// Takes a snapshot of a follower, so that the leader is not slowed down, and records it.
pub(super) async fn take_upgrade_snapshot(world: &World, subject: &Subject<'_>) -> Result<()> {
    let instance = &subject.instance.value;
    let serving = || subject.observed.members.iter().filter(|member| member.serving().is_some());
    let leads = |member: &&ObservedMember| member.serving().is_some_and(|serving| serving.leader);
    let member = required(serving().find(|m| !leads(m)).or_else(|| serving().next()), "a member that serves")?;
    let version = instance.spec.version.clone();
    let path = world.runtime.snapshot_path(&instance.id, &format!("before-{version}")).await?;
    let info = world.admin.snapshot_to_file(&subject.target(member.ordinal)?, &path).await?;
    let mut status = subject.status.value.clone();
    status.upgrade_snapshot = Some(UpgradeSnapshot {
        version,
        path: path.display().to_string(),
        bytes: info.bytes,
        taken_at: world.clock.now(),
    });
    write_status(world, subject, &status).await
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
