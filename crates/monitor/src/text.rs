//! Reading Prometheus' text format, as far as etcd's own metrics go. Of the thousand lines that a member answers
//! with, a few dozen are wanted, and hundreds of members are read every ten seconds: so each line is looked at once
//! and nothing of it is kept but numbers.

use std::{collections::HashMap, sync::LazyLock};

use crate::metric::Metric;

/// The families that are wanted, by name, and where their numbers go.
static WANTED: LazyLock<HashMap<String, Wanted>> = LazyLock::new(|| {
    let values = Metric::families().map(|name| (name.to_owned(), Wanted::Value(name)));
    let histograms = Metric::histograms().map(|name| (format!("{name}_bucket"), Wanted::Bucket(name)));
    values.chain(histograms).collect()
});

#[derive(Clone, Copy)]
enum Wanted {
    Value(&'static str),
    Bucket(&'static str),
}

/// The numbers of one reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    values: HashMap<&'static str, f64>,
    buckets: HashMap<&'static str, Buckets>,
}

/// A histogram: how many were at most that large, by rising bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets(Vec<(f64, f64)>);

impl Reading {
    /// Reads the text. What is not understood is passed over: a member that says nothing of a family has none.
    pub fn parse(text: &str) -> Self {
        let mut reading = Self::default();
        for line in text.lines() {
            let Some(end) = line.find(['{', ' ']) else { continue };
            let Some(wanted) = WANTED.get(&line[..end]) else { continue };
            // Labels may hold spaces and braces; after the last brace is the value, and perhaps a time.
            let (labels, rest) = match line[end..].rfind('}') {
                Some(close) => (&line[end..=end + close], &line[end + close + 1..]),
                None => ("", &line[end..]),
            };
            let Some(value) = rest.split_ascii_whitespace().next().and_then(|value| value.parse::<f64>().ok()) else {
                continue;
            };
            match wanted {
                Wanted::Value(name) => *reading.values.entry(name).or_default() += value,
                Wanted::Bucket(name) => {
                    if let Some(bound) = bound(labels) {
                        reading.buckets.entry(name).or_default().add(bound, value);
                    }
                }
            }
        }
        reading
    }

    /// The value of a family, the sum over its labels.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    /// A histogram, the sum over its labels.
    pub fn buckets(&self, name: &str) -> Option<&Buckets> {
        self.buckets.get(name)
    }
}

/// The upper bound among a bucket's labels.
fn bound(labels: &str) -> Option<f64> {
    let text = &labels[labels.find("le=\"")? + 4..];
    // Rust reads `+Inf` too.
    text[..text.find('"')?].parse().ok()
}

impl Buckets {
    fn add(&mut self, bound: f64, count: f64) {
        let place = self.0.partition_point(|(other, _)| *other < bound);
        match self.0.get_mut(place) {
            Some((other, sum)) if other.total_cmp(&bound).is_eq() => *sum += count,
            _ => self.0.insert(place, (bound, count)),
        }
    }

    /// What came since an earlier reading; `None` where the two do not fit.
    pub fn since(&self, before: &Self) -> Option<Self> {
        let bounds = |buckets: &Self| buckets.0.iter().map(|(bound, _)| *bound).collect::<Vec<_>>();
        if bounds(self) != bounds(before) {
            return None;
        }
        let began_anew = self.0.iter().zip(&before.0).any(|((_, is), (_, was))| is < was);
        let difference = |((bound, is), (_, was)): (&(f64, f64), &(f64, f64))| (*bound, is - was);
        Some(if began_anew { self.clone() } else { Self(self.0.iter().zip(&before.0).map(difference).collect()) })
    }

    /// The value that this part of them does not exceed, found within its bucket as if they were spread evenly;
    /// `None` where there are none. What is beyond the last bound is given as that bound.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let total = self.0.last()?.1;
        if total <= 0.0 {
            return None;
        }
        let rank = total * part;
        let place = self.0.iter().position(|(_, count)| *count >= rank)?;
        let (bound, count) = self.0[place];
        let (lower, below) = if place == 0 { (0.0, 0.0) } else { self.0[place - 1] };
        if bound.is_infinite() {
            return Some(lower);
        }
        let within = count - below;
        Some(if within > 0.0 { lower + (bound - lower) * (rank - below) / within } else { bound })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]

    use super::*;

    const FSYNC: &str = "etcd_disk_wal_fsync_duration_seconds";

    #[test]
    fn a_family_is_the_sum_over_its_labels_and_others_are_passed_over() {
        let reading = Reading::parse(
            "# HELP grpc_server_handled_total Total.\n\
             grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Put\"} 7\n\
             grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"a } b\"} 5\n\
             grpc_server_handled_total_of_another 9\n\
             etcd_server_is_leader 1\nno number\netcd_server_proposals_pending x\n",
        );
        assert_eq!(reading.value("grpc_server_handled_total"), Some(12.0));
        assert_eq!(reading.value("etcd_server_is_leader"), Some(1.0));
        assert_eq!(reading.value("etcd_server_proposals_pending"), None);
    }

    #[test]
    fn histograms_of_several_peers_are_added_up() {
        let name = "etcd_network_peer_round_trip_time_seconds";
        let line = |to: &str, le: &str, n: u32| format!("{name}_bucket{{To=\"{to}\",le=\"{le}\"}} {n}\n");
        let text = [line("a", "0.1", 1), line("a", "+Inf", 1), line("b", "0.1", 2), line("b", "+Inf", 3)].concat();
        let reading = Reading::parse(&text);
        assert_eq!(reading.buckets(name).unwrap().0, [(0.1, 3.0), (f64::INFINITY, 4.0)]);
    }

    #[test]
    fn a_quantile_is_that_of_what_came_since() {
        let read = |counts: [u32; 4]| {
            let bounds = ["0.001", "0.01", "0.1", "+Inf"];
            let lines = bounds.iter().zip(counts).map(|(le, n)| format!("{FSYNC}_bucket{{le=\"{le}\"}} {n}\n"));
            Reading::parse(&lines.collect::<String>()).buckets(FSYNC).unwrap().clone()
        };
        let (before, now) = (read([100, 100, 100, 100]), read([100, 150, 200, 200]));
        let since = now.since(&before).unwrap();
        assert!((since.quantile(0.5).unwrap() - 0.01).abs() < 1e-9);
        assert!((since.quantile(0.99).unwrap() - 0.0982).abs() < 1e-9);
        assert_eq!(now.since(&now).unwrap().quantile(0.99), None);
        // Began anew: all that there is came since.
        assert_eq!(before.since(&now).unwrap(), before);
        assert_eq!(read([0, 0, 0, 5]).quantile(0.99), Some(0.1));
    }
}
