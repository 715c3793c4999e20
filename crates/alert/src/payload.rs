//! The body of a notification: what Alertmanager posts to webhooks, version 4, so that what receives those receives ours.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Alert;

/// What Alertmanager writes for a time that is not there.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// One alert that is firing, or that was over at `ended`. `url` is where people look.
pub(crate) fn body(alert: &Alert, ended: Option<Timestamp>, url: &str) -> Value {
    let status = if ended.is_some() { "resolved" } else { "firing" };
    let name = alert.kind.alert();
    let labels = json!({
        "account": alert.account,
        "alertname": name,
        "condition": alert.kind.as_str(),
        "instance": alert.instance.as_str(),
        "region": alert.region,
        "severity": alert.severity.as_str(),
    });
    let annotations = json!({
        "advice": alert.kind.advice(),
        "description": alert.reason,
        "name": alert.name,
        "summary": format!("{}: {}", alert.instance, alert.kind.trouble()[0]),
    });
    let page = format!("{url}/instances/{}", alert.instance);
    let fingerprint = hex::encode(&Sha256::digest(labels.to_string())[..8]);
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname=\"{name}\", instance=\"{}\"}}", alert.instance),
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "cetcd",
        "groupLabels": { "alertname": name, "instance": alert.instance.as_str() },
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": url,
        "alerts": [{
            "status": status,
            "labels": labels,
            "annotations": annotations,
            "startsAt": alert.since.to_string(),
            "endsAt": ended.map_or_else(|| NEVER.to_owned(), |at| at.to_string()),
            "generatorURL": page,
            "fingerprint": fingerprint,
        }],
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cetcd_core::condition::ConditionKind;

    use super::*;
    use crate::deliver::tests::alert;

    #[test]
    fn a_notification_is_what_alertmanager_would_send() {
        let firing = body(&alert(ConditionKind::Quorum), None, "http://127.0.0.1:8379");
        for (place, value) in [
            ("/version", json!("4")),
            ("/status", json!("firing")),
            ("/truncatedAlerts", json!(0)),
            ("/alerts/0/status", json!("firing")),
            ("/alerts/0/labels/alertname", json!("EtcdNoLeader")),
            ("/alerts/0/labels/severity", json!("critical")),
            ("/alerts/0/labels/region", json!("ap-guangzhou")),
            ("/alerts/0/annotations/description", json!("why")),
            ("/alerts/0/startsAt", json!("1970-01-01T00:00:01Z")),
            ("/alerts/0/endsAt", json!(NEVER)),
            ("/alerts/0/generatorURL", json!("http://127.0.0.1:8379/instances/etcd-abcd1234")),
        ] {
            assert_eq!(firing.pointer(place), Some(&value), "{place}");
        }
        let ended = Timestamp::from_second(9).unwrap();
        let resolved = body(&alert(ConditionKind::Quorum), Some(ended), "");
        assert_eq!(
            (&resolved["status"], &resolved["alerts"][0]["endsAt"]),
            (&json!("resolved"), &json!("1970-01-01T00:00:09Z"))
        );
        assert_eq!(resolved["alerts"][0]["fingerprint"], firing["alerts"][0]["fingerprint"]);
    }
}
