//! etcd knowledge: typed operations on live members, command lines by version, the version catalogue and
//! the installer.

pub mod admin;

/// What went wrong with a member, a version or its installation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The member does not answer, or not in time.
    #[error("{address} does not serve: {reason}")]
    NotServing {
        /// Its client address.
        address: std::net::SocketAddr,
        /// Why, in words.
        reason: String,
    },
}
