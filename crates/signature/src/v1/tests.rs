#![allow(clippy::unwrap_used)]
use super::*;

const HOST: &str = "127.0.0.1:18080";
const SECRET: &str = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";

fn request() -> Vec<(String, String)> {
    [
        ("Version", "2022-03-25"),
        ("Action", "DescribeEtcdInstances"),
        ("InstanceIds.0", "etcd-a1b2c3d4"),
        ("Nonce", "0"),
        ("Timestamp", "1700000000"),
        ("Region", "ap-guangzhou"),
        ("SecretId", "AKID"),
        ("Filters.0.Name", "a b+c/ü"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

fn signed(mut params: Vec<(String, String)>, host: &str) -> Vec<(String, String)> {
    let signature = sign("GET", host, &params, SECRET);
    params.push(("Signature".to_owned(), signature));
    params
}

fn accepts(params: &[(String, String)]) -> bool {
    let domains = ["cetcd.tencentcloudapi.com".to_owned()];
    verify("GET", &Hosts::new(HOST, &domains), params, SECRET).is_ok()
}

#[test]
fn both_methods_verify_what_they_sign() {
    assert!(accepts(&signed(request(), HOST)));
    let mut sha256 = request();
    sha256.push(("SignatureMethod".to_owned(), "HmacSHA256".to_owned()));
    assert!(accepts(&signed(sha256.clone(), HOST)));
    sha256.last_mut().unwrap().1 = "hmacsha256".to_owned();
    let sha1 = signed(sha256, HOST);
    assert_eq!(sha1.last().unwrap().1.len(), 28, "only the exact spelling chooses SHA-256");
    assert!(accepts(&sha1));
}

#[test]
fn every_host_candidate_is_accepted_and_no_other() {
    for host in [HOST, "127.0.0.1", "cetcd.tencentcloudapi.com"] {
        assert!(accepts(&signed(request(), host)), "{host}");
    }
    assert!(!accepts(&signed(request(), "example.com")));
}

#[test]
fn a_newline_after_the_signature_is_trimmed() {
    let mut params = signed(request(), HOST);
    params.last_mut().unwrap().1.push('\n');
    assert!(accepts(&params));
}

#[test]
fn empty_values_may_be_signed_or_left_out() {
    let mut with_empty = request();
    with_empty.push(("Token".to_owned(), String::new()));
    assert!(accepts(&signed(with_empty.clone(), HOST)));
    let signature = sign("GET", HOST, &request(), SECRET);
    with_empty.push(("Signature".to_owned(), signature));
    assert!(accepts(&with_empty));
}

#[test]
fn the_order_of_parameters_does_not_matter() {
    let mut params = signed(request(), HOST);
    params.reverse();
    assert!(accepts(&params));
}

#[test]
fn a_missing_signature_is_refused() {
    assert!(!accepts(&request()));
    let mut empty = request();
    empty.push(("Signature".to_owned(), String::new()));
    assert!(!accepts(&empty));
}

#[test]
fn another_method_secret_or_value_is_refused() {
    let params = signed(request(), HOST);
    let hosts = Hosts::new(HOST, &[]);
    assert_eq!(verify("POST", &hosts, &params, SECRET), Err(Error::Mismatch));
    assert_eq!(verify("GET", &hosts, &params, "other"), Err(Error::Mismatch));
    for index in 0..params.len() {
        let mut changed = params.clone();
        changed[index].1.push('x');
        assert_eq!(verify("GET", &hosts, &changed, SECRET), Err(Error::Mismatch), "{}", changed[index].0);
    }
}
