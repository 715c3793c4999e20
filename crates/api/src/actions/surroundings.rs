//! What a caller can choose from before making an instance: regions, versions, quota.

use crate::structures::{EtcdSubnet, RegionInstance, VersionInstance};

action! {
    /// Lists the regions.
    reads DescribeEtcdRegions in "etcd" {
        errors: [InternalErrorUnexpectedInternal],
        request: DescribeEtcdRegionsRequest {}
        response: DescribeEtcdRegionsResponse {
            /// The regions.
            "Regions" regions: Option<Vec<RegionInstance>>;
        }
        example_request: "{}",
        example_response: r#"{"Response":{"Regions":[{"Alias":"gz","RegionId":1,"RegionName":"ap-guangzhou"}],"RequestId":"32daac92-b940-4894-b9d8-1d325f1ee9d1"}}"#,
    }
}

action! {
    /// Lists the versions of etcd that instances can have.
    reads DescribeEtcdAvailableVersions in "etcd" {
        errors: [InternalErrorUnexpectedInternal],
        request: DescribeEtcdAvailableVersionsRequest {}
        response: DescribeEtcdAvailableVersionsResponse {
            /// The versions.
            "Versions" versions: Option<Vec<VersionInstance>>;
        }
        example_request: "{}",
        example_response: r#"{"Response":{"RequestId":"32daac92-b940-4894-b9d8-1d325f1ee9d1","Versions":[{"Name":"etcd","Version":"v3.4.9"},{"Name":"etcd","Version":"v3.3.25"}]}}"#,
    }
}

action! {
    /// Shows how many instances the account may have in the region.
    reads DescribeEtcdQuota in "etcd" {
        errors: [InternalErrorUnexpectedInternal],
        request: DescribeEtcdQuotaRequest {}
        response: DescribeEtcdQuotaResponse {
            /// How many instances the account may have.
            "QuotaLimit" quota_limit: u64 => example("5");
        }
        example_request: "{}",
        example_response: r#"{"Response":{"QuotaLimit":5,"RequestId":"32daac92-b940-4894-b9d8-1d325f1ee9d1"}}"#,
    }
}

action! {
    /// Lists the subnets of the region that instances and their members can be in.
    reads DescribeEtcdSubnets in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal],
        request: DescribeEtcdSubnetsRequest {}
        response: DescribeEtcdSubnetsResponse {
            /// The subnets, VPC by VPC.
            "Subnets" subnets: Option<Vec<EtcdSubnet>>;
        }
        example_request: "{}",
        example_response: r#"{"Response":{"Subnets":[{"VpcId":"vpc-abcd1234","SubnetId":"subnet-abcd1234","Zone":"ap-guangzhou-1"}],"RequestId":"32daac92-b940-4894-b9d8-1d325f1ee9d1"}}"#,
    }
}
