//! What clients may have signed as the host.

/// The strings that a client may have signed as the host of a request, in the order in which they are tried:
/// the header as received; without `scheme://` (one client sends and signs `http://127.0.0.1:18080`); without the
/// port (another signs `127.0.0.1` and sends `127.0.0.1:18080`); the configured service domains (a request through
/// an API-gateway endpoint is signed for the domain and sent elsewhere).
#[derive(Debug, Clone, Copy)]
pub struct Hosts<'a> {
    raw: &'a str,
    domains: &'a [String],
}

impl<'a> Hosts<'a> {
    /// `raw` is the Host header (HTTP/2: `:authority`) byte for byte; `domains` are the service's own names.
    pub const fn new(raw: &'a str, domains: &'a [String]) -> Self {
        Self { raw, domains }
    }

    /// Every distinct candidate, most likely first.
    pub fn candidates(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let raw = self.raw;
        let bare = raw.split_once("://").map_or(raw, |(_, rest)| rest);
        let portless = without_port(bare);
        std::iter::once(raw).chain((bare != raw).then_some(bare)).chain((portless != bare).then_some(portless)).chain(
            self.domains.iter().map(String::as_str).filter(move |domain| ![raw, bare, portless].contains(domain)),
        )
    }

    /// Whether a credential scope may name `service`: `own`, or the first label of a candidate, which clients that
    /// know no service names derive it from (`127` for `127.0.0.1:18080`, `localhost:18080` for itself).
    pub fn allow_service(&self, service: &str, own: &str) -> bool {
        !service.is_empty() && (service == own || self.candidates().any(|host| host.split('.').next() == Some(service)))
    }
}

/// `host` without a decimal `:port`; an IPv6 address keeps its brackets and its colons.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn candidates(raw: &str) -> Vec<String> {
        let domains = ["cetcd.tencentcloudapi.com".to_owned()];
        Hosts::new(raw, &domains).candidates().map(str::to_owned).collect()
    }

    #[test]
    fn the_header_comes_first_then_without_scheme_then_without_port_then_the_domains() {
        assert_eq!(
            candidates("http://127.0.0.1:18080"),
            ["http://127.0.0.1:18080", "127.0.0.1:18080", "127.0.0.1", "cetcd.tencentcloudapi.com"]
        );
    }

    #[test]
    fn a_candidate_is_tried_once() {
        assert_eq!(candidates("localhost"), ["localhost", "cetcd.tencentcloudapi.com"]);
        assert_eq!(candidates("cetcd.tencentcloudapi.com:443").len(), 2);
    }

    #[test]
    fn an_ipv6_address_loses_its_port_only() {
        assert_eq!(candidates("[::1]:8379")[1], "[::1]");
        assert_eq!(candidates("::1")[1], "cetcd.tencentcloudapi.com");
    }

    #[test]
    fn the_scope_may_name_our_service_or_the_first_label() {
        let hosts = Hosts::new("127.0.0.1:18080", &[]);
        assert!(hosts.allow_service("cetcd", "cetcd"));
        assert!(hosts.allow_service("127", "cetcd"));
        assert!(!hosts.allow_service("cvm", "cetcd"));
        assert!(!hosts.allow_service("", "cetcd"));
        let hosts = Hosts::new("localhost:18080", &[]);
        assert!(hosts.allow_service("localhost:18080", "cetcd"));
        assert!(hosts.allow_service("localhost", "cetcd"));
        assert!(!Hosts::new("", &[]).allow_service("", "cetcd"));
    }
}
