//! One instance's route: its listeners and the connections that came through them.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    Options,
    admission::Admission,
    backends::Backends,
    files::{PublicStatus, Route, RouteStatus},
    gate::Gate,
    relay::relay,
    rest::{Holding, Resting},
    sockets,
};

/// Serves one instance.
pub struct RouteServer {
    route: Route,
    listener: Option<Listener>,
    error: Option<String>,
    public: Option<Listener>,
    public_error: Option<String>,
    hold: Option<Holding>,
    shared: Arc<Shared>,
}

/// A socket that is accepted from.
struct Listener {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    fn listens_at(&self, at: SocketAddr) -> bool {
        self.at == at && !self.task.is_finished()
    }

    async fn close(self) {
        self.task.abort();
        // Only when the task has ended is its listener closed.
        let _ = self.task.await;
    }
}

/// How a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Private,
    Public,
}

struct Shared {
    instance: String,
    options: Options,
    backends: Backends,
    gate: Gate,
    admission: Admission,
    slots: Arc<Semaphore>,
    closed: CancellationToken,
    connections: TaskTracker,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Resting for Shared {
    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn answered(&self) -> u64 {
        self.counters.bytes_out.load(Ordering::Relaxed)
    }

    fn rested(&self) {
        self.backends.end_drained();
    }
}

impl RouteServer {
    /// A route that does not listen yet: [`apply`](Self::apply) makes it so.
    pub fn new(instance: &str, route: Route, options: &Options) -> Self {
        let shared = Arc::new(Shared {
            instance: instance.to_owned(),
            options: options.clone(),
            backends: Backends::default(),
            gate: Gate::default(),
            admission: Admission::new(options.max_connections / 2),
            slots: Arc::new(Semaphore::new(options.max_connections)),
            closed: CancellationToken::new(),
            connections: TaskTracker::new(),
            counters: Counters::default(),
        });
        Self { route, listener: None, error: None, public: None, public_error: None, hold: None, shared }
    }

    /// Follows `route`: passes new connections to its backends and listens where it says. A listener that
    /// cannot be opened is tried again by the next call. `news` is told when a hold has come to rest.
    pub async fn apply(&mut self, route: Route, news: &Arc<Notify>) {
        if self.route.backends != route.backends || self.listener.is_none() {
            self.shared.backends.set(&route.backends, self.shared.options.drain);
        }
        if self.hold.as_ref().map(Holding::hold) != route.hold {
            // The one before is over before the next begins.
            self.hold = None;
            self.hold = route.hold.map(|hold| Holding::begin(hold, Arc::clone(&self.shared), Arc::clone(news)));
        }
        self.route = route;
        // Who is not let in any more goes first.
        self.shared.admission.set(self.route.public.as_ref().map_or(&[], |public| &public.allowed));
        self.error = listen(&mut self.listener, Some(self.route.listen), Way::Private, &self.shared).await.err();
        let public = self.route.public.as_ref().map(|public| public.listen);
        self.public_error = listen(&mut self.public, public, Way::Public, &self.shared).await.err();
    }

    /// Says that the newest route file cannot be followed; what was applied before goes on.
    pub fn reject(&mut self, reason: String) {
        self.error = Some(reason);
    }

    /// Whether it listens where it should.
    pub fn serving(&self) -> bool {
        self.listener.as_ref().is_some_and(|listener| listener.listens_at(self.route.listen))
    }

    fn public_status(&self) -> Option<PublicStatus> {
        let public = self.route.public.clone()?;
        Some(PublicStatus {
            serving: self.public.as_ref().is_some_and(|listener| listener.listens_at(public.listen)),
            error: self.public_error.clone(),
            denied: self.shared.admission.denied(),
            public,
        })
    }

    /// What it does now.
    pub fn status(&self) -> RouteStatus {
        let counters = &self.shared.counters;
        let taken = self.shared.options.max_connections - self.shared.slots.available_permits();
        RouteStatus {
            listen: self.route.listen,
            backends: self.shared.backends.addresses(),
            serving: self.serving(),
            public: self.public_status(),
            rested: self.hold.as_ref().and_then(Holding::rested),
            error: self.error.clone(),
            connections: taken as u64,
            accepted: counters.accepted.load(Ordering::Relaxed),
            refused: counters.refused.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            bytes_in: counters.bytes_in.load(Ordering::Relaxed),
            bytes_out: counters.bytes_out.load(Ordering::Relaxed),
        }
    }

    /// Closes the listeners, and answers once they are closed. The connections may go on for `drain`: the future
    /// that comes back ends with the last of them.
    pub async fn close(mut self, drain: Duration) -> impl Future<Output = ()> + Send {
        for listener in [self.listener.take(), self.public.take()].into_iter().flatten() {
            listener.close().await;
        }
        let shared = Arc::clone(&self.shared);
        async move {
            shared.connections.close();
            if tokio::time::timeout(drain, shared.connections.wait()).await.is_err() {
                shared.closed.cancel();
                shared.connections.wait().await;
            }
        }
    }
}

/// Sees to it that `listener` listens at `wanted`, or nowhere. What cannot be opened is told; the one before goes on
/// until then.
async fn listen(
    listener: &mut Option<Listener>,
    wanted: Option<SocketAddr>,
    way: Way,
    shared: &Arc<Shared>,
) -> Result<(), String> {
    let Some(at) = wanted else {
        if let Some(listener) = listener.take() {
            listener.close().await;
        }
        return Ok(());
    };
    if listener.as_ref().is_some_and(|listener| listener.listens_at(at)) {
        return Ok(());
    }
    match TcpListener::bind(at).await {
        Ok(socket) => {
            let task = tokio::spawn(accept(socket, way, Arc::clone(shared)));
            if let Some(before) = listener.replace(Listener { at, task }) {
                before.close().await;
            }
            Ok(())
        }
        Err(error) => {
            let text = format!("cannot listen at {at}: {error}");
            warn!(instance = shared.instance, "{text}");
            Err(text)
        }
    }
}

async fn accept(listener: TcpListener, way: Way, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((_, peer)) if way == Way::Public && !shared.admission.admits(peer.ip()) => {
                debug!(instance = shared.instance, %peer, "its network is not allowed");
            }
            Ok((client, peer)) => {
                shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
                let Ok(slot) = Arc::clone(&shared.slots).try_acquire_owned() else {
                    shared.counters.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let task = connection(client, peer, slot, Arc::clone(&shared));
                if way == Way::Private {
                    shared.connections.spawn(task);
                } else if let Some(public_slot) = shared.admission.slot() {
                    let shared_too = Arc::clone(&shared);
                    shared.connections.spawn(async move {
                        let _public_slot = public_slot;
                        tokio::select! {
                            () = task => {}
                            () = shared_too.admission.revoked(peer.ip()) => {}
                        }
                    });
                } else {
                    shared.counters.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => {
                // Of one connection (aborted before it was accepted): the next is as good as any. Of the
                // process (no descriptors left): trying at once would only burn a core.
                warn!(instance = shared.instance, "cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(mut client: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit, shared: Arc<Shared>) {
    sockets::tune(&client);
    for candidate in shared.backends.in_order() {
        let counted = candidate.count();
        let address = candidate.address;
        let connected = tokio::select! {
            () = shared.closed.cancelled() => return,
            connected = connect(address, shared.options.connect_timeout) => connected,
        };
        let mut backend = match connected {
            Ok(backend) => backend,
            Err(error) => {
                debug!(instance = shared.instance, %peer, %address, "backend does not accept: {error}");
                candidate.failed(shared.options.avoid);
                continue;
            }
        };
        candidate.succeeded();
        sockets::tune(&backend);
        let counters = &shared.counters;
        let idle = shared.options.half_closed_idle;
        tokio::select! {
            biased;
            ended = relay(&mut client, &mut backend, &shared.gate, &counters.bytes_in, &counters.bytes_out, idle) => {
                if let Err(error) = ended {
                    debug!(instance = shared.instance, %peer, %address, "connection ended: {error}");
                }
            }
            () = candidate.closed.cancelled() => debug!(instance = shared.instance, %peer, %address, "drained"),
            () = shared.closed.cancelled() => {}
        }
        drop((counted, slot));
        return;
    }
    shared.counters.failed.fetch_add(1, Ordering::Relaxed);
    warn!(instance = shared.instance, %peer, "no backend accepts");
    drop(slot);
}

async fn connect(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    tokio::time::timeout(limit, TcpStream::connect(address)).await?
}
