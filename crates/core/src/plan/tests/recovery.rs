//! Every small state of a cluster in which nobody serves, up to five members, before and amid a recovery; and the way
//! from each to the moment when a member serves again, or to where only a person can go on.

use super::super::{Action, Plan, plan, recovery};
use crate::{
    Instance, Status,
    certificates::OnDisk,
    observed::{Health, Observed, ObservedEndpoint, ObservedMember, Peer, Process, Serving, Standing},
    quorum::quorum,
    recovery::{QuorumLoss, Recovery, Survivor},
    testing::{self, at, client},
};

const CLUSTER: u64 = 0xa;
const NOW: i64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its data is gone, and its process.
    Lost,
    /// Its process ended.
    Dead,
    /// The same, and its pause goes on.
    Later,
    /// Runs and does not answer.
    Silent,
    /// Answers, and knows of that many writes.
    Left(u64),
}

const ALL: [Kind; 6] = [Kind::Lost, Kind::Dead, Kind::Later, Kind::Silent, Kind::Left(7), Kind::Left(8)];

/// How far a recovery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Under {
    ordinal: u32,
    forced: bool,
    /// The member serves, alone.
    serves: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct State {
    kinds: Vec<Kind>,
    automatic: bool,
    asked: bool,
    /// For how many seconds nobody has served.
    lasted: i64,
    under: Option<Under>,
    routed: bool,
    installed: bool,
}

impl State {
    fn lost(&self) -> usize {
        self.kinds.iter().filter(|kind| **kind == Kind::Lost).count()
    }

    fn is_final(&self) -> bool {
        self.kinds.len() - self.lost() < quorum(self.kinds.len())
    }

    fn build(&self) -> (Instance, Status, Observed) {
        let size = u8::try_from(self.kinds.len()).unwrap();
        let (mut instance, mut status) = (testing::instance(size), testing::status(size));
        instance.generation = 2;
        instance.spec.recovery_asked = if self.asked { 2 } else { 0 };
        (status.cluster_id, status.observed_generation) = (Some(CLUSTER), 1);
        let survivor = |ordinal| Survivor { ordinal, index: 7, revision: 7, complete_until: None, led: false };
        status.quorum_loss = Some(QuorumLoss {
            since: at(NOW - self.lasted),
            listed: true,
            voters: self.kinds.len(),
            lost: Vec::new(),
            silent: Vec::new(),
            survivors: Vec::new(),
        });
        status.recovery = self.under.map(|under| Recovery {
            from: survivor(under.ordinal),
            began_at: at(NOW - 10),
            forced_at: under.forced.then(|| at(NOW - 5)),
        });
        let peers = |alone: Option<u32>| -> Vec<Peer> {
            let listed = status.members.iter().filter(|m| alone.is_none_or(|ordinal| ordinal == m.ordinal));
            let peer = |id: u64, url| Peer { id, url, learner: false, started: true };
            listed.map(|m| peer(u64::from(m.ordinal), m.peer_url())).collect()
        };
        let server = self.under.filter(|under| under.serves).map(|under| under.ordinal);
        let mut observed = Observed {
            credentials: true,
            installed: self.installed,
            membership: server.map(|ordinal| peers(Some(ordinal))),
            endpoint: ObservedEndpoint {
                serving: true,
                routed: true,
                backends: if self.routed { (0..size).map(client).collect() } else { Vec::new() },
                public: None,
            },
            automatic_recovery: self.automatic,
            ..Observed::default()
        };
        for (ordinal, kind) in (0u32..).zip(&self.kinds) {
            let serving = || Serving {
                cluster_id: CLUSTER,
                member_id: u64::from(ordinal),
                leader: true,
                learner: false,
                version: String::new(),
                database_bytes: 0,
                database_bytes_in_use: 0,
            };
            let exited = |quick_exits| Process::Exited { at: at(NOW), quick_exits };
            observed.members.push(ObservedMember {
                ordinal,
                process: match kind {
                    Kind::Lost | Kind::Dead => exited(1),
                    Kind::Later => exited(9),
                    Kind::Silent | Kind::Left(_) => Process::Running,
                },
                footprint: true,
                data: *kind != Kind::Lost,
                restored: None,
                started_with: None,
                shows: OnDisk::default(),
                health: if server == Some(ordinal) { Health::Serving(serving()) } else { Health::NotAsked },
                disk_bytes: 0,
                unlimited: None,
                bad_data: None,
            });
            if let Kind::Left(index) = kind
                && server.is_none()
            {
                observed.standings.push(Standing {
                    ordinal,
                    cluster_id: CLUSTER,
                    answers: true,
                    learner: false,
                    led: false,
                    index: *index,
                    revision: 1,
                    peers: peers(None),
                });
            }
        }
        (instance, status, observed)
    }

    /// What is decided here and what comes of it; `None` where only a person can go on.
    fn next(&self) -> Option<Self> {
        let (instance, status, observed) = self.build();
        let plan = plan(&instance, &status, &observed, at(NOW));
        let mut next = self.clone();
        let kind = |ordinal: u32| self.kinds[ordinal as usize];
        let set = |next: &mut Self, ordinal: u32, kind| next.kinds[ordinal as usize] = kind;
        match plan {
            Plan::Act(Action::RestartMember { ordinal }) => {
                assert_eq!(kind(ordinal), Kind::Dead, "only what has data is started: {self:?}");
                assert!(self.under.is_none_or(|under| under.ordinal == ordinal && under.forced), "{self:?}");
                set(&mut next, ordinal, Kind::Left(7));
                if let Some(under) = &mut next.under {
                    under.serves = true;
                }
            }
            Plan::Act(Action::BeginRecovery { from }) => {
                assert!(self.under.is_none() && (self.asked || (self.automatic && self.is_final())), "{self:?}");
                let silent = self.kinds.iter().any(|kind| matches!(kind, Kind::Silent | Kind::Later));
                let patience = if silent { recovery::PATIENCE } else { recovery::GRACE };
                assert!(self.lasted >= patience.as_secs(), "others are waited for: {self:?}");
                let most = self.kinds.iter().filter_map(|kind| if let Kind::Left(n) = kind { Some(*n) } else { None });
                assert_eq!(most.max(), Some(from.index), "the one that knows of most: {self:?}");
                assert_eq!(kind(from.ordinal), Kind::Left(from.index));
                next.under = Some(Under { ordinal: from.ordinal, forced: false, serves: false });
            }
            Plan::Act(Action::ServeEndpoint { backends, .. }) => {
                assert_eq!(backends.is_empty(), self.under.is_some(), "nobody is sent to it amid a recovery: {self:?}");
                next.routed = !backends.is_empty();
            }
            Plan::Act(Action::StopMembers { ordinals }) => {
                for ordinal in ordinals {
                    assert!(self.under.is_some_and(|under| under.ordinal != ordinal) && !self.routed, "{self:?}");
                    set(&mut next, ordinal, Kind::Dead);
                }
            }
            Plan::Act(Action::SetAside { ordinals }) => {
                for ordinal in ordinals {
                    assert!(self.under.is_some_and(|under| under.ordinal != ordinal), "{self:?}");
                    assert!(matches!(kind(ordinal), Kind::Dead | Kind::Later), "nobody runs without data: {self:?}");
                    set(&mut next, ordinal, Kind::Lost);
                }
            }
            Plan::Act(Action::InstallVersion) => {
                assert!(!self.installed);
                next.installed = true;
            }
            Plan::Act(Action::ForceNewCluster { ordinal }) => {
                let under = next.under.as_mut().expect("a recovery");
                assert!(under.ordinal == ordinal && !under.forced, "once: {self:?}");
                assert_eq!(self.lost(), self.kinds.len() - 1, "alone: {self:?}");
                assert!(kind(ordinal) != Kind::Lost && !self.routed && self.installed, "{self:?}");
                (under.forced, under.serves) = (true, true);
                set(&mut next, ordinal, Kind::Left(7));
            }
            Plan::Act(Action::EndRecovery { forced }) => {
                let under = self.under.expect("a recovery");
                if kind(under.ordinal) == Kind::Lost && !forced {
                    assert!(!under.forced && self.lost() < self.kinds.len(), "another is left: {self:?}");
                    next.under = None;
                    return Some(next);
                }
                assert!(under.serves && forced == under.forced, "{self:?}");
                return None;
            }
            Plan::Wait { .. } => {
                // Time passes: who was starting answers, or never will; pauses end.
                if let Some(under) = &mut next.under
                    && under.forced
                    && matches!(kind(under.ordinal), Kind::Silent | Kind::Left(_))
                {
                    under.serves = true;
                } else if let Some(at) = next.kinds.iter().position(|kind| *kind == Kind::Later) {
                    next.kinds[at] = Kind::Silent;
                } else if self.lasted < 20 {
                    next.lasted = 20;
                } else {
                    self.check_end();
                    return None;
                }
            }
            other => panic!("{other:?} in {self:?}"),
        }
        Some(next)
    }

    /// Where nothing more is done only a person can go on.
    fn check_end(&self) {
        let left = self.kinds.iter().any(|kind| matches!(kind, Kind::Left(_)));
        match self.under {
            Some(under) => {
                assert_eq!(self.kinds[under.ordinal as usize], Kind::Lost, "goes on: {self:?}");
                assert!(under.forced || self.lost() == self.kinds.len(), "another is chosen: {self:?}");
            }
            None => assert!(!(left && (self.asked || (self.automatic && self.is_final()))), "begins: {self:?}"),
        }
    }

    fn walk(self) -> usize {
        let mut state = self.clone();
        for turns in 0..40 {
            match state.next() {
                Some(next) => state = next,
                None => return turns,
            }
        }
        panic!("no end in sight from {self:?}: now {state:?}");
    }
}

fn combinations(size: usize) -> Vec<Vec<Kind>> {
    (0..size).fold(vec![Vec::new()], |found: Vec<Vec<Kind>>, _| {
        found.iter().flat_map(|so_far| ALL.map(|kind| [so_far.as_slice(), &[kind]].concat())).collect()
    })
}

fn explore(size: usize) {
    let mut count = 0;
    for kinds in combinations(size) {
        let chosen = u32::try_from(size - 1).unwrap();
        let under = |forced, serves| Some(Under { ordinal: chosen, forced, serves });
        for bits in 0u8..16 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let (automatic, asked) = (bit(0), bit(1));
            let state = |under, lasted| State {
                kinds: kinds.clone(),
                automatic,
                asked,
                lasted,
                under,
                routed: bit(2),
                installed: bit(3),
            };
            for lasted in [0, 7, 20] {
                state(None, lasted).walk();
            }
            state(under(false, false), 20).walk();
            count += 4;
            // Forced once: the others have nothing left.
            if kinds[..size - 1].iter().all(|kind| *kind == Kind::Lost) && !bit(2) {
                state(under(true, false), 20).walk();
                if matches!(kinds[size - 1], Kind::Left(_)) {
                    state(under(true, true), 20).walk();
                }
            }
        }
    }
    println!("{count} states");
}

#[test]
fn every_loss_of_a_quorum_of_one_and_three_members_ends_well_or_with_a_person() {
    explore(1);
    explore(3);
}

#[test]
fn every_loss_of_a_quorum_of_five_members_ends_well_or_with_a_person() {
    explore(5);
}

fn loss(kinds: &[Kind]) -> State {
    let kinds = kinds.to_vec();
    State { kinds, automatic: true, asked: false, lasted: 20, under: None, routed: true, installed: true }
}

fn decided(state: &State) -> Plan {
    let (instance, status, observed) = state.build();
    plan(&instance, &status, &observed, at(NOW))
}

#[test]
fn two_of_three_that_are_lost_for_good_are_given_up_by_themselves_only_where_that_is_set() {
    let state = loss(&[Kind::Lost, Kind::Left(7), Kind::Lost]);
    assert!(matches!(decided(&state), Plan::Act(Action::BeginRecovery { from }) if from.ordinal == 1));
    let manual = State { automatic: false, ..state };
    assert!(matches!(decided(&manual), Plan::Wait { .. }), "{:?}", decided(&manual));
    let asked = State { asked: true, ..manual };
    assert!(matches!(decided(&asked), Plan::Act(Action::BeginRecovery { .. })), "{:?}", decided(&asked));
}

#[test]
fn members_that_are_only_away_are_never_given_up_by_themselves() {
    let state = loss(&[Kind::Silent, Kind::Left(7), Kind::Silent]);
    assert!(matches!(decided(&state), Plan::Wait { .. }), "{:?}", decided(&state));
}

#[test]
fn nobody_is_given_up_while_a_survivor_knows_of_a_leader() {
    let state = loss(&[Kind::Lost, Kind::Left(7), Kind::Lost]);
    let (instance, status, mut observed) = state.build();
    observed.standings[0].led = true;
    assert!(matches!(plan(&instance, &status, &observed, at(NOW)), Plan::Wait { .. }));
}

#[test]
fn a_member_that_was_forced_once_comes_back_without_force() {
    let under = Some(Under { ordinal: 1, forced: true, serves: false });
    let state = State { under, routed: false, ..loss(&[Kind::Lost, Kind::Dead, Kind::Lost]) };
    assert_eq!(decided(&state), Plan::Act(Action::RestartMember { ordinal: 1 }));
}

/// Seed 36904: the data went between the choice and the force, and nobody else was asked.
#[test]
fn where_the_chosen_member_loses_its_data_before_it_is_forced_another_is_chosen() {
    let under = Some(Under { ordinal: 1, forced: false, serves: false });
    let state = State { under, routed: false, ..loss(&[Kind::Lost, Kind::Lost, Kind::Left(7)]) };
    assert_eq!(decided(&state), Plan::Act(Action::EndRecovery { forced: false }));
    let after = state.next().unwrap();
    assert!(matches!(decided(&after), Plan::Act(Action::BeginRecovery { from }) if from.ordinal == 2));
}

/// Seed 79610: of three on record one was a voter yet, and did not tell who is for a moment.
#[test]
fn nobody_is_given_up_by_itself_before_a_survivor_tells_who_votes() {
    let state = loss(&[Kind::Left(7), Kind::Lost, Kind::Lost]);
    let (instance, status, mut observed) = state.build();
    observed.standings[0].peers.clear();
    assert!(matches!(plan(&instance, &status, &observed, at(NOW)), Plan::Wait { .. }));
}
