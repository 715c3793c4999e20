//! Backups beyond the published document: details, removal, retention, proof, restore.

use crate::structures::{EtcdBackup, EtcdBackupPolicy, EtcdRestoreTarget, EtcdRestoreTransfer, Filter};

action! {
    /// Lists the backups of an instance, the newest first, with all that is known of them, and the policies that take
    /// them. Also for an instance that was deleted, as long as there are backups of it.
    reads DescribeEtcdBackups in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, InvalidParameterValue, ResourceNotFound],
        request: DescribeEtcdBackupsRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Conditions: name, state, policy; at most 10.
            "Filters" filters: Option<Vec<Filter>> => items(0, 10), filter_names(&["name", "state", "policy"]);
            /// How many backups to pass over, 0 unless given.
            "Offset" offset: Option<u64> => example("0");
            /// How many backups to answer with, at most 100; 0 or left out means 20.
            "Limit" limit: Option<u64> => range(0, 100), example("20");
        }
        response: DescribeEtcdBackupsResponse {
            /// The backups of this page.
            "Backups" backups: Vec<EtcdBackup>;
            /// How many backups there are that meet the conditions.
            "TotalCount" total_count: u64 => example("1");
            /// The policies.
            "Policies" policies: Vec<EtcdBackupPolicy>;
            /// The snapshot that is being brought for a restore of the instance; null where none is.
            "Restoring" restoring: Option<EtcdRestoreTransfer>;
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"Backups":[{"Name":"test","State":"done","Origin":"manual","Policy":null,"Version":"v3.5.16","Revision":4711,"Keys":1200,"Size":1048576,"StoredSize":204800,"Sha256":"","TransferredBytes":null,"ExpectedBytes":null,"RequestedAt":"2026-11-23T10:00:00Z","StartedAt":"2026-11-23T10:00:00Z","EndedAt":"2026-11-23T10:00:02Z","SharedWith":[],"Attempts":1,"FailedMsg":"","ProofState":"passed","ProvedAt":"2026-11-23T10:00:09Z","ProofMillis":4200,"ProofMsg":""}],"TotalCount":1,"Policies":[],"Restoring":null,"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Says which other accounts may make new instances of a snapshot. They need to know the instance's ID, the
    /// snapshot's name and its region, see nothing else of the instance, and name all of the new one but its region.
    /// The whole list is replaced; an empty one takes the permission back. What was begun with it goes on.
    changes ShareEtcdSnapshot in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: ShareEtcdSnapshotRequest {
            /// ID of the instance that the snapshot is of.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the snapshot, 1 to 128 characters.
            "SnapshotName" snapshot_name: String => length(1, 128), example("test");
            /// IDs of the accounts, all that may; at most 20.
            "AccountIds" account_ids: Vec<String> => items(0, 20), length(1, 64), example("[\"100000000002\"]");
        }
        response: ShareEtcdSnapshotResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotName":"test","AccountIds":["100000000002"]}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Deletes a snapshot, also one of an instance that was deleted. The data goes soon after the answer.
    changes DeleteEtcdSnapshot in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: DeleteEtcdSnapshotRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the snapshot, 1 to 128 characters.
            "SnapshotName" snapshot_name: String => length(1, 128), example("test");
        }
        response: DeleteEtcdSnapshotResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotName":"test"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Deletes a policy. The snapshots that it took stay until they are deleted.
    changes DeleteEtcdSnapshotPolicy in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: DeleteEtcdSnapshotPolicyRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the policy, 1 to 128 characters.
            "SnapshotPolicyName" snapshot_policy_name: String => length(1, 128), example("test");
        }
        response: DeleteEtcdSnapshotPolicyResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotPolicyName":"test"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Changes what a policy keeps beside the newest MaxBackupCount, and how many of its snapshots are proved. What is
    /// left out stays as it is.
    changes ModifyEtcdSnapshotRetention in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: ModifyEtcdSnapshotRetentionRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the policy, 1 to 128 characters.
            "SnapshotPolicyName" snapshot_policy_name: String => length(1, 128), example("test");
            /// Of so many hours the newest snapshot is kept, 0 to 1000.
            "KeepHourly" keep_hourly: Option<u64> => range(0, 1000), example("24");
            /// Of so many days (UTC) the newest snapshot is kept, 0 to 1000.
            "KeepDaily" keep_daily: Option<u64> => range(0, 1000), example("7");
            /// Of so many weeks (from Monday, UTC) the newest snapshot is kept, 0 to 1000.
            "KeepWeekly" keep_weekly: Option<u64> => range(0, 1000), example("4");
            /// Every so many snapshots one is restored and compared, 0 to 1000; 0: none, 1: every one.
            "ProveEvery" prove_every: Option<u64> => range(0, 1000), example("1");
        }
        response: ModifyEtcdSnapshotRetentionResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotPolicyName":"test","KeepDaily":7}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Restores a snapshot: into its own instance, whose present data is backed up first and set aside, or into a new
    /// instance. Clients are let in once what was restored has been checked. Credentials stay; revisions go on from
    /// far above those before, where the version has that, so that watchers notice.
    changes RestoreEtcdSnapshot in "etcd" {
        extension: true,
        errors: [
            InternalErrorUnexpectedInternal, InvalidParameterParam, LimitExceededQuotaEtcdLimit, OperationDenied,
            ResourceInUse, ResourceNotFound,
        ],
        request: RestoreEtcdSnapshotRequest {
            /// ID of the instance that the snapshot is of.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the snapshot, 1 to 128 characters.
            "SnapshotName" snapshot_name: String => length(1, 128), example("test");
            /// The instance to be made from it; in place where left out, which only the instance's owner may.
            "NewInstance" new_instance: Option<EtcdRestoreTarget>;
            /// In place: do not back up first what is replaced, for example because it cannot be read any more.
            "SkipBackup" skip_backup: Option<bool> => example("false");
        }
        response: RestoreEtcdSnapshotResponse {
            /// ID of the instance that is restored: the same, or the new one.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotName":"test"}"#,
        example_response: r#"{"Response":{"InstanceId":"etcd-abcd1234","RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Proves a snapshot anew: it is read whole, restored into a member of its own and compared, soon after the answer.
    changes VerifyEtcdSnapshot in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: VerifyEtcdSnapshotRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Name of the snapshot, 1 to 128 characters.
            "SnapshotName" snapshot_name: String => length(1, 128), example("test");
        }
        response: VerifyEtcdSnapshotResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","SnapshotName":"test"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}
