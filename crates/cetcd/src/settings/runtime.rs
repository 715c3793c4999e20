//! How members are run.

use serde::Deserialize;

/// How members are run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// Second number of the 127.x.0.0/16 block that members live in; drawn once where absent.
    pub address_block: Option<u8>,
    /// Cores that each member may use; unlimited where absent.
    pub member_cpu: Option<u32>,
    /// Memory in GiB that each member may use; unlimited where absent.
    pub member_memory_gib: Option<u32>,
}
