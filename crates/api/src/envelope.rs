//! The envelope of responses: `{"Response":{…,"RequestId":"…"}}`.

use serde::Serialize;
use serde_json::json;

use crate::{Error, Language};

/// The body of a success. `Error` is left out altogether: two clients break on `"Error":null`.
///
/// The response must serialise to a JSON object, as every [`Action::Response`](crate::Action::Response) does.
pub fn success(response: &impl Serialize, request_id: &str) -> Vec<u8> {
    let mut body = br#"{"Response":"#.to_vec();
    let start = body.len();
    let written = serde_json::to_writer(&mut body, response);
    if written.is_err() || body.get(start) != Some(&b'{') || body.pop() != Some(b'}') {
        return failure(&Error::internal(), Language::default(), request_id);
    }
    // The object's closing brace is off again: the request's ID goes in as the last field.
    if body.len() > start + 1 {
        body.push(b',');
    }
    body.extend_from_slice(br#""RequestId":"#);
    body.extend_from_slice(json!(request_id).to_string().as_bytes());
    body.extend_from_slice(b"}}");
    body
}

/// The body of a failure.
pub fn failure(error: &Error, language: Language, request_id: &str) -> Vec<u8> {
    json!({
        "Response": {
            "Error": { "Code": error.code().as_str(), "Message": error.message(language) },
            "RequestId": request_id,
        }
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{failure, success};
    use crate::actions::{DescribeEtcdQuotaResponse, ModifyEtcdAttributeResponse};
    use crate::structures::TaskStepInfo;
    use crate::{Error, Language};

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_success_has_its_fields_and_the_request_id_and_no_error() {
        let response = DescribeEtcdQuotaResponse { quota_limit: u64::MAX };
        assert_eq!(
            text(success(&response, "r-1")),
            r#"{"Response":{"QuotaLimit":18446744073709551615,"RequestId":"r-1"}}"#
        );
    }

    #[test]
    fn an_empty_success_has_the_request_id_alone() {
        let response = ModifyEtcdAttributeResponse::default();
        assert_eq!(text(success(&response, "r-1")), r#"{"Response":{"RequestId":"r-1"}}"#);
    }

    #[test]
    fn what_has_no_value_is_null() {
        let step = TaskStepInfo { step: "prepare_env".to_owned(), ..TaskStepInfo::default() };
        let body = text(success(&step, "r"));
        assert!(body.contains(r#""EndAt":null"#), "{body}");
    }

    #[test]
    fn a_failure_has_code_and_message_in_the_callers_language() {
        let error = Error::unsupported_region();
        assert_eq!(
            text(failure(&error, Language::En, "r-\"1")),
            r#"{"Response":{"Error":{"Code":"UnsupportedRegion","Message":"The action not support this region."},"RequestId":"r-\"1"}}"#
        );
        assert!(text(failure(&error, Language::Zh, "r")).contains("接口不支持所传地域"));
    }

    #[test]
    fn what_is_no_object_becomes_an_internal_error() {
        assert!(text(success(&7, "r")).contains("InternalError"));
    }
}
