//! Reading a JSON body along the tables.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::path::Path;
use super::{MAX_DEPTH, check};
use crate::{Error, FieldInfo, WireType};

/// Reads a body that must be one JSON object.
pub(super) fn read(fields: &'static [FieldInfo], body: &[u8]) -> Result<Map<String, Value>, Error> {
    let is_object = body.trim_ascii_start().starts_with(b"{");
    // The syntax first, building nothing, so that a broken body is always told as such.
    if !is_object || too_deep(body) || serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return Err(Error::not_json());
    }
    let failure = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let seed = Object { fields, path: &Path::Root, failure: &failure };
    seed.deserialize(&mut reader).map_err(|error| {
        // Syntax errors that only show where strings are decoded: bytes that are not UTF-8, lone surrogates.
        let found = failure.take().filter(|_| error.is_data());
        found.unwrap_or_else(Error::not_json)
    })
}

/// Whether objects and arrays are nested deeper than [`MAX_DEPTH`]. Exact for valid JSON.
fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The first failure. It travels beside serde's error, which cannot carry it.
type Failure = RefCell<Option<Error>>;

fn fail<E: serde::de::Error>(failure: &Failure, error: Error) -> E {
    failure.borrow_mut().get_or_insert(error);
    E::custom("refused")
}

struct Object<'a> {
    fields: &'static [FieldInfo],
    path: &'a Path<'a>,
    failure: &'a Failure,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut object = Map::new();
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            let Some(field) = self.fields.iter().find(|field| field.answers_to(&name)) else {
                return Err(fail(self.failure, Error::unknown_parameter(Path::Field(self.path, &name))));
            };
            let path = Path::Field(self.path, field.name);
            let value = map.next_value_seed(Item { field, wire: field.wire, path: &path, failure: self.failure })?;
            if value.is_null() {
                object.remove(field.name);
            } else {
                object.insert(field.name.to_owned(), value);
            }
        }
        check::complete(self.fields, &object, self.path).map_err(|error| fail(self.failure, error))?;
        Ok(object)
    }
}

/// A key, borrowed where it can be.
struct Name<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Key)
    }
}

/// The value of a field, or (with the list's own field and the element's type) an element of a list.
struct Item<'a> {
    field: &'static FieldInfo,
    wire: WireType,
    path: &'a Path<'a>,
    failure: &'a Failure,
}

impl Item<'_> {
    fn refuse<T, E: serde::de::Error>(&self, error: Error) -> Result<T, E> {
        Err(fail(self.failure, error))
    }

    fn wrong_type<T, E: serde::de::Error>(&self) -> Result<T, E> {
        self.refuse(Error::wrong_type(self.path))
    }

    fn integer<E: serde::de::Error>(&self, number: i128) -> Result<Value, E> {
        let value = match self.wire {
            WireType::Int64 => i64::try_from(number).ok().map(Value::from),
            WireType::Uint64 => u64::try_from(number).ok().map(Value::from),
            _ => None,
        };
        let Some(value) = value else {
            return self.wrong_type();
        };
        match check::integer(self.field, number, self.path) {
            Ok(()) => Ok(value),
            Err(error) => self.refuse(error),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wire)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        // Absent, except in a list, where nothing can be absent.
        if matches!(self.path, Path::Index(..)) { self.wrong_type() } else { Ok(Value::Null) }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        if self.wire == WireType::Bool { Ok(Value::Bool(value)) } else { self.wrong_type() }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        self.integer(number.into())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        self.integer(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        self.wrong_type()
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        if self.wire != WireType::String {
            return self.wrong_type();
        }
        match check::string(self.field, text, self.path) {
            Ok(value) => Ok(value),
            Err(error) => self.refuse(error),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Value, M::Error> {
        let WireType::Struct(info) = self.wire else {
            return self.wrong_type();
        };
        let object = Object { fields: info.fields, path: self.path, failure: self.failure };
        object.visit_map(map).map(Value::Object)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Value, S::Error> {
        let item = match self.wire {
            WireType::Array(item) => *item,
            // An empty structure, as PHP writes it.
            WireType::Struct(info) => {
                if list.next_element::<IgnoredAny>()?.is_some() {
                    return self.wrong_type();
                }
                let object = Map::new();
                return match check::complete(info.fields, &object, self.path) {
                    Ok(()) => Ok(Value::Object(object)),
                    Err(error) => self.refuse(error),
                };
            }
            _ => return self.wrong_type(),
        };
        let mut items = Vec::new();
        loop {
            if items.len() == self.field.max_items {
                if list.next_element::<IgnoredAny>()?.is_some() {
                    return self.refuse(check::too_many(self.field, self.path));
                }
                break;
            }
            let path = Path::Index(self.path, items.len());
            let seed = Item { field: self.field, wire: item, path: &path, failure: self.failure };
            match list.next_element_seed(seed)? {
                Some(value) => items.push(value),
                None => break,
            }
        }
        match check::list(self.field, &items, self.path) {
            Ok(()) => Ok(Value::Array(items)),
            Err(error) => self.refuse(error),
        }
    }
}
