//! The service's own log.

use serde::Deserialize;

/// The service's own log.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: String,
    /// A filter such as `info` or `cetcd_controller=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text".to_owned(), level: "info".to_owned() }
    }
}
