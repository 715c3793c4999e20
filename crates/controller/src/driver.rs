//! Drives the reconcilers: one loop an instance, woken by a change of what is wanted, by the end of a
//! process, and by time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cetcd_core::{InstanceId, task::TaskState};
use cetcd_store::{Txn, records, view::View};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Metrics, Reconciler, Turn, World,
    backups::{Keeper, Kept},
};

/// The controller's pace.
#[derive(Debug, Clone)]
pub struct Options {
    /// Between two looks at an instance that is as wanted.
    pub steady: Duration,
    /// The first pause while something is waited for; doubled up to `steady`.
    pub shortest_pause: Duration,
    /// How long an ended task is kept.
    pub task_retention: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steady: Duration::from_secs(2),
            shortest_pause: Duration::from_millis(20),
            task_retention: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// Keeps every instance of the store as it is wanted.
pub struct Controller {
    world: World,
    view: Arc<View>,
    metrics: Metrics,
    options: Options,
}

/// A running loop: told the revision of its instance's desired state.
struct Loop {
    wanted: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Controller {
    /// A controller over `world`; `view` tells it which instances there are.
    pub fn new(world: World, view: Arc<View>, metrics: Metrics, options: Options) -> Self {
        Self { world, view, metrics, options }
    }

    /// Runs until cancelled. Members and endpoints go on afterwards. `looked` is sent once every instance that
    /// was there at the start was looked at: what is recorded of them is true again from then on.
    pub async fn run(self, cancel: CancellationToken, looked: oneshot::Sender<()>) {
        let tracker = TaskTracker::new();
        let mut loops: BTreeMap<InstanceId, Loop> = BTreeMap::new();
        let mut keepers: BTreeMap<InstanceId, Loop> = BTreeMap::new();
        let (first, mut all_dropped) = mpsc::channel::<()>(1);
        self.attend(&mut loops, &tracker, &cancel, Some(&first));
        drop(first);
        tracker.spawn(async move {
            // Every loop drops its sender after its first turn; nothing is ever sent.
            all_dropped.recv().await;
            // Nobody may be waiting any more.
            let _ = looked.send(());
        });
        let mut revisions = self.view.subscribe();
        let mut sweep = tokio::time::interval(Duration::from_secs(3600));
        loop {
            revisions.borrow_and_update();
            self.attend(&mut loops, &tracker, &cancel, None);
            self.attend_keepers(&mut keepers, &tracker, &cancel);
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = sweep.tick() => self.drop_old_tasks().await,
                moved = revisions.changed() => if moved.is_err() { break },
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Starts a loop for each instance that has none, and wakes those whose desired state moved.
    fn attend(
        &self,
        loops: &mut BTreeMap<InstanceId, Loop>,
        tracker: &TaskTracker,
        cancel: &CancellationToken,
        first: Option<&mpsc::Sender<()>>,
    ) {
        loops.retain(|_, running| !running.task.is_finished());
        for (id, revision) in self.view.instance_revisions() {
            let running = loops.entry(id.clone()).or_insert_with(|| {
                let (wanted, woken) = watch::channel(revision);
                let reconciler = Reconciler::new(self.world.clone(), self.metrics.clone(), id.clone());
                let pace = Pace { options: self.options.clone(), pause: self.options.shortest_pause };
                let metrics = self.metrics.clone();
                let changes = self.world.runtime.changes(&id);
                let cancel = cancel.clone();
                let first = first.cloned();
                let task = tracker.spawn(async move {
                    drive(reconciler, pace, woken, changes, cancel, first).await;
                    metrics.forgot(&id);
                });
                Loop { wanted, task }
            });
            running.wanted.send_if_modified(|known| std::mem::replace(known, revision) != revision);
        }
    }

    /// Starts a keeper for each instance, and for each that is gone and has a backup to be removed; wakes those whose
    /// policies, snapshots or desired state moved.
    fn attend_keepers(
        &self,
        keepers: &mut BTreeMap<InstanceId, Loop>,
        tracker: &TaskTracker,
        cancel: &CancellationToken,
    ) {
        keepers.retain(|_, running| !running.task.is_finished());
        let mut revisions: BTreeMap<InstanceId, u64> = self.view.instance_revisions().into_iter().collect();
        for (id, revision) in self.view.backup_revisions() {
            if let Some(known) = revisions.get_mut(&id) {
                *known = revision.max(*known);
            } else if self.view.snapshots_of(&id).iter().any(|snapshot| snapshot.deleting) {
                revisions.insert(id, revision);
            }
        }
        for (id, revision) in revisions {
            let running = keepers.entry(id.clone()).or_insert_with(|| {
                let (wanted, woken) = watch::channel(revision);
                let keeper = Keeper::new(self.world.clone(), id.clone()).woken_by(woken.clone());
                let pace = Pace { options: self.options.clone(), pause: self.options.shortest_pause };
                let (cancel, world) = (cancel.clone(), self.world.clone());
                let task = tracker.spawn(async move {
                    keep(keeper, pace, &world, woken, cancel).await;
                    world.backup_metrics.forgot(&id);
                });
                Loop { wanted, task }
            });
            running.wanted.send_if_modified(|known| std::mem::replace(known, revision) != revision);
        }
    }

    /// Removes tasks that ended long ago.
    async fn drop_old_tasks(&self) {
        let now = self.world.clock.now();
        let retention = self.options.task_retention;
        let old = self.view.tasks_where(|task| {
            let age = now.duration_since(task.updated_at);
            task.state != TaskState::Process && age.as_secs_f64() > retention.as_secs_f64()
        });
        for task in old {
            if let Err(error) = self.world.store.txn(Txn::new().delete(records::task_key(&task))).await {
                tracing::warn!(task = task.id, %error, "an old task could not be removed; the next hour tries again");
            }
        }
    }
}

async fn drive(
    mut reconciler: Reconciler,
    mut pace: Pace,
    mut wanted: watch::Receiver<u64>,
    mut processes: watch::Receiver<u64>,
    cancel: CancellationToken,
    mut first: Option<mpsc::Sender<()>>,
) {
    loop {
        // What changes from here on is not in this turn's look: it wakes the next one.
        wanted.borrow_and_update();
        processes.borrow_and_update();
        let turn = tokio::select! {
            () = cancel.cancelled() => return,
            turn = reconciler.turn() => turn,
        };
        // Says that the first look was taken.
        drop(first.take());
        let pause = match turn {
            Ok(Turn::Gone) => return,
            Ok(turn) => pace.after(&turn),
            Err(error) if error.is_race() => pace.after(&Turn::Acted),
            Err(error) => {
                tracing::error!(instance = %reconciler.id(), %error, "a turn failed; it is taken again");
                pace.after(&Turn::Failed)
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            Ok(()) = wanted.changed() => pace.reset(),
            Ok(()) = processes.changed() => pace.reset(),
        }
    }
}

/// The longest pause while restored members start: what it adds is time that clients wait.
const LONGEST_IN_A_RESTORE: Duration = Duration::from_millis(100);

/// The longest that a keeper rests. What it waits for comes with a change of its records, but for a cluster that
/// begins or ceases to be there.
const LONGEST_REST: Duration = Duration::from_secs(10);

async fn keep(
    mut keeper: Keeper,
    mut pace: Pace,
    world: &World,
    mut wanted: watch::Receiver<u64>,
    cancel: CancellationToken,
) {
    loop {
        wanted.borrow_and_update();
        let turn = tokio::select! {
            () = cancel.cancelled() => return,
            turn = keeper.turn() => turn,
        };
        let pause = match turn {
            Ok(Kept::Gone) => return,
            Ok(Kept::Acted) => pace.after(&Turn::Acted),
            Ok(Kept::Failed) => pace.after(&Turn::Failed),
            Ok(Kept::Waiting(until)) => {
                pace.reset();
                let rest = until.map(|until| until.duration_since(world.clock.now()));
                rest.map_or(LONGEST_REST, |rest| Duration::try_from(rest).unwrap_or_default().min(LONGEST_REST))
            }
            Err(error) if error.is_race() => pace.after(&Turn::Acted),
            Err(error) => {
                tracing::warn!(instance = %keeper.id(), %error, "backups could not be seen to; they are looked at again");
                pace.after(&Turn::Failed)
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            Ok(()) = wanted.changed() => {}
        }
    }
}

/// How long to pause: not at all after something was done, longer and longer while something is waited for.
struct Pace {
    options: Options,
    pause: Duration,
}

impl Pace {
    fn reset(&mut self) {
        self.pause = self.options.shortest_pause;
    }

    fn after(&mut self, turn: &Turn) -> Duration {
        match turn {
            Turn::Acted | Turn::Gone => {
                self.reset();
                Duration::ZERO
            }
            Turn::Converged => {
                self.reset();
                self.options.steady
            }
            Turn::Restoring => {
                self.pause = (self.pause * 2).min(LONGEST_IN_A_RESTORE);
                self.pause
            }
            Turn::Waiting | Turn::Failed => {
                let pause = self.pause;
                self.pause = (pause * 2).min(self.options.steady);
                pause
            }
        }
    }
}
