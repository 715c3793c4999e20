//! Streams of server-sent events, for the console: which instances have changed, as it happens.
//!
//! A stream is opened by a ticket that the API gave to a signed request, once and soon after; so no key is in a URL,
//! and no answer of the API is a stream. It is bounded in number and age, and nothing queues up for it: one that falls
//! behind what the view keeps is told to look at everything again.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use cetcd_store::view::{Change, View};
use futures::{Stream, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::console::is_for_the_api;
use crate::metrics::Held;

/// Where streams are.
pub(crate) const PATH: &str = "/console/stream";
/// The header that a ticket is shown in.
const TICKET: &str = "x-cetcd-ticket";

/// How long a ticket is good.
const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Tickets that wait, of all accounts and of one in a region.
const MOST_TICKETS: usize = 1024;
const MOST_TICKETS_OF_ONE: usize = 32;
/// Streams at once.
const MOST_STREAMS: usize = 128;
/// Streams at once of an account in a region.
const MOST_OF_ONE: usize = 32;
/// How long a stream lasts. Whoever goes on looking asks for another, with a key that is still good.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// A stream says something at least as often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long changes are gathered: one thing that happens is several records.
const GATHER: Duration = Duration::from_millis(50);

type Owner = (Arc<str>, Arc<str>);

/// Gives tickets, and opens streams for them.
#[derive(Debug)]
pub struct EventStreams {
    view: Arc<View>,
    stop: CancellationToken,
    tickets: Mutex<HashMap<String, (Owner, Instant)>>,
    slots: Arc<Semaphore>,
    open: Mutex<HashMap<Owner, Arc<Semaphore>>>,
    pub(crate) gauge: Gauge,
}

impl EventStreams {
    /// Streams of what changes in `view`. All end when `stop` is cancelled.
    pub fn new(view: Arc<View>, stop: CancellationToken) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(MOST_STREAMS));
        Arc::new(Self { view, stop, tickets: Mutex::default(), slots, open: Mutex::default(), gauge: Gauge::default() })
    }

    /// A ticket for one stream of an account in a region; `None` where too many wait to be used.
    pub fn ticket(&self, account: &str, region: &str) -> Option<String> {
        let owner: Owner = (account.into(), region.into());
        let now = Instant::now();
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.retain(|_, (_, until)| *until > now);
        let of_one = tickets.values().filter(|(other, _)| *other == owner).count();
        if tickets.len() >= MOST_TICKETS || of_one >= MOST_TICKETS_OF_ONE {
            return None;
        }
        let ticket = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        tickets.insert(ticket.clone(), (owner, now + TICKET_LIFE));
        Some(ticket)
    }

    /// Whom the ticket was given to. It is good once.
    fn take(&self, ticket: &str) -> Option<Owner> {
        let taken = self.tickets.lock().unwrap_or_else(PoisonError::into_inner).remove(ticket);
        taken.filter(|(_, until)| *until > Instant::now()).map(|(owner, _)| owner)
    }

    fn slots(&self, owner: &Owner) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let all = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has none open takes no place.
        open.retain(|_, slots| slots.available_permits() < MOST_OF_ONE);
        let slots = open.entry(owner.clone()).or_insert_with(|| Arc::new(Semaphore::new(MOST_OF_ONE)));
        Some((all, Arc::clone(slots).try_acquire_owned().ok()?))
    }

    /// Answers a request for a stream. `busy` is held for as long as the stream goes on.
    pub(crate) fn answer(&self, headers: &HeaderMap, busy: impl Any + Send) -> Response<Body> {
        let ticket = headers.get(TICKET).and_then(|ticket| ticket.to_str().ok()).unwrap_or_default();
        let Some(owner) = self.take(ticket) else {
            return refused(StatusCode::FORBIDDEN, "This ticket is not good, or not any more: ask for another.\n");
        };
        let Some(slots) = self.slots(&owner) else {
            return refused(StatusCode::SERVICE_UNAVAILABLE, "Too many streams are open: try again later.\n");
        };
        let until = Instant::now() + LIFE;
        let (alive, gone) = oneshot::channel();
        tokio::spawn(async move {
            // A client that does not read lets nothing of it end: then its connection is closed as an idle one is.
            let _ = tokio::time::timeout_at(until + KEEP_ALIVE, gone).await;
            drop(busy);
        });
        let feed = Feed {
            changes: self.view.changes(),
            owner,
            until,
            stop: self.stop.clone(),
            begun: false,
            _held: (slots, Held::new(&self.gauge), alive),
        };
        let mut response = Response::new(Body::from_stream(feed.into_stream()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Proxies that gather answers would keep this one for ever.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        response
    }
}

/// Whether a request is for a stream, and not one of the API's.
pub(crate) fn is_stream(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    method == Method::GET && uri.path() == PATH && headers.contains_key(TICKET) && !is_for_the_api(uri, headers)
}

fn refused(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
    response
}

/// One stream that goes on.
struct Feed {
    changes: broadcast::Receiver<Change>,
    owner: Owner,
    until: Instant,
    stop: CancellationToken,
    begun: bool,
    _held: ((OwnedSemaphorePermit, OwnedSemaphorePermit), Held, oneshot::Sender<()>),
}

impl Feed {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut feed| async move { feed.next().await.map(|text| (Ok(Bytes::from(text)), feed)) })
    }

    /// What is to be sent next; `None` where the stream is over.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(message("hello", "{}"));
        }
        let quiet = tokio::time::sleep(KEEP_ALIVE);
        tokio::pin!(quiet);
        loop {
            let change = tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                () = &mut quiet => return Some(":\n\n".to_owned()),
                change = self.changes.recv() => change,
            };
            let mut changed = BTreeSet::new();
            match change {
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(_)) => return Some(message("reset", "{}")),
                Ok(change) => {
                    if !self.note(change, &mut changed) {
                        return Some(message("reset", "{}"));
                    }
                }
            }
            if changed.is_empty() {
                continue;
            }
            tokio::time::sleep(GATHER).await;
            loop {
                match self.changes.try_recv() {
                    Ok(change) => {
                        if !self.note(change, &mut changed) {
                            return Some(message("reset", "{}"));
                        }
                    }
                    Err(TryRecvError::Lagged(_)) => return Some(message("reset", "{}")),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            let told = changed.iter().map(|id| message("change", &format!("{{\"InstanceId\":\"{id}\"}}")));
            return Some(told.collect());
        }
    }

    /// Takes in a change, where it is this owner's. False where anything may have changed.
    fn note(&self, change: Change, changed: &mut BTreeSet<String>) -> bool {
        match change {
            Change::Everything => false,
            Change::Instance { id, account, region } => {
                if *account == *self.owner.0 && *region == *self.owner.1 {
                    changed.insert(id.to_string());
                }
                true
            }
        }
    }
}

fn message(event: &str, data: &str) -> String {
    format!("event: {event}\ndata: {data}\n\n")
}
