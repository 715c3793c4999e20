//! Holds the errors against the public texts of the cloud.
#![allow(clippy::unwrap_used, missing_docs)]

use cetcd_api::{Code, Error, Language};

#[test]
fn every_common_error_has_its_public_code_and_text() {
    let cases = [
        (Error::missing_parameter("X"), "MissingParameter", "The request is missing a required parameter `X`."),
        (
            Error::invalid_action("A", "s", "v"),
            "InvalidAction",
            "The request action=`A` is invalid or not found in service=`s` and version=`v`.",
        ),
        (
            Error::no_such_version("v", "s"),
            "NoSuchVersion",
            "The specified api version=`v` does not exist in service=`s`.",
        ),
        (Error::unsupported_region(), "UnsupportedRegion", "The action not support this region."),
        (Error::wrong_type("A.0.B"), "InvalidParameter", "The value type of parameter `A.0.B` is not valid."),
        (
            Error::wrong_value("v", "P"),
            "InvalidParameterValue",
            "The value `v` specified in the parameter `P` is not valid.",
        ),
        (Error::unknown_parameter("X"), "UnknownParameter", "The parameter `X` is not recognized."),
        (
            Error::not_json(),
            "InvalidParameter",
            "The request content not valid json format for specified content-type=application/json.",
        ),
        (Error::form_pair_without_equals(), "InvalidParameter", "Url key and value should be splited by `=`."),
        (
            Error::request_too_large(10_485_761),
            "RequestSizeLimitExceeded",
            "Your current request size exceed  max 10485760B, but your 10485761B.",
        ),
        (
            Error::v1_request_too_large(),
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated because of exceeding request size limit, please use new signature method `TC3-HMAC-SHA256`.",
        ),
        (
            Error::signature_expired(1_551_113_065),
            "AuthFailure.SignatureExpire",
            "Signature expired. Please use local time and enable NTP service for time synchronization to avoid a deviation between `Timestamp` and the server time 1551113065.",
        ),
        (
            Error::secret_id_not_found(),
            "AuthFailure.SecretIdNotFound",
            "The SecretId is not found, please ensure that your SecretId is correct.",
        ),
        (
            Error::wrong_signature(),
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated. Please check your signature is correct.",
        ),
        (
            Error::wrong_scope_service(),
            "AuthFailure.InvalidAuthorization",
            "The request `Authorization` header does not conform to tencentcloud standards: `Service` in Credential not valid.",
        ),
        (
            Error::rate_limited(21, 20),
            "RequestLimitExceeded",
            "Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second. Please reduce the frequency of calls.",
        ),
        (
            Error::unauthorized(),
            "AuthFailure.UnauthorizedOperation",
            "You are not authorized to perform this operation. Check your CAM policies, and ensure that you are using the correct access keys.",
        ),
        (
            Error::internal(),
            "InternalError",
            "An internal error has occurred. Retry your request, but if the problem persists, contact us.",
        ),
    ];
    for (error, code, text) in cases {
        assert_eq!(error.code().as_str(), code);
        assert_eq!(error.message(Language::En), text);
        assert_ne!(error.message(Language::Zh), text, "{code}");
        assert!(!error.message(Language::Zh).is_ascii(), "{code}");
    }
    assert_eq!(Error::unsupported_protocol().code(), Code::UnsupportedProtocol);
}

#[test]
fn every_code_has_a_text_in_both_languages_and_is_found_by_its_name() {
    for code in Code::ALL {
        assert!(code.text(Language::En).is_ascii());
        assert!(!code.text(Language::Zh).is_ascii());
        assert_eq!(Code::from_str_exact(code.as_str()), Some(*code));
    }
    assert_eq!(Code::from_str_exact("internalerror"), None);
}

#[test]
fn what_a_caller_sent_is_repeated_short_and_without_control_characters() {
    let error = Error::wrong_value(format!("a\nb\u{1b}[31m{}", "é".repeat(100)), "P");
    let expected = format!("The value `ab[31m{}` specified in the parameter `P` is not valid.", "é".repeat(58));
    assert_eq!(error.message(Language::En), expected);
    let error = Error::unknown_parameter("x".repeat(1_000_000));
    assert!(error.message(Language::En).len() < 200);
}

#[test]
fn languages_are_read_leniently_and_english_is_the_default() {
    for chinese in ["zh-CN", "zh-cn", " zh-CN "] {
        assert_eq!(Language::from_header(chinese), Language::Zh);
    }
    for english in ["en-US", "", "fr", "zh"] {
        assert_eq!(Language::from_header(english), Language::En);
    }
}

#[test]
fn only_what_may_pass_by_itself_is_retryable() {
    assert!(Error::internal().is_retryable());
    assert!(Error::rate_limited(21, 20).is_retryable());
    assert!(!Error::wrong_type("A").is_retryable());
    assert!(!Error::of(Code::OperationDenied).is_retryable());
}
