//! The signing key of TC3: derived from the secret, the day and the service, and worth keeping for that day.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A derived signing key; wiped from memory when it is dropped.
pub(crate) type SigningKey = Zeroizing<[u8; 32]>;

pub(crate) fn hmac_sha256(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn step(key: &[u8], message: &str) -> SigningKey {
    Zeroizing::new(hmac_sha256(key).chain_update(message).finalize().into_bytes().into())
}

/// `SecretDate`, `SecretService` and `SecretSigning` of the document, one out of the other.
pub(crate) fn derive(secret: &str, date: &str, service: &str) -> [SigningKey; 3] {
    let prefixed = Zeroizing::new(format!("TC3{secret}"));
    let of_date = step(prefixed.as_bytes(), date);
    let of_service = step(&of_date[..], service);
    let signing = step(&of_service[..], "tc3_request");
    [of_date, of_service, signing]
}

struct Entry {
    secret_id: Box<str>,
    date: Box<str>,
    service: Box<str>,
    key: SigningKey,
}

/// Derived signing keys of clients whose signature was good, for a day.
///
/// Bounded: it holds at most the number of keys it was made with, and only verified requests put any in, so a
/// stranger cannot fill it. Keys of days gone by leave when the day changes.
pub struct KeyCache {
    capacity: usize,
    hasher: RandomState,
    entries: Mutex<HashMap<u64, Entry>>,
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyCache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new(1024)
    }
}

impl KeyCache {
    /// A cache of at most `capacity` keys; 0 keeps none.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, hasher: RandomState::new(), entries: Mutex::default() }
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // The secret is part of the index, so a secret that changed never meets a key made from the old one.
    fn index(&self, secret_id: &str, secret: &str, date: &str, service: &str) -> u64 {
        self.hasher.hash_one((secret_id, secret, date, service))
    }

    /// The key for this scope, and whether it came out of the cache.
    pub(crate) fn get(&self, secret_id: &str, secret: &str, date: &str, service: &str) -> (SigningKey, bool) {
        let index = self.index(secret_id, secret, date, service);
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&index)
            && *entry.secret_id == *secret_id
            && *entry.date == *date
            && *entry.service == *service
        {
            return (entry.key.clone(), true);
        }
        drop(entries);
        let [_, _, key] = derive(secret, date, service);
        (key, false)
    }

    /// Keeps a key that verified a request.
    pub(crate) fn put(&self, secret_id: &str, secret: &str, date: &str, service: &str, key: SigningKey) {
        if self.capacity == 0 {
            return;
        }
        let index = self.index(secret_id, secret, date, service);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity || entries.values().any(|entry| *entry.date != *date) {
            // Around midnight two dates are valid for ten minutes; deriving a few keys again then is cheap.
            entries.retain(|_, entry| *entry.date == *date);
        }
        if entries.len() >= self.capacity
            && let Some(victim) = entries.keys().next().copied()
        {
            entries.remove(&victim);
        }
        entries.insert(index, Entry { secret_id: secret_id.into(), date: date.into(), service: service.into(), key });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn put(cache: &KeyCache, secret_id: &str, secret: &str, date: &str) {
        let (key, _) = cache.get(secret_id, secret, date, "cetcd");
        cache.put(secret_id, secret, date, "cetcd", key);
    }

    #[test]
    fn a_key_that_was_kept_is_found_and_equals_a_derived_one() {
        let cache = KeyCache::new(4);
        put(&cache, "id", "secret", "2026-01-01");
        let (key, cached) = cache.get("id", "secret", "2026-01-01", "cetcd");
        assert!(cached);
        assert_eq!(key, derive("secret", "2026-01-01", "cetcd")[2]);
    }

    #[test]
    fn another_secret_day_or_service_is_another_key() {
        let cache = KeyCache::new(4);
        put(&cache, "id", "secret", "2026-01-01");
        assert!(!cache.get("id", "other", "2026-01-01", "cetcd").1);
        assert!(!cache.get("id", "secret", "2026-01-02", "cetcd").1);
        assert!(!cache.get("id", "secret", "2026-01-01", "127").1);
        assert!(!cache.get("di", "secret", "2026-01-01", "cetcd").1);
    }

    #[test]
    fn it_never_holds_more_than_its_capacity() {
        let cache = KeyCache::new(3);
        for number in 0..20 {
            put(&cache, &number.to_string(), "secret", "2026-01-01");
            assert!(cache.len() <= 3);
        }
        assert!(cache.get("19", "secret", "2026-01-01", "cetcd").1);
    }

    #[test]
    fn keys_of_yesterday_leave_when_the_day_changes() {
        let cache = KeyCache::new(8);
        put(&cache, "a", "secret", "2026-01-01");
        put(&cache, "b", "secret", "2026-01-02");
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn no_key_shows_in_debug_output() {
        let cache = KeyCache::new(8);
        put(&cache, "a", "secret", "2026-01-01");
        assert_eq!(format!("{cache:?}"), "KeyCache { capacity: 8, .. }");
    }
}
