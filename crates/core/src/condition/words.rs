//! What is said of conditions that do not hold: what is wrong, and what to do.

use super::ConditionKind;

impl ConditionKind {
    /// What is wrong where the good state does not hold, in a few words.
    pub fn trouble(self) -> &'static str {
        match self {
            Self::MembersHealthy => "a member does not serve",
            Self::Quorum => "the cluster has no quorum",
            Self::EndpointServing => "the endpoint accepts no connections",
            Self::PublicAddressServing => "the public address accepts no connections",
            Self::DiskWithinLimit => "members keep more than DiskSize",
            Self::ResourcesLimited => "CPU and memory limits are not in force",
            Self::SpaceLeft => "the backend quota is used up",
            Self::CertificatesFresh => "certificates were not replaced in time",
            Self::DataConsistent => "members hold different data",
            Self::MembersKnown => "the cluster lists a member that is not ours",
            Self::QuotaLeft => "a backend is near its quota",
            Self::Fragmentation => "backends hold mostly free pages",
            Self::Reconciled => "the last step failed",
            Self::DiskFast => "disks are slow",
            Self::PeersNear => "members reach each other slowly",
            Self::LeaderStable => "the leader changes often",
            Self::MetricsRead => "a member's metrics cannot be read",
            Self::MonitoringServed => "its Prometheus does not read every member",
            Self::BackupsRecent => "a backup is overdue",
            Self::BackupsProved => "a backup is not proved",
        }
    }

    /// What to do where the good state does not hold.
    pub fn advice(self) -> &'static str {
        match self {
            Self::MembersHealthy => {
                "A dead member is restarted, one that lost its data is replaced. Where that does not help, read the member's log under runtime/members in the data directory."
            }
            Self::Quorum => {
                "Bring back the machines or disks of the members that are down: without more than half of them nothing can be written. Where they are lost for good, ask RecoverEtcdInstance with DryRun what going on with a survivor would keep, then without; where no member is left, restore a backup into a new instance."
            }
            Self::EndpointServing => "The endpoint process is started again; read log/endpoint.log if it is not.",
            Self::PublicAddressServing => {
                "See whether the host still has the address of `internet.address` and nothing else listens at the port. DisableEtcdInternet and EnableEtcdInternet draw another port."
            }
            Self::DiskWithinLimit => "Delete keys or compact, or make an instance with a larger DiskSize.",
            Self::ResourcesLimited => {
                "The host does not let this service set CPU and memory limits: delegate a control group to it."
            }
            Self::SpaceLeft => "Keys are compacted and members defragmented. Where that does not help, delete keys.",
            Self::CertificatesFresh => {
                "Certificates are issued anew at two thirds of their life. Where that does not happen, see why under Reconciled; the service's own clock may be wrong."
            }
            Self::DataConsistent => {
                "Members that differ from the majority are replaced. Where no majority agrees, stop writing, keep the data directories, and restore a backup into a new instance."
            }
            Self::MembersKnown => {
                "Somebody added a member by hand. Remove it with `cetcd ctl ID -- member remove MEMBER`; until then no other is added."
            }
            Self::QuotaLeft => {
                "Delete keys and let automatic compaction run; at the whole quota nothing can be written. A larger DiskSize means a larger quota."
            }
            Self::Fragmentation => {
                "Members are defragmented one by one in the maintenance window (`maintenance.window`), while all is well."
            }
            Self::MonitoringServed => {
                "A Prometheus that ended is started again; read log/prometheus.log in its folder under runtime/prometheus if it is not. One that runs elsewhere has to include its jobs and be reloaded. `cetcd prometheus attach` and `detach` choose another or none."
            }
            Self::BackupsRecent => {
                "Look at the failures that `cetcd snapshot list` shows: the object storage has to be reachable and have space, and a member has to serve."
            }
            Self::BackupsProved => {
                "Take another snapshot and see whether it restores. Where it does not either, the members' data is damaged: do not upgrade or shrink the cluster, and look for a corruption alarm."
            }
            Self::Reconciled => "The last step failed for the reason given; it is tried again.",
            Self::DiskFast => {
                "Give the members a faster disk, or move what else writes to it: etcd wants 10 ms at the 99th percentile."
            }
            Self::PeersNear => "Look for a busy or broken network, or a busy processor, between the members.",
            Self::LeaderStable => {
                "Look for slow disks, a busy processor or a broken network: elections follow from them."
            }
            Self::MetricsRead => "Read the member's log: its client address does not answer.",
        }
    }
}
