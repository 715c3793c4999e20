//! Connections: accepting, TLS, limits, and ending in good order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::handler::Dispatch;
use crate::metrics::Held;
use crate::{Error, Gateway, console, ops, streams};

type Answer = Response<Either<Full<Bytes>, axum::body::Body>>;

/// How long a connection may go without a new request before it is closed. HTTP/1 connections that wait for their
/// next request end sooner, by the header timeout; this is for HTTP/2, and for clients that do not read their answers.
const IDLE: Duration = Duration::from_secs(90);
/// The most bytes that one connection's headers may take: a query of 32 KB must fit, with everything else.
const HEADER_BYTES: usize = 96 * 1024;
/// The most requests at once on an HTTP/2 connection.
const STREAMS: u32 = 64;
/// How much of its bodies an HTTP/2 connection may send before they are read, in bytes.
const WINDOW: u32 = 256 * 1024;
/// How long accepting rests after an error that would otherwise repeat at once, such as no free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl<S: Dispatch> Gateway<S> {
    /// Serves connections from `listener` until `shutdown`, over TLS where `tls` is given (its ALPN protocols are set
    /// here). Then no connection is accepted, requests under way get [`Options::shutdown_grace`](crate::Options), and
    /// what is in the audit log's queue is written.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        shutdown: CancellationToken,
    ) -> Result<(), Error> {
        let options = &self.inner.options;
        let acceptor = tls.map(|config| TlsAcceptor::from(with_alpn(config)));
        let slots = Arc::new(Semaphore::new(options.max_connections.max(1)));
        let discovery = self.inner.discovery.get().cloned();
        let router = ops::router(Arc::clone(&self.inner.ready), Arc::clone(&self.inner.registry), discovery);
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = accept(&listener, &slots) => accepted,
            };
            let (stream, peer, slot) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = Connection {
                gateway: self.clone(),
                router: router.clone(),
                peer,
                watcher: graceful.watcher(),
                _held: Held::new(&self.inner.metrics.connections),
            };
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                connection.run(stream, acceptor).await;
                drop(slot);
            });
        }
        drop(listener);
        self.set_ready(false);
        self.inner.changes.close();
        let finished = async {
            graceful.shutdown().await;
            self.inner.changes.wait().await;
        };
        if tokio::time::timeout(options.shutdown_grace, finished).await.is_err() {
            tracing::warn!("requests were still under way when the time to finish them ended");
        }
        connections.shutdown().await;
        self.inner.changes.reopen();
        if let Some(audit) = &self.inner.audit {
            audit.flush().await;
        }
        Ok(())
    }

    async fn route(&self, request: Request<Incoming>, router: Router, peer: SocketAddr, busy: UnderWay) -> Answer {
        if ops::is_ops(request.method(), request.uri().path()) {
            let Ok(response) = router.oneshot(request).await;
            return response.map(Either::Right);
        }
        if let Some(streams) = self.inner.streams.get()
            && streams::is_stream(request.method(), request.uri(), request.headers())
        {
            return streams.answer(request.headers(), busy).map(Either::Right);
        }
        if let Some(response) = console::answer(request.method(), request.uri(), request.headers()) {
            return response.map(Either::Left);
        }
        let (parts, body) = request.into_parts();
        let held = self.inner.receiver.receive(&parts, body).await;
        let crate::body::Held { received, share } = held;
        let response = self.answer(&parts, received, peer.ip().to_canonical()).await;
        drop((share, busy));
        response.map(Either::Left)
    }
}

fn with_alpn(config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

struct Connection<S> {
    gateway: Gateway<S>,
    router: Router,
    peer: SocketAddr,
    watcher: hyper_util::server::graceful::Watcher,
    _held: Held,
}

impl<S: Dispatch> Connection<S> {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Answers are written whole; waiting for more would only delay them. Failing to set it costs speed alone.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else { return self.serve(stream).await };
        let timeout = self.gateway.inner.options.header_timeout;
        match tokio::time::timeout(timeout, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.peer, "the TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "the TLS handshake did not end in time"),
        }
    }

    async fn serve<I>(self, stream: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { gateway, router, peer, watcher, _held } = self;
        let timeout = gateway.inner.options.header_timeout;
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(timeout).max_buf_size(HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX));
        let activity = Arc::new(Activity::default());
        let seen = Arc::clone(&activity);
        let service = service_fn(move |request| {
            let (gateway, router, under_way) = (gateway.clone(), router.clone(), UnderWay::new(&seen));
            async move { Ok::<_, Infallible>(gateway.route(request, router, peer, under_way).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut connection = std::pin::pin!(watcher.watch(connection));
        // hyper's own timeout starts once it knows the protocol, for which it would wait for ever.
        let (mut patience, mut started) = (timeout, 0);
        let result = loop {
            tokio::select! {
                result = &mut connection => break result,
                () = tokio::time::sleep(patience) => {
                    if activity.is_idle_since(started) {
                        tracing::debug!(%peer, "the connection was idle for too long");
                        return;
                    }
                    (patience, started) = (IDLE, activity.started.load(Ordering::Relaxed));
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, %peer, "the connection failed");
        }
    }
}

/// The requests of one connection.
#[derive(Debug, Default)]
struct Activity {
    started: AtomicU64,
    ended: AtomicU64,
}

impl Activity {
    /// Whether no request began after the first `started`, and all have ended.
    fn is_idle_since(&self, started: u64) -> bool {
        self.started.load(Ordering::Relaxed) == started && self.ended.load(Ordering::Relaxed) == started
    }
}

/// A request that has begun and not ended; one that is given up ends too.
struct UnderWay(Arc<Activity>);

impl UnderWay {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.started.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_when_nothing_began_and_nothing_is_under_way() {
        let activity = Arc::new(Activity::default());
        assert!(activity.is_idle_since(0), "no request ever came");
        let request = UnderWay::new(&activity);
        assert!(!activity.is_idle_since(0), "one came since");
        assert!(!activity.is_idle_since(1), "it is under way");
        drop(request);
        assert!(activity.is_idle_since(1));
    }
}
