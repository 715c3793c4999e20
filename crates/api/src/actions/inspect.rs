//! Looking closer: members, keys, the steps of a task, and who changed what. None is of the published document.

use crate::structures::{EtcdAuditRecord, EtcdKey, EtcdMemberState, EtcdTaskStep};

action! {
    /// Shows what each member of an instance says of itself at this moment.
    reads DescribeEtcdMembers in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, ResourceNotFound],
        request: DescribeEtcdMembersRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdMembersResponse {
            /// The members, by number.
            "Members" members: Option<Vec<EtcdMemberState>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"Members":[{"Name":"etcd-abcd1234-etcd-0","Zone":"ap-guangzhou-1","Status":"Running","Endpoint":"https://127.74.1.1:2379","Role":"Leader","Version":"v3.5.16","RaftTerm":2,"RaftIndex":1042,"Lag":0,"Revision":1001,"DatabaseSize":20480,"DatabaseInUse":16384}],"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}

action! {
    /// Shows the steps of a task.
    reads DescribeEtcdTaskSteps in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, ResourceNotFound],
        request: DescribeEtcdTaskStepsRequest {
            /// ID of the task.
            "TaskID" task_id: String => length(1, 64), example("4fee3bfe-7670-4014-82d4-31507e3a93f4");
        }
        response: DescribeEtcdTaskStepsResponse {
            /// The steps, in the order in which they are done.
            "Steps" steps: Option<Vec<EtcdTaskStep>>;
        }
        example_request: r#"{"TaskID":"4fee3bfe-7670-4014-82d4-31507e3a93f4"}"#,
        example_response: r#"{"Response":{"Steps":[{"Step":"resize_etcd","LifeState":"running","StartAt":"2022-03-29T11:30:17Z","EndAt":null,"FailedMsg":""}],"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}

action! {
    /// Reads keys of an instance, in their order, a page at a time and without values; or one key with its value. Only
    /// where the server's setting `console.keys` is `read`.
    reads DescribeEtcdKeys in "etcd" {
        extension: true,
        errors: [
            InternalErrorUnexpectedInternal, InvalidParameterValue, ResourceNotFound, ResourceUnavailable,
            UnauthorizedOperation,
        ],
        request: DescribeEtcdKeysRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Only keys that begin with this, at most 1024 characters; every key unless given.
            "Prefix" prefix: Option<String> => length(0, 1024), example("/registry/");
            /// Go on behind the last key of a page: what the page before answered as Next.
            "After" after: Option<String> => length(0, 65536), example("L2E=");
            /// Only this key, in base64, with its value.
            "Key" key: Option<String> => length(0, 65536), example("L2E=");
            /// Keys a page, 1 to 100; 50 unless given.
            "Limit" limit: Option<u64> => range(1, 100), example("50");
        }
        response: DescribeEtcdKeysResponse {
            /// The keys.
            "Keys" keys: Option<Vec<EtcdKey>>;
            /// How many keys there are from the first of the page on.
            "Count" count: u64 => example("1");
            /// Where the next page begins; null on the last one.
            "Next" next: Option<String> => example("L2E=");
            /// The revision at which was read.
            "Revision" revision: u64 => example("1001");
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234","Prefix":"/","Limit":10}"#,
        example_response: r#"{"Response":{"Keys":[{"Key":"/a","Encoded":"L2E=","Version":1,"CreateRevision":2,"ModRevision":2,"Lease":null,"Value":null,"ValueEncoding":null,"ValueSize":null,"Truncated":null}],"Count":1,"Next":null,"Revision":2,"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}

action! {
    /// Reads the audit log of the caller's account, newest first: every request that was to change something.
    reads DescribeEtcdAuditLog in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, InvalidParameterValue],
        request: DescribeEtcdAuditLogRequest {
            /// Only requests about this instance.
            "InstanceId" instance_id: Option<String> => length(0, 64), example("etcd-abcd1234");
            /// Only requests from before this moment, RFC 3339: what the page before answered as Next.
            "Before" before: Option<String> => length(0, 64), example("2022-03-29T11:30:17.5Z");
            /// Records a page, 1 to 100; 50 unless given.
            "Limit" limit: Option<u64> => range(1, 100), example("50");
        }
        response: DescribeEtcdAuditLogResponse {
            /// The records; there may be fewer than a page has room for, and more behind Next all the same.
            "Records" records: Option<Vec<EtcdAuditRecord>>;
            /// Where to go on; null where there is nothing older.
            "Next" next: Option<String> => example("2022-03-29T11:30:17.5Z");
        }
        example_request: r#"{"Limit":10}"#,
        example_response: r#"{"Response":{"Records":[{"Time":"2022-03-29T11:30:17.5Z","Action":"DeleteEtcdInstance","Outcome":"OK","Message":null,"User":"root","SecretId":"AKIDexample","Region":"ap-guangzhou","SourceIp":"127.0.0.1","Parameters":"{\"InstanceId\":\"etcd-abcd1234\"}","Milliseconds":3,"Request":"51abd77d-f503-41e7-ab28-010083e02a78"}],"Next":null,"RequestId":"84d7d7eb-ba89-45fa-b1ee-9d45698ed2b2"}}"#,
    }
}
