//! EnableEtcdInternet, DisableEtcdInternet and DescribeEtcdInternet: reaching an instance from outside.

use std::net::IpAddr;

use cetcd_api::{
    Code, Error,
    actions::{
        DescribeEtcdInternet, DescribeEtcdInternetRequest, DescribeEtcdInternetResponse, DisableEtcdInternet,
        DisableEtcdInternetRequest, DisableEtcdInternetResponse, EnableEtcdInternet, EnableEtcdInternetRequest,
        EnableEtcdInternetResponse,
    },
};
use cetcd_core::{
    InstanceId,
    condition::ConditionKind,
    internet::{Internet, is_guarded},
    task::TaskKind,
};
use ipnet::IpNet;

use super::{
    Service,
    commit::{ATTEMPTS, contended},
    converge::{Overtakes, With},
};
use crate::{Context, Handler};

/// What the step under way of a task says that closing the address ended.
const OVERTAKEN: &str = "the public address could not be opened, and is not wanted any more";

impl Handler<EnableEtcdInternet> for Service {
    /// The same networks again are no change.
    async fn handle(
        &self,
        context: &Context,
        request: EnableEtcdInternetRequest,
    ) -> Result<EnableEtcdInternetResponse, Error> {
        self.visible(context, &request.instance_id)?;
        let wanted = Internet { allowed: networks(&request.allowed_networks)? };
        self.converge(context, &request.instance_id, TaskKind::EnableInternet, |instance| {
            if instance.spec.internet.as_ref() == Some(&wanted) {
                return Ok(());
            }
            if self.limits.public_ports == 0 {
                return Err(not_configured());
            }
            if !is_guarded(instance.spec.security, instance.spec.auth) {
                return Err(unguarded(&instance.id));
            }
            if instance.spec.internet.is_none() && self.open_instances(&instance.id) >= self.limits.public_ports {
                return Err(no_port_left(self.limits.public_ports));
            }
            instance.spec.internet = Some(wanted.clone());
            Ok(())
        })
        .await?;
        Ok(EnableEtcdInternetResponse {})
    }
}

impl Handler<DisableEtcdInternet> for Service {
    /// Does not wait for a task that opens the address and cannot: it takes that one's place.
    async fn handle(
        &self,
        context: &Context,
        request: DisableEtcdInternetRequest,
    ) -> Result<DisableEtcdInternetResponse, Error> {
        let id = &request.instance_id;
        for _ in 0..ATTEMPTS {
            let overtakes = Overtakes { kind: TaskKind::EnableInternet, why: OVERTAKEN };
            let close = |instance: &mut cetcd_core::Instance| {
                instance.spec.internet = None;
                Ok(())
            };
            let with = With { overtakes: Some(overtakes), ..With::default() };
            if self.try_converge(context, id, TaskKind::DisableInternet, close, with).await? {
                return Ok(DisableEtcdInternetResponse {});
            }
        }
        Err(contended(id))
    }
}

impl Handler<DescribeEtcdInternet> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdInternetRequest,
    ) -> Result<DescribeEtcdInternetResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        let status = self.view.status(&instance.id);
        let wanted = instance.spec.internet.as_ref();
        let serving = status.as_ref().and_then(|status| {
            status.conditions.iter().find(|condition| condition.kind == ConditionKind::PublicAddressServing)
        });
        let address = status.as_ref().and_then(|status| status.public.as_ref()).filter(|_| wanted.is_some());
        let open = address.is_some_and(|address| address.opened) && serving.is_some_and(|condition| condition.holds);
        let scheme = if instance.spec.security.https { "https" } else { "http" };
        let reason = serving.filter(|condition| !condition.holds).map(|condition| condition.reason.clone());
        Ok(DescribeEtcdInternetResponse {
            enabled: wanted.is_some(),
            open,
            endpoint: address.map(|address| format!("{scheme}://{}", address.host_and_port())),
            allowed_networks: wanted.map(|wanted| wanted.allowed.iter().map(ToString::to_string).collect()),
            reason: reason.filter(|_| wanted.is_some() && !open).unwrap_or_default(),
        })
    }
}

impl Service {
    /// How many others hold a public address, or are about to.
    fn open_instances(&self, id: &InstanceId) -> usize {
        let all = self.view.instance_revisions().into_iter().map(|(other, _)| other);
        let others = all.filter(|other| other != id);
        let wants = |other: &InstanceId| self.view.instance(other).is_some_and(|it| it.value.spec.internet.is_some());
        let holds = |other: &InstanceId| self.view.status(other).is_some_and(|status| status.public.is_some());
        others.filter(|other| wants(other) || holds(other)).count()
    }
}

/// Each network once, in order. One whose address has bits beyond its prefix is a mistake: it may mean the host, or
/// the network around it.
fn networks(texts: &[String]) -> Result<Vec<IpNet>, Error> {
    let mut all = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let wrong = || Error::wrong_value(text, format_args!("AllowedNetworks.{index}"));
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse::<IpNet>().map_err(|_| wrong())?,
        };
        if network.trunc() != network {
            return Err(wrong());
        }
        all.push(network);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn not_configured() -> Error {
    Error::new(
        Code::UnsupportedOperation,
        "The service has no public address to give: set `internet.address` and `internet.ports` in its settings (CETCD_INTERNET_ADDRESS and CETCD_INTERNET_PORTS).",
        "服务未配置公网地址，请在服务设置中配置 `internet.address` 与 `internet.ports`（CETCD_INTERNET_ADDRESS 与 CETCD_INTERNET_PORTS）。",
    )
}

fn unguarded(id: &InstanceId) -> Error {
    Error::new(
        Code::OperationDenied,
        format!(
            "Nothing protects the instance `{id}` from whoever reaches it: `Https` or `ClientCertAuth` is off, and so is etcd's authentication. Turn that on first, with ModifyEtcdAttribute: `EnableAuth` and `Password`."
        ),
        format!(
            "实例 `{id}` 未开启 `Https` 或 `ClientCertAuth`，也未启用 etcd 认证，不能开放公网访问。请先通过 ModifyEtcdAttribute 设置 `EnableAuth` 与 `Password`。"
        ),
    )
}

/// The refusal to take away all that stands between a cluster and the public.
pub(super) fn needs_auth(id: &InstanceId) -> Error {
    Error::new(
        Code::OperationDenied,
        format!(
            "The instance `{id}` is open to the public, and its clients need no certificate: without authentication anybody could write. Close it first, with DisableEtcdInternet."
        ),
        format!("实例 `{id}` 已开放公网访问且客户端无需证书，不能关闭认证。请先调用 DisableEtcdInternet。"),
    )
}

fn no_port_left(ports: usize) -> Error {
    Error::new(
        Code::ResourceInsufficient,
        format!("All {ports} public ports are taken. Close another instance, or widen `internet.ports`."),
        format!("{ports} 个公网端口均已被占用，请关闭其他实例的公网访问，或扩大 `internet.ports`。"),
    )
}
