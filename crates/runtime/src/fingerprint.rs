//! What a member shows, in a form that can be compared and told without giving a key away.

use cetcd_core::{certificates::OnDisk, member::KeyPair};
use sha2::{Digest, Sha256};

/// SHA-256 of what a member shows to clients and peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    certificates: String,
    keys: String,
}

impl Fingerprint {
    /// Of what is shown to clients and what is shown to peers.
    pub fn of(server: &KeyPair, peer: &KeyPair) -> Self {
        let both = |server: &str, peer: &str| {
            let hash = Sha256::new_with_prefix(server).chain_update([0]).chain_update(peer).finalize();
            hex::encode(hash)
        };
        Self { certificates: both(&server.cert, &peer.cert), keys: both(&server.key, &peer.key) }
    }

    /// How this, on disk, compares with what is `wanted`.
    pub fn compare(&self, wanted: &Self) -> OnDisk {
        if self.keys != wanted.keys {
            OnDisk::OtherKeys
        } else if self.certificates != wanted.certificates {
            OnDisk::OtherCertificates
        } else {
            OnDisk::Same
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(cert: &str, key: &str) -> KeyPair {
        KeyPair { cert: cert.to_owned(), key: key.to_owned() }
    }

    #[test]
    fn a_renewed_certificate_is_told_from_another_key() {
        let wanted = Fingerprint::of(&pair("s2", "k"), &pair("p", "q"));
        let on_disk = |server: KeyPair| Fingerprint::of(&server, &pair("p", "q")).compare(&wanted);
        assert_eq!(on_disk(pair("s2", "k")), OnDisk::Same);
        assert_eq!(on_disk(pair("s1", "k")), OnDisk::OtherCertificates);
        assert_eq!(on_disk(pair("s2", "l")), OnDisk::OtherKeys);
    }

    #[test]
    fn what_is_moved_from_one_file_to_the_next_is_a_difference() {
        let one = Fingerprint::of(&pair("ab", "k"), &pair("c", "q"));
        let other = Fingerprint::of(&pair("a", "k"), &pair("bc", "q"));
        assert_ne!(one, other);
    }
}
