//! The checks on values that are of the right type already. Both readers end here.

use serde_json::{Map, Value};

use super::path::Path;
use crate::{Error, FieldInfo};

/// What stands for a secret in an error.
const SECRET: &str = "[redacted]";

fn refused(field: &FieldInfo, value: &dyn std::fmt::Display, path: &Path<'_>) -> Error {
    if field.sensitive { Error::wrong_value(SECRET, path) } else { Error::wrong_value(value, path) }
}

/// A string, or an element of a list of strings.
pub(super) fn string(field: &FieldInfo, text: &str, path: &Path<'_>) -> Result<Value, Error> {
    let text = field.value_aliases.iter().find(|(alias, _)| *alias == text).map_or(text, |(_, value)| *value);
    // Counting stops early on texts of megabytes: a character has at most four bytes.
    let long = text.len() > field.max_length.saturating_mul(4) || text.chars().count() > field.max_length;
    let short = text.chars().take(field.min_length).count() < field.min_length;
    let control = text.chars().any(|c| c.is_control() && !(field.multiline && (c == '\n' || c == '\t' || c == '\r')));
    let unlisted = !field.values.is_empty() && !field.values.contains(&text);
    let unformed = field.format.is_some_and(|format| !format.accepts(text));
    if long || short || control || unlisted || unformed {
        return Err(refused(field, &text.chars().take(128).collect::<String>(), path));
    }
    Ok(Value::from(text))
}

/// An integer that fits its type.
pub(super) fn integer(field: &FieldInfo, number: i128, path: &Path<'_>) -> Result<(), Error> {
    let small = field.min.is_some_and(|min| number < min);
    let large = field.max.is_some_and(|max| number > max);
    let unlisted = !field.one_of.is_empty() && !field.one_of.iter().any(|one| i128::from(*one) == number);
    if small || large || unlisted {
        return Err(refused(field, &number, path));
    }
    Ok(())
}

/// The number of elements of a finished list, and the names of its filters.
pub(super) fn list(field: &FieldInfo, items: &[Value], path: &Path<'_>) -> Result<(), Error> {
    if items.len() < field.min_items {
        return Err(Error::wrong_value("[]", path));
    }
    if !field.filter_names.is_empty() {
        for (index, item) in items.iter().enumerate() {
            let name = item.get("Name").and_then(Value::as_str).unwrap_or_default();
            if !field.filter_names.contains(&name) {
                return Err(Error::wrong_value(name, Path::Field(&Path::Index(path, index), "Name")));
            }
        }
    }
    Ok(())
}

/// A list that would have more elements than the field may have.
pub(super) fn too_many(field: &FieldInfo, path: &Path<'_>) -> Error {
    Error::wrong_value(format_args!("more than {} items", field.max_items), path)
}

/// The required fields of a finished object.
pub(super) fn complete(fields: &[FieldInfo], object: &Map<String, Value>, path: &Path<'_>) -> Result<(), Error> {
    match fields.iter().find(|field| field.required && !object.contains_key(field.name)) {
        Some(field) => Err(Error::missing_parameter(Path::Field(path, field.name))),
        None => Ok(()),
    }
}
