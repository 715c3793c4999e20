//! The ways to write one request: three signature methods, GET and POST, JSON, form and multipart.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{HOST, Rig, V1, V3};
use serde_json::json;

const READ: &str = "DescribeEtcdInstances";
fn filter_name() -> &'static str {
    let info = cetcd_api::find(READ).unwrap();
    info.request.iter().find(|field| field.name == "Filters").unwrap().filter_names[0]
}

#[tokio::test]
async fn every_form_carries_the_same_parameters() {
    let rig = Rig::new();
    let name = filter_name();
    let params = [
        ("Filters.0.Name", name),
        ("Filters.0.Values.0", "a b"),
        ("Filters.0.Values.1", "中"),
        ("Limit", "10"),
        ("Offset", "0"),
    ];
    let flattened =
        format!("Filters.0.Name={name}&Filters.0.Values.0=a+b&Filters.0.Values.1=%E4%B8%AD&Limit=10&Offset=0");
    let check = async |request| {
        rig.send(request).await.is_ok();
        let expected = json!({ "Filters": [{ "Name": name, "Values": ["a b", "中"] }], "Limit": 10, "Offset": 0 });
        let sent = rig.last_request();
        for key in ["Filters", "Limit", "Offset"] {
            assert_eq!(sent[key], expected[key]);
        }
    };
    let body = format!(r#"{{"Filters":[{{"Name":"{name}","Values":["a b","中"]}}],"Limit":10,"Offset":0}}"#);
    check(V3::post(READ, &body).build()).await;
    check(V3 { content_type: "application/json; charset=utf-8", ..V3::post(READ, &body) }.build()).await;
    check(V3::get(READ, &flattened).build()).await;
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    check(V3 { content_type: form, ..V3::post(READ, &flattened) }.build()).await;
    let part = |(key, value): &(&str, &str)| {
        format!("--58731222010402\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n")
    };
    let multipart = params.iter().map(part).collect::<Vec<_>>().concat() + "--58731222010402--\r\n";
    let content_type = "multipart/form-data; boundary=58731222010402";
    check(V3 { content_type, ..V3::post(READ, &multipart) }.build()).await;
    for request in [V1::get(READ, &params), V1::post(READ, &params)] {
        check(request.build()).await;
        check(request.clone().sha256().build()).await;
        check(V1 { content_type: form, ..request }.build()).await;
    }
}

#[tokio::test]
async fn any_path_is_the_api() {
    let rig = Rig::new();
    for path in ["/", "/some/path", "/healthz"] {
        rig.send(V3 { path, ..V3::post(READ, "{}") }.build()).await.is_ok();
    }
}

#[tokio::test]
async fn header_names_are_case_insensitive() {
    let rig = Rig::new();
    let request = V3::post(READ, "{}").header("X-Tc-Action", READ).header("x-tc-version", "2022-03-25");
    rig.send(request.build()).await.is_ok();
}

#[tokio::test]
async fn every_host_and_scope_of_the_official_clients_is_accepted() {
    let rig = Rig::new();
    for (signed, sent, service) in [
        ("http://127.0.0.1:18080", "http://127.0.0.1:18080", "cetcd"),
        ("127.0.0.1", HOST, "127"),
        ("localhost:18080", "localhost:18080", "localhost:18080"),
        ("cetcd.tencentcloudapi.com", "gateway.example.com", "cetcd"),
    ] {
        let mut request = V3 { service, ..V3::post(READ, "{}") }.build_for(signed);
        request.headers_mut().insert("host", sent.parse().unwrap());
        rig.send(request).await.is_ok();
    }
}

#[tokio::test]
async fn an_http2_authority_is_the_host() {
    let mut request = V3::post(READ, "{}").build();
    let host = request.headers_mut().remove("host").unwrap();
    *request.uri_mut() = format!("http://{}/", host.to_str().unwrap()).parse().unwrap();
    Rig::new().send(request).await.is_ok();
}

#[tokio::test]
async fn an_unsigned_payload_is_accepted_where_the_client_says_so() {
    let body = b"UNSIGNED-PAYLOAD".to_vec();
    let signed = V3 { body, ..V3::post(READ, "") }.header("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD");
    let mut request = signed.build();
    *request.body_mut() = "{}".into();
    Rig::new().send(request).await.is_ok();
}

#[tokio::test]
async fn other_common_parameters_of_v1_are_no_fields_of_the_body() {
    let extra = [("RequestClient", "SDK_PYTHON_3.1.195"), ("Language", "en-US"), ("Token", "")];
    Rig::new().send(V1::get(READ, &extra).build()).await.is_ok();
}

#[tokio::test]
async fn the_body_of_a_get_is_ignored() {
    let mut request = V3::get("DescribeEtcdQuota", "").build();
    *request.body_mut() = "nonsense".into();
    Rig::new().send(request).await.is_ok();
}

#[tokio::test]
async fn malformed_multipart_is_an_invalid_request() {
    let rig = Rig::new();
    for (content_type, body) in [
        ("multipart/form-data", "--x--"),
        ("multipart/form-data; boundary=x", "no boundary"),
        ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
    ] {
        let answer = rig.send(V3 { content_type, ..V3::post(READ, body) }.build()).await;
        assert_eq!(answer.code(), "InvalidRequest", "{content_type} {body}");
    }
}

#[tokio::test]
async fn another_content_type_is_an_invalid_parameter() {
    let rig = Rig::new();
    let answer = rig.send(V3 { content_type: "text/xml", ..V3::post(READ, "<a/>") }.build()).await;
    assert_eq!(answer.code(), "InvalidParameter");
}
