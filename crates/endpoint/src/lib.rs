//! The endpoint: one process for the host that passes TCP connections of clients to members.
//!
//! It works at layer 4: TLS ends at the members, and which of them leads does not matter, since etcd forwards.
//! Files feed it (see [`files`]), so that it needs no control plane to go on: `routes/{instance}.json` says
//! where to listen and where to pass connections to, `status.json` says what is done about it.
//!
//! ```text
//! routes/*.json ──watch──► server ──► route (one an instance): listener ─► backends ─► relay ─► member
//!                            └──────► status.json
//! ```

pub mod files;

mod admission;
mod backends;
mod gate;
mod relay;
mod rest;
mod route;
mod server;
mod sockets;
mod watch;

use std::{path::PathBuf, time::Duration};

pub use server::run;

/// How an endpoint process works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its directory: `routes/`, `status.json` and `lock` are in it. Made where it does not exist.
    pub dir: PathBuf,
    /// How long connections may go on after their backend was dropped, and at the end of the process.
    pub drain: Duration,
    /// How long connections may go on after their route was removed: its members are about to end as well.
    pub removal_drain: Duration,
    /// How long one backend may take to accept a connection before the next is tried.
    pub connect_timeout: Duration,
    /// How long a backend that refused is tried last.
    pub avoid: Duration,
    /// How long a connection that one side has ended may stay silent.
    pub half_closed_idle: Duration,
    /// Connections of one instance at a time; more are closed at once. Half of them may come by its public address,
    /// so that whoever is there keeps nobody else out.
    pub max_connections: usize,
    /// How often the routes are read and the counters written when nothing else makes it so.
    pub refresh: Duration,
}

impl Options {
    /// The defaults, for the given directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            drain: Duration::from_secs(5),
            removal_drain: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            avoid: Duration::from_secs(2),
            half_closed_idle: Duration::from_secs(60),
            max_connections: 4096,
            refresh: Duration::from_secs(3),
        }
    }
}

/// Why an endpoint process could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process serves the same directory.
    #[error("another endpoint process serves {}; end it first", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, with its path.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later without anything being changed by a person.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }

    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
