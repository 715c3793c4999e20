//! Holds the declarations against `spec/actions.json`, field by field.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use cetcd_api::{
    Action, Code, FieldInfo, Input, REGIONS, SERVICE, StructInfo, VERSION, actions, decode, find, for_each_action,
    limits, normalise, schema, structures,
};
use serde_json::{Map, Value, json};

fn spec() -> Value {
    serde_json::from_str(include_str!("../spec/actions.json")).unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map(|list| list.iter().map(|v| v.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Everything that the specification says of a field, where it says it.
fn field_matches(place: &str, spec: &Value, field: &FieldInfo) {
    let place = format!("{place}.{}", field.name);
    assert_eq!(spec["name"], field.name, "{place}");
    assert_eq!(spec["wire"], field.wire.to_string(), "{place}");
    assert_eq!(spec["nested"].as_str(), field.nested.map(|info| info.name), "{place}");
    if let Some(required) = spec["required"].as_bool() {
        assert_eq!(required, field.required, "{place}: required");
    }
    if let Some(nullable) = spec["nullable"].as_bool() {
        assert_eq!(nullable, field.nullable, "{place}: nullable");
    }
    if let Some(list) = spec["enum"].as_array() {
        if list[0].is_number() {
            assert_eq!(&spec["enum"], &json!(field.one_of), "{place}: enum");
        } else {
            let ours: BTreeSet<_> = field.values.iter().copied().collect();
            assert_eq!(strings(&spec["enum"]).into_iter().collect::<BTreeSet<_>>(), ours, "{place}: enum");
        }
    }
    if !field.values.is_empty() {
        let known: Vec<_> = field.values.iter().chain(field.value_aliases.iter().map(|(alias, _)| alias)).collect();
        for seen in strings(&spec["seen_values"]) {
            assert!(known.contains(&&seen), "{place}: {seen}");
        }
    }
    assert_eq!(strings(&spec["filter_names"]), field.filter_names, "{place}: filter names");
    if let Some(max) = spec["max"].as_i64() {
        assert_eq!(Some(i128::from(max)), field.max, "{place}: max");
    }
    assert!(field.doc.ends_with('.') && field.doc.len() > 8, "{place}: doc {:?}", field.doc);
    assert!(field.example.is_some() || field.nested.is_some(), "{place}: example");
}

fn fields_match(place: &str, spec: &Value, fields: &[FieldInfo]) {
    let spec = spec.as_array().unwrap();
    assert_eq!(spec.len(), fields.len(), "{place}: number of fields");
    for (spec, field) in spec.iter().zip(fields) {
        field_matches(place, spec, field);
    }
}

#[test]
fn every_action_is_declared_as_the_specification_has_it() {
    let spec = spec();
    assert_eq!(object(&spec["actions"]).len(), 20);
    for (name, spec) in object(&spec["actions"]) {
        let info = find(name).unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!(info.name, name);
        assert!(!info.extension, "{name}");
        assert_eq!(spec["region_required"], info.region_required, "{name}");
        assert_eq!(spec["group"], info.group, "{name}");
        assert_eq!(spec["rate_limit_per_s"], info.rate_limit, "{name}");
        assert_eq!(info.changes, !name.starts_with("Describe"), "{name}");
        fields_match(name, &spec["request"], info.request);
        fields_match(name, &spec["response"], info.response);
        for code in strings(&spec["error_codes"]) {
            assert!(info.error_codes.iter().any(|known| known.as_str() == code), "{name}: {code}");
        }
        for alias in strings(&spec["doc_misspelled_action"]) {
            assert_eq!(find(alias).map(|info| info.name), Some(name.as_str()), "{alias}");
        }
        for (field, aliases) in spec["doc_misspelled_fields"].as_object().into_iter().flatten() {
            let field = info.request.iter().find(|known| known.name == field).unwrap();
            assert_eq!(strings(aliases), field.aliases, "{name}.{}", field.name);
        }
    }
}

#[test]
fn every_structure_is_declared_as_the_specification_has_it() {
    let spec = spec();
    let ours = structures();
    assert_eq!(object(&spec["structures"]).len(), 19);
    // Structures of our own are those that the document does not have.
    let published = |info: &&StructInfo| spec["structures"].get(info.name).is_some();
    assert_eq!(ours.iter().copied().filter(published).count(), 19);
    for info in ours.into_iter().filter(published) {
        let spec = &spec["structures"][info.name];
        assert_eq!(spec["usage"], info.usage.as_str(), "{}", info.name);
        fields_match(info.name, &spec["fields"], info.fields);
    }
}

#[test]
fn the_rest_of_the_specification_holds_too() {
    let spec = spec();
    assert_eq!(spec["product"], SERVICE);
    assert_eq!(spec["version"], VERSION);
    assert_eq!(strings(&spec["regions"]), REGIONS);
    assert_eq!(spec["limits"]["get_bytes"], limits::GET_BYTES);
    assert_eq!(spec["limits"]["post_v1_bytes"], limits::POST_V1_BYTES);
    assert_eq!(spec["limits"]["post_v3_bytes"], limits::POST_V3_BYTES);
    assert_eq!(spec["limits"]["response_bytes"], limits::RESPONSE_BYTES);
    assert_eq!(spec["limits"]["timestamp_skew_s"], limits::TIMESTAMP_SKEW_SECONDS);
    let mut codes = strings(&spec["common_error_codes"]);
    codes.extend(strings(&spec["business_error_codes"]));
    let ours: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.into_iter().collect::<BTreeSet<_>>(), ours);
}

#[test]
fn the_list_of_actions_is_sorted_and_names_no_action_twice() {
    let names: Vec<_> = actions().iter().map(|info| info.name).collect();
    assert!(names.is_sorted());
    let all: Vec<_> = actions().iter().flat_map(|info| info.aliases.iter().chain([&info.name])).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn the_extensions_are_marked_and_the_deletion_of_an_instance_is_one() {
    let published = spec();
    for info in actions() {
        assert_eq!(info.extension, published["actions"].get(info.name).is_none(), "{}", info.name);
    }
    let info = find("DeleteEtcdInstance").unwrap();
    assert!(info.changes);
    assert!(info.error_codes.contains(&Code::OperationDenied));
    assert!(info.error_codes.contains(&Code::ResourceNotFound));
}

#[test]
fn names_are_found_exactly() {
    assert!(find("createetcdinstance").is_none());
    assert!(find("").is_none());
    assert_eq!(find("UpgradeEtcInstance").unwrap().name, "UpgradeEtcdInstance");
}

/// Without nulls: a request may write or leave out what it does not have.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn request_round_trips<A: Action>(request: &Value) {
    let typed = decode::<A>(Input::Json(request.to_string().as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}", A::INFO.name));
    let again = serde_json::to_value(&typed).unwrap();
    assert_eq!(without_nulls(&again), *request, "{}", A::INFO.name);
    assert_eq!(decode::<A>(Input::Json(again.to_string().as_bytes())).unwrap(), typed);
}

fn response_round_trips<A: Action>(response: &Value) {
    let typed: A::Response = serde_json::from_value(response["Response"].clone())
        .unwrap_or_else(|error| panic!("{}: {error}", A::INFO.name));
    let id = response["Response"]["RequestId"].as_str().unwrap();
    let again: Value = serde_json::from_slice(&cetcd_api::success(&typed, id)).unwrap();
    assert_eq!(without_nulls(&again), without_nulls(response), "{}", A::INFO.name);
}

#[test]
fn our_examples_round_trip() {
    fn check<A: Action>() {
        request_round_trips::<A>(&serde_json::from_str(A::INFO.example_request).unwrap());
        response_round_trips::<A>(&serde_json::from_str(A::INFO.example_response).unwrap());
    }
    macro_rules! all {
        ($($action:ident),* $(,)?) => { $(check::<cetcd_api::actions::$action>();)* };
    }
    for_each_action!(all);
}

#[test]
fn the_documents_examples_round_trip() {
    fn check<A: Action>(spec: &Value) {
        let Some(spec) = spec["actions"].get(A::INFO.name) else { return };
        let mut request = spec["example_request"].clone();
        // The document's own spelling of the mode, which is normalised.
        if A::INFO.name == "ModifyEtcdConfiguration" {
            assert_eq!(request["AutoCompactionSettings"]["AutoCompactionMode"], "period");
            request["AutoCompactionSettings"]["AutoCompactionMode"] = json!("periodic");
        }
        request_round_trips::<A>(&request);
        let mut response = spec["example_response"].clone();
        // The document's sample leaves out a field that it says is always there.
        if A::INFO.name == "DescribeEtcdSnapshots" {
            response["Response"]["Snapshots"][0]["Size"] = json!(1024);
        }
        response_round_trips::<A>(&response);
    }
    let spec = spec();
    macro_rules! all {
        ($($action:ident),* $(,)?) => { $(check::<cetcd_api::actions::$action>(&spec);)* };
    }
    for_each_action!(all);
}

#[test]
fn every_response_ends_with_the_request_id() {
    for info in actions() {
        assert_eq!(info.response.last().unwrap().name, "RequestId", "{}", info.name);
    }
}

/// A value from a field's own sample.
fn sample(field: &FieldInfo) -> Option<Value> {
    let text = field.example?;
    if field.wire == cetcd_api::WireType::String { Some(json!(text)) } else { serde_json::from_str(text).ok() }
}

#[test]
fn every_sample_of_a_requests_field_is_valid() {
    fn filled(fields: &[FieldInfo]) -> Value {
        fields
            .iter()
            .filter_map(|field| match (field.nested, sample(field)) {
                (_, Some(value)) => Some((field.name.to_owned(), value)),
                (Some(info), None) if !field.wire.to_string().starts_with("array") => {
                    Some((field.name.to_owned(), filled(info.fields)))
                }
                _ => None,
            })
            .collect()
    }
    for info in actions() {
        let body = filled(info.request).to_string();
        let read = normalise(info, Input::Json(body.as_bytes()));
        assert!(read.is_ok(), "{}: {}", info.name, read.unwrap_err());
    }
}

#[test]
fn the_schema_has_every_action_and_structure_and_marks_ours() {
    let schema = schema();
    let text = schema.to_string();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), schema);
    assert_eq!(object(&schema["x-actions"]).len(), actions().len());
    assert_eq!(object(&schema["$defs"]).len(), structures().len() + 2 * actions().len());
    assert_eq!(object(&schema["x-error-codes"]).len(), Code::ALL.len());
    assert_eq!(schema["x-actions"]["DeleteEtcdInstance"]["x-extension"], true);
    assert_eq!(schema["x-actions"]["CreateEtcdInstance"]["x-extension"], false);
    let size = &schema["$defs"]["CreateEtcdInstanceRequest"]["properties"]["Size"];
    assert_eq!(size["enum"], json!([1, 3, 5, 7, 9]));
    assert_eq!(
        schema["$defs"]["CreateEtcdInstanceRequest"]["required"],
        json!(["Name", "VpcId", "ServiceSubnetId", "SubnetIds", "EtcdVersion", "Size"])
    );
    let limit = &schema["$defs"]["DescribeEtcdInstancesRequest"]["properties"]["Limit"];
    assert_eq!(limit["anyOf"][0]["maximum"], 50);
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    fn walk(value: &Value, definitions: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    let name = target.strip_prefix("#/$defs/").unwrap();
                    assert!(definitions.get(name).is_some(), "{target}");
                }
                fields.values().for_each(|value| walk(value, definitions));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, definitions)),
            _ => {}
        }
    }
    let schema = schema();
    walk(&schema, &schema["$defs"]);
}

#[test]
fn secrets_are_in_no_debug_text_and_no_audit_record() {
    let body = br#"{"InstanceId":"etcd-abcd1234","Password":"hunter2"}"#;
    let request = decode::<cetcd_api::actions::ModifyEtcdAttribute>(Input::Json(body)).unwrap();
    assert_eq!(request.password.as_deref(), Some("hunter2"));
    let shown = format!("{request:?}");
    assert!(shown.contains("etcd-abcd1234") && !shown.contains("hunter2"), "{shown}");
    let record = cetcd_api::redacted(cetcd_api::actions::ModifyEtcdAttribute::INFO.request, &request);
    assert_eq!(record, json!({"InstanceId": "etcd-abcd1234", "Password": "[redacted]"}));
}

#[test]
fn every_field_that_names_a_password_key_or_ticket_is_a_secret() {
    let all = structures();
    let of_structures = all.iter().flat_map(|info| info.fields.iter().map(move |field| (info.name, field)));
    let of_actions =
        actions().iter().flat_map(|info| info.request.iter().chain(info.response).map(move |field| (info.name, field)));
    for (place, field) in of_structures.chain(of_actions) {
        // What etcd keeps a value under is called a key as well.
        let private_key = field.name == "Key" && !["EtcdKey", "DescribeEtcdKeys"].contains(&place);
        let secret = field.name.contains("Password") || field.name == "Ticket" || private_key;
        assert_eq!(field.sensitive, secret, "{place}.{}", field.name);
    }
}
