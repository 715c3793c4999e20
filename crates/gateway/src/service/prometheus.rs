//! Prometheus instances: which there are, which of them an instance is watched by, and their deletion.

use std::{collections::BTreeMap, sync::Arc};

use cetcd_api::{
    Code, Error,
    actions::{
        DeleteEtcdPrometheus, DeleteEtcdPrometheusRequest, DeleteEtcdPrometheusResponse, DescribeEtcdPrometheus,
        DescribeEtcdPrometheusAccess, DescribeEtcdPrometheusAccessRequest, DescribeEtcdPrometheusAccessResponse,
        DescribeEtcdPrometheusRequest, DescribeEtcdPrometheusResponse,
    },
    structures::{EtcdPrometheus, EtcdPrometheusWatched},
};
use cetcd_core::{
    Instance, PrometheusId,
    prometheus::{Prometheus, PrometheusPhase, PrometheusStatus},
};
use cetcd_store::{
    Compare, Txn,
    records::{self, Record},
};

use super::{
    Service,
    commit::{ATTEMPTS, store_error},
};
use crate::{Context, Handler};

/// The one user of every Prometheus of ours.
const USER: &str = "cetcd";

/// What there is of Prometheus instances beside the records of those that the API made.
#[derive(Debug, Clone, Default)]
pub struct PrometheusCatalogue {
    /// Whether there is a binary to run new ones with.
    pub can_run: bool,
    /// Whether a Grafana is run beside each.
    pub grafana: bool,
    /// Those that run elsewhere, by ID, with the URL of each.
    pub external: BTreeMap<PrometheusId, String>,
}

impl Handler<DescribeEtcdPrometheus> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdPrometheusRequest,
    ) -> Result<DescribeEtcdPrometheusResponse, Error> {
        let asked = request.prometheus_ids.filter(|ids| !ids.is_empty());
        let wanted = |id: &PrometheusId| asked.as_ref().is_none_or(|ids| ids.iter().any(|asked| asked == id.as_str()));
        let mut all = BTreeMap::new();
        for record in self.view.prometheus() {
            if is_callers(context, &record) && wanted(&record.id) {
                all.insert(record.id.clone(), self.shown(context, &record.id, Some(&record)));
            }
        }
        for id in self.prometheus.external.keys().filter(|id| wanted(id)) {
            all.insert(id.clone(), self.shown(context, id, None));
        }
        Ok(DescribeEtcdPrometheusResponse { prometheus: Some(all.into_values().collect()) })
    }
}

impl Handler<DescribeEtcdPrometheusAccess> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdPrometheusAccessRequest,
    ) -> Result<DescribeEtcdPrometheusAccessResponse, Error> {
        let record = self.prometheus_of(context, &request.prometheus_id).await?.value;
        let status = self.view.prometheus_status(&record.id);
        let address = status.as_ref().and_then(|status| status.address);
        let secrets = records::prometheus_secrets(self.store.as_ref(), &self.sealer, &record.id).await;
        let secrets = secrets.map_err(|error| store_error("read the secrets of a Prometheus", &error))?;
        let (Some(address), Some(secrets)) = (address, secrets) else {
            return Err(Error::new(
                Code::ResourceUnavailable,
                format!("The Prometheus instance `{}` is being created. Try again.", record.id),
                format!("Prometheus 实例 `{}` 正在创建，请重试。", record.id),
            ));
        };
        Ok(DescribeEtcdPrometheusAccessResponse {
            url: format!("http://{address}"),
            user: USER.to_owned(),
            password: secrets.password,
            grafana_url: self.grafana_url(status.as_deref()),
            grafana_user_name: record.grafana_user,
        })
    }
}

impl Handler<DeleteEtcdPrometheus> for Service {
    /// What chooses a Prometheus moves its record too: an instance that comes meanwhile makes this try again.
    async fn handle(
        &self,
        context: &Context,
        request: DeleteEtcdPrometheusRequest,
    ) -> Result<DeleteEtcdPrometheusResponse, Error> {
        for _ in 0..ATTEMPTS {
            let Record { value: mut record, revision } = self.prometheus_of(context, &request.prometheus_id).await?;
            if record.deleting {
                return Ok(DeleteEtcdPrometheusResponse {});
            }
            self.require_view(revision).await?;
            let watched = self.view.watched_by(&record.id);
            if let Some((first, _)) = watched.first() {
                return Err(in_use(&record.id, &first.id, watched.len()));
            }
            record.deleting = true;
            let txn = Txn::new()
                .when(Compare::mod_revision(records::prometheus_key(&record.id), revision))
                .then(records::put_prometheus(&record));
            if self.commit(txn).await? {
                return Ok(DeleteEtcdPrometheusResponse {});
            }
        }
        Err(Error::of(Code::ResourceInUse))
    }
}

impl Service {
    /// The Prometheus of ours with that ID as it is in the store at this moment, where it is the caller's.
    pub(super) async fn prometheus_of(&self, context: &Context, id: &str) -> Result<Record<Prometheus>, Error> {
        let parsed = PrometheusId::parse(id).ok_or_else(|| not_found(id))?;
        if self.prometheus.external.contains_key(&parsed) {
            return Err(runs_elsewhere(&parsed));
        }
        records::get::<Prometheus>(self.store.as_ref(), &records::prometheus_key(&parsed))
            .await
            .map_err(|error| store_error("read a Prometheus", &error))?
            .filter(|record| is_callers(context, &record.value))
            .ok_or_else(|| not_found(id))
    }

    fn shown(&self, context: &Context, id: &PrometheusId, record: Option<&Arc<Prometheus>>) -> EtcdPrometheus {
        let status = self.view.prometheus_status(id);
        let status = status.as_deref();
        let phase = match status {
            _ if record.is_some_and(|record| record.deleting) => PrometheusPhase::Deleting,
            Some(status) => status.phase,
            None => PrometheusPhase::Creating,
        };
        let watched = self.view.watched_by(id).into_iter().map(|(instance, _)| instance);
        // One that runs elsewhere may watch other people's too.
        let watched = watched
            .filter(|instance| instance.account == *context.account && instance.region == *context.region)
            .map(|instance| watched_as(status, &instance));
        EtcdPrometheus {
            prometheus_id: id.to_string(),
            status: phase.as_str().to_owned(),
            reason: status.map(|status| status.reason.clone()).unwrap_or_default(),
            url: match self.prometheus.external.get(id) {
                Some(url) => Some(url.clone()),
                None => status.and_then(|status| status.address).map(|address| format!("http://{address}")),
            },
            grafana_url: record.and_then(|_| self.grafana_url(status)),
            subnet_id: record.map(|record| record.subnet_id.clone()),
            data_retention: record.map(|record| record.retention_days.into()),
            external: record.is_none(),
            watched: Some(watched.collect()),
        }
    }

    fn grafana_url(&self, status: Option<&PrometheusStatus>) -> Option<String> {
        let address = status.and_then(|status| status.grafana).filter(|_| self.prometheus.grafana)?;
        Some(format!("http://{address}"))
    }
}

fn watched_as(status: Option<&PrometheusStatus>, instance: &Instance) -> EtcdPrometheusWatched {
    let scraped = status.and_then(|status| status.attached.get(&instance.id));
    EtcdPrometheusWatched {
        instance_id: instance.id.to_string(),
        members: scraped.map_or(0, |scraped| scraped.members.into()),
        read: scraped.map_or(0, |scraped| scraped.up.into()),
        reason: scraped.map_or_else(|| "it is not set up yet".to_owned(), |scraped| scraped.reason.clone()),
    }
}

pub(super) fn is_callers(context: &Context, record: &Prometheus) -> bool {
    record.account == *context.account && record.region == *context.region
}

fn not_found(id: &str) -> Error {
    let named = PrometheusId::parse(id).map_or_else(String::new, |id| format!(" `{id}`"));
    Error::new(
        Code::ResourceNotFound,
        format!("The Prometheus instance{named} does not exist; DescribeEtcdPrometheus lists those there are."),
        format!("Prometheus 实例{named} 不存在，可通过 DescribeEtcdPrometheus 查看。"),
    )
}

fn runs_elsewhere(id: &PrometheusId) -> Error {
    Error::new(
        Code::UnsupportedOperation,
        format!("The Prometheus instance `{id}` runs elsewhere and is its operator's: the service's settings name it."),
        format!("Prometheus 实例 `{id}` 由外部运维，由服务设置指定，不支持该操作。"),
    )
}

fn in_use(id: &PrometheusId, first: &cetcd_core::InstanceId, watched: usize) -> Error {
    let more = if watched > 1 { format!(" and {} more", watched - 1) } else { String::new() };
    let zh = if watched > 1 { format!(" 等 {watched} 个实例") } else { String::new() };
    Error::new(
        Code::OperationDenied,
        format!(
            "The Prometheus instance `{id}` watches `{first}`{more}. Take it from them first, with ModifyEtcdConfiguration: an empty `ExistedPrometheusInstanceId`, or another one."
        ),
        format!(
            "Prometheus 实例 `{id}` 正在监控 `{first}`{zh}，请先通过 ModifyEtcdConfiguration 解除关联（`ExistedPrometheusInstanceId` 传空或其他实例）。"
        ),
    )
}
