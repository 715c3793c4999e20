//! What a Prometheus is told of its targets, by HTTP service discovery.

use std::sync::Arc;

use async_trait::async_trait;
use cetcd_core::{InstanceId, PrometheusId, prometheus::wanted_by};
use cetcd_store::{Store, records, seal::Sealer, view::View};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

/// Tells a Prometheus which members there are.
#[async_trait]
pub trait Discovery: Send + Sync + 'static {
    /// The targets of an instance that the Prometheus watches, as Prometheus reads them; `None` where the token is not
    /// that Prometheus' own.
    async fn targets(&self, prometheus: &str, instance: &str, token: &str) -> Option<Value>;
}

/// Targets as they are in the store.
pub struct StoredTargets {
    /// Holds the tokens.
    pub store: Arc<dyn Store>,
    /// Opens them.
    pub sealer: Sealer,
    /// Holds the instances.
    pub view: Arc<View>,
}

#[async_trait]
impl Discovery for StoredTargets {
    async fn targets(&self, prometheus: &str, instance: &str, token: &str) -> Option<Value> {
        let id = PrometheusId::parse(prometheus)?;
        let secrets = records::prometheus_secrets(self.store.as_ref(), &self.sealer, &id).await;
        let secrets = secrets.inspect_err(|error| tracing::warn!(prometheus = %id, %error, "its token")).ok()??;
        if !bool::from(secrets.token.as_bytes().ct_eq(token.as_bytes())) {
            return None;
        }
        // None is what it gets of anything that it does not watch: an error would make it keep what it had.
        Some(Value::Array(self.members(&id, instance).unwrap_or_default()))
    }
}

impl StoredTargets {
    fn members(&self, id: &PrometheusId, instance: &str) -> Option<Vec<Value>> {
        let instance = self.view.instance(&InstanceId::parse(instance)?)?.value;
        if wanted_by(&instance) != Some(id.as_str()) || instance.spec.deleting {
            return None;
        }
        // Where the Prometheus is one of ours, it is the owner's.
        let record = self.view.prometheus().into_iter().find(|record| record.id == *id);
        let is_owners = |record: &cetcd_core::prometheus::Prometheus| {
            (&record.account, &record.region) == (&instance.account, &instance.region)
        };
        if record.is_some_and(|record| !is_owners(&record)) {
            return None;
        }
        let status = self.view.status(&instance.id)?;
        let group = |member: &cetcd_core::status::MemberRecord| {
            let labels = json!({ "instance": instance.id, "member": instance.id.member_name(member.ordinal) });
            json!({ "targets": [member.client.to_string()], "labels": labels })
        };
        Some(status.members.iter().map(group).collect())
    }
}
