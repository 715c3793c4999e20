//! Formats of strings that a length alone does not describe.

use std::net::IpAddr;

/// A format that a string must have. An empty string has every one of them: it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// DNS names separated by commas; the first label of each may be `*`.
    Domains,
    /// IP addresses separated by commas.
    IpAddresses,
    /// What etcd takes for `--auto-compaction-retention`: a number above 0, or a length of time in h, m and s.
    Retention,
}

impl Format {
    /// The format's name in the schema.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domains => "domain names, comma separated",
            Self::IpAddresses => "IP addresses, comma separated",
            Self::Retention => "duration or number",
        }
    }

    /// Whether the text has the format.
    pub fn accepts(self, text: &str) -> bool {
        text.is_empty()
            || match self {
                Self::Domains => text.split(',').all(|name| is_domain(name.trim())),
                Self::IpAddresses => text.split(',').all(|address| address.trim().parse::<IpAddr>().is_ok()),
                Self::Retention => is_retention(text),
            }
    }
}

fn is_domain(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_retention(text: &str) -> bool {
    if !text.is_ascii() {
        return false;
    }
    let mut rest = text;
    let mut positive = false;
    let mut last_unit = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(number) = rest[..digits].parse::<u32>() else {
            return false;
        };
        positive |= number > 0;
        rest = &rest[digits..];
        let unit = match rest.bytes().next() {
            // A bare number: hours, or revisions. It stands alone.
            None => return positive && last_unit.is_none(),
            Some(b'h') => 0,
            Some(b'm') => 1,
            Some(b's') => 2,
            Some(_) => return false,
        };
        if last_unit >= Some(unit) {
            return false;
        }
        last_unit = Some(unit);
        rest = &rest[1..];
    }
    positive
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn retentions_are_what_etcd_takes() {
        for good in ["5m", "2h", "1h30m", "1000", "90s", "1h0m5s", ""] {
            assert!(Format::Retention.accepts(good), "{good}");
        }
        for bad in ["0", "0h", "h", "-5m", "5d", "1.5h", "5m1h", "5m5", "99999999999", "５m", "5 m", "1m1m"] {
            assert!(!Format::Retention.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn domains_may_have_one_wildcard_in_front() {
        for good in ["*.abc.com", "a.b, c-d.e", "localhost", ""] {
            assert!(Format::Domains.accepts(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["a..b", "*", "a.*.b", "-a.b", "a b", "a,,b", "ä.de", "*.", long.as_str()] {
            assert!(!Format::Domains.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_are_of_either_family() {
        for good in ["127.0.0.1", "127.0.0.1, ::1", ""] {
            assert!(Format::IpAddresses.accepts(good), "{good}");
        }
        for bad in ["127.0.0.256", "localhost", "127.0.0.1;::1", "10.0.0.0/8", ","] {
            assert!(!Format::IpAddresses.accepts(bad), "{bad}");
        }
    }
}
