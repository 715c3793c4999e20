//! What is kept of a member's metrics, and how it is made of what etcd exposes.

use jiff::Timestamp;

use crate::text::{Buckets, Reading};

/// One number about a member at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Size of the database on disk.
    DatabaseSize,
    /// How much of it is in use.
    DatabaseInUse,
    /// Keys it holds.
    Keys,
    /// Whether it leads.
    Leads,
    /// How often the leader changed since the last reading.
    LeaderChanges,
    /// Requests that clients made.
    Requests,
    /// Proposals that were committed.
    Commits,
    /// Proposals that wait.
    PendingProposals,
    /// Requests that took long to be applied, since the last reading.
    SlowApplies,
    /// How long the log takes to be on disk.
    FsyncLatency,
    /// How long the database takes to be on disk.
    CommitLatency,
    /// How long a message to another member and back takes.
    PeerRoundTrip,
    /// Memory it takes.
    Memory,
    /// Processor time it takes.
    Processor,
    /// Descriptors it has open.
    OpenFiles,
}

/// How a number is made of families.
#[derive(Debug, Clone, Copy)]
enum Made {
    /// The family's value, the sum over its labels; of the first family that is there.
    As(&'static [&'static str]),
    /// How much it rose since the reading before.
    Rise(&'static [&'static str]),
    /// How much it rises in a second.
    Rate(&'static [&'static str]),
    /// The 99th percentile of what came since the reading before, over all labels.
    P99(&'static str),
}

impl Metric {
    /// All of them, in the order in which they are kept.
    pub const ALL: [Self; 15] = [
        Self::DatabaseSize,
        Self::DatabaseInUse,
        Self::Keys,
        Self::Leads,
        Self::LeaderChanges,
        Self::Requests,
        Self::Commits,
        Self::PendingProposals,
        Self::SlowApplies,
        Self::FsyncLatency,
        Self::CommitLatency,
        Self::PeerRoundTrip,
        Self::Memory,
        Self::Processor,
        Self::OpenFiles,
    ];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::DatabaseSize => "DatabaseSize",
            Self::DatabaseInUse => "DatabaseInUse",
            Self::Keys => "Keys",
            Self::Leads => "Leads",
            Self::LeaderChanges => "LeaderChanges",
            Self::Requests => "Requests",
            Self::Commits => "Commits",
            Self::PendingProposals => "PendingProposals",
            Self::SlowApplies => "SlowApplies",
            Self::FsyncLatency => "FsyncLatency",
            Self::CommitLatency => "CommitLatency",
            Self::PeerRoundTrip => "PeerRoundTrip",
            Self::Memory => "Memory",
            Self::Processor => "Processor",
            Self::OpenFiles => "OpenFiles",
        }
    }

    /// Its unit in the API.
    pub fn unit(self) -> &'static str {
        match self {
            Self::DatabaseSize | Self::DatabaseInUse | Self::Memory => "bytes",
            Self::Requests | Self::Commits => "per second",
            Self::FsyncLatency | Self::CommitLatency | Self::PeerRoundTrip => "seconds, 99th percentile",
            Self::Processor => "cores",
            Self::Leads => "1 or 0",
            Self::Keys | Self::LeaderChanges | Self::PendingProposals | Self::SlowApplies | Self::OpenFiles => "count",
        }
    }

    /// The metric of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Names as of etcd 3.3 to 3.7: what was renamed is tried under each name, the newest first.
    fn made(self) -> Made {
        match self {
            Self::DatabaseSize => {
                Made::As(&["etcd_mvcc_db_total_size_in_bytes", "etcd_debugging_mvcc_db_total_size_in_bytes"])
            }
            Self::DatabaseInUse => Made::As(&["etcd_mvcc_db_total_size_in_use_in_bytes"]),
            Self::Keys => Made::As(&["etcd_debugging_mvcc_keys_total"]),
            Self::Leads => Made::As(&["etcd_server_is_leader"]),
            Self::LeaderChanges => Made::Rise(&["etcd_server_leader_changes_seen_total"]),
            Self::Requests => Made::Rate(&["grpc_server_handled_total"]),
            Self::Commits => Made::Rate(&["etcd_server_proposals_committed_total"]),
            Self::PendingProposals => Made::As(&["etcd_server_proposals_pending"]),
            Self::SlowApplies => Made::Rise(&["etcd_server_slow_apply_total"]),
            Self::FsyncLatency => Made::P99("etcd_disk_wal_fsync_duration_seconds"),
            Self::CommitLatency => Made::P99("etcd_disk_backend_commit_duration_seconds"),
            Self::PeerRoundTrip => Made::P99("etcd_network_peer_round_trip_time_seconds"),
            Self::Memory => Made::As(&["process_resident_memory_bytes"]),
            Self::Processor => Made::Rate(&["process_cpu_seconds_total"]),
            Self::OpenFiles => Made::As(&["process_open_fds"]),
        }
    }

    /// Every family that any metric is made of; histograms by the name of their buckets.
    pub(crate) fn families() -> impl Iterator<Item = &'static str> {
        Self::ALL
            .into_iter()
            .flat_map(|metric| match metric.made() {
                Made::As(names) | Made::Rise(names) | Made::Rate(names) => names.iter(),
                Made::P99(_) => [].iter(),
            })
            .copied()
    }

    /// Every histogram that any metric is made of.
    pub(crate) fn histograms() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter_map(|metric| match metric.made() {
            Made::P99(name) => Some(name),
            _ => None,
        })
    }

    /// Its value of two readings; `None` where they do not tell, for example a latency when nothing was written.
    pub(crate) fn of(self, before: Option<&(Timestamp, Reading)>, now: &(Timestamp, Reading)) -> Option<f64> {
        let first = |reading: &Reading, names: &[&str]| names.iter().find_map(|name| reading.value(name));
        let rise = |names: &[&str]| {
            let (was, is) = (first(&before?.1, names)?, first(&now.1, names)?);
            // A process that began anew counts from 0.
            Some(if is >= was { is - was } else { is })
        };
        match self.made() {
            Made::As(names) => first(&now.1, names),
            Made::Rise(names) => rise(names),
            Made::Rate(names) => {
                let seconds = now.0.duration_since(before?.0).as_secs_f64();
                (seconds > 0.0).then_some(rise(names)? / seconds)
            }
            Made::P99(name) => {
                now.1.buckets(name)?.since(before?.1.buckets(name)?).and_then(|b| Buckets::quantile(&b, 0.99))
            }
        }
    }
}
