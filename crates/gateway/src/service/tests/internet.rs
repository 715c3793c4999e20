//! Opening an instance to the public: who may, to whom, and what is refused.

use cetcd_api::actions::{
    DescribeEtcdInternet, DescribeEtcdInternetRequest, DescribeEtcdInternetResponse, DisableEtcdInternet,
    DisableEtcdInternetRequest, EnableEtcdInternet, EnableEtcdInternetRequest, ModifyEtcdAttribute,
    ModifyEtcdAttributeRequest,
};
use cetcd_core::{
    condition::{Condition, ConditionKind},
    instance::Auth,
    internet::PublicAddress,
    task::{TaskKind, TaskState},
};

use super::*;

/// A service with so many public ports, and an instance that was made.
async fn made(public_ports: usize) -> (Bench, InstanceId) {
    let bench = Bench::with_limits(Limits { public_ports, ..Limits::default() }).await;
    let id = settled(&bench).await;
    (bench, id)
}

async fn settled(bench: &Bench) -> InstanceId {
    let id = bench.made().await;
    end(bench, &id).await;
    bench.set_status(&id, &running(3)).await;
    id
}

/// The task under way comes to its end.
async fn end(bench: &Bench, id: &InstanceId) {
    if let Some(task) = bench.service.changing_task(id) {
        let mut task = Task::clone(&task);
        task.advance(task.steps.len(), at(1));
        bench.write(Txn::new().then(records::put_task(&task))).await;
    }
}

impl Bench {
    async fn enable(&self, id: &InstanceId, networks: &[&str]) -> Result<(), Error> {
        let allowed_networks = networks.iter().map(|network| (*network).to_owned()).collect();
        let request = EnableEtcdInternetRequest { instance_id: id.to_string(), allowed_networks };
        self.ask::<EnableEtcdInternet>(request).await.map(drop)
    }

    async fn disable(&self, id: &InstanceId) -> Result<(), Error> {
        self.ask::<DisableEtcdInternet>(DisableEtcdInternetRequest { instance_id: id.to_string() }).await.map(drop)
    }

    async fn internet(&self, id: &InstanceId) -> DescribeEtcdInternetResponse {
        let request = DescribeEtcdInternetRequest { instance_id: id.to_string() };
        self.ask::<DescribeEtcdInternet>(request).await.unwrap()
    }

    async fn change(&self, id: &InstanceId, change: impl FnOnce(&mut Instance)) {
        let mut instance = self.instance(id).await;
        change(&mut instance);
        self.write(Txn::new().then(records::put_instance(&instance))).await;
    }

    fn networks(&self, id: &InstanceId) -> Vec<String> {
        let instance = self.service.view.instance(id).unwrap().value;
        let wanted = instance.spec.internet.as_ref();
        wanted.map_or_else(Vec::new, |wanted| wanted.allowed.iter().map(ToString::to_string).collect())
    }
}

#[tokio::test]
async fn opening_is_a_wish_with_a_task_and_each_network_counts_once() {
    let (bench, id) = made(1).await;
    bench.enable(&id, &["2001:db8::/32", "10.1.2.3", "10.0.0.0/8", "10.1.2.3/32"]).await.unwrap();
    assert_eq!(bench.networks(&id), ["10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32"]);
    let task = bench.service.changing_task(&id).unwrap();
    assert_eq!((task.kind, task.generation), (TaskKind::EnableInternet, 2));
    end(&bench, &id).await;
    bench.enable(&id, &["10.0.0.0/8", "10.1.2.3", "2001:db8::/32"]).await.unwrap();
    assert!(bench.service.changing_task(&id).is_none(), "the same again is no change");
    bench.enable(&id, &["10.0.0.0/8"]).await.unwrap();
    assert_eq!(bench.networks(&id), ["10.0.0.0/8"]);
}

#[tokio::test]
async fn what_is_no_network_is_refused_by_its_place() {
    let (bench, id) = made(1).await;
    for wrong in ["", "10.0.0.0/33", "10.1.2.3/8", "example.com", "10.0.0.0/8 ", "2001:db8::1/32", "*"] {
        let text = refusal(bench.enable(&id, &["10.0.0.0/8", wrong]).await, Code::InvalidParameterValue);
        assert!(text.contains("AllowedNetworks.1"), "{text}");
    }
    assert!(bench.networks(&id).is_empty());
}

#[tokio::test]
async fn without_a_configured_address_the_refusal_names_the_settings() {
    let (bench, id) = made(0).await;
    let text = refusal(bench.enable(&id, &["10.0.0.0/8"]).await, Code::UnsupportedOperation);
    assert!(text.contains("`internet.address`") && text.contains("`internet.ports`"), "{text}");
    bench.disable(&id).await.unwrap();
    assert!(bench.service.changing_task(&id).is_none(), "what is closed is closed");
}

#[tokio::test]
async fn what_neither_certificates_nor_a_password_protect_is_not_opened() {
    let guarded = [(true, true, None), (true, false, Some(true)), (false, false, Some(true))];
    let not = [(true, false, None), (false, false, None), (true, false, Some(false)), (false, true, None)];
    for (guarded, (https, client_cert_auth, enabled)) in
        guarded.map(|g| (true, g)).into_iter().chain(not.map(|n| (false, n)))
    {
        let (bench, id) = made(1).await;
        bench
            .change(&id, |instance| {
                instance.spec.security = Security { https, client_cert_auth };
                instance.spec.auth = Auth { enabled, password_generation: 1 };
            })
            .await;
        let answer = bench.enable(&id, &["10.0.0.0/8"]).await;
        if guarded {
            answer.unwrap();
        } else {
            let text = refusal(answer, Code::OperationDenied);
            assert!(text.contains("`EnableAuth`") && text.contains(id.as_str()), "{text}");
        }
        assert_eq!(!bench.networks(&id).is_empty(), guarded);
    }
}

#[tokio::test]
async fn the_password_that_protects_what_is_open_is_not_turned_off() {
    let (bench, id) = made(1).await;
    bench
        .change(&id, |instance| {
            instance.spec.security.client_cert_auth = false;
            instance.spec.auth = Auth { enabled: Some(true), password_generation: 1 };
        })
        .await;
    bench.enable(&id, &["10.0.0.0/8"]).await.unwrap();
    end(&bench, &id).await;
    let off = || {
        let id = id.to_string();
        ModifyEtcdAttributeRequest { instance_id: id, enable_auth: Some(false), ..Default::default() }
    };
    let text = refusal(bench.ask::<ModifyEtcdAttribute>(off()).await, Code::OperationDenied);
    assert!(text.contains("DisableEtcdInternet"), "{text}");
    bench.disable(&id).await.unwrap();
    end(&bench, &id).await;
    bench.ask::<ModifyEtcdAttribute>(off()).await.unwrap();
}

#[tokio::test]
async fn the_last_port_is_given_once_and_again_when_it_is_free() {
    let (bench, first) = made(1).await;
    let second = settled(&bench).await;
    bench.enable(&first, &["10.0.0.0/8"]).await.unwrap();
    let text = refusal(bench.enable(&second, &["10.0.0.0/8"]).await, Code::ResourceInsufficient);
    assert!(text.contains("`internet.ports`"), "{text}");
    end(&bench, &first).await;
    bench.disable(&first).await.unwrap();
    bench.enable(&second, &["10.0.0.0/8"]).await.unwrap();
}

#[tokio::test]
async fn closing_takes_the_place_of_an_opening_that_fails_and_of_nothing_else() {
    let (bench, id) = made(1).await;
    bench.enable(&id, &["10.0.0.0/8"]).await.unwrap();
    let text = refusal(bench.disable(&id).await, Code::OperationDenied);
    assert!(text.contains("enable_internet"), "{text}");
    let opening = bench.service.changing_task(&id).unwrap();
    let mut failing = Task::clone(&opening);
    failing.report("cannot listen at 192.0.2.1:32000", at(2));
    bench.write(Txn::new().then(records::put_task(&failing))).await;
    bench.disable(&id).await.unwrap();
    let tasks = bench.service.view.tasks_about(&id);
    let ended = tasks.iter().find(|task| task.id == opening.id).unwrap();
    assert_eq!(ended.state, TaskState::Failed);
    assert_eq!(bench.service.changing_task(&id).unwrap().kind, TaskKind::DisableInternet);
    assert!(bench.networks(&id).is_empty());
}

#[tokio::test]
async fn how_to_reach_it_is_told_from_the_wish_to_the_end() {
    let (bench, id) = made(1).await;
    let shown = bench.internet(&id).await;
    assert_eq!((shown.enabled, shown.open, shown.endpoint, shown.allowed_networks), (false, false, None, None));
    bench.enable(&id, &["10.0.0.0/8"]).await.unwrap();
    let shown = bench.internet(&id).await;
    assert_eq!((shown.enabled, shown.open, shown.endpoint), (true, false, None));
    let name = Some("etcd.example.com".to_owned());
    let address = PublicAddress { listen: "192.0.2.1:32000".parse().unwrap(), name, opened: true };
    let condition =
        |holds, reason: &str| Condition::new(ConditionKind::PublicAddressServing, holds, reason.to_owned(), at(1));
    let status = |condition| Status { public: Some(address.clone()), conditions: vec![condition], ..running(3) };
    bench.set_status(&id, &status(condition(true, ""))).await;
    let shown = bench.internet(&id).await;
    assert_eq!((shown.open, shown.endpoint.as_deref()), (true, Some("https://etcd.example.com:32000")));
    assert_eq!(shown.allowed_networks.unwrap(), ["10.0.0.0/8"]);
    bench.set_status(&id, &status(condition(false, "cannot listen"))).await;
    let shown = bench.internet(&id).await;
    assert_eq!((shown.open, shown.reason.as_str()), (false, "cannot listen"));
}
