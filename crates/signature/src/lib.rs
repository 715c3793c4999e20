//! TC3-HMAC-SHA256 (signature v3) and signature v1: sign and verify.
//!
//! Nothing here reads a clock, a socket or a store: the time, the secret and the request are passed in, so that
//! every outcome can be replayed. The gateway asks in this order: [`check_time`], the scope
//! ([`tc3::Authorization::check_scope`]), the secret (its own look-up), the signature ([`tc3::verify`] or
//! [`v1::verify`]); each failure is a case of [`Error`] that maps to one public error code.
//!
//! Clients differ in what they sign as the host and as the service; [`Hosts`] lists what is accepted. Signatures are
//! compared in constant time, and derived keys are kept for a day in a bounded [`KeyCache`].

mod error;
mod hosts;
mod key;
pub mod tc3;
pub mod v1;

pub use error::Error;
pub use hosts::Hosts;
pub use key::KeyCache;

/// How far a request's timestamp may lie from the server's clock, in seconds, either way.
pub const MAX_SKEW_SECONDS: i64 = 300;

/// Refuses a `timestamp` (Unix seconds, as the client sent it) more than [`MAX_SKEW_SECONDS`] away from `now`.
pub const fn check_time(timestamp: i64, now: i64) -> Result<(), Error> {
    match now.checked_sub(timestamp) {
        Some(difference) if difference.unsigned_abs() <= MAX_SKEW_SECONDS.unsigned_abs() => Ok(()),
        _ => Err(Error::Expired { now }),
    }
}

/// Compares a signature that was received with the one that was expected, without telling by its duration where
/// they differ.
fn same(expected: &[u8], received: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    expected.ct_eq(received).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn five_minutes_either_way_are_accepted_and_no_more() {
        for offset in [-300, 0, 300] {
            assert_eq!(check_time(1_000_000 + offset, 1_000_000), Ok(()));
        }
        for offset in [-301, 301] {
            assert_eq!(check_time(1_000_000 + offset, 1_000_000), Err(Error::Expired { now: 1_000_000 }));
        }
        assert!(check_time(i64::MIN, i64::MAX).is_err());
        assert!(check_time(i64::MAX, i64::MIN).is_err());
    }
}
