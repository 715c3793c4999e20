//! Repetitions, floods and nonsense.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use cetcd_gateway::Options;
use common::{Rig, V1, V3};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const CHANGE: &str = "EnableEtcdInstanceDeletionProtection";
const INSTANCE: &[(&str, &str)] = &[("InstanceId", "etcd-a1b2c3d4")];

#[tokio::test]
async fn an_exact_repetition_of_a_v1_change_is_refused() {
    let rig = Rig::new();
    for request in [V1::get(CHANGE, INSTANCE), V1::post(CHANGE, INSTANCE), V1::get(CHANGE, INSTANCE).sha256()] {
        rig.send(request.build()).await.is_ok();
        let answer = rig.send(request.build()).await;
        assert_eq!(answer.code(), "AuthFailure.SignatureFailure");
        assert!(answer.message().contains("repeats an earlier one"), "{}", answer.message());
        rig.send(request.set("Nonce", "1").build()).await.is_ok();
    }
    assert_eq!(rig.calls(), 6);
}

#[tokio::test]
async fn reads_and_v3_changes_may_be_repeated() {
    let rig = Rig::new();
    for _ in 0..2 {
        rig.send(V1::get("DescribeEtcdQuota", &[]).build()).await.is_ok();
        rig.send(V3::post(CHANGE, r#"{"InstanceId":"etcd-a1b2c3d4"}"#).build()).await.is_ok();
    }
}

#[tokio::test]
async fn a_repetition_after_a_refusal_is_not_one() {
    let rig = Rig::with(Options { requests_per_second: 1, ..Options::default() });
    rig.send(V1::get(CHANGE, INSTANCE).build()).await.is_ok();
    let second = V1::get(CHANGE, INSTANCE).set("Nonce", "2");
    assert_eq!(rig.send(second.build()).await.code(), "RequestLimitExceeded");
    rig.clock.advance(Duration::from_secs(1));
    rig.send(second.build()).await.is_ok();
}

#[tokio::test]
async fn the_limit_can_be_set_or_lifted() {
    let rig = Rig::with(Options { requests_per_second: 2, ..Options::default() });
    for expected in ["OK", "OK", "RequestLimitExceeded"] {
        assert_eq!(rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await.code(), expected);
    }
    let rig = Rig::with(Options { requests_per_second: 0, ..Options::default() });
    for _ in 0..100 {
        rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await.is_ok();
    }
}

#[tokio::test]
async fn an_invented_action_makes_no_series_of_its_own() {
    let rig = Rig::new();
    rig.send(V3::post("Invented", "{}").build()).await;
    rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &rig.registry.lock().unwrap()).unwrap();
    assert!(text.contains(r#"cetcd_api_requests_total{action="unknown",code="InvalidAction"} 1"#), "{text}");
    assert!(text.contains(r#"cetcd_api_requests_total{action="DescribeEtcdQuota",code="OK"} 1"#), "{text}");
    assert!(text.contains(r#"cetcd_api_request_duration_seconds_count{action="DescribeEtcdQuota"} 1"#), "{text}");
    assert!(text.contains("cetcd_api_requests_in_flight 0"), "{text}");
    assert!(!text.contains("Invented"), "{text}");
}

/// Half nonsense, half something that looks right.
fn random_body(random: &mut StdRng, examples: &[&str]) -> String {
    match random.random_range(0..4) {
        0 => {
            let bytes: Vec<u8> = (0..random.random_range(0..200)).map(|_| random.random()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        1 => {
            const TOKENS: &[&str] = &[
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                "\"",
                "null",
                "true",
                "-1",
                "1e999",
                "18446744073709551616",
                "\"Name\"",
                "\"Filters\"",
                "\\u0000",
                "\"Size\"",
                "\"AdvancedSettings\"",
                "&",
                "=",
                ".0.",
                "%",
                "+",
                "\r\n",
                "--x",
            ];
            (0..random.random_range(0..40)).map(|_| TOKENS[random.random_range(0..TOKENS.len())]).collect()
        }
        _ => {
            let mut body = examples[random.random_range(0..examples.len())].as_bytes().to_vec();
            for _ in 0..random.random_range(0..4) {
                if body.is_empty() {
                    break;
                }
                let at = random.random_range(0..body.len());
                match random.random_range(0..3) {
                    0 => body[at] = random.random(),
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, random.random()),
                }
            }
            String::from_utf8_lossy(&body).into_owned()
        }
    }
}

#[tokio::test]
async fn ten_thousand_random_bodies_never_cause_an_internal_error() {
    const CONTENT_TYPES: &[&str] = &[
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
    ];
    let rig = Rig::with(Options { requests_per_second: 0, ..Options::default() });
    let mut random = StdRng::seed_from_u64(20_220_325);
    let actions = cetcd_api::actions();
    let examples: Vec<&str> = actions.iter().map(|action| action.example_request).collect();
    let mut accepted = 0;
    for round in 0..10_000 {
        let action = actions[random.random_range(0..actions.len())].name;
        let body = random_body(&mut random, &examples);
        let request = if round % 4 == 0 {
            V1::post(action, &[("Limit", &body), (&body, "1")]).set("Nonce", &round.to_string()).build()
        } else {
            let content_type = CONTENT_TYPES[random.random_range(0..CONTENT_TYPES.len())];
            V3 { content_type, ..V3::post(action, &body) }.build()
        };
        let answer = rig.send(request).await;
        assert!(!answer.code().starts_with("InternalError"), "{action} {body:?}: {answer:?}");
        accepted += usize::from(answer.code() == "OK");
    }
    assert_eq!(rig.calls(), accepted, "what was not accepted reached no handler");
    assert!(accepted > 0);
}
