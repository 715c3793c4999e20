//! The simulated world as a whole: one state behind one lock, and the handles that the controller is given.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cetcd_controller::{
    Policies, TaskMetrics, World,
    backups::{BackupMetrics, Slots},
};
use cetcd_core::{InstanceId, network::Networks};
use cetcd_etcd::ClientCredentials;
use cetcd_store::{
    ManualClock,
    memory::MemoryStore,
    seal::{MasterKey, Sealer},
};
use jiff::Timestamp;

use crate::{
    Rng, Weather,
    audit::Audit,
    fakes,
    gate::{Fate, Gate},
    host::Host,
    trace::Trace,
};

/// A simulated world. Clones are the same world.
#[derive(Clone)]
pub struct Sim(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    store: MemoryStore,
}

/// A world that is wrong on purpose, to show that the auditor sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flaw {
    /// None: the world is as the traits promise.
    #[default]
    None,
    /// The runtime starts every member as `new`.
    AlwaysNew,
    /// The store applies transactions whatever their conditions say.
    BlindTransactions,
    /// The runtime says that it stopped a member, and did not.
    IgnoresStop,
    /// The runtime removes members, and the store keeps what is deleted by prefix.
    KeepsSecrets,
    /// The installer never succeeds.
    NoVersions,
    /// The runtime does not see that a member lost its data.
    HidesLoss,
}

/// Everything that changes.
pub(crate) struct State {
    pub rng: Rng,
    /// Milliseconds since the start.
    pub now: i64,
    pub host: Host,
    pub audit: Audit,
    pub gate: Gate,
    pub trace: Trace,
    pub flaw: Flaw,
    /// How many changes were accepted.
    pub changed: u64,
    /// How many certificates were issued.
    pub issued: u64,
    /// The passwords that the control plane knows in memory.
    pub told: BTreeMap<InstanceId, Vec<String>>,
    /// Whether the service is set to go on without a quorum by itself.
    pub automatic_recovery: bool,
    /// What owners of instances were given, oldest first.
    pub held: BTreeMap<InstanceId, Vec<Arc<ClientCredentials>>>,
}

impl Sim {
    /// A world in which all goes well, until its weather changes.
    pub fn new(seed: u64, flaw: Flaw, keep_trace: bool) -> Self {
        let state = State {
            rng: Rng::new(seed),
            now: 0,
            host: Host::default(),
            audit: Audit::default(),
            gate: Gate::new(),
            trace: Trace::new(keep_trace),
            flaw,
            changed: 0,
            issued: 0,
            told: BTreeMap::new(),
            automatic_recovery: false,
            held: BTreeMap::new(),
        };
        // Nobody watches this store and nothing in it has a lease.
        let store = MemoryStore::with_history(Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)), 1);
        Self(Arc::new(Shared { state: Mutex::new(state), store }))
    }

    /// What a controller acts through.
    pub fn world(&self) -> World {
        World {
            store: Arc::new(fakes::SimStore(self.clone())),
            sealer: Sealer::new(&MasterKey::from_bytes([7; 32])),
            runtime: Arc::new(fakes::SimRuntime(self.clone())),
            admin: Arc::new(fakes::SimEtcd(self.clone())),
            installer: Arc::new(fakes::SimInstaller(self.clone())),
            issuer: Arc::new(fakes::SimIssuer(self.clone())),
            clock: Arc::new(fakes::SimClock(self.clone())),
            entropy: Arc::new(fakes::SimEntropy(self.clone())),
            backups: Arc::new(fakes::SimBackups(self.clone())),
            slots: Arc::new(Slots::default()),
            backup_metrics: BackupMetrics::default(),
            task_metrics: TaskMetrics::default(),
            networks: Arc::new(Networks::default()),
            policies: Policies {
                automatic_recovery: self.state().automatic_recovery,
                window: Some(cetcd_core::window::Window::default()),
            },
        }
    }

    /// From the next start of the control plane on clusters go on without a quorum by themselves.
    pub fn recover_automatically(&self) {
        self.state().automatic_recovery = true;
    }

    /// The weather from now on.
    pub fn set_weather(&self, weather: Weather) {
        let mut state = self.state();
        state.gate.weather = weather;
        state.gate.passed = 0;
        state.gate.names.clear();
    }

    /// What the effects of the script were so far, in order.
    pub fn effects(&self) -> Vec<String> {
        self.state().gate.names.clone()
    }

    /// What was wrong so far.
    pub fn violations(&self) -> Vec<String> {
        let state = self.state();
        state.host.violations.iter().chain(&state.audit.violations).cloned().collect()
    }

    /// What everything that happened so far hashes to, and how much that was.
    pub fn trace_hash(&self) -> (u64, u64) {
        let state = self.state();
        (state.trace.hash(), state.trace.events())
    }

    /// The lines of the trace, where they are kept.
    pub fn trace_lines(&self) -> Vec<String> {
        self.state().trace.lines().to_vec()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self) -> &MemoryStore {
        &self.0.store
    }
}

impl State {
    pub fn draw_fate(&mut self, what: &str) -> Fate {
        self.gate.draw(what, &mut self.rng)
    }

    /// How many others go first at this point: none, in a script, so that effects have fixed numbers.
    pub fn draw_pause(&mut self) -> u64 {
        if matches!(self.gate.weather, Weather::Script(_)) { 0 } else { self.rng.below(3) }
    }

    /// An effect takes its time.
    pub fn pass_time(&mut self) {
        let millis = self.rng.below(4);
        self.advance(millis.cast_signed());
    }

    pub fn advance(&mut self, millis: i64) {
        self.now += millis;
        self.host.settle(self.now);
    }

    pub fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.add(self.now, what);
    }

    pub fn is_latched(&self, id: &InstanceId) -> bool {
        self.audit.status.get(id).is_some_and(|status| status.cluster_id.is_some())
    }

    pub fn is_restoring(&self, id: &InstanceId) -> bool {
        let (instance, status) = (self.audit.instances.get(id), self.audit.status.get(id));
        let (Some(instance), Some(status)) = (instance, status) else {
            return instance.is_some_and(|instance| instance.spec.restore.is_some());
        };
        status.restore_under_way(instance).is_some()
    }

    pub fn is_deleting(&self, id: &InstanceId) -> bool {
        self.audit.instances.get(id).is_some_and(|instance| instance.spec.deleting)
    }
}
