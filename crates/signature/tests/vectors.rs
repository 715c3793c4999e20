//! The document's vector of signature v1, through the public interface.
#![allow(clippy::unwrap_used)]

use cetcd_signature::{Hosts, v1};

#[test]
fn the_documents_hmac_sha1_vector_is_made_and_accepted() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("signature-vectors.json")).unwrap();
    let vector = vectors.as_array().unwrap().iter().find(|vector| vector["name"] == "doc v1 HmacSHA1 GET").unwrap();
    let secret = vector["secret_key"].as_str().unwrap();
    let (host, query) = vector["string_to_sign"].as_str().unwrap()["GET".len()..].split_once("/?").unwrap();
    let mut params: Vec<(&str, &str)> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    params.reverse();
    let signature = v1::sign("GET", host, &params, secret);
    assert_eq!(signature, vector["signature"].as_str().unwrap());
    params.push(("Signature", &signature));
    assert_eq!(v1::verify("GET", &Hosts::new(host, &[]), &params, secret), Ok(()));
}
