//! Reaching an instance from outside, by a public address. None of it is in the published document, which only knows
//! the tasks that it takes.

action! {
    /// Opens a second, public address of an instance's endpoint to the networks that are named, or changes these.
    changes EnableEtcdInternet in "etcd" {
        extension: true,
        errors: [
            InternalErrorUnexpectedInternal, InvalidParameterValue, OperationDenied, ResourceInsufficient,
            ResourceNotFound, UnsupportedOperation,
        ],
        request: EnableEtcdInternetRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
            /// Networks that connections may come from, 1 to 32, IPv4 or IPv6 in CIDR notation; a plain address is a
            /// network of one. Connections from elsewhere are closed at once.
            "AllowedNetworks" allowed_networks: Vec<String> => items(1, 32), length(1, 64),
                example("[\"203.0.113.0/24\",\"2001:db8::/32\"]");
        }
        response: EnableEtcdInternetResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234","AllowedNetworks":["203.0.113.0/24","2001:db8::/32"]}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Closes the public address of an instance's endpoint, with all connections that came by it, and gives it back.
    changes DisableEtcdInternet in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound],
        request: DisableEtcdInternetRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DisableEtcdInternetResponse {}
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Shows whether and how an instance can be reached from outside.
    reads DescribeEtcdInternet in "etcd" {
        extension: true,
        errors: [ResourceNotFound],
        request: DescribeEtcdInternetRequest {
            /// ID of the instance.
            "InstanceId" instance_id: String => example("etcd-abcd1234");
        }
        response: DescribeEtcdInternetResponse {
            /// Whether it is wanted.
            "Enabled" enabled: bool => example("true");
            /// Whether connections are accepted at the public address now.
            "Open" open: bool => example("true");
            /// Where clients connect; absent until there is an address.
            "Endpoint" endpoint: Option<String> => example("https://etcd.example.com:32000");
            /// Networks that connections may come from.
            "AllowedNetworks" allowed_networks: Option<Vec<String>> => example("[\"203.0.113.0/24\"]");
            /// Why it is not open though it is wanted; empty otherwise.
            "Reason" reason: String => example("");
        }
        example_request: r#"{"InstanceId":"etcd-abcd1234"}"#,
        example_response: r#"{"Response":{"Enabled":true,"Open":true,"Endpoint":"https://etcd.example.com:32000","AllowedNetworks":["203.0.113.0/24"],"Reason":"","RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}
