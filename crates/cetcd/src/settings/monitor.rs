//! Reading members' metrics.

use serde::Deserialize;

/// Reading members' metrics.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Monitor {
    /// Seconds between two readings of a member, 1 to 300. 720 readings are kept of each.
    pub interval_seconds: u64,
}

impl Default for Monitor {
    fn default() -> Self {
        Self { interval_seconds: 10 }
    }
}
