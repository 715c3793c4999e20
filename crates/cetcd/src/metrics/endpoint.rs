//! What the endpoint process says of itself, by its status file.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use cetcd_endpoint::files::{RouteStatus, Status, read_status};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{counters, gauges};

/// Connections and bytes of every instance's endpoint, as of a few seconds ago. Counters begin anew with its process.
#[derive(Debug)]
pub struct Endpoint {
    /// The directory of the endpoint process.
    pub dir: PathBuf,
}

impl Endpoint {
    /// What the process says, while it runs; a file of one that is gone says nothing.
    fn status(&self) -> Status {
        let status = read_status(&self.dir).ok().flatten().unwrap_or_default();
        let proc = Path::new("/proc");
        let is_gone = proc.join("self").exists() && !proc.join(status.pid.to_string()).exists();
        if is_gone { Status::default() } else { status }
    }
}

impl Collector for Endpoint {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let status = self.status();
        let of_each = |value: fn(&RouteStatus) -> u64| {
            status.routes.iter().map(move |(id, route)| ([("instance", id.clone())], value(route)))
        };
        let open = of_each(|route| route.connections).map(|(id, count)| (id, i64::try_from(count).unwrap_or(i64::MAX)));
        gauges(&mut encoder, "cetcd_endpoint_connections", "Connections of clients open", open)?;
        let help = "Connections of clients accepted";
        counters(&mut encoder, "cetcd_endpoint_connections_accepted", help, of_each(|route| route.accepted))?;
        let denied = |route: &RouteStatus| route.public.as_ref().map_or(0, |public| public.denied);
        let closed = status.routes.iter().flat_map(|(id, route)| {
            let reasons =
                [("too_many", route.refused), ("no_backend", route.failed), ("network_not_allowed", denied(route))];
            reasons.map(|(reason, count)| ([("instance", id.clone()), ("reason", reason.to_owned())], count))
        });
        let help = "Connections of clients closed at once, by reason";
        counters(&mut encoder, "cetcd_endpoint_connections_denied", help, closed)?;
        let help = "Bytes passed from clients to members";
        counters(&mut encoder, "cetcd_endpoint_received_bytes", help, of_each(|route| route.bytes_in))?;
        let help = "Bytes passed from members to clients";
        counters(&mut encoder, "cetcd_endpoint_sent_bytes", help, of_each(|route| route.bytes_out))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prometheus_client::{encoding::text::encode, registry::Registry};

    use super::*;

    fn shown(pid: u32) -> String {
        let dir = tempfile::tempdir().unwrap();
        let status = format!(
            r#"{{"pid":{pid},"routes":{{"etcd-abcd1234":{{"listen":"127.0.0.1:1","backends":[],"serving":true,"connections":2,
                "accepted":5,"refused":1,"failed":0,"bytes_in":10,"bytes_out":20}}}}}}"#
        );
        std::fs::write(dir.path().join("status.json"), status).unwrap();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Endpoint { dir: dir.path().to_owned() }));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn what_the_process_counts_is_shown_for_each_instance() {
        let text = shown(std::process::id());
        for line in [
            "cetcd_endpoint_connections{instance=\"etcd-abcd1234\"} 2",
            "cetcd_endpoint_connections_accepted_total{instance=\"etcd-abcd1234\"} 5",
            "cetcd_endpoint_connections_denied_total{instance=\"etcd-abcd1234\",reason=\"too_many\"} 1",
            "cetcd_endpoint_received_bytes_total{instance=\"etcd-abcd1234\"} 10",
            "cetcd_endpoint_sent_bytes_total{instance=\"etcd-abcd1234\"} 20",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn the_file_of_a_process_that_is_gone_says_nothing() {
        // Linux gives no process this number.
        assert!(!shown(u32::MAX).contains("etcd-abcd1234"));
    }
}
