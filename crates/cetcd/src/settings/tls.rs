//! The certificate of the API.

use std::path::PathBuf;

use serde::Deserialize;

/// The certificate of the API.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain; self-made where absent and `listen` is not loopback.
    pub cert: Option<PathBuf>,
    /// PEM file with its key.
    pub key: Option<PathBuf>,
}
