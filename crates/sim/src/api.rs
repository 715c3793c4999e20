//! What the API's handlers write: the same transactions as the gateway's service, without the checks of a request.

use std::net::IpAddr;

use cetcd_controller::World;
use cetcd_core::{
    Instance, InstanceId, Status, Task,
    backup::{Origin, Snapshot},
    instance::{BackupSettings, Resources, Restore, Security, Spec},
    internet::{Internet, is_guarded},
    task::{TaskKind, TaskState},
};
use cetcd_store::{
    Compare, Error, Op, Txn,
    records::{self, Record},
};

use ipnet::IpNet;

use crate::fakes::VERSIONS;

/// What a simulated creation asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its ID; drawn, where it is not given.
    pub id: Option<InstanceId>,
    /// Number of members.
    pub size: u8,
    /// The oldest of the versions that there are, in place of the one in the middle.
    pub old: bool,
    /// How clients reach it.
    pub security: Security,
    /// Whether a password for backups is sealed with it.
    pub password: bool,
    /// Seconds between two backups.
    pub backup_seconds: u64,
}

const ACCOUNT: &str = "100000000001";
const REGION: &str = "ap-guangzhou";

/// Accepts a creation. `None`: another request was quicker, nothing was written.
pub async fn create(world: &World, wanted: &Wanted) -> Result<Option<InstanceId>, Error> {
    let quota_key = records::quota_key(ACCOUNT, REGION);
    let revision = world.store.get(&quota_key).await?.map_or(0, |entry| entry.mod_revision);
    let now = world.clock.now();
    let instance = Instance {
        id: wanted.id.clone().unwrap_or_else(|| InstanceId::draw(world.entropy.as_ref())),
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        created_at: now,
        generation: 1,
        spec: spec(wanted),
    };
    let task = Task::accepted(world.entropy.uuid(), TaskKind::CreateInstance, &instance, now);
    let mut txn = Txn::new()
        .when(Compare::mod_revision(&quota_key, revision))
        .when(Compare::absent(records::instance_key(&instance.id)))
        .when(Compare::absent(records::task_key(&task)))
        .then(records::put_instance(&instance))
        .then(records::put_task(&task))
        .then(Op::put(&quota_key, instance.id.as_str().to_owned()));
    if wanted.password {
        txn = txn.then(records::put_secret(&world.sealer, &records::backup_password_key(&instance.id), b"secret"));
    }
    Ok(world.store.txn(txn).await?.succeeded.then_some(instance.id))
}

/// Accepts a deletion. False: another writer was quicker, nothing was written.
pub async fn delete(world: &World, id: &InstanceId) -> Result<bool, Error> {
    let store = world.store.as_ref();
    let current: Option<Record<Instance>> = records::get(store, &records::instance_key(id)).await?;
    let Some(Record { value: mut instance, revision }) = current else { return Ok(true) };
    if instance.spec.deleting {
        return Ok(true);
    }
    instance.spec.deleting = true;
    instance.generation += 1;
    let now = world.clock.now();
    let mut txn = Txn::new()
        .when(Compare::mod_revision(records::instance_key(id), revision))
        .then(records::put_instance(&instance));
    for entry in store.range(&records::tasks_prefix(id)).await?.entries {
        let Record { value: mut task, revision }: Record<Task> = records::decode(&entry)?;
        if task.state == TaskState::Process {
            task.fail("overtaken by deletion", now);
            txn = txn.when(Compare::mod_revision(records::task_key(&task), revision)).then(records::put_task(&task));
        }
    }
    let task = Task::accepted(world.entropy.uuid(), TaskKind::DeleteInstance, &instance, now);
    let txn = txn.when(Compare::absent(records::task_key(&task))).then(records::put_task(&task));
    Ok(store.txn(txn).await?.succeeded)
}

/// Asks for a snapshot. False: there is one of that name, or nothing to take it of.
pub async fn snapshot(world: &World, id: &InstanceId, name: &str) -> Result<bool, Error> {
    let store = world.store.as_ref();
    let current: Option<Record<Instance>> = records::get(store, &records::instance_key(id)).await?;
    let Some(Record { value: instance, revision }) = current.filter(|record| !record.value.spec.deleting) else {
        return Ok(false);
    };
    let (now, object) = (world.clock.now(), Snapshot::draw_object(world.entropy.as_ref()));
    let task = Task::accepted(world.entropy.uuid(), TaskKind::CreateSnapshot, &instance, now);
    let wanted = Snapshot::wanted(&instance, name.to_owned(), Origin::Manual, now, object);
    let wanted = Snapshot { task: Some(task.id.clone()), ..wanted };
    let txn = Txn::new()
        .when(Compare::mod_revision(records::instance_key(id), revision))
        .when(Compare::absent(records::snapshot_key(id, name)))
        .then(records::put_snapshot(&wanted))
        .then(records::put_task(&task));
    Ok(store.txn(txn).await?.succeeded)
}

/// A change that takes time.
#[derive(Debug, Clone)]
pub enum Change {
    /// To another number of members.
    Resize(u8),
    /// To the next version that there is.
    Upgrade,
    /// Another limit of memory, in GiB, and number of members at once.
    Configure(u32, u8),
    /// To those of the three subnets, by number.
    Move(Vec<usize>),
    /// Authentication on or off, where that is said, and a new password of root, where one is given.
    Auth {
        /// Whether it is to be on.
        enabled: Option<bool>,
        /// Whether there is a new password: [`password`] of the next generation.
        password: bool,
    },
    /// To what the snapshot of that name holds.
    Restore(String),
    /// To another CA; how many seconds the former is good.
    Rotate(u64),
    /// Open to the public, or not.
    Internet(bool),
}

/// The password of a generation.
pub fn password(generation: u64) -> String {
    format!("password-{generation}")
}

/// The subnets that there are.
const SUBNETS: [&str; 3] = ["subnet-abcd1234", "subnet-abcd2345", "subnet-abcd3456"];

/// Accepts a change. False: it was refused, or another writer was quicker; nothing was written.
pub async fn change(world: &World, id: &InstanceId, change: &Change) -> Result<bool, Error> {
    let store = world.store.as_ref();
    let current: Option<Record<Instance>> = records::get(store, &records::instance_key(id)).await?;
    let Some(Record { value: before, revision }) = current else { return Ok(false) };
    let tasks = store.range(&records::tasks_prefix(id)).await?.entries;
    for entry in &tasks {
        let task: Record<Task> = records::decode(entry)?;
        if task.value.is_open() && task.value.kind.changes_instance() {
            return Ok(false);
        }
    }
    let mut instance = before.clone();
    let mut txn = Txn::new().when(Compare::mod_revision(records::instance_key(id), revision));
    let kind = match change {
        Change::Resize(size) => {
            instance.spec.size = *size;
            TaskKind::ResizeInstance
        }
        Change::Upgrade => {
            let next = VERSIONS.into_iter().find(|version| *version > instance.spec.version);
            if let Some(next) = next {
                instance.spec.version = next;
                instance.spec.upgrades += 1;
            }
            TaskKind::UpgradeInstance
        }
        Change::Configure(memory_gib, size) => {
            instance.spec.resources = Some(Resources { cpu: 1, memory_gib: *memory_gib });
            instance.spec.size = *size;
            TaskKind::ModifyConfiguration
        }
        Change::Rotate(overlap_seconds) => {
            let status: Option<Record<Status>> = records::get(store, &records::status_key(id)).await?;
            if status.is_some_and(|status| status.value.rotation.overlap_since.is_some()) {
                return Ok(false);
            }
            instance.spec.credentials.rotations += 1;
            instance.spec.credentials.overlap_seconds = *overlap_seconds;
            TaskKind::RotateCredentials
        }
        Change::Internet(open) => {
            if *open && !is_guarded(instance.spec.security, instance.spec.auth) {
                return Ok(false);
            }
            let allowed = vec![IpNet::from(IpAddr::from([10, 0, 0, 0]))];
            instance.spec.internet = open.then_some(Internet { allowed });
            if *open { TaskKind::EnableInternet } else { TaskKind::DisableInternet }
        }
        Change::Move(subnets) => {
            instance.spec.subnet_ids = subnets.iter().map(|number| SUBNETS[*number].to_owned()).collect();
            TaskKind::ModifyAttribute
        }
        Change::Auth { enabled, password: new } => {
            let auth = &mut instance.spec.auth;
            if *new {
                let status: Option<Record<Status>> = records::get(store, &records::status_key(id)).await?;
                let applied = status.and_then(|status| status.value.root_password).map(|applied| applied.generation);
                let mut known = records::root_passwords(store, &world.sealer, id).await?;
                auth.password_generation = known.value.add(&password(auth.password_generation + 1), applied);
                txn = txn
                    .when(Compare::mod_revision(records::root_passwords_key(id), known.revision))
                    .then(records::put_root_passwords(&world.sealer, id, &known.value));
            }
            if *enabled == Some(true) && auth.password_generation == 0 {
                return Ok(false);
            }
            auth.enabled = enabled.or(auth.enabled);
            if instance.spec.internet.is_some() && !is_guarded(instance.spec.security, instance.spec.auth) {
                return Ok(false);
            }
            TaskKind::ModifyAttribute
        }
        Change::Restore(name) => {
            let key = records::snapshot_key(id, name);
            let snapshot: Option<Record<Snapshot>> = records::get(store, &key).await?;
            if !snapshot.is_some_and(|record| record.value.is_good()) {
                return Ok(false);
            }
            instance.spec.restore = Some(Restore {
                id: world.entropy.uuid(),
                source: id.clone(),
                snapshot: name.clone(),
                skip_backup: false,
            });
            TaskKind::RestoreRemoteSnapshot
        }
    };
    if instance == before || instance.spec.deleting {
        return Ok(false);
    }
    instance.generation += 1;
    let task = Task::accepted(world.entropy.uuid(), kind, &instance, world.clock.now());
    let txn = txn
        .when(Compare::absent(records::task_key(&task)))
        .then(records::put_instance(&instance))
        .then(records::put_task(&task));
    Ok(store.txn(txn).await?.succeeded)
}

fn spec(wanted: &Wanted) -> Spec {
    Spec {
        name: "simulated".to_owned(),
        vpc_id: "vpc-abcd1234".to_owned(),
        service_subnet_id: "subnet-abcd1234".to_owned(),
        subnet_ids: SUBNETS.map(str::to_owned).to_vec(),
        size: wanted.size,
        security: wanted.security,
        backup: BackupSettings { interval_seconds: wanted.backup_seconds, max_count: 2, ..BackupSettings::default() },
        ..Spec::new(VERSIONS[usize::from(!wanted.old)].clone())
    }
}
