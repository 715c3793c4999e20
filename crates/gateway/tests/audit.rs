//! What the audit log says, and what it does not.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use cetcd_gateway::{AuditOptions, Options};
use common::{Behaviour, CLIENT, Rig, V3};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const CHANGE: &str = "EnableEtcdInstanceDeletionProtection";
const BODY: &str = r#"{"InstanceId":"etcd-a1b2c3d4"}"#;

fn rig(folder: &Path) -> Rig {
    Rig::with(Options { audit: Some(AuditOptions::new(folder.join("audit.log"))), ..Options::default() })
}

/// Stops the gateway, which writes what is queued, and reads the log.
async fn lines(rig: &Rig, folder: &Path) -> Vec<Value> {
    let stopped = CancellationToken::new();
    stopped.cancel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    rig.gateway.serve(listener, None, stopped).await.unwrap();
    let path = folder.join("audit.log");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_change_is_recorded_with_who_what_and_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let answer = rig.send(V3::post(CHANGE, BODY).build()).await;
    rig.behave(CHANGE, Behaviour::Fail(cetcd_api::Error::instance_not_found("etcd-a1b2c3d4")));
    rig.send(V3::post(CHANGE, BODY).build()).await;
    let lines = lines(&rig, folder.path()).await;
    assert_eq!(lines.len(), 2);
    let first = &lines[0];
    assert_eq!(first["request_id"], answer.response["RequestId"]);
    assert_eq!(first["account"], "100000000001");
    assert_eq!(first["secret_id"], common::SECRET_ID);
    assert_eq!(first["action"], CHANGE);
    assert_eq!(first["region"], common::REGION);
    assert_eq!(first["source_ip"], CLIENT.to_string());
    assert_eq!(first["time"], "2023-11-14T22:13:20Z");
    assert_eq!(first["parameters"]["InstanceId"], "etcd-a1b2c3d4");
    assert_eq!(first["outcome"], "OK");
    assert_eq!(lines[1]["outcome"], "ResourceNotFound");
    assert_eq!(lines[1]["message"], "The instance `etcd-a1b2c3d4` does not exist.");
}

#[tokio::test]
async fn secrets_are_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let body = r#"{"InstanceId":"etcd-a1b2c3d4","EnableAuth":true,"Password":"hunter2-hunter2"}"#;
    rig.send(V3::post("ModifyEtcdAttribute", body).build()).await.is_ok();
    let lines = lines(&rig, folder.path()).await;
    assert_eq!(lines[0]["parameters"]["Password"], "[redacted]");
    let text = lines[0].to_string();
    assert!(!text.contains("hunter2") && !text.contains(common::SECRET), "{text}");
}

#[tokio::test]
async fn reads_and_refusals_before_the_action_are_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    rig.send(V3::post("DescribeEtcdQuota", "{}").build()).await.is_ok();
    rig.send(V3 { secret: "wrong", ..V3::post(CHANGE, BODY) }.build()).await;
    rig.send(V3 { region: "mars-north", ..V3::post(CHANGE, BODY) }.build()).await;
    assert_eq!(lines(&rig, folder.path()).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_recorded_without_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    rig.send(V3::post(CHANGE, "{").build()).await;
    rig.send(V3 { content_type: "text/plain", ..V3::post(CHANGE, "x") }.build()).await;
    for line in lines(&rig, folder.path()).await {
        assert_eq!((&line["outcome"], &line["parameters"]), (&Value::from("InvalidParameter"), &Value::Null));
    }
}

#[tokio::test]
async fn a_change_ends_and_is_recorded_when_its_client_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path());
    let go_on = Arc::new(tokio::sync::Semaphore::new(0));
    rig.behave(CHANGE, Behaviour::Wait(Arc::clone(&go_on)));
    let mut call = Box::pin(rig.send(V3::post(CHANGE, BODY).build()));
    let began = async {
        while rig.gateway.service().contexts.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = &mut call => panic!("it cannot end before it is let go on"),
        () = began => {}
    }
    drop(call);
    assert_eq!(rig.calls(), 0);
    go_on.add_permits(1);
    let lines = lines(&rig, folder.path()).await;
    assert_eq!((lines.len(), &lines[0]["outcome"]), (1, &Value::from("OK")));
    assert_eq!(rig.calls(), 1);
}
