#![allow(clippy::unwrap_used)]
use super::*;

const SECRET_ID: &str = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
const SECRET: &str = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";
const NOW: i64 = 1_700_000_000;
const HOST: &str = "127.0.0.1:18080";

/// A client that signs as it is told, for what real clients do and `sign` does not.
struct Client<'a> {
    method: &'a str,
    query: &'a str,
    content_type: &'a str,
    signed_host: &'a str,
    sent_host: &'a str,
    service: &'a str,
    date: &'a str,
    signed_headers: &'a str,
    signed_action: &'a str,
    spelling: Spelling,
    extra: Vec<(&'a str, &'a str)>,
    signed_body: &'a [u8],
    body: &'a [u8],
}

const USUAL: Client<'static> = Client {
    method: "POST",
    query: "",
    content_type: "application/json",
    signed_host: HOST,
    sent_host: HOST,
    service: "cetcd",
    date: "2023-11-14",
    signed_headers: "content-type;host",
    signed_action: "DescribeEtcdInstances",
    spelling: Spelling::Usual,
    extra: Vec::new(),
    signed_body: b"{}",
    body: b"{}",
};

impl Client<'_> {
    fn send_at(&self, now: i64) -> Result<(), Error> {
        let scope = Authorization {
            secret_id: SECRET_ID,
            date: self.date,
            service: self.service,
            signed_headers: self.signed_headers,
            signature: "",
        };
        let mut headers = vec![("Content-Type", self.content_type), ("X-Tc-Action", self.signed_action)];
        headers.extend(&self.extra);
        let mut request = Request {
            method: self.method,
            query: self.query,
            headers: &headers[..],
            hosts: Hosts::new(self.sent_host, &[]),
            body: self.signed_body,
            timestamp: NOW,
        };
        let hash = payload_hash(&request);
        let canonical = canonical_hash(&request, &scope, self.signed_host, self.spelling, &hash).unwrap();
        let key = crate::key::derive(SECRET, self.date, self.service);
        let signature = signature(&key[2][..], NOW, self.date, self.service, &canonical);
        let header = format!(
            "TC3-HMAC-SHA256 Credential={SECRET_ID}/{}/{}/tc3_request, SignedHeaders={}, Signature={}",
            self.date,
            self.service,
            self.signed_headers,
            std::str::from_utf8(&signature).unwrap()
        );
        request.body = self.body;
        let authorization = parse_authorization(&header)?;
        let domains = ["cetcd.tencentcloudapi.com".to_owned()];
        request.hosts = Hosts::new(self.sent_host, &domains);
        verify(&request, &authorization, "cetcd", SECRET, now, &KeyCache::default())
    }

    fn send(&self) -> Result<(), Error> {
        self.send_at(NOW)
    }
}

#[test]
fn a_usual_request_is_accepted() {
    assert_eq!(USUAL.send(), Ok(()));
}

#[test]
fn every_content_type_of_the_official_clients_is_signed_as_sent() {
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=AaB03x",
    ] {
        assert_eq!(Client { content_type, ..USUAL }.send(), Ok(()), "{content_type}");
    }
}

#[test]
fn host_may_be_signed_with_scheme_without_port_or_as_a_service_domain() {
    let http = "http://127.0.0.1:18080";
    assert_eq!(Client { signed_host: http, sent_host: http, ..USUAL }.send(), Ok(()));
    assert_eq!(Client { signed_host: "127.0.0.1:18080", sent_host: http, ..USUAL }.send(), Ok(()));
    assert_eq!(Client { signed_host: "127.0.0.1", ..USUAL }.send(), Ok(()));
    assert_eq!(Client { signed_host: "cetcd.tencentcloudapi.com", ..USUAL }.send(), Ok(()));
    assert_eq!(Client { signed_host: "example.com", ..USUAL }.send(), Err(Error::Mismatch));
}

#[test]
fn the_scope_may_name_the_endpoints_first_label() {
    assert_eq!(Client { service: "127", ..USUAL }.send(), Ok(()));
    let localhost = "localhost:18080";
    assert_eq!(Client { service: localhost, signed_host: localhost, sent_host: localhost, ..USUAL }.send(), Ok(()));
    assert_eq!(Client { service: "cvm", ..USUAL }.send(), Err(Error::ScopeService { service: "cvm".to_owned() }));
}

#[test]
fn the_scope_must_have_the_utc_date_of_the_timestamp() {
    assert_eq!(Client { date: "2023-11-15", ..USUAL }.send(), Err(Error::ScopeDate { date: "2023-11-15".to_owned() }));
}

#[test]
fn a_get_signs_its_raw_query_and_no_body() {
    let get = Client { method: "GET", query: "b=2&a=%7e1&c", signed_body: b"", body: b"ignored", ..USUAL };
    assert_eq!(get.send(), Ok(()));
}

#[test]
fn the_query_of_a_post_is_not_signed() {
    assert_eq!(Client { query: "a=1", ..USUAL }.send(), Ok(()));
}

#[test]
fn an_action_may_be_signed_in_lower_case_or_as_sent() {
    let signed_headers = "content-type;host;x-tc-action";
    for spelling in [Spelling::Usual, Spelling::Lower, Spelling::AsSent] {
        assert_eq!(Client { signed_headers, spelling, ..USUAL }.send(), Ok(()), "{spelling:?}");
    }
}

#[test]
fn a_content_type_may_be_signed_in_lower_case_as_the_documents_rule_says() {
    let content_type = "multipart/form-data; boundary=AaB03x";
    assert_eq!(Client { content_type, spelling: Spelling::Lower, ..USUAL }.send(), Ok(()));
}

#[test]
fn another_body_is_refused_unless_the_payload_is_unsigned() {
    let tampered = Client { body: b"{\"a\":1}", ..USUAL };
    assert_eq!(tampered.send(), Err(Error::Mismatch));
    let unsigned = Client { extra: vec![("X-TC-Content-SHA256", UNSIGNED_PAYLOAD)], ..tampered };
    assert_eq!(unsigned.send(), Ok(()));
}

#[test]
fn a_time_too_far_away_is_refused_first() {
    assert_eq!(USUAL.send_at(NOW + 301), Err(Error::Expired { now: NOW + 301 }));
    let both = Client { service: "cvm", ..USUAL };
    assert_eq!(both.send_at(NOW - 301), Err(Error::Expired { now: NOW - 301 }));
}

#[test]
fn a_signed_header_that_was_not_sent_is_a_signature_failure() {
    let header = format!(
        "TC3-HMAC-SHA256 Credential={SECRET_ID}/2023-11-14/cetcd/tc3_request, \
         SignedHeaders=content-type;host;x-tc-trace, Signature={}",
        "0".repeat(64)
    );
    let request = Request {
        method: "POST",
        query: "",
        headers: &[("content-type", "application/json")][..],
        hosts: Hosts::new(HOST, &[]),
        body: b"{}",
        timestamp: NOW,
    };
    let authorization = parse_authorization(&header).unwrap();
    assert_eq!(verify(&request, &authorization, "cetcd", SECRET, NOW, &KeyCache::default()), Err(Error::Mismatch));
}

#[test]
fn an_authorization_header_is_read_with_or_without_blanks_in_any_order() {
    let expected = Authorization {
        secret_id: "AKID",
        date: "2023-11-14",
        service: "localhost:18080",
        signed_headers: "content-type;host",
        signature: "ab",
    };
    for header in [
        "TC3-HMAC-SHA256 Credential=AKID/2023-11-14/localhost:18080/tc3_request, SignedHeaders=content-type;host, Signature=ab",
        "TC3-HMAC-SHA256 Credential=AKID/2023-11-14/localhost:18080/tc3_request,SignedHeaders=content-type;host,Signature=ab",
        " TC3-HMAC-SHA256  Signature=ab , SignedHeaders=content-type;host, Credential=AKID/2023-11-14/localhost:18080/tc3_request ",
    ] {
        assert_eq!(parse_authorization(header), Ok(expected), "{header}");
    }
}

#[test]
fn skip_is_an_unsigned_request() {
    assert_eq!(parse_authorization("SKIP"), Err(Error::Unsigned));
}

#[test]
fn a_malformed_authorization_header_says_which_part() {
    for (header, part) in [
        ("", "Algorithm"),
        ("Basic abc", "Algorithm"),
        ("TC3-HMAC-SHA256", "Algorithm"),
        ("TC3-HMAC-SHA256 SignedHeaders=content-type;host, Signature=ab", "Credential"),
        ("TC3-HMAC-SHA256 Credential=AKID, SignedHeaders=content-type;host, Signature=ab", "Credential"),
        (
            "TC3-HMAC-SHA256 Credential=AKID/d/s/tc2_request, SignedHeaders=content-type;host, Signature=ab",
            "Credential",
        ),
        ("TC3-HMAC-SHA256 Credential=/d/s/tc3_request, SignedHeaders=content-type;host, Signature=ab", "Credential"),
        ("TC3-HMAC-SHA256 Credential=A/d/s/tc3_request, Signature=ab", "SignedHeaders"),
        ("TC3-HMAC-SHA256 Credential=A/d/s/tc3_request, SignedHeaders=host, Signature=ab", "SignedHeaders"),
        ("TC3-HMAC-SHA256 Credential=A/d/s/tc3_request, SignedHeaders=content-type;host", "Signature"),
        ("TC3-HMAC-SHA256 Credential=A/d/s/tc3_request, SignedHeaders=content-type;host, Signature=", "Signature"),
    ] {
        assert_eq!(parse_authorization(header), Err(Error::MalformedAuthorization { part }), "{header}");
    }
}

#[test]
fn only_a_good_signature_puts_a_key_into_the_cache() {
    let keys = KeyCache::default();
    let sign_request = Sign {
        method: "POST",
        host: HOST,
        query: "",
        content_type: "application/json",
        body: b"{}",
        sign_body: true,
        action: "DescribeEtcdQuota",
        version: "2022-03-25",
        region: "",
        service: "cetcd",
        timestamp: NOW,
    };
    let headers = sign(&sign_request, SECRET_ID, SECRET);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let authorization = headers.iter().find(|(key, _)| *key == "Authorization").unwrap().1;
    let authorization = parse_authorization(authorization).unwrap();
    let mut request = Request {
        method: "POST",
        query: "",
        headers: &headers[..],
        hosts: Hosts::new(HOST, &[]),
        body: b"{ }",
        timestamp: NOW,
    };
    assert!(verify_signature(&request, &authorization, SECRET, &keys).is_err());
    assert!(keys.is_empty());
    request.body = b"{}";
    for _ in 0..2 {
        assert_eq!(verify_signature(&request, &authorization, SECRET, &keys), Ok(()));
        assert_eq!(keys.len(), 1);
    }
}

mod document {
    //! The vectors of the published document.
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        secret_key: String,
        #[serde(default)]
        method: String,
        #[serde(default)]
        query: String,
        #[serde(default)]
        content_type: String,
        #[serde(default)]
        host: String,
        #[serde(default)]
        action: String,
        #[serde(default)]
        timestamp: i64,
        #[serde(default)]
        service: String,
        #[serde(default)]
        signed_headers: String,
        #[serde(default)]
        payload: String,
        payload_sha256: Option<String>,
        canonical_sha256: Option<String>,
        secret_date: Option<String>,
        secret_service: Option<String>,
        secret_signing: Option<String>,
        signature: String,
    }

    fn check(name: &str) {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../tests/signature-vectors.json")).unwrap();
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let date = utc_date(vector.timestamp).unwrap();
        let authorization = Authorization {
            secret_id: "AKID",
            date: &date,
            service: &vector.service,
            signed_headers: &vector.signed_headers,
            signature: &vector.signature,
        };
        let headers = [("content-type", vector.content_type.as_str()), ("x-tc-action", vector.action.as_str())];
        let request = Request {
            method: &vector.method,
            query: &vector.query,
            headers: &headers[..],
            hosts: Hosts::new(&vector.host, &[]),
            body: vector.payload.as_bytes(),
            timestamp: vector.timestamp,
        };
        let as_text = |hash: &HexHash| String::from_utf8(hash.to_vec()).unwrap();
        let payload = payload_hash(&request);
        if let Some(expected) = &vector.payload_sha256 {
            assert_eq!(&as_text(&payload), expected);
        }
        let canonical = canonical_hash(&request, &authorization, &vector.host, Spelling::Usual, &payload).unwrap();
        if let Some(expected) = &vector.canonical_sha256 {
            assert_eq!(&as_text(&canonical), expected);
        }
        let keys = crate::key::derive(&vector.secret_key, &date, &vector.service);
        for (key, expected) in keys.iter().zip([&vector.secret_date, &vector.secret_service, &vector.secret_signing]) {
            if let Some(expected) = expected {
                assert_eq!(&hex::encode(&key[..]), expected);
            }
        }
        let own = "cvm";
        let now = vector.timestamp + 300;
        assert_eq!(verify(&request, &authorization, own, &vector.secret_key, now, &KeyCache::default()), Ok(()));
    }

    #[test]
    fn the_post_vector_verifies_step_by_step() {
        check("doc v3 POST");
    }

    #[test]
    fn the_get_vector_verifies() {
        check("doc v3 GET");
    }
}
