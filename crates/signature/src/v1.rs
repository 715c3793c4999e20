//! Signature v1: HmacSHA1, and HmacSHA256 where `SignatureMethod` says so.
//!
//! What is signed: `METHOD + host + "/?" + k=v&…`, keys sorted by byte, values decoded once, `Signature` left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

use crate::{Error, Hosts, same};

/// The hash inside of the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The default, and whatever else `SignatureMethod` may say.
    #[default]
    HmacSha1,
    /// Only for `SignatureMethod=HmacSHA256`, in exactly this spelling.
    HmacSha256,
}

impl Method {
    /// The method that the parameter `SignatureMethod` chooses.
    pub fn named(name: &str) -> Self {
        if name == "HmacSHA256" { Self::HmacSha256 } else { Self::HmacSha1 }
    }
}

/// Which parameters are part of the string to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    Kept,
    /// An old client left empty values out of the string but sent them.
    LeftOut,
}

/// Checks the signature among `params`: all parameters of the request, common ones too, each decoded once (`+` is a
/// space), in any order. `method` is `GET` or `POST`.
pub fn verify<K: AsRef<str>, V: AsRef<str>>(
    method: &str,
    hosts: &Hosts<'_>,
    params: &[(K, V)],
    secret: &str,
) -> Result<(), Error> {
    let value = |name| params.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value.as_ref());
    let received = value("Signature").ok_or(Error::Mismatch)?.trim_ascii().as_bytes();
    let algorithm = Method::named(value("SignatureMethod").unwrap_or_default());
    let has_empty = params.iter().any(|(_, value)| value.as_ref().is_empty());
    for empty in [Some(Empty::Kept), has_empty.then_some(Empty::LeftOut)].into_iter().flatten() {
        let query = sorted_query(params, empty);
        for host in hosts.candidates() {
            if same(digest(algorithm, secret, method, host, &query).as_bytes(), received) {
                return Ok(());
            }
        }
    }
    Err(Error::Mismatch)
}

/// The signature to send as the parameter `Signature` (which must then be percent-encoded like every other value).
/// A `SignatureMethod` among `params` chooses the method.
pub fn sign<K: AsRef<str>, V: AsRef<str>>(method: &str, host: &str, params: &[(K, V)], secret: &str) -> String {
    let algorithm = params
        .iter()
        .find(|(key, _)| key.as_ref() == "SignatureMethod")
        .map_or(Method::HmacSha1, |(_, value)| Method::named(value.as_ref()));
    digest(algorithm, secret, method, host, &sorted_query(params, Empty::Kept))
}

fn sorted_query<K: AsRef<str>, V: AsRef<str>>(params: &[(K, V)], empty: Empty) -> String {
    let mut pairs: Vec<(&str, &str)> = params
        .iter()
        .map(|(key, value)| (key.as_ref(), value.as_ref()))
        .filter(|(key, value)| *key != "Signature" && (empty == Empty::Kept || !value.is_empty()))
        .collect();
    pairs.sort_by_key(|(key, _)| *key);
    let mut text = String::with_capacity(pairs.iter().map(|(key, value)| key.len() + value.len() + 2).sum());
    for (key, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    text
}

fn digest(algorithm: Method, secret: &str, method: &str, host: &str, query: &str) -> String {
    fn mac<M: Mac>(mac: M, parts: [&str; 4]) -> String {
        let mac = parts.into_iter().fold(mac, Mac::chain_update);
        STANDARD.encode(mac.finalize().into_bytes())
    }
    const ANY_LENGTH: &str = "HMAC takes a key of any length";
    let (key, parts) = (secret.as_bytes(), [method, host, "/?", query]);
    match algorithm {
        Method::HmacSha1 => mac(<Hmac<Sha1> as Mac>::new_from_slice(key).expect(ANY_LENGTH), parts),
        Method::HmacSha256 => mac(<Hmac<Sha256> as Mac>::new_from_slice(key).expect(ANY_LENGTH), parts),
    }
}

#[cfg(test)]
mod tests;
