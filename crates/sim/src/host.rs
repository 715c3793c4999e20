//! The machine and the etcd on it, as they are: processes, data directories, clusters, routes.
//!
//! etcd is modelled by what matters to who runs it: a cluster forms when a quorum of its founders runs; a
//! member that joined it and then starts without its data must not vote again, and one that founds anew makes
//! a second cluster. Both are violations wherever they happen. What a formed cluster agrees on is [`Cluster`].

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use cetcd_core::{
    EtcdVersion, InstanceId,
    internet::PublicRoute,
    member::{MemberCertificates, MemberSpec, Start},
    quorum::quorum,
};

use crate::{
    cluster::{Cluster, founder_id},
    fakes::Stored,
};

/// An end sooner than this after the start counts as quick, in milliseconds.
const QUICK: i64 = 10_000;

/// All that survives a crash of the control plane.
#[derive(Debug, Default)]
pub(crate) struct Host {
    pub members: BTreeMap<(InstanceId, u32), Member>,
    pub routes: BTreeMap<InstanceId, Route>,
    /// Whether the endpoint process runs; it serves all routes.
    pub endpoint_runs: bool,
    pub installed: BTreeSet<EtcdVersion>,
    /// Versions with which no member gets as far as serving.
    pub broken: BTreeSet<EtcdVersion>,
    /// What formed clusters agreed on, by instance.
    pub clusters: BTreeMap<InstanceId, Cluster>,
    /// Counts looks and faults.
    pub ticks: u64,
    /// When an instance was last looked at.
    pub looked: BTreeMap<InstanceId, u64>,
    /// Those that served when they were.
    pub served_at_look: BTreeSet<InstanceId>,
    /// Which of its members did.
    pub serving_at_look: BTreeMap<InstanceId, BTreeSet<u32>>,
    /// When something last happened to it.
    pub faulted: BTreeMap<InstanceId, u64>,
    /// Members whose files cannot be written: no start gets as far as a process.
    pub unwritable: BTreeSet<(InstanceId, u32)>,
    /// Every cluster that ever formed, by instance.
    pub formed: BTreeMap<InstanceId, BTreeSet<u64>>,
    /// Data that was set aside: it must stay.
    pub aside: BTreeMap<InstanceId, Vec<Data>>,
    /// The object storage, by instance and name.
    pub stored: BTreeMap<(InstanceId, String), Stored>,
    pub violations: Vec<String>,
    /// Nothing is due before; 0 where that is not known.
    pub quiet_until: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub listen: SocketAddr,
    pub backends: Vec<SocketAddr>,
    pub public: Option<PublicRoute>,
}

/// A member's directory and process.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a thing that can befall it, alone or with others")]
pub(crate) struct Member {
    pub process: Run,
    /// What its data directory holds; where that was removed under its process, what the process holds.
    pub data: Option<Data>,
    /// Its data directory was removed and its process goes on.
    pub unlinked: bool,
    /// Its backend is full of free pages.
    pub full: bool,
    /// Its files keep it from running.
    pub rotten: bool,
    /// Its keys are not those of the others.
    pub differs: bool,
    /// Its process is frozen.
    pub hung: bool,
    /// It answers nobody before: its disk or its processor is too slow.
    pub slow_until: i64,
    /// Its peers and it do not reach each other before; whoever else asks, reaches it.
    pub cut_until: i64,
    /// Whether it ever took part in a cluster that had formed.
    pub joined: bool,
    pub launch: Option<Launch>,
    /// What is in its files: what it shows, and the CA that its next start reads.
    pub files: Option<MemberCertificates>,
    /// What is being made to take the place of its data.
    pub making: Option<Making>,
    /// The restore that its data is of.
    pub restored: Option<String>,
}

/// Data that is made of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Making {
    pub data: Data,
    /// Those who found the cluster that it is of.
    pub peers: Vec<SocketAddr>,
}

/// What a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Data {
    /// The cluster that it belongs to.
    pub cluster: u64,
    /// Its own ID there.
    pub id: u64,
    /// The last write that it has.
    pub index: u64,
}

/// What its process was last started with.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub start: Start,
    pub client: SocketAddr,
    pub peer: SocketAddr,
    /// Its version.
    pub version: EtcdVersion,
    /// Whether it takes a client's certificate for who the client is.
    pub client_cert_auth: bool,
    /// All that it was started with, in one line.
    pub line: String,
    /// Whom it believes.
    pub trusts: String,
    /// Whether it speaks TLS to clients.
    pub https: bool,
    pub founders: Vec<SocketAddr>,
    /// The ID that the founders give their cluster; it follows from their URLs and the token.
    pub cluster: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    Never,
    /// Serves from `ready` on where the cluster does; ends at `end`, where that is set.
    Running {
        since: i64,
        ready: i64,
        end: Option<i64>,
        quick_exits: u32,
    },
    Exited {
        at: i64,
        quick_exits: u32,
    },
}

impl Member {
    fn new() -> Self {
        Self {
            process: Run::Never,
            data: None,
            unlinked: false,
            full: false,
            rotten: false,
            differs: false,
            hung: false,
            slow_until: 0,
            cut_until: 0,
            joined: false,
            launch: None,
            files: None,
            making: None,
            restored: None,
        }
    }

    pub fn runs(&self) -> bool {
        matches!(self.process, Run::Running { .. })
    }

    /// Whether it takes part in what the members agree on.
    pub fn is_up(&self, now: i64) -> bool {
        self.listens(now) && self.cut_until <= now
    }

    /// Whether it answers clients, if only that nobody leads.
    pub fn listens(&self, now: i64) -> bool {
        let awake = !self.hung && self.slow_until <= now;
        awake && matches!(self.process, Run::Running { ready, .. } if ready <= now)
    }

    /// It joined a cluster and its data is gone: etcd cannot go on, and only a repair brings it back.
    pub fn is_lost(&self) -> bool {
        self.joined && !self.has_data()
    }

    /// Whether its data directory holds a member's data.
    pub fn has_data(&self) -> bool {
        self.data.is_some() && !self.unlinked
    }

    /// Its process ends at `at` at the latest.
    pub fn end_by(&mut self, at: i64) {
        if let Run::Running { end, .. } = &mut self.process {
            *end = Some(end.map_or(at, |end| end.min(at)));
        }
    }

    fn end(&mut self, now: i64) {
        (self.hung, self.slow_until) = (false, 0);
        if let Run::Running { since, quick_exits, .. } = self.process {
            let quick_exits = if now - since < QUICK { quick_exits.saturating_add(1) } else { 0 };
            self.process = Run::Exited { at: now, quick_exits };
            if self.unlinked {
                self.data = None;
                self.unlinked = false;
            }
        }
    }
}

impl Host {
    /// Makes the directory of a member, as far as a start comes before it fails.
    pub fn prepare(&mut self, instance: &InstanceId, ordinal: u32) -> &mut Member {
        self.members.entry((instance.clone(), ordinal)).or_insert_with(Member::new)
    }

    /// Starts a member unless it runs. `latched`: the cluster's ID is in the store.
    pub fn start(&mut self, spec: &MemberSpec, now: i64, delay: i64, end: Option<i64>, latched: bool) {
        let launch = Launch {
            start: spec.start,
            client: spec.client,
            peer: spec.peer,
            version: spec.run.version.clone(),
            client_cert_auth: spec.run.security.client_cert_auth,
            line: spec.line(),
            trusts: spec.certificates.ca.clone(),
            https: spec.run.security.https,
            founders: spec
                .initial_cluster
                .split(',')
                .filter_map(|part| part.split_once("=https://")?.1.parse().ok())
                .collect(),
            cluster: cluster_id(&spec.token, &spec.initial_cluster),
        };
        let name = spec.name();
        self.quiet_until = 0;
        let broken = self.broken.contains(&spec.run.version);
        let member = self.prepare(&spec.instance, spec.ordinal);
        member.files = Some(spec.certificates.clone());
        if member.runs() {
            return;
        }
        let quick_exits = match member.process {
            Run::Exited { quick_exits, .. } => quick_exits,
            _ => 0,
        };
        member.process =
            Run::Running { since: now, ready: now + delay, end: end.map(|after| now + after), quick_exits };
        member.launch = Some(launch);
        if member.rotten || broken {
            // It looks at its files and ends.
            member.end_by(now + 5);
        }
        let data = member.data;
        let amnesia = member.is_lost() && spec.start == Start::New;
        if amnesia {
            self.violations.push(format!("{name} founds again after it had joined a cluster and lost its data"));
        }
        if latched && spec.start == Start::New {
            self.violations.push(format!("{name} is started as new although a cluster ID is recorded"));
        }
        if let (Some(data), Some(cluster)) = (data, self.clusters.get(&spec.instance)) {
            let removed = cluster.removed.contains(&data.id) && self.served_at_look.contains(&spec.instance);
            self.own_disruption(
                &spec.instance,
                removed,
                &format!("{name} is started with what it had before its removal"),
            );
        }
        if let Some(cluster) = self.clusters.get(&spec.instance)
            && data.is_none()
            && spec.start == Start::Join
        {
            let had = cluster.at(spec.peer).is_some_and(|listed| listed.started);
            self.own_disruption(&spec.instance, had, &format!("{name} is started without the data that it had"));
        }
        let shares = self.members.iter().find(|((id, ordinal), other)| {
            (id, *ordinal) != (&spec.instance, spec.ordinal)
                && other.runs()
                && other.launch.as_ref().is_some_and(|l| l.client == spec.client || l.peer == spec.peer)
        });
        if let Some(((id, ordinal), _)) = shares {
            let other = id.member_name(*ordinal);
            self.violations.push(format!("{name} is started on an address that {other} serves"));
        }
    }

    /// A restore makes another cluster in the place of the one before: what that had acknowledged is given up with it,
    /// and so are its members.
    pub fn found_anew(&mut self, instance: &InstanceId, cluster: u64, peers: &[SocketAddr], index: u64) {
        self.quiet_until = 0;
        if self.clusters.get(instance).is_some_and(|known| known.id == cluster) {
            return;
        }
        self.formed.insert(instance.clone(), BTreeSet::from([cluster]));
        let mut anew = Cluster::founded(cluster, peers);
        anew.acknowledged = index;
        self.clusters.insert(instance.clone(), anew);
    }

    /// Ends a member's process, if it runs.
    pub fn end(&mut self, instance: &InstanceId, ordinal: u32, now: i64) {
        self.quiet_until = 0;
        if let Some(member) = self.members.get_mut(&(instance.clone(), ordinal)) {
            member.end(now);
        }
    }

    /// Lets everything happen that is due at `now`.
    pub fn settle(&mut self, now: i64) {
        if now < self.quiet_until {
            return;
        }
        let mut ended = BTreeSet::new();
        for ((id, _), member) in &mut self.members {
            if let Run::Running { end: Some(end), .. } = member.process
                && end <= now
            {
                member.end(end);
                ended.insert(id.clone());
            }
        }
        for id in ended {
            self.fault(&id);
        }
        let instances: BTreeSet<InstanceId> = self.members.keys().map(|(id, _)| id.clone()).collect();
        for id in instances {
            self.found(&id, now);
            self.form(&id, now);
            self.agree(&id, now);
        }
        let times = self.members.values().flat_map(|member| match member.process {
            Run::Running { ready, end, .. } => [Some(ready), end, Some(member.slow_until), Some(member.cut_until)],
            _ => [None; 4],
        });
        // Writes and elections go on all the time.
        let soon = if self.clusters.is_empty() { i64::MAX } else { now + 20 };
        self.quiet_until = times.flatten().filter(|time| *time > now).min().unwrap_or(i64::MAX).min(soon);
    }

    /// Members that are up without data make theirs, or cannot.
    fn found(&mut self, id: &InstanceId, now: i64) {
        let serving = self.serving_cluster(id, now);
        let mut cluster = self.clusters.get(id).cloned();
        for (_, member) in self.of_mut(id) {
            if !member.is_up(now) {
                continue;
            }
            let Some(launch) = &member.launch else { continue };
            if let Some(data) = member.data {
                // The others refuse one that was removed.
                if cluster.as_ref().is_some_and(|cluster| cluster.removed.contains(&data.id)) && serving.is_some() {
                    member.end_by(now + 500);
                } else if let Some(listed) =
                    cluster.as_mut().and_then(|cluster| cluster.peers.iter_mut().find(|listed| listed.id == data.id))
                {
                    listed.started |= serving.is_some();
                }
                continue;
            }
            let listed = cluster.as_ref().and_then(|cluster| cluster.at(launch.peer));
            match (launch.start, serving, listed) {
                (Start::New, _, _) => {
                    let place = launch.founders.iter().position(|peer| *peer == launch.peer).unwrap_or_default();
                    member.data = Some(Data { cluster: launch.cluster, id: founder_id(place), index: 0 });
                }
                // It asks the others who belongs to the cluster, and catches up from them.
                (Start::Join, Some(cluster), Some(listed)) if !listed.started => {
                    member.data = Some(Data { cluster, id: listed.id, index: 0 });
                }
                // Nobody to ask, or nobody knows it, or it is known to have had more: it ends.
                (Start::Join | Start::Existing | Start::Forced, _, _) => member.end(now),
            }
        }
        if let Some(cluster) = cluster {
            self.clusters.insert(id.clone(), cluster);
        }
    }

    /// A quorum of founders that is up forms the cluster, and whoever is up with it has joined.
    fn form(&mut self, id: &InstanceId, now: i64) {
        let Some((cluster, founders)) = self.forming(id, now) else { return };
        let known = self.formed.entry(id.clone()).or_default();
        if known.insert(cluster) && known.len() > 1 {
            self.violations.push(format!("{id} has a second cluster"));
        }
        self.clusters.entry(id.clone()).or_insert_with(|| Cluster::founded(cluster, &founders));
        for (_, member) in self.of_mut(id) {
            if member.is_up(now) && member.data.is_some_and(|data| data.cluster == cluster) {
                member.joined = true;
            }
        }
    }

    /// A cluster that a quorum of its founders makes, or that has formed and has one; and its founders.
    fn forming(&self, id: &InstanceId, now: i64) -> Option<(u64, Vec<SocketAddr>)> {
        let mut up: BTreeMap<u64, (usize, Vec<SocketAddr>)> = BTreeMap::new();
        for (_, member) in self.of(id).filter(|(_, m)| m.is_up(now)) {
            if let (Some(data), Some(launch)) = (member.data, &member.launch) {
                let entry = up.entry(data.cluster).or_default();
                *entry = (entry.0 + 1, launch.founders.clone());
            }
        }
        let known = self.clusters.get(id).map(|cluster| cluster.id);
        let enough = |cluster: u64, count: usize, founders: usize| {
            if known == Some(cluster) { self.has_quorum(id, now) } else { count >= quorum(founders) }
        };
        up.into_iter()
            .find(|(cluster, (count, founders))| enough(*cluster, *count, founders.len()))
            .map(|(cluster, (_, founders))| (cluster, founders))
    }

    /// The cluster of the instance that has a quorum and a leader now.
    pub fn serving_cluster(&self, id: &InstanceId, now: i64) -> Option<u64> {
        let cluster = self.clusters.get(id)?;
        (cluster.leader.is_some() && self.has_quorum(id, now)).then_some(cluster.id)
    }

    /// Whether member `ordinal` answers a linearizable read, and for which cluster.
    pub fn serves(&self, id: &InstanceId, ordinal: u32, now: i64) -> Option<u64> {
        let cluster = self.serving_cluster(id, now)?;
        let member = self.members.get(&(id.clone(), ordinal))?;
        let listed = member.data.is_some_and(|data| {
            data.cluster == cluster && self.clusters.get(id).is_some_and(|known| known.with_id(data.id).is_some())
        });
        (member.is_up(now) && listed).then_some(cluster)
    }

    /// Who listens for clients at `address`.
    pub fn at(&self, address: SocketAddr, now: i64) -> Option<(&InstanceId, u32)> {
        let mut all = self.members.iter();
        let listens = |m: &Member| m.listens(now) && m.launch.as_ref().is_some_and(|l| l.client == address);
        all.find(|(_, m)| listens(m)).map(|((id, ordinal), _)| (id, *ordinal))
    }

    pub fn of(&self, id: &InstanceId) -> impl Iterator<Item = (u32, &Member)> {
        self.members.range((id.clone(), 0)..=(id.clone(), u32::MAX)).map(|((_, ordinal), member)| (*ordinal, member))
    }

    pub fn of_mut(&mut self, id: &InstanceId) -> impl Iterator<Item = (u32, &mut Member)> {
        let all = self.members.range_mut((id.clone(), 0)..=(id.clone(), u32::MAX));
        all.map(|((_, ordinal), member)| (*ordinal, member))
    }

    /// Whether anything of the instance is left.
    pub fn has(&self, id: &InstanceId) -> bool {
        self.of(id).next().is_some() || self.routes.contains_key(id)
    }
}

/// FNV-1a over what etcd makes the ID of.
pub(crate) fn cluster_id(token: &str, founders: &str) -> u64 {
    let bytes = token.bytes().chain([0]).chain(founders.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
