//! The last two hours of one member.

use std::collections::VecDeque;

use half::bf16;
use jiff::Timestamp;

use crate::{metric::Metric, text::Reading};

/// How many of the metrics, the first of them, are kept as `f32`: sizes, whose slow growth is to be seen.
const FINE: usize = 3;

/// One kept moment. Numbers are kept less exactly than they are read: charts need no more, and there are hundreds of
/// thousands of them.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Seconds since 1970, in which 136 years have room.
    second: u32,
    fine: [f32; FINE],
    /// All others, to within four in a thousand.
    coarse: [bf16; Metric::ALL.len() - FINE],
}

impl Sample {
    fn new(second: u32, value: impl Fn(Metric) -> Option<f64>) -> Self {
        let value = |place: usize| value(Metric::ALL[place]).unwrap_or(f64::NAN);
        #[allow(clippy::cast_possible_truncation, reason = "precision is given up on purpose")]
        let fine = std::array::from_fn(|place| value(place) as f32);
        Self { second, fine, coarse: std::array::from_fn(|place| bf16::from_f64(value(FINE + place))) }
    }

    /// `None` where it was not known.
    fn value(&self, metric: Metric) -> Option<f64> {
        let place = metric as usize;
        let value = match place.checked_sub(FINE) {
            None => self.fine[place].into(),
            Some(place) => self.coarse[place].to_f64(),
        };
        (!value.is_nan()).then_some(value)
    }
}

/// By how many samples there is more room once there is none.
const GROWTH: usize = 90;

/// One number and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds since 1970.
    pub second: i64,
    /// The number, in the metric's unit.
    pub value: f64,
}

/// One metric of one member over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Number of the member.
    pub ordinal: u32,
    /// What it is.
    pub metric: Metric,
    /// By rising time; moments at which it was not known are left out.
    pub points: Vec<Point>,
}

/// What is kept of one member.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    last: Option<(Timestamp, Reading)>,
}

impl History {
    /// Takes a reading in, and forgets the oldest beyond `most`.
    pub fn add(&mut self, at: Timestamp, reading: Reading, most: usize) {
        let now = (at, reading);
        while self.samples.len() >= most.max(1) {
            self.samples.pop_front();
        }
        if self.samples.len() == self.samples.capacity() {
            // By itself it would take twice as much, and keep it.
            self.samples.reserve_exact(GROWTH.min(most));
        }
        let second = u32::try_from(at.as_second()).unwrap_or_default();
        self.samples.push_back(Sample::new(second, |metric| metric.of(self.last.as_ref(), &now)));
        self.last = Some(now);
    }

    /// When it was last read.
    pub fn read_at(&self) -> Option<Timestamp> {
        self.last.as_ref().map(|(at, _)| *at)
    }

    /// A metric between two seconds, both included.
    pub fn points(&self, metric: Metric, from: i64, to: i64) -> impl Iterator<Item = Point> {
        let within = self.samples.iter().filter(move |sample| (from..=to).contains(&sample.second.into()));
        within.filter_map(move |sample| Some(Point { second: sample.second.into(), value: sample.value(metric)? }))
    }
}

/// Points no closer than `step` seconds: the largest of each step, so that no peak is lost; steps begin at multiples.
pub fn thinned(points: impl Iterator<Item = Point>, step: i64) -> Vec<Point> {
    let mut thin: Vec<Point> = Vec::new();
    for point in points {
        let second = point.second - point.second.rem_euclid(step.max(1));
        match thin.last_mut() {
            Some(last) if last.second == second => last.value = last.value.max(point.value),
            _ => thin.push(Point { second, ..point }),
        }
    }
    thin
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn all(history: &History, metric: Metric) -> Vec<(i64, f64)> {
        history.points(metric, 0, i64::MAX).map(|point| (point.second, point.value)).collect()
    }

    #[test]
    fn rates_begin_with_the_second_reading_and_survive_a_restart() {
        let mut history = History::default();
        for (second, commits) in [(10, 100), (20, 200), (30, 20)] {
            let text = format!("etcd_server_proposals_committed_total {commits}\netcd_server_is_leader 1\n");
            history.add(at(second), Reading::parse(&text), 100);
        }
        assert_eq!(all(&history, Metric::Commits), [(20, 10.0), (30, 2.0)]);
        assert_eq!(all(&history, Metric::Leads).len(), 3);
        assert_eq!(all(&history, Metric::FsyncLatency), []);
    }

    #[test]
    fn sizes_are_kept_to_the_kilobyte_and_the_rest_to_four_in_a_thousand() {
        let mut history = History::default();
        let text = "etcd_mvcc_db_total_size_in_bytes 1234567168\nprocess_resident_memory_bytes 123456789\n";
        history.add(at(10), Reading::parse(text), 100);
        assert_eq!(all(&history, Metric::DatabaseSize), [(10, 1_234_567_168.0)]);
        let memory = all(&history, Metric::Memory)[0].1;
        assert!((memory / 123_456_789.0 - 1.0).abs() < 0.004, "{memory}");
    }

    #[test]
    fn no_more_is_kept_than_allowed() {
        let mut history = History::default();
        for second in 0..1000 {
            history.add(at(second), Reading::parse("process_open_fds 5"), 720);
        }
        assert_eq!(all(&history, Metric::OpenFiles).len(), 720);
        assert_eq!(history.points(Metric::OpenFiles, 0, 989).count(), 710);
    }

    #[test]
    fn thinning_keeps_the_peaks() {
        let points = (0..60).map(|second| Point { second, value: if second == 33 { 9.0 } else { 1.0 } });
        let thin: Vec<_> = thinned(points, 20).iter().map(|point| (point.second, point.value)).collect();
        assert_eq!(thin, [(0, 1.0), (20, 9.0), (40, 1.0)]);
    }
}
