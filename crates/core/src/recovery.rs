//! Quorum loss: who is left, and which member a recovery by force would go on with.
//!
//! Only what is known to be committed outlives `--force-new-cluster`; all members agree on it as far as they know of
//! it, so the survivor that knows of most holds all that any survivor does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Status,
    observed::{Observed, Peer, Process},
    quorum::quorum,
    status::MemberRecord,
};

/// What was seen of a cluster in which nobody serves, as last recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumLoss {
    /// When nobody was first seen to serve.
    pub since: Timestamp,
    /// Whether a survivor told who the members are. Else all on record are held for voters, also those that were not
    /// added yet.
    #[serde(default)]
    pub listed: bool,
    /// How many members have a vote, as far as a survivor knows.
    pub voters: usize,
    /// Voters that cannot come back: their data is gone, or nothing is known of them. By ordinal where they have one.
    pub lost: Vec<String>,
    /// Voters that have their data and do not answer, by ordinal.
    pub silent: Vec<u32>,
    /// Voters that have their data and answer, by ordinal.
    pub survivors: Vec<Survivor>,
}

/// A voter that answers while the cluster has no quorum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivor {
    /// Its number.
    pub ordinal: u32,
    /// The last index of the log that it knows to be committed.
    pub index: u64,
    /// The revision of its keys.
    pub revision: i64,
    /// It holds all that was acknowledged before this; absent where it was never seen to serve.
    pub complete_until: Option<Timestamp>,
    /// Whether it knows of a leader: then there is a quorum after all, or was a moment ago.
    #[serde(default)]
    pub led: bool,
}

/// A recovery by force that goes on. Written before anything is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The member that is gone on with, as it was when it was chosen.
    pub from: Survivor,
    /// When it was chosen.
    pub began_at: Timestamp,
    /// When it was last to be started with force; written before it is. etcd then drops what it does not know to be
    /// committed, so that a second time could cost what was acknowledged since the first.
    #[serde(default)]
    pub forced_at: Option<Timestamp>,
}

/// A recovery by force that has ended: from then on the cluster served again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// The member that was gone on with, as it was when it was chosen.
    pub from: Survivor,
    /// When it served.
    pub at: Timestamp,
}

impl QuorumLoss {
    /// Whether no restart can bring a quorum back. Nobody can tell before a survivor told who votes.
    pub fn is_final(&self) -> bool {
        self.listed && self.voters.saturating_sub(self.lost.len()) < quorum(self.voters)
    }

    /// The member that a recovery goes on with: the one that knows of most.
    pub fn choice(&self) -> Option<&Survivor> {
        self.survivors.iter().max_by_key(|s| (s.index, s.revision, std::cmp::Reverse(s.ordinal)))
    }

    /// What is lost and what a recovery would keep, for people.
    pub fn describe(&self) -> String {
        let answer =
            format!("nobody serves since {}; {} of {} voters answer", self.since, self.survivors.len(), self.voters);
        let mut parts = vec![answer];
        if !self.lost.is_empty() {
            parts.push(format!("{} cannot come back", self.lost.join(", ")));
        }
        if !self.silent.is_empty() {
            let silent: Vec<String> = self.silent.iter().map(|ordinal| format!("member {ordinal}")).collect();
            parts.push(format!("{} do not answer", silent.join(", ")));
        }
        let choice = self.choice().map(Survivor::bound);
        parts.push(choice.unwrap_or_else(|| "no member is left to go on with".to_owned()));
        parts.join("; ")
    }
}

impl Survivor {
    /// What going on with it keeps, and what may be lost.
    pub fn bound(&self) -> String {
        let since = match self.complete_until {
            Some(at) => {
                format!("it holds all that was acknowledged before {at}; what was acknowledged later may be lost")
            }
            None => "its process ended since it last served, so that the last writes before the loss may be missing"
                .to_owned(),
        };
        format!(
            "member {} keeps everything up to revision {} (log index {}): {since}",
            self.ordinal, self.revision, self.index
        )
    }
}

/// What is left of a cluster in which nobody serves; `None` where somebody does, or before the cluster had an ID.
/// `since` stays that of `status`, where the loss is on record.
pub fn assess(status: &Status, observed: &Observed, now: Timestamp) -> Option<QuorumLoss> {
    let cluster_id = status.cluster_id?;
    if observed.membership.is_some() || observed.members.iter().any(|member| member.serving().is_some()) {
        return None;
    }
    let standing = |record: &MemberRecord| {
        observed.standings.iter().find(|s| s.ordinal == record.ordinal && s.cluster_id == cluster_id)
    };
    let lists = observed.standings.iter().filter(|s| s.cluster_id == cluster_id && !s.peers.is_empty());
    // The list of the one that knows of most is the newest.
    let listed: Option<&[Peer]> = lists.max_by_key(|s| s.index).map(|s| s.peers.as_slice());
    let votes = |record: &MemberRecord| {
        listed.is_none_or(|peers| peers.iter().any(|peer| peer.url == record.peer_url() && !peer.learner))
    };
    let mut loss = QuorumLoss {
        since: status.quorum_loss.as_ref().map_or(now, |loss| loss.since),
        listed: listed.is_some(),
        voters: 0,
        lost: Vec::new(),
        silent: Vec::new(),
        survivors: Vec::new(),
    };
    for record in status.members.iter().filter(|record| votes(record)) {
        loss.voters += 1;
        let member = observed.member(record.ordinal);
        let data = member.is_some_and(|member| member.data);
        let runs = member.is_some_and(|member| member.process == Process::Running);
        match standing(record) {
            Some(standing) if data && !standing.learner => loss.survivors.push(Survivor {
                ordinal: record.ordinal,
                index: standing.index,
                revision: standing.revision,
                complete_until: record.served_at,
                led: standing.led,
            }),
            // A process that goes on without its directory has its vote until it ends.
            _ if data || runs => loss.silent.push(record.ordinal),
            _ => loss.lost.push(format!("member {}", record.ordinal)),
        }
    }
    for peer in listed.unwrap_or_default().iter().filter(|peer| !peer.learner) {
        if !status.members.iter().any(|record| record.peer_url() == peer.url) {
            loss.voters += 1;
            loss.lost.push(format!("the member at {}, of which there is no record", peer.url));
        }
    }
    Some(loss)
}
