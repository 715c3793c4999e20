//! The gate that every effect passes: where it may be delayed, fail, or be the last one before a crash.

use std::{
    collections::BTreeMap,
    future::{pending, poll_fn},
    task::Poll,
};

use crate::{Rng, Sim, sim::State};

/// What becomes of one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Good,
    /// It is done twice, and the second answer is given.
    Twice,
    /// It is not done, and an error is answered.
    FailBefore,
    /// It is done, and an error is answered all the same.
    FailAfter,
    /// The control plane dies before it.
    CrashBefore,
    /// The control plane dies after it, before it learns of it.
    CrashAfter,
    /// A transaction is answered as if one of its conditions did not hold. Other effects are done.
    Conflict,
}

/// How often what goes wrong, in thousandths of all effects.
#[derive(Debug, Clone, Copy)]
pub struct Odds {
    /// [`Fate::FailBefore`] and [`Fate::FailAfter`], each.
    pub fail: u64,
    /// [`Fate::CrashBefore`] and [`Fate::CrashAfter`], each.
    pub crash: u64,
    /// [`Fate::Conflict`].
    pub conflict: u64,
}

/// By what the fates are drawn.
#[derive(Debug, Clone)]
pub enum Weather {
    /// All goes well.
    Calm,
    /// By odds.
    Random(Odds),
    /// The n-th effect from now on, from 1, has this fate; all others go well.
    Script(BTreeMap<u64, Fate>),
}

/// The state of the gate.
#[derive(Debug)]
pub(crate) struct Gate {
    pub weather: Weather,
    /// Effects since the weather last changed.
    pub passed: u64,
    /// The control plane is dead: none of its effects happens any more.
    pub crashed: bool,
    /// The fate drawn last: that of the effect being applied.
    pub fate: Fate,
    /// What the effects of a script were.
    pub names: Vec<String>,
}

impl Gate {
    pub fn new() -> Self {
        Self { weather: Weather::Calm, passed: 0, crashed: false, fate: Fate::Good, names: Vec::new() }
    }

    pub fn draw(&mut self, what: &str, rng: &mut Rng) -> Fate {
        self.passed += 1;
        if matches!(self.weather, Weather::Script(_)) {
            self.names.push(what.to_owned());
        }
        self.fate = self.next_fate(rng);
        self.fate
    }

    fn next_fate(&self, rng: &mut Rng) -> Fate {
        match &self.weather {
            Weather::Calm => Fate::Good,
            Weather::Script(fates) => fates.get(&self.passed).copied().unwrap_or(Fate::Good),
            Weather::Random(odds) => {
                let Odds { fail, crash, conflict } = *odds;
                let mut drawn = rng.below(1000);
                for (odds, fate) in [
                    (fail, Fate::FailBefore),
                    (fail, Fate::FailAfter),
                    (crash, Fate::CrashBefore),
                    (crash, Fate::CrashAfter),
                    (conflict, Fate::Conflict),
                ] {
                    if drawn < odds {
                        return fate;
                    }
                    drawn -= odds;
                }
                Fate::Good
            }
        }
    }
}

impl Sim {
    /// Passes the gate with one effect. `fault` makes the error, and may leave things half done.
    pub(crate) async fn effect<T, E>(
        &self,
        what: String,
        mut apply: impl FnMut(&mut State) -> Result<T, E> + Send,
        fault: impl FnOnce(&mut State) -> E + Send,
    ) -> Result<T, E> {
        self.pause().await;
        let answer = {
            let mut state = self.state();
            let fate = state.draw_fate(&what);
            state.pass_time();
            if fate == Fate::Good {
                state.note(format_args!("{what}"));
            } else {
                state.note(format_args!("{what}: {fate:?}"));
            }
            match fate {
                Fate::Good | Fate::Conflict => Some(apply(&mut state)),
                Fate::Twice => {
                    let _ = apply(&mut state);
                    Some(apply(&mut state))
                }
                Fate::FailBefore => Some(Err(fault(&mut state))),
                Fate::FailAfter => {
                    let _ = apply(&mut state);
                    Some(Err(fault(&mut state)))
                }
                Fate::CrashBefore => {
                    state.gate.crashed = true;
                    None
                }
                Fate::CrashAfter => {
                    let _ = apply(&mut state);
                    state.gate.crashed = true;
                    None
                }
            }
        };
        match answer {
            Some(answer) => {
                self.pause().await;
                answer
            }
            None => pending().await,
        }
    }

    /// Lets others go first, now and then; for ever, where the control plane is dead.
    async fn pause(&self) {
        let mut turns = self.state().draw_pause();
        poll_fn(|context| {
            if self.state().gate.crashed {
                return Poll::Pending;
            }
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
