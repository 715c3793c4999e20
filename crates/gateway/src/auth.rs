//! Who signed the request: from a signature to a key pair.

use std::sync::Arc;

use cetcd_api::{Code, Error, SERVICE};
use cetcd_signature::{Error as SignatureError, Hosts, KeyCache, check_time, tc3, v1};
use http::HeaderMap;
use http::request::Parts;
use secrecy::ExposeSecret;

use crate::accounts::{Credentials, KeyPair};
use crate::common::{Common, header};

struct HeaderValues<'a>(&'a HeaderMap);

impl tc3::Headers for HeaderValues<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(http::HeaderValue::as_bytes)
    }
}

/// What the client may have signed as the host: the Host header, in HTTP/2 `:authority`.
fn raw_host(parts: &Parts) -> &str {
    match header(parts, "host") {
        "" => parts.uri.authority().map(http::uri::Authority::as_str).unwrap_or_default(),
        host => host,
    }
}

/// Checks a request's signature and everything that goes with it: form, time, scope, key, signature, token. `now` is
/// in Unix seconds.
pub(crate) fn authenticate(
    parts: &Parts,
    body: &[u8],
    common: &Common<'_>,
    service_domains: &[String],
    credentials: &dyn Credentials,
    keys: &KeyCache,
    now: i64,
) -> Result<Arc<KeyPair>, Error> {
    let hosts = Hosts::new(raw_host(parts), service_domains);
    let pair = if let Some(v1) = &common.v1 {
        check_time(common.timestamp, now).map_err(answer)?;
        let pair = usable(credentials, &v1.secret_id)?;
        v1::verify(parts.method.as_str(), &hosts, &v1.pairs, pair.secret_key.expose_secret()).map_err(answer)?;
        pair
    } else {
        let authorization = tc3::parse_authorization(header(parts, "authorization")).map_err(answer)?;
        check_time(common.timestamp, now).map_err(answer)?;
        authorization.check_scope(common.timestamp, &hosts, SERVICE).map_err(answer)?;
        let pair = usable(credentials, authorization.secret_id)?;
        let request = tc3::Request {
            method: parts.method.as_str(),
            query: parts.uri.query().unwrap_or_default(),
            headers: HeaderValues(&parts.headers),
            hosts,
            body,
            timestamp: common.timestamp,
        };
        tc3::verify_signature(&request, &authorization, pair.secret_key.expose_secret(), keys).map_err(answer)?;
        pair
    };
    if !common.token.is_empty() {
        return Err(Error::new(
            Code::AuthFailureTokenFailure,
            "This SecretId is a long-term key: it is used without a `Token`.",
            "该 SecretId 是长期密钥，不能设置 `Token`。",
        ));
    }
    // Said only to who can sign with it: to others a disabled key is like any wrong signature.
    if !pair.enabled {
        return Err(Error::new(
            Code::AuthFailureInvalidSecretId,
            "The SecretId is disabled. Enable it, or use another key.",
            "该 SecretId 已被禁用，请启用后重试或使用其他密钥。",
        ));
    }
    Ok(pair)
}

fn usable(credentials: &dyn Credentials, secret_id: &str) -> Result<Arc<KeyPair>, Error> {
    credentials.find(secret_id).ok_or_else(Error::secret_id_not_found)
}

/// The public code and text of a signature error.
fn answer(error: SignatureError) -> Error {
    let nonconforming = |en: &str, zh: &str| {
        Error::invalid_authorization(
            format!("The request `Authorization` header does not conform to tencentcloud standards: {en}"),
            format!("请求头部的 `Authorization` 不符合标准：{zh}"),
        )
    };
    match error {
        SignatureError::Unsigned => nonconforming(
            "`SKIP` leaves the request unsigned, and unsigned requests are not accepted.",
            "`SKIP` 表示请求未签名，不接受未签名的请求。",
        ),
        SignatureError::MalformedAuthorization { part } => {
            nonconforming(&format!("`{part}` is missing or not valid."), &format!("`{part}` 缺失或不正确。"))
        }
        SignatureError::ScopeService { .. } => Error::wrong_scope_service(),
        SignatureError::ScopeDate { .. } => nonconforming(
            "`Date` in Credential is not the UTC date of `X-TC-Timestamp`.",
            "Credential 中的 `Date` 与 `X-TC-Timestamp` 的 UTC 日期不一致。",
        ),
        SignatureError::Expired { now } => Error::signature_expired(now),
        SignatureError::Mismatch => Error::wrong_signature(),
    }
}
