//! The life of an instance: create, list, resize, upgrade, delete.

use crate::structures::{ChargePrepaidConfig, Etcd, EtcdAdvancedSettings, EtcdCondition, EtcdSurvivor, Filter};
use crate::values::ChargeType;

action! {
    /// Creates an etcd instance. Answers with its ID at once; DescribeEtcdCreatingProgress shows how far it is.
    changes CreateEtcdInstance in "etcd" {
        errors: [
            InternalErrorUnexpectedInternal, InvalidParameterParam, LimitExceededQuotaEtcdLimit, OperationDenied,
            ResourceNotFound, ResourceUnavailable, UnsupportedOperation,
        ],
        request: CreateEtcdInstanceRequest {
            /// Name of the instance, 1 to 60 characters, no control characters.
            "Name" name: String => length(1, 60), example("etcd-cluster-1");
            /// ID of the VPC that the cluster is in.
            "VpcId" vpc_id: String => length(1, 64), example("vpc-abcd1234");
            /// ID of the subnet that the client-facing address is taken from.
            "ServiceSubnetId" service_subnet_id: String => length(1, 64), example("subnet-abcd1234");
            /// IDs of the subnets that the members are in, 1 to 9; members are spread over them.
            "SubnetIds" subnet_ids: Vec<String> => items(1, 9), length(1, 64), example("[\"subnet-abcd1234\"]");
            /// Version of etcd, one that DescribeEtcdAvailableVersions lists; at most 32 characters.
            "EtcdVersion" etcd_version: String => length(1, 32), example("v3.4.9");
            /// Number of members: 1, 3, 5, 7 or 9.
            "Size" size: u64 => one_of(&[1, 3, 5, 7, 9]), example("3");
            /// Description, at most 256 characters; newlines and tabs are allowed.
            "Description" description: Option<String> => length(0, 256), multiline(), example("examplecluster");
            /// Security, compaction, monitoring, backups, further names of the server certificate.
            "AdvancedSettings" advanced_settings: Option<EtcdAdvancedSettings>;
            /// How the instance is billed: PREPAID or POSTPAID_BY_HOUR.
            "ChargeType" charge_type: Option<ChargeType> => example("PREPAID");
            /// Settings of a prepaid instance.
            "ChargePrepaid" charge_prepaid: Option<ChargePrepaidConfig>;
            /// Storage in GB, 1 to 32000.
            "DiskSize" disk_size: Option<u64> => range(1, 32_000), example("50");
            /// Whether deletion protection is on.
            "DeletionProtection" deletion_protection: Option<bool> => example("true");
        }
        response: CreateEtcdInstanceResponse {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        example_request: r#"{"Name":"etcd-cluster-1","Description":"examplecluster","VpcId":"vpc-abcd1234","ServiceSubnetId":"subnet-abcd1234","SubnetIds":["subnet-abcd1234"],"EtcdVersion":"v3.4.9","Size":3,"AdvancedSettings":{"MonitorSettings":{"ExistedPrometheusInstanceId":"prom-abcd1234"},"BackupSettings":{"BackupInterval":300,"MaxBackupCount":5}},"DeletionProtection":true}"#,
        example_response: r#"{"Response":{"InstanceId":"etcd-abcd1234","RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Lists instances of the caller's account in the region, by IDs or by filters, not both.
    reads DescribeEtcdInstances in "cloud-native-etcd" {
        errors: [InternalError, InternalErrorUnexpectedInternal, InvalidParameter, UnauthorizedOperationCamNoAuth],
        request: DescribeEtcdInstancesRequest {
            /// IDs of instances, at most 100. Not together with Filters.
            "InstanceIds" instance_ids: Option<Vec<String>> => items(0, 100), example("[\"etcd-abcd1234\"]");
            /// Conditions: vpc-id, instance-id; at most 10. Not together with InstanceIds.
            "Filters" filters: Option<Vec<Filter>> => items(0, 10), filter_names(&["vpc-id", "instance-id"]);
            /// How many instances to pass over, 0 unless given.
            "Offset" offset: Option<u64> => example("0");
            /// How many instances to answer with, at most 50; 0 or left out means 20.
            "Limit" limit: Option<u64> => range(0, 50), example("0");
        }
        response: DescribeEtcdInstancesResponse {
            /// The instances of this page.
            "Etcds" etcds: Option<Vec<Etcd>>;
            /// How many instances match, on all pages.
            "TotalCount" total_count: u64 => example("10");
        }
        example_request: r#"{"InstanceIds":["etcd-abcd1234"]}"#,
        example_response: r#"{"Response":{"Etcds":[{"InstanceId":"etcd-abcd1234","Name":"etcd-cluster-1","Description":"examplecluster","VpcId":"vpc-abcd1234","Version":"v3.4.9","Status":"running","Members":[{"Name":"etcd-abcd1234-etcd-0","Version":"v3.4.9","Zone":"ap-guangzhou-1","Status":"Running"}],"Endpoint":"https://10.0.1.127:2379","DeletionProtection":true}],"TotalCount":1,"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Changes the number of members of an instance.
    changes ResizeEtcdInstance in "etcd" {
        aliases: ["ResizeEtcInstance"],
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound, UnsupportedOperation],
        request: ResizeEtcdInstanceRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// New number of members: 1, 3, 5, 7 or 9.
            "Size" size: u64 => one_of(&[1, 3, 5, 7, 9]), example("5");
        }
        response: ResizeEtcdInstanceResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","Size":5}"#,
        example_response: r#"{"Response":{"RequestId":"abcdefg"}}"#,
    }
}

action! {
    /// Upgrades an instance to another version of etcd: the same minor or the next, never down.
    changes UpgradeEtcdInstance in "etcd" {
        aliases: ["UpgradeEtcInstance"],
        errors: [
            InternalErrorUnexpectedInternal, InvalidParameterParam, OperationDenied, ResourceNotFound,
            UnsupportedOperation,
        ],
        request: UpgradeEtcdInstanceRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Version to upgrade to, one that DescribeEtcdAvailableVersions lists; at most 32 characters.
            "EtcdVersion" etcd_version: String => aliases(&["EtcVersion", "EtdVersion"]), length(1, 32),
                example("v3.5.2");
        }
        response: UpgradeEtcdInstanceResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","EtcdVersion":"v3.5.2"}"#,
        example_response: r#"{"Response":{"RequestId":"abcdefg"}}"#,
    }
}

action! {
    /// Deletes an instance and all that belongs to it. Denied while deletion protection is on.
    changes DeleteEtcdInstance in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: DeleteEtcdInstanceRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DeleteEtcdInstanceResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Tells how an instance is: what holds, what does not, since when and what to do.
    reads DescribeEtcdHealth in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, ResourceNotFound],
        request: DescribeEtcdHealthRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdHealthResponse {
            /// Whether every condition holds.
            "Healthy" healthy: bool => example("true");
            /// The conditions.
            "Conditions" conditions: Option<Vec<EtcdCondition>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"Healthy":true,"Conditions":[{"Type":"MembersHealthy","Holds":true,"Reason":"","Since":"2026-11-23T10:00:00Z","Advice":""}],"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Goes on with one surviving member where the quorum of an instance is lost: the one that knows of most. What was
    /// acknowledged after the time that the answer tells may be lost. The data of all other members is kept aside.
    changes RecoverEtcdInstance in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: RecoverEtcdInstanceRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Only tell what would be done; nothing is changed.
            "DryRun" dry_run: Option<bool> => example("true");
        }
        response: RecoverEtcdInstanceResponse {
            /// Whether the instance has lost its quorum and a member is left to go on with.
            "Recoverable" recoverable: bool => example("true");
            /// What is lost, what would be kept and what may be missing from it; or why nothing can be done.
            "Reason" reason: String => example("nobody serves since 2026-11-23T10:00:07Z; 1 of 3 voters answer");
            /// The members that are left.
            "Survivors" survivors: Option<Vec<EtcdSurvivor>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234","DryRun":true}"#,
        example_response: r#"{"Response":{"Recoverable":true,"Reason":"nobody serves since 2026-11-23T10:00:07Z; 1 of 3 voters answer","Survivors":[{"Member":"etcd-abcd1234-etcd-0","LogIndex":1042,"Revision":980,"CompleteUntil":"2026-11-23T10:00:00Z","Chosen":true}],"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}
