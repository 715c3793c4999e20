//! Snapshots: asking for one, listing those that are there, removing one, proving one anew. The controller does it.

use cetcd_api::{
    Code, Error,
    actions::{
        CreateEtcdSnapshot, CreateEtcdSnapshotRequest, CreateEtcdSnapshotResponse, DeleteEtcdSnapshot,
        DeleteEtcdSnapshotRequest, DeleteEtcdSnapshotResponse, DescribeEtcdSnapshots, DescribeEtcdSnapshotsRequest,
        DescribeEtcdSnapshotsResponse, ShareEtcdSnapshot, ShareEtcdSnapshotRequest, ShareEtcdSnapshotResponse,
        VerifyEtcdSnapshot, VerifyEtcdSnapshotRequest, VerifyEtcdSnapshotResponse,
    },
    structures::EtcdSnapshot,
};
use cetcd_core::{
    InstanceId, Task,
    backup::{Origin, Snapshot, SnapshotState},
    task::TaskKind,
};
use cetcd_store::{
    Compare, Txn,
    records::{self, Record},
};

use super::{
    Service,
    commit::{ATTEMPTS, contended, store_error},
    lookup::being_deleted,
};
use crate::{Context, Handler};

/// The most snapshots of an instance that are recorded, those that policies take included.
const MOST_SNAPSHOTS: usize = 4096;

impl Handler<CreateEtcdSnapshot> for Service {
    /// Beside whatever else goes on: a snapshot changes nothing. A name is free again once its snapshot was given up.
    async fn handle(
        &self,
        context: &Context,
        request: CreateEtcdSnapshotRequest,
    ) -> Result<CreateEtcdSnapshotResponse, Error> {
        let name = &request.snapshot_name;
        for _ in 0..ATTEMPTS {
            let current = self.stored(context, &request.instance_id).await?;
            let instance = &current.value;
            let id = &instance.id;
            if instance.spec.deleting {
                return Err(being_deleted(id));
            }
            if self.view.status(id).is_none_or(|status| status.cluster_id.is_none()) {
                return Err(not_made(id));
            }
            let key = records::snapshot_key(id, name);
            let present = self.stored_snapshot(id, name).await?;
            if present.as_ref().is_some_and(|record| record.value.state != SnapshotState::Failed) {
                return Err(exists(id, name));
            }
            if self.view.snapshots_of(id).len() >= MOST_SNAPSHOTS {
                return Err(too_many(id));
            }
            let task = Task::accepted(self.entropy.uuid(), TaskKind::CreateSnapshot, instance, context.now);
            let object = Snapshot::draw_object(self.entropy.as_ref());
            let wanted = Snapshot::wanted(instance, name.clone(), Origin::Manual, context.now, object);
            let snapshot = Snapshot {
                task: Some(task.id.clone()),
                user: request.user.clone().filter(|user| !user.is_empty()),
                bucket: instance.spec.backup.cos_bucket_name.clone(),
                ..wanted
            };
            let mut txn = Txn::new()
                .when(Compare::mod_revision(records::instance_key(id), current.revision))
                .when(Compare::mod_revision(key, present.map_or(0, |record| record.revision)))
                .when(Compare::absent(records::task_key(&task)))
                .then(records::put_snapshot(&snapshot))
                .then(records::put_task(&task));
            if let Some(password) = request.password.as_deref().filter(|password| !password.is_empty()) {
                let key = records::snapshot_password_key(id, name);
                txn = txn.then(records::put_secret(&self.sealer, &key, password.as_bytes()));
            }
            if self.commit(txn).await? {
                return Ok(CreateEtcdSnapshotResponse {});
            }
        }
        Err(contended(&request.instance_id))
    }
}

impl Handler<DescribeEtcdSnapshots> for Service {
    /// Those that are there, the newest first. What is still being taken, or was given up, is shown by
    /// DescribeEtcdBackups and by its task.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdSnapshotsRequest,
    ) -> Result<DescribeEtcdSnapshotsResponse, Error> {
        let mut snapshots = self.visible_snapshots(context, &request.instance_id)?;
        snapshots.retain(|snapshot| snapshot.state == SnapshotState::Done && !snapshot.deleting);
        let shown = |snapshot: &Snapshot| EtcdSnapshot {
            name: snapshot.name.clone(),
            size: snapshot.contents.as_ref().map_or(0, |contents| contents.bytes),
        };
        Ok(DescribeEtcdSnapshotsResponse { snapshots: Some(snapshots.iter().map(|s| shown(s)).collect()) })
    }
}

impl Handler<DeleteEtcdSnapshot> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DeleteEtcdSnapshotRequest,
    ) -> Result<DeleteEtcdSnapshotResponse, Error> {
        self.change_snapshot(context, &request.instance_id, &request.snapshot_name, |snapshot| {
            if snapshot.state == SnapshotState::Running && !snapshot.is_independent() {
                return Err(in_use(snapshot));
            }
            snapshot.deleting = true;
            Ok(())
        })
        .await?;
        Ok(DeleteEtcdSnapshotResponse {})
    }
}

impl Handler<ShareEtcdSnapshot> for Service {
    /// Whether there is such an account is not asked: the answer would tell who is known here.
    async fn handle(
        &self,
        context: &Context,
        request: ShareEtcdSnapshotRequest,
    ) -> Result<ShareEtcdSnapshotResponse, Error> {
        self.change_snapshot(context, &request.instance_id, &request.snapshot_name, |snapshot| {
            if snapshot.state != SnapshotState::Done {
                return Err(not_taken(snapshot));
            }
            snapshot.shared_with = request.account_ids.iter().cloned().collect();
            snapshot.shared_with.remove(&snapshot.account);
            Ok(())
        })
        .await?;
        Ok(ShareEtcdSnapshotResponse {})
    }
}

impl Handler<VerifyEtcdSnapshot> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: VerifyEtcdSnapshotRequest,
    ) -> Result<VerifyEtcdSnapshotResponse, Error> {
        self.change_snapshot(context, &request.instance_id, &request.snapshot_name, |snapshot| {
            if snapshot.state != SnapshotState::Done {
                return Err(not_taken(snapshot));
            }
            snapshot.drill = None;
            snapshot.drill_wanted = true;
            Ok(())
        })
        .await?;
        Ok(VerifyEtcdSnapshotResponse {})
    }
}

impl Service {
    /// The snapshots of an instance as far as the caller may see them, the newest first. They outlive it: where it is
    /// gone, whose they are is in themselves.
    pub(super) fn visible_snapshots(
        &self,
        context: &Context,
        id: &str,
    ) -> Result<Vec<std::sync::Arc<Snapshot>>, Error> {
        let not_found = || Error::instance_not_found(id);
        let parsed = InstanceId::parse(id).ok_or_else(not_found)?;
        let mut snapshots = self.view.snapshots_of(&parsed);
        if self.view.instance(&parsed).is_some() {
            self.visible(context, id)?;
        } else {
            snapshots.retain(|s| s.account == *context.account && s.region == *context.region);
            if snapshots.is_empty() {
                return Err(not_found());
            }
        }
        snapshots.sort_by(|a, b| b.taken_at().cmp(&a.taken_at()).then_with(|| b.name.cmp(&a.name)));
        Ok(snapshots)
    }

    /// The record of a snapshot as it is in the store at this moment.
    pub(super) async fn stored_snapshot(&self, id: &InstanceId, name: &str) -> Result<Option<Record<Snapshot>>, Error> {
        let found = records::get(self.store.as_ref(), &records::snapshot_key(id, name)).await;
        found.map_err(|error| store_error("read a snapshot", &error))
    }

    /// Lets `change` alter the record of the caller's snapshot.
    async fn change_snapshot(
        &self,
        context: &Context,
        id: &str,
        name: &str,
        change: impl Fn(&mut Snapshot) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let parsed = InstanceId::parse(id).ok_or_else(|| Error::instance_not_found(id))?;
            let found = self.stored_snapshot(&parsed, name).await?;
            // Of somebody else's instance not even the names of snapshots are told.
            let callers = |s: &Snapshot| s.account == *context.account && s.region == *context.region;
            let Some(record) = found.filter(|record| callers(&record.value)) else {
                self.visible_snapshots(context, id)?;
                return Err(not_found(&parsed, name));
            };
            let mut snapshot = record.value.clone();
            change(&mut snapshot)?;
            if snapshot == record.value {
                return Ok(());
            }
            let txn = Txn::new()
                .when(Compare::mod_revision(records::snapshot_key(&parsed, name), record.revision))
                .then(records::put_snapshot(&snapshot));
            if self.commit(txn).await? {
                return Ok(());
            }
        }
        Err(contended(id))
    }
}

pub(super) fn not_found(id: &InstanceId, name: &str) -> Error {
    Error::new(
        Code::ResourceNotFound,
        format!("The instance `{id}` has no snapshot `{name}`."),
        format!("实例 `{id}` 不存在快照 `{name}`。"),
    )
}

pub(super) fn not_taken(snapshot: &Snapshot) -> Error {
    let (name, state) = (&snapshot.name, snapshot.state.as_str());
    Error::new(
        Code::OperationDenied,
        format!("The snapshot `{name}` is {state}; this takes one that is done."),
        format!("快照 `{name}` 当前状态为 {state}，只有已完成的快照才能执行该操作。"),
    )
}

fn exists(id: &InstanceId, name: &str) -> Error {
    Error::new(
        Code::FailedOperationResourceExistAlready,
        format!("The instance `{id}` has a snapshot `{name}` already."),
        format!("实例 `{id}` 已存在快照 `{name}`。"),
    )
}

fn not_made(id: &InstanceId) -> Error {
    Error::new(
        Code::OperationDenied,
        format!("The instance `{id}` is still being created; there is nothing to take a snapshot of yet."),
        format!("实例 `{id}` 正在创建，暂时无法创建快照。"),
    )
}

fn too_many(id: &InstanceId) -> Error {
    Error::new(
        Code::OperationDenied,
        format!("The instance `{id}` has {MOST_SNAPSHOTS} snapshots already. Delete some with DeleteEtcdSnapshot."),
        format!("实例 `{id}` 的快照数已达 {MOST_SNAPSHOTS}，请先通过 DeleteEtcdSnapshot 删除部分快照。"),
    )
}

fn in_use(snapshot: &Snapshot) -> Error {
    let name = &snapshot.name;
    Error::new(
        Code::OperationDenied,
        format!("The snapshot `{name}` is being taken for a change that waits for it."),
        format!("快照 `{name}` 正在为进行中的变更创建，无法删除。"),
    )
}
