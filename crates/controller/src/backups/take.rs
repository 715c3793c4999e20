//! Taking one snapshot, from the record that says so to the record that says it is there.

use cetcd_core::{
    EtcdVersion, Instance, Status, Task,
    backup::{Contents, Snapshot, SnapshotState},
    event::{Event, EventKind, Level},
    observed::{Observed, ObservedMember},
    plan::serves,
};
use cetcd_etcd::Login;
use cetcd_store::{
    Compare, Txn, events,
    records::{self, Record},
};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{BackupError, Source};
use crate::{
    Error, Result, World,
    observe::{Certificates, target},
};

/// How often the outcome of a try is written again that lost a race to another writer of its record.
const ATTEMPTS: usize = 8;

/// Takes the snapshot, whose record was last written at `revision` (0: it has none yet), now: the try is recorded, the
/// snapshot is streamed from a follower, the outcome is recorded. An error says why it is not there.
pub(crate) async fn take_now(
    world: &World,
    cluster: &Cluster<'_>,
    snapshot: Record<Snapshot>,
) -> Result<Record<Snapshot>> {
    let id = &cluster.instance.value.id;
    let _slot = world.slots.snapshot(id).await;
    let Record { value: mut snapshot, revision } = snapshot;
    snapshot.begin(world.clock.now());
    let begun = Txn::new()
        .when(Compare::present(records::instance_key(id)))
        .when(Compare::mod_revision(records::snapshot_key(id, &snapshot.name), revision))
        .then(records::put_snapshot(&snapshot));
    let outcome = world.store.txn(begun).await?;
    if !outcome.succeeded {
        return Err(Error::Conflict { what: format!("the snapshot {}", snapshot.name) });
    }
    let since = world.clock.now();
    let taken = match source(cluster) {
        Some(source) => {
            let source = Source { login: log_in(world, &snapshot).await?, ..source };
            world.backups.take(&snapshot, &source).await
        }
        None => Err(BackupError { reason: "no member serves that could be asked".to_owned(), damaged: false }),
    };
    let took = world.clock.now().duration_since(since).as_secs_f64();
    world.backup_metrics.took(taken.as_ref().ok().map(|contents| contents.bytes), took);
    match &taken {
        Ok(contents) => tracing::info!(
            instance = %id, snapshot = snapshot.name, bytes = contents.bytes, stored = contents.stored_bytes,
            revision = contents.revision, seconds = took, "took a snapshot"
        ),
        Err(error) => tracing::warn!(instance = %id, snapshot = snapshot.name, %error, "a snapshot was not taken"),
    }
    let recorded = settle(world, &snapshot, taken.as_ref()).await?;
    match taken {
        Ok(_) => Ok(recorded),
        Err(error) => Err(error.into()),
    }
}

/// The instance that a snapshot is taken of, as it was looked at.
pub(crate) struct Cluster<'a> {
    pub instance: &'a Record<Instance>,
    pub status: &'a Status,
    pub observed: &'a Observed,
    pub certificates: Option<&'a Certificates>,
}

/// A follower that serves, so that the leader is not slowed down; else the leader.
fn source(cluster: &Cluster<'_>) -> Option<Source> {
    let cluster_id = cluster.status.cluster_id?;
    let serving = || cluster.observed.members.iter().filter(|member| serves(member, cluster_id));
    let leads = |member: &&ObservedMember| member.serving().is_some_and(|serving| serving.leader);
    let member = serving().find(|member| !leads(member)).or_else(|| serving().next())?;
    let record = cluster.status.member(member.ordinal)?;
    let said = member.serving()?;
    let version = said.version.parse::<EtcdVersion>().unwrap_or_else(|_| record.run.version.clone());
    Some(Source {
        target: target(&cluster.instance.value, record.client, cluster.certificates)?,
        login: None,
        cluster_id,
        version,
        database_bytes: said.database_bytes,
    })
}

/// Whom to log in as where the control plane's own certificate does not make it root. Of root the password is told to
/// all who ask as root.
async fn log_in(world: &World, snapshot: &Snapshot) -> Result<Option<Login>> {
    let id = &snapshot.instance;
    let Some(user) = &snapshot.user else { return Ok(None) };
    let key = match snapshot.policy() {
        Some(policy) => records::policy_password_key(id, policy),
        None => records::snapshot_password_key(id, &snapshot.name),
    };
    let Some(password) = records::secret(world.store.as_ref(), &world.sealer, &key).await? else { return Ok(None) };
    let password = std::str::from_utf8(&password).unwrap_or_default();
    if user != "root" {
        return Ok(Some(Login { user: user.clone(), password: Zeroizing::new(password.to_owned()) }));
    }
    // Beside those that are known: another may be root's by the time of the next question.
    let known = records::root_passwords(world.store.as_ref(), &world.sealer, id).await?.value;
    world.admin.log_in_with(id, &[&[password], known.newest_first().as_slice()].concat());
    Ok(None)
}

/// Writes how the try ended, and what its task shows of that. Someone may have asked for its deletion meanwhile.
async fn settle(world: &World, tried: &Snapshot, outcome: Result<&Contents, &BackupError>) -> Result<Record<Snapshot>> {
    let key = records::snapshot_key(&tried.instance, &tried.name);
    for _ in 0..ATTEMPTS {
        let present: Option<Record<Snapshot>> = records::get(world.store.as_ref(), &key).await?;
        let Some(Record { value: mut snapshot, revision }) = present.filter(|p| p.value.object == tried.object) else {
            return Err(Error::Conflict { what: format!("the snapshot {}", tried.name) });
        };
        let now = world.clock.now();
        match outcome {
            Ok(contents) => snapshot.succeed(contents.clone(), now),
            Err(error) => snapshot.fail(&error.reason, now),
        }
        let mut txn =
            Txn::new().when(Compare::mod_revision(key.clone(), revision)).then(records::put_snapshot(&snapshot));
        if !snapshot.is_open() {
            txn = txn.delete(records::snapshot_password_key(&snapshot.instance, &snapshot.name));
        }
        let task = task_of(world, &snapshot).await?;
        if let Some((task, revision)) = &task {
            txn = txn.when(Compare::mod_revision(records::task_key(task), *revision)).then(records::put_task(task));
        }
        let txn = events::with_backup_event(world.store.as_ref(), &tried.instance, txn, told(&snapshot, now)).await?;
        let written = world.store.txn(txn).await?;
        if written.succeeded {
            if let Some((task, _)) = &task {
                world.task_metrics.ended(task);
            }
            return Ok(Record { value: snapshot, revision: written.revision });
        }
    }
    Err(Error::Conflict { what: format!("the snapshot {}", tried.name) })
}

/// What is told of how a try ended.
fn told(snapshot: &Snapshot, now: Timestamp) -> Event {
    if snapshot.state == SnapshotState::Done {
        let event = Event { task: snapshot.task.clone(), ..Event::new(EventKind::BackupTaken, now) };
        return event.detail(snapshot.name.clone());
    }
    let event = Event { task: snapshot.task.clone(), ..Event::new(EventKind::BackupFailed, now) };
    let level = if snapshot.is_open() { Level::Warning } else { Level::Error };
    event.level(level).detail(snapshot.name.clone()).reason(&snapshot.message)
}

/// The task of the snapshot as it now is to be, where it goes on and changes.
pub(super) async fn task_of(world: &World, snapshot: &Snapshot) -> Result<Option<(Task, u64)>> {
    let Some(id) = &snapshot.task else { return Ok(None) };
    let key = format!("{}{id}", records::tasks_prefix(&snapshot.instance));
    let record: Option<Record<Task>> = records::get(world.store.as_ref(), &key).await?;
    let Some(Record { value: mut task, revision }) = record.filter(|record| record.value.is_open()) else {
        return Ok(None);
    };
    let now = world.clock.now();
    match snapshot.state {
        _ if snapshot.deleting => task.fail("the snapshot was deleted", now),
        SnapshotState::Done => drop(task.advance(task.steps.len(), now)),
        SnapshotState::Failed => task.fail(&snapshot.message, now),
        SnapshotState::Pending | SnapshotState::Running => drop(task.report(&snapshot.message, now)),
    }
    Ok(Some((task, revision)))
}
