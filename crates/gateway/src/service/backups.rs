//! DescribeEtcdBackups: all that is known of an instance's backups, and of the policies that take them.

use cetcd_api::{
    Error,
    actions::{DescribeEtcdBackups, DescribeEtcdBackupsRequest, DescribeEtcdBackupsResponse},
    structures::{EtcdBackup, EtcdBackupPolicy, EtcdRestoreTransfer, Filter},
};
use cetcd_core::{
    Instance,
    backup::{Origin, Policy, Snapshot},
};
use jiff::Timestamp;

use super::{
    Service, Transferred,
    lookup::{self, time},
};
use crate::{Context, Handler};

/// The length of a page where the request names none, and the longest.
const PAGE: (usize, usize) = (20, 100);

impl Handler<DescribeEtcdBackups> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdBackupsRequest,
    ) -> Result<DescribeEtcdBackupsResponse, Error> {
        let filters = request.filters.unwrap_or_default();
        let mut conditions = Vec::with_capacity(filters.len());
        for (index, filter) in filters.iter().enumerate() {
            conditions.push((attribute(filter, index)?, filter.values.as_slice()));
        }
        let mut found = self.visible_snapshots(context, &request.instance_id)?;
        found.retain(|snapshot| {
            conditions.iter().all(|(attribute, values)| values.iter().any(|value| value == attribute(snapshot)))
        });
        let total_count = found.len() as u64;
        let page = lookup::page(found, request.offset, request.limit, PAGE.0, PAGE.1);
        let backups = page.map(|snapshot| shown(&snapshot, self.transfers.transferred(&snapshot.object))).collect();
        let instance = self.find(context, &request.instance_id);
        let policies = instance.as_ref().map_or_else(Vec::new, |instance| {
            let policies = self.view.policies_of(&instance.id);
            policies.iter().map(|policy| shown_policy(instance, policy, context.now)).collect()
        });
        let restore = instance.as_ref().and_then(|instance| instance.spec.restore.as_ref());
        let restoring = restore.and_then(|restore| {
            let transferred = self.transfers.transferred(&restore.id)?;
            Some(EtcdRestoreTransfer {
                instance_id: restore.source.to_string(),
                snapshot_name: restore.snapshot.clone(),
                transferred_bytes: transferred.bytes,
                expected_bytes: transferred.expected,
            })
        });
        Ok(DescribeEtcdBackupsResponse { backups, total_count, policies, restoring })
    }
}

/// What a filter compares.
fn attribute(filter: &Filter, index: usize) -> Result<fn(&Snapshot) -> &str, Error> {
    match filter.name.as_str() {
        "name" => Ok(|snapshot| snapshot.name.as_str()),
        "state" => Ok(state),
        "policy" => Ok(|snapshot| snapshot.policy().unwrap_or_default()),
        other => Err(Error::wrong_value(other, format_args!("Filters.{index}.Name"))),
    }
}

fn state(snapshot: &Snapshot) -> &str {
    if snapshot.deleting { "deleting" } else { snapshot.state.as_str() }
}

fn shown(snapshot: &Snapshot, transferred: Option<Transferred>) -> EtcdBackup {
    let origin = match snapshot.origin {
        Origin::Manual => "manual",
        Origin::Policy { .. } => "policy",
        Origin::BeforeUpgrade { .. } => "before_upgrade",
        Origin::BeforeRestore { .. } => "before_restore",
    };
    let (contents, drill) = (snapshot.contents.as_ref(), snapshot.drill.as_ref());
    EtcdBackup {
        name: snapshot.name.clone(),
        state: state(snapshot).to_owned(),
        origin: origin.to_owned(),
        policy: snapshot.policy().map(str::to_owned),
        version: contents.map(|contents| contents.version.to_string()),
        revision: contents.map(|contents| contents.revision),
        keys: contents.map(|contents| contents.keys),
        size: contents.map(|contents| contents.bytes),
        stored_size: contents.map(|contents| contents.stored_bytes),
        sha256: contents.map(|contents| contents.sha256.clone()),
        transferred_bytes: transferred.map(|transferred| transferred.bytes),
        expected_bytes: transferred.and_then(|transferred| transferred.expected),
        requested_at: time(snapshot.requested_at),
        started_at: snapshot.started_at.map(time),
        ended_at: snapshot.ended_at.map(time),
        shared_with: snapshot.shared_with.iter().cloned().collect(),
        attempts: snapshot.attempts.into(),
        failed_msg: snapshot.message.clone(),
        proof_state: match drill {
            None => "none",
            Some(drill) if drill.passed => "passed",
            Some(_) => "failed",
        }
        .to_owned(),
        proved_at: drill.map(|drill| time(drill.at)),
        proof_millis: drill.map(|drill| drill.millis),
        proof_msg: drill.map(|drill| drill.message.clone()).unwrap_or_default(),
    }
}

fn shown_policy(instance: &Instance, policy: &Policy, now: Timestamp) -> EtcdBackupPolicy {
    EtcdBackupPolicy {
        name: policy.name.clone(),
        backup_interval: policy.settings.interval_seconds,
        max_backup_count: policy.settings.max_count.into(),
        keep_hourly: policy.tiers.hourly.into(),
        keep_daily: policy.tiers.daily.into(),
        keep_weekly: policy.tiers.weekly.into(),
        prove_every: policy.drill_every.into(),
        last_slot: policy.last_slot.map(time),
        next_slot: time(policy.next_slot(&instance.id, instance.created_at, now)),
    }
}
