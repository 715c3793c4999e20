//! CreateEtcdInstance: accepts an instance. The controller makes it.

pub(super) mod settings;

use cetcd_api::{
    Code, Error,
    actions::{CreateEtcdInstance, CreateEtcdInstanceRequest, CreateEtcdInstanceResponse},
};
use cetcd_core::{Instance, InstanceId, Task, instance::Spec, task::TaskKind};
use cetcd_store::{Compare, Op, Txn, records};

use super::{
    Service,
    commit::{ATTEMPTS, store_error},
};
use crate::{Context, Handler};
use settings::Wanted;

impl Handler<CreateEtcdInstance> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: CreateEtcdInstanceRequest,
    ) -> Result<CreateEtcdInstanceResponse, Error> {
        let wanted = Wanted::read(request, &context.region, &self.networks, &self.offered())?;
        // A try fails where another creation of the account was quicker. Each of those takes a place, so after as
        // many failures as there are places the next try is told that none is left.
        for _ in 0..self.limits.instances_per_region.saturating_add(ATTEMPTS) {
            if let Some(id) = self.try_create(context, &wanted, TaskKind::CreateInstance).await? {
                return Ok(CreateEtcdInstanceResponse { instance_id: id.into() });
            }
        }
        Err(overtaken())
    }
}

/// Others took every place that was looked at.
pub(super) fn overtaken() -> Error {
    Error::new(
        Code::ResourceInUse,
        "Other instances are being created at this moment. Try again.",
        "正在创建其他实例，请重试。",
    )
}

impl Service {
    /// `None` where another creation of this account and region came between, or the drawn ID is taken.
    /// `kind` is the task that shows how far it is.
    pub(super) async fn try_create(
        &self,
        context: &Context,
        wanted: &Wanted,
        kind: TaskKind,
    ) -> Result<Option<InstanceId>, Error> {
        // Every creation moves this key. The view counts all of them up to its revision, and the transaction holds
        // only while it has not moved on: two creations never take the same place.
        let quota_key = records::quota_key(&context.account, &context.region);
        let last = self.store.get(&quota_key).await.map_err(|error| store_error("read a quota", &error))?;
        let revision = last.map_or(0, |entry| entry.mod_revision);
        self.require_view(revision).await?;
        let limit = self.limits.instances_per_region;
        if self.view.count_of(&context.account, &context.region) >= limit {
            return Err(quota_reached(limit, &context.region));
        }

        let (monitor, beside) = self.choose(context, &wanted.watch).await?;
        let instance = Instance {
            id: InstanceId::draw(self.entropy.as_ref()),
            account: context.account.as_ref().to_owned(),
            region: context.region.as_ref().to_owned(),
            created_at: context.now,
            generation: 1,
            spec: Spec { monitor, ..wanted.spec.clone() },
        };
        let task = Task::accepted(self.entropy.uuid(), kind, &instance, context.now);
        let id = instance.id.clone();
        let mut txn = Txn::new()
            .when(Compare::mod_revision(&quota_key, revision))
            .when(Compare::absent(records::instance_key(&id)))
            .when(Compare::absent(records::task_key(&task)))
            .then(records::put_instance(&instance))
            .then(records::put_task(&task))
            .then(Op::put(&quota_key, id.as_str().to_owned()));
        if let Some(password) = &wanted.backup_password {
            let key = records::backup_password_key(&id);
            txn = txn.then(records::put_secret(&self.sealer, &key, password.as_bytes()));
        }
        txn = beside.when.into_iter().fold(txn, Txn::when);
        txn = beside.then.into_iter().fold(txn, Txn::then);
        Ok(self.commit(txn).await?.then_some(id))
    }
}

fn quota_reached(limit: usize, region: &str) -> Error {
    Error::new(
        Code::LimitExceededQuotaEtcdLimit,
        format!("The account has reached its quota of {limit} etcd instances in the region `{region}`."),
        format!("账号在地域 `{region}` 的 etcd 实例数已达到配额 {limit}。"),
    )
}
