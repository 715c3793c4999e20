//! The contract: actions, structures, error codes, decoding and validation.
//!
//! An action is declared once, with `action!` in [`mod@actions`], and listed once, in [`for_each_action!`]. Everything else
//! comes from that: the Rust types, the tables ([`ActionInfo`], [`FieldInfo`]), decoding and checking ([`decode()`]), the
//! JSON schema ([`schema()`]), authorisation names, the CLI's generic call and the gateway's dispatch table.
//!
//! ```
//! use cetcd_api::{Code, Input, actions::CreateEtcdInstance, decode};
//!
//! let error = decode::<CreateEtcdInstance>(Input::Json(br#"{"Name": 7}"#)).unwrap_err();
//! assert_eq!(error.code(), Code::InvalidParameter);
//! ```
//!
//! Nothing here does any I/O.

#[macro_use]
mod macros;

pub mod actions;
mod code;
mod decode;
mod envelope;
mod error;
mod format;
mod info;
mod language;
pub mod limits;
mod redact;
mod registry;
mod schema;
pub mod structures;
pub mod values;

pub use code::Code;
pub use decode::{Input, MAX_DEPTH, decode, flatten, normalise};
pub use envelope::{failure, success};
pub use error::Error;
pub use format::Format;
pub use info::{Action, ActionInfo, FieldInfo, REQUEST_ID, StructInfo, Structure, Usage, Wire, WireType};
pub use language::Language;
pub use redact::redacted;
pub use registry::{actions, find, structures};
pub use schema::schema;

/// The service's name, as in a credential scope.
pub const SERVICE: &str = "cetcd";

/// The version of the API, as in `X-TC-Version`.
pub const VERSION: &str = "2022-03-25";

/// The regions of the document.
pub const REGIONS: &[&str] = &[
    "ap-bangkok",
    "ap-beijing",
    "ap-chengdu",
    "ap-chongqing",
    "ap-guangzhou",
    "ap-hongkong",
    "ap-jakarta",
    "ap-nanjing",
    "ap-seoul",
    "ap-shanghai",
    "ap-shanghai-fsi",
    "ap-shenzhen-fsi",
    "ap-singapore",
    "ap-tokyo",
    "eu-frankfurt",
    "na-ashburn",
    "na-siliconvalley",
    "sa-saopaulo",
];

/// The parameters that every request may have beside its action's own, where they travel in the query or form.
pub const COMMON_PARAMETERS: &[&str] = &[
    "Action",
    "Language",
    "Nonce",
    "Region",
    "RequestClient",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Timestamp",
    "Token",
    "Version",
];

/// Whether a parameter of a query or form is a common one and not the action's.
pub fn is_common_parameter(name: &str) -> bool {
    COMMON_PARAMETERS.contains(&name)
}
