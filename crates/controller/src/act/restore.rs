//! Restoring a snapshot: each step by itself, as the plan orders them.

use std::path::PathBuf;

use cetcd_core::{
    EtcdVersion,
    backup::{Drill, Origin, Snapshot},
    instance::Restore,
    status::{Restored, Restoring},
    task::TaskKind,
};
use cetcd_store::{
    Compare, Txn,
    records::{self, Record},
};

use super::{Subject, maintenance::snapshot_for_change, required, settled, write_status};
use crate::{
    Error, Result, World,
    backups::{BackupError, NewMember},
    record::open_tasks,
};

/// The restore that the plan means.
fn wanted<'a>(subject: &Subject<'a>) -> Result<&'a Restore> {
    required(subject.status.value.restore_under_way(&subject.instance.value), "the restore")
}

/// What was recorded when it began.
fn begun<'a>(subject: &Subject<'a>) -> Result<&'a Restoring> {
    required(subject.status.value.restoring.as_ref(), "the restore's record")
}

/// The snapshot that it is of.
async fn snapshot(world: &World, restore: &Restore) -> Result<Snapshot> {
    let key = records::snapshot_key(&restore.source, &restore.snapshot);
    let record: Option<Record<Snapshot>> = records::get(world.store.as_ref(), &key).await?;
    Ok(required(record, &format!("the snapshot {} of {}", restore.snapshot, restore.source))?.value)
}

/// A new token, so that members of the old cluster and of the new never take each other for their own.
pub(super) async fn begin(world: &World, subject: &Subject<'_>) -> Result<()> {
    let mut status = subject.status.value.clone();
    status.restoring = Some(Restoring {
        id: wanted(subject)?.id.clone(),
        token: format!("{}-{}", subject.instance.value.id, world.entropy.lowercase_alphanumeric(12)),
        backed_up: false,
        cluster_id: None,
    });
    // What is restored needs no recovery any more: one that went on would take the new cluster apart.
    status.recovery = None;
    status.quorum_loss = None;
    write_status(world, subject, &status).await
}

/// Brings the snapshot and checks every bit that is stored of it, while the cluster still serves. One that is damaged is
/// refused, and the instance goes on as it was. Then takes a snapshot of what is replaced. Where no member serves there
/// is none to be had: what the members have is set aside as it is.
pub(super) async fn back_up(world: &World, subject: &Subject<'_>) -> Result<()> {
    let restore = wanted(subject)?;
    let chosen = snapshot(world, restore).await?;
    match world.backups.fetch(&chosen, &restore.id).await {
        Err(error) if error.damaged => return refuse(world, subject, restore, &error).await,
        fetched => fetched?,
    }
    let serves = subject.observed.members.iter().any(|member| member.serving().is_some());
    if subject.status.value.cluster_id.is_some() && !restore.skip_backup && serves {
        let short: String = restore.id.chars().take(8).collect();
        let origin = Origin::BeforeRestore { restore: restore.id.clone() };
        snapshot_for_change(world, subject, &format!("before-restore-{short}"), origin).await?;
    } else {
        tracing::info!(instance = %subject.instance.value.id, serves, "what the restore replaces is only set aside");
    }
    let mut status = subject.status.value.clone();
    let restoring = required(status.restoring.as_mut(), "the restore's record")?;
    restoring.backed_up = true;
    write_status(world, subject, &status).await
}

/// Ends a restore of a damaged snapshot before it touched anything: its task fails, and the snapshot is known for what it
/// is. A new instance has nothing to go on with: it goes on to fail until its owner deletes it.
async fn refuse(world: &World, subject: &Subject<'_>, restore: &Restore, error: &BackupError) -> Result<()> {
    let id = &subject.instance.value.id;
    let now = world.clock.now();
    let reason = format!("{error}; nothing was replaced");
    tracing::error!(instance = %id, snapshot = restore.snapshot, %error, "a restore is refused");
    let mut status = subject.status.value.clone();
    if status.cluster_id.is_some() {
        status.restoring = None;
        status.refused_restore = Some(restore.id.clone());
    }
    let mut txn = Txn::new()
        .when(Compare::mod_revision(records::status_key(id), subject.status.revision))
        .then(records::put_status(id, &status));
    for Record { value: mut task, revision } in open_tasks(world, id).await? {
        if task.kind == TaskKind::RestoreRemoteSnapshot {
            task.fail(&reason, now);
            txn = txn.when(Compare::mod_revision(records::task_key(&task), revision)).then(records::put_task(&task));
        }
    }
    let key = records::snapshot_key(&restore.source, &restore.snapshot);
    let known: Option<Record<Snapshot>> = records::get(world.store.as_ref(), &key).await?;
    if let Some(Record { value: mut snapshot, revision }) = known {
        snapshot.drill = Some(Drill { at: now, passed: false, message: error.to_string(), millis: 0 });
        txn = txn.when(Compare::mod_revision(key, revision)).then(records::put_snapshot(&snapshot));
    }
    settled(world.store.txn(txn).await?.succeeded, "the status")?;
    if status.refused_restore.is_some() {
        return Ok(());
    }
    Err(BackupError { reason, damaged: true }.into())
}

/// Makes the members' data beside theirs, all of it, and only then swaps.
pub(super) async fn restore_members(world: &World, subject: &Subject<'_>, ordinals: &[u32]) -> Result<()> {
    let (instance, status) = (&subject.instance.value, &subject.status.value);
    let (restore, begun) = (wanted(subject)?, begun(subject)?);
    let snapshot = snapshot(world, restore).await?;
    let version: EtcdVersion = status.version(&instance.spec).clone();
    if world.installer.binaries(&version).is_none() {
        world.installer.install(&version).await?;
    }
    // All of them, whoever lacks its data now: they are the new cluster's founders.
    let initial_cluster = status.initial_cluster(&instance.id, |_| true);
    let mut members: Vec<NewMember> = Vec::with_capacity(ordinals.len());
    for ordinal in ordinals {
        let name = instance.id.member_name(*ordinal);
        let record = required(status.member(*ordinal), &name)?;
        let data_dir: PathBuf = world.runtime.prepare_data(&instance.id, *ordinal).await?;
        members.push(NewMember {
            name,
            peer_url: record.peer_url(),
            initial_cluster: initial_cluster.clone(),
            token: begun.token.clone(),
            data_dir,
        });
    }
    let since = world.clock.now();
    match world.backups.restore(&snapshot, &restore.id, &version, &members).await {
        // It was whole when it was fetched. Where no member's data was replaced yet there is still a way back.
        Err(error) if error.damaged && !replaced_any(subject, restore) => {
            return refuse(world, subject, restore, &error).await;
        }
        made => made?,
    }
    for ordinal in ordinals {
        world.runtime.replace_data(&instance.id, *ordinal, &restore.id).await?;
    }
    let seconds = world.clock.now().duration_since(since).as_secs_f64();
    tracing::info!(instance = %instance.id, snapshot = snapshot.name, of = %snapshot.instance, seconds, "made the members' data");
    Ok(())
}

fn replaced_any(subject: &Subject<'_>, restore: &Restore) -> bool {
    subject.observed.members.iter().any(|member| member.restored.as_deref() == Some(restore.id.as_str()))
}

/// From here on the members are known as the new cluster's.
pub(super) async fn latch(world: &World, subject: &Subject<'_>, cluster_id: u64) -> Result<()> {
    let mut status = subject.status.value.clone();
    let restoring = required(status.restoring.as_mut(), "the restore's record")?;
    restoring.cluster_id = Some(cluster_id);
    let token = restoring.token.clone();
    (status.cluster_id, status.cluster_token) = (Some(cluster_id), token);
    write_status(world, subject, &status).await
}

/// Every member has to have at least the snapshot's revision, and all of them the same keys at one revision.
pub(super) async fn check(world: &World, subject: &Subject<'_>) -> Result<()> {
    let restore = wanted(subject)?;
    let snapshot = snapshot(world, restore).await?;
    let contents = required(snapshot.contents, "what the snapshot holds")?;
    let unfit = |reason: String| Error::RestoredOtherwise { snapshot: restore.snapshot.clone(), reason };
    let mut lowest = i64::MAX;
    for member in &subject.status.value.members {
        let revision = world.admin.status(&subject.target(member.ordinal)?).await?.revision;
        if revision < contents.revision {
            let (ordinal, wanted) = (member.ordinal, contents.revision);
            return Err(unfit(format!("member {ordinal} has revision {revision} of {wanted}")));
        }
        lowest = lowest.min(revision);
    }
    let mut hashes = Vec::new();
    // One alone has nobody to be compared with, and reading all of its keys takes a second for each GB.
    let compared: &[_] = if subject.status.value.members.len() > 1 { &subject.status.value.members } else { &[] };
    for member in compared {
        let hash = world.admin.hash_kv(&subject.target(member.ordinal)?, lowest).await?;
        hashes.push((hash.compact_revision, hash.hash));
    }
    // Where one has compacted further than another the hashes say nothing: the next look finds them alike.
    if hashes.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(unfit(format!("its members do not hold the same keys at revision {lowest}: {hashes:?}")));
    }
    let mut status = subject.status.value.clone();
    status.restoring = None;
    status.restored = Some(Restored { id: restore.id.clone(), at: world.clock.now() });
    write_status(world, subject, &status).await
}
