//! The world without its times and drawn names, to compare how two runs ended.

use cetcd_core::InstanceId;
use serde_json::{Map, Value, json};

use crate::{Sim, host::Run};

/// Fields that hold times, drawn names or what follows from those, or tell how often something was done.
const DRAWN: [&str; 22] = [
    "next_event",
    "created_at",
    "updated_at",
    "started_at",
    "ended_at",
    "since",
    "monitored_at",
    "taken_at",
    "compacted_at",
    "served_at",
    "recovered",
    "defragmented_at",
    "replaced",
    "overlap_since",
    "cluster_token",
    "cluster_id",
    "id",
    "at",
    "token",
    "task",
    "restore",
    "refused_restore",
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
        let auth =
            state.host.clusters.iter().filter(|(id, _)| audit.instances.contains_key(id)).map(|(id, cluster)| {
                let word = if cluster.auth { "on" } else { "off" };
                (id.to_string(), json!({ "auth": word, "password": cluster.root_password }))
            });
        let mut tasks: Vec<Value> = audit.tasks.values().map(|task| plain(json!(task))).collect();
        tasks.sort_by_key(ToString::to_string);
        json!({
            "instances": audit.instances.values().map(|instance| plain(json!(instance))).collect::<Vec<_>>(),
            "status": audit.status.iter().map(|(id, status)| (id.to_string(), plain(json!(status)))).collect::<Map<_, _>>(),
            "snapshots": audit.snapshots.values().map(|snapshot| plain(settled(json!(snapshot)))).collect::<Vec<_>>(),
            "tasks": tasks,
            "addresses": audit.addresses.keys().map(ToString::to_string).collect::<Vec<_>>(),
            "policies and secrets": audit.others.keys().collect::<Vec<_>>(),
            "members": members.collect::<Map<_, _>>(),
            "auth": auth.collect::<Map<_, _>>(),
            "routes": routes.collect::<Map<_, _>>(),
        })
    }

    /// The names of an instance's snapshots that are there.
    pub fn snapshots(&self, id: &InstanceId) -> Vec<String> {
        let state = self.state();
        let good = state.audit.snapshots.values().filter(|snapshot| snapshot.instance == *id && snapshot.is_good());
        good.map(|snapshot| snapshot.name.clone()).collect()
    }

    /// The instances that are recorded.
    pub fn instances(&self) -> Vec<InstanceId> {
        self.state().audit.instances.keys().cloned().collect()
    }
}

/// Without what tells how often it was tried.
fn settled(mut snapshot: Value) -> Value {
    for field in ["attempts", "object", "requested_at", "contents"] {
        snapshot[field] = json!(!snapshot[field].is_null());
    }
    snapshot["drill"]["at"] = json!(true);
    // Named after a drawn ID.
    if snapshot["name"].as_str().is_some_and(|name| name.starts_with("before-restore-")) {
        snapshot["name"] = json!("before-restore");
    }
    snapshot
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
                let value = match &value {
                    _ if drawn => json!(!(value.is_null() || value == "")),
                    // What follows tells of times.
                    Value::String(reason) if name == "reason" => json!(reason.split("; at ").next()),
                    _ => plain(value),
                };
                (name, value)
            };
            Value::Object(fields.into_iter().map(plain_field).collect())
        }
        other => other,
    }
}
