//! What every answer looks like: HTTP 200, `application/json` without a charset, gzip only where it is asked for.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::Full;

/// Below it gzip saves less than its own cost.
const GZIP_FROM: usize = 1024;

/// Wraps a body. `close` ends an HTTP/1 connection whose rest cannot be read.
pub(crate) fn response(body: Vec<u8>, asked: &HeaderMap, close: bool) -> Response<Full<Bytes>> {
    let zipped = (body.len() >= GZIP_FROM && accepts(asked, "gzip")).then(|| gzip(&body)).flatten();
    let mut response = Response::new(Full::new(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if zipped.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    *response.body_mut() = Full::new(zipped.unwrap_or(body).into());
    response
}

/// Whether the client names this coding of a body, and does not refuse it.
pub(crate) fn accepts(asked: &HeaderMap, coding: &str) -> bool {
    asked
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|named| {
            let mut parts = named.split(';').map(str::trim);
            let refused = |parameter: &str| {
                parameter
                    .strip_prefix("q=")
                    .or_else(|| parameter.strip_prefix("Q="))
                    .is_some_and(|quality| quality.trim().parse::<f32>().is_ok_and(|quality| quality <= 0.0))
            };
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding)) && !parts.any(refused)
        })
}

pub(crate) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip_by(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
        accepts(&headers, "gzip")
    }

    #[test]
    fn gzip_is_used_only_where_it_is_named_and_not_refused() {
        assert!(gzip_by("gzip"));
        assert!(gzip_by("deflate, GZIP;q=0.5, br"));
        assert!(!gzip_by("gzip;q=0"));
        assert!(!gzip_by("gzip; q=0.0"));
        assert!(!gzip_by("*"));
        assert!(!gzip_by("identity, deflate"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
