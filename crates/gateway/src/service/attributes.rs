//! ModifyEtcdAttribute: name, description and subnets so far.

use cetcd_api::{
    Code, Error,
    actions::{ModifyEtcdAttribute, ModifyEtcdAttributeRequest, ModifyEtcdAttributeResponse},
};
use cetcd_core::task::TaskKind;

use super::{Service, create::settings, lookup::being_deleted};
use crate::{Context, Handler};

impl Handler<ModifyEtcdAttribute> for Service {
    /// A request either takes effect whole or changes nothing. What already is so is no change.
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdAttributeRequest,
    ) -> Result<ModifyEtcdAttributeResponse, Error> {
        let unsupported = unsupported(&request);
        if !unsupported.is_empty() {
            self.visible(context, &request.instance_id)?;
            return Err(not_yet(&unsupported));
        }
        self.converge(context, &request.instance_id, TaskKind::ModifyAttribute, |instance| {
            let before = instance.spec.clone();
            if let Some(name) = &request.name {
                instance.spec.name.clone_from(name);
            }
            if let Some(description) = &request.description {
                instance.spec.description.clone_from(description);
            }
            if let Some(subnets) = request.subnet_ids.as_ref().filter(|subnets| !subnets.is_empty()) {
                settings::check_subnets(&instance.spec.vpc_id, subnets, &instance.region, &self.networks)?;
                instance.spec.subnet_ids.clone_from(subnets);
            }
            if instance.spec.deleting && instance.spec != before {
                return Err(being_deleted(&instance.id));
            }
            Ok(())
        })
        .await?;
        Ok(ModifyEtcdAttributeResponse {})
    }
}

/// The parameters that ask for a change which this version cannot make. Authentication is off and no backup is
/// deleted with an instance, so to turn them off is none.
fn unsupported(request: &ModifyEtcdAttributeRequest) -> Vec<&'static str> {
    [
        ("Password", request.password.is_some()),
        ("EnableAuth", request.enable_auth == Some(true)),
        ("EnableDeleteCos", request.enable_delete_cos == Some(true)),
    ]
    .into_iter()
    .filter_map(|(name, asked)| asked.then_some(name))
    .collect()
}

fn not_yet(parameters: &[&str]) -> Error {
    let list = format!("`{}`", parameters.join("`, `"));
    Error::new(
        Code::UnsupportedOperation,
        format!("This version of the server cannot change {list} yet; nothing was changed."),
        format!("当前服务版本暂不支持修改 {list}，未做任何更改。"),
    )
}
