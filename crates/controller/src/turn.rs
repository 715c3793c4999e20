//! One turn of the loop for one instance.

use cetcd_core::{Instance, InstanceId, Status, action::Action, plan, plan::Plan};
use cetcd_store::records::{self, Record};

use crate::{
    Metrics, Result, World,
    act::{Subject, act},
    observe::{Memory, observe},
    record::{Findings, record},
    served::Served,
    starts::FailedStarts,
    telling::Telling,
};

/// How a turn ended: when to take the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Something was done: look again at once.
    Acted,
    /// An action failed: look again after a pause.
    Failed,
    /// Something is waited for that no event announces, such as a member that is starting.
    Waiting,
    /// The same in a restore: clients wait too, and it is looked at more often.
    Restoring,
    /// What is wanted is there.
    Converged,
    /// The instance is no more.
    Gone,
}

/// Brings one instance to what is wanted of it, a turn at a time. It holds nothing that it could not lose.
pub struct Reconciler {
    world: World,
    metrics: Metrics,
    id: InstanceId,
    memory: Memory,
    failure: Option<String>,
    failed_starts: FailedStarts,
    served: Served,
    telling: Telling,
}

impl Reconciler {
    /// A reconciler of the instance `id`.
    pub fn new(world: World, metrics: Metrics, id: InstanceId) -> Self {
        let failed_starts = FailedStarts::default();
        let memory = Memory::default();
        let (served, telling) = (Served::default(), Telling::default());
        Self { world, metrics, id, memory, failure: None, failed_starts, served, telling }
    }

    /// The instance that it is about.
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// Looks, plans, records, and does the one action that was planned.
    pub async fn turn(&mut self) -> Result<Turn> {
        let store = self.world.store.as_ref();
        let Some(instance): Option<Record<Instance>> = records::get(store, &records::instance_key(&self.id)).await?
        else {
            return Ok(Turn::Gone);
        };
        let status: Option<Record<Status>> = records::get(store, &records::status_key(&self.id)).await?;
        let status = status.unwrap_or_else(|| Record { value: Status::default(), revision: 0 });
        let began = self.world.clock.now();
        let observed = observe(&self.world, &instance.value, &status.value, &mut self.memory).await?;
        self.served.saw(&observed, began);
        self.telling.saw(&observed, self.world.clock.now());
        let now = self.world.clock.now();
        let plan = if self.failed_starts.any() && !instance.value.spec.deleting {
            plan::plan(&instance.value, &status.value, &self.failed_starts.shown_in(&observed), now)
        } else {
            plan::plan(&instance.value, &status.value, &observed, now)
        };
        // What is as wanted has no failure to tell of: the last action was done, and only its answer was lost.
        // A cluster that does not let the control plane in is waited for, and its owner can help.
        // So it is with a public address that cannot be had.
        let not_open = observed.endpoint.public.as_ref().and_then(|public| public.error.as_deref());
        let failure = self.failure.as_deref().or(observed.refused.as_deref()).or(not_open);
        let failure = failure.filter(|_| plan != Plan::Converged);
        let findings =
            Findings { observed: &observed, plan: &plan, failure, served: &self.served, told: self.telling.to_tell() };
        let status = record(&self.world, &instance, &status, &findings).await?;
        self.telling.told();
        let took = self.world.clock.now().duration_since(began).as_secs_f64();
        self.metrics.saw(&self.id, status.value.phase, &observed.issued, took);
        match plan {
            Plan::Act(action) => {
                let subject = Subject {
                    instance: &instance,
                    status: &status,
                    observed: &observed,
                    certificates: self.memory.certificates.as_ref(),
                };
                let outcome = do_action(&self.world, &self.metrics, &subject, &action).await;
                if outcome.is_ok() {
                    self.telling.did(&action, &instance.value, &status.value, self.world.clock.now());
                }
                self.failed_starts.note(&action, outcome.is_ok(), self.world.clock.now());
                if matches!(action, Action::EnableAuth | Action::DisableAuth) {
                    self.memory.forget_auth();
                }
                self.failure = match &outcome {
                    Err(error) if !error.is_race() && !error.is_too_early() => Some(error.to_string()),
                    _ => None,
                };
                match outcome {
                    Ok(()) if action == Action::Forget => Ok(Turn::Gone),
                    Ok(()) => Ok(Turn::Acted),
                    Err(error) if error.is_race() => Ok(Turn::Acted),
                    Err(error) if error.is_too_early() => Ok(Turn::Waiting),
                    Err(_) => Ok(Turn::Failed),
                }
            }
            Plan::Wait { .. } => {
                // While a start that failed waits for its next try, what went wrong goes on.
                if !self.failed_starts.any() {
                    self.failure = None;
                }
                Ok(if status.value.restoring.is_some() { Turn::Restoring } else { Turn::Waiting })
            }
            Plan::Converged => {
                self.failure = None;
                Ok(Turn::Converged)
            }
        }
    }
}

async fn do_action(world: &World, metrics: &Metrics, subject: &Subject<'_>, action: &Action) -> Result<()> {
    let id = &subject.instance.value.id;
    tracing::debug!(instance = %id, action = action.name(), ?action, "acting");
    let began = world.clock.now();
    let outcome = act(world, subject, action).await;
    let took = world.clock.now().duration_since(began);
    metrics.acted(action.name(), outcome.is_ok(), took.as_secs_f64());
    match &outcome {
        Ok(()) => tracing::info!(instance = %id, action = action.name(), ms = took.as_millis(), "done"),
        Err(error) if error.is_race() || error.is_too_early() => {
            tracing::debug!(instance = %id, action = action.name(), %error, "again");
        }
        Err(error) => tracing::warn!(instance = %id, action = action.name(), %error, "failed; it is tried again"),
    }
    outcome
}
