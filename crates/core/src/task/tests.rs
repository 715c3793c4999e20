#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;

use super::*;
use crate::testing::{at, instance};

fn creation() -> Task {
    Task::accepted("id".to_owned(), TaskKind::CreateInstance, &instance(3), at(0))
}

fn states(task: &Task) -> Vec<StepState> {
    task.steps.iter().map(|step| step.state).collect()
}

#[test]
fn an_accepted_task_runs_its_first_step_and_no_other() {
    for kind in [TaskKind::CreateInstance, TaskKind::DeleteInstance] {
        let task = Task::accepted("id".to_owned(), kind, &instance(3), at(7));
        assert_eq!(task.steps.iter().map(|s| s.name).collect::<Vec<_>>(), kind.steps());
        assert_eq!(task.steps[0].state, StepState::Running);
        assert_eq!(task.steps[0].started_at, Some(at(7)));
        assert!(task.steps[1..].iter().all(|s| s.state == StepState::Pending && s.started_at.is_none()));
        assert_eq!((task.state, task.created_at, task.generation), (TaskState::Process, at(7), 1));
    }
}

#[test]
fn a_task_is_done_when_its_last_step_is_passed() {
    let mut task = creation();
    assert!(task.advance(4, at(1)));
    assert_eq!(task.state, TaskState::Process);
    assert!(task.advance(5, at(2)));
    assert_eq!(task.state, TaskState::Done);
    assert!(!task.advance(5, at(3)), "nothing changed");
    assert_eq!(task.updated_at, at(2));
}

#[test]
fn a_step_that_was_passed_at_once_has_both_its_times() {
    let mut task = creation();
    task.advance(2, at(5));
    let times: Vec<_> = task.steps.iter().map(|s| (s.started_at, s.ended_at)).collect();
    assert_eq!(times[0], (Some(at(0)), Some(at(5))));
    assert_eq!(times[1], (Some(at(5)), Some(at(5))));
    assert_eq!(times[2], (Some(at(5)), None));
}

#[test]
fn a_failure_is_shown_in_the_step_under_way_until_it_goes_well() {
    let mut task = creation();
    task.advance(2, at(1));
    assert!(task.report("the disk is full", at(2)));
    assert!(!task.report("the disk is full", at(3)), "said before");
    assert_eq!(task.steps[2].state, StepState::Failed);
    assert_eq!(task.state, TaskState::Process, "it is tried again");
    assert!(task.report("", at(4)));
    assert_eq!((task.steps[2].state, task.steps[2].failed_message.as_str()), (StepState::Running, ""));
}

#[test]
fn a_step_that_failed_and_then_passed_keeps_no_message() {
    let mut task = creation();
    task.report("no address", at(1));
    task.advance(1, at(2));
    assert_eq!((task.steps[0].state, task.steps[0].failed_message.as_str()), (StepState::Success, ""));
}

#[test]
fn a_task_that_is_overtaken_says_so_in_its_step() {
    let mut task = creation();
    task.advance(3, at(1));
    task.fail("the instance was deleted", at(2));
    assert_eq!(task.state, TaskState::Failed);
    assert_eq!(task.steps[3].failed_message, "the instance was deleted");
    assert!(!task.advance(3, at(3)));
}

#[test]
fn a_report_on_a_task_that_is_over_changes_nothing() {
    let mut task = creation();
    task.advance(5, at(1));
    let before = task.clone();
    assert!(!task.report("late", at(2)));
    assert_eq!(task, before);
}

proptest! {
    #[test]
    fn whatever_happens_no_step_goes_back_and_they_pass_in_order(
        events in prop::collection::vec((0usize..6, prop::option::of("[a-z]{0,3}")), 1..20)
    ) {
        let mut task = creation();
        let mut now = 0;
        for (passed, message) in events {
            now += 1;
            let before = task.clone();
            let changed = match &message {
                Some(message) => task.report(message, at(now)),
                None => task.advance(passed, at(now)),
            };
            prop_assert_eq!(changed, task != before);
            let order = |state| match state {
                StepState::Pending => 0,
                StepState::Running | StepState::Failed => 1,
                StepState::Success => 2,
            };
            let (old, new) = (states(&before), states(&task));
            prop_assert!(old.iter().zip(&new).all(|(old, new)| order(*old) <= order(*new)));
            prop_assert!(new.windows(2).all(|pair| order(pair[0]) >= order(pair[1])));
            prop_assert!(before.state == TaskState::Process || task.state == before.state);
        }
    }
}
