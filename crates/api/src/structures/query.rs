//! Filters, regions, versions and subnets.

structure! {
    /// A condition on a list. Several filters must all hold; of the values of one filter, any.
    in Filter {
        /// Name of the attribute.
        "Name" name: String => length(1, 64), example("instance-id");
        /// Values of the attribute, 1 to 100.
        "Values" values: Vec<String> => items(1, 100), example("[\"abc\"]");
    }
}

structure! {
    /// A region.
    out RegionInstance {
        /// Code of the region.
        "RegionName" region_name: Option<String> => example("ap-guangzhou");
        /// Number of the region.
        "RegionId" region_id: Option<i64> => example("1");
        /// Status of the region.
        "Status" status: Option<String> => example("ALL");
        /// Switches of the region's features, as a JSON text.
        "FeatureGates" feature_gates: Option<String> => example("ALL");
        /// Short code of the region.
        "Alias" alias: Option<String> => example("gz");
        /// Remark on the region.
        "Remark" remark: Option<String> => example("广州地域");
    }
}

structure! {
    /// A version that instances can have.
    out VersionInstance {
        /// Family of the version.
        "Name" name: Option<String> => example("etcd");
        /// The version.
        "Version" version: Option<String> => example("v3.4.13.tke.2");
        /// Remark on the version.
        "Remark" remark: Option<String> => example("");
    }
}

structure! {
    /// A subnet that instances and their members can be in. Not of the published document.
    out EtcdSubnet {
        /// ID of the VPC that the subnet is part of.
        "VpcId" vpc_id: String => example("vpc-abcd1234");
        /// ID of the subnet.
        "SubnetId" subnet_id: String => example("subnet-abcd1234");
        /// Availability zone of the subnet.
        "Zone" zone: String => example("ap-guangzhou-1");
    }
}
