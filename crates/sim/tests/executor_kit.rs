//! The executor's kit: every effect of every action, on the way of a creation and of a deletion, is done twice,
//! fails before it is done, fails after, is the last one before a crash or the one that a crash prevents; the world
//! ends the same. An effect is a call of the store, the runtime, a member, the installer or the issuer.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use cetcd_core::{InstanceId, instance::Security};
use cetcd_sim::{
    Fate, Flaw, Schedule, Sim, Weather,
    api::{self, Change, Wanted},
};
use futures::executor::block_on;
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::Value;

const FATES: [Fate; 6] =
    [Fate::Twice, Fate::FailBefore, Fate::FailAfter, Fate::CrashBefore, Fate::CrashAfter, Fate::Conflict];

type Script = BTreeMap<u64, Fate>;

/// A world with one instance that was accepted and not yet made.
struct Life {
    sim: Sim,
    schedule: Schedule,
    id: InstanceId,
}

impl Life {
    fn begin(size: u8) -> Self {
        Self::begin_with(size, true)
    }

    fn begin_with(size: u8, client_cert_auth: bool) -> Self {
        Self::begin_in(Sim::new(5, Flaw::None, false), size, client_cert_auth)
    }

    fn begin_in(sim: Sim, size: u8, client_cert_auth: bool) -> Self {
        let id = InstanceId::parse("etcd-kit00000").unwrap();
        let security = Security { https: true, client_cert_auth };
        let wanted = Wanted { id: Some(id.clone()), size, old: false, security, password: true, backup_seconds: 3600 };
        assert!(block_on(api::create(&sim.world(), &wanted)).unwrap().is_some());
        Self { schedule: Schedule::new(&sim), sim, id }
    }

    /// A world with one instance that was made.
    fn made(size: u8) -> Self {
        let mut life = Self::begin(size);
        life.follow(Script::new());
        life.sim.set_weather(Weather::Calm);
        life
    }

    /// A world with one instance that was made, and a change of it that was accepted.
    fn begin_to_change(size: u8, change: &Change) -> Self {
        let life = Self::made(size);
        assert!(block_on(api::change(&life.sim.world(), &life.id, change)).unwrap());
        life
    }

    /// A world with one instance that was made, whose auth was changed by all of `changes`; the last was only accepted.
    fn begin_to_change_auth(size: u8, client_cert_auth: bool, changes: &[Change]) -> Self {
        let mut life = Self::begin_with(size, client_cert_auth);
        for change in changes {
            life.follow(Script::new());
            life.sim.set_weather(Weather::Calm);
            assert!(block_on(api::change(&life.sim.world(), &life.id, change)).unwrap());
        }
        // What it was told of passwords is in no memory any more.
        life.schedule.crash();
        life
    }

    /// A world with one instance that was made, one of whose members lost its data since.
    fn begin_to_replace(size: u8) -> Self {
        let mut life = Self::made(size);
        life.sim.lose_data(&life.id, 1);
        life.schedule.crash();
        life
    }

    /// A world that goes on without a quorum by itself, with one instance that was made, of which one member is left.
    fn begin_to_recover(size: u32) -> Self {
        let sim = Sim::new(5, Flaw::None, false);
        sim.recover_automatically();
        let mut life = Self::begin_in(sim, u8::try_from(size).unwrap(), true);
        life.follow(Script::new());
        life.sim.set_weather(Weather::Calm);
        for ordinal in 1..size {
            life.sim.lose_data(&life.id, ordinal);
        }
        life.schedule.crash();
        life
    }

    /// A world with one instance that was made, one of whose members has no space left since.
    fn begin_to_relieve(size: u8) -> Self {
        let mut life = Self::made(size);
        life.sim.fill(&life.id, 1);
        life.schedule.crash();
        life
    }

    /// A world with one instance that was made so long ago that its certificates have ended and its CA is near it.
    fn begin_to_renew(size: u8) -> Self {
        let mut life = Self::made(size);
        life.sim.pass_hours(70);
        life.schedule.crash();
        life
    }

    /// A world with one instance that was made, and has lost a process and its endpoint since.
    fn begin_to_heal(size: u8) -> Self {
        let mut life = Self::made(size);
        life.sim.kill_member(&life.id, 1);
        life.sim.kill_endpoint();
        // What was found before is no longer true.
        life.schedule.crash();
        life
    }

    /// A world with one instance that was made, of which a snapshot was asked for.
    fn begin_to_snapshot(size: u8) -> Self {
        let mut life = Self::made(size);
        life.schedule = life.schedule.keeping_backups();
        assert!(block_on(api::snapshot(&life.sim.world(), &life.id, "s")).unwrap());
        life
    }

    /// A world with one instance that was made, and whose snapshot is to be restored.
    fn begin_to_restore(size: u8) -> Self {
        let mut life = Self::begin_to_snapshot(size);
        life.follow(Script::new());
        life.sim.set_weather(Weather::Calm);
        let schedule = Schedule::new(&life.sim);
        life.schedule = schedule;
        let change = Change::Restore("s".to_owned());
        assert!(block_on(api::change(&life.sim.world(), &life.id, &change)).unwrap());
        life
    }

    /// A world with one instance that was made, and whose deletion was accepted.
    fn begin_to_end(size: u8) -> Self {
        let life = Self::made(size);
        assert!(block_on(api::delete(&life.sim.world(), &life.id)).unwrap());
        life
    }

    /// Goes on by the script until all is as wanted, and answers how it then is.
    fn follow(&mut self, script: Script) -> Value {
        let named = format!("{script:?}");
        self.sim.set_weather(Weather::Script(script));
        for _ in 0..20_000 {
            if self.schedule.has_converged() {
                assert_eq!(self.sim.violations(), [""; 0], "{named}");
                return self.sim.snapshot();
            }
            self.schedule.step();
        }
        panic!("{named}: no end; {:#}", self.sim.snapshot());
    }
}

/// The effects of a way that goes well, and how it ends.
fn undisturbed(begin: impl Fn() -> Life) -> (Vec<String>, Value) {
    let mut life = begin();
    let end = life.follow(Script::new());
    (life.sim.effects(), end)
}

/// Runs every script on two threads, and holds its end against `end`.
fn all_end_alike(scripts: &[Script], begin: impl Fn() -> Life + Sync, end: &Value) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = begin().follow(script.clone());
            assert!(found == *end, "{script:?} ends otherwise: {}", difference(&found, end));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
}

/// Where two ends differ; nothing where they are alike.
fn difference(found: &Value, wanted: &Value) -> String {
    if found == wanted {
        return String::new();
    }
    let part = |at: &str, found: &Value, wanted: &Value| format!("/{at}{}", difference(found, wanted));
    let parts: Vec<String> = match (found, wanted) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().filter(|(key, value)| b[*key] != **value).map(|(key, value)| part(key, value, &b[key])).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b);
            pairs.map(|(at, (a, b))| part(&at.to_string(), a, b)).collect()
        }
        _ => vec![format!(": {found} and not {wanted}")],
    };
    parts.join("; ")
}

/// What only looks: whatever happens to it, the next turn looks again.
const LOOKS: [&str; 12] = [
    "get ",
    "range ",
    "observe ",
    "probe ",
    "metrics ",
    "propose ",
    "members ",
    "status of ",
    "alarms of ",
    "auth of ",
    "hash of ",
    "files in ",
];

fn only_looks(effect: &str) -> bool {
    LOOKS.iter().any(|look| effect.starts_with(look))
}

/// Each effect with each fate. Of those that only look, on a way with hundreds of them, one in eight:
/// `CETCD_KIT=whole` (as `make sim` sets it) takes them all.
fn singles(effects: &[String]) -> Vec<Script> {
    let few = effects.len() <= 200 || std::env::var("CETCD_KIT").is_ok_and(|kit| kit == "whole");
    let taken = |at: &u64, effect: &str| few || at.is_multiple_of(8) || !only_looks(effect);
    let places = (1u64..).zip(effects).filter(|(at, effect)| taken(at, effect));
    places.flat_map(|(at, _)| FATES.map(|fate| Script::from([(at, fate)]))).collect()
}

/// Each effect that changes something with each of `fates`, and another soon after it: whatever is done again.
fn pairs(effects: &[String], fates: &[(Fate, Fate)]) -> Vec<Script> {
    let writes = (1u64..).zip(effects).filter(|(_, name)| !only_looks(name));
    let both =
        |at: u64| fates.iter().flat_map(move |(a, b)| (1..=20).map(move |d| Script::from([(at, *a), (at + d, *b)])));
    writes.flat_map(|(at, _)| both(at)).collect()
}

const CRASHES: [(Fate, Fate); 2] = [(Fate::CrashAfter, Fate::CrashAfter), (Fate::FailAfter, Fate::CrashBefore)];

#[test]
fn a_creation_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin(3));
    println!("{} effects", effects.len());
    assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
    all_end_alike(&singles(&effects), || Life::begin(3), &end);
}

#[test]
fn a_deletion_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_end(3));
    println!("{} effects", effects.len());
    for what in ["instances", "status", "addresses", "policies and secrets", "members", "routes"] {
        let empty = end[what].as_array().is_some_and(Vec::is_empty)
            || end[what].as_object().is_some_and(serde_json::Map::is_empty);
        assert!(empty, "{what} are left: {}", end[what]);
    }
    all_end_alike(&singles(&effects), || Life::begin_to_end(3), &end);
}

#[test]
fn a_restart_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_heal(3));
    println!("{} effects", effects.len());
    assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
    all_end_alike(&singles(&effects), || Life::begin_to_heal(3), &end);
}

/// How a change ends, undisturbed and with every fault of any one effect.
fn change_ends_alike(size: u8, change: &Change) -> Value {
    let (effects, end) = undisturbed(|| Life::begin_to_change(size, change));
    println!("{} effects", effects.len());
    assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
    all_end_alike(&singles(&effects), || Life::begin_to_change(size, change), &end);
    end
}

#[test]
fn growth_ends_the_same_whatever_happens_to_any_one_effect() {
    let end = change_ends_alike(1, &Change::Resize(3));
    assert_eq!(end["members"].as_object().unwrap().len(), 3);
}

#[test]
fn shrinking_ends_the_same_whatever_happens_to_any_one_effect() {
    let end = change_ends_alike(3, &Change::Resize(1));
    assert_eq!(end["members"].as_object().unwrap().len(), 1);
}

#[test]
fn an_upgrade_ends_the_same_whatever_happens_to_any_one_effect() {
    change_ends_alike(3, &Change::Upgrade);
}

#[test]
fn an_upgrade_to_a_version_that_never_serves_is_put_back_whatever_happens_to_any_one_effect() {
    let begin = || {
        let life = Life::made(3);
        life.sim.break_newest_version();
        assert!(block_on(api::change(&life.sim.world(), &life.id, &Change::Upgrade)).unwrap());
        life
    };
    let (effects, end) = undisturbed(begin);
    println!("{} effects", effects.len());
    let status = &end["status"]["etcd-kit00000"];
    assert_eq!(status["phase"], "running");
    let versions: Vec<&Value> = status["members"].as_array().unwrap().iter().map(|m| &m["run"]["version"]).collect();
    assert_eq!(versions, ["v3.5.16"; 3]);
    let tasks = end["tasks"].as_array().unwrap();
    let upgrade = tasks.iter().find(|task| task["kind"] == "upgrade_instance").unwrap();
    assert_eq!(upgrade["state"], "failed");
    assert!(upgrade.to_string().contains("put back to v3.5.16"), "{upgrade}");
    all_end_alike(&singles(&effects), begin, &end);
}

#[test]
fn a_move_to_another_subnet_ends_the_same_whatever_happens_to_any_one_effect() {
    change_ends_alike(1, &Change::Move(vec![2]));
}

const ON: Change = Change::Auth { enabled: Some(true), password: true };
const OFF: Change = Change::Auth { enabled: Some(false), password: false };
const PASSWORD: Change = Change::Auth { enabled: None, password: true };

/// How changes of auth end, the last of them with every fault of any one effect, by certificate and by password.
fn auth_ends_alike(changes: &[Change], auth: &str, password: Option<&str>) {
    for client_cert_auth in [true, false] {
        let begin = || Life::begin_to_change_auth(3, client_cert_auth, changes);
        let (effects, end) = undisturbed(begin);
        println!("{} effects", effects.len());
        assert_eq!(end["auth"]["etcd-kit00000"], serde_json::json!({ "auth": auth, "password": password }));
        assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
        all_end_alike(&singles(&effects), begin, &end);
    }
}

#[test]
fn turning_auth_on_ends_the_same_whatever_happens_to_any_one_effect() {
    auth_ends_alike(&[ON], "on", Some("password-1"));
}

#[test]
fn turning_auth_off_ends_the_same_whatever_happens_to_any_one_effect() {
    auth_ends_alike(&[ON, OFF], "off", Some("password-1"));
}

#[test]
fn another_password_ends_the_same_whatever_happens_to_any_one_effect() {
    auth_ends_alike(&[ON, PASSWORD], "on", Some("password-2"));
}

#[test]
fn a_password_given_while_auth_is_off_is_that_of_root_once_it_is_on() {
    auth_ends_alike(&[PASSWORD], "off", None);
    let on = Change::Auth { enabled: Some(true), password: false };
    auth_ends_alike(&[ON, OFF, PASSWORD, on], "on", Some("password-2"));
}

#[test]
fn opening_to_the_public_ends_the_same_whatever_happens_to_any_one_effect() {
    let end = change_ends_alike(3, &Change::Internet(true));
    let status = &end["status"]["etcd-kit00000"];
    assert_eq!(status["public"]["listen"], "127.99.0.1:30000");
    assert!(end["addresses"].as_array().unwrap().contains(&"127.99.0.1:30000".into()), "{}", end["addresses"]);
}

#[test]
fn closing_to_the_public_ends_the_same_whatever_happens_to_any_one_effect() {
    let begin = || Life::begin_to_change_auth(3, false, &[ON, Change::Internet(true), Change::Internet(false)]);
    let (effects, end) = undisturbed(begin);
    println!("{} effects", effects.len());
    assert!(end["status"]["etcd-kit00000"]["public"].is_null());
    assert!(!end["addresses"].as_array().unwrap().contains(&"127.99.0.1:30000".into()), "{}", end["addresses"]);
    all_end_alike(&singles(&effects), begin, &end);
}

#[test]
fn members_join_and_are_upgraded_with_auth_on_where_only_a_password_lets_in() {
    for change in [Change::Resize(3), Change::Upgrade] {
        let begin = || Life::begin_to_change_auth(1, false, &[ON, change.clone()]);
        let (effects, end) = undisturbed(begin);
        println!("{} effects", effects.len());
        assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
        all_end_alike(&singles(&effects), begin, &end);
    }
}

#[test]
fn a_rotation_ends_the_same_whatever_happens_to_any_one_effect() {
    let end = change_ends_alike(3, &Change::Rotate(0));
    let rotation = &end["status"]["etcd-kit00000"]["rotation"];
    assert_eq!((&rotation["trust"], &rotation["settled"]), (&Value::from(2), &Value::from(2)));
}

#[test]
fn the_renewal_of_all_that_had_ended_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_renew(3));
    println!("{} effects", effects.len());
    let rotation = &end["status"]["etcd-kit00000"]["rotation"];
    assert_eq!(rotation["trust"], 1, "the CA is near its end, and another takes over by itself");
    all_end_alike(&singles(&effects), || Life::begin_to_renew(3), &end);
}

#[test]
fn a_replacement_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_replace(3));
    println!("{} effects", effects.len());
    all_end_alike(&singles(&effects), || Life::begin_to_replace(3), &end);
}

#[test]
fn a_recovery_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_recover(3));
    println!("{} effects", effects.len());
    assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
    assert_eq!(end["status"]["etcd-kit00000"]["recovered"], true);
    all_end_alike(&singles(&effects), || Life::begin_to_recover(3), &end);
}

#[test]
fn the_replacement_of_a_member_that_differs_ends_the_same_whatever_happens_to_any_one_effect() {
    let begin = || {
        let mut life = Life::made(3);
        life.sim.corrupt(&life.id, 1);
        life.schedule.crash();
        life
    };
    let (effects, end) = undisturbed(begin);
    println!("{} effects", effects.len());
    assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
    all_end_alike(&singles(&effects), begin, &end);
}

#[test]
fn relief_of_space_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_relieve(3));
    println!("{} effects", effects.len());
    all_end_alike(&singles(&effects), || Life::begin_to_relieve(3), &end);
}

#[test]
fn a_snapshot_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_snapshot(1));
    println!("{} effects", effects.len());
    assert_eq!(end["snapshots"][0]["state"], "done");
    assert_eq!(end["snapshots"][0]["drill"]["passed"], true);
    all_end_alike(&singles(&effects), || Life::begin_to_snapshot(1), &end);
}

#[test]
fn a_restore_ends_the_same_whatever_happens_to_any_one_effect() {
    let (effects, end) = undisturbed(|| Life::begin_to_restore(3));
    println!("{} effects", effects.len());
    assert_eq!(end["status"]["etcd-kit00000"]["phase"], "running");
    all_end_alike(&singles(&effects), || Life::begin_to_restore(3), &end);
}

#[test]
fn an_answer_lost_after_the_last_write_leaves_no_failure_in_the_status() {
    let (effects, end) = undisturbed(|| Life::begin(1));
    let last = effects.iter().position(|name| name.starts_with("txn /policies/")).unwrap() as u64 + 1;
    let found = Life::begin(1).follow(Script::from([(last, Fate::FailAfter)]));
    assert_eq!(difference(&found, &end), "");
}

#[test]
fn a_creation_ends_the_same_after_two_faults_in_a_row() {
    let (effects, end) = undisturbed(|| Life::begin(1));
    all_end_alike(&pairs(&effects, &CRASHES), || Life::begin(1), &end);
}

#[test]
fn a_deletion_ends_the_same_after_two_faults_in_a_row() {
    let (effects, end) = undisturbed(|| Life::begin_to_end(1));
    all_end_alike(&pairs(&effects, &CRASHES), || Life::begin_to_end(1), &end);
}

#[test]
fn the_kit_reaches_every_action() {
    let mut registry = Registry::default();
    let sim = Sim::new(5, Flaw::None, false);
    sim.recover_automatically();
    let mut life = Life::begin_in(sim, 3, true);
    life.schedule.metrics().register(&mut registry);
    life.follow(Script::new());
    life.sim.set_weather(Weather::Calm);
    life.sim.kill_member(&life.id, 1);
    life.schedule.crash();
    life.follow(Script::new());
    let changes = [Change::Upgrade, Change::Resize(5), Change::Resize(3), ON, PASSWORD, OFF, Change::Rotate(0)];
    for change in changes {
        life.sim.set_weather(Weather::Calm);
        assert!(block_on(api::change(&life.sim.world(), &life.id, &change)).unwrap());
        life.follow(Script::new());
    }
    life.sim.set_weather(Weather::Calm);
    let name = life.sim.snapshots(&life.id).first().cloned().unwrap();
    assert!(block_on(api::change(&life.sim.world(), &life.id, &Change::Restore(name))).unwrap());
    life.follow(Script::new());
    life.sim.lose_data(&life.id, 1);
    life.schedule.crash();
    life.follow(Script::new());
    life.sim.fill(&life.id, 0);
    life.schedule.crash();
    life.follow(Script::new());
    life.sim.corrupt(&life.id, 2);
    life.schedule.crash();
    life.follow(Script::new());
    life.sim.hang(&life.id, 2);
    life.schedule.crash();
    life.follow(Script::new());
    for ordinal in [0, 1] {
        life.sim.lose_data(&life.id, ordinal);
    }
    life.schedule.crash();
    life.follow(Script::new());
    life.sim.set_weather(Weather::Calm);
    assert!(block_on(api::delete(&life.sim.world(), &life.id)).unwrap());
    life.follow(Script::new());
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let actions = [
        "place",
        "issue_credentials",
        "deliver_certificates",
        "introduce_authority",
        "switch_authority",
        "withdraw_authority",
        "forget_authority",
        "install_version",
        "bootstrap",
        "latch_cluster",
        "restart_member",
        "add_to_cluster",
        "join_member",
        "promote_member",
        "remove_from_cluster",
        "move_leader",
        "roll_member",
        "drop_member",
        "take_upgrade_snapshot",
        "compact",
        "defragment",
        "disarm_space",
        "enable_auth",
        "set_root_password",
        "disable_auth",
        "set_aside",
        "disarm_corrupt",
        "end_hung",
        "begin_recovery",
        "force_new_cluster",
        "end_recovery",
        "serve_endpoint",
        "start_monitoring",
        "create_backup_policy",
        "begin_restore",
        "back_up_replaced",
        "restore_members",
        "latch_restored",
        "check_restored",
        "remove_endpoint",
        "stop_members",
        "remove_members",
        "forget",
    ];
    for action in actions {
        assert!(text.contains(&format!("action=\"{action}\",outcome=\"success\"")), "{action} was not reached");
    }
}
