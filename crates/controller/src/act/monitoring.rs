//! Seeing to it that somebody watches the instance: that its metrics can be read, and that the Prometheus which is
//! wanted reads them.

use std::{collections::BTreeSet, sync::Arc};

use cetcd_core::{
    Instance, PrometheusId, Status,
    prometheus::{Prometheus, PrometheusStatus, Watched, wanted_by, watched},
};
use cetcd_store::records::{self, Record};
use futures::future::try_join_all;

use super::{Subject, required, write_status};
use crate::{Error, Result, World, observe::target};

/// The series that every etcd since 3.1 exposes, whatever it does.
const PROOF_OF_ETCD: &str = "etcd_server_has_leader";

/// Reads every member's metrics, unless that was done, and sees the Prometheus that is wanted read them, and the one
/// before no longer. Setting them up is the part of their own keepers: here it is only waited for.
pub(super) async fn start(world: &World, subject: &Subject<'_>) -> Result<()> {
    let (instance, now) = (&subject.instance.value, world.clock.now());
    let mut status = subject.status.value.clone();
    if status.monitored_at.is_none() {
        prove(world, subject).await?;
        status.monitored_at = Some(now);
    }
    let wanted = wanted_by(instance);
    if let Some(before) = status.monitored_by.as_deref().filter(|before| Some(*before) != wanted)
        && attached(world, instance, before).await?
    {
        return Err(Error::NotYetWatched { reason: format!("{before} still scrapes it") });
    }
    if let Some(id) = wanted {
        be_watched(world, instance, &status, id).await?;
    }
    status.monitored_by = wanted.map(str::to_owned);
    write_status(world, subject, &status).await
}

async fn prove(world: &World, subject: &Subject<'_>) -> Result<()> {
    let instance = &subject.instance.value;
    let certificates = subject.certificates.map(Arc::as_ref);
    try_join_all(subject.status.value.members.iter().map(|member| async move {
        let name = instance.id.member_name(member.ordinal);
        let target = required(target(instance, member.client, certificates), "the certificates")?;
        let text = world.admin.metrics(&target).await?;
        if text.contains(PROOF_OF_ETCD) { Ok(()) } else { Err(Error::Metrics { member: name, metric: PROOF_OF_ETCD }) }
    }))
    .await?;
    Ok(())
}

async fn be_watched(world: &World, instance: &Instance, status: &Status, id: &str) -> Result<()> {
    let soon = || Error::NotYetWatched { reason: format!("{id} does not read every member yet") };
    let seen = match seen(world, id).await? {
        Seen::Status(seen) => seen,
        Seen::Unseen => return Err(soon()),
        // One that is not there is not waited for: it is accepted only where it is, so it went since, or an earlier
        // release took it without asking. A condition goes on telling of it.
        Seen::Absent => return Ok(()),
    };
    match watched(id, &seen, &instance.id, status.members.len(), world.clock.now()) {
        Watched::Whole => Ok(()),
        Watched::Soon => Err(soon()),
        Watched::Failing(reason) => Err(Error::NotWatched { reason }),
    }
}

/// Refused while a Prometheus of ours still has the certificates of an instance that is to be forgotten.
pub(super) async fn let_go(world: &World, subject: &Subject<'_>) -> Result<()> {
    let (instance, status) = (&subject.instance.value, &subject.status.value);
    let all: BTreeSet<&str> = wanted_by(instance).into_iter().chain(status.monitored_by.as_deref()).collect();
    for id in all {
        if is_ours(world, id).await? && attached(world, instance, id).await? {
            return Err(Error::NotYetWatched { reason: format!("{id} still scrapes it") });
        }
    }
    Ok(())
}

async fn attached(world: &World, instance: &Instance, id: &str) -> Result<bool> {
    let seen = seen(world, id).await?;
    Ok(matches!(seen, Seen::Status(seen) if seen.attached.contains_key(&instance.id)))
}

async fn is_ours(world: &World, id: &str) -> Result<bool> {
    let Some(id) = PrometheusId::parse(id) else { return Ok(false) };
    let record: Option<Record<Prometheus>> = records::get(world.store.as_ref(), &records::prometheus_key(&id)).await?;
    Ok(record.is_some())
}

/// What is recorded of a Prometheus.
enum Seen {
    /// There is no such.
    Absent,
    /// It was never looked at.
    Unseen,
    /// What was last seen.
    Status(PrometheusStatus),
}

async fn seen(world: &World, id: &str) -> Result<Seen> {
    let Some(parsed) = PrometheusId::parse(id) else { return Ok(Seen::Absent) };
    let key = records::prometheus_status_key(&parsed);
    let status: Option<Record<PrometheusStatus>> = records::get(world.store.as_ref(), &key).await?;
    match status {
        Some(status) => Ok(Seen::Status(status.value)),
        None if is_ours(world, id).await? => Ok(Seen::Unseen),
        None => Ok(Seen::Absent),
    }
}
