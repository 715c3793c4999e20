//! Starts that failed before there was a process.
//!
//! Such a start leaves nothing to be seen, so that the planner would choose the same member again at once, for
//! ever, and never come to the others. To the planner it is a process that ended: it waits out a growing pause.

use std::collections::BTreeMap;

use cetcd_core::{
    action::Action,
    observed::{Observed, Process},
};
use jiff::Timestamp;

/// The members whose last start failed: when, and how many times in a row. Lost with the control plane, which
/// costs one more try each.
#[derive(Debug, Default)]
pub(crate) struct FailedStarts(BTreeMap<u32, (Timestamp, u32)>);

impl FailedStarts {
    /// Notes how an action went. Of several members that were started together all count as failed: the next
    /// look shows which of them run.
    pub fn note(&mut self, action: &Action, succeeded: bool, now: Timestamp) {
        let ordinals = match action {
            Action::Bootstrap { ordinals } => ordinals.as_slice(),
            Action::RestartMember { ordinal }
            | Action::JoinMember { ordinal }
            | Action::ForceNewCluster { ordinal } => std::slice::from_ref(ordinal),
            _ => return,
        };
        for ordinal in ordinals {
            if succeeded {
                self.0.remove(ordinal);
            } else {
                let failed = self.0.entry(*ordinal).or_insert((now, 0));
                *failed = (now, failed.1.saturating_add(1));
            }
        }
    }

    /// Whether any member waits for its next try.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What the planner is to see: `observed`, with the failed starts in it. Members that run are forgotten.
    pub fn shown_in(&mut self, observed: &Observed) -> Observed {
        let mut seen = observed.clone();
        self.0.retain(|ordinal, _| observed.member(*ordinal).is_some_and(|m| m.process != Process::Running));
        for member in &mut seen.members {
            let Some(&(failed_at, failures)) = self.0.get(&member.ordinal) else { continue };
            member.process = match member.process {
                Process::Exited { at, quick_exits } if at > failed_at => Process::Exited { at, quick_exits },
                Process::Exited { quick_exits, .. } => {
                    Process::Exited { at: failed_at, quick_exits: quick_exits.max(failures) }
                }
                _ => Process::Exited { at: failed_at, quick_exits: failures },
            };
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use cetcd_core::{
        certificates::OnDisk,
        observed::{Health, ObservedMember},
    };

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("small")
    }

    fn seen(processes: &[Process]) -> Observed {
        let member = |(ordinal, process): (u32, &Process)| ObservedMember {
            ordinal,
            process: *process,
            footprint: true,
            data: true,
            restored: None,
            started_with: None,
            shows: OnDisk::Same,
            health: Health::NotAsked,
            disk_bytes: 0,
            unlimited: None,
            bad_data: None,
        };
        Observed { members: (0..).zip(processes).map(member).collect(), ..Observed::default() }
    }

    fn processes(observed: &Observed) -> Vec<Process> {
        observed.members.iter().map(|member| member.process).collect()
    }

    #[test]
    fn a_start_that_failed_is_shown_as_a_process_that_ended() {
        let mut failed = FailedStarts::default();
        for second in 1..=3 {
            failed.note(&Action::RestartMember { ordinal: 0 }, false, at(second));
        }
        let shown = failed.shown_in(&seen(&[Process::Absent, Process::Absent]));
        assert_eq!(processes(&shown), [Process::Exited { at: at(3), quick_exits: 3 }, Process::Absent]);
    }

    #[test]
    fn a_member_that_runs_is_forgotten() {
        let mut failed = FailedStarts::default();
        failed.note(&Action::Bootstrap { ordinals: vec![0, 1] }, false, at(1));
        failed.shown_in(&seen(&[Process::Running, Process::Running]));
        assert!(!failed.any());
    }

    #[test]
    fn a_start_that_succeeded_is_forgotten() {
        let mut failed = FailedStarts::default();
        failed.note(&Action::RestartMember { ordinal: 0 }, false, at(1));
        failed.note(&Action::RestartMember { ordinal: 0 }, true, at(2));
        assert!(!failed.any());
    }

    #[test]
    fn a_later_end_of_the_process_itself_counts_as_it_was_seen() {
        let mut failed = FailedStarts::default();
        failed.note(&Action::RestartMember { ordinal: 0 }, false, at(1));
        let ended = Process::Exited { at: at(9), quick_exits: 0 };
        assert_eq!(processes(&failed.shown_in(&seen(&[ended]))), [ended]);
    }
}
