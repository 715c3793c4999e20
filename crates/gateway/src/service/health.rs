//! DescribeEtcdHealth: what the controller recorded, with what to do about it.

use cetcd_api::{
    Error,
    actions::{DescribeEtcdHealth, DescribeEtcdHealthRequest, DescribeEtcdHealthResponse},
    structures::EtcdCondition,
};
use cetcd_core::{
    PrometheusId, backup,
    condition::{Condition, ConditionKind},
    prometheus::{self, wanted_by},
};

use super::{Service, lookup::time};
use crate::{Context, Handler};

impl Handler<DescribeEtcdHealth> for Service {
    /// Before the controller's first look nothing is known, and nothing is healthy.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdHealthRequest,
    ) -> Result<DescribeEtcdHealthResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let status = self.view.status(&instance.id);
        let mut conditions = status.as_ref().map_or_else(Vec::new, |status| status.conditions.clone());
        if !conditions.is_empty() {
            conditions.extend(self.monitor.conditions(&instance.id));
        }
        let by = wanted_by(&instance).and_then(PrometheusId::parse).and_then(|id| self.view.prometheus_status(&id));
        conditions.extend(prometheus::condition(&instance, by.as_deref()));
        // The age of a backup needs no look: it follows from records and the time.
        if status.is_some_and(|status| status.observed_generation > 0) {
            let policies: Vec<_> = self.view.policies_of(&instance.id).iter().map(|p| (**p).clone()).collect();
            let snapshots: Vec<_> = self.view.snapshots_of(&instance.id).iter().map(|s| (**s).clone()).collect();
            conditions.extend(backup::health::conditions(&instance, &policies, &snapshots, context.now));
        }
        Ok(DescribeEtcdHealthResponse {
            healthy: !conditions.is_empty() && conditions.iter().all(|condition| condition.holds),
            conditions: Some(conditions.iter().map(shown).collect()),
        })
    }
}

fn shown(condition: &Condition) -> EtcdCondition {
    EtcdCondition {
        kind: format!("{:?}", condition.kind),
        holds: condition.holds,
        reason: condition.reason.clone(),
        since: time(condition.since),
        advice: if condition.holds { String::new() } else { advice(condition.kind).to_owned() },
    }
}

/// What to do where the good state does not hold.
fn advice(kind: ConditionKind) -> &'static str {
    match kind {
        ConditionKind::MembersHealthy => {
            "A dead member is restarted, one that lost its data is replaced. Where that does not help, read the member's log under runtime/members in the data directory."
        }
        ConditionKind::Quorum => {
            "Bring back the machines or disks of the members that are down: without more than half of them nothing can be written. Where they are lost for good, ask RecoverEtcdInstance with DryRun what going on with a survivor would keep, then without; where no member is left, restore a backup into a new instance."
        }
        ConditionKind::EndpointServing => "The endpoint process is started again; read log/endpoint.log if it is not.",
        ConditionKind::PublicAddressServing => {
            "See whether the host still has the address of `internet.address` and nothing else listens at the port. DisableEtcdInternet and EnableEtcdInternet draw another port."
        }
        ConditionKind::DiskWithinLimit => "Delete keys or compact, or make an instance with a larger DiskSize.",
        ConditionKind::ResourcesLimited => {
            "The host does not let this service set CPU and memory limits: delegate a control group to it."
        }
        ConditionKind::SpaceLeft => {
            "Keys are compacted and members defragmented. Where that does not help, delete keys."
        }
        ConditionKind::CertificatesFresh => {
            "Certificates are issued anew at two thirds of their life. Where that does not happen, see why under Reconciled; the service's own clock may be wrong."
        }
        ConditionKind::DataConsistent => {
            "Members that differ from the majority are replaced. Where no majority agrees, stop writing, keep the data directories, and restore a backup into a new instance."
        }
        ConditionKind::MembersKnown => {
            "Somebody added a member by hand. Remove it with `cetcd ctl ID -- member remove MEMBER`; until then no other is added."
        }
        ConditionKind::QuotaLeft => {
            "Delete keys and let automatic compaction run; at the whole quota nothing can be written. A larger DiskSize means a larger quota."
        }
        ConditionKind::Fragmentation => {
            "Members are defragmented one by one in the maintenance window (`maintenance.window`), while all is well."
        }
        ConditionKind::BackupsRecent => {
            "Look at the failures that `cetcd snapshot list` shows: the object storage has to be reachable and have space, and a member has to serve."
        }
        ConditionKind::MonitoringServed => {
            "A Prometheus that ended is started again; read log/prometheus.log in its folder under runtime/prometheus if it is not. One that runs elsewhere has to include its jobs and be reloaded. `cetcd prometheus attach` and `detach` choose another or none."
        }
        ConditionKind::BackupsProved => {
            "Take another snapshot and see whether it restores. Where it does not either, the members' data is damaged: do not upgrade or shrink the cluster, and look for a corruption alarm."
        }
        ConditionKind::Reconciled => "The last step failed for the reason given; it is tried again.",
        ConditionKind::DiskFast => {
            "Give the members a faster disk, or move what else writes to it: etcd wants 10 ms at the 99th percentile."
        }
        ConditionKind::PeersNear => "Look for a busy or broken network, or a busy processor, between the members.",
        ConditionKind::LeaderStable => {
            "Look for slow disks, a busy processor or a broken network: elections follow from them."
        }
        ConditionKind::MetricsRead => "Read the member's log: its client address does not answer.",
    }
}
