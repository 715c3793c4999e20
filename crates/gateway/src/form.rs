//! `k=v&…`: query strings and form bodies.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// How many parameters one request may have: far more than any action uses, far fewer than would fill memory.
pub(crate) const MAX_PAIRS: usize = 8192;

/// Keys and values in the order received, decoded once.
pub(crate) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What is wrong with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A pair has no `=`.
    NoEquals,
    /// A key or value is not UTF-8 after decoding.
    NotUtf8,
    /// There are more than [`MAX_PAIRS`].
    TooMany,
}

/// Reads a form. `+` is a space; a `%` that starts no escape stands for itself; empty pairs (`a=1&&b=2`) are skipped.
pub(crate) fn parse(form: &[u8]) -> Result<Pairs<'_>, Malformed> {
    let mut pairs = Vec::new();
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PAIRS {
            return Err(Malformed::TooMany);
        }
        let equals = pair.iter().position(|byte| *byte == b'=').ok_or(Malformed::NoEquals)?;
        pairs.push((decode(&pair[..equals])?, decode(&pair[equals + 1..])?));
    }
    Ok(pairs)
}

fn decode(text: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    if text.contains(&b'+') {
        let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let decoded: Vec<u8> = percent_decode(&spaced).collect();
        return String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Malformed::NotUtf8);
    }
    percent_decode(text).decode_utf8().map_err(|_| Malformed::NotUtf8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn owned(form: &str) -> Vec<(String, String)> {
        parse(form.as_bytes()).unwrap().into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn values_are_decoded_once() {
        assert_eq!(owned("a=1%2B2&b=%2525"), [pair("a", "1+2"), pair("b", "%25")]);
        assert_eq!(owned("a=x+y%20z&Filters.0.Name=%E4%B8%AD"), [pair("a", "x y z"), pair("Filters.0.Name", "中")]);
    }

    #[test]
    fn empty_values_and_values_with_equals_are_kept() {
        assert_eq!(owned("Region=&b=c=="), [pair("Region", ""), pair("b", "c==")]);
    }

    #[test]
    fn empty_pairs_are_skipped_and_a_stray_percent_stands_for_itself() {
        assert_eq!(owned("&a=1&&b=100%&"), [pair("a", "1"), pair("b", "100%")]);
        assert_eq!(owned(""), []);
    }

    #[test]
    fn a_pair_without_equals_is_malformed() {
        assert_eq!(parse(b"a=1&b"), Err(Malformed::NoEquals));
    }

    #[test]
    fn what_is_not_utf8_is_malformed() {
        assert_eq!(parse(b"a=%ff"), Err(Malformed::NotUtf8));
        assert_eq!(parse(b"a=+%ff"), Err(Malformed::NotUtf8));
    }

    #[test]
    fn the_number_of_pairs_is_bounded() {
        assert_eq!(parse("a=&".repeat(MAX_PAIRS + 1).as_bytes()), Err(Malformed::TooMany));
        assert_eq!(parse("a=&".repeat(MAX_PAIRS).as_bytes()).unwrap().len(), MAX_PAIRS);
    }
}
