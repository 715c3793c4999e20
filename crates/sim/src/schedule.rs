//! One thread that lets reconcilers and requests go on in a drawn order, and time pass when all of them wait.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use cetcd_controller::{
    Metrics, Reconciler, Result, Turn, World,
    backups::{Keeper, Kept},
};
use cetcd_core::{
    InstanceId,
    backup::{Snapshot, SnapshotState},
};

use crate::{Sim, sim::State};

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The pauses of the real controller, in milliseconds.
const SHORTEST_PAUSE: i64 = 20;
const STEADY: i64 = 2000;

/// The control plane: a reconciler for each instance of the store, and requests to the API.
pub struct Schedule {
    sim: Sim,
    world: World,
    metrics: Metrics,
    drivers: BTreeMap<InstanceId, Driver>,
    calls: Vec<Pending<()>>,
    crashes: u64,
    /// Of instances with backups, where those are simulated.
    keepers: BTreeMap<InstanceId, Keeping>,
    keeps_backups: bool,
}

/// A keeper of backups, and what its last turn came to.
struct Keeping {
    stage: KeeperStage,
    last: Option<Kept>,
}

enum KeeperStage {
    Idle { keeper: Box<Keeper>, wake: i64 },
    Busy(Pending<(Box<Keeper>, Result<Kept>)>),
}

struct Driver {
    stage: Stage,
    pause: i64,
    /// The change of desired state that it was last woken by.
    wanted: u64,
    last: Option<Turn>,
    /// The turn under way began before what it should see.
    stale: bool,
}

enum Stage {
    Idle { reconciler: Box<Reconciler>, wake: i64 },
    Busy(Pending<(Box<Reconciler>, Result<Turn>)>),
}

/// Whether a snapshot is there, proved, or given up. Of an instance that is gone none is taken any more.
fn is_settled(snapshot: &Snapshot, state: &State) -> bool {
    let proved = snapshot.state != SnapshotState::Done || snapshot.drill.is_some();
    !snapshot.deleting && (!state.audit.instances.contains_key(&snapshot.instance) || (!snapshot.is_open() && proved))
}

/// What can go on.
#[derive(Clone)]
enum Choice {
    Driver(InstanceId),
    Keeper(InstanceId),
    Call(usize),
}

impl Schedule {
    /// A control plane that has just started.
    pub fn new(sim: &Sim) -> Self {
        Self {
            sim: sim.clone(),
            world: sim.world(),
            metrics: Metrics::default(),
            drivers: BTreeMap::new(),
            calls: Vec::new(),
            crashes: 0,
            keepers: BTreeMap::new(),
            keeps_backups: false,
        }
    }

    /// The same with a keeper of backups beside every reconciler.
    #[must_use]
    pub fn keeping_backups(self) -> Self {
        Self { keeps_backups: true, ..self }
    }

    /// The controller's metrics: they outlive crashes, unlike those of a real one.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How often the control plane died so far.
    pub fn crashes(&self) -> u64 {
        self.crashes
    }

    /// Begins a request. It dies with the control plane, as a connection does.
    pub fn call<F: Future<Output = ()> + Send + 'static>(&mut self, make: impl FnOnce(World) -> F) {
        self.calls.push(Box::pin(make(self.world.clone())));
    }

    /// The control plane dies: nothing that it had in memory is left. Another one starts.
    pub fn crash(&mut self) {
        self.drivers.clear();
        self.keepers.clear();
        self.calls.clear();
        self.crashes += 1;
        let mut state = self.sim.state();
        state.gate.crashed = false;
        state.told.clear();
        state.note(format_args!("the control plane starts again"));
    }

    /// What the last turns found counts no more: every instance is to be looked at again.
    pub fn look_again(&mut self) {
        for driver in self.drivers.values_mut() {
            driver.last = None;
            driver.stale = matches!(driver.stage, Stage::Busy(_));
        }
    }

    /// Whether every instance's last turn found nothing to do, or could only wait.
    pub fn is_at_rest(&self) -> bool {
        let state = self.sim.state();
        let rests = |id: &InstanceId, driver: &Driver| {
            matches!(driver.last, Some(Turn::Converged | Turn::Waiting | Turn::Restoring))
                && matches!(driver.stage, Stage::Idle { .. })
                && state.audit.wanted.get(id) == Some(&driver.wanted)
        };
        let waits = |keeping: &Keeping| {
            matches!(keeping.last, Some(Kept::Waiting(_))) && matches!(keeping.stage, KeeperStage::Idle { .. })
        };
        self.calls.is_empty()
            && self.keepers.values().all(waits)
            && (!self.keeps_backups || state.audit.snapshots.values().all(|s| is_settled(s, &state)))
            && state.audit.instances.keys().all(|id| self.drivers.get(id).is_some_and(|driver| rests(id, driver)))
            && self.drivers.keys().all(|id| state.audit.instances.contains_key(id))
    }

    /// Whether every instance's last turn found it as wanted.
    pub fn has_converged(&self) -> bool {
        self.is_at_rest() && self.drivers.values().all(|driver| driver.last == Some(Turn::Converged))
    }

    /// Lets one of those go on that can; where none can, time passes until one can.
    pub fn step(&mut self) {
        self.attend();
        let now = self.sim.state().now;
        let mut choices: Vec<Choice> = (0..self.calls.len()).map(Choice::Call).collect();
        let mut earliest = i64::MAX;
        for (id, driver) in &self.drivers {
            match driver.stage {
                Stage::Idle { wake, .. } if wake > now => earliest = earliest.min(wake),
                _ => choices.push(Choice::Driver(id.clone())),
            }
        }
        for (id, keeping) in &self.keepers {
            match keeping.stage {
                KeeperStage::Idle { wake, .. } if wake > now => earliest = earliest.min(wake),
                _ => choices.push(Choice::Keeper(id.clone())),
            }
        }
        let choice = self.sim.state().rng.pick(&choices);
        match choice {
            Some(Choice::Keeper(id)) => self.go_on_with_keeper(id),
            Some(Choice::Call(index)) => self.go_on_with_call(index),
            Some(Choice::Driver(id)) => self.go_on_with(id),
            None => self.sim.state().advance((earliest - now).clamp(1, 100)),
        }
        if self.sim.state().gate.crashed {
            self.crash();
        }
    }

    /// A driver for each instance; those whose instance is wanted otherwise wake.
    fn attend(&mut self) {
        let state = self.sim.state();
        let of_gone = state.audit.snapshots.values().filter(|snapshot| snapshot.deleting).map(|s| &s.instance);
        for id in state.audit.instances.keys().chain(of_gone).filter(|_| self.keeps_backups) {
            self.keepers.entry(id.clone()).or_insert_with(|| {
                let keeper = Box::new(Keeper::new(self.world.clone(), id.clone()));
                Keeping { stage: KeeperStage::Idle { keeper, wake: state.now }, last: None }
            });
        }
        for id in state.audit.instances.keys() {
            let wanted = state.audit.wanted.get(id).copied().unwrap_or_default();
            let driver = self.drivers.entry(id.clone()).or_insert_with(|| {
                let reconciler = Reconciler::new(self.world.clone(), self.metrics.clone(), id.clone());
                let idle = Stage::Idle { reconciler: Box::new(reconciler), wake: state.now };
                Driver { stage: idle, pause: SHORTEST_PAUSE, wanted, last: None, stale: false }
            });
            if driver.wanted != wanted {
                driver.wanted = wanted;
                driver.last = None;
                match &mut driver.stage {
                    Stage::Idle { wake, .. } => *wake = state.now,
                    Stage::Busy(_) => driver.stale = true,
                }
            }
        }
    }

    fn go_on_with_keeper(&mut self, id: InstanceId) {
        let Some(keeping) = self.keepers.remove(&id) else { return };
        let mut turn: Pending<(Box<Keeper>, Result<Kept>)> = match keeping.stage {
            KeeperStage::Idle { mut keeper, .. } => Box::pin(async move {
                let outcome = keeper.turn().await;
                (keeper, outcome)
            }),
            KeeperStage::Busy(turn) => turn,
        };
        let keeping = match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Keeping { stage: KeeperStage::Busy(turn), last: None },
            Poll::Ready((keeper, outcome)) => {
                let mut state = self.sim.state();
                match &outcome {
                    Ok(kept) => state.note(format_args!("backups of {id}: {kept:?}")),
                    Err(error) => state.note(format_args!("backups of {id}: {error}")),
                }
                let kept = outcome.unwrap_or(Kept::Failed);
                let pause = match kept {
                    Kept::Gone => return,
                    Kept::Acted => 0,
                    Kept::Failed => SHORTEST_PAUSE,
                    Kept::Waiting(_) => STEADY,
                };
                Keeping { stage: KeeperStage::Idle { keeper, wake: state.now + pause }, last: Some(kept) }
            }
        };
        self.keepers.insert(id, keeping);
    }

    fn go_on_with_call(&mut self, index: usize) {
        let mut context = Context::from_waker(Waker::noop());
        if self.calls[index].as_mut().poll(&mut context).is_ready() {
            drop(self.calls.remove(index));
        }
    }

    fn go_on_with(&mut self, id: InstanceId) {
        let Some(mut driver) = self.drivers.remove(&id) else { return };
        let mut turn = match driver.stage {
            Stage::Idle { mut reconciler, .. } => Box::pin(async move {
                let outcome = reconciler.turn().await;
                (reconciler, outcome)
            }),
            Stage::Busy(turn) => turn,
        };
        driver.stage = match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Stage::Busy(turn),
            Poll::Ready((reconciler, outcome)) => {
                let mut state = self.sim.state();
                match &outcome {
                    Ok(turn) => state.note(format_args!("{id} {turn:?}")),
                    Err(error) => state.note(format_args!("{id} {error}")),
                }
                let turn = outcome.unwrap_or_else(|error| if error.is_race() { Turn::Acted } else { Turn::Failed });
                if turn == Turn::Gone {
                    return;
                }
                let pause = match turn {
                    Turn::Acted | Turn::Gone => 0,
                    Turn::Converged => STEADY,
                    Turn::Waiting | Turn::Restoring | Turn::Failed => driver.pause,
                };
                driver.pause = match turn {
                    Turn::Waiting | Turn::Restoring | Turn::Failed => (driver.pause * 2).min(STEADY),
                    _ => SHORTEST_PAUSE,
                };
                // What was wanted anew while the turn went on is not in it.
                let fresh = state.audit.wanted.get(&id).copied().unwrap_or_default();
                let outdated = fresh != driver.wanted || std::mem::take(&mut driver.stale);
                driver.wanted = fresh;
                driver.last = (!outdated).then_some(turn);
                Stage::Idle { reconciler, wake: if outdated { state.now } else { state.now + pause } }
            }
        };
        self.drivers.insert(id, driver);
    }
}
