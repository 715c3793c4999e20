//! Reading keys, bounded, for a person who looks.

use etcd_client::{GetOptions, KeyValue};

use crate::{LiveAdmin, Result, Target, session::Session};

/// Which keys are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key, itself included.
    pub from: Vec<u8>,
    /// Where the range ends, itself excluded; a single zero byte is the end of all keys.
    pub to: Vec<u8>,
    /// How many keys at most.
    pub limit: u32,
    /// Whether values are wanted, too. A value can be as large as etcd's largest request.
    pub values: bool,
}

impl KeyRange {
    /// The end of all keys that begin with `prefix`.
    pub fn end_of(prefix: &[u8]) -> Vec<u8> {
        let kept = prefix.iter().rposition(|byte| *byte != u8::MAX).map_or(0, |place| place + 1);
        let mut end = prefix[..kept].to_vec();
        match end.last_mut() {
            Some(last) => *last += 1,
            None => end.push(0),
        }
        end
    }

    /// The key right behind `key`.
    pub fn behind(key: &[u8]) -> Vec<u8> {
        let mut next = key.to_vec();
        next.push(0);
        next
    }
}

/// A key as etcd has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub key: Vec<u8>,
    /// Its value; empty where values were not asked for.
    pub value: Vec<u8>,
    /// How often it was written since it was made.
    pub version: u64,
    /// When it was made.
    pub create_revision: u64,
    /// When it was last written.
    pub mod_revision: u64,
    /// Its lease, or 0.
    pub lease: i64,
}

/// Keys that were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPage {
    /// By rising key.
    pub keys: Vec<FoundKey>,
    /// Whether the range has more.
    pub more: bool,
    /// How many keys the range has.
    pub count: u64,
    /// The revision at which was read.
    pub revision: u64,
}

impl LiveAdmin {
    /// Reads keys, linearizably, from the first member of `through` that answers.
    pub async fn keys(&self, through: &[Target], range: &KeyRange) -> Result<KeyPage> {
        self.at_first(through, |member: Session| async move { member.keys(range).await }).await
    }
}

impl Session {
    async fn keys(&self, range: &KeyRange) -> Result<KeyPage> {
        let get = || async {
            let options = GetOptions::new().with_range(range.to.clone()).with_limit(i64::from(range.limit));
            let options = if range.values { options } else { options.with_keys_only() };
            self.client.kv_client().get(range.from.clone(), Some(options)).await
        };
        let mut answer = self.ask(self.read_timeout, get).await?;
        Ok(KeyPage {
            more: answer.more(),
            count: unsigned(answer.count()),
            revision: answer.header().map_or(0, |header| unsigned(header.revision())),
            keys: answer.take_kvs().into_iter().map(found).collect(),
        })
    }
}

fn found(pair: KeyValue) -> FoundKey {
    let (version, create, modified, lease) =
        (pair.version(), pair.create_revision(), pair.mod_revision(), pair.lease());
    let (key, value) = pair.into_key_value();
    FoundKey {
        key,
        value,
        version: unsigned(version),
        create_revision: unsigned(create),
        mod_revision: unsigned(modified),
        lease,
    }
}

/// etcd counts in signed numbers what is never below zero.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_no_key_begins_with_it() {
        assert_eq!(KeyRange::end_of(b"/a"), b"/b");
        assert_eq!(KeyRange::end_of(b"a\xff\xff"), b"b");
        assert_eq!(KeyRange::end_of(b"\xff"), b"\0", "all keys from there on");
        assert_eq!(KeyRange::end_of(b""), b"\0");
        assert_eq!(KeyRange::behind(b"a"), b"a\0");
    }
}
