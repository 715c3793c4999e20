//! The console: a page that is one more client of the API. Its files are in this binary, compressed when they were
//! built, and are served beside the API at the same address.
//!
//! What is the API's stays the API's: a request that is signed, or that names any common parameter of the API, is
//! never answered here, whatever its path and whatever it accepts.

#[path = "../assets/files.rs"]
#[rustfmt::skip]
mod files;

use std::io::Read;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header::HeaderName};
use http_body_util::Full;

use crate::response::{accepts, gzip};

/// A file of the console.
#[derive(Debug)]
struct File {
    /// Its path, with the leading slash.
    path: &'static str,
    content_type: &'static str,
    brotli: &'static [u8],
    gzip: &'static [u8],
}

/// The page itself: every path that is no file is one of its views.
const PAGE: &str = "/index.html";
/// The API's JSON schema, which the page's forms and its API explorer are made from.
const SCHEMA: &str = "/schema.json";
/// Files whose names change with their contents.
const HASHED: &str = "/assets/";

/// Nothing but our own files, no other origin, no inline script or style, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Common parameters of the API: a query with any of them is the API's.
const API_PARAMETERS: &[&str] = &[
    "Action",
    "Version",
    "Timestamp",
    "Nonce",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Region",
    "Token",
    "Language",
];

/// The answer to a request for a page or file of the console; `None` where the request is the API's.
pub(crate) fn answer(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
    if (method != Method::GET && method != Method::HEAD) || is_for_the_api(uri, headers) {
        return None;
    }
    let path = uri.path();
    if path == SCHEMA {
        return Some(schema(headers));
    }
    if let Some(file) = find(path) {
        return Some(serve(file, headers));
    }
    if path.starts_with(HASHED) {
        // A page that was open while the server was replaced asks for files that are gone: it must see that.
        return Some(not_found());
    }
    if accepts_html(headers) { find(PAGE).map(|page| serve(page, headers)) } else { None }
}

/// Whether a request is signed, or names any common parameter of the API.
pub(crate) fn is_for_the_api(uri: &Uri, headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
        || headers.keys().any(|name| name.as_str().starts_with("x-tc-"))
        || uri.query().is_some_and(|query| {
            query.split('&').any(|pair| API_PARAMETERS.contains(&pair.split('=').next().unwrap_or_default()))
        })
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html"))
}

fn find(path: &str) -> Option<&'static File> {
    files::FILES.iter().find(|file| file.path == path)
}

fn serve(file: &'static File, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let caching = if file.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    if accepts(asked, "br") {
        respond(Bytes::from_static(file.brotli), file.content_type, Some("br"), caching)
    } else if accepts(asked, "gzip") {
        respond(Bytes::from_static(file.gzip), file.content_type, Some("gzip"), caching)
    } else {
        respond(Bytes::from(plain(file.gzip)), file.content_type, None, caching)
    }
}

fn plain(zipped: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    // Only memory is read, and a test unpacks every file.
    let _ = GzDecoder::new(zipped).read_to_end(&mut plain);
    plain
}

fn schema(asked: &HeaderMap) -> Response<Full<Bytes>> {
    static PLAIN: OnceLock<Bytes> = OnceLock::new();
    static ZIPPED: OnceLock<Option<Bytes>> = OnceLock::new();
    let plain = PLAIN.get_or_init(|| cetcd_api::schema().to_string().into());
    let zipped = ZIPPED.get_or_init(|| gzip(plain).map(Bytes::from));
    match zipped.as_ref().filter(|_| accepts(asked, "gzip")) {
        Some(zipped) => respond(zipped.clone(), "application/schema+json", Some("gzip"), "no-cache"),
        None => respond(plain.clone(), "application/schema+json", None, "no-cache"),
    }
}

fn not_found() -> Response<Full<Bytes>> {
    let text = Bytes::from_static(b"This file is not part of the console any more: load the page anew.\n");
    let mut response = respond(text, "text/plain; charset=utf-8", None, "no-store");
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn respond(
    body: Bytes,
    content_type: &'static str,
    encoding: Option<&'static str>,
    caching: &'static str,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, content_type);
    set(CACHE_CONTROL, caching);
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(VARY, "accept, accept-encoding");
    if let Some(encoding) = encoding {
        set(CONTENT_ENCODING, encoding);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: Method, uri: &str, headers: &[(&'static str, &'static str)]) -> Option<Response<Full<Bytes>>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        answer(&method, &uri.parse().unwrap(), &map)
    }

    const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

    #[test]
    fn a_browser_gets_the_page_at_every_path() {
        for path in ["/", "/instances/etcd-abcd1234/members", "/?lang=zh", "/sign-in?next=%2Finstances"] {
            let page = ask(Method::GET, path, &[BROWSER]).unwrap();
            assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8", "{path}");
            assert_eq!(page.headers()["cache-control"], "no-cache");
        }
        assert!(ask(Method::HEAD, "/", &[BROWSER]).is_some());
    }

    #[test]
    fn what_is_the_apis_is_left_to_it() {
        for (method, uri, header) in [
            (Method::POST, "/", BROWSER),
            (Method::GET, "/", ("accept", "*/*")),
            (Method::GET, "/", ("accept", "application/json")),
            (Method::GET, "/some/path", ("user-agent", "an SDK without an Accept")),
            (Method::PUT, "/", BROWSER),
        ] {
            assert!(ask(method.clone(), uri, &[header]).is_none(), "{method} {uri} {header:?}");
        }
        for header in [("authorization", "SKIP"), ("x-tc-action", "DescribeEtcdQuota"), ("X-TC-Version", "1")] {
            let name = HeaderName::from_bytes(header.0.as_bytes()).unwrap();
            let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(BROWSER.1))]);
            headers.insert(name, HeaderValue::from_static(header.1));
            for path in ["/", "/index.html", "/schema.json"] {
                assert!(answer(&Method::GET, &path.parse().unwrap(), &headers).is_none(), "{path} {header:?}");
            }
        }
        for name in API_PARAMETERS {
            for query in [format!("/?{name}=x"), format!("/?Limit=1&{name}=x"), format!("/?{name}")] {
                assert!(ask(Method::GET, &query, &[BROWSER]).is_none(), "{query}");
            }
        }
    }

    #[test]
    fn every_file_is_there_in_both_codings_and_has_a_type() {
        assert!(files::FILES.len() > 3);
        for file in files::FILES {
            assert!(!file.brotli.is_empty() && file.brotli.len() <= file.gzip.len(), "{}", file.path);
            assert!(!plain(file.gzip).is_empty(), "{}", file.path);
            assert!(file.content_type.contains('/'), "{}", file.path);
        }
    }

    #[test]
    fn hashed_files_are_cached_for_ever_and_one_that_is_gone_is_not_there() {
        let hashed = files::FILES.iter().find(|file| file.path.starts_with(HASHED)).unwrap();
        let response = ask(Method::GET, hashed.path, &[("accept-encoding", "gzip, deflate, br")]).unwrap();
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(response.headers()["content-encoding"], "br");
        let gone = ask(Method::GET, "/assets/index-00000000.js", &[]).unwrap();
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
        assert_eq!(gone.headers()["cache-control"], "no-store");
    }

    #[test]
    fn the_page_may_load_from_nowhere_else_and_has_nothing_inline() {
        let response = ask(Method::GET, "/", &[BROWSER]).unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let page = String::from_utf8(plain(find(PAGE).unwrap().gzip)).unwrap();
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("://"), "{page}");
        for script in page.split("<script").skip(1) {
            assert!(script.split('>').next().unwrap().contains("src=\"/assets/"), "{page}");
        }
    }

    #[test]
    fn the_schema_is_served_as_it_is_declared() {
        let response = ask(Method::GET, "/schema.json", &[]).unwrap();
        assert_eq!(response.headers()["content-type"], "application/schema+json");
        assert!(response.headers().get("content-encoding").is_none());
        let zipped = ask(Method::GET, "/schema.json", &[("accept-encoding", "gzip")]).unwrap();
        assert_eq!(zipped.headers()["content-encoding"], "gzip");
    }
}
