//! Following the planner, each action having its ideal effect, until all is as wanted or nothing can be done.

use std::collections::HashMap;

use super::{
    super::super::{Plan, plan},
    rules,
    state::{Cell, Config, Kind, State, now},
};
use crate::{Instance, Status, action::Action, certificates::Handover, observed::Observed, quorum::quorum};

/// The most turns that any state takes. Six members that are replaced one by one, each in up to ten turns, and a roll.
const MOST_TURNS: u32 = 120;

pub struct Walker {
    /// Turns from a state to its end.
    known: HashMap<State, u32>,
    scratch: (Instance, Status, Observed),
}

impl Walker {
    pub fn new() -> Self {
        Self { known: HashMap::new(), scratch: State::well(1).build() }
    }

    pub fn states(&self) -> usize {
        self.known.len()
    }

    pub fn longest(&self) -> u32 {
        self.known.values().copied().max().unwrap_or_default()
    }

    pub fn all_arrive(&mut self, starts: Vec<State>) {
        for start in starts {
            self.arrives(start);
        }
    }

    /// Panics where a rule is broken on the way from `start` to its end, or the way is too long or a circle.
    pub fn arrives(&mut self, start: State) {
        let mut path: Vec<State> = Vec::new();
        let mut state = start;
        let mut turns = loop {
            if let Some(turns) = self.known.get(&state) {
                break *turns;
            }
            if path.len() > MOST_TURNS as usize {
                let tail: Vec<String> =
                    path.iter().rev().take(12).map(|s| format!("{:?} in {s:?}", s.plan())).collect();
                panic!("no end in sight from {start:?}:\n{}", tail.join("\n"));
            }
            path.push(state);
            match self.turn(&state) {
                Some(next) => state = next,
                None => break 0,
            }
        };
        for state in path.into_iter().rev() {
            turns += 1;
            assert!(turns <= MOST_TURNS, "{turns} turns from {state:?}");
            self.known.insert(state, turns);
        }
    }

    fn turn(&mut self, state: &State) -> Option<State> {
        state.update(&mut self.scratch);
        let (instance, status, observed) = &self.scratch;
        let plan = plan(instance, status, observed, now());
        rules::check(state, &plan);
        match plan {
            Plan::Converged => None,
            Plan::Act(action) => {
                let next = ideal(*state, &action);
                assert!(next != *state, "{action:?} does nothing in {state:?}");
                Some(next)
            }
            Plan::Wait { reason, .. } => {
                let next = waited(*state);
                if next != *state {
                    return Some(next);
                }
                let sound = |kind: Kind| kind.voter() && kind.data();
                let enough = state.count(sound) >= quorum(state.count(Kind::voter));
                assert!(!enough, "waits for nothing ({reason}) in {state:?}");
                None
            }
        }
    }
}

/// The state after `action` did all that it should.
pub fn ideal(mut state: State, action: &Action) -> State {
    let set = |state: &mut State, ordinal: u32, kind: Kind| state.cells[ordinal as usize].kind = kind;
    match action {
        Action::RestartMember { ordinal } => {
            let cell = &mut state.cells[*ordinal as usize];
            cell.kind = match cell.kind {
                // The others refuse one that was removed: it ends again.
                Kind::Outcast => Kind::OutcastLater,
                Kind::JoinDead => Kind::Joining,
                Kind::LearnerDue => Kind::LearnerStarting,
                _ => Kind::Silent,
            };
            started(cell);
            state.stale &= !(1 << ordinal);
        }
        Action::AddToCluster { ordinal } => set(&mut state, *ordinal, Kind::Added),
        Action::JoinMember { ordinal } => {
            set(&mut state, *ordinal, Kind::Joining);
            state.full &= !(1 << ordinal);
            state.stale &= !(1 << ordinal);
            started(&mut state.cells[*ordinal as usize]);
        }
        Action::PromoteMember { ordinal, .. } => set(&mut state, *ordinal, Kind::Serving),
        Action::RemoveFromCluster { ordinal, .. } => {
            let kind = state.cell(*ordinal).kind;
            let left = match kind {
                Kind::Added => Kind::Gone,
                _ if kind.runs() => Kind::Zombie,
                _ if kind.data() => Kind::Outcast,
                _ => Kind::Littered,
            };
            set(&mut state, *ordinal, left);
        }
        Action::MoveLeader { to, .. } => state.leader = u8::try_from(*to).ok(),
        Action::RollMember { ordinal } => {
            let cell = &mut state.cells[*ordinal as usize];
            (cell.kind, cell.config) = (Kind::Due, Config::Recorded);
        }
        Action::StopMembers { ordinals } => ordinals.iter().for_each(|o| set(&mut state, *o, Kind::Outcast)),
        Action::RemoveMembers { ordinals } => ordinals.iter().for_each(|o| set(&mut state, *o, Kind::Gone)),
        Action::DropMember { ordinal } => {
            state.cells[*ordinal as usize] = Cell::NONE;
            state.stale &= !(1 << ordinal);
        }
        Action::Place => {
            while state.kept().count() < usize::from(state.wanted) {
                let free = state.cells.iter_mut().find(|cell| cell.kind == Kind::None).unwrap();
                *free = Cell::of(Kind::Gone);
            }
            state.credentials = false;
        }
        Action::IssueCredentials => {
            state.stale |= if state.due { state.mask(Kind::runs) } else { 0 };
            state.rekeyed &= !state.due;
            (state.credentials, state.due) = (true, false);
        }
        Action::DeliverCertificates { ordinals } => ordinals.iter().for_each(|o| state.stale &= !(1 << o)),
        Action::ChangeAuthority { to } => {
            state.handover = *to;
            let members = state.mask(|kind| kind != Kind::None);
            match to {
                Handover::Introduced => (state.rotate, state.rekeyed, state.stale) = (false, true, members),
                Handover::Overlap => (state.rekeyed, state.stale) = (false, members),
                Handover::Withdrawn => (state.over, state.rekeyed, state.stale) = (false, false, members),
                Handover::None => {}
            }
            // A CA that came or went: every member is to trust something else.
            if matches!(to, Handover::Introduced | Handover::None) {
                let there = state.cells.iter_mut().filter(|cell| cell.kind != Kind::None);
                there.for_each(|cell| cell.config = Config::Former);
            }
        }
        Action::InstallVersion => state.installed = true,
        Action::TakeUpgradeSnapshot => state.snapshot = true,
        Action::ServeEndpoint { backends, .. } => {
            state.endpoint_serving = true;
            state.backends = rules::mask_of(backends);
        }
        Action::Compact => state.compacted = true,
        Action::Defragment { ordinal } => state.full &= !(1 << ordinal),
        Action::DisarmSpace => state.alarm = false,
        Action::EnableAuth => (state.access.on, state.access.applied) = (Some(true), true),
        Action::DisableAuth => state.access.on = Some(false),
        Action::SetRootPassword => state.access.applied = true,
        Action::StartMonitoring => state.monitored = true,
        Action::CreateBackupPolicy => state.policy = true,
        other => unreachable!("{other:?} is refused by the rules"),
    }
    settled(state)
}

/// A process that is started runs with what is recorded.
fn started(cell: &mut Cell) {
    if cell.config == Config::Recorded {
        cell.config = Config::Wanted;
    }
}

/// Without a quorum nobody serves, and somebody who serves leads.
pub fn settled(mut state: State) -> State {
    if !state.decides() {
        for cell in &mut state.cells {
            match cell.kind {
                Kind::Serving | Kind::WipedServing => cell.kind = Kind::Silent,
                Kind::LearnerServing => cell.kind = Kind::LearnerStarting,
                _ => {}
            }
        }
    }
    if state.leader.is_none_or(|leader| !state.cell(leader.into()).kind.serves()) {
        state.leader = state.first(Kind::serves);
    }
    state
}

/// The state after a while: what was starting serves, where there is a quorum; pauses are over.
pub fn waited(mut state: State) -> State {
    let decides = state.decides();
    if decides && state.access.managed() && state.access.on.is_none() {
        state.access.on = Some(true);
    }
    for cell in &mut state.cells {
        cell.kind = match cell.kind {
            Kind::Silent if decides => Kind::Serving,
            Kind::Joining | Kind::LearnerStarting if decides => Kind::LearnerServing,
            Kind::Later => Kind::Due,
            Kind::JoinLater => Kind::JoinDue,
            // While nobody can tell it that it was removed, it goes on ending.
            Kind::OutcastLater if decides => Kind::Outcast,
            same => same,
        };
    }
    settled(state)
}
