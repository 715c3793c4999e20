//! One hold: shuts the gate, waits until what was under way is answered, and opens it again in time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, sleep, sleep_until},
};

use crate::{files::Hold, gate::Gate};

/// Answers that are not followed by another for this long were the last ones.
const QUIET: Duration = Duration::from_millis(25);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Watches may bring events all the time: they are not waited for.
const NOISY: Duration = Duration::from_millis(120);

/// What is brought to rest.
pub trait Resting: Send + Sync + 'static {
    /// Its gate.
    fn gate(&self) -> &Gate;

    /// A count that moves with every byte that members answered.
    fn answered(&self) -> u64;

    /// Called once nothing more comes.
    fn rested(&self);
}

/// A hold that began. It ends by itself, and when this is dropped.
pub struct Holding {
    hold: Hold,
    rested: Arc<AtomicBool>,
    task: AbortHandle,
    over: Box<dyn Fn() + Send + Sync>,
}

impl Holding {
    /// Shuts the gate of `route`. `news` is told once it has come to rest.
    pub fn begin<R: Resting>(hold: Hold, route: Arc<R>, news: Arc<Notify>) -> Self {
        let end = Instant::now() + hold.length();
        route.gate().shut();
        let rested = Arc::new(AtomicBool::new(false));
        let (said, over) = (Arc::clone(&rested), Arc::clone(&route));
        let task = tokio::spawn(async move {
            let come_to_rest = async {
                quiet(route.as_ref()).await;
                route.rested();
                said.store(true, Ordering::Release);
                news.notify_one();
            };
            let _ = tokio::time::timeout_at(end, come_to_rest).await;
            sleep_until(end).await;
            route.gate().open();
        });
        Self { hold, rested, task: task.abort_handle(), over: Box::new(move || over.gate().open()) }
    }

    /// What was asked for.
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Its number, once everything is at rest.
    pub fn rested(&self) -> Option<u64> {
        self.rested.load(Ordering::Acquire).then_some(self.hold.number)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.task.abort();
        (self.over)();
    }
}

/// Waits until no answer came for a while.
async fn quiet(route: &impl Resting) {
    let begun = Instant::now();
    let (mut last, mut since) = (route.answered(), begun);
    while since.elapsed() < QUIET && begun.elapsed() < NOISY {
        sleep(LOOK_EVERY).await;
        let answered = route.answered();
        if answered != last {
            (last, since) = (answered, Instant::now());
        }
    }
}
