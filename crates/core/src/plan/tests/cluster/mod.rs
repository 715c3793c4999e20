//! Every small state of a cluster that has an ID: up to five members on record and those that come for them, each listed or
//! not, with or without a vote, a process, data and the wanted configuration, each wanted or not.
//!
//! Clusters of one to three records are explored in full. With four and five, all combinations of kinds are taken up
//! to the numbering of the members, and every numbering with up to two members that are not well. The walks go
//! through up to ten, where five move to another subnet.

#![allow(clippy::unwrap_used, missing_docs)]

mod regressions;
mod rules;
mod state;
mod walk;

use crate::certificates::Handover;

use self::{
    state::{Access, Cell, Config, Kind, MOST, State},
    walk::Walker,
};

/// What a single member can be: every kind, where it is wanted and where not; one that serves with every configuration.
fn every_cell() -> Vec<Cell> {
    let mut cells = Vec::new();
    for moved in [false, true] {
        cells.extend(Kind::ALL.map(|kind| Cell { kind, moved, config: Config::Wanted }));
        for config in [Config::Recorded, Config::Former] {
            cells.extend([Kind::Serving, Kind::Due].map(|kind| Cell { kind, moved, config }));
        }
    }
    cells
}

/// The states with these members: by leader and endpoint.
fn states(cells: &[Cell], wanted: u8) -> Vec<State> {
    let mut all = [Cell::NONE; MOST];
    all[..cells.len()].copy_from_slice(cells);
    let state = State::of(all, wanted);
    if !state.possible() {
        return Vec::new();
    }
    let serving = |n: &u8| state.cells[usize::from(*n)].kind.serves();
    let last = (0..10).rev().find(serving);
    let mut states = vec![state];
    if last != state.leader {
        states.push(State { leader: last, upgrade: true, ..state });
    }
    states
}

/// What may be missing around the members.
fn surroundings(state: &State) -> Vec<State> {
    let mut found = Vec::new();
    for bits in 0u8..64 {
        let bit = |n: u8| bits & (1 << n) == 0;
        let mut next = *state;
        (next.credentials, next.installed, next.monitored) = (bit(0), bit(1), bit(2));
        (next.policy, next.upgrade, next.endpoint_serving) = (bit(3), !bit(4), bit(5));
        if !next.endpoint_serving {
            next.backends = 0;
        }
        found.push(next);
    }
    found
}

fn ordered(length: usize, cells: &[Cell]) -> Vec<Vec<Cell>> {
    (0..length).fold(vec![Vec::new()], |found: Vec<Vec<Cell>>, _| {
        found.iter().flat_map(|so_far| cells.iter().map(|cell| [so_far.as_slice(), &[*cell]].concat())).collect()
    })
}

fn up_to_numbering(length: usize, cells: &[Cell]) -> Vec<Vec<Cell>> {
    (0..length).fold(vec![Vec::new()], |found: Vec<Vec<Cell>>, _| {
        let more = |so_far: &Vec<Cell>| {
            let from = so_far.last().copied().unwrap_or(cells[0]);
            let rest = cells.iter().filter(move |cell| **cell >= from);
            rest.map(|cell| [so_far.as_slice(), &[*cell]].concat()).collect::<Vec<_>>()
        };
        found.iter().flat_map(more).collect()
    })
}

fn report(walker: &Walker, least: usize) {
    println!("{} states, the longest way is {} turns", walker.states(), walker.longest());
    assert!(walker.states() > least, "{} states are too few to be all", walker.states());
}

#[test]
fn every_state_of_one_or_two_members_with_all_that_may_be_missing_around_them() {
    let mut walker = Walker::new();
    for length in 1..=2 {
        for cells in ordered(length, &every_cell()) {
            for wanted in [1, 3] {
                for state in states(&cells, wanted) {
                    walker.all_arrive(surroundings(&state));
                }
            }
        }
    }
    report(&walker, 50_000);
}

#[test]
fn every_state_of_three_members() {
    let mut walker = Walker::new();
    for cells in ordered(3, &every_cell()) {
        for wanted in [1, 3, 5] {
            walker.all_arrive(states(&cells, wanted));
        }
    }
    report(&walker, 50_000);
}

#[test]
fn every_state_of_four_and_five_members_up_to_their_numbering() {
    let mut walker = Walker::new();
    let kinds = Kind::ALL.map(Cell::of);
    for length in [4, 5] {
        for cells in up_to_numbering(length, &kinds) {
            for wanted in [1, 3, 5] {
                walker.all_arrive(states(&cells, wanted));
            }
        }
    }
    report(&walker, 50_000);
}

#[test]
fn every_state_of_four_and_five_members_with_two_that_are_not_well_wherever_they_are() {
    let mut walker = Walker::new();
    let odd = every_cell();
    for length in [4, 5] {
        for (first, second) in (0..length).flat_map(|a| (a + 1..length).map(move |b| (a, b))) {
            for pair in ordered(2, &odd) {
                let mut cells = vec![Cell::WELL; length];
                (cells[first], cells[second]) = (pair[0], pair[1]);
                for wanted in [3, 5] {
                    walker.all_arrive(states(&cells, wanted));
                }
            }
        }
    }
    report(&walker, 50_000);
}

#[test]
fn every_way_to_roll_three_and_five_members_while_some_are_to_leave() {
    let mut walker = Walker::new();
    let kinds: Vec<Cell> = every_cell().into_iter().filter(|cell| cell.kind == Kind::Serving).collect();
    let staying: Vec<Cell> = kinds.iter().filter(|cell| !cell.moved).copied().collect();
    for (length, wanted) in [(2, 1), (3, 1), (3, 3), (4, 3), (5, 3), (5, 5)] {
        // All that five can be, each with another configuration and in another place, would take half a minute.
        let kinds = if length == 5 { &staying } else { &kinds };
        for cells in ordered(length, kinds) {
            for state in states(&cells, wanted) {
                for leader in 0..u8::try_from(length).unwrap() {
                    walker.arrives(State { leader: Some(leader), ..state });
                }
            }
        }
    }
    report(&walker, 10_000);
}

#[test]
fn every_way_to_the_wanted_authentication() {
    let mut walker = Walker::new();
    let told = [None, Some(false), Some(true)];
    let passwords = [(false, false), (true, false), (true, true)];
    let mut ways = Vec::new();
    for (wanted, on) in told.into_iter().flat_map(|wanted| told.map(|on| (wanted, on))) {
        // Nobody wants it on without a password.
        let fit = passwords.into_iter().filter(|(given, _)| *given || wanted != Some(true));
        ways.extend(fit.map(|(given, applied)| Access { wanted, on, given, applied }));
    }
    let mut kinds =
        [Kind::Serving, Kind::Silent, Kind::Due, Kind::Wiped, Kind::LearnerServing, Kind::Gone].map(Cell::of).to_vec();
    kinds.extend([Config::Recorded, Config::Former].map(|config| Cell { config, ..Cell::WELL }));
    for length in 1..=3u8 {
        for cells in ordered(length.into(), &kinds) {
            for state in [1, 3].into_iter().flat_map(|wanted| states(&cells, wanted)) {
                for access in &ways {
                    walker.arrives(State { access: *access, ..state });
                }
            }
        }
    }
    report(&walker, 10_000);
}

#[test]
fn every_way_out_of_a_lack_of_space() {
    let mut walker = Walker::new();
    let kinds = [Kind::Serving, Kind::Silent, Kind::Due, Kind::Wiped].map(Cell::of);
    for length in 1..=3u8 {
        for cells in ordered(length.into(), &kinds) {
            for state in states(&cells, length) {
                for (full, compacted) in (0..1 << length).flat_map(|full| [(full, false), (full, true)]) {
                    walker.arrives(State { alarm: true, full, compacted, ..state });
                }
            }
        }
    }
    report(&walker, 500);
}

#[test]
fn every_way_to_replace_certificates_whatever_the_members_do() {
    let mut walker = Walker::new();
    for length in 1..=3u8 {
        for cells in ordered(length.into(), &Kind::ALL.map(Cell::of)) {
            for state in states(&cells, length) {
                for (stale, due) in (0..1 << length).flat_map(|stale| [(stale, false), (stale, true)]) {
                    walker.arrives(State { due, stale, ..state });
                }
            }
        }
    }
    report(&walker, 10_000);
}

#[test]
fn every_way_from_one_ca_to_the_next_whatever_the_members_do() {
    let mut walker = Walker::new();
    let steps = [Handover::None, Handover::Introduced, Handover::Overlap, Handover::Withdrawn];
    // Of two voters none can be spared for a restart; nobody can ask for two.
    for length in 1..=3u8 {
        for cells in ordered(length.into(), &Kind::ALL.map(Cell::of)) {
            for state in states(&cells, if length == 2 { 3 } else { length }) {
                for (handover, over) in steps.iter().flat_map(|step| [(*step, false), (*step, true)]) {
                    let (rotate, over) = (handover == Handover::None, over && handover == Handover::Overlap);
                    walker.arrives(State { handover, rotate, over, ..state });
                    let all = state.mask(|kind| kind != Kind::None);
                    walker.arrives(State { handover, rotate, over, rekeyed: true, stale: all, ..state });
                }
            }
        }
    }
    report(&walker, 50_000);
}
