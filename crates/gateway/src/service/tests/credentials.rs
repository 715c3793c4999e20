use std::collections::BTreeMap;

use cetcd_api::actions::{
    CreateEtcdInstance, CreateEtcdInstanceRequest, DescribeEtcdCredentials, DescribeEtcdCredentialsRequest,
};
use cetcd_api::structures::{EtcdAdvancedSettings, EtcdCredential, EtcdSecuritySettings};
use cetcd_store::records::{InstanceCertificates, StoredPair};

use super::*;

async fn issue(bench: &Bench, id: &InstanceId) {
    let pair = |name: &str| StoredPair { cert: format!("{name} cert"), key: format!("{name} key") };
    let all = InstanceCertificates {
        authority: pair("ca"),
        client: pair("root"),
        members: BTreeMap::new(),
        incoming: None,
        outgoing: None,
    };
    let key = records::certificates_key(id);
    bench.write(Txn::new().then(records::put_secret(&bench.sealer, &key, &records::encode(&all)))).await;
}

async fn credentials(bench: &Bench, id: &str) -> Vec<EtcdCredential> {
    let request = DescribeEtcdCredentialsRequest { instance_id: id.to_owned() };
    bench.ask::<DescribeEtcdCredentials>(request).await.unwrap().credentials.unwrap()
}

#[tokio::test]
async fn credentials_are_the_ca_and_the_root_client_without_the_cas_key() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    issue(&bench, &id).await;
    let all = credentials(&bench, id.as_str()).await;
    assert_eq!(all.len(), 1);
    let shown = [all[0].ca_cert.as_deref(), all[0].cert.as_deref(), all[0].key.as_deref()];
    assert_eq!(shown, [Some("ca cert"), Some("root cert"), Some("root key")]);
}

#[tokio::test]
async fn credentials_that_are_not_issued_yet_are_an_empty_list() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    assert!(credentials(&bench, id.as_str()).await.is_empty());
}

#[tokio::test]
async fn an_instance_without_tls_has_no_credentials() {
    let bench = Bench::new().await;
    let security_settings = Some(EtcdSecuritySettings { https: Some(false), client_cert_auth: None });
    let request = CreateEtcdInstanceRequest {
        advanced_settings: Some(EtcdAdvancedSettings { security_settings, ..Default::default() }),
        ..creation()
    };
    let id = bench.ask::<CreateEtcdInstance>(request).await.unwrap().instance_id;
    issue(&bench, &InstanceId::parse(&id).unwrap()).await;
    assert!(credentials(&bench, &id).await.is_empty());
}

#[tokio::test]
async fn certificates_that_cannot_be_opened_are_a_fault_of_ours_without_details() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.write(Txn::new().put(records::certificates_key(&id), "not sealed")).await;
    let request = DescribeEtcdCredentialsRequest { instance_id: id.to_string() };
    let text = refusal(bench.ask::<DescribeEtcdCredentials>(request).await, Code::InternalError);
    assert!(!text.contains("certificates"), "{text}");
}
