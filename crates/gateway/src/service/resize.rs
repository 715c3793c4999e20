//! ResizeEtcdInstance and UpgradeEtcdInstance.

use cetcd_api::{
    Code, Error,
    actions::{
        ResizeEtcdInstance, ResizeEtcdInstanceRequest, ResizeEtcdInstanceResponse, UpgradeEtcdInstance,
        UpgradeEtcdInstanceRequest, UpgradeEtcdInstanceResponse,
    },
};
use cetcd_core::{
    EtcdVersion, Instance,
    status::Phase,
    task::TaskKind,
    upgrade::{self, Refusal},
};

use super::{Service, create::settings, lookup};
use crate::{Context, Handler};

impl Handler<ResizeEtcdInstance> for Service {
    /// To any of the sizes, up or down. The same size is no change.
    async fn handle(
        &self,
        context: &Context,
        request: ResizeEtcdInstanceRequest,
    ) -> Result<ResizeEtcdInstanceResponse, Error> {
        let size = settings::size(request.size, "Size")?;
        self.converge(context, &request.instance_id, TaskKind::ResizeInstance, |instance| {
            instance.spec.size = size;
            Ok(())
        })
        .await?;
        Ok(ResizeEtcdInstanceResponse {})
    }
}

impl Handler<UpgradeEtcdInstance> for Service {
    /// To a version on offer, of the same minor version or the next. Refused while a member does not serve: the
    /// upgrade would stop half-way.
    async fn handle(
        &self,
        context: &Context,
        request: UpgradeEtcdInstanceRequest,
    ) -> Result<UpgradeEtcdInstanceResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let version = settings::version(&request.etcd_version, &self.offered())?;
        let status = self.view.status(&instance.id);
        if version == *status.as_ref().map_or(&instance.spec.version, |status| status.version(&instance.spec)) {
            return Ok(UpgradeEtcdInstanceResponse {});
        }
        self.require_unchanging(&instance)?;
        self.require_running(&instance)?;
        self.converge(context, &request.instance_id, TaskKind::UpgradeInstance, |instance| {
            // From what members run, which is not what was wanted where an upgrade failed. To try that again is another.
            let from = self.view.status(&instance.id);
            let from = from.as_ref().map_or(&instance.spec.version, |status| status.version(&instance.spec)).clone();
            upgrade::check(&from, &version).map_err(|refusal| refused(refusal, &from, &version))?;
            instance.spec.version = version.clone();
            instance.spec.upgrades += 1;
            Ok(())
        })
        .await?;
        Ok(UpgradeEtcdInstanceResponse {})
    }
}

impl Service {
    /// Refuses what must not begin while a member is missing.
    fn require_running(&self, instance: &Instance) -> Result<(), Error> {
        let id = &instance.id;
        let phase = lookup::phase(instance, self.view.status(id).as_deref(), None);
        if phase == Phase::Running {
            return Ok(());
        }
        let phase = phase.as_str();
        Err(Error::new(
            Code::OperationDenied,
            format!("The instance `{id}` is {phase}. It can be upgraded once it is running with every member serving."),
            format!("实例 `{id}` 当前状态为 {phase}，所有成员正常运行后才能升级。"),
        ))
    }
}

fn refused(refusal: Refusal, from: &EtcdVersion, to: &EtcdVersion) -> Error {
    let (en, zh) = match refusal {
        Refusal::Older => (
            format!("The instance runs {from}; it cannot go back to {to}."),
            format!("实例当前版本为 {from}，不能降级到 {to}。"),
        ),
        Refusal::SkipsMinor => (
            format!("The instance runs {from}; {to} skips a minor version. Upgrade one minor version at a time."),
            format!("实例当前版本为 {from}，升级到 {to} 会跨越次版本，请逐个次版本升级。"),
        ),
        Refusal::Needs3526 => (
            format!("The instance runs {from}; {to} may follow v3.5.26 or later only. Upgrade within 3.5 first."),
            format!("实例当前版本为 {from}，升级到 {to} 前请先升级到 v3.5.26 或更高的 3.5 版本。"),
        ),
    };
    Error::new(Code::OperationDenied, en, zh)
}
