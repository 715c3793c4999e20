//! Which version may follow which.

use crate::EtcdVersion;

/// Why a cluster may not go from one version to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The version is older: etcd's data goes forward only.
    Older,
    /// It is more than one minor version ahead: members of both could not work together.
    SkipsMinor,
    /// etcd 3.6 takes over clusters from 3.5.26 on only: older ones may carry members that were removed long ago.
    Needs3526,
}

/// The least patch of 3.5 that 3.6 may follow.
const FIRST_35_FOR_36: EtcdVersion = EtcdVersion::new(3, 5, 26);

/// Whether a cluster of `from` may be upgraded to `to`; the same version is no upgrade and fine.
pub fn check(from: &EtcdVersion, to: &EtcdVersion) -> Result<(), Refusal> {
    if to < from {
        return Err(Refusal::Older);
    }
    if to.major != from.major || to.minor > from.minor + 1 {
        return Err(Refusal::SkipsMinor);
    }
    if (from.minor, to.minor) == (5, 6) && *from < FIRST_35_FOR_36 {
        return Err(Refusal::Needs3526);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(from: &str, to: &str) -> Result<(), Refusal> {
        check(&from.parse().expect(from), &to.parse().expect(to))
    }

    #[test]
    fn one_minor_version_at_a_time_and_never_back() {
        assert_eq!(path("v3.4.23", "v3.5.30"), Ok(()));
        assert_eq!(path("v3.5.16", "v3.5.30"), Ok(()));
        assert_eq!(path("v3.6.16", "v3.7.3"), Ok(()));
        assert_eq!(path("v3.5.16", "v3.5.16"), Ok(()));
        assert_eq!(path("v3.4.23", "v3.6.16"), Err(Refusal::SkipsMinor));
        assert_eq!(path("v3.5.30", "v3.5.16"), Err(Refusal::Older));
        assert_eq!(path("v3.5.30", "v3.4.23"), Err(Refusal::Older));
    }

    #[test]
    fn the_step_to_36_needs_the_last_patches_of_35() {
        assert_eq!(path("v3.5.16", "v3.6.16"), Err(Refusal::Needs3526));
        assert_eq!(path("v3.5.26", "v3.6.16"), Ok(()));
    }
}
