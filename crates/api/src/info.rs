//! What an action, a structure and a field are: the static tables that everything else is derived from.
//!
//! The tables are filled by `structure!` and `action!`; decoding, validation, the JSON schema, authorisation names
//! and the CLI's generic call only ever read them.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::Code;
use crate::format::Format;

/// How many elements a list may have where its declaration says nothing else.
pub const DEFAULT_MAX_ITEMS: usize = 100;

/// How many characters a string may have where its declaration says nothing else.
pub const DEFAULT_MAX_LENGTH: usize = 1024;

/// Requests a second for each action, region and sub-account, as the document gives it for every action.
pub const DEFAULT_RATE_LIMIT: u32 = 20;

/// The type of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WireType {
    /// A JSON string.
    String,
    /// A JSON integer from −2⁶³ to 2⁶³−1.
    Int64,
    /// A JSON integer from 0 to 2⁶⁴−1.
    Uint64,
    /// `true` or `false`.
    Bool,
    /// A JSON number. Only in answers of our own.
    Double,
    /// A JSON object with declared fields.
    Struct(&'static StructInfo),
    /// A JSON array of one type.
    Array(&'static WireType),
}

impl WireType {
    /// The structure that this type is, or is a list of.
    pub const fn nested(&self) -> Option<&'static StructInfo> {
        match self {
            Self::Struct(info) => Some(info),
            Self::Array(item) => item.nested(),
            Self::String | Self::Int64 | Self::Uint64 | Self::Bool | Self::Double => None,
        }
    }
}

impl fmt::Display for WireType {
    /// The name as the specification writes it, such as `array<Filter>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Int64 => f.write_str("int64"),
            Self::Uint64 => f.write_str("uint64"),
            Self::Bool => f.write_str("bool"),
            Self::Double => f.write_str("double"),
            Self::Struct(info) => f.write_str(info.name),
            Self::Array(item) => write!(f, "array<{item}>"),
        }
    }
}

/// A Rust type that has a type on the wire.
pub trait Wire {
    /// The type on the wire.
    const TYPE: WireType;
    /// The allowed strings, where the type is an enumeration.
    const VALUES: &'static [&'static str] = &[];
    /// Accepted spellings and the allowed string that each stands for.
    const VALUE_ALIASES: &'static [(&'static str, &'static str)] = &[];
    /// Whether the value may be left out (and, in a response, be null).
    const OPTIONAL: bool = false;
    /// Whether this value is left out.
    fn absent(&self) -> bool {
        false
    }
}

impl Wire for String {
    const TYPE: WireType = WireType::String;
}

impl Wire for i64 {
    const TYPE: WireType = WireType::Int64;
}

impl Wire for u64 {
    const TYPE: WireType = WireType::Uint64;
}

impl Wire for bool {
    const TYPE: WireType = WireType::Bool;
}

impl Wire for f64 {
    const TYPE: WireType = WireType::Double;
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: WireType = WireType::Array(&T::TYPE);
}

impl<T: Wire> Wire for Option<T> {
    const TYPE: WireType = T::TYPE;
    const VALUES: &'static [&'static str] = T::VALUES;
    const VALUE_ALIASES: &'static [(&'static str, &'static str)] = T::VALUE_ALIASES;
    const OPTIONAL: bool = true;
    fn absent(&self) -> bool {
        self.is_none()
    }
}

/// One field of a request, a response or a structure.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts of a table row, not states.
pub struct FieldInfo {
    /// The name on the wire.
    pub name: &'static str,
    /// Other spellings that are accepted in requests (slips of the document).
    pub aliases: &'static [&'static str],
    /// The type on the wire.
    pub wire: WireType,
    /// The structure that the field is, or is a list of.
    pub nested: Option<&'static StructInfo>,
    /// Whether a request must have it.
    pub required: bool,
    /// Whether a response may have null for it.
    pub nullable: bool,
    /// Meaning, units and ranges.
    pub doc: &'static str,
    /// The allowed strings; empty where any is.
    pub values: &'static [&'static str],
    /// Accepted spellings of a value and the allowed string that each stands for.
    pub value_aliases: &'static [(&'static str, &'static str)],
    /// The allowed integers; empty where the range alone decides.
    pub one_of: &'static [u64],
    /// The smallest integer.
    pub min: Option<i128>,
    /// The largest integer.
    pub max: Option<i128>,
    /// The fewest characters of a string.
    pub min_length: usize,
    /// The most characters of a string.
    pub max_length: usize,
    /// Whether a string may have newlines and tabs. Other control characters are always refused.
    pub multiline: bool,
    /// A format that a string must have.
    pub format: Option<Format>,
    /// The fewest elements of a list.
    pub min_items: usize,
    /// The most elements of a list.
    pub max_items: usize,
    /// The filter names that a list of `Filter` may use; empty where it is no such list.
    pub filter_names: &'static [&'static str],
    /// Whether the value is a secret: never shown, logged or echoed.
    pub sensitive: bool,
    /// A sample value, as text.
    pub example: Option<&'static str>,
}

impl FieldInfo {
    /// A field of the type `T`: required unless `T` is an `Option`; where it is, a response may have null for it.
    pub const fn new<T: Wire>(name: &'static str, doc: &'static str, usage: Usage) -> Self {
        Self {
            name,
            aliases: &[],
            wire: T::TYPE,
            nested: T::TYPE.nested(),
            required: !T::OPTIONAL,
            nullable: T::OPTIONAL && !matches!(usage, Usage::In),
            doc: doc.trim_ascii(),
            values: T::VALUES,
            value_aliases: T::VALUE_ALIASES,
            one_of: &[],
            min: None,
            max: None,
            min_length: 0,
            max_length: DEFAULT_MAX_LENGTH,
            multiline: false,
            format: None,
            min_items: 0,
            max_items: DEFAULT_MAX_ITEMS,
            filter_names: &[],
            sensitive: false,
            example: None,
        }
    }

    /// Accepts other spellings of the name in requests.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Says whether a response may have null for it.
    #[must_use]
    pub const fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    /// Lists the strings that are known (in responses) or allowed (in requests).
    #[must_use]
    pub const fn values(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// Lists the allowed integers.
    #[must_use]
    pub const fn one_of(mut self, numbers: &'static [u64]) -> Self {
        self.one_of = numbers;
        self
    }

    /// Sets the smallest and the largest integer.
    #[must_use]
    pub const fn range(mut self, min: i128, max: i128) -> Self {
        self.min = Some(min);
        self.max = Some(max);
        self
    }

    /// Sets the fewest and the most characters (Unicode scalar values, not bytes).
    #[must_use]
    pub const fn length(mut self, min: usize, max: usize) -> Self {
        self.min_length = min;
        self.max_length = max;
        self
    }

    /// Allows newlines and tabs.
    #[must_use]
    pub const fn multiline(mut self) -> Self {
        self.multiline = true;
        self
    }

    /// Sets a format that the string must have.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets the fewest and the most elements.
    #[must_use]
    pub const fn items(mut self, min: usize, max: usize) -> Self {
        self.min_items = min;
        self.max_items = max;
        self
    }

    /// Lists the filter names that the list may use.
    #[must_use]
    pub const fn filter_names(mut self, names: &'static [&'static str]) -> Self {
        self.filter_names = names;
        self
    }

    /// Marks the value as a secret.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Gives a sample value.
    #[must_use]
    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    /// Whether the name, or an accepted spelling of it, is this one.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// The field that every response ends with. Response types leave it out: the envelope writes it.
pub const REQUEST_ID: FieldInfo = FieldInfo::new::<String>(
    "RequestId",
    "Unique ID of the request, made by the server, present in every response.",
    Usage::Out,
)
.example("51abd77d-f503-41e7-ab28-010083e02a78");

/// Where a structure occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// In requests only.
    In,
    /// In responses only.
    Out,
    /// In both.
    Both,
}

impl Usage {
    /// `in`, `out` or `both`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Both => "both",
        }
    }
}

/// A structure of the API.
#[derive(Debug, PartialEq)]
pub struct StructInfo {
    /// The name in the document.
    pub name: &'static str,
    /// What it stands for.
    pub doc: &'static str,
    /// Where it occurs.
    pub usage: Usage,
    /// Its fields, in the document's order.
    pub fields: &'static [FieldInfo],
}

/// A type declared by `structure!`.
pub trait Structure: Wire {
    /// Its table.
    const INFO: &'static StructInfo;
}

/// An action of the API.
#[derive(Debug, PartialEq)]
pub struct ActionInfo {
    /// The name, as in `X-TC-Action`.
    pub name: &'static str,
    /// Other names that are accepted (slips of the document).
    pub aliases: &'static [&'static str],
    /// What it does.
    pub doc: &'static str,
    /// The document's group.
    pub group: &'static str,
    /// Whether the caller must name a region.
    pub region_required: bool,
    /// Whether it changes something; a read otherwise.
    pub changes: bool,
    /// Whether it is ours and not in the cloud's document.
    pub extension: bool,
    /// The fields of the request.
    pub request: &'static [FieldInfo],
    /// The fields of the response, `RequestId` last.
    pub response: &'static [FieldInfo],
    /// The codes of its own that it answers with, beside the common ones of checks before it.
    pub error_codes: &'static [Code],
    /// A request, as JSON.
    pub example_request: &'static str,
    /// A response with its envelope, as JSON.
    pub example_response: &'static str,
    /// Requests a second for each region and sub-account where nothing else is configured.
    pub rate_limit: u32,
}

/// A type declared by `action!`: the key that a handler is implemented for.
pub trait Action: Send + Sync + 'static {
    /// Its table.
    const INFO: &'static ActionInfo;
    /// What the caller sends.
    type Request: Serialize + DeserializeOwned + fmt::Debug + Clone + PartialEq + Default + Send + Sync + 'static;
    /// What the caller gets, without `RequestId`.
    type Response: Serialize + DeserializeOwned + fmt::Debug + Clone + PartialEq + Default + Send + Sync + 'static;
}

/// `skip_serializing_if` for requests: what is left out is not written.
pub(crate) fn is_absent<T: Wire>(value: &T) -> bool {
    value.absent()
}

/// `skip_serializing_if` for responses: a null is written, as the document shows it.
pub(crate) fn never<T: Wire>(_: &T) -> bool {
    false
}

/// The field's value for `Debug`, or a placeholder where it is a secret.
pub(crate) fn shown<'a>(fields: &[FieldInfo], name: &str, value: &'a dyn fmt::Debug) -> &'a dyn fmt::Debug {
    let secret = fields.iter().any(|field| field.name == name && field.sensitive);
    if secret { &"[redacted]" } else { value }
}
