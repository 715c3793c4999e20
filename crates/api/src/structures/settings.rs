//! How an instance is set up: security, compaction, monitoring.

use super::EtcdBackupSettings;
use crate::format::Format;
use crate::values::AutoCompactionMode;

structure! {
    /// Settings of an instance that have defaults.
    in EtcdAdvancedSettings {
        /// Security settings.
        "SecuritySettings" security_settings: Option<EtcdSecuritySettings>;
        /// How etcd compacts its history by itself.
        "AutoCompactionSettings" auto_compaction_settings: Option<EtcdAutoCompactionSettings>;
        /// How the instance is monitored.
        "MonitorSettings" monitor_settings: Option<EtcdMonitorSettings>;
        /// How backups are taken and kept.
        "BackupSettings" backup_settings: Option<EtcdBackupSettings>;
        /// Further domain names of the server certificate, separated by commas; `*.` may lead a name.
        "CustomDomains" custom_domains: Option<String> => format(Format::Domains), example("*.abc.com");
        /// Further IP addresses of the server certificate, separated by commas.
        "CustomIPs" custom_ips: Option<String> => format(Format::IpAddresses), example("127.0.0.1");
    }
}

structure! {
    /// Security settings of an instance.
    both EtcdSecuritySettings {
        /// Whether clients speak TLS.
        "Https" https: Option<bool> => example("true");
        /// Whether clients must have a certificate.
        "ClientCertAuth" client_cert_auth: Option<bool> => example("true");
    }
}

structure! {
    /// How etcd compacts its history by itself.
    both EtcdAutoCompactionSettings {
        /// What compaction goes by: periodic (a length of time; `period` is accepted) or revision (a number).
        "AutoCompactionMode" auto_compaction_mode: AutoCompactionMode => nullable(true), example("periodic");
        /// What is kept: a length of time such as 5m or 2h (a bare number means hours), or a number of revisions.
        "AutoCompactionRetention" auto_compaction_retention: String => nullable(true), length(1, 32),
            format(Format::Retention), example("5m");
    }
}

structure! {
    /// How an instance is monitored.
    in EtcdMonitorSettings {
        /// What a Prometheus instance to be made needs.
        "PrometheusCreationParam" prometheus_creation_param: Option<PrometheusCreationParam>;
        /// ID of a Prometheus instance that exists; empty, in a change, for none.
        "ExistedPrometheusInstanceId" existed_prometheus_instance_id: Option<String> => length(0, 64),
            example("prom-kkfzhlcn");
    }
}

structure! {
    /// What a Prometheus instance to be made needs.
    in PrometheusCreationParam {
        /// ID of the subnet.
        "SubnetId" subnet_id: String => length(1, 64), example("subnet-xxxx");
        /// How long data is kept, in days, 1 to 3650.
        "DataRetention" data_retention: i64 => range(1, 3650), example("10");
        /// Name of the Grafana user, 1 to 64 characters.
        "GrafanaUserName" grafana_user_name: String => length(1, 64), example("admin");
        /// Password of the Grafana user, 1 to 128 characters.
        "GrafanaPassword" grafana_password: String => length(1, 128), sensitive(), example("admin");
    }
}

impl EtcdAutoCompactionSettings {
    /// Whether the retention is one that the mode can have: revisions are a bare number.
    ///
    /// etcd itself would read `5m` as 300 000 000 000 revisions.
    pub fn is_consistent(&self) -> bool {
        self.auto_compaction_mode == AutoCompactionMode::Periodic
            || self.auto_compaction_retention.bytes().all(|b| b.is_ascii_digit())
    }
}
