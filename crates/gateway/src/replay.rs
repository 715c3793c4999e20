//! Exact repetitions of requests that change something, signed with signature v1.
//!
//! Signature v1 carries a nonce, so a repetition can be told from a new request. Reads may repeat: clients draw the
//! nonce from as few as 65,536 values. TC3 has no nonce, and only its five-minute window.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use cetcd_signature::MAX_SKEW_SECONDS;
use sha2::{Digest, Sha256};

/// How many requests are remembered. Past it changing requests of signature v1 are refused, because one that cannot
/// be remembered could be repeated.
const CAPACITY: usize = 65_536;

type Fingerprint = [u8; 32];

/// Remembers requests for as long as their timestamp would be accepted again.
#[derive(Debug, Default)]
pub(crate) struct ReplayGuard {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    fingerprints: HashSet<Fingerprint>,
    /// By the last second at which the timestamp is accepted.
    by_expiry: BTreeMap<i64, Vec<Fingerprint>>,
}

/// Why a request was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The very same request was let through before.
    Repeated,
    /// Too many requests are remembered already.
    Full,
}

impl ReplayGuard {
    /// Lets a request through once. `timestamp` is the request's, already checked against `now`, in Unix seconds.
    pub(crate) fn admit(
        &self,
        secret_id: &str,
        timestamp: i64,
        nonce: u64,
        signature: &str,
        now: i64,
    ) -> Result<(), Refusal> {
        // The signature is one of known length and comes last, the numbers are of fixed length: no two requests
        // run together to the same bytes.
        let fingerprint: Fingerprint = Sha256::new()
            .chain_update(timestamp.to_be_bytes())
            .chain_update(nonce.to_be_bytes())
            .chain_update(secret_id)
            .chain_update([0])
            .chain_update(signature.trim())
            .finalize()
            .into();
        let mut guard = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *guard;
        while let Some(oldest) = seen.by_expiry.first_entry()
            && *oldest.key() < now
        {
            for expired in oldest.remove() {
                seen.fingerprints.remove(&expired);
            }
        }
        if seen.fingerprints.contains(&fingerprint) {
            return Err(Refusal::Repeated);
        }
        if seen.fingerprints.len() >= CAPACITY {
            return Err(Refusal::Full);
        }
        seen.fingerprints.insert(fingerprint);
        seen.by_expiry.entry(timestamp.saturating_add(MAX_SKEW_SECONDS)).or_default().push(fingerprint);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_repetition_is_refused_until_its_timestamp_expires() {
        let guard = ReplayGuard::default();
        assert_eq!(guard.admit("id", 1000, 7, "sig", 1000), Ok(()));
        assert_eq!(guard.admit("id", 1000, 7, "sig\n", 1300), Err(Refusal::Repeated));
        assert_eq!(guard.admit("id", 1000, 7, "sig", 1301), Ok(()), "expired: the timestamp itself is refused by now");
    }

    #[test]
    fn another_key_time_nonce_or_signature_is_another_request() {
        let guard = ReplayGuard::default();
        for (id, timestamp, nonce, signature) in [
            ("id", 1000, 7, "sig"),
            ("ie", 1000, 7, "sig"),
            ("id", 1001, 7, "sig"),
            ("id", 1000, 8, "sig"),
            ("id", 1000, 7, "gis"),
        ] {
            assert_eq!(guard.admit(id, timestamp, nonce, signature, 1000), Ok(()));
        }
    }

    #[test]
    fn a_full_guard_refuses_and_recovers_when_entries_expire() {
        let guard = ReplayGuard::default();
        for nonce in 0..CAPACITY as u64 {
            assert_eq!(guard.admit("id", 1000, nonce, "sig", 1000), Ok(()));
        }
        assert_eq!(guard.admit("id", 1000, u64::MAX, "sig", 1000), Err(Refusal::Full));
        assert_eq!(guard.admit("id", 1301, 0, "sig", 1301), Ok(()));
        let seen = guard.seen.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(seen.fingerprints.len(), 1);
    }
}
