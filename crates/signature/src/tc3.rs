//! TC3-HMAC-SHA256, signature v3.
//!
//! The canonical request is built from the client's own `SignedHeaders`, in its order:
//! `METHOD\n/\n<query>\n<name:value\n…>\n<SignedHeaders>\n<payload hash>`. The path is always `/` and the query of a
//! GET is taken byte for byte as it was received.

mod sign;

pub use sign::{Sign, sign};

use hmac::Mac;
use sha2::{Digest, Sha256};

use crate::key::hmac_sha256;
use crate::{Error, Hosts, KeyCache, check_time, same};

/// The name of the algorithm, with which every `Authorization` header of signature v3 starts.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";
/// What `X-TC-Content-SHA256` says, and what is hashed in place of the body, when the body is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// The header that says that the body is not signed, in lower case.
pub const CONTENT_HASH_HEADER: &str = "x-tc-content-sha256";

/// The parts of an `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Who signed.
    pub secret_id: &'a str,
    /// The scope's UTC date, `YYYY-MM-DD`.
    pub date: &'a str,
    /// The scope's service, from which the key is derived, whatever it is.
    pub service: &'a str,
    /// The signed headers as the client listed them: lower case, separated by `;`.
    pub signed_headers: &'a str,
    /// The signature: 64 lower-case hexadecimal digits.
    pub signature: &'a str,
}

/// Whether an `Authorization` header claims signature v3; anything else is left to signature v1.
pub fn is_v3(authorization: &str) -> bool {
    authorization.trim_start().starts_with(ALGORITHM)
}

/// Reads an `Authorization` header. The parts may come in any order, with or without blanks between them.
pub fn parse_authorization(header: &str) -> Result<Authorization<'_>, Error> {
    let header = header.trim();
    if header.eq_ignore_ascii_case("SKIP") {
        return Err(Error::Unsigned);
    }
    let malformed = |part| Error::MalformedAuthorization { part };
    let fields =
        header.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with([' ', '\t'])).ok_or(malformed("Algorithm"))?;
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for field in fields.split(',') {
        match field.trim().split_once('=') {
            Some(("Credential", value)) => credential = Some(value),
            Some(("SignedHeaders", value)) => signed_headers = Some(value),
            Some(("Signature", value)) => signature = Some(value),
            _ => {}
        }
    }
    let (secret_id, scope) = credential.and_then(|text| text.split_once('/')).ok_or(malformed("Credential"))?;
    let (date, scope) = scope.split_once('/').ok_or(malformed("Credential"))?;
    let (service, terminator) = scope.rsplit_once('/').ok_or(malformed("Credential"))?;
    if secret_id.is_empty() || terminator != "tc3_request" {
        return Err(malformed("Credential"));
    }
    let signed_headers = signed_headers.ok_or(malformed("SignedHeaders"))?;
    let signs = |name: &str| signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
    if !signs("content-type") || !signs("host") {
        return Err(malformed("SignedHeaders"));
    }
    let signature = signature.filter(|text| !text.is_empty()).ok_or(malformed("Signature"))?;
    Ok(Authorization { secret_id, date, service, signed_headers, signature })
}

impl Authorization<'_> {
    /// Refuses a scope whose date is not the UTC date of `timestamp` (Unix seconds), or whose service is neither
    /// `own_service` nor the first label of a host candidate.
    pub fn check_scope(&self, timestamp: i64, hosts: &Hosts<'_>, own_service: &str) -> Result<(), Error> {
        if utc_date(timestamp).is_none_or(|date| date != self.date) {
            return Err(Error::ScopeDate { date: self.date.to_owned() });
        }
        if !hosts.allow_service(self.service, own_service) {
            return Err(Error::ScopeService { service: self.service.to_owned() });
        }
        Ok(())
    }
}

/// The UTC date of `timestamp` (Unix seconds), `YYYY-MM-DD`; `None` outside of the calendar.
fn utc_date(timestamp: i64) -> Option<String> {
    let timestamp = jiff::Timestamp::from_second(timestamp).ok()?;
    Some(timestamp.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
}

/// The headers of a request. Names are asked for in lower case.
pub trait Headers {
    /// The first value of the header `name`.
    fn value(&self, name: &str) -> Option<&[u8]>;
}

impl Headers for [(&str, &str)] {
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
    }
}

impl<H: Headers + ?Sized> Headers for &H {
    fn value(&self, name: &str) -> Option<&[u8]> {
        (**self).value(name)
    }
}

/// A request as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a, H> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The query string byte for byte, without the `?`; empty where there is none.
    pub query: &'a str,
    /// All headers.
    pub headers: H,
    /// What the client may have signed as `host`.
    pub hosts: Hosts<'a>,
    /// The body byte for byte. That of a GET counts as empty.
    pub body: &'a [u8],
    /// `X-TC-Timestamp`, in Unix seconds.
    pub timestamp: i64,
}

/// Checks the time, the scope and the signature, in this order. `now` is in Unix seconds.
pub fn verify<H: Headers>(
    request: &Request<'_, H>,
    authorization: &Authorization<'_>,
    own_service: &str,
    secret: &str,
    now: i64,
    keys: &KeyCache,
) -> Result<(), Error> {
    check_time(request.timestamp, now)?;
    authorization.check_scope(request.timestamp, &request.hosts, own_service)?;
    verify_signature(request, authorization, secret, keys)
}

/// Checks the signature alone; the time and the scope are checked before the secret is looked up.
pub fn verify_signature<H: Headers>(
    request: &Request<'_, H>,
    authorization: &Authorization<'_>,
    secret: &str,
    keys: &KeyCache,
) -> Result<(), Error> {
    let Authorization { secret_id, date, service, .. } = *authorization;
    let (key, cached) = keys.get(secret_id, secret, date, service);
    let payload_hash = payload_hash(request);
    let alternatives = Spelling::that_differ(request, authorization);
    for spelling in alternatives.into_iter().flatten() {
        for host in request.hosts.candidates() {
            let canonical = canonical_hash(request, authorization, host, spelling, &payload_hash)?;
            let expected = signature(&key[..], request.timestamp, date, service, &canonical);
            if same(&expected, authorization.signature.as_bytes()) {
                if !cached {
                    keys.put(secret_id, secret, date, service, key);
                }
                return Ok(());
            }
        }
    }
    Err(Error::Mismatch)
}

/// How a client wrote header values into its canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// `content-type` and `host` as sent, others in lower case: what every client does.
    Usual,
    /// Everything in lower case, as the document's rule says.
    Lower,
    /// Everything as sent.
    AsSent,
}

impl Spelling {
    /// The usual spelling, and the others only where a signed value has capitals, so that an ordinary request with
    /// a bad signature costs no more than one with a good signature.
    fn that_differ<H: Headers>(request: &Request<'_, H>, authorization: &Authorization<'_>) -> [Option<Self>; 3] {
        let (mut lower, mut as_sent) = (None, None);
        for name in authorization.signed_headers.split(';') {
            let name = name.to_ascii_lowercase();
            if !request.headers.value(&name).is_some_and(|value| value.iter().any(u8::is_ascii_uppercase)) {
                continue;
            }
            if name == "content-type" || name == "host" {
                lower = Some(Self::Lower);
            } else {
                as_sent = Some(Self::AsSent);
            }
        }
        [Some(Self::Usual), lower, as_sent]
    }

    fn lowers(self, name: &str) -> bool {
        match self {
            Self::Usual => name != "content-type" && name != "host",
            Self::Lower => true,
            Self::AsSent => false,
        }
    }
}

type HexHash = [u8; 64];

fn hex_of(digest: &[u8]) -> HexHash {
    let mut text = [0; 64];
    hex::encode_to_slice(digest, &mut text).expect("a SHA-256 is 32 bytes, 64 digits");
    text
}

fn payload_hash<H: Headers>(request: &Request<'_, H>) -> HexHash {
    let unsigned = request.headers.value(CONTENT_HASH_HEADER) == Some(UNSIGNED_PAYLOAD.as_bytes());
    hex_of(&match request.method {
        _ if unsigned => Sha256::digest(UNSIGNED_PAYLOAD),
        "GET" => Sha256::digest(b""),
        _ => Sha256::digest(request.body),
    })
}

/// The hash of the canonical request, or `Mismatch` where a signed header is missing from the request.
fn canonical_hash<H: Headers>(
    request: &Request<'_, H>,
    authorization: &Authorization<'_>,
    host: &str,
    spelling: Spelling,
    payload_hash: &HexHash,
) -> Result<HexHash, Error> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(request.method.as_bytes());
    text.extend_from_slice(b"\n/\n");
    if request.method == "GET" {
        text.extend_from_slice(request.query.as_bytes());
    }
    text.push(b'\n');
    for name in authorization.signed_headers.split(';') {
        let start = text.len();
        text.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
        let name = std::str::from_utf8(&text[start..]).map_err(|_| Error::Mismatch)?;
        let lowers = spelling.lowers(name);
        let value = if name == "host" { Some(host.as_bytes()) } else { request.headers.value(name) };
        let value = value.ok_or(Error::Mismatch)?.trim_ascii();
        text.push(b':');
        let start = text.len();
        text.extend_from_slice(value);
        if lowers {
            text[start..].make_ascii_lowercase();
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(authorization.signed_headers.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(payload_hash);
    Ok(hex_of(&Sha256::digest(&text)))
}

/// The signature over the string to sign, as 64 hexadecimal digits.
fn signature(key: &[u8], timestamp: i64, date: &str, service: &str, canonical: &HexHash) -> HexHash {
    let mac = hmac_sha256(key)
        .chain_update(format!("{ALGORITHM}\n{timestamp}\n{date}/{service}/tc3_request\n"))
        .chain_update(canonical)
        .finalize();
    hex_of(&mac.into_bytes())
}

#[cfg(test)]
mod tests;
