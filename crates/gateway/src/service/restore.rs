//! RestoreEtcdSnapshot: in place, or as the beginning of a new instance. The controller does it.

use std::sync::Arc;

use cetcd_api::{
    Code, Error,
    actions::{RestoreEtcdSnapshot, RestoreEtcdSnapshotRequest, RestoreEtcdSnapshotResponse},
    structures::EtcdRestoreTarget,
};
use cetcd_core::{
    EtcdVersion, InstanceId,
    backup::{Contents, Snapshot, SnapshotState},
    instance::{Auth, CredentialsWish, Restore, Spec},
    task::TaskKind,
};

use super::{
    Service,
    commit::ATTEMPTS,
    create::{overtaken, settings},
    monitoring::Watch,
    snapshots::{not_found, not_taken},
};
use crate::{Context, Handler};

impl Handler<RestoreEtcdSnapshot> for Service {
    /// Of another account no snapshot is found unless it is shared, of another region than the request's none at all.
    async fn handle(
        &self,
        context: &Context,
        request: RestoreEtcdSnapshotRequest,
    ) -> Result<RestoreEtcdSnapshotResponse, Error> {
        let source =
            InstanceId::parse(&request.instance_id).ok_or_else(|| Error::instance_not_found(&request.instance_id))?;
        let name = &request.snapshot_name;
        let snapshot = self.permitted(context, &source, name)?;
        if request.new_instance.is_none() && snapshot.account != *context.account {
            return Err(not_yours(&source, name));
        }
        let contents = restorable(&snapshot)?;
        let restore = Restore {
            id: self.entropy.uuid(),
            source: source.clone(),
            snapshot: name.clone(),
            skip_backup: request.skip_backup.unwrap_or(false),
        };
        let instance_id = match &request.new_instance {
            None => {
                self.converge(context, &request.instance_id, TaskKind::RestoreRemoteSnapshot, |instance| {
                    check_version(contents, &instance.spec.version)?;
                    instance.spec.restore = Some(restore.clone());
                    Ok(())
                })
                .await?;
                source
            }
            Some(target) => self.restore_to_new(context, target, contents, restore).await?,
        };
        Ok(RestoreEtcdSnapshotResponse { instance_id: instance_id.into() })
    }
}

impl Service {
    /// A snapshot that the caller may restore: the account's own, or one that is shared with it.
    fn permitted(&self, context: &Context, source: &InstanceId, name: &str) -> Result<Arc<Snapshot>, Error> {
        let of = |snapshots: Vec<Arc<Snapshot>>| snapshots.into_iter().find(|snapshot| snapshot.name == name);
        let shared = of(self.view.snapshots_of(source))
            .filter(|snapshot| snapshot.region == *context.region && snapshot.shared_with.contains(&*context.account));
        if let Some(snapshot) = shared {
            return Ok(snapshot);
        }
        let own = self.visible_snapshots(context, source.as_str())?;
        of(own).ok_or_else(|| not_found(source, name))
    }

    async fn restore_to_new(
        &self,
        context: &Context,
        target: &EtcdRestoreTarget,
        contents: &Contents,
        restore: Restore,
    ) -> Result<InstanceId, Error> {
        let region = target.region.as_deref().filter(|region| !region.is_empty()).unwrap_or(&context.region);
        if !self.regions.iter().any(|known| known == region) {
            return Err(Error::wrong_value(region, "NewInstance.Region"));
        }
        let there = Context { region: region.into(), ..context.clone() };
        let like = self.find(context, restore.source.as_str()).map(|instance| instance.spec.clone());
        let spec = self.spec_of(&there, target, contents, like, restore)?;
        // As the other is watched, where that can be: a restore is not to fail for a Prometheus that does not serve.
        let like = spec.monitor.as_ref().and_then(|monitor| monitor.prometheus.clone()).map(Watch::Existing);
        let like = like.unwrap_or_default();
        let watch = if self.choose(&there, &like).await.is_ok() { like } else { Watch::Nobody };
        let wanted = settings::Wanted { spec, backup_password: None, watch };
        for _ in 0..self.limits.instances_per_region.saturating_add(ATTEMPTS) {
            if let Some(id) = self.try_create(&there, &wanted, TaskKind::RestoreRemoteSnapshot).await? {
                return Ok(id);
            }
        }
        Err(overtaken())
    }

    /// What is named, else as the instance has it that the snapshot is of.
    fn spec_of(
        &self,
        there: &Context,
        target: &EtcdRestoreTarget,
        contents: &Contents,
        like: Option<Spec>,
        restore: Restore,
    ) -> Result<Spec, Error> {
        let text = |wanted: &Option<String>, own: Option<&String>, name: &str| {
            let wanted = wanted.clone().filter(|text| !text.is_empty());
            wanted.or_else(|| own.cloned()).ok_or_else(|| Error::missing_parameter(format_args!("NewInstance.{name}")))
        };
        let like = like.as_ref();
        let vpc_id = text(&target.vpc_id, like.map(|spec| &spec.vpc_id), "VpcId")?;
        let service_subnet_id =
            text(&target.service_subnet_id, like.map(|spec| &spec.service_subnet_id), "ServiceSubnetId")?;
        let subnet_ids = target.subnet_ids.clone().filter(|all| !all.is_empty());
        let subnet_ids = subnet_ids
            .or_else(|| like.map(|spec| spec.subnet_ids.clone()))
            .ok_or_else(|| Error::missing_parameter("NewInstance.SubnetIds"))?;
        settings::check_subnets(&vpc_id, &subnet_ids, &there.region, &self.networks)
            .and_then(|vpc| settings::check_subnet(vpc, &service_subnet_id))?;
        let version = match target.etcd_version.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => settings::version(text, &self.offered())?,
            None => like.map_or_else(|| contents.version.clone(), |spec| spec.version.clone()),
        };
        check_version(contents, &version)?;
        let size = match (target.size, like) {
            (Some(size), _) => settings::size(size, "NewInstance.Size")?,
            (None, Some(spec)) => spec.size,
            (None, None) => return Err(Error::missing_parameter("NewInstance.Size")),
        };
        // Where the instance is gone that the snapshot is of, nothing else says what is wanted.
        let base = like.cloned().unwrap_or_else(|| Spec::new(version.clone()));
        Ok(Spec {
            name: target.name.clone(),
            description: String::new(),
            vpc_id,
            service_subnet_id,
            subnet_ids,
            version,
            size,
            deletion_protection: false,
            deleting: false,
            // What the snapshot holds decides: the passwords of another instance are not this one's.
            auth: Auth::default(),
            // Its CA is new: no rotation of the other's is owed.
            credentials: CredentialsWish::default(),
            delete_backups: false,
            recovery_asked: 0,
            restore: Some(restore),
            // Nobody asked for the new one to be reached from outside.
            internet: None,
            upgrades: 0,
            ..base
        })
    }
}

fn not_yours(source: &InstanceId, name: &str) -> Error {
    Error::new(
        Code::OperationDenied,
        format!(
            "The snapshot `{name}` of `{source}` is shared by another account, which alone restores it in place: name a NewInstance."
        ),
        format!("实例 `{source}` 的快照 `{name}` 由其他账号共享，只能恢复到新实例，请填写 NewInstance。"),
    )
}

/// A snapshot that is there, and of which nothing bad is known.
fn restorable(snapshot: &Snapshot) -> Result<&Contents, Error> {
    let contents = snapshot.contents.as_ref().filter(|_| snapshot.state == SnapshotState::Done && !snapshot.deleting);
    let contents = contents.ok_or_else(|| not_taken(snapshot))?;
    let Some(drill) = snapshot.drill.as_ref().filter(|drill| !drill.passed) else { return Ok(contents) };
    let (name, reason) = (&snapshot.name, &drill.message);
    Err(Error::new(
        Code::OperationDenied,
        format!(
            "The snapshot `{name}` does not restore: {reason}. Choose another; DescribeEtcdBackups shows which are proved."
        ),
        format!("快照 `{name}` 恢复演练失败：{reason}。请选择其他快照，可通过 DescribeEtcdBackups 查看演练结果。"),
    ))
}

/// etcd reads the data of its own minor version, and that of the one before.
fn check_version(contents: &Contents, to: &EtcdVersion) -> Result<(), Error> {
    let from = &contents.version;
    if to.major == from.major && (to.minor == from.minor || to.minor == from.minor + 1) {
        return Ok(());
    }
    Err(Error::new(
        Code::OperationDenied,
        format!(
            "The snapshot was written by etcd {from}; it can be restored with the same minor version or the next, not with {to}."
        ),
        format!("快照由 etcd {from} 生成，只能以相同或下一个次版本恢复，不能使用 {to}。"),
    ))
}
