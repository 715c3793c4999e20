//! Errors that callers see: a code and a text in two languages.

use std::fmt::Display;

use crate::{Code, Language};

/// How many characters of a caller's own text an error repeats.
const ECHO_CHARACTERS: usize = 64;

/// How many characters of a path an error repeats. The longest declared path has 72.
const PATH_CHARACTERS: usize = 128;

/// An error as the API answers it. It holds no internals: what it says goes to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {en}")]
pub struct Error {
    code: Code,
    en: String,
    zh: String,
}

/// A caller's text, fit to be repeated: short, and without control characters.
fn echo(text: impl Display) -> String {
    shortened(text, ECHO_CHARACTERS)
}

/// The path of a parameter, which may be a caller's text too.
fn echo_path(path: impl Display) -> String {
    shortened(path, PATH_CHARACTERS)
}

fn shortened(text: impl Display, characters: usize) -> String {
    text.to_string().chars().filter(|c| !c.is_control()).take(characters).collect()
}

impl Error {
    /// An error with texts of its own.
    pub fn new(code: Code, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { code, en: en.into(), zh: zh.into() }
    }

    /// An error with the code's general text.
    pub fn of(code: Code) -> Self {
        Self::new(code, code.text(Language::En), code.text(Language::Zh))
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text in a language.
    pub fn message(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        }
    }

    /// Whether the same request may succeed later without anyone changing anything.
    pub const fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }

    /// A common or action parameter is missing.
    pub fn missing_parameter(path: impl Display) -> Self {
        let path = echo_path(path);
        Self::new(
            Code::MissingParameter,
            format!("The request is missing a required parameter `{path}`."),
            format!("请求缺少必填参数 `{path}`。"),
        )
    }

    /// No such action.
    pub fn invalid_action(action: &str, service: &str, version: &str) -> Self {
        let (action, service, version) = (echo(action), echo(service), echo(version));
        Self::new(
            Code::InvalidAction,
            format!(
                "The request action=`{action}` is invalid or not found in service=`{service}` and version=`{version}`."
            ),
            format!("接口 `{action}` 非法，或在服务 `{service}` 的版本 `{version}` 中不存在。"),
        )
    }

    /// No such version of the API.
    pub fn no_such_version(version: &str, service: &str) -> Self {
        let (version, service) = (echo(version), echo(service));
        Self::new(
            Code::NoSuchVersion,
            format!("The specified api version=`{version}` does not exist in service=`{service}`."),
            format!("服务 `{service}` 不存在版本 `{version}`。"),
        )
    }

    /// The region is unknown, or the action is not offered there.
    pub fn unsupported_region() -> Self {
        Self::of(Code::UnsupportedRegion)
    }

    /// A parameter has the wrong type.
    pub fn wrong_type(path: impl Display) -> Self {
        let path = echo_path(path);
        Self::new(
            Code::InvalidParameter,
            format!("The value type of parameter `{path}` is not valid."),
            format!("参数 `{path}` 的类型不正确。"),
        )
    }

    /// A parameter has a value that is not allowed. Never pass a secret as the value.
    pub fn wrong_value(value: impl Display, path: impl Display) -> Self {
        let (value, path) = (echo(value), echo_path(path));
        Self::new(
            Code::InvalidParameterValue,
            format!("The value `{value}` specified in the parameter `{path}` is not valid."),
            format!("参数 `{path}` 的取值 `{value}` 不正确。"),
        )
    }

    /// A parameter that the action does not have.
    pub fn unknown_parameter(path: impl Display) -> Self {
        let path = echo_path(path);
        Self::new(
            Code::UnknownParameter,
            format!("The parameter `{path}` is not recognized."),
            format!("未知参数 `{path}`。"),
        )
    }

    /// The body is empty, not JSON, or not a JSON object.
    pub fn not_json() -> Self {
        Self::new(
            Code::InvalidParameter,
            "The request content not valid json format for specified content-type=application/json.",
            "请求内容不是 content-type=application/json 所要求的合法 JSON。",
        )
    }

    /// A pair of a form or query has no `=`.
    pub fn form_pair_without_equals() -> Self {
        Self::new(Code::InvalidParameter, "Url key and value should be splited by `=`.", "URL 的键和值应以 `=` 分隔。")
    }

    /// The body is larger than the limit of signature v3.
    pub fn request_too_large(bytes: u64) -> Self {
        let limit = crate::limits::POST_V3_BYTES;
        Self::new(
            Code::RequestSizeLimitExceeded,
            // The two spaces are in the public text.
            format!("Your current request size exceed  max {limit}B, but your {bytes}B."),
            format!("请求大小为 {bytes}B，超过上限 {limit}B。"),
        )
    }

    /// The body is larger than the limit of signature v1.
    pub fn v1_request_too_large() -> Self {
        Self::new(
            Code::AuthFailureSignatureFailure,
            "The provided credentials could not be validated because of exceeding request size limit, please use new signature method `TC3-HMAC-SHA256`.",
            "请求大小超过限制，无法验证签名，请使用新的签名方法 `TC3-HMAC-SHA256`。",
        )
    }

    /// The request's time is too far from the server's, in seconds since 1970.
    pub fn signature_expired(server_time: i64) -> Self {
        Self::new(
            Code::AuthFailureSignatureExpire,
            format!(
                "Signature expired. Please use local time and enable NTP service for time synchronization to avoid a deviation between `Timestamp` and the server time {server_time}."
            ),
            format!("签名过期。请启用 NTP 服务同步本地时间，避免 `Timestamp` 与服务器时间 {server_time} 有偏差。"),
        )
    }

    /// No such SecretId.
    pub fn secret_id_not_found() -> Self {
        Self::of(Code::AuthFailureSecretIdNotFound)
    }

    /// The signature does not match.
    pub fn wrong_signature() -> Self {
        Self::of(Code::AuthFailureSignatureFailure)
    }

    /// The credential scope names another service.
    pub fn wrong_scope_service() -> Self {
        Self::invalid_authorization(
            "The request `Authorization` header does not conform to tencentcloud standards: `Service` in Credential not valid.",
            "请求头部的 `Authorization` 不符合标准：Credential 中的 `Service` 不正确。",
        )
    }

    /// The `Authorization` header is not of the right form.
    pub fn invalid_authorization(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(Code::AuthFailureInvalidAuthorization, en, zh)
    }

    /// Too many requests in a second.
    pub fn rate_limited(times: u32, limit: u32) -> Self {
        Self::new(
            Code::RequestLimitExceeded,
            format!(
                "Your current request times equals to `{times}` in a second, which exceeds the frequency limit `{limit}` for a second. Please reduce the frequency of calls."
            ),
            format!("当前请求频率为每秒 `{times}` 次，超过每秒 `{limit}` 次的限制，请降低调用频率。"),
        )
    }

    /// The caller may not do this.
    pub fn unauthorized() -> Self {
        Self::of(Code::AuthFailureUnauthorizedOperation)
    }

    /// A fault of ours. Never for a mistake of the caller: clients fail over on it.
    pub fn internal() -> Self {
        Self::of(Code::InternalError)
    }

    /// Neither GET nor POST.
    pub fn unsupported_protocol() -> Self {
        Self::of(Code::UnsupportedProtocol)
    }

    /// Two parameters that exclude each other.
    pub fn mutually_exclusive(one: &str, other: &str) -> Self {
        Self::new(
            Code::InvalidParameter,
            format!("The parameters `{one}` and `{other}` cannot be specified together."),
            format!("参数 `{one}` 和 `{other}` 不能同时指定。"),
        )
    }

    /// No such instance in the caller's account and region.
    pub fn instance_not_found(id: &str) -> Self {
        let id = echo(id);
        Self::new(
            Code::ResourceNotFound,
            format!("The instance `{id}` does not exist."),
            format!("实例 `{id}` 不存在。"),
        )
    }
}
