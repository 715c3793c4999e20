//! The endpoint process as the runtime keeps it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use super::*;

/// A backend that says its name to every connection.
fn backend(name: u8) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let _ = connection.unwrap().write_all(&[name]);
        }
    });
    address
}

async fn greeting(address: SocketAddr) -> std::io::Result<u8> {
    blocking(move || {
        let mut connection = TcpStream::connect(address)?;
        let mut name = [0];
        connection.read_exact(&mut name).map(|()| name[0])
    })
    .await
}

async fn endpoint_spec(fixture: &Fixture, instance: InstanceId, backends: Vec<SocketAddr>) -> EndpointSpec {
    let placement = fixture.runtime.propose("subnet-abcd1234", &BTreeSet::new()).await.unwrap();
    EndpointSpec { instance, listen: placement.client, backends, public: None }
}

#[tokio::test]
async fn an_endpoint_passes_connections_and_follows_its_backends() {
    let fixture = Fixture::new(RUNS).await;
    let mut spec = endpoint_spec(&fixture, instance(), vec![backend(b'a')]).await;
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    assert_eq!(greeting(spec.listen).await.unwrap(), b'a');
    spec.backends = vec![backend(b'b')];
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    assert_eq!(greeting(spec.listen).await.unwrap(), b'b');
    let view = fixture.runtime.observe(&instance()).await.unwrap().endpoint.unwrap();
    assert_eq!(
        view,
        EndpointView { listen: spec.listen, serving: true, backends: spec.backends, public: None, denied: 0 }
    );
    only(&fixture.endpoint_pids());
}

#[tokio::test]
async fn an_endpoint_is_held_until_it_is_released_and_keeps_its_backends() {
    let fixture = Fixture::new(RUNS).await;
    let spec = endpoint_spec(&fixture, instance(), vec![backend(b'a')]).await;
    fixture.runtime.hold_endpoint(&instance(), Duration::from_secs(1)).await.unwrap();
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    // Answers when all is at rest: within this time, or it is an error.
    fixture.runtime.hold_endpoint(&instance(), Duration::from_secs(1)).await.unwrap();
    let route = || cetcd_endpoint::files::read_route(&endpoint_dir(&fixture.options.root), instance().as_str());
    assert!(route().unwrap().unwrap().hold.is_some());
    fixture.runtime.release_endpoint(&instance()).await.unwrap();
    assert!(route().unwrap().unwrap().hold.is_none());
    let view = fixture.runtime.observe(&instance()).await.unwrap().endpoint.unwrap();
    assert_eq!(
        view,
        EndpointView { listen: spec.listen, serving: true, backends: spec.backends, public: None, denied: 0 }
    );
}

#[tokio::test]
async fn a_killed_endpoint_process_is_started_again_and_told() {
    let fixture = Fixture::new(RUNS).await;
    let spec = endpoint_spec(&fixture, instance(), vec![backend(b'a')]).await;
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    let mut changes = fixture.runtime.changes(&instance());
    let pid = only(&fixture.endpoint_pids());
    kill(pid);
    changed(&mut changes).await;
    let serving =
        async || fixture.runtime.observe(&instance()).await.unwrap().endpoint.is_some_and(|endpoint| endpoint.serving);
    until(serving).await;
    assert_eq!(greeting(spec.listen).await.unwrap(), b'a');
    assert_ne!(only(&fixture.endpoint_pids()), pid);
}

#[tokio::test]
async fn the_next_runtime_adopts_the_endpoint_process_and_keeps_it_running() {
    let mut fixture = Fixture::new(RUNS).await;
    let spec = endpoint_spec(&fixture, instance(), vec![backend(b'a')]).await;
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    let pid = only(&fixture.endpoint_pids());
    fixture.reopen().await;
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    assert_eq!(only(&fixture.endpoint_pids()), pid);
    kill(pid);
    until(async || greeting(spec.listen).await.is_ok()).await;
    assert_ne!(only(&fixture.endpoint_pids()), pid);
}

#[tokio::test]
async fn a_route_without_its_process_makes_the_next_runtime_start_one() {
    let mut fixture = Fixture::new(RUNS).await;
    let spec = endpoint_spec(&fixture, instance(), vec![backend(b'a')]).await;
    fixture.runtime.ensure_endpoint(&spec).await.unwrap();
    fixture.runtime.stop_everything().await.unwrap();
    assert!(greeting(spec.listen).await.is_err());
    fixture.reopen().await;
    until(async || greeting(spec.listen).await.is_ok()).await;
}

#[tokio::test]
async fn a_removed_endpoint_listens_no_more_and_the_last_one_takes_the_process_along() {
    let fixture = Fixture::new(RUNS).await;
    let other = InstanceId::parse("etcd-other000").unwrap();
    let first = endpoint_spec(&fixture, instance(), vec![backend(b'a')]).await;
    let elsewhere = fixture.runtime.propose("subnet-abcd1234", &BTreeSet::from([first.listen])).await.unwrap();
    let second =
        EndpointSpec { instance: other.clone(), listen: elsewhere.client, backends: vec![backend(b'b')], public: None };
    fixture.runtime.ensure_endpoint(&first).await.unwrap();
    fixture.runtime.ensure_endpoint(&second).await.unwrap();
    fixture.runtime.remove_endpoint(&instance()).await.unwrap();
    assert!(greeting(first.listen).await.is_err());
    assert_eq!(greeting(second.listen).await.unwrap(), b'b');
    assert_eq!(fixture.runtime.instances().await.unwrap(), BTreeSet::from([other.clone()]));
    fixture.runtime.remove_endpoint(&other).await.unwrap();
    assert!(greeting(second.listen).await.is_err());
    assert!(fixture.endpoint_pids().is_empty());
    assert!(!endpoint_dir(&fixture.options.root).exists());
    fixture.runtime.remove_endpoint(&other).await.unwrap();
}

#[tokio::test]
async fn everything_is_stopped_and_left_in_place() {
    let fixture = Fixture::new(RUNS).await;
    let endpoint = endpoint_spec(&fixture, instance(), vec![]).await;
    fixture.ensure().await;
    fixture.runtime.ensure_endpoint(&endpoint).await.unwrap();
    fixture.runtime.stop_everything().await.unwrap();
    assert!(Fixture::pids(&fixture.member_dir()).is_empty() && fixture.endpoint_pids().is_empty());
    assert_eq!(fixture.runtime.instances().await.unwrap(), BTreeSet::from([instance()]));
    assert!(member::paths(&fixture.member_dir()).peer_key.exists());
}
