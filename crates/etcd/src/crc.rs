//! CRC-32 (Castagnoli), the checksum that etcd hashes its keys with, also of parts that come out of order.

/// The polynomial, with the lowest power in the highest bit.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// x to the power of 0, written like the polynomial.
const ONE: u32 = 1 << 31;

/// The checksum of nothing.
pub const EMPTY: u32 = 0;

/// The checksum of what has the checksum `crc`, followed by `bytes`.
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// Puts checksums of parts together. A part is often as long as another: the last length is remembered.
pub struct Combiner {
    /// x to the power of 2^n.
    powers: [u32; 32],
    last: (u64, u32),
}

impl Combiner {
    pub fn new() -> Self {
        let mut powers = [0; 32];
        let mut power = ONE >> 1;
        for slot in &mut powers {
            *slot = power;
            power = multiply(power, power);
        }
        Self { powers, last: (0, ONE) }
    }

    /// The checksum of what has the checksum `first`, followed by `length` bytes that have the checksum `second`.
    pub fn combine(&mut self, first: u32, second: u32, length: u64) -> u32 {
        if self.last.0 != length {
            self.last = (length, self.shift(length));
        }
        multiply(self.last.1, first) ^ second
    }

    /// x to the power of eight times `length`: what so many bytes behind do to a checksum.
    fn shift(&self, length: u64) -> u32 {
        // The powers of x repeat after 2^32 - 1 of them, so that 2^(n + 32) is 2^n.
        (0..64)
            .filter(|bit| length >> bit & 1 == 1)
            .fold(ONE, |product, bit| multiply(product, self.powers[(bit + 3) % 32]))
    }
}

/// The product of two polynomials, modulo the polynomial.
fn multiply(mut a: u32, b: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a = if a & 1 == 1 { a >> 1 ^ POLYNOMIAL } else { a >> 1 };
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_put_together_have_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let mut combiner = Combiner::new();
        for cut in [0, 1, 2, 31, 32, 4096, 65_535, 65_536, 99_999, 100_000] {
            let (first, second) = bytes.split_at(cut);
            let whole = combiner.combine(append(EMPTY, first), append(EMPTY, second), second.len() as u64);
            assert_eq!(whole, append(EMPTY, &bytes), "cut at {cut}");
        }
    }

    #[test]
    fn it_is_the_checksum_of_castagnoli() {
        assert_eq!(append(EMPTY, b"123456789"), 0xE306_9283);
    }
}
