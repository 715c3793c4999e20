//! Changes that take time: desired state and a task in one transaction.

use cetcd_api::Error;
use cetcd_core::{Instance, Task, instance::Spec, task::TaskKind};
use cetcd_store::{Compare, Txn, records};

use super::{
    Service,
    commit::{ATTEMPTS, contended},
};
use crate::Context;

impl Service {
    /// Lets `change` alter the desired state of the caller's instance `id`. What the controller has to act upon
    /// gets a new generation and a task of `kind`, and is refused while another task is under way; what is only
    /// shown is written alone; what already is so changes nothing.
    pub(super) async fn converge(
        &self,
        context: &Context,
        id: &str,
        kind: TaskKind,
        change: impl Fn(&mut Instance) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let current = self.stored(context, id).await?;
            let mut wanted = current.value.clone();
            change(&mut wanted)?;
            if wanted == current.value {
                return Ok(());
            }
            let mut txn = Txn::new().when(Compare::mod_revision(records::instance_key(&wanted.id), current.revision));
            if !only_shown(&current.value.spec, &wanted.spec) {
                self.require_view(current.revision).await?;
                self.require_unchanging(&current.value)?;
                wanted.generation += 1;
                let task = Task::accepted(self.entropy.uuid(), kind, &wanted, context.now);
                txn = txn.when(Compare::absent(records::task_key(&task))).then(records::put_task(&task));
            }
            if self.commit(txn.then(records::put_instance(&wanted))).await? {
                return Ok(());
            }
        }
        Err(contended(id))
    }
}

/// Whether two specifications differ at most in what is kept to be shown.
fn only_shown(before: &Spec, after: &Spec) -> bool {
    let shown = Spec {
        name: before.name.clone(),
        description: before.description.clone(),
        charge: before.charge.clone(),
        deletion_protection: before.deletion_protection,
        ..after.clone()
    };
    shown == *before
}
