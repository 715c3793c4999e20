#![allow(clippy::unwrap_used, clippy::struct_excessive_bools)]

use std::collections::BTreeSet;

use super::*;
use crate::{
    certificates::OnDisk,
    instance::Restore,
    observed::{Health, Peer, Serving},
    plan::plan,
    status::{Restored, Restoring},
    testing::{self, at, client},
};

const OLD: u64 = 0xa;
const NEW: u64 = 0xb;
const RESTORE: &str = "the-restore";

/// A member on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Member {
    data: bool,
    /// Its data is of the restore.
    new: bool,
    runs: bool,
    serves: bool,
}

/// An instance whose restore was asked for, as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    /// Into a new instance.
    fresh: bool,
    placed: bool,
    credentials: bool,
    begun: bool,
    backed_up: bool,
    routed: bool,
    latched: bool,
    done: bool,
    members: Vec<Member>,
}

impl State {
    fn in_place(size: usize) -> Self {
        let well = Member { data: true, new: false, runs: true, serves: true };
        Self {
            fresh: false,
            placed: true,
            credentials: true,
            begun: false,
            backed_up: false,
            routed: true,
            latched: false,
            done: false,
            members: vec![well; size],
        }
    }

    fn fresh(size: usize) -> Self {
        let none = Member::default();
        let members = vec![none; size];
        Self { fresh: true, placed: false, credentials: false, routed: false, members, ..Self::in_place(size) }
    }

    fn instance(&self) -> Instance {
        let mut instance = testing::instance(u8::try_from(self.members.len()).unwrap());
        instance.generation = 2;
        instance.spec.restore = Some(Restore {
            id: RESTORE.to_owned(),
            source: instance.id.clone(),
            snapshot: "s".to_owned(),
            skip_backup: false,
        });
        instance
    }

    fn status(&self) -> Status {
        let size = if self.placed { self.members.len() } else { 0 };
        let mut status = testing::status(u8::try_from(size).unwrap());
        status.cluster_id = match (self.latched || self.done, self.fresh) {
            (true, _) => Some(NEW),
            (false, true) => None,
            (false, false) => Some(OLD),
        };
        if !self.placed {
            status.endpoint = None;
        }
        status.observed_generation = u64::from(!self.fresh);
        status.restoring = (self.begun && !self.done).then(|| Restoring {
            id: RESTORE.to_owned(),
            token: "fresh".to_owned(),
            backed_up: self.backed_up,
            cluster_id: self.latched.then_some(NEW),
        });
        status.restored = self.done.then(|| Restored { id: RESTORE.to_owned(), at: at(1) });
        status
    }

    fn observed(&self) -> Observed {
        let member = |(ordinal, m): (usize, &Member)| ObservedMember {
            ordinal: u32::try_from(ordinal).unwrap(),
            process: if m.runs { Process::Running } else { Process::Absent },
            footprint: m.data,
            data: m.data,
            restored: m.new.then(|| RESTORE.to_owned()),
            shows: OnDisk::default(),
            bad_data: None,
            started_with: m.runs.then(|| self.instance().spec.run_config(0).line()),
            health: if m.serves {
                Health::Serving(Serving {
                    cluster_id: if m.new { NEW } else { OLD },
                    member_id: ordinal as u64,
                    leader: ordinal == 0,
                    learner: false,
                    version: "3.5.16".to_owned(),
                    database_bytes: 1,
                    database_bytes_in_use: 1,
                })
            } else {
                Health::NotServing("starting".to_owned())
            },
            disk_bytes: 0,
            unlimited: None,
        };
        let listed = self.members.iter().any(|m| m.serves);
        let peers = || {
            (0..self.members.len())
                .map(|n| Peer {
                    id: n as u64,
                    url: testing::member(u8::try_from(n).unwrap()).peer_url(),
                    learner: false,
                    started: true,
                })
                .collect()
        };
        Observed {
            credentials: self.credentials,
            installed: true,
            members: self.members.iter().enumerate().map(member).collect(),
            membership: listed.then(peers),
            endpoint: crate::observed::ObservedEndpoint {
                serving: self.routed,
                routed: self.routed,
                backends: if self.routed {
                    (0..self.members.len()).map(|n| client(u8::try_from(n).unwrap())).collect()
                } else {
                    Vec::new()
                },
                public: None,
            },
            monitored: true,
            backup_policy: true,
            ..Observed::default()
        }
    }

    fn plan(&self) -> Plan {
        plan(&self.instance(), &self.status(), &self.observed(), at(1000))
    }

    /// What the action leaves, where it is done to its end.
    fn after(&self, action: &Action) -> Self {
        let mut next = self.clone();
        let set = |members: &mut Vec<Member>, ordinals: &[u32], to: &dyn Fn(&mut Member)| {
            for ordinal in ordinals {
                to(&mut members[*ordinal as usize]);
            }
        };
        match action {
            Action::Place => next.placed = true,
            Action::IssueCredentials => next.credentials = true,
            Action::BeginRestore => next.begun = true,
            Action::BackUpReplaced => next.backed_up = true,
            Action::RemoveEndpoint => next.routed = false,
            Action::StopMembers { ordinals } => {
                set(&mut next.members, ordinals, &|m| (m.runs, m.serves) = (false, false));
            }
            Action::RestoreMembers { ordinals } => {
                assert!(next.members.iter().all(|m| !m.runs), "data is replaced while a member runs: {self:?}");
                assert!(!next.routed, "data is replaced while clients are let in: {self:?}");
                assert!(next.backed_up, "data is replaced before it is backed up: {self:?}");
                assert!(!next.done, "data is replaced after clients were let in: {self:?}");
                set(&mut next.members, ordinals, &|m| (m.data, m.new) = (true, true));
            }
            Action::RestartMember { ordinal } => {
                assert!(next.done || next.members.iter().all(|m| m.new), "started among the old: {self:?}");
                set(&mut next.members, &[*ordinal], &|m| m.runs = true);
            }
            Action::LatchRestored { cluster_id } => {
                assert_eq!(*cluster_id, NEW, "the old cluster is latched: {self:?}");
                next.latched = true;
            }
            Action::CheckRestored => {
                assert!(next.members.iter().all(|m| m.new && m.serves), "checked too early: {self:?}");
                next.done = true;
            }
            Action::ServeEndpoint { .. } => {
                assert!(next.done, "clients are let in before the check: {self:?}");
                next.routed = true;
            }
            other => panic!("{other:?} is no part of a restore: {self:?}"),
        }
        next
    }

    /// What may happen by itself.
    fn by_itself(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for ordinal in 0..self.members.len() {
            let m = self.members[ordinal];
            let mut with = |to: Member| {
                let mut next = self.clone();
                next.members[ordinal] = to;
                all.push(next);
            };
            if m.runs && !m.serves {
                with(Member { serves: true, ..m });
            }
            if m.runs {
                with(Member { runs: false, serves: false, ..m });
            }
            // Data is lost only before the check: what comes after is the business of healing.
            if !m.runs && m.data && !self.done {
                with(Member::default());
            }
        }
        all
    }
}

/// Every state that can be reached, whatever happens in between.
fn explore(start: State) -> BTreeSet<State> {
    let (mut seen, mut open) = (BTreeSet::from([start.clone()]), vec![start]);
    while let Some(state) = open.pop() {
        // Afterwards the rules for a cluster in use hold, which have tests of their own.
        let mut next =
            if state.done && !state.members.iter().all(|m| m.serves) { Vec::new() } else { state.by_itself() };
        if let Plan::Act(action) = state.plan()
            && !(state.done && state.members.iter().any(|m| !m.serves))
        {
            next.push(state.after(&action));
        }
        for state in next {
            if seen.insert(state.clone()) {
                open.push(state);
            }
        }
    }
    seen
}

/// Where a state comes to when nothing more goes wrong.
fn settle(mut state: State) -> State {
    for _ in 0..60 {
        for member in state.members.iter_mut().filter(|m| m.runs) {
            member.serves = true;
        }
        match state.plan() {
            Plan::Act(action) => state = state.after(&action),
            Plan::Converged => return state,
            Plan::Wait { .. } => {}
        }
    }
    panic!("no end: {state:?}");
}

#[test]
fn a_restore_in_place_goes_step_by_step() {
    let mut state = State::in_place(1);
    let mut names = Vec::new();
    loop {
        for member in state.members.iter_mut().filter(|m| m.runs) {
            member.serves = true;
        }
        match state.plan() {
            Plan::Act(action) => {
                names.push(action.name());
                state = state.after(&action);
            }
            Plan::Wait { .. } => {}
            Plan::Converged => break,
        }
    }
    assert_eq!(
        names,
        [
            "begin_restore",
            "back_up_replaced",
            "remove_endpoint",
            "stop_members",
            "restore_members",
            "restart_member",
            "latch_restored",
            "check_restored",
            "serve_endpoint"
        ]
    );
}

#[test]
fn whatever_happens_on_the_way_a_restore_comes_to_its_end_and_lets_no_client_in_before() {
    for start in [State::in_place(1), State::in_place(3), State::fresh(1), State::fresh(3)] {
        let all = explore(start);
        let open = all.iter().filter(|state| !state.done);
        let mut count = 0;
        for state in open {
            let end = settle(state.clone());
            assert!(end.done && end.routed && end.members.iter().all(|m| m.new && m.serves), "{state:?} ends {end:?}");
            count += 1;
        }
        assert!(count > 10, "only {count} states");
    }
}

#[test]
fn a_restore_that_is_done_is_not_begun_again() {
    let mut state = settle(State::in_place(3));
    state.members[1] = Member { data: true, new: true, runs: false, serves: false };
    assert_eq!(state.plan(), Plan::Act(Action::RestartMember { ordinal: 1 }));
}

#[test]
fn a_deletion_goes_before_a_restore() {
    let state = State::in_place(1);
    let mut instance = state.instance();
    instance.spec.deleting = true;
    let plan = plan(&instance, &state.status(), &state.observed(), at(1000));
    assert_eq!(plan, Plan::Act(Action::RemoveEndpoint));
}
