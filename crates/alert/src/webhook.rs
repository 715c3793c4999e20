//! Where alerts go.

use std::{fmt, net::IpAddr};

use http::Uri;
use sha2::{Digest, Sha256};

use crate::Error;

/// A URL that alerts are posted to. Its path may be a secret, as chats have it: only its origin is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook(Uri);

impl Webhook {
    /// Reads a URL: https, or http to this machine.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let uri: Uri = text.trim().parse().map_err(|_| Error::Webhook("is no URL"))?;
        let Some(authority) = uri.authority() else { return Err(Error::Webhook("names no host")) };
        if authority.as_str().contains('@') {
            return Err(Error::Webhook("has a user in its URL: set a bearer token in place of that"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match uri.scheme_str() {
            Some("https") => Ok(Self(uri)),
            Some("http") if is_here => Ok(Self(uri)),
            Some("http") => Err(Error::Webhook("is not on this machine, so it has to be https")),
            _ => Err(Error::Webhook("is neither https nor http")),
        }
    }

    /// All of it, for the request alone.
    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it is asked over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Scheme, host and port, for logs.
    pub fn origin(&self) -> String {
        let authority = self.0.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        format!("{}://{authority}", self.0.scheme_str().unwrap_or_default())
    }

    /// What records of it are kept under: tells one from another, and nothing else.
    pub(crate) fn key(&self) -> String {
        hex::encode(&Sha256::digest(self.0.to_string())[..8])
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/(redacted)", self.origin())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_webhook_is_https_or_on_this_machine() {
        for good in ["https://a.example/x?y=z", "http://127.0.0.1:9/", "http://localhost:9/a", "http://[::1]:9/"] {
            assert!(Webhook::parse(good).is_ok(), "{good}");
        }
        for bad in ["http://a.example/", "ftp://127.0.0.1/", "/path", "", "https://", "https://me:pw@a.example/", "a b"]
        {
            assert!(Webhook::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_origin_is_shown() {
        let webhook = Webhook::parse("https://chat.example:8443/services/T0/hunter2?key=hunter3").unwrap();
        let shown = format!("{webhook:?} {} {}", webhook.origin(), webhook.key());
        assert!(shown.contains("https://chat.example:8443") && !shown.contains("hunter"), "{shown}");
        let said = Webhook::parse("http://hunter2.example/hunter3").unwrap_err().to_string();
        assert!(!said.contains("hunter"), "{said}");
    }
}
