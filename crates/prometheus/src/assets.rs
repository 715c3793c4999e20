//! Rules and dashboards, as they lie in `deploy/`: in the binary, so that nothing has to be brought along.

/// A file that is shipped.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! assets {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(Asset { name: $name, text: include_str!(concat!("../../../deploy/", $folder, "/", $name)) }),*]
    };
}

/// Recording and alert rules.
pub const RULES: &[Asset] = assets!("prometheus/rules": "cetcd.yml", "etcd.yml");

/// Dashboards of Grafana.
pub const DASHBOARDS: &[Asset] = assets!("grafana": "fleet.json", "instance.json");

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_deploy_is_in_the_binary() {
        for (folder, assets) in [("prometheus/rules", RULES), ("grafana", DASHBOARDS)] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(folder);
            let names: BTreeSet<_> = fs::read_dir(dir)
                .expect("the folder is there")
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect();
            assert_eq!(names, assets.iter().map(|asset| asset.name.to_owned()).collect());
        }
    }

    #[test]
    fn a_dashboard_is_json_with_a_uid_of_its_own() {
        let uid = |asset: &Asset| {
            let dashboard: serde_json::Value = serde_json::from_str(asset.text).expect(asset.name);
            dashboard["uid"].as_str().expect("it has a uid").to_owned()
        };
        let uids: BTreeSet<_> = DASHBOARDS.iter().map(uid).collect();
        assert_eq!(uids.len(), DASHBOARDS.len());
    }
}
