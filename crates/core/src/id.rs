//! Names of things: instances and their members.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Entropy;

/// Names an instance: `etcd-` and eight of a-z0-9.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// Reads an ID; `None` where the text has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let suffix = text.strip_prefix("etcd-")?;
        let good = suffix.len() == 8 && suffix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        good.then(|| Self(text.to_owned()))
    }

    /// Draws a new ID. It is unique only once the store accepted it.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(format!("etcd-{}", entropy.lowercase_alphanumeric(8)))
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of member `ordinal`, which is its pod's name too: `{id}-etcd-{ordinal}`.
    pub fn member_name(&self, ordinal: u32) -> String {
        format!("{}-etcd-{ordinal}", self.0)
    }

    /// The ordinal in `name`, where it is the name of a member of this instance.
    pub fn member_ordinal(&self, name: &str) -> Option<u32> {
        let text = name.strip_prefix(self.as_str())?.strip_prefix("-etcd-")?;
        let ordinal: u32 = text.parse().ok()?;
        (ordinal.to_string() == text).then_some(ordinal)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0
    }
}

impl TryFrom<String> for InstanceId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not an instance ID (etcd-xxxxxxxx)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_published_form_is_an_instance_id() {
        assert!(InstanceId::parse("etcd-abcd1234").is_some());
        for bad in ["", "etcd-", "etcd-abcd123", "etcd-abcd12345", "etcd-ABCD1234", "etcd-../../..", "vpc-abcd1234"] {
            assert!(InstanceId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_member_name_gives_its_ordinal_back_and_no_other_text_does() {
        let id = InstanceId::parse("etcd-abcd1234").expect("well formed");
        assert_eq!(id.member_ordinal(&id.member_name(7)), Some(7));
        for bad in ["etcd-abcd1234-etcd-07", "etcd-abcd1234-etcd-", "etcd-abcd1234-etcd-+1", "etcd-zzzz1234-etcd-1"] {
            assert_eq!(id.member_ordinal(bad), None, "{bad}");
        }
    }
}
