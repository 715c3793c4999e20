//! What happened to instances, and being told as it happens. Neither is of the published document.

use crate::structures::{EtcdEvent, Filter};

action! {
    /// Lists what was seen of an instance, what was done about it, and why, newest first. Of what the service itself saw
    /// and did at least the last 500 events are there, besides those of tasks and backups.
    reads DescribeEtcdEvents in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, InvalidParameterValue, ResourceNotFound],
        request: DescribeEtcdEventsRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Conditions: level (info, warning, error), type, member (a member's name), taskId; at most 10.
            "Filters" filters: Option<Vec<Filter>> => items(0, 10),
                filter_names(&["level", "type", "member", "taskId"]);
            /// How many events to pass over, 0 unless given.
            "Offset" offset: Option<u64> => example("0");
            /// Events a page, at most 100; 0 or left out means 50.
            "Limit" limit: Option<u64> => range(0, 100), example("50");
        }
        response: DescribeEtcdEventsResponse {
            /// The events of this page.
            "Events" events: Option<Vec<EtcdEvent>>;
            /// How many there are on all pages.
            "TotalCount" total_count: u64 => example("1");
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234","Filters":[{"Name":"level","Values":["warning","error"]}],"Limit":10}"#,
        example_response: r#"{"Response":{"Events":[{"EventId":"c17","Time":"2026-11-23T10:00:00.25Z","Type":"MemberDown","Level":"warning","Message":"etcd-abcd1234-etcd-2 does not serve.","Reason":"has ended","Member":"etcd-abcd1234-etcd-2","TaskId":""}],"TotalCount":1,"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}

action! {
    /// Lets the caller open one stream of server-sent events, which tells which instances of the account in the region
    /// have changed: GET the path at the address that was asked, with the ticket in the header X-Cetcd-Ticket.
    reads OpenEtcdEventStream in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, RequestLimitExceeded],
        request: OpenEtcdEventStreamRequest {}
        response: OpenEtcdEventStreamResponse {
            /// Opens one stream, once, within 30 seconds. Not to be shown to others.
            "Ticket" ticket: String => sensitive(), example("3f9c");
            /// Where the stream is.
            "Path" path: String => example("/console/stream");
        }
        example_request: r"{}",
        example_response: r#"{"Response":{"Ticket":"3f9c","Path":"/console/stream","RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}
