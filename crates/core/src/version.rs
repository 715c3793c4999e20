//! etcd versions: `v3.5.16`, with an optional suffix such as `v3.4.13.tke.2`.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A version of etcd, ordered by major, minor, patch and then suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EtcdVersion {
    /// First number; 3 for every version this service runs.
    pub major: u16,
    /// Second number: the line within which members may be mixed by one.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
    /// What follows the third number, with its leading separator (`.tke.2`, `-rc.1`), mostly empty.
    pub suffix: String,
}

impl EtcdVersion {
    /// A version without a suffix.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch, suffix: String::new() }
    }

    /// Whether this is `major.minor` or later.
    pub fn at_least(&self, major: u16, minor: u16) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Whether a member can be added as a learner (etcd 3.4 and later).
    pub fn has_learners(&self) -> bool {
        self.at_least(3, 4)
    }

    /// The version without its `v`, as etcd itself prints it: `3.5.16`.
    pub fn bare(&self) -> String {
        format!("{}.{}.{}{}", self.major, self.minor, self.patch, self.suffix)
    }
}

impl fmt::Display for EtcdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}{}", self.major, self.minor, self.patch, self.suffix)
    }
}

impl PartialOrd for EtcdVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EtcdVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        // A pre-release (`-rc.1`) comes before its release, a vendor's build (`.tke.2`) after it.
        let kind = |v: &Self| match v.suffix.as_bytes().first() {
            Some(b'-') => 0,
            None => 1,
            Some(_) => 2,
        };
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| kind(self).cmp(&kind(other)))
            .then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl FromStr for EtcdVersion {
    type Err = String;
    /// Reads `v3.5.16` or `3.5.16`. The suffix may hold only letters, digits, `.`, `-` and `+`, since a
    /// version becomes part of a path.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not an etcd version such as v3.5.16");
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (major, rest) = rest.split_once('.').ok_or_else(bad)?;
        let (minor, rest) = rest.split_once('.').ok_or_else(bad)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (patch, suffix) = rest.split_at(digits);
        let number = |t: &str| -> Result<u16, String> {
            let plain = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()) && (t == "0" || !t.starts_with('0'));
            if plain { t.parse().map_err(|_| bad()) } else { Err(bad()) }
        };
        let suffix_good = suffix.is_empty()
            || (suffix.len() <= 20
                && suffix.starts_with(['.', '-', '+'])
                && suffix.len() > 1
                && !suffix.contains("..")
                && suffix.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b)));
        if !suffix_good {
            return Err(bad());
        }
        Ok(Self { major: number(major)?, minor: number(minor)?, patch: number(patch)?, suffix: suffix.to_owned() })
    }
}

impl From<EtcdVersion> for String {
    fn from(version: EtcdVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for EtcdVersion {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_releases_are() {
        let order = ["v3.3.25", "v3.4.9", "v3.4.23", "v3.5.0-rc.1", "v3.5.0", "v3.5.0.tke.1", "v3.5.16", "v3.6.0"];
        let parsed: Vec<EtcdVersion> = order.iter().map(|t| t.parse().expect(t)).collect();
        assert!(parsed.windows(2).all(|pair| pair[0] < pair[1]), "{parsed:?}");
        assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), order);
    }

    #[test]
    fn text_that_is_no_version_is_refused() {
        for bad in [
            "",
            "v3",
            "v3.5",
            "3.5.x",
            "v3.5.16/../../bin",
            "v3.5.16 ",
            "v03.5.1",
            "v3.5.1..",
            "v3.5.99999999",
            "v3.5.",
        ] {
            assert!(bad.parse::<EtcdVersion>().is_err(), "{bad}");
        }
    }
}
