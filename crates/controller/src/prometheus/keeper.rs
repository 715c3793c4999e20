//! The keeper of one Prometheus: looks, records what it saw, and sees to it that it is as wanted.

use std::{collections::BTreeSet, net::SocketAddr};

use cetcd_core::{
    PrometheusId,
    prometheus::{Prometheus, PrometheusPhase, PrometheusStatus, Scraped},
};
use cetcd_prometheus::{Look, Ours, Wanted};
use cetcd_store::{
    Compare, Txn,
    records::{self, ADDRESSES, PrometheusSecrets, Record},
};
use jiff::Timestamp;

use super::{PrometheusWorld, jobs::jobs};
use crate::{Result, act::settled};

/// How long a token and a password are that are drawn: 165 bits.
const DRAWN: usize = 32;

/// How a turn ended: when to take the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Something was done: look again at once.
    Acted,
    /// Something is waited for.
    Waiting,
    /// All is as wanted.
    Settled,
    /// It is no more.
    Gone,
}

/// Keeps one Prometheus, ours or one that runs elsewhere. It holds nothing that it could not lose.
pub struct PrometheusKeeper {
    world: PrometheusWorld,
    id: PrometheusId,
    /// Why it could not be seen to in the last turn.
    failure: Option<String>,
}

impl PrometheusKeeper {
    /// A keeper of the Prometheus `id`.
    pub fn new(world: PrometheusWorld, id: PrometheusId) -> Self {
        Self { world, id, failure: None }
    }

    /// The Prometheus that it keeps.
    pub fn id(&self) -> &PrometheusId {
        &self.id
    }

    /// Looks, records, and sees to it.
    pub async fn turn(&mut self) -> Result<Kept> {
        let store = self.world.store.as_ref();
        let record: Option<Record<Prometheus>> = records::get(store, &records::prometheus_key(&self.id)).await?;
        let status: Option<Record<PrometheusStatus>> =
            records::get(store, &records::prometheus_status_key(&self.id)).await?;
        if record.is_none() && !self.world.watchers.external().contains(&self.id) {
            return self.forget(status.as_ref(), None).await;
        }
        if let Some(record) = record.as_ref().filter(|record| record.value.deleting) {
            self.world.watchers.remove(&self.id).await?;
            return self.forget(status.as_ref(), Some(record)).await;
        }
        let now = self.world.clock.now();
        let status = status.unwrap_or_else(|| Record { value: PrometheusStatus::new(now), revision: 0 });
        let Some(secrets) = records::prometheus_secrets(store, &self.world.sealer, &self.id).await? else {
            return self.draw_secrets(record.as_ref()).await;
        };
        let ours = match &record {
            None => None,
            Some(record) => match ours(&record.value, &status.value, &secrets) {
                Some(ours) => Some(ours),
                None => return self.place(record, &status).await,
            },
        };
        let look = self.world.watchers.look(&self.id, ours.as_ref()).await;
        let next = next_status(&status.value, &look, self.failure.as_deref(), ours.is_some(), now);
        if next != status.value || status.revision == 0 {
            let txn = Txn::new()
                .when(Compare::mod_revision(records::prometheus_status_key(&self.id), status.revision))
                .then(records::put_prometheus_status(&self.id, &next));
            let txn = match &record {
                Some(record) => txn.when(Compare::mod_revision(records::prometheus_key(&self.id), record.revision)),
                None => txn,
            };
            settled(store.txn(txn).await?.succeeded, "the status of a Prometheus")?;
        }
        let jobs = jobs(&self.world, &self.id, record.as_ref().map(|record| &record.value)).await?;
        let named: BTreeSet<_> = jobs.iter().map(|job| job.instance.clone()).collect();
        let wanted = Wanted { id: self.id.clone(), token: secrets.token.clone(), jobs, ours };
        match self.world.watchers.ensure(&wanted).await {
            Ok(changed) => {
                self.failure = None;
                // What was changed is recorded by the next look.
                if changed || named != look.jobs {
                    return Ok(Kept::Acted);
                }
                let whole = next.serves() && next.attached.values().all(Scraped::is_whole);
                Ok(if whole { Kept::Settled } else { Kept::Waiting })
            }
            Err(error) => {
                if self.failure.is_none() {
                    tracing::warn!(prometheus = %self.id, %error, "it cannot be set up; it is tried again");
                }
                self.failure = Some(error.to_string());
                Ok(Kept::Waiting)
            }
        }
    }

    /// Removes every record of it and frees its addresses, once nothing of it runs.
    async fn forget(
        &self,
        status: Option<&Record<PrometheusStatus>>,
        record: Option<&Record<Prometheus>>,
    ) -> Result<Kept> {
        let key = records::prometheus_key(&self.id);
        let mut txn = Txn::new()
            .when(Compare::mod_revision(key.clone(), record.map_or(0, |record| record.revision)))
            .delete(key)
            .delete(records::prometheus_status_key(&self.id))
            .delete(records::prometheus_secrets_key(&self.id));
        let addresses = status.into_iter().flat_map(|status| [status.value.address, status.value.grafana]);
        for address in addresses.flatten() {
            txn = txn.delete(records::address_key(&address));
        }
        settled(self.world.store.txn(txn).await?.succeeded, "a Prometheus")?;
        if record.is_some() {
            tracing::info!(prometheus = %self.id, "removed");
        }
        Ok(Kept::Gone)
    }

    /// One that runs elsewhere has a token alone; of ours it is only for a record whose secrets were lost.
    async fn draw_secrets(&self, record: Option<&Record<Prometheus>>) -> Result<Kept> {
        let draw = || self.world.entropy.lowercase_alphanumeric(DRAWN);
        let password = if record.is_some() { draw() } else { String::new() };
        let grafana_password = if record.is_some() { draw() } else { String::new() };
        let secrets = PrometheusSecrets { password, token: draw(), grafana_password };
        let key = records::prometheus_secrets_key(&self.id);
        let txn = Txn::new()
            .when(Compare::absent(key))
            .when(Compare::mod_revision(records::prometheus_key(&self.id), record.map_or(0, |record| record.revision)))
            .then(records::put_prometheus_secrets(&self.world.sealer, &self.id, &secrets));
        settled(self.world.store.txn(txn).await?.succeeded, "the secrets of a Prometheus")?;
        Ok(Kept::Acted)
    }

    /// Reserves its addresses, which something else may take first: then the next turn tries again.
    async fn place(&self, record: &Record<Prometheus>, status: &Record<PrometheusStatus>) -> Result<Kept> {
        let store = self.world.store.as_ref();
        let range = store.range(ADDRESSES).await?;
        let taken: BTreeSet<SocketAddr> =
            range.entries.iter().filter_map(|entry| entry.key.strip_prefix(ADDRESSES)?.parse().ok()).collect();
        let place = self.world.runtime.propose(&record.value.subnet_id, &taken).await?;
        let [address, grafana] = self.world.watchers.addresses(place);
        let next = PrometheusStatus { address: Some(address), grafana: Some(grafana), ..status.value.clone() };
        let mut txn = Txn::new()
            .when(Compare::mod_revision(records::prometheus_key(&self.id), record.revision))
            .when(Compare::mod_revision(records::prometheus_status_key(&self.id), status.revision))
            .then(records::put_prometheus_status(&self.id, &next));
        for address in [address, grafana] {
            let key = records::address_key(&address);
            txn = txn.when(Compare::absent(key.clone())).put(key, self.id.as_str().as_bytes().to_vec());
        }
        settled(store.txn(txn).await?.succeeded, "an address of a Prometheus")?;
        Ok(Kept::Acted)
    }
}

fn ours(record: &Prometheus, status: &PrometheusStatus, secrets: &PrometheusSecrets) -> Option<Ours> {
    Some(Ours {
        listen: status.address?,
        password: secrets.password.clone(),
        retention_days: record.retention_days,
        grafana: status.grafana?,
        grafana_user: record.grafana_user.clone(),
        grafana_password: secrets.grafana_password.clone(),
    })
}

/// What follows from a look. What one that does not serve reads is not known: it stays as it was.
fn next_status(
    before: &PrometheusStatus,
    look: &Look,
    failure: Option<&str>,
    ours: bool,
    now: Timestamp,
) -> PrometheusStatus {
    let phase = match &look.problem {
        None => PrometheusPhase::Running,
        Some(_) if ours && before.phase == PrometheusPhase::Creating => PrometheusPhase::Creating,
        Some(_) => PrometheusPhase::Abnormal,
    };
    let reason = look.problem.as_deref().map(|problem| failure.unwrap_or(problem)).unwrap_or_default();
    let scraped = |instance| {
        let before = before.attached.get(instance);
        if look.problem.is_some()
            && let Some(before) = before
        {
            return before.clone();
        }
        let targets = look.targets.get(instance).map_or(&[][..], Vec::as_slice);
        let (members, up, mut reason) = Look::counts(targets);
        if members == 0 {
            let why =
                if ours { "it was told of no members yet" } else { "its configuration does not include its jobs" };
            why.clone_into(&mut reason);
        }
        let same = before.filter(|before| (before.members, before.up) == (members, up));
        Scraped { members, up, reason, since: same.map_or(now, |before| before.since) }
    };
    PrometheusStatus {
        phase,
        reason: reason.to_owned(),
        since: if before.phase == phase { before.since } else { now },
        address: before.address,
        grafana: before.grafana,
        attached: look.jobs.iter().map(|instance| (instance.clone(), scraped(instance))).collect(),
    }
}
