//! What can be changed about an instance: attributes, configuration, deletion protection.

use crate::structures::{ChargePrepaidConfig, EtcdAutoCompactionSettings, EtcdMonitorSettings, InstanceConfig};
use crate::values::ChargeType;

action! {
    /// Changes attributes of an instance. What is left out stays as it is.
    changes ModifyEtcdAttribute in "etcd" {
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound, UnsupportedOperation],
        request: ModifyEtcdAttributeRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => aliases(&["InstancedId"]), example("etcd-1234abcd");
            /// New name, 1 to 60 characters, no control characters.
            "Name" name: Option<String> => length(1, 60), example("test");
            /// New description, at most 256 characters; newlines and tabs are allowed.
            "Description" description: Option<String> => length(0, 256), multiline(), example("example");
            /// Password of etcd's user root, 1 to 72 characters that take at most 72 bytes, no control characters.
            /// While authentication is off it is kept for when it is turned on.
            "Password" password: Option<String> => length(1, 72), sensitive(), example("123");
            /// Whether etcd's authentication is on. To turn it on takes a Password, now or before.
            "EnableAuth" enable_auth: Option<bool> => example("false");
            /// Whether deleting the instance deletes its backups too; they are kept unless this was set.
            "EnableDeleteCos" enable_delete_cos: Option<bool> => example("false");
            /// IDs of the subnets that the members are to be in, 1 to 9.
            "SubnetIds" subnet_ids: Option<Vec<String>> => items(1, 9), length(1, 64),
                example("[\"subnet-roxjj71s\"]");
        }
        response: ModifyEtcdAttributeResponse {}
        example_request: r#"{"InstanceId":"etcd-1234abcd","Name":"test","Description":"example"}"#,
        example_response: r#"{"Response":{"RequestId":"abcdefg"}}"#,
    }
}

action! {
    /// Changes the configuration of an instance. What is left out stays as it is.
    changes ModifyEtcdConfiguration in "etcd" {
        errors: [
            InternalErrorDbRecordNotFound, InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound,
            ResourceUnavailable, ResourceUnavailablePrometheusStatusError, UnsupportedOperation,
        ],
        request: ModifyEtcdConfigurationRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// How etcd compacts its history by itself.
            "AutoCompactionSettings" auto_compaction_settings: Option<EtcdAutoCompactionSettings>;
            /// How the instance is monitored.
            "MonitorSettings" monitor_settings: Option<EtcdMonitorSettings>;
            /// How the instance is billed: PREPAID or POSTPAID_BY_HOUR.
            "ChargeType" charge_type: Option<ChargeType> => example("PREPAID");
            /// Size of the machines and number of members.
            "InstanceConfig" instance_config: Option<InstanceConfig>;
            /// Settings of a prepaid instance (ChargePrepaid in CreateEtcdInstance).
            "PrepaidConfig" prepaid_config: Option<ChargePrepaidConfig>;
        }
        response: ModifyEtcdConfigurationResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","AutoCompactionSettings":{"AutoCompactionRetention":"2h","AutoCompactionMode":"periodic"},"MonitorSettings":{"ExistedPrometheusInstanceId":"prom-abcd1234"}}"#,
        example_response: r#"{"Response":{"RequestId":"abcdefg"}}"#,
    }
}

action! {
    /// Turns deletion protection on: the instance cannot be deleted until it is off again.
    changes EnableEtcdInstanceDeletionProtection in "etcd" {
        aliases: ["EnableETCDInstanceDeletionProtection"],
        errors: [ResourceNotFound, UnsupportedOperation],
        request: EnableEtcdInstanceDeletionProtectionRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-xxxxxxxx");
        }
        response: EnableEtcdInstanceDeletionProtectionResponse {}
        example_request: r#"{"InstanceId":"etcd-xxxx"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a90"}}"#,
    }
}

action! {
    /// Turns deletion protection off.
    changes DisableEtcdInstanceDeletionProtection in "etcd" {
        aliases: ["DisableETCDInstanceDeletionProtection"],
        errors: [ResourceNotFound, UnsupportedOperation],
        request: DisableEtcdInstanceDeletionProtectionRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-xxxxxxxx");
        }
        response: DisableEtcdInstanceDeletionProtectionResponse {}
        example_request: r#"{"InstanceId":"etcd-xxxx"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}
