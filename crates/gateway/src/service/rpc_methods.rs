//! DescribeRPCMethodList: the gRPC methods that one member serves, by its own metrics.

use std::collections::BTreeSet;

use cetcd_api::{
    Code, Error,
    actions::{DescribeRPCMethodList, DescribeRPCMethodListRequest, DescribeRPCMethodListResponse},
    structures::RPCMethod,
};

use super::{Service, lookup};
use crate::{Context, Handler};

/// The length of a page where the request names none, and the longest.
const PAGE: usize = 100;

impl Handler<DescribeRPCMethodList> for Service {
    /// In alphabetical order, each once: services share some names.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeRPCMethodListRequest,
    ) -> Result<DescribeRPCMethodListResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let (id, pod) = (&instance.id, &request.pod_name);
        let status = self.view.status(id);
        let member = id
            .member_ordinal(pod)
            .and_then(|ordinal| status.as_ref()?.member(ordinal))
            .ok_or_else(|| not_a_member(pod, id.as_str()))?;
        let text = self.members.metrics(&instance, member).await.map_err(|reason| {
            tracing::warn!(member = pod, reason, "a member's metrics cannot be read");
            Error::new(
                Code::ResourceUnavailable,
                format!("The member `{pod}` does not answer at present. Try again when its status is Running."),
                format!("成员 `{pod}` 当前没有响应，请在其状态为 Running 时重试。"),
            )
        })?;
        let methods = methods(&text);
        let page = lookup::page(methods, request.offset, request.limit, PAGE, PAGE);
        Ok(DescribeRPCMethodListResponse {
            method_list: page.map(|name| RPCMethod { name: name.to_owned() }).collect(),
        })
    }
}

/// The caller's text is repeated only as far as a name can go.
fn not_a_member(pod: &str, id: &str) -> Error {
    let pod: String = pod.chars().take(64).collect();
    Error::new(
        Code::ResourceNotFound,
        format!("The instance `{id}` has no member `{pod}`. Its members are named `{id}-etcd-` and a number."),
        format!("实例 `{id}` 没有成员 `{pod}`，成员名为 `{id}-etcd-` 加序号。"),
    )
}

/// The values of `grpc_method` in the counters of calls, which etcd has for every method from its start.
fn methods(metrics: &str) -> BTreeSet<&str> {
    metrics
        .lines()
        .filter_map(|line| {
            let labels = ["grpc_server_started_total{", "grpc_server_handled_total{"]
                .iter()
                .find_map(|counter| line.strip_prefix(counter))?;
            label(labels, "grpc_method")
        })
        .collect()
}

/// The value of a label in `name="value",name="value"} 1`. Values with escapes, which no method has, are passed over.
fn label<'a>(mut labels: &'a str, wanted: &str) -> Option<&'a str> {
    loop {
        let (name, rest) = labels.split_once("=\"")?;
        let (value, rest) = rest.split_once('"')?;
        if name == wanted {
            let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            return plain.then_some(value);
        }
        labels = rest.strip_prefix(',')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_from_the_counters_of_calls_only() {
        let text = "# HELP grpc_server_started_total Total number of RPCs started on the server.\n\
            grpc_server_started_total{grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} 12\n\
            grpc_server_started_total{grpc_method=\"Alarm\",grpc_service=\"etcdserverpb.Maintenance\"} 0\n\
            grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\"} 1\n\
            grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Watch\"} 1\n\
            grpc_server_msg_sent_total{grpc_method=\"Never\"} 1\n\
            etcd_server_has_leader 1\n";
        assert_eq!(methods(text).into_iter().collect::<Vec<_>>(), ["Alarm", "Range", "Watch"]);
    }

    #[test]
    fn text_that_is_no_metric_gives_no_method() {
        for odd in [
            "",
            "grpc_server_started_total{",
            "grpc_server_started_total{grpc_method=\"",
            "grpc_server_started_total{grpc_method=\"a b\"} 1",
            "grpc_server_started_total{grpc_method=\"\"} 1",
            "grpc_server_started_total{x=\"1\" grpc_method=\"A\"} 1",
        ] {
            assert!(methods(odd).is_empty(), "{odd}");
        }
    }
}
