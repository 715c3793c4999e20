//! What can go wrong in making and reading certificates. None of it goes away by trying again.

use jiff::Timestamp;

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, on what, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a DNS name that a certificate may have.
    #[error("{name:?} is not a domain name for a certificate: {reason}")]
    InvalidName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a common name that a certificate may have.
    #[error("{name:?} is not a common name for a certificate: {reason}")]
    InvalidCommonName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A server or peer certificate for no name and no address would be of no use.
    #[error("a server or peer certificate needs at least one domain name or IP address")]
    NoNames,
    /// More names and addresses than a certificate should carry.
    #[error("{count} names and addresses are too many for one certificate, the limit is {limit}")]
    TooManyNames {
        /// How many there are.
        count: usize,
        /// The most there may be.
        limit: usize,
    },
    /// A validity of less than a second, or past what a certificate can say.
    #[error("a validity of {seconds} s is not possible: at least 1, and an end before the year 9999")]
    InvalidValidity {
        /// The seconds asked for.
        seconds: i64,
    },
    /// The authority is not valid at the time of issue, so nothing that it issues would be.
    #[error("the authority is valid from {not_before} to {not_after} only: renew it first")]
    OutsideAuthority {
        /// Its start.
        not_before: Timestamp,
        /// Its end.
        not_after: Timestamp,
    },
    /// The PEM or what is in it cannot be read.
    #[error("cannot read the {what}: {reason}")]
    Parse {
        /// What was to be read.
        what: &'static str,
        /// Why it cannot be.
        reason: String,
    },
    /// The certificate is not an authority's.
    #[error("the certificate is not one of an authority (no CA flag, or it may not sign certificates)")]
    NotAnAuthority,
    /// The key is not the certificate's.
    #[error("the key does not belong to the certificate")]
    KeyMismatch,
    /// Making a key, a number or a signature failed.
    #[error("cannot make a certificate: {0}")]
    Generate(String),
}

impl From<rcgen::Error> for Error {
    fn from(error: rcgen::Error) -> Self {
        Self::Generate(error.to_string())
    }
}
