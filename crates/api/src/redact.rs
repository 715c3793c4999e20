//! Requests and responses without their secrets, for logs.

use serde::Serialize;
use serde_json::Value;

use crate::FieldInfo;

/// The value as JSON, with `"[redacted]"` for every secret that its table names.
///
/// `fields` is the table of what is given, such as [`ActionInfo::request`](crate::ActionInfo::request). What the table
/// does not name is left out, so that nothing unknown reaches a log.
pub fn redacted(fields: &[FieldInfo], value: &impl Serialize) -> Value {
    fn walk(fields: &[FieldInfo], value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| walk(fields, item)),
            Value::Object(object) => {
                object.retain(|name, value| {
                    let Some(field) = fields.iter().find(|field| field.answers_to(name)) else {
                        return false;
                    };
                    if field.sensitive && !value.is_null() {
                        *value = Value::from("[redacted]");
                    } else if let Some(info) = field.nested {
                        walk(info.fields, value);
                    }
                    true
                });
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value).unwrap_or_default();
    walk(fields, &mut value);
    value
}
