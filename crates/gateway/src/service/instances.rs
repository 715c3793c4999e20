//! DescribeEtcdInstances. Clients poll it: everything comes out of memory, and only the page is rendered.

use std::sync::Arc;

use cetcd_api::{
    Error,
    actions::{DescribeEtcdInstances, DescribeEtcdInstancesRequest, DescribeEtcdInstancesResponse},
    structures::{Etcd, EtcdMember, Filter},
};
use cetcd_core::{Instance, InstanceId, Status, status::MemberRecord, task::TaskKind};

use super::{Service, lookup};
use crate::{Context, Handler};

/// The length of a page where the request names none.
const DEFAULT_PAGE: usize = 20;

/// The longest page.
const LONGEST_PAGE: usize = 50;

type Found = (Arc<Instance>, Option<Arc<Status>>);

impl Handler<DescribeEtcdInstances> for Service {
    /// Oldest first. IDs that are unknown, another's or no IDs at all are left out of the answer.
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdInstancesRequest,
    ) -> Result<DescribeEtcdInstancesResponse, Error> {
        // An empty list cannot be told from none in a query string, so it is none everywhere.
        let ids = request.instance_ids.unwrap_or_default();
        let filters = request.filters.unwrap_or_default();
        let found = match (ids.is_empty(), filters.is_empty()) {
            (false, false) => return Err(Error::mutually_exclusive("InstanceIds", "Filters")),
            (false, true) => self.by_ids(context, &ids),
            (true, _) => {
                let filters = Conditions::read(&filters)?;
                let mut found = self.view.instances_of(&context.account, &context.region);
                found.retain(|(instance, _)| filters.hold_for(instance));
                found
            }
        };
        let total_count = found.len() as u64;
        let page = lookup::page(found, request.offset, request.limit, DEFAULT_PAGE, LONGEST_PAGE);
        let etcds = page.map(|(instance, status)| {
            // The look through the tasks is for those only that have not converged.
            let converged = status.as_ref().is_some_and(|status| status.observed_generation >= instance.generation);
            let changing = if converged { None } else { self.changing_task(&instance.id) };
            shown(&instance, status.as_deref(), changing.map(|task| task.kind))
        });
        let etcds = etcds.collect();
        Ok(DescribeEtcdInstancesResponse { etcds: Some(etcds), total_count })
    }
}

impl Service {
    fn by_ids(&self, context: &Context, ids: &[String]) -> Vec<Found> {
        let mut found: Vec<Found> = ids
            .iter()
            .filter_map(|id| self.find(context, id))
            .map(|instance| {
                let status = self.view.status(&instance.id);
                (instance, status)
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| a.created_at.cmp(&b.created_at).then_with(|| a.id.cmp(&b.id)));
        // An ID that was asked for twice is side by side now.
        found.dedup_by(|(a, _), (b, _)| a.id == b.id);
        found
    }
}

/// The filters of a request: all must hold, each by any of its values.
#[derive(Default)]
struct Conditions<'a>(Vec<(Attribute, &'a [String])>);

enum Attribute {
    Vpc,
    Id,
}

impl<'a> Conditions<'a> {
    fn read(filters: &'a [Filter]) -> Result<Self, Error> {
        let mut conditions = Vec::with_capacity(filters.len());
        for (index, filter) in filters.iter().enumerate() {
            let attribute = match filter.name.as_str() {
                "vpc-id" => Attribute::Vpc,
                "instance-id" => Attribute::Id,
                other => return Err(Error::wrong_value(other, format_args!("Filters.{index}.Name"))),
            };
            conditions.push((attribute, filter.values.as_slice()));
        }
        Ok(Self(conditions))
    }

    fn hold_for(&self, instance: &Instance) -> bool {
        self.0.iter().all(|(attribute, values)| {
            let value = match attribute {
                Attribute::Vpc => instance.spec.vpc_id.as_str(),
                Attribute::Id => instance.id.as_str(),
            };
            values.iter().any(|wanted| wanted == value)
        })
    }
}

fn shown(instance: &Instance, status: Option<&Status>, changing: Option<TaskKind>) -> Etcd {
    let spec = &instance.spec;
    // What members went back to, where an upgrade failed.
    let version = status.map_or(&spec.version, |status| status.version(spec)).to_string();
    let members = status.map_or_else(Vec::new, |status| {
        status.members.iter().map(|member| shown_member(&instance.id, member, &version)).collect()
    });
    Etcd {
        instance_id: instance.id.as_str().to_owned(),
        name: spec.name.clone(),
        description: Some(spec.description.clone()),
        vpc_id: spec.vpc_id.clone(),
        status: lookup::phase(instance, status, changing).as_str().to_owned(),
        members: Some(members),
        endpoint: status.and_then(|status| lookup::endpoint(instance, status)),
        deletion_protection: Some(spec.deletion_protection),
        version,
    }
}

/// A member that was not seen yet is shown with the version that it is to run.
fn shown_member(id: &InstanceId, member: &MemberRecord, wanted: &str) -> EtcdMember {
    let version = match member.version.as_deref() {
        Some(seen) if seen.starts_with('v') => seen.to_owned(),
        Some(seen) => format!("v{seen}"),
        None => wanted.to_owned(),
    };
    EtcdMember {
        name: id.member_name(member.ordinal),
        version,
        zone: member.zone.clone(),
        status: member.phase.as_str().to_owned(),
    }
}
