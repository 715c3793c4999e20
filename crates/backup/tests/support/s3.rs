//! An S3 server on loopback, and what may happen on the way to it.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;

/// moto's server. Ends with this.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// `None`, and a word about it, where there is no Python for it.
    pub fn start() -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let prepared = Command::new(root.join("scripts/test-env")).arg("s3").output().unwrap();
        if prepared.status.code() == Some(3) {
            eprintln!("skipped: {}", String::from_utf8_lossy(&prepared.stderr));
            return None;
        }
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let python = String::from_utf8(prepared.stdout).unwrap();
        let mut child = Command::new(python.trim())
            .arg(root.join("tests/s3/serve.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        Some(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither fails for a child that was not waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this, and not passed on.
    Answer(u16),
    /// Its answer breaks off in the middle.
    Cut,
    /// It is answered after so many milliseconds.
    Late(u64),
}

type Wanted = fn(&Request<Incoming>) -> bool;
type Body = BoxBody<Bytes, std::io::Error>;

/// Passes requests on to the server, apart from those to which something happens.
#[derive(Clone)]
pub struct Way {
    pub address: SocketAddr,
    faults: Arc<Mutex<VecDeque<(Wanted, Fault)>>>,
    happened: Arc<Mutex<usize>>,
    server: SocketAddr,
}

impl Way {
    pub async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Self { address, faults: Arc::default(), happened: Arc::default(), server: server.address };
        let of = way.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let way = of.clone();
                let service = hyper::service::service_fn(move |request| {
                    let way = way.clone();
                    async move { Ok::<_, std::io::Error>(way.pass(request).await) }
                });
                let serve =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service);
                tokio::spawn(serve);
            }
        });
        way
    }

    /// The next requests for which `wanted` holds meet these, one each.
    pub fn meet(&self, wanted: Wanted, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults.into_iter().map(|fault| (wanted, fault)));
    }

    /// How many faults there were; those that did not come to pass are forgotten.
    pub fn happened(&self) -> usize {
        self.faults.lock().unwrap().clear();
        std::mem::take(&mut *self.happened.lock().unwrap())
    }

    fn next_fault(&self, request: &Request<Incoming>) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let place = faults.iter().position(|(wanted, _)| wanted(request))?;
        *self.happened.lock().unwrap() += 1;
        faults.remove(place).map(|(_, fault)| fault)
    }

    async fn pass(&self, request: Request<Incoming>) -> Response<Body> {
        let fault = self.next_fault(&request);
        match fault {
            Some(Fault::Answer(status)) => {
                // Whoever sends a long body is not to find the door shut.
                let _ = request.into_body().collect().await;
                let text = format!("<Error><Code>{}</Code><Message>so it is</Message></Error>", code(status));
                return answer(StatusCode::from_u16(status).unwrap(), whole(text.into()));
            }
            Some(Fault::Late(milliseconds)) => {
                tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
            }
            Some(Fault::Cut) | None => {}
        }
        let (mut parts, body) = request.into_parts();
        // A bucket that is in the host's name, as COS has it, is in the path here.
        let host = parts.headers["host"].to_str().unwrap().to_owned();
        let bucket = host.split_once(".localhost").map_or(String::new(), |(bucket, _)| format!("/{bucket}"));
        let path = parts.uri.path_and_query().unwrap().as_str();
        parts.uri = format!("http://{}{bucket}{path}", self.server).parse().unwrap();
        if !bucket.is_empty() {
            // Nor does the server know COS's signature. It checks none, and wants to see one.
            let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/s3/aws4_request, \
                          SignedHeaders=host, Signature=0";
            assert!(parts.headers["authorization"].to_str().unwrap().starts_with("q-sign-algorithm="));
            parts.headers.insert("authorization", signed.parse().unwrap());
        }
        parts.headers.insert("host", self.server.to_string().parse().unwrap());
        let body = body.collect().await.unwrap().to_bytes();
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let (parts, body) = client.request(Request::from_parts(parts, Full::new(body))).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if fault == Some(Fault::Cut) {
            let half = body.slice(..body.len() / 2);
            let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "cut");
            let pieces = futures::stream::iter([Ok(Frame::data(half)), Err(broken)]);
            return Response::from_parts(parts, BodyExt::boxed(StreamBody::new(pieces)));
        }
        Response::from_parts(parts, whole(body))
    }
}

fn code(status: u16) -> &'static str {
    match status {
        403 => "AccessDenied",
        507 => "InsufficientStorage",
        _ => "InternalError",
    }
}

fn answer(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

pub fn is_get(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET
}

pub fn is_put(request: &Request<Incoming>) -> bool {
    request.method() == Method::PUT
}

pub fn any(_: &Request<Incoming>) -> bool {
    true
}

/// A part of an upload that has several.
pub fn is_part(request: &Request<Incoming>) -> bool {
    request.uri().query().is_some_and(|query| query.contains("partNumber"))
}
