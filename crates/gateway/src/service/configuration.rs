//! ModifyEtcdConfiguration: compaction, sizing, billing and monitoring.

use cetcd_api::{
    Code, Error,
    actions::{ModifyEtcdConfiguration, ModifyEtcdConfigurationRequest, ModifyEtcdConfigurationResponse},
};
use cetcd_core::{
    instance::{Charge, Resources},
    task::TaskKind,
};

use super::{Service, create::settings};
use crate::{Context, Handler};

impl Handler<ModifyEtcdConfiguration> for Service {
    /// What is left out stays as it is. A request takes effect whole or changes nothing.
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdConfigurationRequest,
    ) -> Result<ModifyEtcdConfigurationResponse, Error> {
        self.visible(context, &request.instance_id)?;
        if request.monitor_settings.is_some() {
            return Err(no_prometheus());
        }
        let compaction = request.auto_compaction_settings.map(settings::auto_compaction).transpose()?;
        let sizing = request.instance_config.map(|config| {
            let number = |n: u64, name: &str| {
                u32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| Error::wrong_value(n, name))
            };
            let resources = Resources {
                cpu: number(config.cpu, "InstanceConfig.Cpu")?,
                memory_gib: number(config.mem, "InstanceConfig.Mem")?,
            };
            Ok::<_, Error>((resources, settings::size(config.size, "InstanceConfig.Size")?))
        });
        let sizing = sizing.transpose()?;
        let charge = match (request.charge_type, request.prepaid_config) {
            (None, None) => None,
            (kind, prepaid) => Some(settings::charge(kind, prepaid, "PrepaidConfig")?),
        };
        self.converge(context, &request.instance_id, TaskKind::ModifyConfiguration, |instance| {
            let spec = &mut instance.spec;
            if let Some(compaction) = &compaction {
                spec.auto_compaction.clone_from(compaction);
            }
            if let Some((resources, size)) = sizing {
                spec.resources = Some(resources);
                spec.size = size;
            }
            if let Some(charge) = &charge {
                spec.charge = Charge::clone(charge);
            }
            Ok(())
        })
        .await?;
        Ok(ModifyEtcdConfigurationResponse {})
    }
}

fn no_prometheus() -> Error {
    Error::new(
        Code::ResourceUnavailablePrometheusStatusError,
        "There is no such Prometheus instance: this version of the server manages none. Scrape the members' own /metrics.",
        "Prometheus 实例不存在：当前服务版本尚不管理 Prometheus，请直接采集成员的 /metrics。",
    )
}
