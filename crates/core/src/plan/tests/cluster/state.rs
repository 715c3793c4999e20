//! A small state of a cluster that has an ID, as it is, and what the planner sees of it.

use jiff::{SignedDuration, Timestamp};

use super::super::super::{Plan, plan};
use crate::{
    EtcdVersion, Instance, Status,
    certificates::{Handover, Holder, Issued, Leaf, OnDisk, Validity},
    instance::{Auth, RunConfig},
    observed::{Health, Observed, ObservedEndpoint, ObservedMember, Peer, Process, Serving},
    quorum::quorum,
    status::{AppliedPassword, UpgradeSnapshot},
    testing::{self, at, client},
};

pub const CLUSTER: u64 = 0xa;
pub const MOST: usize = 10;

/// A member as it is: whether the cluster lists it, its process, its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// No record.
    None,
    /// Not listed; nothing is there.
    Gone,
    /// Not listed; something is left on disk, no data.
    Littered,
    /// Not listed; ended, with the data that it had.
    Outcast,
    /// The same, and its pause goes on.
    OutcastLater,
    /// Not listed; runs.
    Zombie,
    /// Listed as a learner that never took part; nothing is there.
    Added,
    /// The same; its process ended before it had data.
    JoinDue,
    /// The same; its pause goes on.
    JoinLater,
    /// The same; runs.
    Joining,
    /// The same; its process ended after it had data.
    JoinDead,
    /// A learner that runs and does not answer.
    LearnerStarting,
    /// A learner that has caught up.
    LearnerServing,
    /// A learner whose process ended.
    LearnerDue,
    /// A learner that lost its data and its process.
    LearnerWiped,
    /// A voter that serves.
    Serving,
    /// A voter that runs and does not answer (yet).
    Silent,
    /// A voter whose process ended.
    Due,
    /// The same; its pause goes on.
    Later,
    /// A voter that lost its data and its process.
    Wiped,
    /// A voter whose data was removed under its running process.
    WipedServing,
}

use Kind::{
    Added, Due, Gone, JoinDead, JoinDue, JoinLater, Joining, Later, LearnerDue, LearnerServing, LearnerStarting,
    LearnerWiped, Littered, None as NoRecord, Outcast, OutcastLater, Silent, Wiped, WipedServing, Zombie,
};

impl Kind {
    /// Every kind that has a record.
    pub const ALL: [Self; 20] = [
        Gone,
        Littered,
        Outcast,
        OutcastLater,
        Zombie,
        Added,
        JoinDue,
        JoinLater,
        Joining,
        JoinDead,
        LearnerStarting,
        LearnerServing,
        LearnerDue,
        LearnerWiped,
        Self::Serving,
        Silent,
        Due,
        Later,
        Wiped,
        WipedServing,
    ];

    pub fn listed(self) -> bool {
        self >= Added
    }

    pub fn learner(self) -> bool {
        self >= Added && self <= LearnerWiped
    }

    pub fn voter(self) -> bool {
        self >= Self::Serving
    }

    pub fn started(self) -> bool {
        self >= LearnerStarting
    }

    pub fn runs(self) -> bool {
        matches!(self, Zombie | Joining | LearnerStarting | LearnerServing | Self::Serving | Silent | WipedServing)
    }

    pub fn data(self) -> bool {
        !matches!(
            self,
            NoRecord | Gone | Littered | Added | JoinDue | JoinLater | Joining | LearnerWiped | Wiped | WipedServing
        )
    }

    /// A voter that answers linearizable reads.
    pub fn serves(self) -> bool {
        matches!(self, Self::Serving | WipedServing)
    }

    /// A voter that takes part in decisions, whether or not it was seen to.
    pub fn votes(self) -> bool {
        matches!(self, Self::Serving | WipedServing | Silent)
    }
}

/// What a member runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Config {
    /// What is wanted.
    Wanted,
    /// Recorded to run with what is wanted, and still runs with what was.
    Recorded,
    /// Recorded and runs with what was wanted before.
    Former,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    pub kind: Kind,
    /// Whether it is in a subnet that is no longer wanted.
    pub moved: bool,
    pub config: Config,
}

impl Cell {
    pub const NONE: Self = Self { kind: NoRecord, moved: false, config: Config::Wanted };
    pub const WELL: Self = Self { kind: Kind::Serving, moved: false, config: Config::Wanted };

    pub fn of(kind: Kind) -> Self {
        Self { kind, ..Self::WELL }
    }
}

/// etcd's own authentication: what is wanted of it, and what is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Access {
    /// Whether it is to be on, where that was said.
    pub wanted: Option<bool>,
    /// Whether it is on, where that is known.
    pub on: Option<bool>,
    /// A password was given.
    pub given: bool,
    /// It is recorded that root has it.
    pub applied: bool,
}

impl Access {
    pub fn managed(self) -> bool {
        self.given || self.wanted.is_some()
    }

    /// Whether nothing is left to do.
    pub fn as_wanted(self) -> bool {
        let password = self.on == Some(false) || !self.given || self.applied;
        !self.managed() || (self.on.is_some() && password && (self.wanted.is_none() || self.wanted == self.on))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct State {
    /// By ordinal.
    pub cells: [Cell; MOST],
    /// The wanted number of members.
    pub wanted: u8,
    pub leader: Option<u8>,
    pub endpoint_serving: bool,
    /// One bit a member.
    pub backends: u16,
    pub credentials: bool,
    pub installed: bool,
    /// Whether what differs between the former configuration and the wanted one is the version.
    pub upgrade: bool,
    pub snapshot: bool,
    pub monitored: bool,
    pub policy: bool,
    /// NOSPACE is raised.
    pub alarm: bool,
    pub compacted: bool,
    /// One bit for each member whose backend is full of free pages.
    pub full: u16,
    /// A certificate is to be issued anew.
    pub due: bool,
    /// One bit for each member whose files are not what the store has for it.
    pub stale: u16,
    pub access: Access,
    /// What those files lack is another key.
    pub rekeyed: bool,
    /// How far the change of the CA is.
    pub handover: Handover,
    /// A rotation was asked for and not begun.
    pub rotate: bool,
    /// The overlap of a rotation is over.
    pub over: bool,
}

/// Far enough from the beginning of time for anything to be ten minutes ago.
pub fn now() -> Timestamp {
    at(1_000_000)
}

impl State {
    /// A cluster that is as wanted.
    pub fn well(size: u8) -> Self {
        let mut cells = [Cell::NONE; MOST];
        cells[..usize::from(size)].fill(Cell::WELL);
        Self::of(cells, size)
    }

    /// All is well but the members.
    pub fn of(cells: [Cell; MOST], wanted: u8) -> Self {
        let mut state = Self {
            cells,
            wanted,
            leader: None,
            endpoint_serving: true,
            backends: 0,
            credentials: true,
            installed: true,
            upgrade: false,
            snapshot: false,
            monitored: true,
            policy: true,
            alarm: false,
            compacted: false,
            full: 0,
            due: false,
            stale: 0,
            access: Access::default(),
            rekeyed: false,
            handover: Handover::None,
            rotate: false,
            over: false,
        };
        state.backends = state.mask(Kind::serves);
        state.leader = state.first(Kind::serves);
        state
    }

    pub fn mask(&self, wanted: impl Fn(Kind) -> bool) -> u16 {
        (0u16..).zip(&self.cells).filter(|(_, cell)| wanted(cell.kind)).map(|(n, _)| 1 << n).sum()
    }

    pub fn count(&self, wanted: impl Fn(Kind) -> bool) -> usize {
        self.cells.iter().filter(|cell| wanted(cell.kind)).count()
    }

    pub fn first(&self, wanted: impl Fn(Kind) -> bool) -> Option<u8> {
        (0u8..).zip(&self.cells).find(|(_, cell)| wanted(cell.kind)).map(|(n, _)| n)
    }

    /// Whether enough voters take part for the cluster to decide.
    pub fn decides(&self) -> bool {
        self.count(Kind::votes) >= quorum(self.count(Kind::voter))
    }

    /// Whether etcd could ever be seen like that.
    pub fn possible(&self) -> bool {
        let voters = self.count(Kind::voter);
        voters > 0
            && self.count(Kind::learner) <= 1
            && (self.decides() || self.count(Kind::serves) + self.count(|kind| kind == LearnerServing) == 0)
    }

    pub fn cell(&self, ordinal: u32) -> &Cell {
        &self.cells[ordinal as usize]
    }

    /// Members that are wanted where they are.
    pub fn kept(&self) -> impl Iterator<Item = usize> {
        let there = self.cells.iter().enumerate().filter(|(_, cell)| cell.kind != NoRecord && !cell.moved);
        there.take(usize::from(self.wanted)).map(|(n, _)| n)
    }

    pub fn is_kept(&self, ordinal: u32) -> bool {
        self.kept().any(|n| n == ordinal as usize)
    }

    pub fn plan(&self) -> Plan {
        let (instance, status, observed) = self.build();
        plan(&instance, &status, &observed, now())
    }

    pub fn former(&self, wanted: &RunConfig) -> RunConfig {
        let mut former = wanted.clone();
        if self.upgrade {
            former.version = EtcdVersion::new(3, 5, 3);
        } else {
            former.quota_bytes += 1;
        }
        former
    }

    pub fn build(&self) -> (Instance, Status, Observed) {
        let mut built = (testing::instance(1), testing::status(0), Observed::default());
        self.update(&mut built);
        built
    }

    /// Makes `built`, which was built of another state, that of this one. Cheaper than building anew.
    pub fn update(&self, (instance, status, observed): &mut (Instance, Status, Observed)) {
        instance.spec.size = self.wanted;
        instance.spec.credentials.rotations = self.rotate.into();
        // Half-way, members are wanted to trust something else than before.
        status.rotation.trust = u32::from(self.handover != Handover::None);
        status.rotation.overlap_since = (self.handover == Handover::Overlap && !self.over).then(now);
        let wanted = status.run_config(&instance.spec);
        let former = self.former(&wanted);
        let version = instance.spec.version.clone();
        status.cluster_id = Some(CLUSTER);
        status.upgrade_snapshot =
            self.snapshot.then(|| UpgradeSnapshot { version, name: String::new(), bytes: 1, taken_at: now() });
        status.compacted_at = self.compacted.then(now);
        let Access { wanted: enabled, on, given, applied } = self.access;
        let generation = 2;
        instance.spec.auth = Auth { enabled, password_generation: if given { generation } else { 0 } };
        let applied = if applied { generation } else { generation - 1 };
        status.root_password = given.then_some(AppliedPassword { cluster_id: CLUSTER, generation: applied });
        *observed = Observed {
            credentials: self.credentials,
            issued: Issued {
                handover: self.handover,
                leaves: self.due.then(due_leaf).into_iter().collect(),
                ..Issued::default()
            },
            installed: self.installed,
            members: Vec::with_capacity(MOST),
            membership: (self.count(Kind::serves) > 0).then(Vec::new),
            out_of_space: if self.alarm { vec![1] } else { Vec::new() },
            auth: on,
            refused: None,
            endpoint: ObservedEndpoint {
                serving: self.endpoint_serving,
                routed: true,
                backends: (0..10u8).filter(|n| self.backends & (1 << n) != 0).map(client).collect(),
                public: None,
            },
            monitored: self.monitored,
            backup_policy: self.policy,
            ..Observed::default()
        };
        status.members.clear();
        for (ordinal, cell) in (0u32..).zip(&self.cells) {
            if cell.kind == NoRecord {
                continue;
            }
            let mut record = testing::member(u8::try_from(ordinal).unwrap());
            record.run = if cell.config == Config::Former { former.clone() } else { wanted.clone() };
            if cell.moved {
                "subnet-former00".clone_into(&mut record.subnet_id);
            }
            if let Some(list) = observed.membership.as_mut().filter(|_| cell.kind.listed()) {
                list.push(Peer {
                    id: id_of(ordinal),
                    url: record.peer_url(),
                    learner: cell.kind.learner(),
                    started: cell.kind.started(),
                });
            }
            let line = if cell.config == Config::Wanted { wanted.line() } else { former.line() };
            observed.members.push(self.seen(ordinal, cell.kind, line));
            status.members.push(record);
        }
    }

    fn seen(&self, ordinal: u32, kind: Kind, line: String) -> ObservedMember {
        let exited = |quick_exits| Process::Exited { at: now(), quick_exits };
        let nothing = matches!(kind, Gone | Added);
        let full = self.full & (1 << ordinal) != 0;
        let answers = kind.serves() || kind == LearnerServing;
        let health = if answers {
            Health::Serving(Serving {
                cluster_id: CLUSTER,
                member_id: id_of(ordinal),
                leader: self.leader.map(u32::from) == Some(ordinal),
                learner: kind == LearnerServing,
                version: String::new(),
                database_bytes: if full { 9_000_000_000 } else { 1 },
                database_bytes_in_use: 1,
            })
        } else if kind.runs() {
            Health::NotServing(String::new())
        } else {
            Health::NotAsked
        };
        ObservedMember {
            ordinal,
            process: match kind {
                Later | JoinLater | OutcastLater => exited(9),
                _ if kind.runs() => Process::Running,
                _ if nothing || kind == Littered => Process::Absent,
                _ => exited(1),
            },
            footprint: !nothing,
            data: kind.data(),
            restored: None,
            started_with: (!nothing).then_some(line),
            shows: match self.stale & (1 << ordinal) {
                0 => OnDisk::Same,
                _ if self.rekeyed => OnDisk::OtherKeys,
                _ => OnDisk::OtherCertificates,
            },
            health,
            disk_bytes: 0,
            unlimited: None,
            bad_data: None,
        }
    }
}

fn due_leaf() -> Leaf {
    let validity = Validity { from: at(0), until: now() };
    Leaf { holder: Holder::Client, validity, limit: later(), named: true }
}

pub fn id_of(ordinal: u32) -> u64 {
    u64::from(ordinal) + 0x100
}

/// When the pause of one that kept ending is over.
pub fn later() -> Timestamp {
    now().checked_add(SignedDuration::from_secs(60)).unwrap()
}
