//! Signing, for clients.

use super::{ALGORITHM, Authorization, CONTENT_HASH_HEADER, Request, Spelling, UNSIGNED_PAYLOAD};
use crate::Hosts;
use crate::key::derive;

/// A request that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Sign<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The Host header, with its port where it has one.
    pub host: &'a str,
    /// The query string as it will be sent, without the `?`; signed for a GET only.
    pub query: &'a str,
    /// `application/json` for a POST; `application/x-www-form-urlencoded` for a GET.
    pub content_type: &'a str,
    /// The body; empty for a GET.
    pub body: &'a [u8],
    /// Whether the body is signed; where it is not, a header says so.
    pub sign_body: bool,
    /// The action, `X-TC-Action`; it is signed.
    pub action: &'a str,
    /// The API's version, `X-TC-Version`.
    pub version: &'a str,
    /// The region, `X-TC-Region`; none is sent where it is empty.
    pub region: &'a str,
    /// The credential scope's service.
    pub service: &'a str,
    /// Now, in Unix seconds.
    pub timestamp: i64,
}

/// The headers to send with the request, `Host` and `Authorization` among them; names are as the document spells
/// them. A `timestamp` outside of the calendar gets an empty scope date, which no server accepts.
pub fn sign(request: &Sign<'_>, secret_id: &str, secret: &str) -> Vec<(&'static str, String)> {
    const SIGNED_HEADERS: &str = "content-type;host;x-tc-action";
    let mut headers = vec![
        ("Content-Type", request.content_type.to_owned()),
        ("Host", request.host.to_owned()),
        ("X-TC-Action", request.action.to_owned()),
        ("X-TC-Version", request.version.to_owned()),
        ("X-TC-Timestamp", request.timestamp.to_string()),
    ];
    if !request.region.is_empty() {
        headers.push(("X-TC-Region", request.region.to_owned()));
    }
    if !request.sign_body {
        headers.push(("X-TC-Content-SHA256", UNSIGNED_PAYLOAD.to_owned()));
    }
    let date = super::utc_date(request.timestamp).unwrap_or_default();
    let scope = Authorization {
        secret_id,
        date: &date,
        service: request.service,
        signed_headers: SIGNED_HEADERS,
        signature: "",
    };
    let mut sent = vec![("content-type", request.content_type), ("x-tc-action", request.action)];
    if !request.sign_body {
        sent.push((CONTENT_HASH_HEADER, UNSIGNED_PAYLOAD));
    }
    let as_received = Request {
        method: request.method,
        query: request.query,
        headers: &sent[..],
        hosts: Hosts::new(request.host, &[]),
        body: request.body,
        timestamp: request.timestamp,
    };
    let payload_hash = super::payload_hash(&as_received);
    let canonical = super::canonical_hash(&as_received, &scope, request.host, Spelling::Usual, &payload_hash)
        .expect("every header of SIGNED_HEADERS is among those sent");
    let [_, _, key] = derive(secret, &date, request.service);
    let signature = super::signature(&key[..], request.timestamp, &date, request.service, &canonical);
    let signature = std::str::from_utf8(&signature).expect("hexadecimal digits are ASCII");
    headers.push((
        "Authorization",
        format!(
            "{ALGORITHM} Credential={secret_id}/{date}/{}/tc3_request, SignedHeaders={SIGNED_HEADERS}, Signature={signature}",
            request.service
        ),
    ));
    headers
}
