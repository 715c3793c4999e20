//! When certificates hold, and when they are to be replaced.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// When a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From this second on.
    pub from: Timestamp,
    /// Up to this second.
    pub until: Timestamp,
}

impl Validity {
    /// When so many twelfths of its life are over.
    fn after_twelfths(self, twelfths: i32) -> Timestamp {
        let life = self.until.duration_since(self.from);
        self.from
            .saturating_add(SignedDuration::from_secs(life.as_secs() / 12 * i64::from(twelfths)))
            .unwrap_or(self.until)
    }

    /// Whether two thirds of its life are over, so that it is time to replace it.
    pub fn is_due(self, now: Timestamp) -> bool {
        now >= self.after_twelfths(8)
    }

    /// Whether next to nothing of its life is left: eleven twelfths are over.
    pub fn is_ending(self, now: Timestamp) -> bool {
        now >= self.after_twelfths(11)
    }

    /// Whether it should have been replaced a while ago: three quarters of its life are over.
    pub fn is_late(self, now: Timestamp) -> bool {
        now >= self.after_twelfths(9)
    }
}

/// Who shows a certificate, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The client with CN=root: the owner and the control plane.
    Client,
    /// A member, by ordinal, to clients.
    Server(u32),
    /// A member, by ordinal, to peers.
    Peer(u32),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("the client certificate"),
            Self::Server(ordinal) => write!(f, "the server certificate of member {ordinal}"),
            Self::Peer(ordinal) => write!(f, "the peer certificate of member {ordinal}"),
        }
    }
}

/// A certificate that a CA of the instance issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Who shows it.
    pub holder: Holder,
    /// When it holds.
    pub validity: Validity,
    /// When the CA ends that would issue the next one.
    pub limit: Timestamp,
    /// Whether it is for the names and addresses that it should be for.
    pub named: bool,
}

impl Leaf {
    /// Whether it is to be issued anew. One that ends with its CA would gain nothing.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now < self.limit && (!self.named || (self.validity.until < self.limit && self.validity.is_due(now)))
    }
}

/// How far the change from one CA to the next is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Handover {
    /// There is one CA.
    #[default]
    None,
    /// The next one is there. It issues nothing yet; members that start trust both.
    Introduced,
    /// The next one issues to clients and peers. The former issues what is shown to clients, and its clients are let
    /// in: whoever trusts only the former goes on.
    Overlap,
    /// The next one issues everything. The former is still trusted.
    Withdrawn,
}

/// The certificates of an instance that are in the store, as far as a plan asks for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Issued {
    /// The CA; absent where there is none yet.
    pub authority: Option<Validity>,
    /// The CA before it, while that is trusted.
    pub former: Option<Validity>,
    /// How far the change between the two is.
    pub handover: Handover,
    /// What it issued.
    pub leaves: Vec<Leaf>,
}

impl Issued {
    /// The leaf that ends first.
    pub fn soonest(&self) -> Option<&Leaf> {
        self.leaves.iter().min_by_key(|leaf| leaf.validity.until)
    }
}

/// How what a member has on disk compares with what the store has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDisk {
    /// It is the same; or there is nothing to compare.
    #[default]
    Same,
    /// Certificates differ and the keys are the same: each file is replaced by itself, at any moment.
    OtherCertificates,
    /// Something differs, and what is on disk has ended: nobody is let in by it, so that nothing can be lost.
    Ended,
    /// A key differs: a handshake that reads a certificate and a key in between fails, so it is best replaced while
    /// the member does not run.
    OtherKeys,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    const YEAR: i64 = 365 * 24 * 3600;

    fn leaf(until: i64, limit: i64, named: bool) -> Leaf {
        Leaf { holder: Holder::Client, validity: Validity { from: at(0), until: at(until) }, limit: at(limit), named }
    }

    #[test]
    fn a_leaf_is_due_when_two_thirds_of_its_life_are_over_and_not_before() {
        let leaf = leaf(YEAR, 10 * YEAR, true);
        assert!(!leaf.is_due(at(YEAR / 3 * 2 - 1)));
        assert!(leaf.is_due(at(YEAR / 3 * 2)));
        assert!(leaf.is_due(at(2 * YEAR)), "also when it has ended");
    }

    #[test]
    fn a_leaf_that_ends_with_its_ca_is_not_renewed_again_and_again() {
        assert!(!leaf(YEAR, YEAR, true).is_due(at(YEAR - 1)));
    }

    #[test]
    fn a_leaf_for_other_names_is_due_as_long_as_its_ca_can_issue() {
        assert!(leaf(YEAR, YEAR, false).is_due(at(1)));
        assert!(!leaf(YEAR, YEAR, false).is_due(at(YEAR)));
    }

    #[test]
    fn a_leaf_is_late_only_a_while_after_it_was_due() {
        let validity = leaf(YEAR, 10 * YEAR, true).validity;
        assert!(!validity.is_late(at(YEAR / 3 * 2)));
        assert!(validity.is_late(at(YEAR / 4 * 3)));
    }
}
