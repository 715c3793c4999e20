//! The API as a JSON Schema document (draft 2020-12).

use serde_json::{Map, Value, json};

use crate::{ActionInfo, Code, FieldInfo, Language, REGIONS, SERVICE, StructInfo, VERSION, WireType};

/// The document: requests, responses and structures under `$defs`, actions under `x-actions`.
///
/// An extension of ours has `"x-extension": true`.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for info in crate::structures() {
        definitions.insert(info.name.to_owned(), structure(info));
    }
    let mut actions = Map::new();
    for info in crate::actions() {
        let request = format!("{}Request", info.name);
        let response = format!("{}Response", info.name);
        definitions.insert(request.clone(), object(info.doc, info.request, true));
        definitions.insert(response.clone(), object(info.doc, info.response, false));
        actions.insert(info.name.to_owned(), action(info, &request, &response));
    }
    let codes: Map<String, Value> = Code::ALL
        .iter()
        .map(|code| {
            let texts = json!({ "en-US": code.text(Language::En), "zh-CN": code.text(Language::Zh) });
            (code.as_str().to_owned(), texts)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:{SERVICE}:{VERSION}"),
        "title": format!("{SERVICE} {VERSION}"),
        "x-service": SERVICE,
        "x-version": VERSION,
        "x-regions": REGIONS,
        "x-actions": actions,
        "x-error-codes": codes,
        "$defs": definitions,
    })
}

fn action(info: &ActionInfo, request: &str, response: &str) -> Value {
    let codes: Vec<_> = info.error_codes.iter().map(|code| code.as_str()).collect();
    json!({
        "description": info.doc,
        "x-aliases": info.aliases,
        "x-group": info.group,
        "x-changes": info.changes,
        "x-extension": info.extension,
        "x-region-required": info.region_required,
        "x-requests-per-second": info.rate_limit,
        "x-error-codes": codes,
        "request": { "$ref": format!("#/$defs/{request}") },
        "response": { "$ref": format!("#/$defs/{response}") },
        "x-example-request": example(info.example_request),
        "x-example-response": example(info.example_response),
    })
}

fn example(text: &str) -> Value {
    serde_json::from_str(text).expect("the registry's test parses every example")
}

fn structure(info: &StructInfo) -> Value {
    let mut schema = object(info.doc, info.fields, info.usage != crate::Usage::Out);
    schema["x-usage"] = json!(info.usage.as_str());
    schema
}

/// An object. What is sent must have declared fields only; what is answered may grow.
fn object(doc: &str, fields: &[FieldInfo], sent: bool) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|info| (info.name.to_owned(), field(info))).collect();
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": doc,
        "properties": properties,
        "required": required,
    });
    if sent {
        schema["additionalProperties"] = json!(false);
    }
    schema
}

fn field(info: &FieldInfo) -> Value {
    let mut schema = typed(info, info.wire);
    // Null is fine wherever a value may be left out.
    if info.nullable || !info.required {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["description"] = json!(info.doc);
    if !info.aliases.is_empty() {
        schema["x-aliases"] = json!(info.aliases);
    }
    if !info.filter_names.is_empty() {
        schema["x-filter-names"] = json!(info.filter_names);
    }
    if info.sensitive {
        schema["x-sensitive"] = json!(true);
    }
    if let Some(example) = info.example {
        schema["examples"] = json!([sample(info.wire, example)]);
    }
    schema
}

fn typed(info: &FieldInfo, wire: WireType) -> Value {
    match wire {
        WireType::String => string(info),
        WireType::Int64 => integer(info, i128::from(i64::MIN), i128::from(i64::MAX)),
        WireType::Uint64 => integer(info, 0, i128::from(u64::MAX)),
        WireType::Bool => json!({ "type": "boolean" }),
        WireType::Double => json!({ "type": "number" }),
        WireType::Struct(nested) => json!({ "$ref": format!("#/$defs/{}", nested.name) }),
        WireType::Array(item) => json!({
            "type": "array",
            "items": typed(info, *item),
            "minItems": info.min_items,
            "maxItems": info.max_items,
        }),
    }
}

fn string(info: &FieldInfo) -> Value {
    let mut schema = json!({ "type": "string" });
    if info.values.is_empty() {
        schema["minLength"] = json!(info.min_length);
        schema["maxLength"] = json!(info.max_length);
    } else {
        let aliases = info.value_aliases.iter().map(|(alias, _)| *alias);
        schema["enum"] = info.values.iter().copied().chain(aliases).collect();
    }
    if let Some(format) = info.format {
        schema["x-format"] = json!(format.as_str());
    }
    schema
}

fn integer(info: &FieldInfo, min: i128, max: i128) -> Value {
    let number = |number: i128| {
        u64::try_from(number).map_or_else(|_| i64::try_from(number).map(Value::from).unwrap_or_default(), Value::from)
    };
    let mut schema = json!({ "type": "integer" });
    if info.one_of.is_empty() {
        schema["minimum"] = number(info.min.unwrap_or(min));
        schema["maximum"] = number(info.max.unwrap_or(max));
    } else {
        schema["enum"] = json!(info.one_of);
    }
    schema
}

/// A sample, which tables keep as text, as a value of its type.
fn sample(wire: WireType, text: &str) -> Value {
    match wire {
        WireType::String => json!(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}
