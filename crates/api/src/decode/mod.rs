//! From what a caller sent to a typed request: JSON or flattened keys, the same checks.
//!
//! Both walk the action's tables as they read, so what an action does not have is never built in memory, and both end
//! in the same normalised JSON object: aliases resolved, integers and booleans typed, every value checked.

mod check;
mod flat;
mod json;
mod path;

use serde_json::{Map, Value};

use crate::{Action, ActionInfo, Error};
pub use flat::flatten;

/// How deep JSON may be nested: twice what any action needs.
pub const MAX_DEPTH: usize = 16;

/// What a caller sent.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A JSON body, strictly typed.
    Json(&'a [u8]),
    /// Decoded pairs of a query or form, such as `Filters.0.Values.1` = `abc`, without the common parameters.
    Flattened(&'a [(String, String)]),
}

/// Decodes and checks a request.
///
/// # Errors
/// The first thing that is wrong, as wire errors: not JSON, unknown, missing, wrong type, wrong value.
pub fn decode<A: Action>(input: Input<'_>) -> Result<A::Request, Error> {
    let object = normalise(A::INFO, input)?;
    // The object fits the tables that were declared with the type, so this cannot fail; if it ever does, the
    // declaration is at fault and not the caller.
    serde_json::from_value(Value::Object(object)).map_err(|_| Error::internal())
}

/// Checks a request without knowing its type: what [`decode`] does before the last step.
pub fn normalise(action: &ActionInfo, input: Input<'_>) -> Result<Map<String, Value>, Error> {
    match input {
        Input::Json(body) => json::read(action.request, body),
        Input::Flattened(pairs) => flat::read(action.request, pairs),
    }
}
