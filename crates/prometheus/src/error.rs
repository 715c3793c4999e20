//! What can go wrong with a Prometheus.

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done with a Prometheus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A process or its files could not be seen to.
    #[error(transparent)]
    Runtime(#[from] cetcd_runtime::Error),
    /// There is no binary to run.
    #[error("no prometheus is on this machine: install it, or say where it is by `prometheus.binary`")]
    NoBinary,
    /// One that runs elsewhere is not named in the settings any more.
    #[error("{id} is not among the settings' `prometheus.external`")]
    Unknown {
        /// Its ID.
        id: String,
    },
    /// A password could not be hashed.
    #[error("a password cannot be hashed: {0}")]
    Hash(#[from] bcrypt::BcryptError),
    /// It did not answer as it should.
    #[error("no answer from {url}: {reason}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why not.
        reason: String,
    },
}
