//! Which check comes first: of two mistakes, the earlier one is answered.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{NOW, Rig, V1, V3};

const READ: &str = "DescribeEtcdInstances";

/// Every mistake at once; the next request mends the first of them.
#[tokio::test]
async fn checks_come_in_the_documented_order() {
    let rig = Rig::with(cetcd_gateway::Options { requests_per_second: 1, ..cetcd_gateway::Options::default() });
    rig.send(V3::post(READ, "{}").build()).await.is_ok();

    let large = vec![b' '; 10_485_761];
    let mut request = V3 {
        method: "PUT",
        action: "DescribeNothing",
        version: "1999-01-01",
        region: "mars-north",
        body: large,
        secret: "wrong",
        service: "cvm",
        timestamp: NOW - 301,
        ..V3::post(READ, "{")
    }
    .header("X-TC-Action", "");
    let code = async |request: &V3| rig.send(request.build()).await.code().to_owned();

    assert_eq!(code(&request).await, "UnsupportedProtocol");
    request.method = "POST";
    assert_eq!(code(&request).await, "RequestSizeLimitExceeded");
    request.body = b"{".to_vec();
    assert_eq!(code(&request).await, "MissingParameter");
    request.headers.clear();
    assert_eq!(code(&request).await, "AuthFailure.SignatureExpire");
    request.timestamp = NOW;
    assert_eq!(code(&request).await, "AuthFailure.InvalidAuthorization");
    request.service = "cetcd";
    assert_eq!(code(&request).await, "AuthFailure.SignatureFailure");
    request.secret = common::SECRET;
    assert_eq!(code(&request).await, "NoSuchVersion");
    request.version = "2022-03-25";
    assert_eq!(code(&request).await, "InvalidAction");
    request.action = READ;
    assert_eq!(code(&request).await, "UnsupportedRegion");
    request.region = common::REGION;
    assert_eq!(code(&request).await, "RequestLimitExceeded");
    rig.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(code(&request).await, "InvalidParameter");
    rig.clock.advance(std::time::Duration::from_secs(1));
    request.body = b"{}".to_vec();
    assert_eq!(code(&request).await, "OK");
}

#[tokio::test]
async fn a_bad_signature_is_answered_before_a_bad_action_or_body() {
    let rig = Rig::new();
    let v1 = V1 { secret: "wrong", ..V1::get("DescribeNothing", &[("Colour", "red")]) };
    assert_eq!(rig.send(v1.build()).await.code(), "AuthFailure.SignatureFailure");
    assert_eq!(rig.send(V1 { secret: common::SECRET, ..v1 }.build()).await.code(), "InvalidAction");
}

#[tokio::test]
async fn an_unknown_key_uses_up_nobodys_rate() {
    let rig = Rig::with(cetcd_gateway::Options { requests_per_second: 1, ..cetcd_gateway::Options::default() });
    for _ in 0..3 {
        let answer = rig.send(V3 { secret: "wrong", ..V3::post(READ, "{}") }.build()).await;
        assert_eq!(answer.code(), "AuthFailure.SignatureFailure");
    }
    rig.send(V3::post(READ, "{}").build()).await.is_ok();
}
