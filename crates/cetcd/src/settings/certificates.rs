//! Certificates of instances.

use jiff::SignedDuration;
use serde::Deserialize;

/// Certificates of instances.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certificates {
    /// Days that the certificates of members and clients are valid. They are issued anew at two thirds of it.
    pub leaf_days: u32,
    /// Days that an instance's CA is valid.
    pub authority_days: u32,
    /// Seconds that both CAs are good in a rotation where the request does not say.
    pub overlap_seconds: u32,
    /// The same in seconds, in place of the days: for tests.
    pub leaf_seconds: Option<u32>,
    /// The same in seconds, in place of the days: for tests.
    pub authority_seconds: Option<u32>,
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            leaf_days: 365,
            authority_days: 3650,
            overlap_seconds: 86_400,
            leaf_seconds: None,
            authority_seconds: None,
        }
    }
}

impl Certificates {
    /// How long a leaf is valid.
    pub fn leaf_life(&self) -> SignedDuration {
        seconds_or_days(self.leaf_seconds, self.leaf_days)
    }

    /// How long a CA is valid.
    pub fn authority_life(&self) -> SignedDuration {
        seconds_or_days(self.authority_seconds, self.authority_days)
    }
}

fn seconds_or_days(seconds: Option<u32>, days: u32) -> SignedDuration {
    seconds
        .map_or(SignedDuration::from_hours(i64::from(days) * 24), |seconds| SignedDuration::from_secs(seconds.into()))
}
