//! A scenario: everything that happens follows from one number.

use std::{
    fmt,
    num::NonZero,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cetcd_core::{
    InstanceId,
    condition::ConditionKind,
    instance::Security,
    member::Start,
    quorum::quorum,
    slots::slots,
    status::Phase,
    task::{TaskKind, TaskState},
};

use crate::{
    Flaw, Odds, Schedule, Sim, Weather,
    api::{self, Change, Wanted},
    cluster::Cluster,
    host::Member,
    sim::State,
};

/// How a scenario is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What is wrong with the world.
    pub flaw: Flaw,
    /// Whether the lines of the trace are kept.
    pub trace: bool,
}

/// What became of a scenario in which nothing was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A number that differs wherever anything that happened does.
    pub hash: u64,
    /// How many things happened.
    pub events: u64,
    /// How many instances were made.
    pub created: u64,
    /// How many changes of them were accepted.
    pub changed: u64,
    /// How often the control plane died.
    pub crashes: u64,
    /// What happened, where it was kept.
    pub trace: Vec<String>,
}

/// A scenario in which something was wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What everything followed from.
    pub seed: u64,
    /// What was wrong, first thing first.
    pub violations: Vec<String>,
    /// What had happened, where it was kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}:", self.seed)?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        write!(f, "  replay: cargo run -p cetcd-sim -- --seed {} --trace", self.seed)
    }
}

/// The longest that anything may take once all goes well, in milliseconds: a pause of a minute for a member that
/// kept ending, for each of five, and some more.
const BOUND: i64 = 10 * 60 * 1000;
/// The same in steps, for what goes on without time passing.
const MOST_STEPS: u64 = 200_000;

/// Of an instance whose CA is being changed.
const HALF_WAY: &str = "is half-way from one CA to the next";

/// Runs the scenario of `seed`: a storm, then calm until all is as wanted, then a deletion of everything.
pub fn run(seed: u64, options: Options) -> Result<Outcome, Box<Failure>> {
    let sim = Sim::new(seed, options.flaw, options.trace);
    if sim.state().rng.chance(500) {
        sim.recover_automatically();
    }
    let mut scenario = Scenario { schedule: Schedule::new(&sim), sim };
    let outcome = scenario.run();
    let mut violations = scenario.sim.violations();
    violations.extend(outcome.err());
    let trace = scenario.sim.trace_lines();
    if violations.is_empty() {
        let (hash, events) = scenario.sim.trace_hash();
        let created = scenario.sim.state().audit.wanted.len() as u64;
        let changed = scenario.sim.state().changed;
        return Ok(Outcome { hash, events, created, changed, crashes: scenario.schedule.crashes(), trace });
    }
    Err(Box::new(Failure { seed, violations, trace }))
}

/// What became of many scenarios.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many were run.
    pub scenarios: u64,
    /// How many things happened in them.
    pub events: u64,
    /// How many instances were made.
    pub created: u64,
    /// How many changes of them were accepted.
    pub changed: u64,
    /// How often the control plane died.
    pub crashes: u64,
}

/// Runs the scenarios of `seeds`, on every core; each by itself is as alone. The failure is that of the lowest seed
/// that was seen to fail.
pub fn run_all(seeds: Range<u64>, options: Options) -> Result<Totals, Box<Failure>> {
    let next = AtomicU64::new(seeds.start);
    let found: Mutex<(Totals, Option<Box<Failure>>)> = Mutex::default();
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = run(seed, options);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            let (totals, failure) = &mut *found;
            match outcome {
                Ok(outcome) => {
                    totals.scenarios += 1;
                    totals.events += outcome.events;
                    totals.created += outcome.created;
                    totals.changed += outcome.changed;
                    totals.crashes += outcome.crashes;
                }
                Err(new) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    if failure.as_ref().is_none_or(|known| new.seed < known.seed) {
                        *failure = Some(new);
                    }
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (totals, failure) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(totals), Err)
}

struct Scenario {
    sim: Sim,
    schedule: Schedule,
}

impl Scenario {
    fn run(&mut self) -> Result<(), String> {
        // Half of the storms come over an instance that is there: it is changed and healed, and not only made.
        if self.sim.state().rng.chance(500) {
            self.create();
            self.go_on_until("an instance is made", |scenario| {
                scenario.schedule.is_at_rest() && scenario.unsettled().is_none()
            })?;
        }
        self.storm();
        self.sim.set_weather(Weather::Calm);
        self.sim.state().calm_down();
        // A look from before is not one at what there is now.
        self.schedule.look_again();
        self.go_on_until("everything is as wanted", |scenario| {
            scenario.schedule.is_at_rest() && scenario.unsettled().is_none()
        })?;
        let waits_for_a_person = {
            let state = self.sim.state();
            state.audit.instances.keys().any(|id| state.nobody_can_tell(id))
        };
        // It stays so.
        for _ in 0..40 {
            self.schedule.step();
        }
        let goes_on = |what: String| what.ends_with(HALF_WAY) || waits_for_a_person;
        if self.unsettled().is_some_and(goes_on) {
            // The overlap of a rotation ended just now, or somebody came back who could tell: that goes on by itself.
            self.go_on_until("what went on by itself is done", |scenario| {
                scenario.schedule.is_at_rest() && scenario.unsettled().is_none()
            })?;
        }
        if let Some(what) = self.unsettled() {
            return Err(format!("it did not stay as wanted: {what}"));
        }
        self.sim.state().note(format_args!("everything is deleted"));
        let all: Vec<InstanceId> = self.sim.state().audit.instances.keys().cloned().collect();
        for id in all {
            self.delete(id);
        }
        self.go_on_until("everything is deleted", |scenario| {
            scenario.schedule.is_at_rest() && scenario.sim.state().audit.instances.is_empty()
        })?;
        match self.sim.state().leftovers() {
            Some(left) => Err(left),
            None => Ok(()),
        }
    }

    /// Requests and misfortunes in any order: few or many misfortunes.
    fn storm(&mut self) {
        let (mut creations, length) = {
            let mut state = self.sim.state();
            let bad = state.rng.below(4);
            let odds = Odds { fail: bad * 4, crash: bad * 2, conflict: bad * 4 };
            state.gate.weather = Weather::Random(odds);
            (state.rng.between(1, 3), state.rng.between(200, 1500))
        };
        let misfortunes = self.sim.state().rng.pick(&[3, 15, 15]).unwrap_or(15);
        for step in 0..length {
            if creations > 0 && (step == 0 || self.sim.state().rng.chance(10)) {
                creations -= 1;
                self.create();
            }
            if self.sim.state().rng.chance(misfortunes) {
                self.misfortune();
            }
            if self.sim.state().rng.chance(20) {
                self.change();
            }
            self.schedule.step();
        }
    }

    fn misfortune(&mut self) {
        let what = self.sim.state().rng.below(100);
        let mut state = self.sim.state();
        match what {
            0..20 => state.kill_one(),
            20..25 => state.slow_one_down(),
            25..30 => state.cut_one_off(),
            30..36 => state.kill_instance(),
            36..42 => state.kill_endpoint(),
            42..46 => state.fill_one(),
            46..50 => state.lose_data(),
            50..52 => state.unlink_data(),
            52..54 => {
                let minutes = state.rng.between(10, 90).cast_signed();
                state.note(format_args!("{minutes} min pass"));
                state.advance(minutes * 60_000);
            }
            54..57 => state.spoil_one(),
            57..60 => state.corrupt_one(),
            60..63 => state.hang_one(),
            63..72 => {
                let millis = state.rng.between(1, 90_000).cast_signed();
                state.note(format_args!("{millis} ms pass"));
                state.advance(millis);
            }
            72..84 => {
                drop(state);
                self.schedule.crash();
            }
            84..88 => {
                state.reboot();
                drop(state);
                self.schedule.crash();
            }
            88..90 => state.lose_binaries(),
            90..93 => state.break_one_disk(),
            93..96 => state.turn_auth_by_hand(),
            _ => {
                let all: Vec<InstanceId> = state.audit.instances.keys().cloned().collect();
                let one = state.rng.pick(&all);
                drop(state);
                if let Some(id) = one {
                    self.delete(id);
                }
            }
        }
    }

    fn create(&mut self) {
        let wanted = {
            let mut state = self.sim.state();
            let size = state.rng.pick(&[1, 1, 3, 3, 3, 5]).unwrap_or(3);
            let (https, password) = (!state.rng.chance(200), state.rng.chance(300));
            let security = Security { https, client_cert_auth: https && !state.rng.chance(200) };
            let backup_seconds = state.rng.pick(&[60, 300, 3600]).unwrap_or(3600);
            Wanted { id: None, size, old: state.rng.chance(500), security, password, backup_seconds }
        };
        let sim = self.sim.clone();
        self.schedule.call(|world| async move {
            if let Ok(Some(id)) = api::create(&world, &wanted).await {
                sim.state().note(format_args!("the creation of {id} is acknowledged: {wanted:?}"));
            }
        });
    }

    /// Another size, version, configuration or other subnets.
    fn change(&mut self) {
        let (id, change) = {
            let mut state = self.sim.state();
            let all: Vec<InstanceId> = state.audit.instances.keys().cloned().collect();
            let Some(id) = state.rng.pick(&all) else { return };
            let size = state.rng.pick(&[1, 1, 3, 3, 3, 5, 7]).unwrap_or(3);
            let change = match state.rng.below(8) {
                0 | 1 => Change::Resize(size),
                2 => Change::Upgrade,
                6 => Change::Rotate(state.rng.pick(&[0, 5, 60, 3600]).unwrap_or(0)),
                3 => Change::Configure(u32::try_from(state.rng.between(1, 4)).unwrap_or(1), size),
                4 | 5 => {
                    let enabled = state.rng.pick(&[None, Some(true), Some(true), Some(false)]).flatten();
                    Change::Auth { enabled, password: state.rng.chance(500) }
                }
                _ => {
                    let subnets = [&[0, 1, 2][..], &[1, 2], &[2, 0, 1], &[0], &[2]];
                    Change::Move(state.rng.pick(&subnets).unwrap_or(&[0]).to_vec())
                }
            };
            (id, change)
        };
        let sim = self.sim.clone();
        self.schedule.call(|world| async move {
            if api::change(&world, &id, &change).await.unwrap_or(false) {
                let mut state = sim.state();
                state.changed += 1;
                state.note(format_args!("a change of {id} is acknowledged: {change:?}"));
            }
        });
    }

    /// A client that asks until it is told that the deletion was accepted, unless the control plane dies.
    fn delete(&mut self, id: InstanceId) {
        let sim = self.sim.clone();
        self.schedule.call(|world| async move {
            while !api::delete(&world, &id).await.unwrap_or(false) {}
            sim.state().note(format_args!("the deletion of {id} is acknowledged"));
        });
    }

    fn go_on_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Result<(), String> {
        let start = self.sim.state().now;
        for _ in 0..MOST_STEPS {
            let state = self.sim.state();
            if !(state.host.violations.is_empty() && state.audit.violations.is_empty()) {
                return Ok(());
            }
            let now = state.now;
            drop(state);
            if done(self) {
                return Ok(());
            }
            if now - start > BOUND {
                break;
            }
            self.schedule.step();
        }
        let why = self.unsettled().unwrap_or_else(|| "the controller does not come to rest".to_owned());
        Err(format!("still not so that {what}, {} s after all went well: {why}", BOUND / 1000))
    }

    /// An instance that is not as wanted, and how.
    fn unsettled(&self) -> Option<String> {
        let state = self.sim.state();
        state.audit.instances.keys().find_map(|id| state.unsettled(id).map(|how| format!("{id} {how}")))
    }
}

impl State {
    /// How the instance is not as wanted.
    fn unsettled(&self, id: &InstanceId) -> Option<String> {
        let instance = self.audit.instances.get(id)?;
        if instance.spec.deleting {
            return Some("is not gone".to_owned());
        }
        let Some(status) = self.audit.status.get(id) else { return Some("has no status".to_owned()) };
        let served: Vec<u32> =
            status.members.iter().map(|m| m.ordinal).filter(|o| self.host.serves(id, *o, self.now).is_some()).collect();
        let has_survivor = self.host.of(id).any(|(_, member)| {
            let voter = |data: crate::host::Data| self.host.clusters.get(id).is_some_and(|c| c.has_voter(data.id));
            member.has_data() && member.data.is_some_and(voter)
        });
        if self.is_beyond_repair(id) && !(self.automatic_recovery && has_survivor) {
            // What too few have their data of waits for a person; it must not say that it is well.
            return (status.phase == Phase::Running).then(|| "runs, says its status".to_owned());
        }
        if self.nobody_can_tell(id) {
            return None;
        }
        let slots = slots(instance, status);
        if !slots.missing.is_empty() || !slots.surplus.is_empty() || served.len() < usize::from(instance.spec.size) {
            return Some(format!("is served by members {served:?} only, of {:?}", status.members));
        }
        let voters = self.host.clusters.get(id).map_or(0, Cluster::voters);
        if voters != usize::from(instance.spec.size) {
            return Some(format!("has {voters} voters"));
        }
        if self.host.clusters.get(id).is_some_and(|cluster| !cluster.alarms.is_empty()) {
            return Some("has no space left".to_owned());
        }
        if let Some(how) = self.auth_is_not_as_wanted(id) {
            return Some(how);
        }
        if status.rotation.trust % 2 == 1 && status.rotation.overlap_since.is_none() {
            return Some(HALF_WAY.to_owned());
        }
        let line = status.run_config(&instance.spec).line();
        let former = |(_, member): &(u32, &Member)| member.launch.as_ref().is_none_or(|launch| launch.line != line);
        if let Some((ordinal, _)) = self.host.of(id).find(former) {
            return Some(format!("has member {ordinal} with another configuration"));
        }
        let route = self.host.routes.get(id);
        let backends: Vec<_> = status.members.iter().map(|m| m.client).collect();
        if route.is_none_or(|route| route.backends != backends) || !self.host.endpoint_runs {
            return Some(format!("has the route {route:?}"));
        }
        if status.phase != Phase::Running || status.observed_generation != instance.generation {
            return Some(format!("is {} at generation {}", status.phase.as_str(), status.observed_generation));
        }
        if status.cluster_id != self.host.serving_cluster(id, self.now) {
            return Some("has another cluster ID than its cluster".to_owned());
        }
        // Free pages wait for their window.
        let waits = [ConditionKind::Fragmentation, ConditionKind::QuotaLeft];
        let well = status.conditions.iter().all(|condition| condition.holds || waits.contains(&condition.kind));
        if !well {
            return Some(format!("has the conditions {:?}", status.conditions));
        }
        let of_it = |task: &&cetcd_core::Task| task.instance == *id;
        if !self.audit.tasks.values().filter(of_it).any(|task| task.kind == TaskKind::CreateInstance) {
            return Some("has no task of its creation".to_owned());
        }
        // A storm can keep a member from serving with a new version until its upgrade is given up.
        let given_up =
            |task: &&cetcd_core::Task| task.kind == TaskKind::UpgradeInstance && task.state == TaskState::Failed;
        let mut all = self.audit.tasks.values().filter(of_it);
        let open = all.find(|task| task.state != TaskState::Done && !given_up(task));
        open.map(|task| format!("has the task {task:?}"))
    }

    fn auth_is_not_as_wanted(&self, id: &InstanceId) -> Option<String> {
        let (wanted, cluster) = (self.audit.instances.get(id)?.spec.auth, self.host.clusters.get(id)?);
        if wanted.enabled.is_some_and(|enabled| enabled != cluster.auth) {
            return Some(format!("has auth {}", if cluster.auth { "on" } else { "off" }));
        }
        let generation = wanted.password_generation;
        let right = Some(api::password(generation));
        let matters = cluster.auth && generation > 0;
        (matters && cluster.root_password != right).then(|| format!("has the password {:?}", cluster.root_password))
    }

    /// Whether too few voters are left of those that are sound for the cluster to go on, or to tell who is right: then
    /// a person decides.
    fn nobody_can_tell(&self, id: &InstanceId) -> bool {
        let Some(cluster) = self.host.clusters.get(id) else { return false };
        let sound = |(_, member): &(u32, &Member)| {
            !member.rotten && !member.differs && member.data.is_some_and(|data| cluster.has_voter(data.id))
        };
        let spoilt = self.host.of(id).any(|(_, member)| member.rotten || member.differs);
        (spoilt || cluster.corrupt) && self.host.of(id).filter(sound).count() < quorum(cluster.voters())
    }

    /// Whether too few voters have their data for the cluster to go on.
    fn is_beyond_repair(&self, id: &InstanceId) -> bool {
        let Some(cluster) = self.host.clusters.get(id) else {
            // Its founders lost what would have been their cluster.
            return self.host.of(id).any(|(_, member)| member.is_lost());
        };
        // One whose data was removed under it still decides, until it ends, so that others can come in time. But where
        // it is alone and to stay so, nobody comes.
        let alone = cluster.peers.len() == 1 && self.audit.status.get(id).is_some_and(|s| s.members.len() == 1);
        let sound = |(_, member): &(u32, &Member)| {
            let holds = if alone { member.has_data() } else { member.data.is_some() };
            // A founder that was started last is about to make its data.
            let founds = member.runs() && member.launch.as_ref().is_some_and(|l| l.start == Start::New);
            let about_to = member.data.is_none() && founds;
            about_to || (holds && member.data.is_some_and(|data| cluster.has_voter(data.id)))
        };
        self.host.of(id).filter(sound).count() < quorum(cluster.voters())
    }

    /// What is left when nothing should be.
    fn leftovers(&self) -> Option<String> {
        let (host, audit) = (&self.host, &self.audit);
        let left = [
            ("members", host.members.len()),
            ("routes", host.routes.len()),
            ("statuses", audit.status.len()),
            ("policies and secrets", audit.others.len()),
            ("addresses", audit.addresses.len()),
            ("tasks under way", audit.tasks.values().filter(|t| t.state == TaskState::Process).count()),
        ];
        left.iter().find(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what} are left"))
    }
}
