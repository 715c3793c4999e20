//! Which process it is: a pid alone is given again to others.

use std::{io, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::proc;

/// Names one process, on this machine, until its next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its pid.
    pub pid: i32,
    /// When it started, as the system counts.
    pub start_time: String,
    /// The machine's boot.
    pub boot_id: String,
}

impl Identity {
    /// The identity of the process that has the pid now; `None` where none runs.
    pub fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, start_time: proc::start_time(pid)?, boot_id: boot_id().ok()? })
    }

    /// Whether this very process runs.
    pub fn runs(&self) -> bool {
        boot_id().is_ok_and(|boot_id| boot_id == self.boot_id)
            && proc::start_time(self.pid).is_some_and(|start_time| start_time == self.start_time)
    }
}

fn boot_id() -> io::Result<String> {
    static BOOT_ID: LazyLock<Option<String>> = LazyLock::new(|| proc::boot_id().ok());
    BOOT_ID.clone().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pid_that_was_given_to_another_process_is_not_taken_for_the_first() {
        let own = Identity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.runs());
        assert!(!Identity { start_time: "1".to_owned(), ..own.clone() }.runs());
        assert!(!Identity { boot_id: "another".to_owned(), ..own }.runs());
    }
}
