//! DescribeEtcdHealth: what the controller recorded, with what to do about it.

use cetcd_api::{
    Error,
    actions::{DescribeEtcdHealth, DescribeEtcdHealthRequest, DescribeEtcdHealthResponse},
    structures::EtcdCondition,
};
use cetcd_core::condition::Condition;

use super::{Service, lookup::time};
use crate::{Context, Handler};

impl Handler<DescribeEtcdHealth> for Service {
    /// Before the controller's first look nothing is known, and nothing is healthy.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdHealthRequest,
    ) -> Result<DescribeEtcdHealthResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let conditions = self.monitor.all_conditions(&instance, context.now);
        Ok(DescribeEtcdHealthResponse {
            healthy: !conditions.is_empty() && conditions.iter().all(|condition| condition.holds),
            conditions: Some(conditions.iter().map(shown).collect()),
        })
    }
}

fn shown(condition: &Condition) -> EtcdCondition {
    EtcdCondition {
        kind: condition.kind.as_str().to_owned(),
        holds: condition.holds,
        reason: condition.reason.clone(),
        since: time(condition.since),
        advice: if condition.holds { String::new() } else { condition.kind.advice().to_owned() },
    }
}
