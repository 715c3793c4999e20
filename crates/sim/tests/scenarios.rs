//! Thousands of seeded lives of instances, and the proof that the simulation replays and can fail.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_sim::{
    Flaw,
    scenario::{self, Failure, Options},
};

#[test]
fn nothing_goes_wrong_in_two_thousand_scenarios() {
    match scenario::run_all(0..2000, Options::default()) {
        Ok(all) => {
            println!("{all:?}");
            assert_eq!(all.scenarios, 2000);
            // What is explored must not shrink unnoticed.
            assert!(all.created > 2500 && all.changed > 1000 && all.crashes > 5000, "{all:?}");
        }
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn the_same_seed_is_the_same_story() {
    let options = Options { trace: true, ..Options::default() };
    for seed in [1, 7, 1234, u64::MAX] {
        let (first, second) = (scenario::run(seed, options).unwrap(), scenario::run(seed, options).unwrap());
        assert_eq!(first.trace, second.trace);
        assert_eq!(first, second);
    }
}

#[test]
fn other_seeds_are_other_stories() {
    let hash = |seed| scenario::run(seed, Options::default()).unwrap().hash;
    assert_ne!(hash(1), hash(2));
}

/// The first failure of a world with this flaw.
fn caught(flaw: Flaw) -> Failure {
    let failure = scenario::run_all(0..60, Options { flaw, trace: false }).expect_err("the flaw is not noticed");
    assert!(failure.to_string().contains(&format!("--seed {}", failure.seed)), "{failure}");
    *failure
}

#[test]
fn a_runtime_that_always_founds_a_cluster_is_caught() {
    let failure = caught(Flaw::AlwaysNew);
    assert!(failure.violations[0].contains("as new although a cluster ID is recorded"), "{failure}");
}

#[test]
fn a_store_that_ignores_conditions_is_caught() {
    let failure = caught(Flaw::BlindTransactions);
    assert!(!failure.violations[0].contains("still not so"), "{failure}");
}

#[test]
fn a_runtime_that_does_not_stop_members_is_caught() {
    let failure = caught(Flaw::IgnoresStop);
    assert!(failure.violations[0].contains("still not so that everything is"), "{failure}");
}

#[test]
fn a_store_that_keeps_secrets_of_the_deleted_is_caught() {
    let failure = caught(Flaw::KeepsSecrets);
    assert!(failure.violations[0].contains("is forgotten while records of it are left"), "{failure}");
}

#[test]
fn an_installation_that_never_succeeds_is_told_with_its_reason() {
    let failure = caught(Flaw::NoVersions);
    assert!(failure.violations[0].contains("still not so that"), "{failure}");
}

#[test]
fn a_runtime_that_does_not_see_lost_data_is_caught() {
    let failure = caught(Flaw::HidesLoss);
    // The runtime itself starts nobody without the data that it had; but then nobody replaces that member.
    assert!(failure.violations.iter().any(|what| what.contains("is served by members")), "{failure}");
}
