//! Backups.

use secrecy::SecretString;
use serde::Deserialize;

use super::load::secret;

/// Backups.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backup {
    /// Where backups go, as cetcd_backup::Location reads it: `file:///folder`, `s3://…`, `cos://…`; the
    /// folder `backups` of the data directory where absent.
    pub url: Option<String>,
    /// What the bucket's service knows us by: `AKIA…`, `AKID…`. For `s3://` the environment's own credentials are
    /// used where absent, `cos://` needs it.
    pub access_key_id: Option<String>,
    /// The key that goes with it.
    #[serde(deserialize_with = "secret")]
    pub secret_access_key: Option<SecretString>,
}
