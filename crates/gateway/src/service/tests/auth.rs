//! etcd's authentication: what is wanted of it, and where its password goes.

use cetcd_api::{
    Code,
    actions::{
        DeleteEtcdInstance, DeleteEtcdInstanceRequest, ModifyEtcdAttribute, ModifyEtcdAttributeRequest,
        ResizeEtcdInstance, ResizeEtcdInstanceRequest,
    },
};
use cetcd_core::{
    instance::Auth,
    task::{TaskKind, TaskState},
};

use super::*;

fn auth(id: &InstanceId, enabled: Option<bool>, password: Option<&str>) -> ModifyEtcdAttributeRequest {
    ModifyEtcdAttributeRequest {
        instance_id: id.to_string(),
        enable_auth: enabled,
        password: password.map(str::to_owned),
        ..Default::default()
    }
}

impl Bench {
    async fn set(&self, id: &InstanceId, enabled: Option<bool>, password: Option<&str>) -> Result<(), Error> {
        self.ask::<ModifyEtcdAttribute>(auth(id, enabled, password)).await.map(drop)
    }

    /// The passwords that are known, the newest first.
    async fn passwords(&self, id: &InstanceId) -> Vec<String> {
        let known = records::root_passwords(self.store.as_ref(), &self.sealer, id).await.unwrap();
        known.value.newest_first().into_iter().map(str::to_owned).collect()
    }

    fn open(&self, id: &InstanceId) -> Vec<Arc<Task>> {
        let tasks = self.service.view.tasks_about(id);
        tasks.into_iter().filter(|task| task.state == TaskState::Process).collect()
    }

    /// The task under way comes to its end.
    async fn end(&self, id: &InstanceId) {
        for task in self.open(id) {
            let mut task = Task::clone(&task);
            task.advance(task.steps.len(), at(2));
            self.write(Txn::new().then(records::put_task(&task))).await;
        }
    }
}

fn wanted(enabled: Option<bool>, password_generation: u64) -> Auth {
    Auth { enabled, password_generation }
}

#[tokio::test]
async fn auth_is_turned_on_with_a_password_that_is_sealed_and_nowhere_else() {
    let (bench, id) = settled().await;
    bench.set(&id, Some(true), Some("hunter2-hunter2")).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.spec.auth, instance.generation), (wanted(Some(true), 1), 2));
    assert_eq!(bench.open(&id)[0].kind, TaskKind::ModifyAttribute);
    assert_eq!(bench.passwords(&id).await, ["hunter2-hunter2"]);
    for entry in bench.everything().await {
        let plain = String::from_utf8_lossy(&entry.value).contains("hunter2");
        assert!(!plain && !entry.key.contains("hunter2"), "{} holds it in plain", entry.key);
    }
}

#[tokio::test]
async fn auth_is_not_turned_on_without_a_password_and_the_refusal_says_what_to_give() {
    let (bench, id) = settled().await;
    let before = bench.everything().await;
    let request = ModifyEtcdAttributeRequest { name: Some("other".to_owned()), ..auth(&id, Some(true), None) };
    let text = refusal(bench.ask::<ModifyEtcdAttribute>(request).await, Code::OperationDenied);
    assert!(text.contains("`Password`") && text.contains(id.as_str()), "{text}");
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn a_password_given_before_is_enough_to_turn_auth_on() {
    let (bench, id) = settled().await;
    bench.set(&id, None, Some("one")).await.unwrap();
    assert_eq!(bench.instance(&id).await.spec.auth, wanted(None, 1));
    bench.end(&id).await;
    bench.set(&id, Some(true), None).await.unwrap();
    assert_eq!(bench.instance(&id).await.spec.auth, wanted(Some(true), 1));
}

#[tokio::test]
async fn the_same_state_and_the_same_password_are_no_change() {
    let (bench, id) = settled().await;
    bench.set(&id, Some(true), Some("one")).await.unwrap();
    bench.end(&id).await;
    let before = bench.everything().await;
    bench.set(&id, Some(true), Some("one")).await.unwrap();
    bench.set(&id, Some(true), None).await.unwrap();
    bench.set(&id, None, Some("one")).await.unwrap();
    assert_eq!(bench.everything().await, before);
}

#[tokio::test]
async fn another_password_is_another_generation_and_the_former_one_is_kept_for_a_crash() {
    let (bench, id) = settled().await;
    for (generation, password) in [(1, "one"), (2, "two"), (3, "one")] {
        bench.set(&id, None, Some(password)).await.unwrap();
        bench.end(&id).await;
        assert_eq!(bench.instance(&id).await.spec.auth.password_generation, generation);
    }
    assert_eq!(bench.passwords(&id).await, ["one", "two", "one"]);
}

#[tokio::test]
async fn to_turn_off_what_nobody_turned_on_is_a_wish_without_a_task() {
    let (bench, id) = settled().await;
    bench.set(&id, Some(false), None).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.spec.auth, instance.generation), (wanted(Some(false), 0), 1));
    bench.task(&id);
}

#[tokio::test]
async fn auth_that_was_turned_on_is_turned_off_with_a_task() {
    let (bench, id) = settled().await;
    bench.set(&id, Some(true), Some("one")).await.unwrap();
    bench.end(&id).await;
    bench.set(&id, Some(false), None).await.unwrap();
    let instance = bench.instance(&id).await;
    assert_eq!((instance.spec.auth, instance.generation), (wanted(Some(false), 1), 3));
    assert_eq!(bench.open(&id).len(), 1);
}

#[tokio::test]
async fn a_password_longer_than_what_etcd_hashes_is_refused_and_not_repeated() {
    let (bench, id) = settled().await;
    let long = "密".repeat(25);
    let text =
        refusal(bench.ask::<ModifyEtcdAttribute>(auth(&id, None, Some(&long))).await, Code::InvalidParameterValue);
    assert!(text.contains("Password") && !text.contains('密'), "{text}");
    bench.set(&id, None, Some(&"密".repeat(24))).await.unwrap();
}

#[tokio::test]
async fn auth_is_not_changed_while_another_change_is_under_way() {
    let (bench, id) = settled().await;
    let request = ResizeEtcdInstanceRequest { instance_id: id.to_string(), size: 5 };
    bench.ask::<ResizeEtcdInstance>(request).await.unwrap();
    let before = bench.everything().await;
    let answer = bench.ask::<ModifyEtcdAttribute>(auth(&id, Some(true), Some("one"))).await;
    assert!(refusal(answer, Code::OperationDenied).contains("resize_instance"));
    assert_eq!(bench.everything().await, before, "no password is kept of a request that was refused");
}

#[tokio::test]
async fn a_right_password_takes_the_place_of_a_wrong_one_that_its_task_waits_for() {
    let (bench, id) = settled().await;
    bench.set(&id, None, Some("wrong")).await.unwrap();
    let answer = bench.ask::<ModifyEtcdAttribute>(auth(&id, None, Some("right"))).await;
    refusal(answer, Code::OperationDenied);
    let mut task = Task::clone(&bench.open(&id)[0]);
    task.report("127.0.0.1:2379 does not take the control plane for root", at(3));
    bench.write(Txn::new().then(records::put_task(&task))).await;
    bench.set(&id, None, Some("right")).await.unwrap();
    let open = bench.open(&id);
    assert_eq!((open.len(), open[0].generation), (1, 3));
    let ended = bench.service.view.tasks_about(&id).into_iter().find(|other| other.id == task.id).unwrap();
    assert_eq!(ended.state, TaskState::Failed);
    assert_eq!(bench.passwords(&id).await, ["right", "wrong"]);
}

#[tokio::test]
async fn a_password_whose_request_lost_a_race_is_kept_once() {
    let (bench, id) = settled().await;
    bench.store.losses.store(1, Ordering::Relaxed);
    bench.set(&id, Some(true), Some("one")).await.unwrap();
    assert_eq!(bench.passwords(&id).await, ["one"]);
    assert_eq!(bench.instance(&id).await.spec.auth, wanted(Some(true), 1));
}

#[tokio::test]
async fn what_is_being_deleted_is_given_no_password() {
    let (bench, id) = settled().await;
    let request = DeleteEtcdInstanceRequest { instance_id: id.to_string() };
    bench.ask::<DeleteEtcdInstance>(request).await.unwrap();
    let before = bench.everything().await;
    let answer = bench.ask::<ModifyEtcdAttribute>(auth(&id, Some(true), Some("one"))).await;
    refusal(answer, Code::OperationDenied);
    assert_eq!(bench.everything().await, before);
}
