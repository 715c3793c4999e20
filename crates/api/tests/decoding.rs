//! What decoding takes and what it refuses, and with which words.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_api::actions::{
    CreateEtcdInstance, CreateEtcdSnapshot, DescribeEtcdInstances, DescribeEtcdRegions, DescribeEtcdTasks,
    DescribeRPCMethodList, ModifyEtcdAttribute, ModifyEtcdConfiguration, ResizeEtcdInstance, UpgradeEtcdInstance,
};
use cetcd_api::values::{AutoCompactionMode, ChargeType};
use cetcd_api::{Action, Error, Input, Language, decode};
use serde_json::{Value, json};

fn from_json<A: Action>(body: &str) -> Result<A::Request, Error> {
    decode::<A>(Input::Json(body.as_bytes()))
}

fn from_pairs<A: Action>(pairs: &[(&str, &str)]) -> Result<A::Request, Error> {
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    decode::<A>(Input::Flattened(&pairs))
}

/// Code and English text of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    format!("{}: {}", error.code(), error.message(Language::En))
}

fn wrong_type(path: &str) -> String {
    format!("InvalidParameter: The value type of parameter `{path}` is not valid.")
}

fn wrong_value(value: &str, path: &str) -> String {
    format!("InvalidParameterValue: The value `{value}` specified in the parameter `{path}` is not valid.")
}

fn unknown(path: &str) -> String {
    format!("UnknownParameter: The parameter `{path}` is not recognized.")
}

fn missing(path: &str) -> String {
    format!("MissingParameter: The request is missing a required parameter `{path}`.")
}

/// A valid creation with one thing changed: `pointer` is set to `value`.
fn creation(pointer: &str, value: Value) -> String {
    let mut body = json!({
        "Name": "n", "VpcId": "vpc-abcd1234", "ServiceSubnetId": "subnet-abcd1234",
        "SubnetIds": ["subnet-abcd1234"], "EtcdVersion": "v3.5.16", "Size": 3,
    });
    let mut place = &mut body;
    for name in pointer.split('.').filter(|name| !name.is_empty()) {
        place = match name.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[name],
        };
    }
    if !pointer.is_empty() {
        *place = value;
    }
    body.to_string()
}

fn create(pointer: &str, value: Value) -> Result<cetcd_api::actions::CreateEtcdInstanceRequest, Error> {
    from_json::<CreateEtcdInstance>(&creation(pointer, value))
}

#[test]
fn an_empty_object_is_a_request_and_an_empty_body_is_not() {
    assert!(from_json::<DescribeEtcdRegions>("{}").is_ok());
    assert!(from_json::<DescribeEtcdRegions>(" \n{ }\n").is_ok());
    assert!(from_pairs::<DescribeEtcdRegions>(&[]).is_ok());
    let deep = format!("{{\"A\":{}{}}}", "[".repeat(16), "]".repeat(16));
    let deeper = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let bodies =
        ["", " ", "null", "7", "\"x\"", "[]", "[{}]", "{", "{}{}", "{\"A\":}", "{'A':1}", "{\"A\":1,}", &deep, &deeper];
    for body in bodies {
        let expected =
            "InvalidParameter: The request content not valid json format for specified content-type=application/json.";
        assert_eq!(refusal(from_json::<DescribeEtcdRegions>(body)), expected, "{body:.40}");
    }
}

#[test]
fn bytes_that_are_not_text_are_not_json() {
    for body in [&b"{\"InstanceId\":\"\xff\"}"[..], b"{\"InstanceId\":\"\\ud800\"}", b"{\"\xff\":1}", b"\xef\xbb\xbf{}"]
    {
        let refused = refusal(decode::<ResizeEtcdInstance>(Input::Json(body)));
        assert!(refused.contains("not valid json format"), "{refused}");
    }
}

#[test]
fn types_are_strict_in_json() {
    for (path, value) in [
        ("Name", json!(7)),
        ("Name", json!(["n"])),
        ("Name", json!({})),
        ("Size", json!("3")),
        ("Size", json!(3.0)),
        ("Size", json!(-3)),
        ("Size", json!(true)),
        ("DiskSize", json!([])),
        ("SubnetIds", json!("subnet-abcd1234")),
        ("SubnetIds", json!({})),
        ("SubnetIds.0", json!(1)),
        ("SubnetIds.0", json!(null)),
        ("DeletionProtection", json!("true")),
        ("DeletionProtection", json!(1)),
        ("AdvancedSettings", json!("x")),
        ("AdvancedSettings", json!([1])),
        ("AdvancedSettings.SecuritySettings.Https", json!("yes")),
        ("ChargeType", json!(1)),
    ] {
        assert_eq!(refusal(create(path, value.clone())), wrong_type(path), "{value}");
    }
    for number in ["18446744073709551616", "1e2", "1.0", "-1"] {
        let body = format!("{{\"Offset\":{number}}}");
        assert_eq!(refusal(from_json::<DescribeEtcdInstances>(&body)), wrong_type("Offset"), "{number}");
    }
}

#[test]
fn integers_have_their_full_range() {
    let request = from_json::<DescribeEtcdInstances>("{\"Offset\":18446744073709551615}").unwrap();
    assert_eq!(request.offset, Some(u64::MAX));
    let request = from_pairs::<DescribeEtcdInstances>(&[("Offset", "18446744073709551615")]).unwrap();
    assert_eq!(request.offset, Some(u64::MAX));
}

#[test]
fn a_path_names_the_element_and_the_field() {
    let body = r#"{"Filters":[{"Name":"vpc-id","Values":["a"]},{"Name":"vpc-id","Values":["a",7]}]}"#;
    assert_eq!(refusal(from_json::<DescribeEtcdInstances>(body)), wrong_type("Filters.1.Values.1"));
    let body = r#"{"Filters":[{"Name":"vpc-id"}]}"#;
    assert_eq!(refusal(from_json::<DescribeEtcdInstances>(body)), missing("Filters.0.Values"));
    let body = r#"{"Filters":[{"Name":"vpc-id","Values":["a"],"X":1}]}"#;
    assert_eq!(refusal(from_json::<DescribeEtcdInstances>(body)), unknown("Filters.0.X"));
    let path = "AdvancedSettings.MonitorSettings.PrometheusCreationParam.GrafanaUserName";
    assert_eq!(refusal(create(path, json!(7))), wrong_type(path));
}

#[test]
fn what_is_not_declared_is_refused() {
    assert_eq!(refusal(from_json::<DescribeEtcdRegions>("{\"Region\":\"x\"}")), unknown("Region"));
    assert_eq!(refusal(create("name", json!("n"))), unknown("name"));
    assert_eq!(refusal(create("AdvancedSettings.X", json!(null))), unknown("AdvancedSettings.X"));
    assert_eq!(refusal(from_pairs::<DescribeEtcdRegions>(&[("X.0.Y", "1")])), unknown("X.0.Y"));
}

#[test]
fn what_is_required_must_be_there_and_not_null() {
    for name in ["Name", "VpcId", "ServiceSubnetId", "SubnetIds", "EtcdVersion", "Size"] {
        assert_eq!(refusal(create(name, json!(null))), missing(name));
    }
    assert_eq!(refusal(from_json::<CreateEtcdInstance>("{}")), missing("Name"));
    assert_eq!(refusal(from_pairs::<CreateEtcdInstance>(&[])), missing("Name"));
    let path = "AdvancedSettings.BackupSettings";
    let refused = refusal(create(path, json!({"BackupInterval": 300})));
    assert_eq!(refused, missing("AdvancedSettings.BackupSettings.MaxBackupCount"));
    let refused = refusal(create(path, json!([])));
    assert_eq!(refused, missing("AdvancedSettings.BackupSettings.BackupInterval"));
}

#[test]
fn null_is_absent_for_what_is_optional() {
    let request = create("Description", json!(null)).unwrap();
    assert_eq!(request.description, None);
    assert_eq!(request, create("AdvancedSettings", json!(null)).unwrap());
    assert_eq!(
        create("AdvancedSettings.SecuritySettings", json!(null)).unwrap().advanced_settings,
        Some(cetcd_api::structures::EtcdAdvancedSettings::default())
    );
}

#[test]
fn an_empty_structure_may_be_written_as_an_empty_list() {
    let request = create("AdvancedSettings", json!([])).unwrap();
    assert_eq!(request, create("AdvancedSettings", json!({})).unwrap());
    assert!(request.advanced_settings.is_some());
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let request = from_json::<ResizeEtcdInstance>(r#"{"InstanceId":"a","Size":3,"Size":5}"#).unwrap();
    assert_eq!(request.size, 5);
}

#[test]
fn values_outside_of_what_is_declared_are_refused() {
    let long = "名".repeat(61);
    for (path, value) in [
        ("Size", json!(4)),
        ("Size", json!(0)),
        ("Size", json!(11)),
        ("Name", json!("")),
        ("Name", json!(long)),
        ("DiskSize", json!(0)),
        ("DiskSize", json!(32_001)),
        ("ChargeType", json!("FREE")),
        ("ChargeType", json!("prepaid")),
        ("EtcdVersion", json!("v".repeat(33))),
        ("ChargePrepaid", json!({"Period": 37, "RenewFlag": "NOTIFY_AND_AUTO_RENEW"})),
        ("ChargePrepaid", json!({"Period": 1, "RenewFlag": "x"})),
        ("AdvancedSettings.BackupSettings", json!({"BackupInterval": 59, "MaxBackupCount": 5})),
        ("AdvancedSettings.BackupSettings", json!({"BackupInterval": 60, "MaxBackupCount": 1001})),
        ("AdvancedSettings.BackupSettings", json!({"BackupInterval": -1, "MaxBackupCount": 5})),
        ("AdvancedSettings.CustomIPs", json!("300.0.0.1")),
        ("AdvancedSettings.CustomDomains", json!("a b")),
        ("SubnetIds", json!([])),
        ("SubnetIds", json!(vec!["s"; 10])),
    ] {
        let refused = refusal(create(path, value.clone()));
        assert!(refused.starts_with("InvalidParameterValue: The value `"), "{path} {value}: {refused}");
        assert!(refused.contains(path), "{path} {value}: {refused}");
    }
    assert_eq!(refusal(create("Size", json!(4))), wrong_value("4", "Size"));
    assert_eq!(refusal(create("Name", json!(long))), wrong_value(&long, "Name"));
    assert!(create("Name", json!("名".repeat(60))).is_ok());
    assert!(create("AdvancedSettings.BackupSettings", json!({"BackupInterval": 300, "MaxBackupCount": 5})).is_ok());
}

#[test]
fn control_characters_are_refused_except_line_breaks_and_tabs_in_descriptions() {
    assert_eq!(refusal(create("Name", json!("a\u{0}b"))), wrong_value("ab", "Name"));
    assert_eq!(refusal(create("Name", json!("a\nb"))), wrong_value("ab", "Name"));
    assert_eq!(refusal(create("Description", json!("a\u{1b}b"))), wrong_value("ab", "Description"));
    assert!(create("Description", json!("a\n\tb")).is_ok());
}

#[test]
fn a_page_is_at_most_fifty_instances_or_a_hundred_methods() {
    assert!(from_json::<DescribeEtcdInstances>("{\"Limit\":0}").is_ok());
    assert!(from_json::<DescribeEtcdInstances>("{\"Limit\":50}").is_ok());
    assert_eq!(refusal(from_json::<DescribeEtcdInstances>("{\"Limit\":51}")), wrong_value("51", "Limit"));
    assert_eq!(refusal(from_pairs::<DescribeEtcdInstances>(&[("Limit", "51")])), wrong_value("51", "Limit"));
    let methods = |limit: u8| {
        from_json::<DescribeRPCMethodList>(&json!({"InstanceId": "a", "PodName": "b", "Limit": limit}).to_string())
    };
    assert!(methods(100).is_ok());
    assert_eq!(refusal(methods(101)), wrong_value("101", "Limit"));
}

#[test]
fn a_list_has_at_most_a_hundred_elements() {
    let ids = |count: usize| json!({"InstanceIds": vec!["a"; count]}).to_string();
    assert_eq!(from_json::<DescribeEtcdInstances>(&ids(100)).unwrap().instance_ids.unwrap().len(), 100);
    let expected = wrong_value("more than 100 items", "InstanceIds");
    assert_eq!(refusal(from_json::<DescribeEtcdInstances>(&ids(101))), expected);
    for index in ["100", "99999999999999999999999999"] {
        let key = format!("InstanceIds.{index}");
        assert_eq!(refusal(from_pairs::<DescribeEtcdInstances>(&[(&key, "a")])), expected);
    }
}

#[test]
fn filters_are_only_those_of_the_action() {
    let body = r#"{"Filters":[{"Name":"vpc-id","Values":["a"]},{"Name":"taskType","Values":["a"]}]}"#;
    assert_eq!(refusal(from_json::<DescribeEtcdInstances>(body)), wrong_value("taskType", "Filters.1.Name"));
    assert!(from_json::<DescribeEtcdTasks>(&body.replace("vpc-id", "lifeState")).is_ok());
}

#[test]
fn a_secret_is_never_repeated() {
    let secret = "s".repeat(200);
    let body = json!({"InstanceId": "a", "Password": secret}).to_string();
    assert_eq!(refusal(from_json::<ModifyEtcdAttribute>(&body)), wrong_value("[redacted]", "Password"));
}

#[test]
fn slips_of_the_document_are_understood() {
    let request = from_json::<UpgradeEtcdInstance>(r#"{"InstanceId":"a","EtcVersion":"v3.5.2"}"#).unwrap();
    assert_eq!(request.etcd_version, "v3.5.2");
    let request = from_json::<UpgradeEtcdInstance>(r#"{"InstanceId":"a","EtdVersion":"v3.5.2"}"#).unwrap();
    assert_eq!(request.etcd_version, "v3.5.2");
    let request = from_json::<CreateEtcdSnapshot>(r#"{"InstancedId":"a","SnapshotName":"s"}"#).unwrap();
    assert_eq!(request.instance_id, "a");
    let request = from_pairs::<ModifyEtcdAttribute>(&[("InstancedId", "a")]).unwrap();
    assert_eq!(request.instance_id, "a");
    assert_eq!(refusal(from_json::<ResizeEtcdInstance>(r#"{"InstancedId":"a"}"#)), unknown("InstancedId"));
    let body =
        r#"{"InstanceId":"a","AutoCompactionSettings":{"AutoCompactionMode":"period","AutoCompactionRetention":"2h"}}"#;
    let settings = from_json::<ModifyEtcdConfiguration>(body).unwrap().auto_compaction_settings.unwrap();
    assert_eq!(settings.auto_compaction_mode, AutoCompactionMode::Periodic);
}

#[test]
fn flattened_keys_are_the_same_request() {
    let request = from_pairs::<CreateEtcdInstance>(&[
        ("Name", "n"),
        ("VpcId", "vpc-abcd1234"),
        ("ServiceSubnetId", "subnet-abcd1234"),
        ("SubnetIds.1", "subnet-b"),
        ("SubnetIds.0", "subnet-a"),
        ("EtcdVersion", "v3.5.16"),
        ("Size", "3"),
        ("ChargeType", "PREPAID"),
        ("DiskSize", ""),
        ("AdvancedSettings.SecuritySettings.Https", "True"),
        ("AdvancedSettings.SecuritySettings.ClientCertAuth", "0"),
    ])
    .unwrap();
    assert_eq!(request.subnet_ids, ["subnet-a", "subnet-b"]);
    assert_eq!(request.charge_type, Some(ChargeType::Prepaid));
    assert_eq!(request.disk_size, None);
    let security = request.advanced_settings.unwrap().security_settings.unwrap();
    assert_eq!((security.https, security.client_cert_auth), (Some(true), Some(false)));
}

#[test]
fn booleans_and_integers_are_read_from_text() {
    let protection = |text: &str| {
        let request = from_pairs::<ModifyEtcdAttribute>(&[("InstanceId", "a"), ("EnableAuth", text)]);
        request.map(|request| request.enable_auth)
    };
    for text in ["True", "true", "1"] {
        assert_eq!(protection(text).unwrap(), Some(true));
    }
    for text in ["False", "false", "0"] {
        assert_eq!(protection(text).unwrap(), Some(false));
    }
    assert_eq!(refusal(protection("yes")), wrong_type("EnableAuth"));
    for text in ["three", "3.0", "+3", "-3", " 3", "0x3", "18446744073709551616"] {
        let request = from_pairs::<ResizeEtcdInstance>(&[("InstanceId", "a"), ("Size", text)]);
        assert_eq!(refusal(request), wrong_type("Size"), "{text}");
    }
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let pairs = |pairs: &[(&str, &str)]| refusal(from_pairs::<DescribeEtcdInstances>(pairs));
    assert_eq!(pairs(&[("InstanceIds.1", "a")]), missing("InstanceIds.0"));
    assert_eq!(pairs(&[("InstanceIds.0", "a"), ("InstanceIds.2", "a")]), missing("InstanceIds.1"));
    assert_eq!(pairs(&[("InstanceIds", "a")]), wrong_type("InstanceIds"));
    assert_eq!(pairs(&[("InstanceIds.0", "a"), ("InstanceIds", "a")]), wrong_type("InstanceIds"));
    for key in ["InstanceIds.x", "InstanceIds.00", "InstanceIds.-1", "InstanceIds.", "InstanceIds.0.0", "Limit.0", ""] {
        assert_eq!(pairs(&[(key, "1")]), unknown(key), "{key}");
    }
    assert_eq!(pairs(&[("Filters.0", "a")]), wrong_type("Filters.0"));
    assert_eq!(pairs(&[("Filters.0.Name", "vpc-id")]), missing("Filters.0.Values"));
    assert_eq!(pairs(&[("Filters.10.Name", "vpc-id")]), wrong_value("more than 10 items", "Filters"));
    let path = "Filters.0.Values";
    assert_eq!(pairs(&[("Filters.0.Values.100", "a")]), wrong_value("more than 100 items", path));
}

#[test]
fn a_retention_in_revisions_is_a_number() {
    let settings = |mode, retention: &str| cetcd_api::structures::EtcdAutoCompactionSettings {
        auto_compaction_mode: mode,
        auto_compaction_retention: retention.to_owned(),
    };
    assert!(settings(AutoCompactionMode::Revision, "1000").is_consistent());
    assert!(!settings(AutoCompactionMode::Revision, "5m").is_consistent());
    assert!(settings(AutoCompactionMode::Periodic, "5m").is_consistent());
}
