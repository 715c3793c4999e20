//! Names that certificates may carry.

use crate::{Error, Result};

/// The longest common name, in characters (X.520, ub-common-name).
const MAX_COMMON_NAME: usize = 64;

/// Whether `name` may stand in a certificate: a host name as of RFC 1123, in ASCII (`xn--…` for
/// others), or `*.` and a host name of at least two labels.
pub fn check_dns_name(name: &str) -> Result<()> {
    let refused = |reason| Err(Error::InvalidName { name: shown(name), reason });
    if name.len() > 253 {
        return refused("it has more than 253 characters");
    }
    let host = name.strip_prefix("*.").unwrap_or(name);
    if host.is_empty() {
        return refused("it is empty");
    }
    if host.len() < name.len() && !host.contains('.') {
        return refused("a wildcard needs a domain of at least two labels after it");
    }
    for label in host.split('.') {
        if label.is_empty() {
            return refused("it has an empty label (two dots, or a dot at an end)");
        }
        if label.len() > 63 {
            return refused("a label has more than 63 characters");
        }
        if label.contains('*') {
            return refused("an asterisk may only stand for the whole first label");
        }
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return refused("only ASCII letters, digits, hyphens and dots are allowed");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return refused("a label starts or ends with a hyphen");
        }
    }
    // Clients take it for an address and never compare it with domain names.
    if host.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return refused("its last label is a number: give an IP address as an address");
    }
    Ok(())
}

/// Whether `name` may be a common name.
pub(crate) fn check_common_name(name: &str) -> Result<()> {
    let refused = |reason| Err(Error::InvalidCommonName { name: shown(name), reason });
    if name.trim().is_empty() {
        return refused("it is empty");
    }
    if name.chars().count() > MAX_COMMON_NAME {
        return refused("it has more than 64 characters");
    }
    if name.chars().any(char::is_control) {
        return refused("it has control characters");
    }
    Ok(())
}

/// The name, cut where it is too long to show.
fn shown(name: &str) -> String {
    name.chars().take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::{check_common_name, check_dns_name};

    #[test]
    fn host_names_and_wildcards_are_accepted() {
        for name in ["localhost", "abc.com", "*.abc.com", "etcd-1.Region.cetcd.local", "xn--fiq228c.cn", "3com.com"] {
            assert!(check_dns_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = "a.".repeat(127) + "com";
        for name in [
            "",
            "*",
            "*.",
            "*.com",
            "a.*.com",
            "a*.abc.com",
            "**.abc.com",
            "*.*.abc.com",
            ".abc.com",
            "abc..com",
            "abc.com.",
            "-a.com",
            "a-.com",
            "a b.com",
            "a_b.com",
            "中国.cn",
            "abc.com\n",
            "a\0b",
            "10.0.0.1",
            "1",
            "https://abc.com",
            "abc.com:2379",
            &long_label,
            &long_name,
        ] {
            assert!(check_dns_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn common_names_are_short_and_printable() {
        assert!(check_common_name("root").is_ok());
        assert!(check_common_name("平台 team").is_ok());
        for name in ["", "  ", "a\nb", &"x".repeat(65)] {
            assert!(check_common_name(name).is_err(), "{name:?}");
        }
    }
}
