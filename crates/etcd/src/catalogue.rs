//! The versions of etcd that are known here: which are never offered and why, where a release's archive is
//! and what it must hash to.

use std::{collections::BTreeMap, env::consts, sync::OnceLock};

use cetcd_core::EtcdVersion;

/// Where upstream publishes its releases. `{version}` is `v3.5.16`, `{os}` `linux`, `{arch}` `amd64`.
pub const RELEASE_URL: &str =
    "https://github.com/etcd-io/etcd/releases/download/{version}/etcd-{version}-{os}-{arch}.tar.gz";

/// The SHA-256 of upstream's archives, in the form of its own `SHA256SUMS` files.
const RELEASE_SUMS: &str = include_str!("release-sums.txt");

/// The oldest and the newest line whose command line and upgrade path are known here.
const LINES: [(u16, u16); 2] = [(3, 3), (3, 7)];

/// A SHA-256.
pub type Sum = [u8; 32];

/// Why `version` is never offered, or `None` where it may be.
pub fn never_offered(version: &EtcdVersion) -> Option<&'static str> {
    let line = (version.major, version.minor);
    if line < LINES[0] || line > LINES[1] {
        Some("this release of cetcd knows etcd 3.3 to 3.7")
    } else if line == (3, 5) && version.patch <= 2 {
        // https://github.com/etcd-io/etcd/blob/main/Documentation/postmortems/v3.5-data-inconsistency.md
        Some("etcd 3.5.0 to 3.5.2 can lose consistency between members when one is killed; 3.5.3 is the first without")
    } else if version.suffix.starts_with('-') {
        Some("it is a pre-release")
    } else {
        None
    }
}

/// What upstream's archive of `version` for this machine hashes to, where that is known.
pub fn known_sum(version: &EtcdVersion) -> Option<Sum> {
    sums().get(version).copied()
}

/// Every version with a known sum for this machine.
pub fn downloadable() -> impl Iterator<Item = &'static EtcdVersion> {
    sums().keys()
}

/// Where the archive of `version` is, by `template`.
pub fn archive_url(template: &str, version: &EtcdVersion) -> String {
    template.replace("{version}", &version.to_string()).replace("{os}", os()).replace("{arch}", arch())
}

/// Reads a SHA-256 of 64 hexadecimal digits.
pub fn parse_sum(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    hex::decode_to_slice(text.trim().trim_start_matches("sha256:"), &mut sum).ok()?;
    Some(sum)
}

/// This machine's operating system, as upstream writes it.
pub fn os() -> &'static str {
    match consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// This machine's architecture, as upstream writes it.
pub fn arch() -> &'static str {
    match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn sums() -> &'static BTreeMap<EtcdVersion, Sum> {
    static SUMS: OnceLock<BTreeMap<EtcdVersion, Sum>> = OnceLock::new();
    SUMS.get_or_init(|| read_sums(RELEASE_SUMS, os(), arch()))
}

fn read_sums(text: &str, os: &str, arch: &str) -> BTreeMap<EtcdVersion, Sum> {
    let end = format!("-{os}-{arch}.tar.gz");
    text.lines()
        .filter_map(|line| {
            let (sum, file) = line.split_once("  ")?;
            let version = file.strip_prefix("etcd-")?.strip_suffix(&end)?.parse().ok()?;
            Some((version, parse_sum(sum)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, missing_docs)]

    use super::*;

    #[test]
    fn every_line_of_the_sums_is_read_once() {
        let lines = RELEASE_SUMS.lines().count();
        let read = read_sums(RELEASE_SUMS, "linux", "amd64").len() + read_sums(RELEASE_SUMS, "linux", "arm64").len();
        assert_eq!(read, lines);
    }

    #[test]
    fn no_sum_is_kept_for_a_version_that_is_never_offered() {
        for version in read_sums(RELEASE_SUMS, "linux", "amd64").keys() {
            assert_eq!(never_offered(version), None, "{version}");
        }
    }

    #[test]
    fn versions_that_corrupt_data_and_unknown_lines_and_prereleases_are_never_offered() {
        for bad in ["v3.5.0", "v3.5.1", "v3.5.2", "v3.2.32", "v3.8.0", "v4.0.0", "v2.3.8", "v3.6.0-rc.1"] {
            assert!(never_offered(&bad.parse().unwrap()).is_some(), "{bad}");
        }
        for good in ["v3.3.25", "v3.4.23", "v3.4.13.tke.2", "v3.5.3", "v3.5.16", "v3.7.3"] {
            assert_eq!(never_offered(&good.parse().unwrap()), None, "{good}");
        }
    }

    #[test]
    fn the_template_names_version_system_and_architecture() {
        let url = archive_url("http://mirror/{version}/{os}/{arch}", &EtcdVersion::new(3, 5, 16));
        assert_eq!(url, format!("http://mirror/v3.5.16/{}/{}", os(), arch()));
    }

    #[test]
    fn a_sum_is_64_hexadecimal_digits() {
        assert!(parse_sum(&"0a".repeat(32)).is_some());
        for bad in ["", "00", &"0g".repeat(32), &"00".repeat(33)] {
            assert!(parse_sum(bad).is_none(), "{bad}");
        }
    }
}
