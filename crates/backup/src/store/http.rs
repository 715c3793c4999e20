//! How requests of a bucket's service are sent: hyper, over HTTP/1.1 and the machine's own trusted roots.

use std::{
    future::{Ready, ready},
    io,
    net::{Ipv4Addr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use opendal::{Buffer, HttpBody, HttpTransport};
use sync_wrapper::SyncStream;
use tower::Service;

/// How long a connection may take, with its TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection without use is kept.
const IDLE: Duration = Duration::from_mins(1);

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// Sends the requests of one bucket. Redirects are not followed: what is signed is signed for one host.
pub struct Transport(Client<Connector, Full<Bytes>>);

impl Transport {
    pub fn new() -> io::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_LIMIT));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        let provider = rustls::crypto::ring::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self(client))
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let is_head = request.method() == http::Method::HEAD;
        let request = request.map(|body| Full::new(body.to_bytes()));
        let response = self.0.request(request).await.map_err(|error| broken("send a request", &error))?;
        let (parts, body) = response.into_parts();
        let length =
            parts.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let pieces = body
            .into_data_stream()
            .map(|piece| piece.map(Buffer::from).map_err(|error| broken("read an answer", &error)));
        // An answer to HEAD says how long it would be.
        Ok(Response::from_parts(parts, HttpBody::new(SyncStream::new(pieces), length.filter(|_| !is_head))))
    }
}

/// Worth another try: nothing was said, or not to its end.
fn broken(doing: &'static str, error: &dyn std::error::Error) -> opendal::Error {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    opendal::Error::new(opendal::ErrorKind::Unexpected, format!("cannot {doing}: {reason}")).set_temporary()
}

/// Resolves names by the system, and all of `localhost` to this machine, as RFC 6761 says.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Service::<Name>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if name.as_str().ends_with(".localhost") {
            let here: Ready<io::Result<_>> = ready(Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))].into_iter()));
            return here.boxed();
        }
        let found = self.0.call(name);
        async move { Ok(found.await?.collect::<Vec<_>>().into_iter()) }.boxed()
    }
}
