//! etcd's binaries.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

/// etcd's binaries.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Etcd {
    /// Holds `vX.Y.Z/{etcd,etcdctl,etcdutl}`.
    pub versions_dir: Option<PathBuf>,
    /// Whether versions that are not there may be downloaded.
    pub download: bool,
    /// Release archives, with `{version}`, `{os}` and `{arch}`.
    pub download_url: String,
    /// SHA-256 sums, in hex, of archives that the catalogue does not know.
    pub sums: BTreeMap<String, String>,
    /// Whether binaries on PATH are offered too.
    pub search_path: bool,
}

impl Default for Etcd {
    fn default() -> Self {
        Self {
            versions_dir: None,
            download: true,
            download_url: cetcd_etcd::catalogue::RELEASE_URL.to_owned(),
            sums: BTreeMap::new(),
            search_path: true,
        }
    }
}
