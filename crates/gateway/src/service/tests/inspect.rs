//! Closer looks: members, keys, steps, the audit log.

use std::sync::Mutex;

use cetcd_api::{
    actions::{
        DescribeEtcdAuditLog, DescribeEtcdAuditLogRequest, DescribeEtcdKeys, DescribeEtcdKeysRequest,
        DescribeEtcdMembers, DescribeEtcdMembersRequest, DescribeEtcdTaskSteps, DescribeEtcdTaskStepsRequest,
    },
    values::StepState,
};

use super::*;
use crate::service::{FoundKey, KeyPage, KeyRange, Standing};

/// A cluster that answers what a test has said.
#[derive(Default)]
pub struct Clusters {
    /// How far each member is; who has no entry, or none, does not answer.
    applied: Mutex<Vec<Option<u64>>>,
    page: Mutex<Option<KeyPage>>,
    asked: Mutex<Vec<(Vec<u32>, KeyRange)>>,
}

#[async_trait]
impl LiveClusters for Clusters {
    async fn standing(&self, _instance: &Instance, member: &MemberRecord) -> Result<Standing, String> {
        let applied = self.applied.lock().unwrap().get(member.ordinal as usize).copied().flatten();
        let applied = applied.ok_or("silent")?;
        Ok(Standing {
            leads: member.ordinal == 0,
            learner: member.ordinal == 2,
            version: "3.5.16".to_owned(),
            raft_term: 2,
            raft_index: applied,
            applied_index: Some(applied),
            revision: 7,
            database_bytes: 100,
            database_bytes_in_use: None,
        })
    }

    async fn keys(&self, _: &Instance, through: &[MemberRecord], range: KeyRange) -> Result<KeyPage, String> {
        self.asked.lock().unwrap().push((through.iter().map(|member| member.ordinal).collect(), range));
        self.page.lock().unwrap().clone().ok_or_else(|| "silent".to_owned())
    }
}

fn key(key: &[u8], value: &[u8]) -> FoundKey {
    let (key, value) = (key.to_vec(), value.to_vec());
    FoundKey { key, value, version: 1, create_revision: 2, mod_revision: 3, lease: 255 }
}

async fn with_members(size: u8) -> (Bench, InstanceId) {
    let bench = Bench::new().await;
    let id = bench.made().await;
    bench.set_status(&id, &running(size)).await;
    (bench, id)
}

fn keys_of(id: &InstanceId) -> DescribeEtcdKeysRequest {
    DescribeEtcdKeysRequest { instance_id: id.to_string(), ..DescribeEtcdKeysRequest::default() }
}

#[tokio::test]
async fn members_tell_their_roles_and_how_far_they_are_behind_and_who_is_silent_is_listed_all_the_same() {
    let (bench, id) = with_members(4).await;
    *bench.clusters.applied.lock().unwrap() = vec![Some(20), Some(15), Some(20), None];
    let request = DescribeEtcdMembersRequest { instance_id: id.to_string() };
    let members = bench.ask::<DescribeEtcdMembers>(request).await.unwrap().members.unwrap();
    let told: Vec<_> = members.iter().map(|member| (member.role.as_deref(), member.lag)).collect();
    let expected = [(Some("Leader"), Some(0)), (Some("Voter"), Some(5)), (Some("Learner"), Some(0)), (None, None)];
    assert_eq!(told, expected);
    assert_eq!(members[3].name, format!("{id}-etcd-3"));
    assert_eq!((members[0].version.as_deref(), members[3].version.as_deref()), (Some("v3.5.16"), None));
}

#[tokio::test]
async fn members_and_keys_of_others_are_not_there() {
    let (bench, id) = with_members(1).await;
    for who in [stranger(), elsewhere()] {
        let request = DescribeEtcdMembersRequest { instance_id: id.to_string() };
        refusal(bench.ask_as::<DescribeEtcdMembers>(&who, request).await, Code::ResourceNotFound);
        refusal(bench.ask_as::<DescribeEtcdKeys>(&who, keys_of(&id)).await, Code::ResourceNotFound);
    }
    assert!(bench.clusters.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn keys_come_in_pages_without_values_and_the_next_page_begins_behind_the_last_key() {
    let (bench, id) = with_members(3).await;
    let page = KeyPage { keys: vec![key(b"a", b""), key(b"\xff", b"")], more: true, count: 9, revision: 7 };
    *bench.clusters.page.lock().unwrap() = Some(page);
    let first = DescribeEtcdKeysRequest { prefix: Some("a".to_owned()), limit: Some(2), ..keys_of(&id) };
    let answer = bench.ask::<DescribeEtcdKeys>(first).await.unwrap();
    assert_eq!((answer.count, answer.revision, answer.next.as_deref()), (9, 7, Some("/w==")));
    let keys = answer.keys.unwrap();
    assert_eq!((keys[0].key.as_str(), keys[0].value.as_deref(), keys[0].lease.as_deref()), ("a", None, Some("ff")));
    bench.ask::<DescribeEtcdKeys>(DescribeEtcdKeysRequest { after: answer.next, ..keys_of(&id) }).await.unwrap();
    let asked = bench.clusters.asked.lock().unwrap();
    let page = |prefix: &[u8], after: Option<&[u8]>, limit| KeyRange::Page {
        prefix: prefix.to_vec(),
        after: after.map(<[u8]>::to_vec),
        limit,
    };
    assert_eq!(asked[0], (vec![0, 1, 2], page(b"a", None, 2)));
    assert_eq!(asked[1].1, page(b"", Some(b"\xff"), 50));
}

#[tokio::test]
async fn one_key_comes_with_its_value() {
    let (bench, id) = with_members(1).await;
    *bench.clusters.page.lock().unwrap() =
        Some(KeyPage { keys: vec![key(b"a", b"{}")], more: false, count: 1, revision: 7 });
    let request = DescribeEtcdKeysRequest { key: Some("YQ==".to_owned()), ..keys_of(&id) };
    let answer = bench.ask::<DescribeEtcdKeys>(request).await.unwrap();
    let key = answer.keys.unwrap().remove(0);
    let value = (key.value.as_deref(), key.value_encoding.as_deref(), key.value_size, key.truncated);
    assert_eq!(value, (Some("{}"), Some("utf-8"), Some(2), Some(false)));
    assert_eq!(bench.clusters.asked.lock().unwrap()[0].1, KeyRange::One(b"a".to_vec()));
}

#[tokio::test]
async fn keys_are_refused_where_that_is_off_in_bad_form_or_where_no_member_answers() {
    let (mut bench, id) = with_members(1).await;
    let bad = DescribeEtcdKeysRequest { after: Some("no base64".to_owned()), ..keys_of(&id) };
    refusal(bench.ask::<DescribeEtcdKeys>(bad).await, Code::InvalidParameterValue);
    refusal(bench.ask::<DescribeEtcdKeys>(keys_of(&id)).await, Code::ResourceUnavailable);
    bench.service.keys_readable = false;
    let reason = refusal(bench.ask::<DescribeEtcdKeys>(keys_of(&id)).await, Code::UnauthorizedOperation);
    assert!(reason.contains("console.keys"), "{reason}");
}

#[tokio::test]
async fn the_steps_of_any_task_are_told_to_whom_it_belongs() {
    let (bench, id) = with_members(1).await;
    let request = || DescribeEtcdTaskStepsRequest { task_id: bench.task(&id).id.clone() };
    let steps = bench.ask::<DescribeEtcdTaskSteps>(request()).await.unwrap().steps.unwrap();
    assert_eq!((steps.len(), steps[0].step.as_str(), steps[4].life_state), (5, "prepare_env", StepState::Pending));
    refusal(bench.ask_as::<DescribeEtcdTaskSteps>(&stranger(), request()).await, Code::ResourceNotFound);
    let unknown = DescribeEtcdTaskStepsRequest { task_id: "no-such-task".to_owned() };
    refusal(bench.ask::<DescribeEtcdTaskSteps>(unknown).await, Code::ResourceNotFound);
}

#[tokio::test]
async fn the_audit_log_is_empty_where_none_is_written_and_a_moment_has_to_be_one() {
    let bench = Bench::new().await;
    let answer = bench.ask::<DescribeEtcdAuditLog>(DescribeEtcdAuditLogRequest::default()).await.unwrap();
    assert_eq!((answer.records.unwrap().len(), answer.next), (0, None));
    let bad = DescribeEtcdAuditLogRequest { before: Some("yesterday".to_owned()), ..Default::default() };
    refusal(bench.ask::<DescribeEtcdAuditLog>(bad).await, Code::InvalidParameterValue);
}
