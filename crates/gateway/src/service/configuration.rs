//! ModifyEtcdConfiguration: compaction, sizing, billing and monitoring.

use cetcd_api::{
    Error,
    actions::{ModifyEtcdConfiguration, ModifyEtcdConfigurationRequest, ModifyEtcdConfigurationResponse},
};
use cetcd_core::{
    Instance,
    instance::{Charge, Resources},
    prometheus::wanted_by,
    task::TaskKind,
};

use super::{
    Service,
    commit::{ATTEMPTS, contended},
    converge::{Overtakes, With},
    create::settings,
    monitoring::{self, Watch},
};
use crate::{Context, Handler};

/// What the step under way of a change says that another choice of who watches the instance ended.
const OVERTAKEN: &str = "overtaken by another configuration";

impl Handler<ModifyEtcdConfiguration> for Service {
    /// What is left out stays as it is. A request takes effect whole or changes nothing.
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdConfigurationRequest,
    ) -> Result<ModifyEtcdConfigurationResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let vpc = self.networks.vpc(&instance.region, &instance.spec.vpc_id);
        let watch = request.monitor_settings.map(|wanted| monitoring::watch(wanted, vpc)).transpose()?.flatten();
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
        let (id, kind) = (&request.instance_id, TaskKind::ModifyConfiguration);
        for _ in 0..ATTEMPTS {
            let mut with = With::default();
            let mut monitor = None;
            if let Some(watch) = &watch {
                let current = self.stored(context, id).await?.value;
                // The same as before needs no look at whether it serves: nothing is changed.
                if !is_same(&current, watch) {
                    let (chosen, beside) = self.choose(context, watch).await?;
                    monitor = Some(chosen);
                    with.beside = beside;
                    // Who waits for one that does not come must be able to choose another.
                    with.overtakes = Some(Overtakes { kind, why: OVERTAKEN });
                }
            }
            let alter = |instance: &mut Instance| {
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
                if let Some(monitor) = &monitor {
                    spec.monitor.clone_from(monitor);
                }
                Ok(())
            };
            if self.try_converge(context, id, kind, alter, with).await? {
                return Ok(ModifyEtcdConfigurationResponse {});
            }
        }
        Err(contended(id))
    }
}

fn is_same(current: &Instance, watch: &Watch) -> bool {
    match watch {
        Watch::Nobody => wanted_by(current).is_none(),
        Watch::Existing(id) => wanted_by(current) == Some(id),
        Watch::New(_) => false,
    }
}
