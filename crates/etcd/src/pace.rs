//! How fast a snapshot may come from a member that has clients to serve, too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Waits that are shorter than the timer's step are put together, and what it wakes too late is made up for.
const STEP: Duration = Duration::from_millis(1);
/// Of time that others lost no more than this.
const MADE_UP_FOR: Duration = Duration::from_millis(5);

/// So many bytes a second at most, or any number. Clones share it: it may be changed while bytes move.
#[derive(Debug, Clone, Default)]
pub struct Pace(Arc<AtomicU64>);

impl Pace {
    /// Sets it; 0 is any number.
    pub fn set(&self, bytes_a_second: u64) {
        self.0.store(bytes_a_second, Ordering::Relaxed);
    }

    /// What is set; `None` for any number.
    pub fn limit(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|limit| *limit > 0)
    }
}

/// Keeps what it is told of to a pace.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    pub pace: Pace,
    /// When what came so far is through at this pace.
    due: Option<Instant>,
}

impl Pacer {
    pub fn new(pace: Pace) -> Self {
        Self { pace, due: None }
    }

    /// Waits for as long as so many bytes more take.
    pub async fn pass(&mut self, bytes: usize) {
        let Some(limit) = self.pace.limit() else {
            self.due = None;
            return;
        };
        let now = Instant::now();
        let takes = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / limit);
        let due = self.due.map_or(now, |due| due.max(now - MADE_UP_FOR)) + takes;
        self.due = Some(due);
        if due > now + STEP {
            tokio::time::sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_for(pacer: &mut Pacer, parts: usize) -> f64 {
        let began = Instant::now();
        for _ in 0..parts {
            pacer.pass(32 << 10).await;
        }
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_come_at_the_pace_that_is_set_and_at_once_where_none_is() {
        let pace = Pace::default();
        let mut pacer = Pacer::new(pace.clone());
        assert!(seconds_for(&mut pacer, 1000).await < 0.001);
        pace.set(8 << 20);
        let took = seconds_for(&mut pacer, 512).await;
        assert!((1.9..2.1).contains(&took), "16 MiB at 8 MiB a second took {took} s");
        pace.set(0);
        assert!(seconds_for(&mut pacer, 1000).await < 0.001);
    }
}
