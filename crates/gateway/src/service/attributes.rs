//! ModifyEtcdAttribute: name, description, subnets, etcd's authentication and what becomes of the backups.

use cetcd_api::{
    Code, Error,
    actions::{ModifyEtcdAttribute, ModifyEtcdAttributeRequest, ModifyEtcdAttributeResponse},
};
use cetcd_core::{Instance, InstanceId, internet::is_guarded, task::TaskKind};
use cetcd_store::{Compare, records};

use super::{
    Service,
    commit::{ATTEMPTS, contended, store_error},
    converge::{Secret, With},
    create::settings,
    internet::needs_auth,
    lookup::being_deleted,
};
use crate::{Context, Handler};

/// The longest password in bytes: etcd hashes it with bcrypt, which reads no more.
const LONGEST_PASSWORD: usize = 72;

impl Handler<ModifyEtcdAttribute> for Service {
    /// A request either takes effect whole or changes nothing. What already is so is no change.
    async fn handle(
        &self,
        context: &Context,
        request: ModifyEtcdAttributeRequest,
    ) -> Result<ModifyEtcdAttributeResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        if request.password.as_ref().is_some_and(|password| password.len() > LONGEST_PASSWORD) {
            return Err(Error::wrong_value("[redacted]", "Password"));
        }
        for _ in 0..ATTEMPTS {
            let given = match &request.password {
                Some(password) => Some(self.sealed(&instance.id, password).await?),
                None => None,
            };
            let (generation, secret) = given.map_or((None, None), |given| (Some(given.generation), given.secret));
            let change = |instance: &mut Instance| self.change(instance, &request, generation);
            let kind = TaskKind::ModifyAttribute;
            let with = With { secret, ..With::default() };
            if self.try_converge(context, &request.instance_id, kind, change, with).await? {
                return Ok(ModifyEtcdAttributeResponse {});
            }
        }
        Err(contended(&request.instance_id))
    }
}

/// A password of a request.
struct Given {
    /// Which one of the instance's it is.
    generation: u64,
    /// What is written, where it is not the last one already.
    secret: Option<Secret>,
}

impl Service {
    fn change(
        &self,
        instance: &mut Instance,
        request: &ModifyEtcdAttributeRequest,
        password_generation: Option<u64>,
    ) -> Result<(), Error> {
        let before = instance.spec.clone();
        let spec = &mut instance.spec;
        if let Some(name) = &request.name {
            spec.name.clone_from(name);
        }
        if let Some(description) = &request.description {
            spec.description.clone_from(description);
        }
        if let Some(subnets) = request.subnet_ids.as_ref().filter(|subnets| !subnets.is_empty()) {
            settings::check_subnets(&spec.vpc_id, subnets, &instance.region, &self.networks)?;
            spec.subnet_ids.clone_from(subnets);
        }
        if let Some(delete_backups) = request.enable_delete_cos {
            spec.delete_backups = delete_backups;
        }
        if let Some(generation) = password_generation {
            spec.auth.password_generation = generation;
        }
        if let Some(enabled) = request.enable_auth {
            if enabled && spec.auth.password_generation == 0 {
                return Err(no_password(&instance.id));
            }
            spec.auth.enabled = Some(enabled);
            if spec.internet.is_some() && !is_guarded(spec.security, spec.auth) {
                return Err(needs_auth(&instance.id));
            }
        }
        if spec.deleting && *spec != before {
            return Err(being_deleted(&instance.id));
        }
        Ok(())
    }

    /// Adds `password` to those that root of the instance was given.
    async fn sealed(&self, id: &InstanceId, password: &str) -> Result<Given, Error> {
        let known = records::root_passwords(self.store.as_ref(), &self.sealer, id).await;
        let known = known.map_err(|error| store_error("read the passwords of an instance", &error))?;
        let mut passwords = known.value;
        if let Some(generation) = passwords.generation_of_newest(password) {
            return Ok(Given { generation, secret: None });
        }
        let applied = self.view.status(id).and_then(|status| status.root_password).map(|applied| applied.generation);
        let generation = passwords.add(password, applied);
        let replaces = Compare::mod_revision(records::root_passwords_key(id), known.revision);
        let write = records::put_root_passwords(&self.sealer, id, &passwords);
        Ok(Given { generation, secret: Some(Secret { replaces, write }) })
    }
}

fn no_password(id: &InstanceId) -> Error {
    Error::new(
        Code::OperationDenied,
        format!(
            "`EnableAuth` takes a password of the user root, and none is known of the instance `{id}`: give `Password` too."
        ),
        format!("启用 `EnableAuth` 需要 root 账号密码，而实例 `{id}` 尚未设置，请同时传入 `Password`。"),
    )
}
