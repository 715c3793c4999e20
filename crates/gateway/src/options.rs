//! What can be set.

use std::path::PathBuf;
use std::time::Duration;

/// The gateway's settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The regions that are served; any other is `UnsupportedRegion`.
    pub regions: Vec<String>,
    /// The names under which clients may have signed a request that reached us under another one.
    pub service_domains: Vec<String>,
    /// Requests a second for each action, region and user; 0 for any number.
    pub requests_per_second: u32,
    /// How many connections are served at once; others wait to be accepted.
    pub max_connections: usize,
    /// How long a client may take for a request's headers (and for a TLS handshake), and how long a kept connection
    /// may rest between two requests: longer than clients rest, so that none sends into a connection that closes.
    pub header_timeout: Duration,
    /// How long a client may take for a request's body.
    pub body_timeout: Duration,
    /// How many bytes of bodies (those over 4 KiB) are held at once, over all connections.
    pub body_budget: u32,
    /// How long requests under way may go on when the server stops.
    pub shutdown_grace: Duration,
    /// Where the audit log is written; `None` writes none.
    pub audit: Option<AuditOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            regions: cetcd_api::REGIONS.iter().map(|region| (*region).to_owned()).collect(),
            service_domains: vec!["cetcd.tencentcloudapi.com".to_owned()],
            requests_per_second: 20,
            max_connections: 1024,
            header_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            body_budget: 64 << 20,
            shutdown_grace: Duration::from_secs(10),
            audit: None,
        }
    }
}

/// The audit log's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditOptions {
    /// The file written to; older ones get `.1`, `.2`, … after their name.
    pub path: PathBuf,
    /// The size at which a file is put aside, in bytes.
    pub max_bytes: u64,
    /// How many files there are at most, the one written to included.
    pub files: u32,
}

impl AuditOptions {
    /// At most 8 files of 16 MiB.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: 16 << 20, files: 8 }
    }
}
