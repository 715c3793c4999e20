//! Prometheus instances. The published document makes and names them with an instance of etcd; what is here it leaves
//! to another product of the cloud.

use crate::structures::EtcdPrometheus;

action! {
    /// Lists the Prometheus instances that instances of the region can be watched by: those that were made with one,
    /// and those that run elsewhere and are named in the service's settings.
    reads DescribeEtcdPrometheus in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal],
        request: DescribeEtcdPrometheusRequest {
            /// IDs of Prometheus instances; all unless given. Unknown ones are left out of the answer.
            "PrometheusIds" prometheus_ids: Option<Vec<String>> => items(0, 100), length(1, 64),
                example("[\"prom-abcd1234\"]");
        }
        response: DescribeEtcdPrometheusResponse {
            /// The Prometheus instances, by ID.
            "Prometheus" prometheus: Option<Vec<EtcdPrometheus>>;
        }
        example_request: r#"{"PrometheusIds":["prom-abcd1234"]}"#,
        example_response: r#"{"Response":{"Prometheus":[{"PrometheusId":"prom-abcd1234","Status":"running","Reason":"","Url":"http://127.74.1.4:9090","GrafanaUrl":null,"SubnetId":"subnet-abcd1234","DataRetention":10,"External":false,"Watched":[{"InstanceId":"etcd-abcd1234","Members":3,"Read":3,"Reason":""}]}],"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Gets what the user of a Prometheus instance is let in by. Nothing of one that runs elsewhere.
    reads DescribeEtcdPrometheusAccess in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, ResourceNotFound, ResourceUnavailable, UnsupportedOperation],
        request: DescribeEtcdPrometheusAccessRequest {
            /// ID of the Prometheus instance.
            "PrometheusId" prometheus_id: String => length(1, 64), example("prom-abcd1234");
        }
        response: DescribeEtcdPrometheusAccessResponse {
            /// Where it answers, PromQL too.
            "Url" url: String => example("http://127.74.1.4:9090");
            /// Its one user.
            "User" user: String => example("cetcd");
            /// The user's password, for basic authentication.
            "Password" password: String => sensitive(), example("k3v9…");
            /// Where its Grafana answers; null where none is run.
            "GrafanaUrl" grafana_url: Option<String> => example("http://127.74.1.4:3000");
            /// The user of Grafana, whose password was given when it was made.
            "GrafanaUserName" grafana_user_name: String => example("admin");
        }
        example_request: r#"{"PrometheusId":"prom-abcd1234"}"#,
        example_response: r#"{"Response":{"Url":"http://127.74.1.4:9090","User":"cetcd","Password":"k3v9…","GrafanaUrl":null,"GrafanaUserName":"admin","RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}

action! {
    /// Deletes a Prometheus instance with all that it kept. Refused while it is to watch an instance, and for one that
    /// runs elsewhere.
    changes DeleteEtcdPrometheus in "etcd" {
        extension: true,
        errors: [InternalErrorUnexpectedInternal, OperationDenied, ResourceNotFound, UnsupportedOperation],
        request: DeleteEtcdPrometheusRequest {
            /// ID of the Prometheus instance.
            "PrometheusId" prometheus_id: String => length(1, 64), example("prom-abcd1234");
        }
        response: DeleteEtcdPrometheusResponse {}
        example_request: r#"{"PrometheusId":"prom-abcd1234"}"#,
        example_response: r#"{"Response":{"RequestId":"51abd77d-f503-41e7-ab28-010083e02a78"}}"#,
    }
}
