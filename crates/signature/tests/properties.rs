//! What is signed is accepted, and nothing else is.
#![allow(clippy::unwrap_used)]

use cetcd_signature::{Hosts, KeyCache, tc3, v1};
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000;

fn verify_v3(
    request: &tc3::Sign<'_>,
    headers: &[(&'static str, String)],
    body: &[u8],
    authorization: &str,
    secret: &str,
) -> bool {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let Ok(authorization) = tc3::parse_authorization(authorization) else {
        return false;
    };
    let received = tc3::Request {
        method: request.method,
        query: request.query,
        headers: &headers[..],
        hosts: Hosts::new(request.host, &[]),
        body,
        timestamp: request.timestamp,
    };
    tc3::verify(&received, &authorization, "cetcd", secret, NOW, &KeyCache::default()).is_ok()
}

fn flipped(bytes: &[u8], bit: prop::sample::Index) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let bit = bit.index(bytes.len() * 8);
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn v3_accepts_what_was_signed_and_refuses_any_flipped_bit(
        post in any::<bool>(),
        query in "[ -~]{0,40}",
        body in prop::collection::vec(any::<u8>(), 1..64),
        action in "[A-Za-z]{1,30}",
        secret in "[A-Za-z0-9]{1,70}",
        offset in -300_i64..=300,
        bit in any::<prop::sample::Index>(),
    ) {
        let request = tc3::Sign {
            method: if post { "POST" } else { "GET" },
            host: "localhost:8379",
            query: &query,
            content_type: "application/json",
            body: &body,
            sign_body: true,
            action: &action,
            version: "2022-03-25",
            region: "ap-guangzhou",
            service: "cetcd",
            timestamp: NOW + offset,
        };
        let headers = tc3::sign(&request, "AKID", &secret);
        let authorization = &headers.last().unwrap().1;
        prop_assert!(verify_v3(&request, &headers, &body, authorization, &secret));
        if post {
            prop_assert!(!verify_v3(&request, &headers, &flipped(&body, bit), authorization, &secret));
        }
        let (start, signature) = authorization.rsplit_once('=').unwrap();
        if let Ok(signature) = String::from_utf8(flipped(signature.as_bytes(), bit)) {
            let changed = format!("{start}={signature}");
            prop_assert!(!verify_v3(&request, &headers, &body, &changed, &secret));
        }
        let other = format!("{secret}x");
        prop_assert!(!verify_v3(&request, &headers, &body, authorization, &other));
    }

    #[test]
    fn v1_accepts_what_was_signed_and_refuses_any_flipped_bit(
        sha256 in any::<bool>(),
        mut params in prop::collection::btree_map("[A-Za-z.0-9]{1,12}", "\\PC{0,12}", 0..8),
        secret in "[A-Za-z0-9]{1,70}",
        bit in any::<prop::sample::Index>(),
    ) {
        params.remove("Signature");
        params.insert("SignatureMethod".into(), if sha256 { "HmacSHA256" } else { "HmacSHA1" }.into());
        let mut params: Vec<(String, String)> = params.into_iter().collect();
        let signature = v1::sign("POST", "localhost:8379", &params, &secret);
        let hosts = Hosts::new("localhost:8379", &[]);
        params.push(("Signature".into(), signature.clone()));
        prop_assert!(v1::verify("POST", &hosts, &params, &secret).is_ok());
        if let Ok(changed) = String::from_utf8(flipped(signature.as_bytes(), bit)) {
            params.last_mut().unwrap().1 = changed;
            prop_assert!(v1::verify("POST", &hosts, &params, &secret).is_err());
        }
        params.last_mut().unwrap().1 = signature;
        let method = params.iter().position(|(key, _)| key == "SignatureMethod").unwrap();
        params[method].1 = String::from_utf8_lossy(&flipped(params[method].1.as_bytes(), bit)).into_owned();
        prop_assert!(v1::verify("POST", &hosts, &params, &secret).is_err());
    }

    #[test]
    fn no_header_makes_the_parser_panic(header in "\\PC{0,200}") {
        let _ = tc3::parse_authorization(&header);
        let _ = tc3::parse_authorization(&format!("TC3-HMAC-SHA256 {header}"));
    }
}
