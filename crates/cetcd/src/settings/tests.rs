#![allow(clippy::unwrap_used)]
use std::path::Path;

use cetcd_core::window::Window;
use secrecy::ExposeSecret;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter()
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cetcd.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\ndata_dir = \"file\"\n[limits]\nrequests_per_second = 7\n")
        .unwrap();
    let vars = environment(&[("CETCD_LISTEN", "127.0.0.1:2"), ("CETCD_DATA_DIR", "environment")]);
    let flags = Flags { listen: Some("127.0.0.1:3".parse().unwrap()), ..Flags::default() };
    let settings = load(Some(&file), vars, flags).unwrap();
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.data_dir, Path::new("environment"));
    assert_eq!(settings.limits.requests_per_second, 7);
    assert_eq!(settings.limits.instances_per_region, 5);
}

#[test]
fn a_person_decides_about_a_lost_quorum_unless_it_is_set_otherwise() {
    let policy = |vars: &[(&str, &str)], flag| {
        let flags = Flags { recovery_policy: flag, ..Flags::default() };
        load(None, environment(vars), flags).map(|settings| settings.recovery.policy)
    };
    assert_eq!(policy(&[], None).unwrap(), RecoveryPolicy::Manual);
    let automatic = [("CETCD_RECOVERY_POLICY", "automatic")];
    assert_eq!(policy(&automatic, None).unwrap(), RecoveryPolicy::Automatic);
    assert_eq!(policy(&automatic, Some(RecoveryPolicy::Manual)).unwrap(), RecoveryPolicy::Manual);
    assert!(policy(&[("CETCD_RECOVERY_POLICY", "always")], None).is_err());
}

#[test]
fn keys_are_nobodys_to_read_unless_that_is_set() {
    let keys =
        |vars: &[(&str, &str)]| load(None, environment(vars), Flags::default()).map(|settings| settings.console.keys);
    assert_eq!(keys(&[]).unwrap(), KeyAccess::Off);
    assert_eq!(keys(&[("CETCD_CONSOLE_KEYS", "read")]).unwrap(), KeyAccess::Read);
    assert!(keys(&[("CETCD_CONSOLE_KEYS", "write")]).is_err());
}

#[test]
fn a_public_address_takes_ports_and_one_that_is_all_of_them_a_name() {
    let range = |vars: &[(&str, &str)]| {
        let vars: Vec<_> = vars.iter().map(|(name, value)| (format!("CETCD_INTERNET_{name}"), *value)).collect();
        let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        load(None, environment(&vars), Flags::default()).map(|settings| settings.internet.range().unwrap())
    };
    assert_eq!(range(&[]).unwrap(), None);
    let (address, ports) = (("ADDRESS", "192.0.2.1"), ("PORTS", "32000-32001"));
    let found = range(&[address, ports]).unwrap().unwrap();
    assert_eq!((found.address.to_string().as_str(), found.first, found.last), ("192.0.2.1", 32_000, 32_001));
    for wrong in [&[address][..], &[ports], &[("NAME", "etcd.example.com")]] {
        assert!(range(wrong).unwrap_err().to_string().contains("go together"));
    }
    for ports in ["32000", "5-9", "33000-32000", "a-b", "1024-99999"] {
        assert!(range(&[address, ("PORTS", ports)]).is_err(), "{ports}");
    }
    let all = ("ADDRESS", "0.0.0.0");
    assert!(range(&[all, ports]).unwrap_err().to_string().contains("internet.name"));
    assert!(range(&[all, ports, ("NAME", "no name")]).is_err());
    assert!(range(&[all, ports, ("NAME", "etcd.example.com")]).unwrap().is_some());
}

#[test]
fn variables_reach_into_tables_and_foreign_ones_are_left_alone() {
    let vars = environment(&[
        ("CETCD_LIMITS_REQUESTS_PER_SECOND", "100"),
        ("CETCD_ETCD_VERSIONS_DIR", "/versions"),
        ("CETCD_REGIONS", "ap-guangzhou, ap-beijing"),
        ("CETCD_BIN", "target/debug/cetcd"),
    ]);
    let settings = load(None, vars, Flags::default()).unwrap();
    assert_eq!(settings.limits.requests_per_second, 100);
    assert_eq!(settings.etcd.versions_dir.as_deref(), Some(Path::new("/versions")));
    assert_eq!(settings.regions, ["ap-guangzhou", "ap-beijing"]);
}

#[test]
fn upkeep_is_nightly_unless_it_is_set_otherwise() {
    let window = |text: &str| {
        load(None, environment(&[("CETCD_MAINTENANCE_WINDOW", text)]), Flags::default())?.maintenance.window()
    };
    assert_eq!(Settings::default().maintenance.window().unwrap(), Some(Window::default()));
    assert_eq!(window("").unwrap(), None);
    assert_eq!(window("22:00-23:30").unwrap(), Some(Window::parse("22:00-23:30", "UTC").unwrap()));
    assert!(window("at night").is_err());
}

#[test]
fn the_keys_of_the_bucket_are_text_whatever_they_look_like_and_are_shown_nowhere() {
    let pair = [("CETCD_BACKUP_ACCESS_KEY_ID", "0012"), ("CETCD_BACKUP_SECRET_ACCESS_KEY", "true")];
    let settings = load(None, environment(&pair), Flags::default()).unwrap();
    assert_eq!(settings.backup.access_key_id.as_deref(), Some("0012"));
    assert_eq!(settings.backup.secret_access_key.as_ref().unwrap().expose_secret(), "true");
    let pair = [("CETCD_BACKUP_ACCESS_KEY_ID", "AKID1"), ("CETCD_BACKUP_SECRET_ACCESS_KEY", "hunter2")];
    let shown = format!("{:?}", load(None, environment(&pair), Flags::default()).unwrap());
    assert!(shown.contains("AKID1") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn webhooks_are_a_list_and_neither_they_nor_their_token_are_shown() {
    let urls = "https://chat.example/hunter1, http://127.0.0.1:9/hunter2";
    let vars = [("CETCD_ALERTS_WEBHOOKS", urls), ("CETCD_ALERTS_BEARER_TOKEN", "0012")];
    let settings = load(None, environment(&vars), Flags::default()).unwrap();
    assert_eq!(settings.alerts.webhooks.len(), 2);
    assert_eq!(settings.alerts.bearer_token.as_ref().unwrap().expose_secret(), "0012");
    let shown = format!("{settings:?}");
    assert!(shown.contains("chat.example") && !shown.contains("hunter") && !shown.contains("0012"), "{shown}");
    let bad = environment(&[("CETCD_ALERTS_WEBHOOKS", "http://chat.example/hunter1")]);
    let said = format!("{:#}", load(None, bad, Flags::default()).unwrap_err());
    assert!(said.contains("https") && !said.contains("hunter"), "{said}");
    assert!(Settings::default().alerts.webhooks.is_empty());
}

#[test]
fn one_key_of_the_bucket_without_the_other_is_refused() {
    for (name, value) in [("CETCD_BACKUP_ACCESS_KEY_ID", "a"), ("CETCD_BACKUP_SECRET_ACCESS_KEY", "hunter2")] {
        let said = format!("{:#}", load(None, environment(&[(name, value)]), Flags::default()).unwrap_err());
        assert!(said.contains("go together") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_of_without_what_stands_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cetcd.toml");
    for bad in ["hunter2", "[\"hunter2\"]", "\"hunter2", "4711"] {
        std::fs::write(&file, format!("[backup]\naccess_key_id = \"a\"\nsecret_access_key = {bad}\n")).unwrap();
        let said = format!("{:#}", load(Some(&file), environment(&[]), Flags::default()).unwrap_err());
        assert!(!said.contains("hunter2") && !said.contains("4711"), "{said}");
    }
}

#[test]
fn a_misspelt_setting_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cetcd.toml");
    std::fs::write(&file, "[limits]\nrequests_per_sec = 7\n").unwrap();
    let error = load(Some(&file), environment(&[]), Flags::default()).unwrap_err();
    assert!(format!("{error:#}").contains("requests_per_sec"), "{error:#}");
}
