//! Medians, percentiles, and figures as people read them.

use std::time::Duration;

/// The middle value; of an even number, the mean of the two in the middle. 0 for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The smallest and the largest; zeros for none.
pub fn extremes(values: &[f64]) -> (f64, f64) {
    let smallest = values.iter().copied().min_by(f64::total_cmp);
    let largest = values.iter().copied().max_by(f64::total_cmp);
    (smallest.unwrap_or(0.0), largest.unwrap_or(0.0))
}

/// Latencies in microseconds, sorted once.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Of all these.
    pub fn new(mut microseconds: Vec<u32>) -> Self {
        microseconds.sort_unstable();
        Self(microseconds)
    }

    /// The latency in milliseconds that this many per mille of the requests did not exceed.
    pub fn per_mille(&self, per_mille: usize) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return 0.0 };
        f64::from(self.0[last * per_mille.min(1000) / 1000]) / 1000.0
    }
}

/// A duration as one sample of [`Latencies`].
pub fn microseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// A count as a number to calculate with; counts here are far below 2^52.
#[allow(clippy::cast_precision_loss)]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// `0.62 s`.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

/// `0.62 s (0.58 to 0.71)`: the median, and the extremes.
pub fn spread_seconds(values: &[f64]) -> String {
    let (smallest, largest) = extremes(values);
    format!("{} ({smallest:.2} to {largest:.2})", seconds(median(values)))
}

/// `21,345/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", thousands(per_second))
}

/// `21,345/s (20,900 to 21,800)`: the median, and the extremes.
pub fn spread_rate(values: &[f64]) -> String {
    let (smallest, largest) = extremes(values);
    format!("{} ({} to {})", rate(median(values)), thousands(smallest), thousands(largest))
}

/// `312 MB/s (298 to 330)` of bytes a second: the median, and the extremes.
pub fn spread_megabytes(values: &[f64]) -> String {
    let (smallest, largest) = extremes(values);
    format!("{:.0} MB/s ({:.0} to {:.0})", median(values) / 1e6, smallest / 1e6, largest / 1e6)
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn percentiles_are_samples_that_occurred() {
        let latencies = Latencies::new((1..=1000).rev().map(|n| n * 1000).collect());
        assert_eq!(latencies.per_mille(500), 500.0);
        assert_eq!(latencies.per_mille(990), 990.0);
        assert_eq!(latencies.per_mille(1000), 1000.0);
        assert_eq!(Latencies::default().per_mille(500), 0.0);
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(rate(999.0), "999/s");
        assert_eq!(rate(1_234_567.4), "1,234,567/s");
    }
}
