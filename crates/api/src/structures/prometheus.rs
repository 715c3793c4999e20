//! What is shown of Prometheus instances. None is of the published document.

structure! {
    /// A Prometheus instance. Not of the published document.
    out EtcdPrometheus {
        /// Its ID.
        "PrometheusId" prometheus_id: String => example("prom-abcd1234");
        /// How it is: creating, running, abnormal or deleting.
        "Status" status: String => values(&["creating", "running", "abnormal", "deleting"]), example("running");
        /// Why it does not serve; empty where it does.
        "Reason" reason: String => example("");
        /// Where it answers; null until there is an address.
        "Url" url: Option<String> => example("http://127.74.1.4:9090");
        /// Where its Grafana answers; null where none is run.
        "GrafanaUrl" grafana_url: Option<String> => example("http://127.74.1.4:3000");
        /// ID of its subnet; null where it runs elsewhere.
        "SubnetId" subnet_id: Option<String> => example("subnet-abcd1234");
        /// How long it keeps data, in days; null where it runs elsewhere.
        "DataRetention" data_retention: Option<u64> => example("10");
        /// Whether it runs elsewhere, as the service's settings name it.
        "External" external: bool => example("false");
        /// The caller's instances that it is to watch.
        "Watched" watched: Option<Vec<EtcdPrometheusWatched>>;
    }
}

structure! {
    /// An instance that a Prometheus instance is to watch. Not of the published document.
    out EtcdPrometheusWatched {
        /// ID of the instance.
        "InstanceId" instance_id: String => example("etcd-abcd1234");
        /// How many members it was told of.
        "Members" members: u64 => example("3");
        /// How many of them it reads.
        "Read" read: u64 => example("3");
        /// Why it does not read all; empty where it does.
        "Reason" reason: String => example("");
    }
}
