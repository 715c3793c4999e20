//! Reading what etcd answers when it does not do what it was asked for.
//!
//! Its texts have stayed the same since 3.3 (`api/v3rpc/rpctypes/error.go`); the gRPC codes have not. Some
//! answers of the maintenance service carry the prefix of the inner package.

use std::{error::Error as StdError, net::SocketAddr};

use crate::Error;

/// What an answer means, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing came back, or that the member cannot serve now: another may.
    Silent,
    /// The client is nobody, or not root.
    NotRoot,
    /// The token is from before a change of users or roles. The next try has a new one.
    OldToken,
    /// A member with that peer URL is there.
    UrlTaken,
    NotInSync,
    /// To be promoted, but a voter.
    NotALearner,
    TooManyLearners,
    UnsafeReconfiguration,
    NoSuchMember,
    NoSuchLease,
    NotLeader,
    CannotLead,
    Compacted,
    FutureRevision,
    AuthOff,
    WrongPassword,
    UserTaken,
    RoleTaken,
    NoSuchUser,
    Corrupt,
    /// The member is a learner, which does not do this.
    Learner,
    /// Anything else that etcd decided.
    Refused,
}

/// What etcd says, and what it means. The first that fits counts.
const TEXTS: &[(&str, Kind)] = &[
    ("Peer URLs already exists", Kind::UrlTaken),
    ("can only promote a learner member which is in sync with leader", Kind::NotInSync),
    ("can only promote a learner member", Kind::NotALearner),
    ("too many learner members", Kind::TooManyLearners),
    ("unhealthy cluster", Kind::UnsafeReconfiguration),
    ("not enough started members", Kind::UnsafeReconfiguration),
    ("member not found", Kind::NoSuchMember),
    ("requested lease not found", Kind::NoSuchLease),
    ("not leader", Kind::NotLeader),
    ("bad leader transferee", Kind::CannotLead),
    ("revision has been compacted", Kind::Compacted),
    ("revision is a future revision", Kind::FutureRevision),
    ("authentication is not enabled", Kind::AuthOff),
    ("authentication failed", Kind::WrongPassword),
    ("user name already exists", Kind::UserTaken),
    ("role name already exists", Kind::RoleTaken),
    ("user name not found", Kind::NoSuchUser),
    ("corrupt cluster", Kind::Corrupt),
    ("auth store is old", Kind::OldToken),
    ("user name is empty", Kind::NotRoot),
    ("permission denied", Kind::NotRoot),
    ("invalid auth token", Kind::NotRoot),
    ("no leader", Kind::Silent),
    ("leader changed", Kind::Silent),
    ("request timed out", Kind::Silent),
    ("too many requests", Kind::Silent),
    ("server stopped", Kind::Silent),
    ("rpc not supported for learner", Kind::Learner),
];

/// What etcd's own answers begin with; everything else comes from the way to it.
const PREFIXES: [&str; 4] = ["etcdserver: ", "auth: ", "raft: ", "unknown "];

impl Kind {
    fn of(message: &str) -> Self {
        if !PREFIXES.iter().any(|prefix| message.starts_with(prefix)) {
            return Self::Silent;
        }
        TEXTS.iter().find(|(text, _)| message.contains(text)).map_or(Self::Refused, |(_, kind)| *kind)
    }
}

/// An operation that a member did not do.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    address: SocketAddr,
    reason: String,
}

impl Failure {
    /// What the client got from the member at `address`.
    pub fn new(address: SocketAddr, error: &etcd_client::Error) -> Self {
        let kind = match error {
            etcd_client::Error::GRpcStatus(status) if status.source().is_none() => Kind::of(status.message()),
            _ => Kind::Silent,
        };
        Self { kind, address, reason: reason(error) }
    }

    /// The member at `address` did not answer, as `reason` says.
    pub fn silent(address: SocketAddr, reason: String) -> Self {
        Self { kind: Kind::Silent, address, reason }
    }

    /// The error, where it was about the member `id`.
    pub fn about_member(self, id: u64) -> Error {
        match self.kind {
            Kind::NotInSync => Error::NotInSync { id },
            Kind::NoSuchMember => Error::NoSuchMember { id },
            Kind::CannotLead => Error::CannotLead { id },
            _ => self.into(),
        }
    }

    /// The error, where it was about the revision `revision`.
    pub fn about_revision(self, revision: i64) -> Error {
        match self.kind {
            Kind::Compacted => Error::Compacted { revision },
            Kind::FutureRevision => Error::FutureRevision { revision },
            _ => self.into(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let Failure { kind, address, reason } = failure;
        match kind {
            Kind::Silent | Kind::OldToken | Kind::Learner => Self::NotServing { address, reason },
            Kind::NotRoot | Kind::WrongPassword => Self::NotRoot { address, reason },
            Kind::TooManyLearners => Self::TooManyLearners,
            Kind::UnsafeReconfiguration => Self::UnsafeReconfiguration { reason },
            Kind::NotLeader => Self::NotLeader { address },
            Kind::NoSuchUser => Self::NoRootUser,
            Kind::Corrupt => Self::Corrupt,
            _ => Self::Refused { address, reason },
        }
    }
}

/// The innermost cause, which is the one that says something.
pub fn reason(error: &etcd_client::Error) -> String {
    let outermost: &(dyn StdError + 'static) = match error {
        etcd_client::Error::GRpcStatus(status) if status.source().is_none() => return short(status.message()),
        etcd_client::Error::GRpcStatus(status) => status,
        etcd_client::Error::TransportError(transport) => transport,
        other => other,
    };
    innermost(outermost)
}

/// What the last error of the chain says, in a line of at most 200 characters.
pub fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    short(&last.to_string())
}

fn short(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learner_that_lags_is_told_from_a_voter() {
        let lagging = "etcdserver: can only promote a learner member which is in sync with leader";
        assert_eq!(Kind::of(lagging), Kind::NotInSync);
        assert_eq!(Kind::of("etcdserver: can only promote a learner member"), Kind::NotALearner);
    }

    #[test]
    fn what_only_this_member_cannot_do_may_be_asked_of_another() {
        for text in ["etcdserver: no leader", "etcdserver: request timed out, possibly due to connection lost"] {
            assert_eq!(Kind::of(text), Kind::Silent);
        }
        assert_eq!(Kind::of("transport is closing"), Kind::Silent);
        assert_eq!(Kind::of("etcdserver: something new"), Kind::Refused);
    }

    #[test]
    fn an_error_says_which_member_it_is_about() {
        let failure = |kind| Failure { kind, address: ([127, 0, 0, 1], 2379).into(), reason: "why".to_owned() };
        assert!(matches!(failure(Kind::NotInSync).about_member(7), Error::NotInSync { id: 7 }));
        assert!(failure(Kind::UnsafeReconfiguration).about_member(7).is_retryable());
        assert!(!failure(Kind::Refused).about_member(7).is_retryable());
    }
}
