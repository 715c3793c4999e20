//! The web console.

use serde::Deserialize;

/// The web console, and what the API does for it alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// Whether keys of instances may be looked at (DescribeEtcdKeys).
    pub keys: KeyAccess,
}

/// What may be done with the keys of instances through the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAccess {
    /// Nothing: whoever may call the API need not be who may read the data.
    #[default]
    Off,
    /// They may be read, by everyone who has a key pair of the instance's account.
    Read,
}
