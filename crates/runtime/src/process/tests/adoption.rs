//! What a runtime makes of the processes and files of an earlier one.

use super::*;

#[tokio::test]
async fn the_next_runtime_adopts_what_the_first_started() {
    let mut fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let pid = fixture.pid();
    fixture.reopen().await;
    assert_eq!(fixture.view().await.process, Process::Running);
    fixture.ensure().await;
    assert_eq!(fixture.pid(), pid);
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    assert!(matches!(fixture.view().await.process, Process::Exited { quick_exits: 0, .. }));
    assert!(Fixture::pids(&fixture.member_dir()).is_empty());
}

#[tokio::test]
async fn the_end_of_a_process_is_told_and_quick_ends_are_counted_over_restarts() {
    let mut fixture = Fixture::new(RUNS).await;
    for quick in 1..=2 {
        let mut changes = fixture.runtime.changes(&instance());
        fixture.ensure().await;
        kill(fixture.pid());
        changed(&mut changes).await;
        let process = fixture.view().await.process;
        assert!(matches!(process, Process::Exited { quick_exits, .. } if quick_exits == quick), "{process:?}");
        fixture.reopen().await;
        assert_eq!(fixture.view().await.process, process);
    }
}

#[tokio::test]
async fn the_end_of_an_adopted_process_is_told() {
    let mut fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    fixture.reopen().await;
    let mut changes = fixture.runtime.changes(&instance());
    kill(fixture.pid());
    changed(&mut changes).await;
    assert!(matches!(fixture.view().await.process, Process::Exited { quick_exits: 1, .. }));
}

#[tokio::test]
async fn a_process_that_ended_while_nobody_watched_has_ended() {
    let mut fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let pid = fixture.pid();
    let running = fs::read(fixture.record()).unwrap();
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    fs::write(fixture.record(), running).unwrap();
    fixture.reopen().await;
    assert!(matches!(fixture.view().await.process, Process::Exited { quick_exits: 1, .. }));
    fixture.ensure().await;
    assert_ne!(fixture.pid(), pid);
}

#[tokio::test]
async fn what_a_crash_left_half_removed_is_removed() {
    let mut fixture = Fixture::new(RUNS).await;
    let half = fixture.options.root.join("members/etcd-abcd1234/.removing-0/data");
    fs::create_dir_all(&half).unwrap();
    assert_eq!(fixture.runtime.instances().await.unwrap(), BTreeSet::from([instance()]));
    fixture.reopen().await;
    assert!(fixture.runtime.instances().await.unwrap().is_empty());
    fs::create_dir_all(&half).unwrap();
    fixture.runtime.remove_member(&instance(), 0).await.unwrap();
    assert!(fixture.runtime.instances().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_process_whose_record_was_lost_is_found_and_not_started_twice() {
    let mut fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let pid = fixture.pid();
    for lost in [None, Some("torn"), Some(r#"{"state":"starting","quick_exits":3}"#)] {
        match lost {
            None => fs::remove_file(fixture.record()).unwrap(),
            Some(text) => fs::write(fixture.record(), text).unwrap(),
        }
        fixture.reopen().await;
        assert_eq!(fixture.view().await.process, Process::Running);
        fixture.ensure().await;
        assert_eq!(fixture.pid(), pid);
    }
}

#[tokio::test]
async fn a_process_whose_folder_was_lost_is_found_and_can_be_ended() {
    let mut fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    fs::remove_dir_all(fixture.options.root.join("members")).unwrap();
    fixture.reopen().await;
    assert_eq!(fixture.runtime.instances().await.unwrap(), BTreeSet::from([instance()]));
    assert_eq!(fixture.view().await.process, Process::Running);
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    fixture.runtime.remove_member(&instance(), 0).await.unwrap();
    assert!(fixture.runtime.instances().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pid_that_was_given_to_another_process_is_not_adopted() {
    let mut fixture = Fixture::new(RUNS).await;
    fixture.ensure().await;
    let pid = fixture.pid();
    let running = fs::read_to_string(fixture.record()).unwrap();
    fixture.runtime.stop_member(&instance(), 0, Stop::Gracefully).await.unwrap();
    // This very process has the pid now, as the record has it.
    let own = std::process::id().to_string();
    fs::write(fixture.record(), running.replace(&format!("\"pid\":{pid}"), &format!("\"pid\":{own}"))).unwrap();
    fixture.reopen().await;
    assert!(matches!(fixture.view().await.process, Process::Exited { .. }));
}
