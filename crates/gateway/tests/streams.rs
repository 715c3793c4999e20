//! Streams of changes on a socket, beside the API: who may open one, what it says, and when it ends.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cetcd_core::{Instance, InstanceId, instance::Spec};
use cetcd_gateway::{EventStreams, Options};
use cetcd_store::{Store, Txn, memory::MemoryStore, records, view::View};
use common::{Rig, V3};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const PATH: &str = "/console/stream";
const ACCOUNT: &str = "100000000001";
const REGION: &str = "ap-guangzhou";

struct Server {
    address: SocketAddr,
    store: Arc<MemoryStore>,
    streams: Arc<EventStreams>,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Server {
    async fn start() -> Self {
        let store = Arc::new(MemoryStore::default());
        let (view, follow) = View::follow(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
        tokio::spawn(follow);
        let rig = Rig::with(Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let streams = EventStreams::new(view, stop.clone());
        rig.gateway.serve_streams(Arc::clone(&streams));
        let token = stop.clone();
        tokio::spawn(async move { rig.gateway.serve(listener, None, token).await });
        Self { address, store, streams, _stop: stop.clone().drop_guard(), stop }
    }

    /// A ticket as OpenEtcdEventStream gives it.
    fn ticket(&self) -> String {
        self.streams.ticket(ACCOUNT, REGION).unwrap()
    }

    async fn get(&self, ticket: &str) -> http::Response<Incoming> {
        let uri = format!("http://{}{PATH}", self.address);
        let request = Request::get(uri).header("X-Cetcd-Ticket", ticket).body(Full::new(Bytes::new())).unwrap();
        Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap()
    }

    /// A stream that has said hello.
    async fn open(&self) -> Incoming {
        let answer = self.get(&self.ticket()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut body = answer.into_body();
        assert_eq!(said(&mut body).await.unwrap(), "event: hello\ndata: {}\n\n");
        body
    }

    async fn changes(&self, id: &str, account: &str, region: &str) {
        let instance = instance(id, account, region);
        self.store.txn(Txn::new().then(records::put_instance(&instance))).await.unwrap();
    }
}

fn instance(id: &str, account: &str, region: &str) -> Instance {
    Instance {
        id: InstanceId::parse(id).unwrap(),
        account: account.to_owned(),
        region: region.to_owned(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        generation: 1,
        spec: Spec {
            name: "orders".to_owned(),
            vpc_id: "vpc-abcd1234".to_owned(),
            service_subnet_id: "subnet-abcd1234".to_owned(),
            subnet_ids: vec!["subnet-abcd1234".to_owned()],
            ..Spec::new("v3.5.16".parse().unwrap())
        },
    }
}

/// The next thing that a stream says; `None` once it is over.
async fn said(body: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("it says something")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_stream_tells_of_ones_own_changes_and_of_nobody_elses() {
    let server = Server::start().await;
    let mut stream = server.open().await;
    server.changes("etcd-other000", "100000000002", REGION).await;
    server.changes("etcd-far00000", ACCOUNT, "ap-shanghai").await;
    server.changes("etcd-abcd1234", ACCOUNT, REGION).await;
    assert_eq!(said(&mut stream).await.unwrap(), "event: change\ndata: {\"InstanceId\":\"etcd-abcd1234\"}\n\n");
}

#[tokio::test]
async fn what_goes_away_is_told_too() {
    let server = Server::start().await;
    server.changes("etcd-abcd1234", ACCOUNT, REGION).await;
    let mut stream = server.open().await;
    let key = records::instance_key(&InstanceId::parse("etcd-abcd1234").unwrap());
    server.store.txn(Txn::new().delete(key)).await.unwrap();
    assert!(said(&mut stream).await.unwrap().contains("etcd-abcd1234"));
}

#[tokio::test]
async fn a_ticket_opens_one_stream_and_another_text_none() {
    let server = Server::start().await;
    let ticket = server.ticket();
    assert_eq!(server.get(&ticket).await.status(), StatusCode::OK);
    for bad in [ticket.as_str(), "", "0000"] {
        assert_eq!(server.get(bad).await.status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_signed_request_to_the_same_path_is_the_apis() {
    let server = Server::start().await;
    let signed = V3 { path: PATH, ..V3::get("DescribeEtcdQuota", "") }.header("X-Cetcd-Ticket", "0000").build();
    let (mut parts, body) = signed.into_parts();
    parts.uri = format!("http://{}{}", server.address, parts.uri).parse().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(Request::from_parts(parts, Full::new(body))).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn an_account_has_so_many_streams_at_once_and_a_place_comes_free_when_one_ends() {
    let server = Server::start().await;
    let mut open = Vec::new();
    let refused = loop {
        let answer = server.get(&server.ticket()).await;
        if answer.status() != StatusCode::OK {
            break answer.status();
        }
        open.push(answer);
        assert!(open.len() < 100, "there is an end");
    };
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    drop(open);
    let freed = async {
        while server.get(&server.ticket()).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("a place comes free");
}

#[tokio::test]
async fn streams_end_at_once_when_the_server_stops() {
    let server = Server::start().await;
    let mut stream = server.open().await;
    server.stop.cancel();
    assert_eq!(said(&mut stream).await, None);
}
