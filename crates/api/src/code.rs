//! Error codes: the common ones of the cloud and those of this service, each with a general text in two languages.

use crate::Language;

macro_rules! codes {
    ($($variant:ident = $code:literal, $en:literal, $zh:literal;)*) => {
        /// An error code of the API. A variant is its code with the dots left out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(
                #[doc = concat!("`", $code, "`: ", $en)]
                $variant,
            )*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The general text, for errors that have nothing to add.
            pub const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$variant, Language::En) => $en,
                        (Self::$variant, Language::Zh) => $zh,
                    )*
                }
            }
        }
    };
}

codes! {
    ActionOffline = "ActionOffline", "The action is offline.", "接口已下线。";
    AuthFailureInvalidAuthorization = "AuthFailure.InvalidAuthorization",
        "The request `Authorization` header does not conform to tencentcloud standards.",
        "请求头部的 Authorization 不符合标准。";
    AuthFailureInvalidSecretId = "AuthFailure.InvalidSecretId",
        "The SecretId is not of a kind that may call the API.", "密钥非法（不是云 API 密钥类型）。";
    AuthFailureMfaFailure = "AuthFailure.MFAFailure", "The multi-factor check failed.", "MFA 错误。";
    AuthFailureSecretIdNotFound = "AuthFailure.SecretIdNotFound",
        "The SecretId is not found, please ensure that your SecretId is correct.",
        "密钥不存在，请检查 SecretId 是否正确。";
    AuthFailureSignatureExpire = "AuthFailure.SignatureExpire", "The signature has expired.", "签名过期。";
    AuthFailureSignatureFailure = "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated. Please check your signature is correct.",
        "签名错误，请检查签名计算过程。";
    AuthFailureTokenFailure = "AuthFailure.TokenFailure", "The token is not valid.", "token 错误。";
    AuthFailureUnauthorizedOperation = "AuthFailure.UnauthorizedOperation",
        "You are not authorized to perform this operation. Check your CAM policies, and ensure that you are using the correct access keys.",
        "请求未授权，请检查 CAM 策略，并确认使用了正确的密钥。";
    DryRunOperation = "DryRunOperation",
        "The request would have succeeded; it was a dry run.", "DryRun 操作，代表请求将会是成功的。";
    FailedOperation = "FailedOperation", "The operation failed.", "操作失败。";
    FailedOperationResourceExistAlready = "FailedOperation.ResourceExistAlready",
        "The resource exists already.", "资源已存在。";
    InternalError = "InternalError",
        "An internal error has occurred. Retry your request, but if the problem persists, contact us.",
        "内部错误，请重试；如果问题仍然存在，请联系我们。";
    InternalErrorDbRecordNotFound = "InternalError.DbRecordNotFound", "The record is not found.", "记录未找到。";
    InternalErrorUnexpectedInternal = "InternalError.UnexpectedInternal",
        "An unexpected internal error has occurred.", "内部错误。";
    InvalidAction = "InvalidAction", "The action does not exist.", "接口不存在。";
    InvalidParameter = "InvalidParameter", "A parameter is not valid.", "参数错误（包括参数格式、类型等错误）。";
    InvalidParameterParam = "InvalidParameter.Param", "A parameter is not valid.", "参数错误。";
    InvalidParameterValue = "InvalidParameterValue", "The value of a parameter is not valid.", "参数取值错误。";
    InvalidRequest = "InvalidRequest",
        "The multipart format of the request body is not valid.", "请求 body 的 multipart 格式错误。";
    IpInBlacklist = "IpInBlacklist", "The IP address is on the deny list.", "IP 地址在黑名单中。";
    IpNotInWhitelist = "IpNotInWhitelist", "The IP address is not on the allow list.", "IP 地址不在白名单中。";
    LimitExceeded = "LimitExceeded", "A quota is exceeded.", "超过配额限制。";
    LimitExceededQuotaEtcdLimit = "LimitExceeded.QuotaEtcdLimit",
        "The quota of etcd instances is reached.", "etcd 配额达到限制。";
    MissingParameter = "MissingParameter", "The request is missing a required parameter.", "缺少参数。";
    NoSuchProduct = "NoSuchProduct", "The product does not exist.", "产品不存在。";
    NoSuchVersion = "NoSuchVersion", "The specified api version does not exist.", "接口版本不存在。";
    OperationDenied = "OperationDenied", "The operation is denied.", "操作被拒绝。";
    RequestLimitExceeded = "RequestLimitExceeded",
        "Your requests exceed the frequency limit. Please reduce the frequency of calls.",
        "请求的次数超过了频率限制。";
    RequestLimitExceededGlobalRegionUinLimitExceeded = "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
        "The account exceeds the frequency limit.", "主账号超过频率限制。";
    RequestLimitExceededIPLimitExceeded = "RequestLimitExceeded.IPLimitExceeded",
        "The IP address exceeds the frequency limit.", "IP 限频。";
    RequestLimitExceededUinLimitExceeded = "RequestLimitExceeded.UinLimitExceeded",
        "The account exceeds the frequency limit in this region.", "主账号限频。";
    RequestSizeLimitExceeded = "RequestSizeLimitExceeded", "The request exceeds the size limit.", "请求包超过限制大小。";
    ResourceInUse = "ResourceInUse", "The resource is in use.", "资源被占用。";
    ResourceInsufficient = "ResourceInsufficient", "There are not enough resources.", "资源不足。";
    ResourceNotFound = "ResourceNotFound", "The resource does not exist.", "资源不存在。";
    ResourceUnavailable = "ResourceUnavailable", "The resource is unavailable.", "资源不可用。";
    ResourceUnavailablePrometheusStatusError = "ResourceUnavailable.PrometheusStatusError",
        "The status of Prometheus is abnormal.", "Prometheus 状态异常。";
    ResponseSizeLimitExceeded = "ResponseSizeLimitExceeded", "The response exceeds the size limit.", "返回包超过限制大小。";
    ServiceUnavailable = "ServiceUnavailable", "The service is unavailable at present.", "当前服务暂时不可用。";
    UnauthorizedOperation = "UnauthorizedOperation", "The operation is not authorized.", "未授权操作。";
    UnauthorizedOperationCamNoAuth = "UnauthorizedOperation.CamNoAuth",
        "CAM does not authorize the operation.", "CAM 未授权。";
    UnknownParameter = "UnknownParameter", "A parameter is not recognized.", "未知参数错误，多传了未定义的参数。";
    UnsupportedOperation = "UnsupportedOperation", "The operation is not supported.", "操作不支持。";
    UnsupportedProtocol = "UnsupportedProtocol",
        "Only GET and POST requests are supported.", "http(s) 请求协议错误，只支持 GET 和 POST 请求。";
    UnsupportedRegion = "UnsupportedRegion", "The action not support this region.", "接口不支持所传地域。";
}

impl Code {
    /// The code that is written so on the wire.
    pub fn from_str_exact(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|known| known.as_str() == code).copied()
    }

    /// Whether the same request may succeed later without anyone changing anything.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::InternalError
                | Self::InternalErrorUnexpectedInternal
                | Self::RequestLimitExceeded
                | Self::RequestLimitExceededGlobalRegionUinLimitExceeded
                | Self::RequestLimitExceededIPLimitExceeded
                | Self::RequestLimitExceededUinLimitExceeded
                | Self::ResourceInUse
                | Self::ResourceInsufficient
                | Self::ResourceUnavailable
                | Self::ServiceUnavailable
        )
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
