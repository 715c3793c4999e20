//! Limits of the API.

use serde::Deserialize;

/// Limits of the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a second for each action, region and user; 0 for no limit.
    pub requests_per_second: u32,
    /// Instances of an account in a region.
    pub instances_per_region: usize,
    /// Connections at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_second: 20, instances_per_region: 5, connections: 1024 }
    }
}
