//! Instances as callers see them.

structure! {
    /// An etcd instance.
    out Etcd {
        /// ID of the instance: `etcd-` and eight of a-z and 0-9.
        "InstanceId" instance_id: String => example("etcd-ctq51lvf");
        /// Name of the instance.
        "Name" name: String => example("test");
        /// Description of the instance.
        "Description" description: Option<String> => example("");
        /// ID of the VPC that the instance is in.
        "VpcId" vpc_id: String => example("vpc-35lahm68");
        /// Version of etcd.
        "Version" version: String => example("v3.5.0");
        /// Status of the instance.
        "Status" status: String => values(&[
            "creating", "running", "updating", "resizing", "upgrading", "restoring", "abnormal", "isolated", "deleting"
        ]), example("running");
        /// Members of the cluster.
        "Members" members: Option<Vec<EtcdMember>>;
        /// Address that clients use.
        "Endpoint" endpoint: Option<String> => example("https://10.0.1.127:1234");
        /// Whether deletion protection is on.
        "DeletionProtection" deletion_protection: Option<bool> => example("true");
    }
}

structure! {
    /// A member of a cluster.
    out EtcdMember {
        /// Name of the member: the instance's ID, `-etcd-` and its ordinal.
        "Name" name: String => example("etcd-6app8i2u-etcd-0");
        /// Version of etcd that the member runs now.
        "Version" version: String => example("v3.4.13.tke.2");
        /// Availability zone of the member.
        "Zone" zone: String => example("ap-chongqing-1");
        /// Status of the member.
        "Status" status: String => values(&["Pending", "Running", "Learner", "Unhealthy", "Stopped"]),
            example("Running");
    }
}

structure! {
    /// What a client needs to be let in.
    out EtcdCredential {
        /// Certificate of the instance's authority, PEM.
        "CACert" ca_cert: Option<String> => multiline(), example("-----BEGIN CERTIFICATE-----\n");
        /// Client certificate, PEM.
        "Cert" cert: Option<String> => multiline(), example("-----BEGIN CERTIFICATE-----\n");
        /// Private key of the client certificate, PEM.
        "Key" key: Option<String> => multiline(), sensitive(), example("-----BEGIN PRIVATE KEY-----\n");
    }
}

structure! {
    /// A gRPC method that a member serves.
    out RPCMethod {
        /// Name of the method.
        "Name" name: String => example("Alarm");
    }
}
