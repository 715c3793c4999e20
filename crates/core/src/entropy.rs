//! Randomness as a dependency.

/// Draws random bytes. The operating system's in production, a seeded one in the simulation.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A string of `length` characters drawn evenly from a-z and 0-9.
    fn lowercase_alphanumeric(&self, length: usize) -> String {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        // 252 is the largest multiple of 36 in a byte: rejecting the rest keeps the draw even.
        const EVEN: u8 = 252;
        let mut text = String::with_capacity(length);
        let mut byte = [0u8; 1];
        while text.len() < length {
            self.fill(&mut byte);
            if byte[0] < EVEN {
                text.push(char::from(ALPHABET[usize::from(byte[0] % 36)]));
            }
        }
        text
    }

    /// A random (version 4) UUID in its usual text form.
    fn uuid(&self) -> String {
        let mut b = [0u8; 16];
        self.fill(&mut b);
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(b));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Counting(Mutex<u8>);
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let mut next = self.0.lock().expect("no other thread");
            for byte in bytes {
                *byte = *next;
                *next = next.wrapping_add(1);
            }
        }
    }

    #[test]
    fn every_character_is_drawn_equally_often() {
        let text = Counting(Mutex::new(0)).lowercase_alphanumeric(252);
        for c in ('a'..='z').chain('0'..='9') {
            assert_eq!(text.matches(c).count(), 7, "{c}");
        }
    }

    #[test]
    fn a_uuid_carries_its_version_and_variant() {
        let uuid = Counting(Mutex::new(0)).uuid();
        assert_eq!(uuid, "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }
}
