//! Every public error case, with its exact code and text.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use bytes::Bytes;
use common::{Behaviour, CLIENT, HOST, NOW, Rig, V1, V3};
use http::Request;

const READ: &str = "DescribeEtcdInstances";
const CREATE: &str = "CreateEtcdInstance";

#[tokio::test]
async fn a_missing_common_parameter_is_named() {
    let rig = Rig::new();
    for (header, name) in [
        ("X-TC-Action", "Action"),
        ("X-TC-Version", "Version"),
        ("X-TC-Timestamp", "Timestamp"),
        ("X-TC-Region", "Region"),
    ] {
        rig.send(V3::post(READ, "{}").header(header, "").build())
            .await
            .is("MissingParameter", &format!("The request is missing a required parameter `{name}`."));
    }
    for name in ["Action", "Version", "Timestamp", "Nonce", "SecretId", "Region"] {
        rig.send(V1::get(READ, &[]).without(name).build())
            .await
            .is("MissingParameter", &format!("The request is missing a required parameter `{name}`."));
    }
    rig.send(V1::get(READ, &[]).set("Signature", "").build())
        .await
        .is("MissingParameter", "The request is missing a required parameter `Signature`.");
    rig.send(V3::post(READ, "{}").header("Authorization", "").build())
        .await
        .is("MissingParameter", "The request is missing a required parameter `Authorization`.");
    assert_eq!(rig.calls(), 0);
}

#[tokio::test]
async fn a_request_without_anything_lacks_its_action() {
    let rig = Rig::new();
    let message = "The request is missing a required parameter `Action`.";
    for (method, uri) in [("GET", "/"), ("GET", "/?"), ("POST", "/some/path"), ("GET", "/no/such/page")] {
        let request = Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
        rig.send(request).await.is("MissingParameter", message);
    }
}

#[tokio::test]
async fn a_missing_action_parameter_is_named() {
    Rig::new()
        .send(V3::post("DescribeEtcdCredentials", "{}").build())
        .await
        .is("MissingParameter", "The request is missing a required parameter `InstanceId`.");
}

#[tokio::test]
async fn an_unknown_action_is_invalid() {
    let message =
        "The request action=`DescribeNothing` is invalid or not found in service=`cetcd` and version=`2022-03-25`.";
    let rig = Rig::new();
    rig.send(V3::post("DescribeNothing", "{}").build()).await.is("InvalidAction", message);
    rig.send(V1::get("DescribeNothing", &[]).build()).await.is("InvalidAction", message);
}

#[tokio::test]
async fn another_version_does_not_exist() {
    Rig::new()
        .send(V3 { version: "2017-03-12", ..V3::post(READ, "{}") }.build())
        .await
        .is("NoSuchVersion", "The specified api version=`2017-03-12` does not exist in service=`cetcd`.");
}

#[tokio::test]
async fn a_region_that_is_not_served_is_unsupported() {
    Rig::new()
        .send(V3 { region: "mars-north", ..V3::post(READ, "{}") }.build())
        .await
        .is("UnsupportedRegion", "The action not support this region.");
}

#[tokio::test]
async fn a_wrong_type_is_named_by_its_path() {
    let rig = Rig::new();
    rig.send(V3::post(READ, r#"{"Filters":[{"Name":7,"Values":["a"]}]}"#).build())
        .await
        .is("InvalidParameter", "The value type of parameter `Filters.0.Name` is not valid.");
    rig.send(V3::post(READ, "{}").header("X-TC-Timestamp", "soon").build())
        .await
        .is("InvalidParameter", "The value type of parameter `Timestamp` is not valid.");
    rig.send(V1::get(READ, &[]).set("Nonce", "-1").build())
        .await
        .is("InvalidParameter", "The value type of parameter `Nonce` is not valid.");
}

#[tokio::test]
async fn a_wrong_value_is_named_with_its_parameter() {
    Rig::new()
        .send(V3::post(READ, r#"{"Limit":51}"#).build())
        .await
        .is("InvalidParameterValue", "The value `51` specified in the parameter `Limit` is not valid.");
}

#[tokio::test]
async fn an_unknown_field_is_not_recognized() {
    let rig = Rig::new();
    let message = "The parameter `Colour` is not recognized.";
    rig.send(V3::post(READ, r#"{"Colour":"red"}"#).build()).await.is("UnknownParameter", message);
    rig.send(V3::get(READ, "Colour=red").build()).await.is("UnknownParameter", message);
    rig.send(V1::get(READ, &[("Colour", "red")]).build()).await.is("UnknownParameter", message);
}

#[tokio::test]
async fn bad_or_empty_json_is_said_to_be_no_json() {
    let rig = Rig::new();
    for body in ["", "{", "nonsense", "\u{feff}{}"] {
        rig.send(V3::post(READ, body).build()).await.is(
            "InvalidParameter",
            "The request content not valid json format for specified content-type=application/json.",
        );
    }
}

#[tokio::test]
async fn a_form_pair_without_equals_is_said_to_be_one() {
    let rig = Rig::new();
    let message = "Url key and value should be splited by `=`.";
    rig.send(V3::get(READ, "Limit").build()).await.is("InvalidParameter", message);
    let form = V3 { content_type: "application/x-www-form-urlencoded", ..V3::post(READ, "Limit") };
    rig.send(form.build()).await.is("InvalidParameter", message);
    let request = Request::builder().uri("/?Action").body(Bytes::new()).unwrap();
    rig.send(request).await.is("InvalidParameter", message);
}

#[tokio::test]
async fn a_v3_body_over_ten_megabytes_is_too_large() {
    let body = vec![b' '; 10_485_761];
    Rig::new()
        .send(V3 { body, ..V3::post(READ, "") }.build())
        .await
        .is("RequestSizeLimitExceeded", "Your current request size exceed  max 10485760B, but your 10485761B.");
}

#[tokio::test]
async fn a_v1_post_over_one_megabyte_cannot_be_validated() {
    let params = V1::post(READ, &[]).set("Filler", &"x".repeat(1_048_576));
    Rig::new().send(params.build()).await.is(
        "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated because of exceeding request size limit, please use new signature method `TC3-HMAC-SHA256`.",
    );
}

#[tokio::test]
async fn a_query_over_32_kilobytes_is_too_large() {
    let rig = Rig::new();
    let query = format!("Name={}", "x".repeat(32_768));
    rig.send(V3::get(READ, &query).build())
        .await
        .is("RequestSizeLimitExceeded", "Your current request size exceed  max 32768B, but your 32773B.");
    assert_eq!(rig.calls(), 0);
}

#[tokio::test]
async fn an_old_or_future_timestamp_has_expired() {
    let rig = Rig::new();
    let message = "Signature expired. Please use local time and enable NTP service for time synchronization to avoid a deviation between `Timestamp` and the server time 1700000000.";
    for timestamp in [NOW - 301, NOW + 301] {
        rig.send(V3 { timestamp, ..V3::post(READ, "{}") }.build()).await.is("AuthFailure.SignatureExpire", message);
        rig.send(V1::get(READ, &[]).set("Timestamp", &timestamp.to_string()).build())
            .await
            .is("AuthFailure.SignatureExpire", message);
    }
    for timestamp in [NOW - 300, NOW + 300] {
        rig.send(V3 { timestamp, ..V3::post(READ, "{}") }.build()).await.is_ok();
    }
}

#[tokio::test]
async fn an_unknown_secret_id_is_not_found() {
    let rig = Rig::new();
    let message = "The SecretId is not found, please ensure that your SecretId is correct.";
    rig.send(V3 { secret_id: "AKIDnobody", ..V3::post(READ, "{}") }.build())
        .await
        .is("AuthFailure.SecretIdNotFound", message);
    rig.send(V1::get(READ, &[]).set("SecretId", "AKIDnobody").build())
        .await
        .is("AuthFailure.SecretIdNotFound", message);
}

#[tokio::test]
async fn a_disabled_key_is_invalid() {
    let answer = Rig::new().send(V3 { secret_id: common::DISABLED_ID, ..V3::post(READ, "{}") }.build()).await;
    answer.is("AuthFailure.InvalidSecretId", "The SecretId is disabled. Enable it, or use another key.");
}

#[tokio::test]
async fn a_wrong_signature_cannot_be_validated() {
    let rig = Rig::new();
    let message = "The provided credentials could not be validated. Please check your signature is correct.";
    rig.send(V3 { secret: "wrong", ..V3::post(READ, "{}") }.build()).await.is("AuthFailure.SignatureFailure", message);
    for request in [V1::get(READ, &[]), V1::post(READ, &[]), V1::get(READ, &[]).sha256()] {
        rig.send(V1 { secret: "wrong", ..request }.build()).await.is("AuthFailure.SignatureFailure", message);
    }
}

#[tokio::test]
async fn a_scope_of_another_service_or_date_is_an_invalid_authorization() {
    let rig = Rig::new();
    rig.send(V3 { service: "cvm", ..V3::post(READ, "{}") }.build()).await.is(
        "AuthFailure.InvalidAuthorization",
        "The request `Authorization` header does not conform to tencentcloud standards: `Service` in Credential not valid.",
    );
    let other_day = V3 { timestamp: NOW - 86_400, ..V3::post(READ, "{}") }.header("X-TC-Timestamp", &NOW.to_string());
    rig.send(other_day.build()).await.is(
        "AuthFailure.InvalidAuthorization",
        "The request `Authorization` header does not conform to tencentcloud standards: `Date` in Credential is not the UTC date of `X-TC-Timestamp`.",
    );
}

#[tokio::test]
async fn an_unsigned_or_malformed_authorization_is_invalid() {
    let rig = Rig::new();
    for header in ["SKIP", "skip", "TC3-HMAC-SHA256", "TC3-HMAC-SHA256 Credential=a/b", "Basic abc"] {
        let answer = rig.send(V3::post(READ, "{}").header("Authorization", header).build()).await;
        assert_eq!(answer.code(), "AuthFailure.InvalidAuthorization", "{header}");
    }
    assert_eq!(rig.calls(), 0);
}

#[tokio::test]
async fn a_long_term_key_is_used_without_a_token() {
    let rig = Rig::new();
    let answer = rig.send(V3::post(READ, "{}").header("X-TC-Token", "abc").build()).await;
    assert_eq!(answer.code(), "AuthFailure.TokenFailure");
    rig.send(V1::get(READ, &[("Token", "")]).build()).await.is_ok();
}

#[tokio::test]
async fn the_21st_request_of_a_second_is_refused() {
    let rig = Rig::new();
    for _ in 0..20 {
        rig.send(V3::post(READ, "{}").build()).await.is_ok();
    }
    rig.send(V3::post(READ, "{}").build()).await.is(
        "RequestLimitExceeded",
        "Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second. Please reduce the frequency of calls.",
    );
    rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await.is_ok();
    rig.send(V3 { region: "ap-beijing", ..V3::post(READ, "{}") }.build()).await.is_ok();
    rig.clock.advance(std::time::Duration::from_secs(1));
    rig.send(V3::post(READ, "{}").build()).await.is_ok();
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_gateway_goes_on() {
    let rig = Rig::new();
    let message = "An internal error has occurred. Retry your request, but if the problem persists, contact us.";
    rig.behave(READ, Behaviour::Panic);
    rig.send(V3::post(READ, "{}").build()).await.is("InternalError", message);
    rig.behave("EnableEtcdInstanceDeletionProtection", Behaviour::Panic);
    let change = V3::post("EnableEtcdInstanceDeletionProtection", r#"{"InstanceId":"etcd-a1b2c3d4"}"#);
    rig.send(change.build()).await.is("InternalError", message);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &rig.registry.lock().unwrap()).unwrap();
    assert!(text.contains("cetcd_api_handler_panics_total 2"), "{text}");
    rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await.is_ok();
}

#[tokio::test]
async fn other_methods_are_an_unsupported_protocol() {
    let rig = Rig::new();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"] {
        let request = Request::builder().method(method).uri("/").header("Host", HOST).body(Bytes::new()).unwrap();
        assert_eq!(rig.send(request).await.code(), "UnsupportedProtocol", "{method}");
    }
}

#[tokio::test]
async fn what_a_handler_answers_reaches_the_caller() {
    let rig = Rig::new();
    rig.behave(READ, Behaviour::Fail(cetcd_api::Error::unauthorized()));
    rig.send(V3::post(READ, "{}").build()).await.is(
        "AuthFailure.UnauthorizedOperation",
        "You are not authorized to perform this operation. Check your CAM policies, and ensure that you are using the correct access keys.",
    );
    rig.behave("DescribeEtcdQuota", Behaviour::Answer(serde_json::json!({ "QuotaLimit": 5 })));
    let answer = rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await;
    assert_eq!(answer.response["QuotaLimit"], 5);
    assert!(answer.response.get("Error").is_none());
    let context = rig.gateway.service().contexts.lock().unwrap().last().unwrap().clone();
    assert_eq!(answer.response["RequestId"], context.request_id.to_string());
    assert_eq!((&*context.account, &*context.region, context.source_ip), ("100000000001", common::REGION, CLIENT));
}

#[tokio::test]
async fn the_language_is_the_callers() {
    let rig = Rig::new();
    let chinese = "请求缺少必填参数 `InstanceId`。";
    let action = "DescribeEtcdCredentials";
    let answer = rig.send(V3::post(action, "{}").header("X-TC-Language", "zh-CN").build()).await;
    answer.is("MissingParameter", chinese);
    rig.send(V1::get(action, &[("Language", "zh-CN")]).build()).await.is("MissingParameter", chinese);
    let english = "The request is missing a required parameter `InstanceId`.";
    rig.send(V1::get(action, &[("Language", "en-US")]).build()).await.is("MissingParameter", english);
}

#[tokio::test]
async fn a_changing_action_reaches_its_handler_once() {
    let rig = Rig::new();
    let body = r#"{"Name":"a","VpcId":"vpc-abcd1234","ServiceSubnetId":"subnet-abcd1234","SubnetIds":["subnet-abcd1234"],"EtcdVersion":"3.5.16","Size":3}"#;
    rig.send(V3::post(CREATE, body).build()).await.is_ok();
    assert_eq!(rig.calls(), 1);
    assert_eq!(rig.last_request()["Size"], 3);
}
