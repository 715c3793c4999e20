//! What can go wrong in the gateway itself. Errors of requests are [`cetcd_api::Error`].

use std::path::PathBuf;

/// An error of the gateway, of the accounts or of the audit log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The metadata store failed.
    #[error(transparent)]
    Store(#[from] cetcd_store::Error),
    /// A record of the store cannot be read.
    #[error("the record `{key}` cannot be read: {reason}; restore the metadata store from a backup")]
    Record {
        /// The record's key.
        key: String,
        /// What is wrong with it, without any secret.
        reason: String,
    },
    /// There is no such account.
    #[error("there is no account `{account}`")]
    NoSuchAccount {
        /// The account.
        account: String,
    },
    /// There is no such user.
    #[error("there is no user `{user}` in the account `{account}`")]
    NoSuchUser {
        /// The account.
        account: String,
        /// The user.
        user: String,
    },
    /// There is no such key pair.
    #[error("there is no key pair with the SecretId `{secret_id}`; `cetcd key list` shows all")]
    NoSuchKey {
        /// The SecretId.
        secret_id: String,
    },
    /// The user has as many key pairs as a user may have.
    #[error("the user `{user}` has two key pairs already ({secret_ids}); delete one first")]
    TooManyKeys {
        /// The user.
        user: String,
        /// The key pairs that it has.
        secret_ids: String,
    },
    /// Other changes came in between, again and again.
    #[error("other changes came in between every time; try again")]
    Conflict,
    /// The audit log cannot be opened or written.
    #[error("the audit log {path} failed: {source}; check its folder's permissions and free space")]
    Audit {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The listening socket failed.
    #[error("the listening socket failed: {0}")]
    Listener(#[source] std::io::Error),
}

impl Error {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Conflict => true,
            _ => false,
        }
    }
}
