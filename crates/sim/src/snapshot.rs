//! The world without its times and drawn names, to compare how two runs ended.

use cetcd_core::InstanceId;
use serde_json::{Map, Value, json};

use crate::{Sim, host::Run};

/// Fields that hold times, drawn names or what follows from those.
const DRAWN: [&str; 12] = [
    "created_at",
    "updated_at",
    "started_at",
    "ended_at",
    "since",
    "monitored_at",
    "taken_at",
    "compacted_at",
    "overlap_since",
    "cluster_token",
    "cluster_id",
    "id",
];

impl Sim {
    /// Everything there is, in a form in which two runs that ended alike are equal.
    pub fn snapshot(&self) -> Value {
        let state = self.state();
        let audit = &state.audit;
        let members = state.host.members.iter().map(|((id, ordinal), member)| {
            let process = match member.process {
                Run::Never => "never started",
                Run::Running { .. } => "runs",
                Run::Exited { .. } => "ended",
            };
            let serves = state.host.serves(id, *ordinal, state.now).is_some();
            (id.member_name(*ordinal), json!({ "process": process, "data": member.has_data(), "serves": serves }))
        });
        let routes = state.host.routes.iter().map(|(id, route)| (id.to_string(), json!(format!("{route:?}"))));
        let mut tasks: Vec<Value> = audit.tasks.values().map(|task| plain(json!(task))).collect();
        tasks.sort_by_key(ToString::to_string);
        json!({
            "instances": audit.instances.values().map(|instance| plain(json!(instance))).collect::<Vec<_>>(),
            "status": audit.status.iter().map(|(id, status)| (id.to_string(), plain(json!(status)))).collect::<Map<_, _>>(),
            "tasks": tasks,
            "addresses": audit.addresses.keys().map(ToString::to_string).collect::<Vec<_>>(),
            "policies and secrets": audit.others.keys().collect::<Vec<_>>(),
            "members": members.collect::<Map<_, _>>(),
            "routes": routes.collect::<Map<_, _>>(),
        })
    }

    /// The instances that are recorded.
    pub fn instances(&self) -> Vec<InstanceId> {
        self.state().audit.instances.keys().cloned().collect()
    }
}

/// The record with whether each drawn field is set, in place of what it is set to.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            // Its reason names a time.
            let dated = fields.get("kind").is_some_and(|kind| kind == "CertificatesFresh");
            let plain_field = |(name, value): (String, Value)| {
                let drawn = DRAWN.contains(&name.as_str()) || (dated && name == "reason");
                let value = if drawn { json!(!(value.is_null() || value == "")) } else { plain(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().map(plain_field).collect())
        }
        other => other,
    }
}
