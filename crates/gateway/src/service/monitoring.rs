//! Which Prometheus an instance is to be watched by: what a request says of it, and whether that can be.

use cetcd_api::{Code, Error, structures::EtcdMonitorSettings};
use cetcd_core::{PrometheusId, instance::MonitorSettings, network::Vpc, prometheus::Prometheus};
use cetcd_store::{
    Compare, Op,
    records::{self, PrometheusSecrets, Record},
};
use zeroize::Zeroizing;

use super::{Service, commit::store_error, create::settings::check_subnet, prometheus::is_callers};
use crate::Context;

/// How long passwords and tokens are that are drawn: 165 bits.
const DRAWN: usize = 32;

/// What a request says of who is to watch the instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Watch {
    /// Nobody.
    #[default]
    Nobody,
    /// One that exists, by its ID.
    Existing(String),
    /// One that is to be made.
    New(NewPrometheus),
}

/// A Prometheus that is to be made.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct NewPrometheus {
    subnet_id: String,
    retention_days: u32,
    grafana_user: String,
    grafana_password: Zeroizing<String>,
}

impl std::fmt::Debug for NewPrometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPrometheus").field("subnet_id", &self.subnet_id).finish_non_exhaustive()
    }
}

/// What is written with an instance, and under which further conditions.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// They hold, or nothing is written.
    pub when: Vec<Compare>,
    /// Written in the same transaction.
    pub then: Vec<Op>,
}

/// What settings ask for; `None` where they say nothing.
pub(super) fn watch(settings: EtcdMonitorSettings, vpc: Option<&Vpc>) -> Result<Option<Watch>, Error> {
    match (settings.prometheus_creation_param, settings.existed_prometheus_instance_id) {
        (None, None) => Ok(None),
        (None, Some(id)) if id.is_empty() => Ok(Some(Watch::Nobody)),
        (None, Some(id)) => Ok(Some(Watch::Existing(id))),
        (Some(_), Some(id)) if !id.is_empty() => Err(Error::new(
            Code::InvalidParameterParam,
            "`PrometheusCreationParam` and `ExistedPrometheusInstanceId` exclude each other: make a Prometheus, or name one.",
            "`PrometheusCreationParam` 与 `ExistedPrometheusInstanceId` 不能同时指定。",
        )),
        (Some(wanted), _) => {
            if let Some(vpc) = vpc {
                check_subnet(vpc, &wanted.subnet_id)?;
            }
            let days = wanted.data_retention;
            let retention_days = u32::try_from(days).map_err(|_| Error::wrong_value(days, "DataRetention"))?;
            Ok(Some(Watch::New(NewPrometheus {
                subnet_id: wanted.subnet_id,
                retention_days,
                grafana_user: wanted.grafana_user_name,
                grafana_password: Zeroizing::new(wanted.grafana_password),
            })))
        }
    }
}

impl Service {
    /// Sees whether that can be, and says what has to be written for it.
    pub(super) async fn choose(
        &self,
        context: &Context,
        watch: &Watch,
    ) -> Result<(Option<MonitorSettings>, Beside), Error> {
        let (id, beside) = match watch {
            Watch::Nobody => return Ok((None, Beside::default())),
            Watch::Existing(id) => self.existing(context, id).await?,
            Watch::New(wanted) => self.make(context, wanted)?,
        };
        Ok((Some(MonitorSettings { prometheus: Some(id.into()) }), beside))
    }

    /// One that is the caller's, or runs elsewhere for all, and serves. That it goes on being there is seen to by
    /// writing its record too: its deletion has to read the instances again then.
    async fn existing(&self, context: &Context, text: &str) -> Result<(PrometheusId, Beside), Error> {
        let unknown = || status_error(text, "it does not exist", "实例不存在");
        let id = PrometheusId::parse(text).ok_or_else(unknown)?;
        let mut beside = Beside::default();
        if !self.prometheus.external.contains_key(&id) {
            let key = records::prometheus_key(&id);
            let record: Option<Record<Prometheus>> = records::get(self.store.as_ref(), &key)
                .await
                .map_err(|error| store_error("read a Prometheus", &error))?;
            let record = record.filter(|record| is_callers(context, &record.value)).ok_or_else(unknown)?;
            if record.value.deleting {
                return Err(status_error(text, "it is being deleted", "实例正在删除"));
            }
            beside.when.push(Compare::mod_revision(key, record.revision));
            beside.then.push(records::put_prometheus(&record.value));
        }
        match self.view.prometheus_status(&id) {
            Some(status) if status.serves() => Ok((id, beside)),
            Some(status) => {
                let (en, zh) = (&status.reason, format!("当前状态为 {}", status.phase.as_str()));
                Err(status_error(text, &format!("it is {} ({en})", status.phase.as_str()), &zh))
            }
            None => Err(status_error(text, "it is being created", "实例正在创建")),
        }
    }

    fn make(&self, context: &Context, wanted: &NewPrometheus) -> Result<(PrometheusId, Beside), Error> {
        if !self.prometheus.can_run {
            return Err(Error::new(
                Code::UnsupportedOperation,
                "The service cannot create a Prometheus instance (`PrometheusCreationParam`): it has no binary to run. Install Debian's package `prometheus`, or set `prometheus.binary` (CETCD_PROMETHEUS_BINARY).",
                "服务未找到 prometheus 程序，不能创建 Prometheus 实例（`PrometheusCreationParam`）。请安装 Debian 软件包 `prometheus`，或设置 `prometheus.binary`（CETCD_PROMETHEUS_BINARY）。",
            ));
        }
        let most = self.limits.instances_per_region;
        let count = self.view.prometheus().iter().filter(|record| is_callers(context, record)).count();
        if count >= most {
            return Err(Error::new(
                Code::ResourceInsufficient,
                format!(
                    "The account has {count} Prometheus instances in the region `{}`, and may have {most}. Name one of them in `ExistedPrometheusInstanceId`, or delete one with DeleteEtcdPrometheus.",
                    context.region
                ),
                format!(
                    "账号在地域 `{}` 已有 {count} 个 Prometheus 实例，上限为 {most}。请在 `ExistedPrometheusInstanceId` 中指定已有实例，或通过 DeleteEtcdPrometheus 删除。",
                    context.region
                ),
            ));
        }
        let draw = || self.entropy.lowercase_alphanumeric(DRAWN);
        let record = Prometheus {
            id: PrometheusId::draw(self.entropy.as_ref()),
            account: context.account.as_ref().to_owned(),
            region: context.region.as_ref().to_owned(),
            created_at: context.now,
            subnet_id: wanted.subnet_id.clone(),
            retention_days: wanted.retention_days,
            grafana_user: wanted.grafana_user.clone(),
            deleting: false,
        };
        let grafana_password = wanted.grafana_password.as_str().to_owned();
        let secrets = PrometheusSecrets { password: draw(), token: draw(), grafana_password };
        let beside = Beside {
            when: vec![Compare::absent(records::prometheus_key(&record.id))],
            then: vec![
                records::put_prometheus(&record),
                records::put_prometheus_secrets(&self.sealer, &record.id, &secrets),
            ],
        };
        Ok((record.id, beside))
    }
}

fn status_error(id: &str, en: &str, zh: &str) -> Error {
    let named = PrometheusId::parse(id).map_or_else(String::new, |id| format!(" `{id}`"));
    Error::new(
        Code::ResourceUnavailablePrometheusStatusError,
        format!("The Prometheus instance{named} cannot be used: {en}. DescribeEtcdPrometheus lists those there are."),
        format!("Prometheus 实例{named} 不可用：{zh}。可通过 DescribeEtcdPrometheus 查看可用实例。"),
    )
}
