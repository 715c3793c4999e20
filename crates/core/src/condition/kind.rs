//! The kinds of conditions: each is declared once, with all that is said of it where it does not hold.

use serde::{Deserialize, Serialize};

use super::Severity;

/// Declares [`ConditionKind`]: how urgent it is where the good state does not hold, unless the condition is graded; the
/// name of the alert; what is wrong in a few words, in English and in Chinese; and what to do.
macro_rules! conditions {
    ($($(#[$doc:meta])* $kind:ident {
        $severity:ident, alert: $alert:literal, trouble: $english:literal / $chinese:literal, advice: $advice:literal,
    })*) => {
        /// What a condition is about. They are shown in this order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ConditionKind {
            $($(#[$doc])* $kind,)*
        }

        impl ConditionKind {
            /// Every kind.
            pub const ALL: [Self; [$(stringify!($kind)),*].len()] = [$(Self::$kind),*];

            /// Its name, in the store, in the API and in metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// How urgent it is where the good state does not hold, unless the condition is graded.
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)* }
            }

            /// The name of the alert: what is wrong, where the kind's own name is what should be.
            pub fn alert(self) -> &'static str {
                match self { $(Self::$kind => $alert,)* }
            }

            /// What is wrong where the good state does not hold, in a few words: in English and in Chinese.
            pub fn trouble(self) -> [&'static str; 2] {
                match self { $(Self::$kind => [$english, $chinese],)* }
            }

            /// What to do where the good state does not hold.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$kind => $advice,)* }
            }
        }
    };
}

conditions! {
    /// Every member serves linearizable reads.
    MembersHealthy {
        Warning, alert: "EtcdMemberDown",
        trouble: "a member does not serve" / "有成员未提供服务",
        advice: "A dead member is restarted, one that lost its data is replaced. Where that does not help, read the member's log under runtime/members in the data directory.",
    }
    /// More than half of the voters serve.
    Quorum {
        Critical, alert: "EtcdNoLeader",
        trouble: "the cluster has no quorum" / "集群失去法定人数",
        advice: "Bring back the machines or disks of the members that are down: without more than half of them nothing can be written. Where they are lost for good, ask RecoverEtcdInstance with DryRun what going on with a survivor would keep, then without; where no member is left, restore a backup into a new instance.",
    }
    /// The endpoint accepts connections.
    EndpointServing {
        Critical, alert: "EtcdEndpointDown",
        trouble: "the endpoint accepts no connections" / "入口不可用",
        advice: "The endpoint process is started again; read log/endpoint.log if it is not.",
    }
    /// The endpoint accepts connections at the public address, where there is to be one.
    PublicAddressServing {
        Warning, alert: "EtcdPublicAddressDown",
        trouble: "the public address accepts no connections" / "公网地址不可用",
        advice: "See whether the host still has the address of `internet.address` and nothing else listens at the port. DisableEtcdInternet and EnableEtcdInternet draw another port.",
    }
    /// The data of every member fits into DiskSize.
    DiskWithinLimit {
        Warning, alert: "EtcdDiskLimitExceeded",
        trouble: "members keep more than DiskSize" / "数据超过磁盘大小",
        advice: "Delete keys or compact, or make an instance with a larger DiskSize.",
    }
    /// CPU and memory limits are in force where they are asked for.
    ResourcesLimited {
        Info, alert: "EtcdResourcesUnlimited",
        trouble: "CPU and memory limits are not in force" / "CPU 和内存限制未生效",
        advice: "The host does not let this service set CPU and memory limits: delegate a control group to it.",
    }
    /// No member has raised NOSPACE.
    SpaceLeft {
        Critical, alert: "EtcdOutOfSpace",
        trouble: "the backend quota is used up" / "后端配额已用尽",
        advice: "Keys are compacted and members defragmented. Where that does not help, delete keys.",
    }
    /// Every certificate was replaced in time.
    CertificatesFresh {
        Warning, alert: "EtcdCertificateNearEnd",
        trouble: "certificates were not replaced in time" / "证书未按时更换",
        advice: "Certificates are issued anew at two thirds of their life. Where that does not happen, see why under Reconciled; the service's own clock may be wrong.",
    }
    /// Members hold the same data.
    DataConsistent {
        Critical, alert: "EtcdDataInconsistent",
        trouble: "members hold different data" / "成员数据不一致",
        advice: "Members that differ from the majority are replaced. Where no majority agrees, stop writing, keep the data directories, and restore a backup into a new instance.",
    }
    /// Every member that the cluster lists is one of ours.
    MembersKnown {
        Warning, alert: "EtcdUnknownMember",
        trouble: "the cluster lists a member that is not ours" / "集群中有未知成员",
        advice: "Somebody added a member by hand. Remove it with `cetcd ctl ID -- member remove MEMBER`; until then no other is added.",
    }
    /// No backend is near its quota.
    QuotaLeft {
        Warning, alert: "EtcdQuotaNearlyUsed",
        trouble: "a backend is near its quota" / "后端用量接近配额",
        advice: "Delete keys and let automatic compaction run; at the whole quota nothing can be written. A larger DiskSize means a larger quota.",
    }
    /// Little of the backends is free pages.
    Fragmentation {
        Info, alert: "EtcdFragmented",
        trouble: "backends hold mostly free pages" / "后端碎片过多",
        advice: "Members are defragmented one by one in the maintenance window (`maintenance.window`), while all is well.",
    }
    /// The last reconciliation could do what it planned.
    Reconciled {
        Warning, alert: "EtcdStepFailing",
        trouble: "the last step failed" / "上一步操作失败",
        advice: "The last step failed for the reason given; it is tried again.",
    }
    /// Members write to their disks in the time that etcd needs.
    DiskFast {
        Warning, alert: "EtcdDiskSlow",
        trouble: "disks are slow" / "磁盘过慢",
        advice: "Give the members a faster disk, or move what else writes to it: etcd wants 10 ms at the 99th percentile.",
    }
    /// Members reach each other in the time that etcd needs.
    PeersNear {
        Warning, alert: "EtcdPeersSlow",
        trouble: "members reach each other slowly" / "成员间网络过慢",
        advice: "Look for a busy or broken network, or a busy processor, between the members.",
    }
    /// The leader stays where it is while nothing is being changed.
    LeaderStable {
        Warning, alert: "EtcdLeaderFlapping",
        trouble: "the leader changes often" / "Leader 频繁变更",
        advice: "Look for slow disks, a busy processor or a broken network: elections follow from them.",
    }
    /// Every member's metrics can be read.
    MetricsRead {
        Warning, alert: "EtcdMetricsUnread",
        trouble: "a member's metrics cannot be read" / "无法读取成员指标",
        advice: "Read the member's log: its client address does not answer.",
    }
    /// The Prometheus that is to watch the instance serves, and reads every member.
    MonitoringServed {
        Warning, alert: "EtcdPrometheusDown",
        trouble: "its Prometheus does not read every member" / "Prometheus 未能读取全部成员",
        advice: "A Prometheus that ended is started again; read log/prometheus.log in its folder under runtime/prometheus if it is not. One that runs elsewhere has to include its jobs and be reloaded. `cetcd prometheus attach` and `detach` choose another or none.",
    }
    /// The newest good backup is as recent as the policies want.
    BackupsRecent {
        Warning, alert: "EtcdBackupOverdue",
        trouble: "a backup is overdue" / "备份已过期",
        advice: "Look at the failures that `cetcd snapshot list` shows: the object storage has to be reachable and have space, and a member has to serve.",
    }
    /// The last backup that was restored for proof was what it should be.
    BackupsProved {
        Warning, alert: "EtcdBackupUnproved",
        trouble: "a backup is not proved" / "备份未通过验证",
        advice: "Take another snapshot and see whether it restores. Where it does not either, the members' data is damaged: do not upgrade or shrink the cluster, and look for a corruption alarm.",
    }
}

impl ConditionKind {
    /// Whether it follows from how members and the endpoint serve, which a change that was asked for may interrupt.
    pub fn is_about_serving(self) -> bool {
        matches!(self, Self::MembersHealthy | Self::Quorum | Self::EndpointServing | Self::PublicAddressServing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_name_that_it_is_stored_by() {
        for kind in ConditionKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.as_str());
        }
    }

    #[test]
    fn every_kind_has_words_of_its_own() {
        let distinct = |of: fn(ConditionKind) -> &'static str| {
            let words: std::collections::BTreeSet<&str> = ConditionKind::ALL.into_iter().map(of).collect();
            assert_eq!(words.len(), ConditionKind::ALL.len());
        };
        distinct(ConditionKind::alert);
        distinct(ConditionKind::advice);
        distinct(|kind| kind.trouble()[0]);
        distinct(|kind| kind.trouble()[1]);
    }
}
