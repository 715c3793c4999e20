//! What a Prometheus is to scrape, and what it shows to be let in.

use std::sync::Arc;

use cetcd_core::{
    Instance, PrometheusId,
    certificates::{Holder, Leaf},
    member::KeyPair,
    prometheus::Prometheus,
};
use cetcd_prometheus::{Job, JobTls};
use cetcd_store::{
    Compare, Txn,
    records::{self, PrometheusClient, StoredPair},
};

use super::PrometheusWorld;
use crate::{Names, Request, Result};

/// The user that a Prometheus is to members: nobody, where etcd's authentication is on. Metrics take none.
const COMMON_NAME: &str = "cetcd-prometheus";

/// A job for each instance that `id` is to watch, as far as members can be asked yet.
pub(super) async fn jobs(world: &PrometheusWorld, id: &PrometheusId, owner: Option<&Prometheus>) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for (instance, _) in world.view.watched_by(id) {
        // Nobody's Prometheus gets another's certificates, whatever is recorded.
        if owner.is_some_and(|owner| (&owner.account, &owner.region) != (&instance.account, &instance.region)) {
            continue;
        }
        if let Some(job) = job(world, &instance).await? {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

/// `None` while it takes certificates that are not made yet.
async fn job(world: &PrometheusWorld, instance: &Arc<Instance>) -> Result<Option<Job>> {
    let id = instance.id.clone();
    if !instance.spec.security.https {
        return Ok(Some(Job { instance: id, tls: None }));
    }
    let Some(all) = records::certificates(world.store.as_ref(), &world.sealer, &id).await? else { return Ok(None) };
    let Some(client) = client(world, instance, &all.authority).await? else { return Ok(None) };
    Ok(Some(Job { instance: id, tls: Some(JobTls { ca: all.trusted(), client: KeyPair::from(&client) }) }))
}

/// The certificate that it shows to the instance's members: the one in the store, unless that is of another CA or due
/// to be replaced. Not the owner's: who reads metrics need not be root.
async fn client(world: &PrometheusWorld, instance: &Instance, authority: &StoredPair) -> Result<Option<StoredPair>> {
    let store = world.store.as_ref();
    let present = records::prometheus_client(store, &world.sealer, &instance.id).await?;
    let now = world.clock.now();
    if let Some(present) = present {
        let limit = world.issuer.read(&authority.cert)?.validity.until;
        let validity = world.issuer.read(&present.pair.cert)?.validity;
        let leaf = Leaf { holder: Holder::Client, validity, limit, named: present.issued_by == authority.cert };
        if !leaf.is_due(now) {
            return Ok(Some(present.pair));
        }
    }
    let request =
        Request { holder: Holder::Client, common_name: Some(COMMON_NAME.to_owned()), names: Names::default() };
    let pair = world.issuer.leaf(authority, &request, None, now)?;
    let made = PrometheusClient { issued_by: authority.cert.clone(), pair };
    // The instance must still be there: a secret written after its deletion would stay for ever.
    let txn = Txn::new()
        .when(Compare::present(records::instance_key(&instance.id)))
        .then(records::put_prometheus_client(&world.sealer, &instance.id, &made));
    Ok(store.txn(txn).await?.succeeded.then_some(made.pair))
}
