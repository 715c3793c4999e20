//! The gateway on a socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cetcd_gateway::{Options, service::Discovery};
use common::{Answer, Behaviour, HOST, Rig, V1, V3};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

const READ: &str = "DescribeEtcdQuota";

struct Server {
    rig: Rig,
    address: SocketAddr,
    running: JoinHandle<Result<(), cetcd_gateway::Error>>,
    stop: DropGuard,
}

async fn serve(options: Options) -> Server {
    serve_tls(options, None).await
}

async fn serve_tls(options: Options, tls: Option<Arc<rustls::ServerConfig>>) -> Server {
    let rig = Rig::with(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (gateway, token) = (rig.gateway.clone(), stop.clone());
    let running = tokio::spawn(async move { gateway.serve(listener, tls, token).await });
    Server { rig, address, running, stop: stop.drop_guard() }
}

/// A request as HTTP/1.1 text.
fn text(request: &Request<Bytes>, extra: &str) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        text.extend_from_slice(format!("{name}: {}\r\n", value.to_str().unwrap()).as_bytes());
    }
    text.extend_from_slice(format!("content-length: {}\r\n{extra}\r\n", request.body().len()).as_bytes());
    text.extend_from_slice(request.body());
    text
}

/// A response read off the socket: headers and as much body as they announce.
async fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0, "closed before the headers ended");
    };
    let head = String::from_utf8(received[..end].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
    let mut body = received.split_off(end);
    while body.len() < length {
        assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0, "closed before the body ended");
    }
    (head, body)
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.is_ok() && rest.is_empty()
}

#[tokio::test]
async fn answers_are_plain_json_and_the_connection_is_kept() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&text(&V3::post(READ, "{}").build(), "")).await.unwrap();
        let (head, body) = read(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
        assert!(!head.contains("content-encoding"), "{head}");
        assert!(body.starts_with(br#"{"Response":{"QuotaLimit":0,"RequestId":""#));
    }
}

#[tokio::test]
async fn a_client_that_asks_for_the_connection_to_be_closed_gets_that() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&text(&V3::post(READ, "{}").build(), "Connection: close\r\n")).await.unwrap();
    let (head, _) = read(&mut stream).await;
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn large_answers_are_zipped_where_the_client_asks() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let large = cetcd_api::find("DescribeEtcdAvailableVersions").unwrap();
    let example: serde_json::Value = serde_json::from_str(large.example_response).unwrap();
    let mut answer = example["Response"].clone();
    answer.as_object_mut().unwrap().remove("RequestId");
    let list = answer.as_object_mut().unwrap().values_mut().find(|value| value.is_array()).unwrap();
    let one = list[0].clone();
    *list = vec![one; 200].into();
    server.rig.behave("DescribeEtcdAvailableVersions", Behaviour::Answer(answer));

    let request = V3::post("DescribeEtcdAvailableVersions", "{}").build();
    stream.write_all(&text(&request, "")).await.unwrap();
    let (head, plain) = read(&mut stream).await;
    assert!(!head.contains("content-encoding"), "{head}");
    stream.write_all(&text(&request, "Accept-Encoding: gzip, deflate\r\n")).await.unwrap();
    let (head, zipped) = read(&mut stream).await;
    assert!(
        head.contains("content-encoding: gzip\r\n") && head.contains("content-type: application/json\r\n"),
        "{head}"
    );
    assert!(zipped.len() < plain.len() / 4);
    let mut unzipped = String::new();
    flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut unzipped).unwrap();
    assert_eq!(unzipped.len(), plain.len());

    stream.write_all(&text(&V3::post(READ, "{}").build(), "Accept-Encoding: gzip\r\n")).await.unwrap();
    let (head, _) = read(&mut stream).await;
    assert!(!head.contains("content-encoding"), "a short answer is left as it is: {head}");
}

#[tokio::test]
async fn an_oversize_body_is_read_so_that_its_sender_gets_the_answer() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = V3 { body: vec![b' '; 11_000_000], ..V3::post(READ, "") }.build();
    stream.write_all(&text(&request, "")).await.unwrap();
    let (_, body) = read(&mut stream).await;
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("exceed  max 10485760B, but your 11000000B."), "{body}");
    stream.write_all(&text(&V3::post(READ, "{}").build(), "")).await.unwrap();
    assert!(read(&mut stream).await.1.starts_with(br#"{"Response":{"QuotaLimit""#), "the connection is still in step");
}

#[tokio::test]
async fn a_chunked_body_is_limited_and_counted_too() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b'x'; 100_000];
    for _ in 0..12 {
        stream.write_all(b"186a0\r\n").await.unwrap();
        stream.write_all(&chunk).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let (_, body) = read(&mut stream).await;
    assert!(String::from_utf8(body).unwrap().contains("AuthFailure.SignatureFailure"));
}

#[tokio::test]
async fn a_client_that_asks_before_sending_too_much_is_told_at_once() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (head, body) = read(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("connection: close"), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("exceeding request size limit"));
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = serve(Options { body_timeout: Duration::from_millis(50), ..Options::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (_, body) = read(&mut stream).await;
    assert!(String::from_utf8(body).unwrap().contains("InvalidRequest"));
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_half_a_header_is_dropped() {
    let server = serve(Options { header_timeout: Duration::from_millis(50), ..Options::default() }).await;
    for start in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "{start:?} kept its connection");
    }
}

#[tokio::test]
async fn health_readiness_and_metrics_have_pages_of_their_own() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut get = async |path: &str| {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
        let (head, body) = read(&mut stream).await;
        (head.split(' ').nth(1).unwrap().to_owned(), String::from_utf8(body).unwrap())
    };
    assert_eq!(get("/healthz").await, ("200".into(), "ok\n".into()));
    assert_eq!(get("/readyz").await.0, "503");
    server.rig.gateway.set_ready(true);
    assert_eq!(get("/readyz").await, ("200".into(), "ready\n".into()));
    assert!(get("/nowhere").await.1.contains("MissingParameter"), "any other path is the API");
    let (code, metrics) = get("/metrics").await;
    assert_eq!(code, "200");
    assert!(metrics.contains("cetcd_api_connections 1\n"), "{metrics}");
    assert!(metrics.contains(r#"cetcd_api_requests_total{action="unknown",code="MissingParameter"} 1"#), "{metrics}");
    assert!(metrics.contains("# TYPE cetcd_api_requests_total counter\n"), "{metrics}");
}

#[tokio::test]
async fn metrics_are_open_metrics_for_who_asks_for_those() {
    let server = serve(Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/openmetrics-text\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (head, body) = read(&mut stream).await;
    let text = String::from_utf8(body).unwrap();
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.contains("# TYPE cetcd_api_handler_panics counter\n") && text.ends_with("# EOF\n"), "{text}");
}

/// Knows one Prometheus, which watches one instance.
struct One;

#[async_trait::async_trait]
impl Discovery for One {
    async fn targets(&self, prometheus: &str, instance: &str, token: &str) -> Option<serde_json::Value> {
        let known = (prometheus, token) == ("prom-abcd1234", "the token");
        known.then(|| serde_json::json!([{ "targets": [instance] }]))
    }
}

#[tokio::test]
async fn a_prometheus_is_told_its_targets_by_its_token_and_nobody_else_is() {
    let rig = Rig::with(Options::default());
    rig.gateway.tell_targets_by(Arc::new(One));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (gateway, token) = (rig.gateway.clone(), stop.clone());
    let _stop = stop.drop_guard();
    tokio::spawn(async move { gateway.serve(listener, None, token).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut get = async |path: &str, authorization: &str| {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{authorization}\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let (head, body) = read(&mut stream).await;
        (head.split(' ').nth(1).unwrap().to_owned(), head, String::from_utf8(body).unwrap())
    };
    let path = "/sd/prom-abcd1234/etcd-abcd1234";
    let (code, head, body) = get(path, "Authorization: Bearer the token\r\n").await;
    assert_eq!((code.as_str(), body.as_str()), ("200", r#"[{"targets":["etcd-abcd1234"]}]"#));
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    for authorization in ["", "Authorization: Bearer another\r\n", "Authorization: Basic the token\r\n"] {
        assert_eq!(get(path, authorization).await.0, "401", "{authorization}");
    }
    assert_eq!(get("/sd/prom-00000000/etcd-abcd1234", "Authorization: Bearer the token\r\n").await.0, "401");
    assert_eq!(get("/sd/", "").await.0, "404");
}

#[tokio::test]
async fn http2_is_spoken_without_tls_too() {
    let server = serve(Options::default()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    http2(TokioIo::new(stream), &server.address.to_string()).await;
}

/// Sends a few requests over HTTP/2, one with a long query.
async fn http2<I>(stream: I, authority: &str)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let long = format!("InstanceIds.0={}", "x".repeat(32_000));
    for request in [V3::post(READ, "{}"), V3::get(READ, ""), V3::get("DescribeEtcdInstances", &long)] {
        let mut request = request.build_for(authority);
        request.headers_mut().remove("host");
        let target = request.uri().path_and_query().unwrap().clone();
        *request.uri_mut() = format!("http://{authority}{target}").parse().unwrap();
        let response = sender.send_request(request.map(Full::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let answer = Answer::check(&parts, &body.collect().await.unwrap().to_bytes());
        assert!(["OK", "InvalidParameterValue"].contains(&answer.code()), "{answer:?}");
    }
}

#[tokio::test]
async fn tls_offers_http2_and_http1() {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let server = serve_tls(Options::default(), Some(Arc::new(config))).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    for protocol in ["h2", "http/1.1"] {
        client.alpn_protocols = vec![protocol.into()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client.clone()));
        let stream = TcpStream::connect(server.address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        if protocol == "h2" {
            http2(TokioIo::new(stream), "localhost:8379").await;
        } else {
            stream.write_all(&text(&V1::get(READ, &[]).build(), "Connection: close\r\n")).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.contains(r#"{"Response":{"QuotaLimit":0,"#), "{answer}");
        }
    }
}

#[tokio::test]
async fn connections_past_the_limit_wait_for_a_free_place() {
    let server = serve(Options { max_connections: 1, ..Options::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(&text(&V3::post(READ, "{}").build(), "")).await.unwrap();
    read(&mut first).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(&text(&V3::post(READ, "{}").build(), "")).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(100), second.readable()).await.is_err());
    drop(first);
    read(&mut second).await;
}

#[tokio::test]
async fn requests_under_way_are_finished_when_the_server_stops() {
    let server = serve(Options::default()).await;
    let go_on = Arc::new(tokio::sync::Semaphore::new(0));
    server.rig.behave(READ, Behaviour::Wait(Arc::clone(&go_on)));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&text(&V3::post(READ, "{}").build(), "")).await.unwrap();
    while server.rig.gateway.service().contexts.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(server.stop);
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.add_permits(1);
    let (_, body) = read(&mut stream).await;
    assert!(body.starts_with(br#"{"Response":{"QuotaLimit""#));
    server.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_given_up_when_the_server_stops() {
    let server = serve(Options { shutdown_grace: Duration::from_millis(50), ..Options::default() }).await;
    server.rig.behave(READ, Behaviour::Wait(Arc::new(tokio::sync::Semaphore::new(0))));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&text(&V3::post(READ, "{}").build(), "")).await.unwrap();
    while server.rig.gateway.service().contexts.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(server.stop);
    server.running.await.unwrap().unwrap();
    assert!(is_closed(&mut stream).await);
}
