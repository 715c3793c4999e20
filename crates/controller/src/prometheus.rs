//! Prometheus instances: one keeper for each, woken by changes of what is wanted, by the end of a process, and by time.
//!
//! They are no part of any cluster's plan: a Prometheus that is dead must not keep a cluster from being healed. A
//! cluster only looks at what a keeper recorded, and waits where its owner asked to be watched.

mod jobs;
mod keeper;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cetcd_core::{Clock, Entropy, PrometheusId};
use cetcd_prometheus::Watchers;
use cetcd_runtime::Runtime;
use cetcd_store::{Store, seal::Sealer, view::View};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use keeper::{Kept, PrometheusKeeper};

use crate::Issue;

/// Between two looks at one that is as wanted.
const STEADY: Duration = Duration::from_secs(5);

/// Between two looks while something is waited for.
const WAITING: Duration = Duration::from_millis(500);

/// How long changes are gathered before they are looked at: one of an instance is followed by others.
const GATHERING: Duration = Duration::from_millis(200);

/// All that a keeper of a Prometheus acts through.
#[derive(Clone)]
pub struct PrometheusWorld {
    /// Where desired state is read and everything is recorded.
    pub store: Arc<dyn Store>,
    /// Shows which instances are to be watched.
    pub view: Arc<View>,
    /// Opens certificates.
    pub sealer: Sealer,
    /// Proposes addresses.
    pub runtime: Arc<dyn Runtime>,
    /// Makes the client certificates that it shows to members.
    pub issuer: Arc<dyn Issue>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws tokens.
    pub entropy: Arc<dyn Entropy>,
    /// Runs them and asks them.
    pub watchers: Arc<dyn Watchers>,
}

impl PrometheusWorld {
    /// Keeps every Prometheus as it is wanted, until cancelled. They go on afterwards.
    pub async fn run(self, cancel: CancellationToken) {
        let tracker = TaskTracker::new();
        let mut loops: BTreeMap<PrometheusId, tokio::task::JoinHandle<()>> = BTreeMap::new();
        let mut revisions = self.view.subscribe();
        loop {
            revisions.borrow_and_update();
            loops.retain(|_, running| !running.is_finished());
            for id in self.known() {
                loops.entry(id.clone()).or_insert_with(|| {
                    tracker.spawn(keep(PrometheusKeeper::new(self.clone(), id), self.clone(), cancel.clone()))
                });
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                moved = revisions.changed() => if moved.is_err() { break },
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Every one of which anything is known: of those that are gone, what was recorded goes too.
    fn known(&self) -> BTreeSet<PrometheusId> {
        self.view.prometheus_ids().into_iter().chain(self.watchers.external()).collect()
    }
}

async fn keep(mut keeper: PrometheusKeeper, world: PrometheusWorld, cancel: CancellationToken) {
    let (mut revisions, mut ended) = (world.view.subscribe(), world.watchers.changes());
    loop {
        revisions.borrow_and_update();
        ended.borrow_and_update();
        let turn = tokio::select! {
            () = cancel.cancelled() => return,
            turn = keeper.turn() => turn,
        };
        let pause = match turn {
            Ok(Kept::Gone) => return,
            Ok(Kept::Acted) => Duration::ZERO,
            Ok(Kept::Waiting) => WAITING,
            Ok(Kept::Settled) => STEADY,
            Err(error) if error.is_race() => Duration::ZERO,
            Err(error) => {
                tracing::warn!(prometheus = %keeper.id(), %error, "it could not be seen to; it is looked at again");
                WAITING
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            Ok(()) = ended.changed() => {}
            Ok(()) = revisions.changed() => tokio::time::sleep(GATHERING).await,
        }
    }
}
