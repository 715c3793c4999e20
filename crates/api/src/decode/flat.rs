//! Reading flattened keys along the tables, and writing them.
//!
//! A value is text here. Integers are decimal, booleans `True`, `true`, `1`, `False`, `false` or `0`. Lists count from
//! 0 without a gap. Empty text is the empty string for a string, and nothing at all for any other type (old clients
//! send what was never set). Empty lists and structures cannot be written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check;
use super::path::Path;
use crate::{Error, FieldInfo, StructInfo, WireType};

/// What the keys say, before it is checked. Only declared fields and bounded indices get in.
enum Node<'a> {
    Text(&'a str),
    Fields(BTreeMap<&'static str, Node<'a>>),
    Items(BTreeMap<usize, Node<'a>>),
}

impl Node<'_> {
    fn empty(wire: WireType) -> Self {
        match wire {
            WireType::Struct(_) => Self::Fields(BTreeMap::new()),
            WireType::Array(_) => Self::Items(BTreeMap::new()),
            _ => Self::Text(""),
        }
    }
}

/// Reads decoded pairs.
pub(super) fn read(fields: &'static [FieldInfo], pairs: &[(String, String)]) -> Result<Map<String, Value>, Error> {
    let mut root = BTreeMap::new();
    for (key, text) in pairs {
        place(fields, &mut root, key, key, text)?;
    }
    object(fields, &root, &Path::Root)
}

/// Puts a pair where its key says. `rest` is what of the key is left.
fn place<'a>(
    fields: &'static [FieldInfo],
    into: &mut BTreeMap<&'static str, Node<'a>>,
    key: &str,
    rest: &str,
    text: &'a str,
) -> Result<(), Error> {
    let (name, rest) = split(rest);
    let field = fields.iter().find(|field| field.answers_to(name)).ok_or_else(|| Error::unknown_parameter(key))?;
    place_value(field, field.wire, into.entry(field.name), key, rest, text)
}

/// Puts a pair's text at a field or an element. A scalar where there are nested keys, or the reverse, is refused.
fn place_value<'a, K: Ord>(
    field: &'static FieldInfo,
    wire: WireType,
    entry: std::collections::btree_map::Entry<'_, K, Node<'a>>,
    key: &str,
    rest: Option<&str>,
    text: &'a str,
) -> Result<(), Error> {
    match (wire, rest) {
        (WireType::Struct(StructInfo { fields, .. }), Some(rest)) => match entry.or_insert(Node::empty(wire)) {
            Node::Fields(into) => place(fields, into, key, rest, text),
            Node::Text(_) | Node::Items(_) => Err(Error::wrong_type(key)),
        },
        (WireType::Array(item), Some(rest)) => {
            let Node::Items(into) = entry.or_insert(Node::empty(wire)) else {
                return Err(Error::wrong_type(key));
            };
            let (index, rest) = split(rest);
            if !is_index(index) {
                return Err(Error::unknown_parameter(key));
            }
            // What does not fit a usize is beyond every bound.
            let index = index.parse::<usize>().unwrap_or(usize::MAX);
            if index >= field.max_items {
                let list = &key[..key.len() - rest.map_or(0, |rest| rest.len() + 1)];
                let list = list.rsplit_once('.').map_or(list, |(list, _)| list);
                return Err(Error::wrong_value(format_args!("more than {} items", field.max_items), list));
            }
            place_value(field, *item, into.entry(index), key, rest, text)
        }
        // Below a string or a number there is nothing.
        (_, Some(_)) => Err(Error::unknown_parameter(key)),
        (WireType::Struct(_) | WireType::Array(_), None) if text.is_empty() => Ok(()),
        (WireType::Struct(_) | WireType::Array(_), None) => Err(Error::wrong_type(key)),
        (_, None) => {
            *entry.or_insert(Node::Text("")) = Node::Text(text);
            Ok(())
        }
    }
}

fn split(key: &str) -> (&str, Option<&str>) {
    match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    }
}

/// Decimal digits, without a sign or leading zeros.
fn is_index(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

fn object(
    fields: &'static [FieldInfo],
    nodes: &BTreeMap<&'static str, Node<'_>>,
    path: &Path<'_>,
) -> Result<Map<String, Value>, Error> {
    let mut object = Map::new();
    // In the order of the declaration, so that what is reported first does not depend on the caller.
    for field in fields {
        let Some(node) = nodes.get(field.name) else { continue };
        if let Some(value) = value(field, field.wire, node, &Path::Field(path, field.name))? {
            object.insert(field.name.to_owned(), value);
        }
    }
    check::complete(fields, &object, path)?;
    Ok(object)
}

fn value(field: &'static FieldInfo, wire: WireType, node: &Node<'_>, path: &Path<'_>) -> Result<Option<Value>, Error> {
    match (wire, node) {
        (WireType::String, Node::Text(text)) => check::string(field, text, path).map(Some),
        (_, Node::Text("")) => Ok(None),
        (WireType::Bool, Node::Text(text)) => match *text {
            "true" | "True" | "1" => Ok(Some(Value::Bool(true))),
            "false" | "False" | "0" => Ok(Some(Value::Bool(false))),
            _ => Err(Error::wrong_type(path)),
        },
        (WireType::Int64, Node::Text(text)) => {
            let number = decimal(text).and_then(|text| text.parse::<i64>().ok());
            let number = number.ok_or_else(|| Error::wrong_type(path))?;
            check::integer(field, number.into(), path)?;
            Ok(Some(Value::from(number)))
        }
        (WireType::Uint64, Node::Text(text)) => {
            let number = decimal(text).and_then(|text| text.parse::<u64>().ok());
            let number = number.ok_or_else(|| Error::wrong_type(path))?;
            check::integer(field, number.into(), path)?;
            Ok(Some(Value::from(number)))
        }
        (WireType::Struct(info), Node::Fields(nodes)) => {
            object(info.fields, nodes, path).map(|object| Some(Value::Object(object)))
        }
        (WireType::Array(item), Node::Items(nodes)) => {
            let mut items = Vec::with_capacity(nodes.len());
            for (expected, (index, node)) in nodes.iter().enumerate() {
                let here = Path::Index(path, expected);
                if *index != expected {
                    return Err(Error::missing_parameter(here));
                }
                match value(field, *item, node, &here)? {
                    Some(value) => items.push(value),
                    None => return Err(Error::wrong_type(here)),
                }
            }
            check::list(field, &items, path)?;
            Ok(Some(Value::Array(items)))
        }
        _ => Err(Error::wrong_type(path)),
    }
}

/// The text, if it is decimal digits with at most a minus before them. Rust would also take a plus.
fn decimal(text: &str) -> Option<&str> {
    (!text.starts_with('+')).then_some(text)
}

/// Writes a request as flattened pairs, as clients do for GET and signature v1. Nulls, empty lists and empty
/// structures vanish.
///
/// ```
/// let request = serde_json::json!({"Limit": 5, "Filters": [{"Name": "vpc-id", "Values": ["a", "b"]}]});
/// let pairs = cetcd_api::flatten(&request);
/// assert_eq!(pairs[3], ("Filters.0.Values.1".to_owned(), "b".to_owned()));
/// ```
pub fn flatten(value: &Value) -> Vec<(String, String)> {
    fn walk(key: String, value: &Value, pairs: &mut Vec<(String, String)>) {
        let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                for (name, value) in fields {
                    walk(below(name), value, pairs);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    walk(below(&index.to_string()), value, pairs);
                }
            }
            Value::String(text) => pairs.push((key, text.clone())),
            Value::Bool(_) | Value::Number(_) => pairs.push((key, value.to_string())),
        }
    }
    let mut pairs = Vec::new();
    walk(String::new(), value, &mut pairs);
    pairs
}
