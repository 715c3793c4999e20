//! Deletion protection on and off. Either may be asked for again; neither makes a task.

use cetcd_api::{
    Code, Error,
    actions::{
        DisableEtcdInstanceDeletionProtection, DisableEtcdInstanceDeletionProtectionRequest,
        DisableEtcdInstanceDeletionProtectionResponse, EnableEtcdInstanceDeletionProtection,
        EnableEtcdInstanceDeletionProtectionRequest, EnableEtcdInstanceDeletionProtectionResponse,
    },
};

use cetcd_core::task::TaskKind;

use super::Service;
use crate::{Context, Handler};

impl Handler<EnableEtcdInstanceDeletionProtection> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: EnableEtcdInstanceDeletionProtectionRequest,
    ) -> Result<EnableEtcdInstanceDeletionProtectionResponse, Error> {
        self.converge(context, &request.instance_id, TaskKind::ModifyAttribute, |instance| {
            if instance.spec.deleting {
                let id = &instance.id;
                return Err(Error::new(
                    Code::UnsupportedOperation,
                    format!("The instance `{id}` is being deleted; it cannot be protected any more."),
                    format!("实例 `{id}` 正在删除，无法再开启删除保护。"),
                ));
            }
            instance.spec.deletion_protection = true;
            Ok(())
        })
        .await?;
        Ok(EnableEtcdInstanceDeletionProtectionResponse {})
    }
}

impl Handler<DisableEtcdInstanceDeletionProtection> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DisableEtcdInstanceDeletionProtectionRequest,
    ) -> Result<DisableEtcdInstanceDeletionProtectionResponse, Error> {
        self.converge(context, &request.instance_id, TaskKind::ModifyAttribute, |instance| {
            instance.spec.deletion_protection = false;
            Ok(())
        })
        .await?;
        Ok(DisableEtcdInstanceDeletionProtectionResponse {})
    }
}
