//! A small state of an instance that is being made or deleted, packed so that millions can be told apart, and what
//! the planner sees of it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    Instance, Status,
    certificates::OnDisk,
    observed::{Health, Observed, ObservedEndpoint, ObservedMember, Process, Serving},
    testing::{self, client},
};

pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// The cluster that is, or is to be, latched.
pub const RIGHT: u64 = 0xa;
/// A cluster that a member should not belong to.
pub const OTHER: u64 = 0xb;
/// A backend that is no member's address.
pub const STRANGER: u8 = 1 << 7;

/// A member as it can be seen: one that does not run is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// No process, nothing on disk.
    Absent,
    /// No process, but something on disk.
    Footprint,
    /// Runs; was not asked.
    Unasked,
    /// Runs, does not serve.
    Starting,
    /// Serves, in the right cluster.
    Right,
    /// Serves, in another cluster.
    Other,
    /// Serves without a vote, in the right cluster.
    Learner,
    /// Has ended and may be started now.
    Due,
    /// Has ended and its pause goes on.
    Later,
}

impl Member {
    pub const ALL: [Self; 9] = [
        Self::Absent,
        Self::Footprint,
        Self::Unasked,
        Self::Starting,
        Self::Right,
        Self::Other,
        Self::Learner,
        Self::Due,
        Self::Later,
    ];

    pub fn runs(self) -> bool {
        matches!(self, Self::Unasked | Self::Starting | Self::Right | Self::Other | Self::Learner)
    }

    pub fn answers(self) -> bool {
        matches!(self, Self::Right | Self::Other | Self::Learner)
    }

    fn seen(self, ordinal: u32) -> ObservedMember {
        let exited = |quick_exits| Process::Exited { at: NOW, quick_exits };
        let serving = |cluster_id, learner| {
            Health::Serving(Serving {
                cluster_id,
                member_id: u64::from(ordinal),
                leader: false,
                learner,
                version: String::new(),
                database_bytes: 0,
                database_bytes_in_use: 0,
            })
        };
        let (process, health) = match self {
            Self::Absent | Self::Footprint => (Process::Absent, Health::NotAsked),
            Self::Unasked => (Process::Running, Health::NotAsked),
            Self::Starting => (Process::Running, Health::NotServing(String::new())),
            Self::Right => (Process::Running, serving(RIGHT, false)),
            Self::Other => (Process::Running, serving(OTHER, false)),
            Self::Learner => (Process::Running, serving(RIGHT, true)),
            Self::Due => (exited(1), Health::NotAsked),
            Self::Later => (exited(9), Health::NotAsked),
        };
        ObservedMember {
            ordinal,
            process,
            footprint: self != Self::Absent,
            data: !matches!(self, Self::Absent | Self::Footprint),
            restored: None,
            started_with: None,
            shows: OnDisk::Same,
            health,
            disk_bytes: 0,
            unlimited: None,
            bad_data: None,
        }
    }
}

/// All that the planner can tell apart of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own: their product is what is explored")]
pub struct State {
    pub size: u8,
    pub placed: bool,
    pub credentials: bool,
    pub installed: bool,
    pub latched: bool,
    pub endpoint_serving: bool,
    /// One bit a member, and [`STRANGER`].
    pub backends: u8,
    pub monitored: bool,
    pub policy: bool,
    pub deleting: bool,
    /// The first `size` count.
    pub members: [Member; 5],
}

impl State {
    /// An instance that is as wanted.
    pub fn running(size: u8) -> Self {
        Self {
            size,
            placed: true,
            credentials: true,
            installed: true,
            latched: true,
            endpoint_serving: true,
            backends: all(size),
            monitored: true,
            policy: true,
            deleting: false,
            members: [Member::Right; 5],
        }
    }

    /// Every state with these members before a cluster ID is latched, or in a deletion.
    pub fn all_with(members: &[Member]) -> impl Iterator<Item = Self> + use<> {
        let mut base = Self::running(u8::try_from(members.len()).unwrap());
        base.members = [Member::Absent; 5];
        base.members[..members.len()].copy_from_slice(members);
        let right = base.healthy();
        (0u16..256)
            .flat_map(move |bits| {
                let bit = move |n: u16| bits & (1 << n) != 0;
                // All members and one that is none: wrong whatever is healthy.
                let wrong = all(base.size) | STRANGER;
                [0, right, wrong].into_iter().map(move |backends| Self {
                    placed: bit(0),
                    credentials: bit(1),
                    installed: bit(2),
                    latched: bit(3),
                    endpoint_serving: bit(4),
                    monitored: bit(5),
                    policy: bit(6),
                    deleting: bit(7),
                    backends,
                    ..base
                })
            })
            .filter(|state| !state.latched || state.deleting)
    }

    /// A number of its own among the states of its size.
    pub fn key(&self) -> u64 {
        let flags = [
            self.placed,
            self.credentials,
            self.installed,
            self.latched,
            self.endpoint_serving,
            self.monitored,
            self.policy,
            self.deleting,
        ];
        let with_flags = flags.iter().fold(u64::from(self.backends), |key, flag| key << 1 | u64::from(*flag));
        self.members().iter().fold(with_flags, |key, member| key << 4 | *member as u64)
    }

    pub fn members(&self) -> &[Member] {
        &self.members[..usize::from(self.size)]
    }

    /// One bit for each member that serves in the right cluster.
    pub fn healthy(&self) -> u8 {
        self.mask(|member| member == Member::Right)
    }

    pub fn mask(&self, wanted: impl Fn(Member) -> bool) -> u8 {
        (0u8..).zip(self.members()).filter(|(_, member)| wanted(**member)).map(|(n, _)| 1 << n).sum()
    }

    pub fn routed(&self) -> bool {
        self.endpoint_serving || self.backends != 0
    }

    pub fn build(&self) -> (Instance, Status, Observed) {
        let mut built = (testing::instance(self.size), Status::default(), Observed::default());
        self.update(&mut built);
        built
    }

    /// Makes `built`, which was built of a state of the same size, that of this one. Cheaper than building anew.
    pub fn update(&self, (instance, status, observed): &mut (Instance, Status, Observed)) {
        instance.spec.deleting = self.deleting;
        if self.placed != status.endpoint.is_some() {
            *status = if self.placed { testing::status(self.size) } else { Status::default() };
        }
        status.cluster_id = self.latched.then_some(RIGHT);
        observed.credentials = self.credentials;
        observed.installed = self.installed;
        observed.monitored = self.monitored;
        observed.backup_policy = self.policy;
        observed.members.clear();
        observed.members.extend((0u32..).zip(self.members()).map(|(ordinal, member)| member.seen(ordinal)));
        observed.endpoint = ObservedEndpoint {
            serving: self.endpoint_serving,
            routed: self.routed(),
            backends: (0..8).filter(|n| self.backends & (1 << n) != 0).map(client).collect(),
            public: None,
        };
    }
}

/// One bit for each member.
pub fn all(size: u8) -> u8 {
    (1 << size) - 1
}

/// When the pause of [`Member::Later`] ends.
pub fn later() -> Timestamp {
    NOW.checked_add(SignedDuration::from_secs(60)).unwrap()
}
