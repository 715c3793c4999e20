//! Prometheus instances: made with an instance, chosen, refused, deleted, and what they are told.

use std::collections::BTreeMap;

use cetcd_api::{
    actions::{
        CreateEtcdInstance, CreateEtcdInstanceRequest, DeleteEtcdPrometheus, DeleteEtcdPrometheusRequest,
        DescribeEtcdHealth, DescribeEtcdHealthRequest, DescribeEtcdPrometheus, DescribeEtcdPrometheusAccess,
        DescribeEtcdPrometheusAccessRequest, DescribeEtcdPrometheusRequest, ModifyEtcdConfiguration,
        ModifyEtcdConfigurationRequest,
    },
    structures::{EtcdAdvancedSettings, EtcdMonitorSettings, PrometheusCreationParam},
};
use cetcd_core::{
    PrometheusId,
    prometheus::{Prometheus, PrometheusPhase, PrometheusStatus},
    task::TaskKind,
};
use cetcd_store::records::PrometheusSecrets;
use serde_json::json;

use super::*;
use crate::service::{Discovery, StoredTargets};

const OURS: &str = "prom-abcd1234";
const OTHER: &str = "prom-bbbb2222";

fn prom(id: &str) -> PrometheusId {
    PrometheusId::parse(id).unwrap()
}

impl Bench {
    /// A Prometheus of the usual caller that serves, as creation and the controller write it.
    pub async fn serving_prometheus(&self, id: &str) {
        let record = Prometheus {
            id: prom(id),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            created_at: at(0),
            subnet_id: "subnet-abcd1234".to_owned(),
            retention_days: 10,
            grafana_user: "admin".to_owned(),
            deleting: false,
        };
        let secrets = PrometheusSecrets {
            password: "drawn".to_owned(),
            token: format!("token of {id}"),
            grafana_password: "hunter2".to_owned(),
        };
        let status = PrometheusStatus {
            phase: PrometheusPhase::Running,
            address: Some(([127, 0, 0, 9], 9090).into()),
            ..PrometheusStatus::new(at(0))
        };
        self.write(
            Txn::new()
                .then(records::put_prometheus(&record))
                .then(records::put_prometheus_status(&record.id, &status))
                .then(records::put_prometheus_secrets(&self.sealer, &record.id, &secrets)),
        )
        .await;
    }

    async fn set_prometheus(&self, id: &str, change: impl Fn(&mut PrometheusStatus)) {
        let mut status = PrometheusStatus::clone(&self.service.view.prometheus_status(&prom(id)).unwrap());
        change(&mut status);
        self.write(Txn::new().then(records::put_prometheus_status(&prom(id), &status))).await;
    }

    async fn watch(&self, id: &InstanceId, settings: EtcdMonitorSettings) -> Result<(), Error> {
        let request = ModifyEtcdConfigurationRequest {
            instance_id: id.to_string(),
            monitor_settings: Some(settings),
            ..Default::default()
        };
        self.ask::<ModifyEtcdConfiguration>(request).await.map(drop)
    }

    /// Ends the task that is under way.
    async fn settle(&self, id: &InstanceId) {
        let task = self.service.changing_task(id).expect("a task is under way");
        let mut task = Task::clone(&task);
        task.advance(task.steps.len(), at(2));
        self.write(Txn::new().then(records::put_task(&task))).await;
    }

    async fn watched_by(&self, id: &InstanceId) -> Option<String> {
        self.instance(id).await.spec.monitor.and_then(|monitor| monitor.prometheus)
    }

    async fn delete(&self, id: &str) -> Result<(), Error> {
        let request = DeleteEtcdPrometheusRequest { prometheus_id: id.to_owned() };
        self.ask::<DeleteEtcdPrometheus>(request).await.map(drop)
    }
}

fn existing(id: &str) -> EtcdMonitorSettings {
    EtcdMonitorSettings { prometheus_creation_param: None, existed_prometheus_instance_id: Some(id.to_owned()) }
}

fn new_one() -> EtcdMonitorSettings {
    let wanted = PrometheusCreationParam {
        subnet_id: "subnet-abcd1234".to_owned(),
        data_retention: 10,
        grafana_user_name: "admin".to_owned(),
        grafana_password: "correct horse".to_owned(),
    };
    EtcdMonitorSettings { prometheus_creation_param: Some(wanted), existed_prometheus_instance_id: None }
}

fn created_with(settings: EtcdMonitorSettings) -> CreateEtcdInstanceRequest {
    let advanced = EtcdAdvancedSettings { monitor_settings: Some(settings), ..Default::default() };
    CreateEtcdInstanceRequest { advanced_settings: Some(advanced), ..creation() }
}

async fn able() -> Bench {
    Bench::with(Limits::default(), PrometheusCatalogue { can_run: true, ..Default::default() }).await
}

fn code(result: Result<(), Error>) -> Code {
    result.expect_err("it is refused").code()
}

#[tokio::test]
async fn one_is_made_in_the_transaction_that_makes_its_instance_and_its_passwords_are_sealed() {
    let bench = able().await;
    let answer = bench.ask::<CreateEtcdInstance>(created_with(new_one())).await.unwrap();
    let id = InstanceId::parse(&answer.instance_id).unwrap();
    let records = bench.service.view.prometheus();
    assert_eq!(bench.watched_by(&id).await.as_deref(), Some(records[0].id.as_str()));
    assert_eq!((records[0].retention_days, records[0].account.as_str()), (10, ACCOUNT));
    for entry in bench.everything().await {
        assert!(!entry.value.windows(7).any(|part| part == b"correct"), "{}", entry.key);
    }
    let secrets = records::prometheus_secrets(bench.store.as_ref(), &bench.sealer, &records[0].id).await;
    let secrets = secrets.unwrap().unwrap();
    assert_eq!(secrets.grafana_password, "correct horse");
    assert_ne!(secrets.password, secrets.token);
}

#[tokio::test]
async fn a_creation_with_a_prometheus_that_cannot_be_leaves_nothing() {
    let bench = able().await;
    let before = bench.everything().await;
    let mut elsewhere = new_one();
    elsewhere.prometheus_creation_param.as_mut().unwrap().subnet_id = "subnet-00000000".to_owned();
    let both = EtcdMonitorSettings { existed_prometheus_instance_id: Some(OURS.to_owned()), ..new_one() };
    for (settings, wanted) in [
        (elsewhere, Code::ResourceNotFound),
        (both, Code::InvalidParameterParam),
        (existing(OURS), Code::ResourceUnavailablePrometheusStatusError),
        (existing("../../etc"), Code::ResourceUnavailablePrometheusStatusError),
    ] {
        let refused = bench.ask::<CreateEtcdInstance>(created_with(settings)).await;
        assert_eq!(code(refused.map(drop)), wanted);
    }
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn an_account_makes_as_many_as_it_may_have_instances() {
    let limits = Limits { instances_per_region: 1, ..Limits::default() };
    let bench = Bench::with(limits, PrometheusCatalogue { can_run: true, ..Default::default() }).await;
    let id = bench.made().await;
    bench.settle(&id).await;
    bench.watch(&id, new_one()).await.unwrap();
    bench.settle(&id).await;
    assert_eq!(code(bench.watch(&id, new_one()).await), Code::ResourceInsufficient);
}

#[tokio::test]
async fn an_instance_is_attached_moved_and_detached_each_as_a_task() {
    let (bench, id) = settled().await;
    for prometheus in [OURS, OTHER] {
        bench.serving_prometheus(prometheus).await;
    }
    for (wanted, found) in [(OURS, Some(OURS)), (OTHER, Some(OTHER)), ("", None)] {
        bench.watch(&id, existing(wanted)).await.unwrap();
        assert_eq!(bench.watched_by(&id).await.as_deref(), found);
        assert_eq!(bench.service.changing_task(&id).unwrap().kind, TaskKind::ModifyConfiguration);
        bench.settle(&id).await;
        bench.watch(&id, existing(wanted)).await.unwrap();
        assert!(bench.service.changing_task(&id).is_none(), "what is so is no change");
    }
    bench.watch(&id, EtcdMonitorSettings::default()).await.unwrap();
    assert!(bench.service.changing_task(&id).is_none(), "what says nothing is no change");
}

#[tokio::test]
async fn one_that_is_unknown_dead_new_going_or_another_accounts_is_refused_by_its_code() {
    let (bench, id) = settled().await;
    bench.serving_prometheus(OURS).await;
    let refused = async |bench: &Bench| code(bench.watch(&id, existing(OURS)).await);
    let wanted = Code::ResourceUnavailablePrometheusStatusError;
    assert_eq!(code(bench.watch(&id, existing(OTHER)).await), wanted);
    for phase in [PrometheusPhase::Creating, PrometheusPhase::Abnormal] {
        bench.set_prometheus(OURS, |status| status.phase = phase).await;
        assert_eq!(refused(&bench).await, wanted);
    }
    bench.set_prometheus(OURS, |status| status.phase = PrometheusPhase::Running).await;
    let record = Prometheus::clone(&bench.service.view.prometheus()[0]);
    for changed in [
        Prometheus { account: "100000000002".to_owned(), ..record.clone() },
        Prometheus { region: "ap-shanghai".to_owned(), ..record.clone() },
        Prometheus { deleting: true, ..record.clone() },
    ] {
        bench.write(Txn::new().then(records::put_prometheus(&changed))).await;
        assert_eq!(refused(&bench).await, wanted);
    }
    bench.write(Txn::new().then(records::put_prometheus(&record))).await;
    bench.watch(&id, existing(OURS)).await.unwrap();
}

#[tokio::test]
async fn one_that_runs_elsewhere_is_attached_by_anybody_and_deleted_by_nobody() {
    let external = BTreeMap::from([(prom(OURS), "http://127.0.0.1:9090".to_owned())]);
    let bench = Bench::with(Limits::default(), PrometheusCatalogue { external, ..Default::default() }).await;
    let id = bench.made().await;
    bench.settle(&id).await;
    assert_eq!(
        code(bench.watch(&id, existing(OURS)).await),
        Code::ResourceUnavailablePrometheusStatusError,
        "nobody saw it serve yet"
    );
    let status = PrometheusStatus { phase: PrometheusPhase::Running, ..PrometheusStatus::new(at(0)) };
    bench.write(Txn::new().then(records::put_prometheus_status(&prom(OURS), &status))).await;
    bench.watch(&id, existing(OURS)).await.unwrap();
    assert_eq!(code(bench.delete(OURS).await), Code::UnsupportedOperation);
    let listed = bench.ask::<DescribeEtcdPrometheus>(DescribeEtcdPrometheusRequest::default()).await.unwrap();
    let listed = listed.prometheus.unwrap();
    assert_eq!((listed[0].external, listed[0].url.as_deref()), (true, Some("http://127.0.0.1:9090")));
    assert_eq!(listed[0].watched.as_ref().unwrap().len(), 1);
}

#[tokio::test]
async fn one_that_watches_an_instance_is_not_deleted_and_one_that_watches_none_is() {
    let (bench, id) = settled().await;
    bench.serving_prometheus(OURS).await;
    bench.watch(&id, existing(OURS)).await.unwrap();
    bench.settle(&id).await;
    let refused = bench.delete(OURS).await.unwrap_err();
    assert_eq!(refused.code(), Code::OperationDenied);
    bench.watch(&id, existing("")).await.unwrap();
    bench.delete(OURS).await.unwrap();
    assert!(bench.service.view.prometheus()[0].deleting);
    bench.delete(OURS).await.unwrap();
    assert_eq!(code(bench.delete(OTHER).await), Code::ResourceNotFound);
}

#[tokio::test]
async fn its_password_is_told_to_its_owner_alone() {
    let bench = Bench::new().await;
    bench.serving_prometheus(OURS).await;
    let request = || DescribeEtcdPrometheusAccessRequest { prometheus_id: OURS.to_owned() };
    let told = bench.ask::<DescribeEtcdPrometheusAccess>(request()).await.unwrap();
    assert_eq!((told.url.as_str(), told.password.as_str()), ("http://127.0.0.9:9090", "drawn"));
    let stranger = Context { account: "100000000002".into(), ..context() };
    let refused = bench.ask_as::<DescribeEtcdPrometheusAccess>(&stranger, request()).await;
    assert_eq!(code(refused.map(drop)), Code::ResourceNotFound);
    let listed = bench.ask_as::<DescribeEtcdPrometheus>(&stranger, DescribeEtcdPrometheusRequest::default()).await;
    assert!(listed.unwrap().prometheus.unwrap().is_empty());
}

#[tokio::test]
async fn health_tells_of_a_prometheus_that_died() {
    let (bench, id) = settled().await;
    bench.serving_prometheus(OURS).await;
    bench.watch(&id, existing(OURS)).await.unwrap();
    bench
        .set_prometheus(OURS, |status| {
            status.phase = PrometheusPhase::Abnormal;
            "its process has ended".clone_into(&mut status.reason);
        })
        .await;
    let status = Status { conditions: vec![], ..running(3) };
    bench.set_status(&id, &status).await;
    let request = DescribeEtcdHealthRequest { instance_id: id.to_string() };
    let health = bench.ask::<DescribeEtcdHealth>(request).await.unwrap();
    let found = health.conditions.unwrap().into_iter().find(|condition| condition.kind == "MonitoringServed").unwrap();
    assert!(!found.holds && found.reason.contains("its process has ended") && !found.advice.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_prometheus_is_told_the_members_of_what_it_watches_and_of_nothing_else() {
    let (bench, id) = settled().await;
    let unwatched = bench.made().await;
    for prometheus in [OURS, OTHER] {
        bench.serving_prometheus(prometheus).await;
    }
    bench.watch(&id, existing(OURS)).await.unwrap();
    let targets = StoredTargets {
        store: Arc::clone(&bench.store) as Arc<dyn Store>,
        sealer: bench.sealer.clone(),
        view: Arc::clone(&bench.service.view),
    };
    let ask = async |prometheus: &str, instance: &InstanceId, token: &str| {
        targets.targets(prometheus, instance.as_str(), token).await
    };
    let told = ask(OURS, &id, "token of prom-abcd1234").await.unwrap();
    assert_eq!(told.as_array().unwrap().len(), 3);
    assert_eq!(told[0]["labels"], json!({ "instance": id, "member": id.member_name(0) }));
    assert_eq!(ask(OURS, &unwatched, "token of prom-abcd1234").await, Some(json!([])));
    assert_eq!(ask(OTHER, &id, "token of prom-bbbb2222").await, Some(json!([])), "it watches another");
    for (prometheus, token) in [(OURS, "token of prom-bbbb2222"), (OURS, ""), ("prom-00000000", "token"), ("x", "y")] {
        assert_eq!(ask(prometheus, &id, token).await, None, "{prometheus} {token}");
    }
}
