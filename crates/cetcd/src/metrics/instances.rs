//! What is true of instances, and their tasks.

use std::{fmt, sync::Arc};

use cetcd_core::{Clock, Task};
use cetcd_monitor::Monitor;
use cetcd_store::view::View;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::gauges;

/// One series for each instance and kind of condition, and one for each type and state of tasks.
pub struct Instances {
    pub view: Arc<View>,
    pub monitor: Arc<Monitor>,
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instances")
    }
}

impl Collector for Instances {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let now = self.clock.now();
        let instances = self.view.instance_revisions().into_iter();
        let conditions = instances.filter_map(|(id, _)| self.view.instance(&id)).flat_map(|instance| {
            let conditions = self.monitor.all_conditions(&instance.value, now);
            conditions.into_iter().map(move |condition| {
                let id = instance.value.id.to_string();
                let labels = [("instance", id), ("condition", condition.kind.as_str().to_owned())];
                (labels, i64::from(condition.holds))
            })
        });
        let help = "Whether what should be so of an instance is so: 1 or 0";
        gauges(&mut encoder, "cetcd_instance_condition", help, conditions)?;
        let word = |task: &Task| (task.kind.as_str(), task.state.as_str());
        let tasks = self.view.count_tasks(word).into_iter().map(|((kind, state), count)| {
            let labels = [("type", kind.to_owned()), ("state", state.to_owned())];
            (labels, i64::try_from(count).unwrap_or(i64::MAX))
        });
        gauges(&mut encoder, "cetcd_tasks", "Tasks on record, by type and state", tasks)
    }
}
