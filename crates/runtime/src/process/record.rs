//! What is remembered of a process, beside it: `process.json`.

use std::{io, path::Path};

use cetcd_core::observed::Process;
use cetcd_endpoint::files::write_atomically;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// An end sooner than this after the start counts as quick.
const QUICK: SignedDuration = SignedDuration::from_secs(60);

/// State of a process that was to be started at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Record {
    /// It is about to be started. Found after a crash: it may run, its marker tells.
    Starting {
        /// Quick ends in a row before.
        quick_exits: u32,
    },
    /// It was started, or adopted.
    Running {
        /// Which it is.
        identity: Identity,
        /// When.
        started_at: Timestamp,
        /// Quick ends in a row before.
        quick_exits: u32,
    },
    /// It has ended.
    Exited {
        /// When that was seen.
        at: Timestamp,
        /// Quick ends in a row, this one included; 0 after it had run for long or was asked to end.
        quick_exits: u32,
    },
}

impl Record {
    /// Reads the record; `None` where there is none, or none that can be understood: the marker tells then.
    pub fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read(path).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|error| tracing::warn!("{} is not understood and replaced: {error}", path.display()))
            .ok()
    }

    /// Writes the record. It need not survive a power cut, which ends the process too.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_atomically(path, &serde_json::to_vec(self)?, false)
    }

    /// Quick ends in a row so far.
    pub fn quick_exits(&self) -> u32 {
        match self {
            Self::Starting { quick_exits } | Self::Running { quick_exits, .. } | Self::Exited { quick_exits, .. } => {
                *quick_exits
            }
        }
    }

    /// What follows when its end is seen at `now`, `asked` for or not.
    pub fn ended(&self, now: Timestamp, asked: bool) -> Self {
        let quick_exits = match self {
            _ if asked => 0,
            Self::Exited { .. } => return self.clone(),
            Self::Starting { quick_exits } => *quick_exits,
            Self::Running { started_at, quick_exits, .. } => {
                let quick = now.duration_since(*started_at) < QUICK;
                if quick { quick_exits.saturating_add(1) } else { 0 }
            }
        };
        Self::Exited { at: now, quick_exits }
    }

    /// As an observer sees it.
    pub fn observed(&self) -> Process {
        match self {
            // Between its intent and its start: nothing runs yet, and nothing has ended.
            Self::Starting { .. } => Process::Absent,
            Self::Running { .. } => Process::Running,
            Self::Exited { at, quick_exits } => Process::Exited { at: *at, quick_exits: *quick_exits },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::constant(second, 0)
    }

    fn running(quick_exits: u32) -> Record {
        let identity = Identity { pid: 1, start_time: "1".to_owned(), boot_id: "b".to_owned() };
        Record::Running { identity, started_at: at(100), quick_exits }
    }

    #[test]
    fn quick_ends_are_counted_and_a_long_run_or_a_wanted_end_forgets_them() {
        assert_eq!(running(2).ended(at(159), false), Record::Exited { at: at(159), quick_exits: 3 });
        assert_eq!(running(2).ended(at(160), false), Record::Exited { at: at(160), quick_exits: 0 });
        assert_eq!(running(2).ended(at(101), true), Record::Exited { at: at(101), quick_exits: 0 });
    }
}
