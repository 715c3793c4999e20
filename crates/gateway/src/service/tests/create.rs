use cetcd_api::{
    Code,
    actions::{self, CreateEtcdInstance, CreateEtcdInstanceRequest, DescribeEtcdCreatingProgress},
    structures::{
        ChargePrepaidConfig, EtcdAdvancedSettings, EtcdAutoCompactionSettings, EtcdBackupSettings, EtcdMonitorSettings,
        EtcdSecuritySettings, PrometheusCreationParam,
    },
    values::{AutoCompactionMode, ChargeType, RenewFlag, StepState},
};
use cetcd_core::{
    EtcdVersion, InstanceId,
    instance::{BackupSettings, Charge, CompactionMode, Security},
    task::{TaskKind, TaskState},
};
use cetcd_store::{Store, records};

use super::*;

fn with(settings: EtcdAdvancedSettings) -> CreateEtcdInstanceRequest {
    CreateEtcdInstanceRequest { advanced_settings: Some(settings), ..creation() }
}

fn secured(https: Option<bool>, client_cert_auth: Option<bool>) -> CreateEtcdInstanceRequest {
    let security_settings = Some(EtcdSecuritySettings { https, client_cert_auth });
    with(EtcdAdvancedSettings { security_settings, ..Default::default() })
}

fn compacted(mode: AutoCompactionMode, retention: &str) -> CreateEtcdInstanceRequest {
    with(EtcdAdvancedSettings {
        auto_compaction_settings: Some(EtcdAutoCompactionSettings {
            auto_compaction_mode: mode,
            auto_compaction_retention: retention.to_owned(),
        }),
        ..Default::default()
    })
}

async fn accepted(bench: &Bench, request: CreateEtcdInstanceRequest) -> cetcd_core::Instance {
    let answer = bench.ask::<CreateEtcdInstance>(request).await.unwrap();
    bench.instance(&InstanceId::parse(&answer.instance_id).unwrap()).await
}

#[track_caller]
fn nothing_is_written(before: &[Entry], after: &[Entry]) {
    assert_eq!(before, after);
}

async fn refused(request: CreateEtcdInstanceRequest, code: Code) -> String {
    let bench = Bench::new().await;
    let before = bench.everything().await;
    let text = refusal(bench.ask::<CreateEtcdInstance>(request).await, code);
    nothing_is_written(&before, &bench.everything().await);
    text
}

#[tokio::test]
async fn an_instance_and_its_task_are_there_when_the_answer_is() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let instance = bench.instance(&id).await;
    assert_eq!((instance.account.as_str(), instance.region.as_str()), (ACCOUNT, REGION));
    assert_eq!((instance.generation, instance.created_at), (1, at(0)));
    let task = bench.task(&id);
    assert_eq!((task.kind, task.state, task.generation), (TaskKind::CreateInstance, TaskState::Process, 1));
    assert_eq!((task.account.as_str(), task.region.as_str()), (ACCOUNT, REGION));
}

#[tokio::test]
async fn an_id_that_is_taken_is_drawn_again() {
    let bench = Bench::new().await;
    let first = bench.made().await;
    bench.numbers.start_over();
    let second = bench.made().await;
    assert_ne!(first, second);
    assert_ne!(bench.task(&first).id, bench.task(&second).id);
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let bench = Bench::new().await;
    let spec = accepted(&bench, creation()).await.spec;
    assert_eq!(spec.security, Security { https: true, client_cert_auth: true });
    assert_eq!(spec.backup, BackupSettings::default());
    assert_eq!(spec.charge, Charge::default());
    assert_eq!((spec.size, spec.disk_size_gb), (3, 20));
    assert_eq!(spec.version, EtcdVersion::new(3, 5, 16));
    assert!(!spec.deletion_protection && !spec.deleting && spec.description.is_empty());
    assert!(spec.auto_compaction.is_none() && spec.monitor.is_none() && spec.resources.is_none());
    assert!(spec.custom_domains.is_empty() && spec.custom_ips.is_empty());
}

#[tokio::test]
async fn every_setting_is_kept() {
    let bench = Bench::new().await;
    bench.serving_prometheus("prom-abcd1234").await;
    let request = CreateEtcdInstanceRequest {
        description: Some("two\nlines".to_owned()),
        charge_type: Some(ChargeType::Prepaid),
        charge_prepaid: Some(ChargePrepaidConfig { period: 3, renew_flag: RenewFlag::NotifyAndAutoRenew }),
        disk_size: Some(50),
        deletion_protection: Some(true),
        ..with(EtcdAdvancedSettings {
            security_settings: Some(EtcdSecuritySettings { https: Some(true), client_cert_auth: Some(false) }),
            auto_compaction_settings: Some(EtcdAutoCompactionSettings {
                auto_compaction_mode: AutoCompactionMode::Revision,
                auto_compaction_retention: "1000".to_owned(),
            }),
            monitor_settings: Some(EtcdMonitorSettings {
                existed_prometheus_instance_id: Some("prom-abcd1234".to_owned()),
                prometheus_creation_param: None,
            }),
            backup_settings: Some(EtcdBackupSettings {
                backup_interval: 300,
                max_backup_count: 5,
                user: Some("backup".to_owned()),
                password: None,
                cos_bucket_name: Some("bucket-1".to_owned()),
            }),
            custom_domains: Some("*.abc.com, etcd.local,*.abc.com".to_owned()),
            custom_ips: Some("10.0.0.7, ::1".to_owned()),
        })
    };
    let spec = accepted(&bench, request).await.spec;
    assert_eq!(spec.security, Security { https: true, client_cert_auth: false });
    let compaction = spec.auto_compaction.unwrap();
    assert_eq!((compaction.mode, compaction.retention.as_str()), (CompactionMode::Revision, "1000"));
    assert_eq!(spec.monitor.unwrap().prometheus.as_deref(), Some("prom-abcd1234"));
    assert_eq!((spec.backup.interval_seconds, spec.backup.max_count), (300, 5));
    assert_eq!(spec.backup.user.as_deref(), Some("backup"));
    assert_eq!(spec.backup.cos_bucket_name.as_deref(), Some("bucket-1"));
    assert_eq!(spec.custom_domains, ["*.abc.com", "etcd.local"]);
    let addresses: Vec<IpAddr> = vec!["10.0.0.7".parse().unwrap(), "::1".parse().unwrap()];
    assert_eq!(spec.custom_ips, addresses);
    assert_eq!((spec.charge.kind.as_str(), spec.charge.period), ("PREPAID", Some(3)));
    assert_eq!(spec.charge.renew_flag.as_deref(), Some("NOTIFY_AND_AUTO_RENEW"));
    assert_eq!((spec.description.as_str(), spec.disk_size_gb), ("two\nlines", 50));
    assert!(spec.deletion_protection);
}

#[tokio::test]
async fn the_documents_own_example_is_accepted() {
    let bench = Bench::new().await;
    bench.serving_prometheus("prom-abcd1234").await;
    let example = CreateEtcdInstance::INFO.example_request.replace("v3.4.9", "v3.4.23");
    let request = cetcd_api::decode::<CreateEtcdInstance>(cetcd_api::Input::Json(example.as_bytes())).unwrap();
    let spec = accepted(&bench, request).await.spec;
    assert_eq!(spec.monitor.unwrap().prometheus.as_deref(), Some("prom-abcd1234"));
    assert_eq!((spec.backup.interval_seconds, spec.backup.max_count), (300, 5));
}

#[tokio::test]
async fn a_version_may_be_written_without_its_v() {
    let bench = Bench::new().await;
    let request = CreateEtcdInstanceRequest { etcd_version: "3.4.23".to_owned(), ..creation() };
    assert_eq!(accepted(&bench, request).await.spec.version, EtcdVersion::new(3, 4, 23));
}

#[tokio::test]
async fn a_version_that_is_not_offered_is_refused_with_those_that_are() {
    for version in ["v3.5.1", "latest", "v3.5.16/../../bin"] {
        let request = CreateEtcdInstanceRequest { etcd_version: version.to_owned(), ..creation() };
        let text = refused(request, Code::InvalidParameterParam).await;
        assert!(text.contains(version) && text.contains("`v3.5.16`, `v3.4.23`"), "{text}");
    }
}

#[tokio::test]
async fn an_unknown_vpc_is_refused_with_those_of_the_region() {
    let request = CreateEtcdInstanceRequest { vpc_id: "vpc-nowhere1".to_owned(), ..creation() };
    let text = refused(request, Code::ResourceNotFound).await;
    assert!(text.contains("vpc-nowhere1") && text.contains("`vpc-abcd1234`"), "{text}");
    assert!(!text.contains("vpc-shanghai"), "{text}");
}

#[tokio::test]
async fn a_vpc_of_another_region_does_not_exist() {
    let request = CreateEtcdInstanceRequest {
        vpc_id: "vpc-shanghai".to_owned(),
        subnet_ids: vec!["subnet-shanghai".to_owned()],
        service_subnet_id: "subnet-shanghai".to_owned(),
        ..creation()
    };
    refused(request.clone(), Code::ResourceNotFound).await;
    let bench = Bench::new().await;
    bench.ask_as::<CreateEtcdInstance>(&elsewhere(), request).await.unwrap();
}

#[tokio::test]
async fn a_subnet_of_another_vpc_does_not_exist() {
    let members = CreateEtcdInstanceRequest { subnet_ids: vec!["subnet-shanghai".to_owned()], ..creation() };
    let service = CreateEtcdInstanceRequest { service_subnet_id: "subnet-shanghai".to_owned(), ..creation() };
    for request in [members, service] {
        let text = refused(request, Code::ResourceNotFound).await;
        assert!(text.contains("`subnet-shanghai`") && text.contains("`subnet-abcd1234`"), "{text}");
    }
}

#[tokio::test]
async fn a_subnet_that_is_named_twice_is_refused() {
    let twice = vec!["subnet-abcd1234".to_owned(), "subnet-abcd1234".to_owned()];
    let request = CreateEtcdInstanceRequest { subnet_ids: twice, ..creation() };
    let text = refused(request, Code::InvalidParameterParam).await;
    assert!(text.contains("subnet-abcd1234"), "{text}");
}

#[tokio::test]
async fn client_certificates_need_https() {
    refused(secured(Some(false), Some(true)), Code::InvalidParameterParam).await;
}

#[tokio::test]
async fn client_certificates_follow_https_unless_said() {
    let bench = Bench::new().await;
    for (https, auth, expected) in
        [(Some(false), None, (false, false)), (None, None, (true, true)), (None, Some(false), (true, false))]
    {
        let security = accepted(&bench, secured(https, auth)).await.spec.security;
        assert_eq!((security.https, security.client_cert_auth), expected);
    }
}

#[tokio::test]
async fn a_retention_must_fit_its_mode() {
    for (mode, retention) in [
        (AutoCompactionMode::Revision, "5m"),
        (AutoCompactionMode::Periodic, "4000000000"),
        (AutoCompactionMode::Periodic, "4000000000h"),
    ] {
        let text = refused(compacted(mode, retention), Code::InvalidParameterParam).await;
        assert!(text.contains(retention), "{text}");
    }
}

#[tokio::test]
async fn a_retention_that_fits_is_kept_as_written() {
    let bench = Bench::new().await;
    for (mode, retention) in [
        (AutoCompactionMode::Periodic, "1h30m"),
        (AutoCompactionMode::Periodic, "2"),
        (AutoCompactionMode::Revision, "4000000000"),
    ] {
        let spec = accepted(&bench, compacted(mode, retention)).await.spec;
        assert_eq!(spec.auto_compaction.unwrap().retention, retention);
    }
    let none = compacted(AutoCompactionMode::Periodic, "");
    assert!(accepted(&bench, none).await.spec.auto_compaction.is_none());
}

#[tokio::test]
async fn a_prometheus_cannot_be_created_without_a_binary_to_run() {
    let parameters = PrometheusCreationParam { subnet_id: "subnet-abcd1234".to_owned(), ..Default::default() };
    let request = with(EtcdAdvancedSettings {
        monitor_settings: Some(EtcdMonitorSettings {
            prometheus_creation_param: Some(parameters),
            existed_prometheus_instance_id: None,
        }),
        ..Default::default()
    });
    let text = refused(request, Code::UnsupportedOperation).await;
    assert!(text.contains("PrometheusCreationParam"), "{text}");
}

#[tokio::test]
async fn a_prepaid_instance_needs_its_period() {
    let request = CreateEtcdInstanceRequest { charge_type: Some(ChargeType::Prepaid), ..creation() };
    let text = refused(request, Code::MissingParameter).await;
    assert!(text.contains("`ChargePrepaid`"), "{text}");
}

#[tokio::test]
async fn settings_left_null_have_their_defaults() {
    let bench = Bench::new().await;
    let request = with(EtcdAdvancedSettings {
        backup_settings: Some(EtcdBackupSettings { user: Some(String::new()), ..Default::default() }),
        monitor_settings: Some(EtcdMonitorSettings::default()),
        ..Default::default()
    });
    let spec = accepted(&bench, request).await.spec;
    assert_eq!(spec.backup, BackupSettings::default());
    assert!(spec.monitor.is_none());
}

#[tokio::test]
async fn a_backup_password_is_in_the_store_only_sealed() {
    let bench = Bench::new().await;
    let request = with(EtcdAdvancedSettings {
        backup_settings: Some(EtcdBackupSettings {
            password: Some("correct horse battery".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    });
    let id = accepted(&bench, request).await.id;
    for entry in bench.everything().await {
        let clear = entry.value.windows(7).any(|part| part == b"correct" || part == b"battery");
        assert!(!clear, "{}", entry.key);
    }
    let key = records::backup_password_key(&id);
    let opened = records::secret(bench.store.as_ref(), &bench.sealer, &key).await.unwrap().unwrap();
    assert_eq!(opened.as_slice(), b"correct horse battery");
}

#[tokio::test]
async fn a_creation_without_a_password_stores_no_secret() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    assert!(bench.store.range(&records::secrets_prefix(&id)).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn progress_shows_the_five_steps_in_order() {
    let bench = Bench::new().await;
    let id = bench.made().await;
    let mut task = (*bench.task(&id)).clone();
    task.advance(2, at(4));
    task.report("no quorum yet", at(5));
    bench.write(Txn::new().then(records::put_task(&task))).await;

    let request = actions::DescribeEtcdCreatingProgressRequest { instance_id: id.to_string() };
    let steps = bench.ask::<DescribeEtcdCreatingProgress>(request).await.unwrap().steps.unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, ["prepare_env", "install_suit", "create_etcd", "install_monitor", "create_backup_policy"]);
    let states: Vec<StepState> = steps.iter().map(|step| step.life_state).collect();
    let (success, pending) = (StepState::Success, StepState::Pending);
    assert_eq!(states, [success, success, StepState::Failed, pending, pending]);
    assert_eq!(steps[0].start_at.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert_eq!(steps[0].end_at.as_deref(), Some("2023-11-14T22:13:24Z"));
    assert_eq!((steps[2].end_at.as_deref(), steps[2].failed_msg.as_deref()), (None, Some("no quorum yet")));
    assert_eq!((steps[3].start_at.as_deref(), steps[3].failed_msg.as_deref()), (None, Some("")));
}
