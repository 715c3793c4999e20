//! What is issued is accepted where it should be, and nowhere else, by the verifier of rustls.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cetcd_pki::{Authority, CA_LIFE, Error, LEAF_LIFE, LeafRequest, check_dns_name, inspect};
use jiff::{SignedDuration, Timestamp};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-02-03T04:05:06.789Z".parse().unwrap()
}

fn authority() -> Authority {
    Authority::create("etcd-abcd1234", now(), CA_LIFE).unwrap()
}

fn request() -> LeafRequest {
    LeafRequest::new(now())
        .dns(["localhost", "*.abc.com", "etcd-abcd1234.ap-guangzhou.cetcd.local"])
        .ips(["127.1.0.1".parse().unwrap(), "::1".parse::<IpAddr>().unwrap()])
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(authority.cert_pem())).unwrap();
    Arc::new(roots)
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn unix(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.as_second().try_into().unwrap()))
}

fn as_server(authority: &Authority, cert_pem: &str, name: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(authority), provider()).build().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&der(cert_pem), &[], &name, &[], unix(at)).map(drop)
}

fn as_client(authority: &Authority, cert_pem: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority), provider()).build().unwrap();
    verifier.verify_client_cert(&der(cert_pem), &[], unix(at)).map(drop)
}

#[test]
fn a_server_certificate_is_accepted_for_each_of_its_names() {
    let authority = authority();
    let leaf = authority.issue_server(&request()).unwrap();
    for name in ["localhost", "shop.abc.com", "etcd-abcd1234.ap-guangzhou.cetcd.local", "127.1.0.1", "::1"] {
        as_server(&authority, &leaf.cert_pem, name, now()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_server_certificate_is_refused_for_any_other_name() {
    let authority = authority();
    let leaf = authority.issue_server(&request()).unwrap();
    for name in ["abc.com", "a.b.abc.com", "example.com", "127.1.0.2", "::2"] {
        let refused = as_server(&authority, &leaf.cert_pem, name, now());
        assert!(
            matches!(
                refused,
                Err(rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext { .. }))
            ),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn another_authority_accepts_nothing_of_this_one() {
    // The same name: only the key tells them apart.
    let (ours, other) = (authority(), authority());
    let server = ours.issue_server(&request()).unwrap();
    let client = ours.issue_client("root", now(), LEAF_LIFE).unwrap();
    assert!(as_server(&other, &server.cert_pem, "localhost", now()).is_err());
    assert!(as_client(&other, &client.cert_pem, now()).is_err());
}

#[test]
fn server_and_peer_certificates_serve_both_ways_and_client_certificates_one() {
    let authority = authority();
    let server = authority.issue_server(&request()).unwrap();
    let peer = authority.issue_peer(&request()).unwrap();
    let client = authority.issue_client("root", now(), LEAF_LIFE).unwrap();
    for both in [&server, &peer] {
        as_server(&authority, &both.cert_pem, "localhost", now()).unwrap();
        as_client(&authority, &both.cert_pem, now()).unwrap();
    }
    as_client(&authority, &client.cert_pem, now()).unwrap();
    assert!(as_server(&authority, &client.cert_pem, "localhost", now()).is_err());
}

#[test]
fn a_leaf_cannot_issue() {
    let authority = authority();
    let leaf = authority.issue_server(&request()).unwrap();
    let refused = Authority::from_pem(&leaf.cert_pem, &leaf.key_pem);
    assert!(matches!(refused, Err(Error::NotAnAuthority)), "{refused:?}");
}

#[test]
fn an_authority_that_was_read_back_goes_on_issuing() {
    let made = authority();
    let read = Authority::from_pem(made.cert_pem(), &made.key_pem()).unwrap();
    assert_eq!(read.cert_pem(), made.cert_pem());
    assert_eq!(read.key_pem(), made.key_pem());
    assert_eq!(read.info(), made.info());
    let leaf = read.issue_server(&request()).unwrap();
    as_server(&made, &leaf.cert_pem, "localhost", now()).unwrap();
    assert_eq!(inspect(&leaf.cert_pem).unwrap().issuer, "CN=etcd-abcd1234 CA");
}

#[test]
fn a_key_of_another_authority_is_refused() {
    let refused = Authority::from_pem(authority().cert_pem(), &authority().key_pem());
    assert!(matches!(refused, Err(Error::KeyMismatch)), "{refused:?}");
}

#[test]
fn what_is_no_pem_is_refused_without_showing_it() {
    let authority = authority();
    let refused = Authority::from_pem(authority.cert_pem(), "hunter2").unwrap_err();
    assert!(matches!(refused, Error::Parse { .. }));
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    assert!(matches!(Authority::from_pem("nonsense", &authority.key_pem()), Err(Error::Parse { .. })));
    let key = authority.key_pem();
    assert!(matches!(inspect(&key), Err(Error::Parse { .. })));
}

#[test]
fn keys_are_pkcs8_and_loaded_by_rustls() {
    let authority = authority();
    let leaf = authority.issue_client("root", now(), LEAF_LIFE).unwrap();
    for key in [authority.key_pem(), leaf.key_pem] {
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        assert!(matches!(key, PrivateKeyDer::Pkcs8(_)));
        provider().key_provider.load_private_key(key).unwrap();
    }
}

#[test]
fn a_certificate_says_what_was_asked_for() {
    let info = inspect(&authority().issue_server(&request()).unwrap().cert_pem).unwrap();
    assert_eq!(info.subject, "");
    assert_eq!(info.common_name, None);
    assert_eq!(info.dns, request().dns);
    assert_eq!(info.ips, request().ips);
    assert_eq!(info.not_before, "2026-02-03T04:00:06Z".parse().unwrap());
    assert_eq!(info.not_after, "2027-02-03T04:05:06Z".parse().unwrap());
    assert!(!info.is_authority);
    let client = authority().issue_client("root", now(), DAY * 30).unwrap();
    let info = inspect(&client.cert_pem).unwrap();
    assert_eq!(info.common_name.as_deref(), Some("root"));
    assert_eq!(info.not_after, client.not_after);
    assert_eq!(client.not_after, "2026-03-05T04:05:06Z".parse().unwrap());
}

#[test]
fn an_authority_says_that_it_is_one() {
    let authority = authority();
    assert_eq!(authority.info().subject, "CN=etcd-abcd1234 CA");
    assert!(authority.info().is_authority);
    assert_eq!(authority.info().not_after, "2036-02-01T04:05:06Z".parse().unwrap());
}

#[test]
fn serial_numbers_are_twenty_random_positive_bytes() {
    let authority = authority();
    let serial = || {
        let leaf = authority.issue_client("root", now(), DAY).unwrap();
        inspect(&leaf.cert_pem).unwrap().serial
    };
    let (one, two) = (serial(), serial());
    assert_ne!(one, two);
    for serial in [one, two] {
        assert_eq!(serial.len(), 40);
        assert!(u8::from_str_radix(&serial[..2], 16).unwrap() < 0x80);
    }
}

#[test]
fn names_and_addresses_are_in_it_once() {
    let twice = request().dns(["LOCALHOST"]).ips(request().ips);
    let info = inspect(&authority().issue_peer(&twice).unwrap().cert_pem).unwrap();
    assert_eq!((info.dns, info.ips), (request().dns, request().ips));
}

#[test]
fn a_certificate_is_valid_in_its_time_only() {
    let authority = authority();
    let leaf = authority.issue_server(&request().validity(DAY * 10)).unwrap();
    let accepted = |at| as_server(&authority, &leaf.cert_pem, "localhost", at).is_ok();
    assert!(accepted(now() - SignedDuration::from_mins(4)), "a clock that is behind ours");
    assert!(!accepted(now() - SignedDuration::from_mins(6)));
    assert!(accepted(now() + DAY * 10 - SignedDuration::from_mins(1)));
    assert!(!accepted(now() + DAY * 10 + SignedDuration::from_mins(1)));
}

#[test]
fn a_leaf_ends_no_later_than_its_authority() {
    let authority = Authority::create("etcd-abcd1234", now(), DAY * 20).unwrap();
    let leaf = authority.issue_server(&request()).unwrap();
    assert_eq!(leaf.not_after, authority.info().not_after);
    let late = LeafRequest { now: now() + DAY * 20, ..request() };
    let refused = authority.issue_server(&late);
    assert!(matches!(refused, Err(Error::OutsideAuthority { .. })), "{refused:?}");
}

#[test]
fn a_renewed_certificate_keeps_the_key_and_takes_the_names_that_are_asked_for() {
    let authority = authority();
    let first = authority.issue_server(&request()).unwrap();
    let next = authority.renew(&request().dns(["public.abc.com"]), &first.key_pem).unwrap();
    assert_eq!(next.key_pem, first.key_pem);
    assert!(as_server(&authority, &next.cert_pem, "public.abc.com", now()).is_ok());
    assert!(matches!(authority.renew(&request(), "no key"), Err(Error::Parse { .. })));
}

#[test]
fn most_of_a_short_life_is_left_after_the_issue() {
    let leaf = authority().issue_server(&request().validity(SignedDuration::from_secs(30))).unwrap();
    let info = inspect(&leaf.cert_pem).unwrap();
    assert!(now().duration_since(info.not_before) <= SignedDuration::from_secs(3), "{info:?}");
    assert!(info.not_after.duration_since(now()) >= SignedDuration::from_secs(29), "{info:?}");
}

#[test]
fn bad_requests_are_refused_by_kind() {
    let authority = authority();
    let empty = authority.issue_server(&LeafRequest::new(now()));
    assert!(matches!(empty, Err(Error::NoNames)), "{empty:?}");
    let name = authority.issue_server(&request().dns(["a b"]));
    assert!(matches!(name, Err(Error::InvalidName { name, .. }) if name == "a b"));
    assert!(check_dns_name("a b").is_err());
    let many = authority.issue_server(&request().dns((0..300).map(|n| format!("n{n}.abc.com"))));
    assert!(matches!(many, Err(Error::TooManyNames { .. })));
    let common = authority.issue_client("", now(), DAY);
    assert!(matches!(common, Err(Error::InvalidCommonName { .. })));
    for validity in [SignedDuration::ZERO, SignedDuration::MAX] {
        let refused = authority.issue_client("root", now(), validity);
        assert!(matches!(refused, Err(Error::InvalidValidity { .. })), "{refused:?}");
    }
}

#[test]
fn debug_shows_no_key() {
    let authority = authority();
    let leaf = authority.issue_client("root", now(), DAY).unwrap();
    for shown in [format!("{authority:?}"), format!("{leaf:?}")] {
        assert!(shown.contains("[redacted]") && !shown.contains("PRIVATE"), "{shown}");
    }
}
