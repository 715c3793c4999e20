//! The parameters that every request has: in headers with signature v3, among the others with signature v1.

use std::borrow::Cow;

use cetcd_api::{Error, Language};
use cetcd_signature::tc3;
use http::request::Parts;

use crate::form::{self, Malformed, Pairs};

/// What is particular to signature v1.
#[derive(Debug)]
pub(crate) struct V1<'a> {
    /// All parameters in the order received.
    pub(crate) pairs: Pairs<'a>,
    pub(crate) secret_id: String,
    pub(crate) nonce: u64,
    pub(crate) signature: String,
}

/// The common parameters of a request.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    pub(crate) action: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
    pub(crate) region: Cow<'a, str>,
    pub(crate) token: Cow<'a, str>,
    pub(crate) timestamp: i64,
    /// With signature v1 only.
    pub(crate) v1: Option<V1<'a>>,
}

/// A header's text; empty where there is none or it is no text.
pub(crate) fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether the `Authorization` header alone says that this is signature v3, `SKIP` included, which only clients of
/// v3 send. This decides which size limit holds.
pub(crate) fn claims_v3(parts: &Parts) -> bool {
    let authorization = header(parts, "authorization");
    tc3::is_v3(authorization) || authorization.trim().eq_ignore_ascii_case("SKIP")
}

/// The part of the Content-Type before any parameter.
pub(crate) fn media_type(parts: &Parts) -> &str {
    header(parts, "content-type").split(';').next().unwrap_or_default().trim()
}

pub(crate) fn is_form(parts: &Parts) -> bool {
    media_type(parts).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

pub(crate) fn malformed(malformed: Malformed) -> Error {
    use cetcd_api::Code;
    match malformed {
        Malformed::NoEquals => Error::form_pair_without_equals(),
        Malformed::NotUtf8 => Error::new(
            Code::InvalidParameter,
            "The request parameters are not valid UTF-8.",
            "请求参数不是合法的 UTF-8 编码。",
        ),
        Malformed::TooMany => Error::new(
            Code::InvalidParameter,
            format!("The request has more than {} parameters.", form::MAX_PAIRS),
            format!("请求参数超过 {} 个。", form::MAX_PAIRS),
        ),
    }
}

impl<'a> Common<'a> {
    /// Reads them, and sets `language` as soon as it is known, so that errors are already in it.
    pub(crate) fn read(parts: &'a Parts, body: &'a [u8], language: &mut Language) -> Result<Self, Error> {
        let named = header(parts, "x-tc-language");
        if !named.is_empty() {
            *language = Language::from_header(named);
        }
        if claims_v3(parts) {
            return Self::of_headers(parts);
        }
        let text = match parts.method {
            http::Method::GET => parts.uri.query().unwrap_or_default().as_bytes(),
            _ if is_form(parts) => body,
            _ => b"",
        };
        let has_action_header = parts.headers.contains_key("x-tc-action");
        let pairs = match form::parse(text) {
            Ok(pairs) => pairs,
            // A v3 request without its Authorization may have any body; what it lacks is said first.
            Err(_) if has_action_header => return Self::of_headers(parts),
            Err(error) => return Err(malformed(error)),
        };
        let is_v1 = pairs.iter().any(|(key, _)| key == "Signature" || key == "Action");
        if has_action_header && !is_v1 { Self::of_headers(parts) } else { Self::of_pairs(pairs, language) }
    }

    fn of_headers(parts: &'a Parts) -> Result<Self, Error> {
        let required = |name: &str, key| match header(parts, key) {
            "" => Err(Error::missing_parameter(name)),
            value => Ok(value),
        };
        let action = required("Action", "x-tc-action")?;
        let version = required("Version", "x-tc-version")?;
        let timestamp = required("Timestamp", "x-tc-timestamp")?;
        required("Authorization", "authorization")?;
        Ok(Self {
            action: action.into(),
            version: version.into(),
            region: header(parts, "x-tc-region").into(),
            token: header(parts, "x-tc-token").into(),
            timestamp: number(timestamp, "Timestamp")?,
            v1: None,
        })
    }

    fn of_pairs(pairs: Pairs<'a>, language: &mut Language) -> Result<Self, Error> {
        let optional = |name: &str| {
            pairs.iter().find(|(key, _)| key == name).map_or(Cow::Borrowed(""), |(_, value)| value.clone())
        };
        let required =
            |name| Some(optional(name)).filter(|value| !value.is_empty()).ok_or_else(|| Error::missing_parameter(name));
        let named = optional("Language");
        if !named.is_empty() {
            *language = Language::from_header(&named);
        }
        let action = required("Action")?;
        let version = required("Version")?;
        let timestamp = number(&required("Timestamp")?, "Timestamp")?;
        let nonce = number(&required("Nonce")?, "Nonce")?;
        let secret_id = required("SecretId")?.into_owned();
        let signature = required("Signature")?.into_owned();
        let (region, token) = (optional("Region"), optional("Token"));
        Ok(Self { action, version, region, token, timestamp, v1: Some(V1 { pairs, secret_id, nonce, signature }) })
    }
}

/// Decimal digits only: a sign or blanks would be signed in one spelling and read in another.
fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T, Error> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
        .ok_or_else(|| Error::wrong_type(name))
}
