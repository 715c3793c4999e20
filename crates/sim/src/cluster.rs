//! A cluster as its members agreed on it: who belongs to it, who leads, what was written.
//!
//! Writes are one register that counts up. A write or a change of members is acknowledged once a majority of the
//! voters holds it; others catch up later. A leader that does not hold what was acknowledged has lost it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use cetcd_core::{InstanceId, quorum::quorum};

use crate::host::{Data, Host, Member};

/// What a quorum agreed on.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub id: u64,
    pub peers: Vec<Listed>,
    /// IDs that were taken out: none of them takes part ever again.
    pub removed: BTreeSet<u64>,
    next_id: u64,
    /// Who leads, by member ID; who serves needs one.
    pub leader: Option<u64>,
    /// The next leader is chosen then.
    elect_at: i64,
    /// The last write that was acknowledged.
    pub acknowledged: u64,
    /// Members that raised NOSPACE.
    pub alarms: BTreeSet<u64>,
    pub auth: bool,
    /// The password of the user root, where there is one.
    pub root_password: Option<String>,
    /// CORRUPT is raised.
    pub corrupt: bool,
    /// When each write was acknowledged, by time.
    pub history: Vec<(i64, u64)>,
}

/// A member as the cluster lists it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub id: u64,
    pub peer: SocketAddr,
    pub learner: bool,
    pub started: bool,
    /// A learner has caught up then.
    pub in_sync_at: i64,
}

/// Why the cluster does not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoQuorum,
    Unsafe,
    TooManyLearners,
    NotInSync,
    NoSuchMember,
    CannotLead,
}

impl Cluster {
    pub fn founded(id: u64, peers: &[SocketAddr]) -> Self {
        let listed = |(at, peer): (usize, &SocketAddr)| Listed {
            id: founder_id(at),
            peer: *peer,
            learner: false,
            started: true,
            in_sync_at: 0,
        };
        Self {
            id,
            peers: peers.iter().enumerate().map(listed).collect(),
            removed: BTreeSet::new(),
            next_id: founder_id(peers.len()),
            leader: None,
            elect_at: 0,
            acknowledged: 0,
            alarms: BTreeSet::new(),
            auth: false,
            root_password: None,
            corrupt: false,
            history: Vec::new(),
        }
    }

    pub fn voters(&self) -> usize {
        self.peers.iter().filter(|peer| !peer.learner).count()
    }

    pub fn at(&self, peer: SocketAddr) -> Option<&Listed> {
        self.peers.iter().find(|listed| listed.peer == peer)
    }

    pub fn with_id(&self, id: u64) -> Option<&Listed> {
        self.peers.iter().find(|listed| listed.id == id)
    }

    pub fn has_voter(&self, id: u64) -> bool {
        self.with_id(id).is_some_and(|listed| !listed.learner)
    }
}

/// The ID of the founder at a place in the list that all of them were started with.
pub(crate) fn founder_id(at: usize) -> u64 {
    at as u64 + 1
}

impl Host {
    /// The voters that are up, by ordinal, with what each holds.
    pub fn up_voters(&self, id: &InstanceId, now: i64) -> Vec<(u32, Data)> {
        let Some(cluster) = self.clusters.get(id) else { return Vec::new() };
        let up = self.of(id).filter(|(_, member)| member.is_up(now));
        up.filter_map(|(ordinal, member)| Some((ordinal, member.data?)))
            .filter(|(_, data)| data.cluster == cluster.id && cluster.has_voter(data.id))
            .collect()
    }

    /// Whether a majority of the voters is up.
    pub fn has_quorum(&self, id: &InstanceId, now: i64) -> bool {
        let Some(cluster) = self.clusters.get(id) else { return false };
        self.up_voters(id, now).len() >= quorum(cluster.voters())
    }

    /// A voter whose data a recovery could go on with, and holds more than member `ordinal`, though that could be seen.
    pub fn better_survivor(&self, id: &InstanceId, ordinal: u32, now: i64) -> Option<u32> {
        if self.faulted.get(id) > self.looked.get(id) {
            return None;
        }
        let index =
            self.members.get(&(id.clone(), ordinal)).and_then(|member| member.data).map_or(0, |data| data.index);
        // What came up since the look could not be seen in it.
        let all = self.up_voters(id, now - 1000).into_iter();
        let mut sound = all.filter(|(other, _)| self.members[&(id.clone(), *other)].has_data());
        sound.find(|(_, held)| held.index > index).map(|(other, _)| other)
    }

    /// Whether enough voters have what they need to be a quorum again.
    pub fn could_decide(&self, id: &InstanceId) -> bool {
        let Some(cluster) = self.clusters.get(id) else { return true };
        let holds = |(_, member): &(u32, &Member)| member.data.is_some_and(|data| cluster.has_voter(data.id));
        self.of(id).filter(holds).count() >= quorum(cluster.voters())
    }

    /// Elects, where nobody leads and a majority is up; deposes who is gone; replicates what was written.
    pub fn agree(&mut self, id: &InstanceId, now: i64) {
        let up: BTreeMap<u64, u64> = self.up_voters(id, now).into_iter().map(|(_, d)| (d.id, d.index)).collect();
        let Some(cluster) = self.clusters.get_mut(id) else { return };
        let voters = cluster.voters();
        if cluster.leader.is_some_and(|leader| !up.contains_key(&leader)) {
            cluster.leader = None;
            // The others wait before they stand: longer or shorter, told by what cannot be foreseen.
            cluster.elect_at =
                now + 50 + i64::try_from((cluster.acknowledged * 37 + cluster.next_id) % 300).unwrap_or(0);
        }
        if up.len() < quorum(voters) {
            cluster.leader = None;
            return;
        }
        if cluster.leader.is_none() && cluster.elect_at <= now {
            // Nobody is elected by those who hold more.
            let (leader, index) =
                up.iter().max_by_key(|(id, index)| (**index, std::cmp::Reverse(**id))).expect("a quorum is up");
            if *index < cluster.acknowledged {
                self.violations.push(format!("{id} lost a write that was acknowledged"));
            }
            cluster.leader = Some(*leader);
        }
        if cluster.leader.is_some() {
            self.write(id, now);
        }
    }

    /// One write, and all that are up learn of those before it.
    fn write(&mut self, id: &InstanceId, now: i64) {
        let Some(cluster) = self.clusters.get_mut(id) else { return };
        let before = cluster.acknowledged;
        let next = before + 1;
        let majority = quorum(cluster.voters());
        let (cluster_id, leader) = (cluster.id, cluster.leader);
        let listed: BTreeSet<u64> = cluster.peers.iter().map(|peer| peer.id).collect();
        let voters: BTreeSet<u64> = cluster.peers.iter().filter(|p| !p.learner).map(|p| p.id).collect();
        let mut holders = 0;
        let mut members: Vec<&mut Member> = self
            .of_mut(id)
            .filter(|(_, m)| m.is_up(now) && m.data.is_some_and(|d| d.cluster == cluster_id && listed.contains(&d.id)))
            .map(|(_, member)| member)
            .collect();
        // The leader first; then others, from one that changes with each write, until there is a majority.
        let count = members.len().max(1);
        members.rotate_left(usize::try_from(next).unwrap_or(0) % count);
        members.sort_by_key(|m| m.data.map(|d| d.id) != leader);
        for member in members {
            let Some(data) = &mut member.data else { continue };
            let has_vote = voters.contains(&data.id);
            data.index = if has_vote && holders < majority { next } else { before.max(data.index) };
            holders += usize::from(has_vote);
        }
        if holders >= majority
            && let Some(cluster) = self.clusters.get_mut(id)
        {
            cluster.acknowledged = next;
            cluster.history.push((now, next));
        }
    }

    /// Lets the cluster agree on a change of its members.
    fn change(&mut self, id: &InstanceId, now: i64, make: impl FnOnce(&mut Cluster)) -> Result<(), Refusal> {
        self.quiet_until = 0;
        if self.serving_cluster(id, now).is_none() {
            return Err(Refusal::NoQuorum);
        }
        let cluster = self.clusters.get_mut(id).ok_or(Refusal::NoQuorum)?;
        make(cluster);
        self.write(id, now);
        let cluster = &self.clusters[id];
        let holds = |peer: &&Listed| {
            let data = self.of(id).find_map(|(_, member)| member.data.filter(|data| data.id == peer.id));
            data.is_some_and(|data| data.index >= cluster.acknowledged)
        };
        let holders = cluster.peers.iter().filter(|peer| !peer.learner).filter(holds).count();
        if holders < quorum(cluster.voters()) {
            self.violations
                .push(format!("only {holders} voters of {id} hold what was acknowledged after a change of members"));
        }
        Ok(())
    }

    /// Adds a member, and answers its ID; that of the one at this address, where there is one.
    pub fn add_peer(
        &mut self,
        id: &InstanceId,
        peer: SocketAddr,
        learner: bool,
        lag: i64,
        now: i64,
    ) -> Result<u64, Refusal> {
        let up = self.up_voters(id, now).len();
        let cluster = self.clusters.get(id).ok_or(Refusal::NoQuorum)?;
        if let Some(there) = cluster.at(peer) {
            return Ok(there.id);
        }
        if cluster.peers.iter().any(|listed| listed.learner) {
            return Err(Refusal::TooManyLearners);
        }
        if up < cluster.voters() {
            return Err(Refusal::Unsafe);
        }
        let new = cluster.next_id;
        self.change(id, now, |cluster| {
            cluster.next_id += 1;
            cluster.peers.push(Listed { id: new, peer, learner, started: false, in_sync_at: now + lag });
        })?;
        Ok(new)
    }

    pub fn promote_peer(&mut self, id: &InstanceId, peer: u64, now: i64) -> Result<(), Refusal> {
        let up = self.up_voters(id, now).len();
        let cluster = self.clusters.get(id).ok_or(Refusal::NoQuorum)?;
        let listed = cluster.with_id(peer).ok_or(Refusal::NoSuchMember)?;
        if !listed.learner {
            return Ok(());
        }
        let runs = self.of(id).any(|(_, m)| m.is_up(now) && m.data.is_some_and(|data| data.id == peer));
        if !runs || !listed.started || listed.in_sync_at > now {
            return Err(Refusal::NotInSync);
        }
        if up + 1 < quorum(cluster.voters() + 1) {
            return Err(Refusal::Unsafe);
        }
        self.change(id, now, |cluster| {
            cluster.peers.iter_mut().filter(|listed| listed.id == peer).for_each(|listed| listed.learner = false);
        })
    }

    /// Takes a member out. Its process, where it runs, learns of it and ends `delay` later.
    pub fn remove_peer(&mut self, id: &InstanceId, peer: u64, delay: i64, now: i64) -> Result<(), Refusal> {
        let up = self.up_voters(id, now);
        let cluster = self.clusters.get(id).ok_or(Refusal::NoQuorum)?;
        let Some(listed) = cluster.with_id(peer) else {
            return if cluster.removed.contains(&peer) { Ok(()) } else { Err(Refusal::NoSuchMember) };
        };
        let others = up.iter().filter(|(_, data)| data.id != peer).count();
        if !listed.learner && (cluster.voters() == 1 || others < quorum(cluster.voters() - 1)) {
            return Err(Refusal::Unsafe);
        }
        let away = !listed.learner && cluster.voters() > others + 1;
        if !listed.learner && up.iter().any(|(_, data)| data.id == peer) {
            self.own_disruption(id, away, "a serving voter is removed while another is away");
        }
        self.change(id, now, |cluster| {
            cluster.peers.retain(|listed| listed.id != peer);
            cluster.removed.insert(peer);
            cluster.alarms.remove(&peer);
            if cluster.leader == Some(peer) {
                cluster.leader = None;
            }
        })?;
        for (_, member) in self.of_mut(id) {
            if member.data.is_some_and(|data| data.id == peer) {
                member.end_by(now + delay);
            }
        }
        Ok(())
    }

    pub fn move_leader(&mut self, id: &InstanceId, to: u64, now: i64) -> Result<(), Refusal> {
        self.quiet_until = 0;
        let able = self.up_voters(id, now).iter().any(|(_, data)| data.id == to);
        let cluster = self.clusters.get_mut(id).ok_or(Refusal::NoQuorum)?;
        if !able {
            return Err(Refusal::CannotLead);
        }
        cluster.leader = Some(to);
        let acknowledged = cluster.acknowledged;
        // The one who leads sends all it has before it hands over.
        for (_, member) in self.of_mut(id) {
            if let Some(data) = member.data.as_mut().filter(|data| data.id == to) {
                data.index = acknowledged;
            }
        }
        Ok(())
    }

    /// The member goes on as the only one that there is, with what it holds. All others are out for good.
    /// `complete_until`: before that it is said to hold all that was acknowledged.
    pub fn force(&mut self, id: &InstanceId, ordinal: u32, complete_until: Option<i64>, now: i64) {
        let Some(data) = self.members.get(&(id.clone(), ordinal)).and_then(|member| member.data) else { return };
        if self.of(id).any(|(other, member)| other != ordinal && (member.runs() || member.has_data())) {
            self.violations.push(format!("{id} goes on with member {ordinal} while another runs or has its data"));
        }
        let Some(cluster) = self.clusters.get_mut(id).filter(|cluster| cluster.id == data.cluster) else { return };
        cluster.removed.extend(cluster.peers.iter().map(|peer| peer.id).filter(|peer| *peer != data.id));
        cluster.peers.retain(|peer| peer.id == data.id);
        if cluster.peers.iter().any(|peer| peer.learner) {
            self.violations.push(format!("{id} goes on with member {ordinal}, which has no vote"));
        }
        let before = |(at, _): &&(i64, u64)| complete_until.is_some_and(|until| *at < until);
        if let Some((at, write)) = cluster.history.iter().rev().find(before).filter(|(_, write)| *write > data.index) {
            let what = format!("{id} lost write {write} of {at} ms, said to be held by member {ordinal}");
            self.violations.push(what);
        }
        cluster.acknowledged = cluster.acknowledged.min(data.index);
        cluster.history.retain(|(_, write)| *write <= data.index);
        cluster.alarms.retain(|alarm| *alarm == data.id);
        (cluster.leader, cluster.elect_at) = (None, now + 1000);
        // There is nobody left to differ from.
        if let Some(member) = self.members.get_mut(&(id.clone(), ordinal)) {
            member.differs = false;
        }
    }

    /// Notes a violation where `wrong`, unless something happened to the instance since it was last looked at: what
    /// nobody could have seen is nobody's fault.
    pub fn own_disruption(&mut self, id: &InstanceId, wrong: bool, what: &str) {
        let looked = self.looked.get(id).copied().unwrap_or_default();
        let faulted = self.faulted.get(id).copied().unwrap_or_default();
        if wrong && faulted < looked {
            self.violations.push(format!("{id}: {what}"));
        }
    }

    /// Something happens to the instance that nobody planned.
    pub fn fault(&mut self, id: &InstanceId) {
        self.ticks += 1;
        self.faulted.insert(id.clone(), self.ticks);
    }

    /// The instance is looked at.
    pub fn look(&mut self, id: &InstanceId, now: i64) {
        self.ticks += 1;
        if self.serving_cluster(id, now).is_some() {
            self.served_at_look.insert(id.clone());
        } else {
            self.served_at_look.remove(id);
        }
        let ordinals = self.of(id).map(|(ordinal, _)| ordinal);
        let serving = ordinals.filter(|ordinal| self.serves(id, *ordinal, now).is_some()).collect();
        self.serving_at_look.insert(id.clone(), serving);
        self.looked.insert(id.clone(), self.ticks);
    }
}
