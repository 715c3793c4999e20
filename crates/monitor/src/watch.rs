//! The loop that reads every member's metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cetcd_core::{
    Clock, Instance, InstanceId, Status,
    condition::Condition,
    status::{MemberRecord, Phase},
};
use cetcd_store::view::View;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    LiveMembers,
    history::{History, Series, thinned},
    judge::judge,
    metric::Metric,
    text::Reading,
};

/// How members are watched.
#[derive(Debug, Clone)]
pub struct Options {
    /// Between two readings of a member.
    pub every: Duration,
    /// Readings that are kept of a member.
    pub kept: usize,
    /// Members that are read at the same time.
    pub at_once: usize,
}

impl Default for Options {
    /// Two hours at ten seconds.
    fn default() -> Self {
        Self { every: Duration::from_secs(10), kept: 720, at_once: 8 }
    }
}

/// Reads and remembers.
pub struct Monitor {
    view: Arc<View>,
    members: Arc<dyn LiveMembers>,
    clock: Arc<dyn Clock>,
    options: Options,
    watched: Mutex<BTreeMap<InstanceId, Watched>>,
}

/// What is remembered of an instance.
#[derive(Default)]
struct Watched {
    since: Option<Timestamp>,
    /// Since when nothing is being changed; absent while something is.
    calm_since: Option<Timestamp>,
    members: BTreeMap<u32, History>,
    conditions: Vec<Condition>,
}

impl Monitor {
    /// A monitor of the instances of `view`; [`run`](Self::run) makes it watch.
    pub fn new(view: Arc<View>, members: Arc<dyn LiveMembers>, clock: Arc<dyn Clock>, options: Options) -> Arc<Self> {
        Arc::new(Self { view, members, clock, options, watched: Mutex::default() })
    }

    /// Watches until cancelled.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut turns = tokio::time::interval(self.options.every);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = turns.tick() => {}
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.turn() => {}
            }
        }
    }

    /// Reads every member once.
    pub async fn turn(&self) {
        let instances = self.view.instance_revisions().into_iter().filter_map(|(id, _)| {
            let instance = self.view.instance(&id)?.value;
            let status = self.view.status(&id)?;
            // Before it has a cluster there is nobody to ask, and then nobody needs to know.
            (status.cluster_id.is_some() && !instance.spec.deleting).then_some((instance, status))
        });
        let instances: Vec<(Arc<Instance>, Arc<Status>)> = instances.collect();
        let known: BTreeSet<&InstanceId> = instances.iter().map(|(instance, _)| &instance.id).collect();
        self.watched().retain(|id, _| known.contains(id));
        let mut readings = Vec::new();
        for (instance, status) in &instances {
            readings.extend(status.members.iter().map(|member| self.read(instance, member)));
        }
        stream::iter(readings).buffer_unordered(self.options.at_once).collect::<()>().await;
        let now = self.clock.now();
        let mut watched = self.watched();
        for (instance, status) in &instances {
            watched.entry(instance.id.clone()).or_default().judge(status, now);
        }
    }

    async fn read(&self, instance: &Instance, member: &MemberRecord) {
        let text = match self.members.metrics(instance, member).await {
            Ok(text) => text,
            Err(reason) => {
                tracing::debug!(instance = %instance.id, member = member.ordinal, reason, "no metrics");
                return;
            }
        };
        let reading = Reading::parse(&text);
        let now = self.clock.now();
        let mut watched = self.watched();
        let history = watched.entry(instance.id.clone()).or_default().members.entry(member.ordinal).or_default();
        history.add(now, reading, self.options.kept);
    }

    /// Metrics of an instance's members from one second to another, one point at most for each `step` seconds.
    pub fn series(&self, id: &InstanceId, metrics: &[Metric], from: i64, to: i64, step: i64) -> Vec<Series> {
        let watched = self.watched();
        let Some(instance) = watched.get(id) else { return Vec::new() };
        let all =
            metrics.iter().flat_map(|metric| instance.members.iter().map(move |(o, history)| (*metric, *o, history)));
        all.map(|(metric, ordinal, history)| Series {
            ordinal,
            metric,
            points: thinned(history.points(metric, from, to), step),
        })
        .collect()
    }

    /// What is true of an instance as far as its metrics tell; nothing before it was watched.
    pub fn conditions(&self, id: &InstanceId) -> Vec<Condition> {
        self.watched().get(id).map(|instance| instance.conditions.clone()).unwrap_or_default()
    }

    /// Since when the instance is watched.
    pub(crate) fn watched_since(&self, id: &InstanceId) -> Option<Timestamp> {
        self.watched().get(id)?.since
    }

    /// The records of instances.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn judge(&mut self, status: &Status, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        self.calm_since = if status.phase == Phase::Running { self.calm_since.or(Some(now)) } else { None };
        self.members.retain(|ordinal, _| status.member(*ordinal).is_some());
        let members = status.members.iter().map(|member| (member, self.members.get(&member.ordinal)));
        judge(members, since, self.calm_since, now, &mut self.conditions);
    }
}
