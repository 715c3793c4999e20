//! Asking members that really run. Needs binaries of etcd: `make versions`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use cetcd_core::{EtcdVersion, member::Start};
use cetcd_etcd::{EtcdAdmin, EtcdOperator, Installer, LiveAdmin, Target, client::Options};
use rustix::process::Signal;
use support::{Credentials, Member, addresses, newest, specs, versions};

/// Slow machines may take long to answer; members here are either there or not.
fn admin() -> LiveAdmin {
    LiveAdmin::new(Options { timeout: Duration::from_secs(5) })
}

/// How many connections to `address` this machine has.
fn established(address: SocketAddr) -> usize {
    let IpAddr::V4(ip) = address.ip() else { panic!("{address} is no IPv4 address") };
    let remote = format!("{:08X}:{:04X}", u32::from_le_bytes(ip.octets()), address.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // 01 is ESTABLISHED.
    fields.filter(|fields| fields.get(2) == Some(&remote.as_str()) && fields.get(3) == Some(&"01")).count()
}

#[tokio::test]
async fn every_installed_version_starts_with_its_command_line_and_says_who_it_is() {
    let admin = admin();
    for version in versions().installed() {
        let mut member = Member::start(&version, true);
        let serving = member.serving(&admin).await;
        assert_eq!(serving.version.parse::<EtcdVersion>().unwrap().bare(), version.bare());
        assert!(serving.leader && !serving.learner, "{serving:?}");
        assert!(serving.cluster_id != 0 && serving.member_id != 0 && serving.database_bytes > 0, "{serving:?}");
        let metrics = admin.metrics(&member.target).await.unwrap();
        assert!(metrics.contains("\netcd_server_has_leader 1\n"), "{version}");
        assert!(member.child.try_wait().unwrap().is_none());
    }
}

#[tokio::test]
async fn three_members_of_every_installed_version_form_one_cluster_with_one_leader() {
    let admin = admin();
    for version in versions().installed() {
        let (specs, control_plane) = specs(&version, 3, true);
        let mut members: Vec<_> = specs.iter().map(|spec| Member::launch(spec, &control_plane)).collect();
        let mut answers = Vec::new();
        for member in &mut members {
            answers.push(member.serving(&admin).await);
        }
        assert_eq!(answers.iter().filter(|answer| answer.leader).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.cluster_id == answers[0].cluster_id), "{answers:?}");
    }
}

#[tokio::test]
async fn a_learner_serves_as_such() {
    let admin = admin();
    for version in versions().installed().into_iter().filter(EtcdVersion::has_learners) {
        let (mut specs, control_plane) = specs(&version, 2, true);
        let (first, second) = specs.split_at_mut(1);
        let both = first[0].initial_cluster.clone();
        first[0].initial_cluster = both.split(',').next().unwrap().to_owned();
        let mut leader = Member::launch(&first[0], &control_plane);
        let founder = leader.serving(&admin).await;

        add_learner(&leader.target, second[0].peer).await;
        second[0].start = Start::Join;
        let mut learner = Member::launch(&second[0], &control_plane);
        let serving = learner.serving(&admin).await;
        assert!(serving.learner && !serving.leader, "{version}: {serving:?}");
        assert_eq!(serving.cluster_id, founder.cluster_id);
    }
}

async fn add_learner(target: &Target, peer: SocketAddr) {
    use etcd_client::{Certificate, Client, ConnectOptions, Identity, MemberAddOptions, TlsOptions};
    let credentials = target.credentials.as_ref().unwrap();
    let tls = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(&credentials.ca))
        .identity(Identity::from_pem(&credentials.client.cert, &credentials.client.key));
    let url = format!("https://{}", target.address);
    let client = Client::connect([url], Some(ConnectOptions::new().with_tls(tls))).await.unwrap();
    let learner = MemberAddOptions::new().with_is_learner();
    client.cluster_client().member_add([format!("https://{peer}")], Some(learner)).await.unwrap();
}

#[tokio::test]
async fn a_member_without_https_is_asked_in_plain() {
    let admin = admin();
    let mut member = Member::start(&newest(), false);
    assert!(member.serving(&admin).await.leader);
    assert!(admin.metrics(&member.target).await.unwrap().contains("etcd_server_has_leader 1"));
}

#[tokio::test]
async fn nobody_at_the_address_is_said_at_once() {
    let address = addresses().0;
    let credentials = Some(Credentials::issue(&[address]).control_plane);
    let instance = cetcd_core::InstanceId::parse("etcd-test0000").unwrap();
    let target = Target { instance, address, credentials };
    let start = Instant::now();
    for answer in [admin().probe(&target).await.map(|_| ()), admin().metrics(&target).await.map(|_| ())] {
        let said = answer.unwrap_err().to_string();
        assert!(said.contains("Connection refused"), "{said}");
    }
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_frozen_member_is_given_up_on_in_time_and_leaks_nothing_and_is_found_again() {
    let mut member = Member::start(&newest(), true);
    member.serving(&admin()).await;
    let admin = LiveAdmin::new(Options { timeout: Duration::from_millis(300) });
    member.signal(Signal::STOP);
    let mut open = Vec::new();
    for _ in 0..6 {
        let start = Instant::now();
        let said = admin.probe(&member.target).await.unwrap_err().to_string();
        assert!(said.ends_with("no answer within 300 ms"), "{said}");
        assert!(admin.metrics(&member.target).await.is_err());
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        open.push(established(member.target.address));
    }
    assert!(open[5] <= open[0] + 1, "connections: {open:?}");
    member.signal(Signal::CONT);
    member.serving(&admin).await;
}

#[tokio::test]
async fn a_member_that_ended_is_noticed_on_the_kept_connection() {
    let admin = admin();
    let mut member = Member::start(&newest(), true);
    member.serving(&admin).await;
    member.child.kill().unwrap();
    member.child.wait().unwrap();
    let said = admin.probe(&member.target).await.unwrap_err().to_string();
    assert!(said.contains("does not serve"), "{said}");
    let said = admin.probe(&member.target).await.unwrap_err().to_string();
    assert!(said.contains("Connection refused"), "{said}");
}

#[tokio::test]
async fn new_credentials_replace_the_kept_connection() {
    let admin = admin();
    let mut member = Member::start(&newest(), true);
    member.serving(&admin).await;

    let mut stranger = member.target.clone();
    stranger.credentials = Some(Credentials::issue(&[stranger.address]).control_plane);
    let pem = &stranger.credentials.as_ref().unwrap().client;
    for answer in [admin.probe(&stranger).await.map(|_| ()), admin.metrics(&stranger).await.map(|_| ())] {
        let said = answer.unwrap_err().to_string();
        assert!(said.contains("certificate"), "{said}");
        assert!(!said.contains(&pem.key) && !said.contains("BEGIN"), "{said}");
    }
    admin.probe(&member.target).await.unwrap();
}

#[tokio::test]
async fn credentials_that_are_no_pem_are_not_repeated() {
    let address = addresses().0;
    let mut credentials = cetcd_etcd::ClientCredentials::clone(&Credentials::issue(&[address]).control_plane);
    credentials.client.key = "-----BEGIN PRIVATE KEY-----\nsecret\n".to_owned();
    let instance = cetcd_core::InstanceId::parse("etcd-test0000").unwrap();
    let target = Target { instance, address, credentials: Some(credentials.into()) };
    for answer in [admin().probe(&target).await.map(|_| ()), admin().metrics(&target).await.map(|_| ())] {
        let said = format!("{:?}", answer.unwrap_err());
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn the_files_of_a_member_that_has_ended_tell_who_it_was_and_how_far() {
    let admin = admin();
    for version in versions().installed() {
        let mut member = Member::start(&version, true);
        let serving = member.serving(&admin).await;
        let before = admin.status(&member.target).await.unwrap();
        let known = admin.known_members(&member.target).await.unwrap();
        member.child.kill().unwrap();
        member.child.wait().unwrap();
        let found = admin.on_disk(&member.data()).await.unwrap();
        assert_eq!((found.cluster_id, found.member_id), (serving.cluster_id, serving.member_id), "{version}");
        // What is committed is written down with the next entry.
        assert!(found.index > 0 && found.index <= before.raft_index, "{version}: {found:?}, {before:?}");
        assert_eq!(found.revision, 1, "{version}");
        let urls = |members: &[cetcd_etcd::ClusterMember]| -> Vec<_> {
            members.iter().map(|member| (member.id, member.peer_urls.clone(), member.learner)).collect()
        };
        assert_eq!(urls(&found.members), urls(&known), "{version}");
    }
}
