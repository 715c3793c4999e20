//! ModifyEtcdAttribute: name and description so far.

use std::collections::BTreeSet;

use cetcd_api::{
    Code, Error,
    actions::{ModifyEtcdAttribute, ModifyEtcdAttributeRequest, ModifyEtcdAttributeResponse},
};
use cetcd_core::Instance;

use super::{Service, lookup::being_deleted};
use crate::{Context, Handler};

impl Handler<ModifyEtcdAttribute> for Service {
    /// A request either takes effect whole or changes nothing. What already is so is no change.
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdAttributeRequest,
    ) -> Result<ModifyEtcdAttributeResponse, Error> {
        self.change(context, &request.instance_id, |instance| {
            let unsupported = unsupported(&request, instance);
            if !unsupported.is_empty() {
                return Err(not_yet(&unsupported));
            }
            let before = (instance.spec.name.clone(), instance.spec.description.clone());
            if let Some(name) = &request.name {
                instance.spec.name.clone_from(name);
            }
            if let Some(description) = &request.description {
                instance.spec.description.clone_from(description);
            }
            if instance.spec.deleting && (&before.0, &before.1) != (&instance.spec.name, &instance.spec.description) {
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
fn unsupported(request: &ModifyEtcdAttributeRequest, instance: &Instance) -> Vec<&'static str> {
    let moved = request.subnet_ids.as_ref().is_some_and(|wanted| {
        let now: BTreeSet<&String> = instance.spec.subnet_ids.iter().collect();
        wanted.iter().collect::<BTreeSet<_>>() != now
    });
    [
        ("Password", request.password.is_some()),
        ("EnableAuth", request.enable_auth == Some(true)),
        ("EnableDeleteCos", request.enable_delete_cos == Some(true)),
        ("SubnetIds", moved),
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
