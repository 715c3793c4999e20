//! Time and randomness by seed.

use cetcd_core::{Clock, Entropy};
use jiff::Timestamp;

use crate::Sim;

/// Tells the simulated time.
pub(crate) struct SimClock(pub Sim);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        time_of(self.0.state().now)
    }
}

/// The moment so many milliseconds after the start.
pub(crate) fn time_of(millis: i64) -> Timestamp {
    /// 2026-01-01, in seconds.
    const START: i64 = 1_767_225_600;
    Timestamp::from_millisecond(START * 1000 + millis).expect("a simulation is shorter than thousands of years")
}

/// Draws from the seed.
pub(crate) struct SimEntropy(pub Sim);

impl Entropy for SimEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.state();
        for byte in bytes {
            *byte = state.rng.draw().to_le_bytes()[0];
        }
    }
}
