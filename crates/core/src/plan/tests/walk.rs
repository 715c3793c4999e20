//! Following the planner, each action having its ideal effect, until the cluster's ID is latched or nothing is left.

use std::collections::HashMap;

use super::{
    super::{Plan, plan},
    rules,
    state::{Member, NOW, State},
};
use crate::{Instance, Status, action::Action, observed::Observed};

/// The most turns that any state takes. With five members: three to be ready, a wait, a latch, one for each
/// restart, a wait, and three for the endpoint as members come back.
const MOST_TURNS: u32 = 20;

/// Walks states of one size, each once.
pub struct Walker {
    /// Turns from a state, by its key, to its end.
    known: HashMap<u64, u32>,
    scratch: (Instance, Status, Observed),
}

/// What a turn leads to.
enum Next {
    State(State),
    End,
}

impl Walker {
    pub fn new(size: u8) -> Self {
        Self { known: HashMap::new(), scratch: State::running(size).build() }
    }

    /// How many states were seen.
    pub fn states(&self) -> usize {
        self.known.len()
    }

    /// Panics where a rule is broken on the way from `start` to its end, or the way is too long or a circle.
    pub fn arrives(&mut self, start: State) {
        let mut path = Vec::new();
        let mut state = start;
        let mut turns = loop {
            if let Some(turns) = self.known.get(&state.key()) {
                break *turns;
            }
            assert!(path.len() < MOST_TURNS as usize, "no end in sight from {start:?}: now {state:?}");
            path.push(state);
            match self.turn(&state) {
                Next::State(next) => state = next,
                Next::End => break 0,
            }
        };
        for state in path.into_iter().rev() {
            turns += 1;
            assert!(turns <= MOST_TURNS, "{turns} turns from {state:?}");
            self.known.insert(state.key(), turns);
        }
    }

    fn turn(&mut self, state: &State) -> Next {
        state.update(&mut self.scratch);
        let (instance, status, observed) = &self.scratch;
        let plan = plan(instance, status, observed, NOW);
        rules::check(state, &plan);
        match plan {
            Plan::Act(Action::LatchCluster { cluster_id }) => {
                rules::check_latch(state, cluster_id);
                Next::End
            }
            Plan::Act(Action::Forget) => Next::End,
            Plan::Act(action) => Next::State(ideal(*state, &action)),
            Plan::Converged => unreachable!("the rules refuse it"),
            Plan::Wait { .. } => {
                let next = waited(*state);
                assert!(next != *state, "waits for nothing in {state:?}");
                Next::State(next)
            }
        }
    }
}

/// The state after `action` did all that it should.
fn ideal(mut state: State, action: &Action) -> State {
    let mut become_ = |ordinals: &[u32], what: Member| {
        for ordinal in ordinals {
            state.members[*ordinal as usize] = what;
        }
    };
    match action {
        Action::Bootstrap { ordinals } => become_(ordinals, Member::Starting),
        Action::StopMembers { ordinals } => become_(ordinals, Member::Due),
        Action::RemoveMembers { ordinals } => become_(ordinals, Member::Absent),
        Action::Place => state.placed = true,
        Action::IssueCredentials => state.credentials = true,
        Action::InstallVersion => state.installed = true,
        Action::RemoveEndpoint => {
            state.endpoint_serving = false;
            state.backends = 0;
        }
        other => unreachable!("{other:?} changes a cluster that has an ID"),
    }
    state
}

/// The state after a while: what was starting serves, pauses are over.
fn waited(mut state: State) -> State {
    for member in &mut state.members[..usize::from(state.size)] {
        *member = match *member {
            Member::Starting | Member::Unasked => Member::Right,
            Member::Later => Member::Due,
            same => same,
        };
    }
    state
}
