//! DescribeEtcdKeys: looking into an instance, where the operator of the service allows that. Nothing is written, pages
//! are short and have no values, and of a value only so much is shown: no look costs a cluster more than a small read.

use base64::{Engine, prelude::BASE64_STANDARD};
use cetcd_api::{
    Code, Error,
    actions::{DescribeEtcdKeys, DescribeEtcdKeysRequest, DescribeEtcdKeysResponse},
    structures::EtcdKey,
};
use cetcd_core::status::MemberPhase;

use super::{
    Service,
    clusters::{FoundKey, KeyRange},
};
use crate::{Context, Handler};

/// Keys a page where the request does not say.
const PAGE: u32 = 50;
/// Bytes of a value that are shown.
const SHOWN: usize = 64 << 10;

impl Handler<DescribeEtcdKeys> for Service {
    async fn handle(
        &self,
        context: &Context,
        request: DescribeEtcdKeysRequest,
    ) -> Result<DescribeEtcdKeysResponse, Error> {
        let instance = self.visible(context, &request.instance_id)?;
        if !self.keys_readable {
            return Err(Error::new(
                Code::UnauthorizedOperation,
                "Reading keys is turned off on this server. Its operator turns it on by the setting `console.keys = \"read\"`.",
                "此服务未开启键的读取，可由运维人员通过设置 `console.keys = \"read\"` 开启。",
            ));
        }
        let with_value = request.key.as_deref().is_some_and(|key| !key.is_empty());
        let range = match request.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => KeyRange::One(decoded("Key", key)?),
            None => KeyRange::Page {
                prefix: request.prefix.unwrap_or_default().into_bytes(),
                after: request
                    .after
                    .as_deref()
                    .filter(|key| !key.is_empty())
                    .map(|key| decoded("After", key))
                    .transpose()?,
                limit: request.limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(PAGE),
            },
        };
        let mut through = self.view.status(&instance.id).map(|status| status.members.clone()).unwrap_or_default();
        through.retain(|member| matches!(member.phase, MemberPhase::Running | MemberPhase::Unhealthy));
        through.sort_by_key(|member| (member.phase != MemberPhase::Running, member.ordinal));
        let page = self.clusters.keys(&instance, &through, range).await.map_err(|reason| {
            tracing::warn!(instance = %instance.id, reason, "keys cannot be read");
            let id = &instance.id;
            Error::new(
                Code::ResourceUnavailable,
                format!("No member of the instance `{id}` answers at present. DescribeEtcdHealth says what is wrong."),
                format!("实例 `{id}` 当前没有成员响应，可通过 DescribeEtcdHealth 查看原因。"),
            )
        })?;
        let next = page.keys.last().filter(|_| page.more && !with_value).map(|last| BASE64_STANDARD.encode(&last.key));
        Ok(DescribeEtcdKeysResponse {
            keys: Some(page.keys.into_iter().map(|key| shown(key, with_value)).collect()),
            count: page.count,
            next,
            revision: page.revision,
        })
    }
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, Error> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.ok().filter(|key| !key.is_empty()).ok_or_else(|| {
        Error::new(
            Code::InvalidParameterValue,
            format!("`{name}`: it has to be a key in base64, as `Encoded` and `Next` of an answer are."),
            format!("`{name}`：应为 base64 编码的键，即应答中的 `Encoded` 或 `Next`。"),
        )
    })
}

fn shown(found: FoundKey, with_value: bool) -> EtcdKey {
    let whole = found.value.len();
    let value = with_value.then(|| Shown::of(&found.value));
    EtcdKey {
        key: String::from_utf8_lossy(&found.key).into_owned(),
        encoded: BASE64_STANDARD.encode(&found.key),
        version: found.version,
        create_revision: found.create_revision,
        mod_revision: found.mod_revision,
        lease: (found.lease != 0).then(|| format!("{:x}", found.lease)),
        value_encoding: value.as_ref().map(|value| value.encoding.to_owned()),
        value_size: value.as_ref().map(|_| whole as u64),
        truncated: value.as_ref().map(|value| value.bytes < whole),
        value: value.map(|value| value.text),
    }
}

/// A value as an answer in JSON can hold it.
struct Shown {
    text: String,
    encoding: &'static str,
    bytes: usize,
}

impl Shown {
    fn of(value: &[u8]) -> Self {
        let cut = &value[..value.len().min(SHOWN)];
        let text = match std::str::from_utf8(cut) {
            Ok(text) => Some(text),
            // Cut within a character.
            Err(error) if error.error_len().is_none() && cut.len() < value.len() => {
                std::str::from_utf8(&cut[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        // Control characters other than those of text are the mark of something binary.
        let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        match text.filter(is_text) {
            Some(text) => Self { text: text.to_owned(), encoding: "utf-8", bytes: text.len() },
            None => Self { text: BASE64_STANDARD.encode(cut), encoding: "base64", bytes: cut.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_text_and_all_else_in_base64() {
        for (value, text, encoding) in [
            (&b"{\"a\":1}\n"[..], "{\"a\":1}\n", "utf-8"),
            ("值".as_bytes(), "值", "utf-8"),
            (b"", "", "utf-8"),
            (b"k8s\0\n", "azhzAAo=", "base64"),
            (b"\xff\xfe", "//4=", "base64"),
            (b"a\xe5", "YeU=", "base64"),
        ] {
            let shown = Shown::of(value);
            assert_eq!((shown.text.as_str(), shown.encoding, shown.bytes), (text, encoding, value.len()));
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "值".repeat(SHOWN);
        let shown = Shown::of(long.as_bytes());
        assert_eq!(shown.encoding, "utf-8");
        assert!(shown.bytes <= SHOWN && shown.bytes > SHOWN - 3 && long.starts_with(&shown.text));
    }
}
