//! DescribeEtcdMembers: what members say of themselves, all asked at once.

use cetcd_api::{
    Error,
    actions::{DescribeEtcdMembers, DescribeEtcdMembersRequest, DescribeEtcdMembersResponse},
    structures::EtcdMemberState,
};
use cetcd_core::{Instance, status::MemberRecord};
use futures::future::join_all;

use super::{Service, clusters::Standing};
use crate::{Context, Handler};

impl Handler<DescribeEtcdMembers> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdMembersRequest,
    ) -> Result<DescribeEtcdMembersResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let status = self.view.status(&instance.id);
        let records = status.as_ref().map_or(&[][..], |status| &status.members);
        let standings = join_all(records.iter().map(|member| self.clusters.standing(&instance, member))).await;
        let furthest = standings.iter().flatten().map(applied).max().unwrap_or(0);
        let members = records.iter().zip(standings).map(|(record, standing)| {
            let standing = standing.inspect_err(|reason| {
                tracing::debug!(member = record.ordinal, instance = %instance.id, reason, "a member does not answer");
            });
            shown(&instance, record, standing.ok().as_ref(), furthest)
        });
        Ok(DescribeEtcdMembersResponse { members: Some(members.collect()) })
    }
}

/// How far a member is in the log that all of them share.
fn applied(standing: &Standing) -> u64 {
    standing.applied_index.unwrap_or(standing.raft_index)
}

fn shown(instance: &Instance, record: &MemberRecord, standing: Option<&Standing>, furthest: u64) -> EtcdMemberState {
    let scheme = if instance.spec.security.https { "https" } else { "http" };
    let role = |standing: &Standing| match (standing.leads, standing.learner) {
        (true, _) => "Leader",
        (false, true) => "Learner",
        (false, false) => "Voter",
    };
    EtcdMemberState {
        name: instance.id.member_name(record.ordinal),
        zone: record.zone.clone(),
        status: record.phase.as_str().to_owned(),
        endpoint: format!("{scheme}://{}", record.client),
        role: standing.map(|standing| role(standing).to_owned()),
        version: standing.map(|standing| format!("v{}", standing.version)),
        raft_term: standing.map(|standing| standing.raft_term),
        raft_index: standing.map(|standing| standing.raft_index),
        lag: standing.map(|standing| furthest.saturating_sub(applied(standing))),
        revision: standing.map(|standing| standing.revision),
        database_size: standing.map(|standing| standing.database_bytes),
        database_in_use: standing.and_then(|standing| standing.database_bytes_in_use),
    }
}
