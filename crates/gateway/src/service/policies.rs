//! Snapshot policies: when backups are taken and what is kept. The controller follows them.

use cetcd_api::{
    Code, Error,
    actions::{
        CreateEtcdSnapshotPolicy, CreateEtcdSnapshotPolicyRequest, CreateEtcdSnapshotPolicyResponse,
        DeleteEtcdSnapshotPolicy, DeleteEtcdSnapshotPolicyRequest, DeleteEtcdSnapshotPolicyResponse,
        DescribeEtcdSnapshotPolicies, DescribeEtcdSnapshotPoliciesRequest, DescribeEtcdSnapshotPoliciesResponse,
        ModifyEtcdSnapshotPolicy, ModifyEtcdSnapshotPolicyRequest, ModifyEtcdSnapshotPolicyResponse,
        ModifyEtcdSnapshotRetention, ModifyEtcdSnapshotRetentionRequest, ModifyEtcdSnapshotRetentionResponse,
    },
    structures::{EtcdBackupSettings, EtcdSnapshotPolicy},
};
use cetcd_core::{Instance, InstanceId, backup::Policy, instance::BackupSettings};
use cetcd_store::{
    Compare, Op, Txn,
    records::{self, Record},
};
use zeroize::Zeroizing;

use super::{
    Service,
    commit::{ATTEMPTS, contended, store_error},
    create::settings::backup,
    lookup::being_deleted,
};
use crate::{Context, Handler};

/// The most policies of an instance: each takes snapshots of its own.
const MOST_POLICIES: usize = 20;

impl Handler<CreateEtcdSnapshotPolicy> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: CreateEtcdSnapshotPolicyRequest,
    ) -> Result<CreateEtcdSnapshotPolicyResponse, Error> {
        let name = request.snapshot_policy_name;
        let (settings, password) = request.backup_settings.map_or_else(Default::default, backup);
        self.change_policy(context, &request.instance_id, &name, |instance, present| {
            let id = &instance.id;
            if present.is_some() {
                return Err(exists(id, &name));
            }
            if self.view.policies_of(id).len() >= MOST_POLICIES {
                return Err(Error::new(
                    Code::OperationDenied,
                    format!("The instance `{id}` has {MOST_POLICIES} snapshot policies already. Delete one first."),
                    format!("实例 `{id}` 已有 {MOST_POLICIES} 个快照策略，请先删除一个。"),
                ));
            }
            let policy = Policy::new(name.clone(), settings.clone(), context.now);
            let mut changes = vec![records::put_policy(id, &policy)];
            changes.extend(password.as_ref().map(|password| self.put_password(id, &name, password)));
            Ok(changes)
        })
        .await?;
        Ok(CreateEtcdSnapshotPolicyResponse {})
    }
}

impl Handler<ModifyEtcdSnapshotPolicy> for Service {
    /// What is left out or null stays, the password above all: nobody can read it to send it again. An empty User
    /// takes user and password away.
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdSnapshotPolicyRequest,
    ) -> Result<ModifyEtcdSnapshotPolicyResponse, Error> {
        let (name, wanted) = (request.snapshot_policy_name, request.backup_settings);
        self.change_policy(context, &request.instance_id, &name, |instance, present| {
            let id = &instance.id;
            let present = present.ok_or_else(|| not_found(id, &name))?;
            let mut policy = present.clone();
            policy.settings = merged(&present.settings, &wanted);
            let mut changes = Vec::new();
            if policy != *present {
                changes.push(records::put_policy(id, &policy));
            }
            match wanted.password.as_deref().filter(|password| !password.is_empty()) {
                _ if policy.settings.user.is_none() => {
                    changes.push(Op::delete(records::policy_password_key(id, &name)));
                }
                Some(password) => changes.push(self.put_password(id, &name, &Zeroizing::new(password.to_owned()))),
                None => {}
            }
            Ok(changes)
        })
        .await?;
        Ok(ModifyEtcdSnapshotPolicyResponse {})
    }
}

impl Handler<ModifyEtcdSnapshotRetention> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdSnapshotRetentionRequest,
    ) -> Result<ModifyEtcdSnapshotRetentionResponse, Error> {
        let name = &request.snapshot_policy_name;
        self.change_policy(context, &request.instance_id, name, |instance, present| {
            let present = present.ok_or_else(|| not_found(&instance.id, name))?;
            let mut policy = present.clone();
            for (wanted, field) in [
                (request.keep_hourly, &mut policy.tiers.hourly),
                (request.keep_daily, &mut policy.tiers.daily),
                (request.keep_weekly, &mut policy.tiers.weekly),
                (request.prove_every, &mut policy.drill_every),
            ] {
                // The declaration keeps them within 1000.
                *field = wanted.and_then(|wanted| u32::try_from(wanted).ok()).unwrap_or(*field);
            }
            Ok(if policy == *present { Vec::new() } else { vec![records::put_policy(&instance.id, &policy)] })
        })
        .await?;
        Ok(ModifyEtcdSnapshotRetentionResponse {})
    }
}

impl Handler<DeleteEtcdSnapshotPolicy> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DeleteEtcdSnapshotPolicyRequest,
    ) -> Result<DeleteEtcdSnapshotPolicyResponse, Error> {
        let name = &request.snapshot_policy_name;
        self.change_policy(context, &request.instance_id, name, |instance, present| {
            let id = &instance.id;
            present.ok_or_else(|| not_found(id, name))?;
            Ok(vec![Op::delete(records::policy_key(id, name)), Op::delete(records::policy_password_key(id, name))])
        })
        .await?;
        Ok(DeleteEtcdSnapshotPolicyResponse {})
    }
}

impl Handler<DescribeEtcdSnapshotPolicies> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdSnapshotPoliciesRequest,
    ) -> Result<DescribeEtcdSnapshotPoliciesResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let policies = self.view.policies_of(&instance.id);
        Ok(DescribeEtcdSnapshotPoliciesResponse {
            snapshot_policies: Some(policies.iter().map(|policy| shown(policy)).collect()),
        })
    }
}

impl Service {
    /// Makes the changes that `change` gives for the policy `name` of the caller's instance `id` as it is, in one
    /// transaction with both as preconditions. No changes: nothing is written.
    async fn change_policy(
        &self,
        context: &Context,
        id: &str,
        name: &str,
        change: impl Fn(&Instance, Option<&Policy>) -> Result<Vec<Op>, Error> + Send,
    ) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let instance = self.stored(context, id).await?;
            if instance.value.spec.deleting {
                return Err(being_deleted(&instance.value.id));
            }
            let key = records::policy_key(&instance.value.id, name);
            let present: Option<Record<Policy>> = records::get(self.store.as_ref(), &key)
                .await
                .map_err(|error| store_error("read a snapshot policy", &error))?;
            let changes = change(&instance.value, present.as_ref().map(|record| &record.value))?;
            if changes.is_empty() {
                return Ok(());
            }
            let mut txn = Txn::new()
                .when(Compare::mod_revision(records::instance_key(&instance.value.id), instance.revision))
                .when(Compare::mod_revision(key, present.map_or(0, |record| record.revision)));
            txn.then = changes;
            if self.commit(txn).await? {
                return Ok(());
            }
        }
        Err(contended(id))
    }

    fn put_password(&self, id: &InstanceId, policy: &str, password: &Zeroizing<String>) -> Op {
        records::put_secret(&self.sealer, &records::policy_password_key(id, policy), password.as_bytes())
    }
}

/// The settings with what is named anew. An empty text takes away what it names.
fn merged(present: &BackupSettings, wanted: &EtcdBackupSettings) -> BackupSettings {
    let positive = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
    let text = |wanted: &Option<String>, present: &Option<String>| match wanted {
        Some(text) if text.is_empty() => None,
        Some(text) => Some(text.clone()),
        None => present.clone(),
    };
    let count = positive(wanted.max_backup_count).and_then(|count| u32::try_from(count).ok());
    BackupSettings {
        interval_seconds: positive(wanted.backup_interval).unwrap_or(present.interval_seconds),
        max_count: count.unwrap_or(present.max_count),
        user: text(&wanted.user, &present.user),
        cos_bucket_name: text(&wanted.cos_bucket_name, &present.cos_bucket_name),
    }
}

/// A password is never shown, not even whether there is one.
fn shown(policy: &Policy) -> EtcdSnapshotPolicy {
    let settings = &policy.settings;
    EtcdSnapshotPolicy {
        name: policy.name.clone(),
        backup_settings: EtcdBackupSettings {
            backup_interval: i64::try_from(settings.interval_seconds).unwrap_or(i64::MAX),
            max_backup_count: settings.max_count.into(),
            user: settings.user.clone(),
            password: None,
            cos_bucket_name: settings.cos_bucket_name.clone(),
        },
    }
}

fn exists(id: &InstanceId, name: &str) -> Error {
    Error::new(
        Code::FailedOperationResourceExistAlready,
        format!("The instance `{id}` has a snapshot policy `{name}` already."),
        format!("实例 `{id}` 已存在快照策略 `{name}`。"),
    )
}

fn not_found(id: &InstanceId, name: &str) -> Error {
    Error::new(
        Code::ResourceNotFound,
        format!("The instance `{id}` has no snapshot policy `{name}`."),
        format!("实例 `{id}` 不存在快照策略 `{name}`。"),
    )
}
