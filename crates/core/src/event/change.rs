//! What is told of a change of what is recorded.

use jiff::Timestamp;

use super::{Event, EventKind, Level};
use crate::{
    Status,
    condition::Severity,
    observed::Observed,
    progress::why_down,
    status::{MemberPhase, MemberRecord, Phase},
};

/// What to tell of the change from `before` to `after`, which follows from `observed`.
pub fn of_change(before: &Status, after: &Status, observed: &Observed, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    for record in &after.members {
        let was = before.member(record.ordinal).map_or(MemberPhase::Pending, |member| member.phase);
        let served = matches!(was, MemberPhase::Running | MemberPhase::Learner);
        match record.phase {
            MemberPhase::Running if was != MemberPhase::Running => {
                events.push(Event::new(EventKind::MemberServing, now).member(record.ordinal));
            }
            MemberPhase::Unhealthy | MemberPhase::Stopped | MemberPhase::Pending if served => {
                events.push(went_down(after, record, observed, now));
            }
            _ => {}
        }
    }
    if before.phase != after.phase {
        let level = if after.phase == Phase::Abnormal { Level::Warning } else { Level::Info };
        let words = format!("{} → {}", before.phase.as_str(), after.phase.as_str());
        events.push(Event::new(EventKind::StatusChanged, now).level(level).detail(words));
    }
    events
}

/// A member that is on its way from one configuration to the next, or whose data is being replaced, is missed by nobody.
fn went_down(status: &Status, record: &MemberRecord, observed: &Observed, now: Timestamp) -> Event {
    let event = Event::new(EventKind::MemberDown, now).member(record.ordinal);
    let Some(member) = observed.member(record.ordinal) else { return event.level(Level::Warning) };
    let rolls = member.started_with.as_deref().is_some_and(|line| line != record.run.line());
    let planned = rolls || status.phase == Phase::Restoring || status.recovery.is_some();
    let why = status.cluster_id.and_then(|cluster_id| why_down(status, member, cluster_id)).unwrap_or_default();
    event.level(if planned { Level::Info } else { Level::Warning }).reason(&why)
}

/// Tells of the conditions in `status` that nobody was told of as they are now, and notes that in them. While a change
/// that was asked for goes on, what it may interrupt is not told.
pub fn tell_conditions(status: &mut Status, now: Timestamp) -> Vec<Event> {
    let calm = matches!(status.phase, Phase::Running | Phase::Abnormal);
    let mut events = Vec::new();
    for condition in &mut status.conditions {
        let severity = condition.severity();
        let (kind, level) = match condition.told {
            Some(_) if condition.holds => (EventKind::ConditionCleared, Level::Info),
            told if !condition.holds && told != Some(severity) => {
                if condition.kind.is_about_serving() && !calm {
                    continue;
                }
                (EventKind::ConditionRaised, level_of(severity))
            }
            _ => continue,
        };
        condition.told = (!condition.holds).then_some(severity);
        events.push(Event::new(kind, now).level(level).detail(condition.kind.as_str()).reason(&condition.reason));
    }
    events
}

fn level_of(severity: Severity) -> Level {
    match severity {
        Severity::Info => Level::Info,
        Severity::Warning => Level::Warning,
        Severity::Critical => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        condition::{ConditionKind, grade, set},
        testing::at,
    };

    fn told(status: &mut Status) -> Vec<(EventKind, Level, String)> {
        tell_conditions(status, at(9)).into_iter().map(|event| (event.kind, event.level, event.detail)).collect()
    }

    fn with(phase: Phase, kind: ConditionKind, holds: bool) -> Status {
        let mut status = Status { phase, ..Status::default() };
        set(&mut status.conditions, kind, holds, "why".to_owned(), at(1));
        status
    }

    #[test]
    fn a_condition_is_told_once_when_it_fails_and_once_when_it_holds_again() {
        let mut status = with(Phase::Abnormal, ConditionKind::Quorum, false);
        let raised = (EventKind::ConditionRaised, Level::Error, "Quorum".to_owned());
        assert_eq!(told(&mut status), [raised]);
        set(&mut status.conditions, ConditionKind::Quorum, false, "another reason".to_owned(), at(2));
        assert_eq!(told(&mut status), []);
        set(&mut status.conditions, ConditionKind::Quorum, true, String::new(), at(3));
        let cleared = (EventKind::ConditionCleared, Level::Info, "Quorum".to_owned());
        assert_eq!(told(&mut status), [cleared]);
        assert_eq!(told(&mut status), []);
    }

    #[test]
    fn what_a_change_interrupts_is_told_only_if_it_outlasts_the_change() {
        let mut status = with(Phase::Upgrading, ConditionKind::MembersHealthy, false);
        assert_eq!(told(&mut status), []);
        status.phase = Phase::Abnormal;
        assert_eq!(told(&mut status).len(), 1);
        let mut status = with(Phase::Upgrading, ConditionKind::SpaceLeft, false);
        assert_eq!(told(&mut status).len(), 1, "an upgrade uses no space up");
    }

    #[test]
    fn what_gets_worse_is_told_again() {
        let mut status = with(Phase::Running, ConditionKind::QuotaLeft, false);
        for (severity, level) in [(Severity::Info, Level::Info), (Severity::Critical, Level::Error)] {
            grade(&mut status.conditions, ConditionKind::QuotaLeft, Some(severity));
            assert_eq!(told(&mut status), [(EventKind::ConditionRaised, level, "QuotaLeft".to_owned())]);
        }
    }

    #[test]
    fn a_status_that_stays_tells_nothing() {
        let status = with(Phase::Running, ConditionKind::Quorum, true);
        assert_eq!(of_change(&status, &status, &Observed::default(), at(1)), []);
        assert_eq!(told(&mut status.clone()), []);
    }
}
