//! Snapshots and the policies that take them.

use crate::structures::{EtcdBackupSettings, EtcdSnapshot, EtcdSnapshotPolicy};

action! {
    /// Takes a snapshot of an instance.
    changes CreateEtcdSnapshot in "etcd" {
        errors: [
            FailedOperationResourceExistAlready, InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound,
            UnsupportedOperation,
        ],
        request: CreateEtcdSnapshotRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => aliases(&["InstancedId"]), example("etcd-abcd1345");
            /// Name of the snapshot, 1 to 128 characters.
            "SnapshotName" snapshot_name: String => length(1, 128), example("test");
            /// Name of the etcd user that takes the snapshot, where authentication is on.
            "User" user: Option<String> => length(0, 64), example("test");
            /// Password of that user.
            "Password" password: Option<String> => length(0, 128), sensitive(), example("123");
        }
        response: CreateEtcdSnapshotResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1345","SnapshotName":"test","User":"test","Password":"123"}"#,
        example_response: r#"{"Response":{"RequestId":"13b59a2d-dd68-48ab-845e-8cba577eca6d"}}"#,
    }
}

action! {
    /// Lists the snapshots of an instance.
    reads DescribeEtcdSnapshots in "etcd" {
        errors: [InternalErrorUnexpectedInternal, InvalidParameterParam, ResourceNotFound, UnsupportedOperation],
        request: DescribeEtcdSnapshotsRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdSnapshotsResponse {
            /// The snapshots.
            "Snapshots" snapshots: Option<Vec<EtcdSnapshot>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"RequestId":"13b59a2d-dd68-48ab-845e-8cba577eca6d","Snapshots":[{"Name":"test","Size":1024}]}}"#,
    }
}

action! {
    /// Makes a policy that takes snapshots of an instance.
    changes CreateEtcdSnapshotPolicy in "etcd" {
        errors: [
            FailedOperationResourceExistAlready, InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound,
            UnsupportedOperation,
        ],
        request: CreateEtcdSnapshotPolicyRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the policy, 1 to 128 characters.
            "SnapshotPolicyName" snapshot_policy_name: String => length(1, 128), example("test");
            /// How its backups are taken and kept.
            "BackupSettings" backup_settings: Option<EtcdBackupSettings>;
        }
        response: CreateEtcdSnapshotPolicyResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotPolicyName":"test","BackupSettings":{"BackupInterval":3600,"MaxBackupCount":24}}"#,
        example_response: r#"{"Response":{"RequestId":"13b59a2d-dd68-48ab-845e-8cba577eca6d"}}"#,
    }
}

action! {
    /// Lists the policies that take snapshots of an instance.
    reads DescribeEtcdSnapshotPolicies in "etcd" {
        errors: [
            InternalErrorDbRecordNotFound, InternalErrorUnexpectedInternal, InvalidParameterParam, ResourceNotFound,
            UnsupportedOperation,
        ],
        request: DescribeEtcdSnapshotPoliciesRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdSnapshotPoliciesResponse {
            /// The policies.
            "SnapshotPolicies" snapshot_policies: Option<Vec<EtcdSnapshotPolicy>>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"RequestId":"13b59a2d-dd68-48ab-845e-8cba577eca6d","SnapshotPolicies":[{"Name":"test","BackupSettings":{"BackupInterval":3600,"MaxBackupCount":24}}]}}"#,
    }
}

action! {
    /// Changes a policy that takes snapshots of an instance.
    changes ModifyEtcdSnapshotPolicy in "etcd" {
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound, UnsupportedOperation],
        request: ModifyEtcdSnapshotPolicyRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the policy, 1 to 128 characters.
            "SnapshotPolicyName" snapshot_policy_name: String => length(1, 128), example("test");
            /// How its backups are taken and kept.
            "BackupSettings" backup_settings: EtcdBackupSettings;
        }
        response: ModifyEtcdSnapshotPolicyResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotPolicyName":"test","BackupSettings":{"BackupInterval":3600,"MaxBackupCount":24}}"#,
        example_response: r#"{"Response":{"RequestId":"13b59a2d-dd68-48ab-845e-8cba577eca6d"}}"#,
    }
}
