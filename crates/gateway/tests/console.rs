//! The console beside the API, on a socket: where the one ends and the other begins.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::net::SocketAddr;

use bytes::Bytes;
use cetcd_gateway::Options;
use common::{Answer, Rig, V1, V3};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

struct Server {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    async fn start() -> Self {
        let rig = Rig::with(Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        tokio::spawn(async move { rig.gateway.serve(listener, None, token).await });
        Self { address, _stop: stop.drop_guard() }
    }

    /// Sends it as it is, to this server: its Host header stays the one that was signed.
    async fn send(&self, mut request: Request<Bytes>) -> (http::response::Parts, Bytes) {
        *request.uri_mut() = format!("http://{}{}", self.address, request.uri()).parse().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (parts, body) = client.request(request.map(Full::new)).await.unwrap().into_parts();
        (parts, body.collect().await.unwrap().to_bytes())
    }

    async fn api(&self, request: Request<Bytes>) -> Answer {
        let (parts, body) = self.send(request).await;
        Answer::check(&parts, &body)
    }
}

fn plain(method: &str, uri: &str, accept: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(uri).header("Accept", accept).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_browser_gets_the_page_and_what_the_page_names() {
    let server = Server::start().await;
    let (parts, body) = server.send(plain("GET", "/instances/etcd-abcd1234", BROWSER)).await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let page = String::from_utf8(body.to_vec()).unwrap();
    let scripts: Vec<_> = page.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!scripts.is_empty(), "{page}");
    for script in scripts {
        let (parts, body) = server.send(plain("GET", script, "*/*")).await;
        assert_eq!(parts.headers["content-type"], "text/javascript; charset=utf-8", "{script}");
        assert_eq!(parts.headers["x-content-type-options"], "nosniff");
        assert!(!body.is_empty());
    }
    let (parts, body) = server.send(plain("HEAD", "/", BROWSER)).await;
    assert_eq!((parts.status.as_u16(), body.len()), (200, 0));
}

#[tokio::test]
async fn a_signed_get_is_the_apis_even_where_it_accepts_html_and_names_a_file() {
    let server = Server::start().await;
    server.api(V3::get("DescribeEtcdQuota", "").header("Accept", BROWSER).build()).await.is_ok();
    server.api(V3::get("DescribeEtcdTasks", "TaskID=x").header("Accept", BROWSER).build()).await.is_ok();
    server.api(V3 { path: "/index.html", ..V3::get("DescribeEtcdQuota", "") }.build()).await.is_ok();
    server.api(V3 { path: "/schema.json", ..V3::post("DescribeEtcdQuota", "{}") }.build()).await.is_ok();
    let mut request = V1::get("DescribeEtcdQuota", &[]).build();
    request.headers_mut().insert("accept", BROWSER.parse().unwrap());
    server.api(request).await.is_ok();
}

#[tokio::test]
async fn what_is_neither_signed_nor_for_a_browser_is_refused_by_the_api_as_ever() {
    let server = Server::start().await;
    for request in [
        plain("GET", "/", "*/*"),
        plain("GET", "/?Limit=1", "application/json"),
        plain("POST", "/", BROWSER),
        plain("GET", "/?Version=2022-03-25", BROWSER),
    ] {
        server.api(request).await.is("MissingParameter", "The request is missing a required parameter `Action`.");
    }
    assert_eq!(server.api(plain("DELETE", "/", BROWSER)).await.code(), "UnsupportedProtocol");
    let refused = server.api(plain("GET", "/?Action=DescribeEtcdQuota", BROWSER)).await;
    assert_eq!(refused.code(), "MissingParameter");
}

#[tokio::test]
async fn the_schema_is_there_without_a_signature() {
    let server = Server::start().await;
    let (parts, body) = server.send(plain("GET", "/schema.json", "*/*")).await;
    assert_eq!(parts.status, 200);
    let schema: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(schema, cetcd_api::schema());
}
