//! The command line of a member, version by version.
//!
//! etcd's defaults stand unless a production cluster is better off without them; each exception says why.
//! A member's environment must carry no `ETCD_…` variable: etcd would take it for a setting.

use std::net::SocketAddr;

use cetcd_core::{
    EtcdVersion,
    member::{MemberPaths, MemberSpec, Start},
};

use crate::age::SNAPSHOT_COUNT;

/// The arguments, without the program itself, that `spec.run.version` of etcd is to be started with.
pub fn command_arguments(spec: &MemberSpec, paths: &MemberPaths) -> Vec<String> {
    let mut flags = Flags(Vec::with_capacity(32));
    flags.set("name", spec.name());
    flags.set("data-dir", paths.data.display());

    let client = url(spec.run.security.https, spec.client);
    let peer = url(true, spec.peer);
    flags.set("listen-client-urls", &client);
    flags.set("advertise-client-urls", &client);
    flags.set("listen-peer-urls", &peer);
    flags.set("initial-advertise-peer-urls", &peer);
    flags.set("initial-cluster", &spec.initial_cluster);
    flags.set("initial-cluster-token", &spec.token);
    flags.set("initial-cluster-state", spec.start.as_str());
    if spec.start == Start::Forced {
        flags.set("force-new-cluster", true);
    }

    if spec.run.security.https {
        flags.set("cert-file", paths.server_cert.display());
        flags.set("key-file", paths.server_key.display());
        if spec.run.security.client_cert_auth {
            flags.set("client-cert-auth", true);
            flags.set("trusted-ca-file", paths.ca.display());
        }
    }
    flags.set("peer-cert-file", paths.peer_cert.display());
    flags.set("peer-key-file", paths.peer_key.display());
    flags.set("peer-client-cert-auth", true);
    flags.set("peer-trusted-ca-file", paths.ca.display());

    if let Some(compaction) = &spec.run.auto_compaction {
        flags.set("auto-compaction-mode", compaction.mode.as_str());
        flags.set("auto-compaction-retention", &compaction.retention);
    }
    flags.set("quota-backend-bytes", spec.run.quota_bytes);
    for_version(&mut flags, &spec.run.version);
    flags.0
}

/// What differs between versions.
fn for_version(flags: &mut Flags, version: &EtcdVersion) {
    // Logs go to stderr, which the runtime writes to a file: by default etcd picks the system's journal
    // wherever its parent is process 1, as in a container.
    if version.at_least(3, 4) {
        flags.set("logger", "zap");
        flags.set("log-outputs", "stderr");
    } else {
        flags.set("log-output", "stderr");
        // The v2 API bypasses auth of v3 and its data is in no snapshot; off by default from 3.4.
        flags.set("enable-v2", false);
    }
    if !version.at_least(3, 6) {
        // The default of 3.6: a tenth of the memory that raft's log takes with the older default.
        flags.set("snapshot-count", SNAPSHOT_COUNT);
    }
    if (version.major, version.minor) == (3, 4) {
        // The default of 3.5: a member that was cut off does not depose a healthy leader on its return.
        flags.set("pre-vote", true);
    }
    if version.at_least(3, 6) {
        flags.set("feature-gates", "CompactHashCheck=true,InitialCorruptCheck=true");
    } else {
        // Refuses to serve data that differs from the other members'. Before 3.4.4 it asks the peers without
        // their TLS and waits for the time-out of each: it would only delay the start.
        if *version >= EtcdVersion::new(3, 4, 4) {
            flags.set("experimental-initial-corrupt-check", true);
        }
        if has_compact_hash_check(version) {
            flags.set("experimental-compact-hash-check-enabled", true);
        }
    }
}

/// Whether the leader of a 3.5 cluster can compare the hashes that members took at compactions: from 3.5.5.
fn has_compact_hash_check(version: &EtcdVersion) -> bool {
    *version >= EtcdVersion::new(3, 5, 5) && !version.at_least(3, 6)
}

fn url(https: bool, address: SocketAddr) -> String {
    format!("{}://{address}", if https { "https" } else { "http" })
}

struct Flags(Vec<String>);

impl Flags {
    /// One argument for name and value: etcd takes `--flag value` for its boolean flags as the flag alone,
    /// and the value as a stray argument.
    fn set(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push(format!("--{name}={value}"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, missing_docs)]

    use cetcd_core::{
        InstanceId,
        instance::{AutoCompaction, CompactionMode, RunConfig, Security},
        member::MemberCertificates,
    };

    use super::*;

    fn spec(version: &str) -> MemberSpec {
        MemberSpec {
            instance: InstanceId::parse("etcd-abcd1234").unwrap(),
            ordinal: 2,
            run: RunConfig {
                version: version.parse().unwrap(),
                security: Security::default(),
                auto_compaction: Some(AutoCompaction { mode: CompactionMode::Periodic, retention: "5m".to_owned() }),
                quota_bytes: 8 * 1024 * 1024 * 1024,
                resources: None,
                trust: 0,
            },
            client: "127.1.0.5:2379".parse().unwrap(),
            peer: "127.1.0.5:2380".parse().unwrap(),
            start: Start::Existing,
            initial_cluster: "etcd-abcd1234-etcd-2=https://127.1.0.5:2380".to_owned(),
            token: "a-token".to_owned(),
            certificates: MemberCertificates::default(),
        }
    }

    fn paths() -> MemberPaths {
        let path = |name: &str| std::path::PathBuf::from("/m").join(name);
        MemberPaths {
            data: path("data"),
            ca: path("ca.pem"),
            server_cert: path("server.pem"),
            server_key: path("server-key.pem"),
            peer_cert: path("peer.pem"),
            peer_key: path("peer-key.pem"),
        }
    }

    #[test]
    fn a_member_is_told_who_it_is_where_it_serves_and_what_to_show() {
        let arguments = command_arguments(&spec("v3.5.16"), &paths());
        let expected = [
            "--name=etcd-abcd1234-etcd-2",
            "--data-dir=/m/data",
            "--listen-client-urls=https://127.1.0.5:2379",
            "--advertise-client-urls=https://127.1.0.5:2379",
            "--listen-peer-urls=https://127.1.0.5:2380",
            "--initial-advertise-peer-urls=https://127.1.0.5:2380",
            "--initial-cluster=etcd-abcd1234-etcd-2=https://127.1.0.5:2380",
            "--initial-cluster-token=a-token",
            "--initial-cluster-state=existing",
            "--cert-file=/m/server.pem",
            "--key-file=/m/server-key.pem",
            "--client-cert-auth=true",
            "--trusted-ca-file=/m/ca.pem",
            "--peer-cert-file=/m/peer.pem",
            "--peer-key-file=/m/peer-key.pem",
            "--peer-client-cert-auth=true",
            "--peer-trusted-ca-file=/m/ca.pem",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=5m",
            "--quota-backend-bytes=8589934592",
        ];
        assert_eq!(arguments[..expected.len()], expected);
    }

    #[test]
    fn only_a_forced_start_leaves_the_others_out() {
        let mut forced = spec("v3.5.16");
        assert!(!command_arguments(&forced, &paths()).iter().any(|a| a.starts_with("--force-new-cluster")));
        forced.start = Start::Forced;
        let arguments = command_arguments(&forced, &paths());
        assert!(arguments.contains(&"--force-new-cluster=true".to_owned()));
        assert!(arguments.contains(&"--initial-cluster-state=existing".to_owned()));
    }

    #[test]
    fn without_https_only_the_peers_use_tls() {
        let mut plain = spec("v3.5.16");
        plain.run.security = Security { https: false, client_cert_auth: false };
        let arguments = command_arguments(&plain, &paths());
        assert!(arguments.contains(&"--listen-client-urls=http://127.1.0.5:2379".to_owned()));
        assert!(arguments.contains(&"--listen-peer-urls=https://127.1.0.5:2380".to_owned()));
        assert!(arguments.contains(&"--peer-client-cert-auth=true".to_owned()));
        for absent in ["--cert-file", "--key-file", "--client-cert-auth", "--trusted-ca-file"] {
            assert!(!arguments.iter().any(|a| a.starts_with(&format!("{absent}="))), "{absent}");
        }
    }

    #[test]
    fn https_without_client_certificates_trusts_nobody_in_particular() {
        let mut open = spec("v3.5.16");
        open.run.security = Security { https: true, client_cert_auth: false };
        let arguments = command_arguments(&open, &paths());
        assert!(arguments.contains(&"--cert-file=/m/server.pem".to_owned()));
        assert!(!arguments.iter().any(|a| a.starts_with("--trusted-ca-file=")));
    }

    #[test]
    fn each_version_gets_only_flags_that_it_has() {
        let common: Vec<String> = command_arguments(&spec("v3.5.16"), &paths())
            .into_iter()
            .take_while(|a| !a.starts_with("--logger"))
            .collect();
        for (version, expected) in [
            ("v3.3.25", "--log-output=stderr --enable-v2=false --snapshot-count=10000"),
            (
                "v3.4.23",
                "--logger=zap --log-outputs=stderr --snapshot-count=10000 --pre-vote=true \
                 --experimental-initial-corrupt-check=true",
            ),
            (
                "v3.5.4",
                "--logger=zap --log-outputs=stderr --snapshot-count=10000 --experimental-initial-corrupt-check=true",
            ),
            (
                "v3.5.30",
                "--logger=zap --log-outputs=stderr --snapshot-count=10000 --experimental-initial-corrupt-check=true \
                 --experimental-compact-hash-check-enabled=true",
            ),
            (
                "v3.6.0",
                "--logger=zap --log-outputs=stderr --feature-gates=CompactHashCheck=true,InitialCorruptCheck=true",
            ),
            (
                "v3.7.3",
                "--logger=zap --log-outputs=stderr --feature-gates=CompactHashCheck=true,InitialCorruptCheck=true",
            ),
        ] {
            let arguments = command_arguments(&spec(version), &paths());
            assert_eq!(arguments[..common.len()], common, "{version}");
            assert_eq!(arguments[common.len()..].join(" "), expected, "{version}");
        }
    }
}
