//! What can be learned about an instance: progress, tasks, credentials (and their rotation), methods.

use crate::structures::{EtcdCredential, EtcdMetricSeries, EtcdTaskInfo, Filter, RPCMethod, TaskStepInfo};

action! {
    /// Shows how far the creation of an instance is.
    reads DescribeEtcdCreatingProgress in "etcd" {
        errors: [InternalErrorDbRecordNotFound, InternalErrorUnexpectedInternal, ResourceNotFound],
        request: DescribeEtcdCreatingProgressRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdCreatingProgressResponse {
            /// The steps, in order.
            "Steps" steps: Option<Vec<TaskStepInfo>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"RequestId":"abcdefg","Steps":[{"EndAt":"2020-10-02T10:54:12Z","FailedMsg":"","LifeState":"success","StartAt":"2020-10-02T10:54:08Z","Step":"prepare_env"},{"EndAt":"2020-10-02T10:54:15Z","FailedMsg":"","LifeState":"success","StartAt":"2020-10-02T10:54:12Z","Step":"install_suit"},{"EndAt":null,"FailedMsg":"","LifeState":"running","StartAt":"2020-10-02T10:54:15Z","Step":"create_etcd"},{"EndAt":null,"FailedMsg":"","LifeState":"pending","StartAt":null,"Step":"install_monitor"},{"EndAt":null,"FailedMsg":"","LifeState":"pending","StartAt":null,"Step":"create_backup_policy"}]}}"#,
    }
}

action! {
    /// Gets what a client needs to be let in. An empty list where the instance does not speak TLS.
    reads DescribeEtcdCredentials in "etcd" {
        errors: [InternalErrorUnexpectedInternal, ResourceNotFound],
        request: DescribeEtcdCredentialsRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdCredentialsResponse {
            /// The credentials.
            "Credentials" credentials: Option<Vec<EtcdCredential>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"Credentials":[{"CACert":"-----BEGIN CERTIFICATE-----\n...","Cert":"-----BEGIN CERTIFICATE-----\n...","Key":"-----BEGIN PRIVATE KEY-----\n..."}],"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}

action! {
    /// Replaces an instance's CA and all that it issued, while every member goes on. What was given out before is
    /// good for a while longer, beside what DescribeEtcdCredentials gives out from then on.
    changes RotateEtcdCredentials in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: RotateEtcdCredentialsRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// How long the former credentials are good beside the new ones, in seconds, 0 to 2592000 (30 days); a
            /// day unless the service is set up otherwise.
            "OverlapSeconds" overlap_seconds: Option<u64> => range(0, 2_592_000), example("86400");
            /// In place of another rotation, ends the overlap of the last one now.
            "EndOverlap" end_overlap: Option<bool> => example("false");
        }
        response: RotateEtcdCredentialsResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","OverlapSeconds":86400}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Lists tasks of the caller's account in the region.
    reads DescribeEtcdTasks in "etcd" {
        errors: [InternalError, InvalidParameter],
        request: DescribeEtcdTasksRequest {
            /// ID of a task.
            "TaskID" task_id: Option<String> => length(0, 64), example("xxx-xxx");
            /// Conditions: taskType, resourceId, lifeState; at most 10.
            "Filters" filters: Option<Vec<Filter>> => items(0, 10),
                filter_names(&["taskType", "resourceId", "lifeState"]);
        }
        response: DescribeEtcdTasksResponse {
            /// The tasks, newest first.
            "Tasks" tasks: Option<Vec<EtcdTaskInfo>>;
        }
        example_request: r#"{"Filters":[{"Name":"taskType","Values":["enable_internet","disable_internet"]},{"Name":"resourceId","Values":["etcd-xxxx"]},{"Name":"lifeState","Values":["process"]}]}"#,
        example_response: r#"{"Response":{"RequestId":"49035d1e-66c6-4ee5-a74f-21d869fccab9","Tasks":[{"CreatedAt":"2021-09-01T10:43:29Z","LifeState":"done","ResourceID":"etcd-jirlfihs","TaskID":"4fee3bfe-7670-4014-82d4-31507e3a93f4","TaskType":"enable_internet","UpdatedAt":"2021-09-01T10:43:40Z"},{"CreatedAt":"2021-08-26T03:04:06Z","LifeState":"done","ResourceID":"etcd-jirlfihs","TaskID":"a59278a0-debb-4e85-861b-961a2d2f0f46","TaskType":"create_instance","UpdatedAt":"2021-08-26T03:07:09Z"}]}}"#,
    }
}

action! {
    /// Lists the gRPC methods that one member serves.
    reads DescribeRPCMethodList in "cloud-native-etcd" {
        errors: [ResourceNotFound, UnsupportedOperation],
        request: DescribeRPCMethodListRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-ctq51lvf");
            /// Name of the member: the instance's ID, `-etcd-` and its ordinal.
            "PodName" pod_name: String => example("etcd-ctq51lvf-etcd-0");
            /// How many methods to pass over, 0 unless given.
            "Offset" offset: Option<u64> => example("0");
            /// How many methods to answer with, at most 100; 0 or left out means 100.
            "Limit" limit: Option<u64> => range(0, 100), example("100");
        }
        response: DescribeRPCMethodListResponse {
            /// The methods of this page.
            "MethodList" method_list: Vec<RPCMethod>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234","PodName":"etcd-abcd1234-etcd-0"}"#,
        example_response: r#"{"Response":{"MethodList":[{"Name":"Alarm"}],"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Shows what the metrics of an instance's members were over the last two hours.
    reads DescribeEtcdMetrics in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, InvalidParameterValue, ResourceNotFound],
        request: DescribeEtcdMetricsRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// What is asked for, at most 15: DatabaseSize, DatabaseInUse, Keys, Leads, LeaderChanges, Requests, Commits,
            /// PendingProposals, SlowApplies, FsyncLatency, CommitLatency, PeerRoundTrip, Memory, Processor, OpenFiles.
            /// All unless given.
            "MetricNames" metric_names: Option<Vec<String>> => items(0, 15), length(1, 32), example("[\"DatabaseSize\"]");
            /// How far back to begin, in seconds: 10 to 7200, 3600 unless given.
            "Seconds" seconds: Option<u64> => range(10, 7200), example("3600");
            /// Seconds between two points, of which the largest value is answered: 10 to 3600. Unless given, so many that
            /// there are at most 360 points.
            "Period" period: Option<u64> => range(10, 3600), example("10");
        }
        response: DescribeEtcdMetricsResponse {
            /// The metrics, each of every member.
            "Series" series: Option<Vec<EtcdMetricSeries>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234","MetricNames":["DatabaseSize"],"Seconds":3600}"#,
        example_response: r#"{"Response":{"Series":[{"MetricName":"DatabaseSize","Unit":"bytes","Member":"etcd-abcd1234-etcd-0","Timestamps":[1790000000],"Values":[20480.0]}],"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}
