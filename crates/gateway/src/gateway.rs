//! The order of checks, from a request to its answer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use cetcd_api::{ActionInfo, Code, Error as ApiError, Language, SERVICE, VERSION, limits};
use cetcd_signature::KeyCache;
use cetcd_store::{Clock, SystemClock};
use futures::FutureExt;
use http::request::Parts;
use http::{Method, Request, Response, Version};
use http_body_util::Full;
use prometheus_client::registry::Registry;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::accounts::{Credentials, KeyPair};
use crate::audit::{AuditLog, Record};
use crate::auth::authenticate;
use crate::body::{Received, Receiver};
use crate::common::Common;
use crate::handler::{Dispatch, Outcome};
use crate::metrics::{Held, Metrics, OK, UNKNOWN_ACTION};
use crate::options::Options;
use crate::payload::Payload;
use crate::rate::{RateLimiter, TooMany};
use crate::replay::{Refusal, ReplayGuard};
use crate::response::response;
use crate::service::Discovery;
use crate::{Context, Error, EventStreams};

/// The gateway in front of a service: checks, decodes, dispatches, answers, records. Clones are the same gateway.
pub struct Gateway<S> {
    pub(crate) inner: Arc<Inner<S>>,
}

impl<S> Clone for Gateway<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S> std::fmt::Debug for Gateway<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gateway").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

pub(crate) struct Inner<S> {
    pub(crate) options: Options,
    pub(crate) metrics: Metrics,
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) discovery: OnceLock<Arc<dyn Discovery>>,
    pub(crate) receiver: Receiver,
    /// Changes under way, which go on when their client has gone.
    pub(crate) changes: TaskTracker,
    pub(crate) audit: Option<AuditLog>,
    /// Streams of changes, where there are any.
    pub(crate) streams: OnceLock<Arc<EventStreams>>,
    service: S,
    credentials: Arc<dyn Credentials>,
    clock: Arc<dyn Clock>,
    keys: KeyCache,
    regions: HashMap<String, Arc<str>>,
    no_region: Arc<str>,
    rate: RateLimiter,
    replay: ReplayGuard,
}

/// What is known about a request so far, for its answer and its log line.
struct Trail {
    language: Language,
    action: &'static str,
    region: Option<Arc<str>>,
    pair: Option<Arc<KeyPair>>,
    close: bool,
}

impl<S: Dispatch> Gateway<S> {
    /// A gateway that reads the machine's clock. The audit log is opened here, so this needs a tokio runtime.
    pub fn new(
        options: Options,
        service: S,
        credentials: Arc<dyn Credentials>,
        registry: Arc<Mutex<Registry>>,
    ) -> Result<Self, Error> {
        Self::with_clock(options, service, credentials, registry, Arc::new(SystemClock))
    }

    /// A gateway that gets the time from `clock`.
    pub fn with_clock(
        options: Options,
        service: S,
        credentials: Arc<dyn Credentials>,
        registry: Arc<Mutex<Registry>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let metrics = Metrics::new(&mut registry.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Self {
            inner: Arc::new(Inner {
                metrics,
                registry,
                ready: Arc::default(),
                discovery: OnceLock::new(),
                receiver: Receiver::new(options.body_timeout, options.body_budget),
                changes: TaskTracker::new(),
                audit: options.audit.clone().map(AuditLog::open).transpose()?,
                streams: OnceLock::new(),
                service,
                credentials,
                clock,
                keys: KeyCache::default(),
                regions: options.regions.iter().map(|region| (region.clone(), region.as_str().into())).collect(),
                no_region: "".into(),
                rate: RateLimiter::new(options.requests_per_second),
                replay: ReplayGuard::default(),
                options,
            }),
        })
    }

    /// Sets what `/readyz` says; it says no until this is called.
    pub fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::Release);
    }

    /// Serves these streams of changes beside the API, from now on. Once.
    pub fn serve_streams(&self, streams: Arc<EventStreams>) {
        let mut registry = self.inner.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("cetcd_api_event_streams", "Streams of changes open", streams.gauge.clone());
        let _ = self.inner.streams.set(streams);
    }

    /// Lets `/sd/…` tell Prometheus instances their targets; before, nobody is told any. Counts for what is served
    /// from then on.
    pub fn tell_targets_by(&self, discovery: Arc<dyn Discovery>) {
        // Who comes second is one and the same.
        let _ = self.inner.discovery.set(discovery);
    }

    /// The service behind the gateway.
    pub fn service(&self) -> &S {
        &self.inner.service
    }

    /// Answers an API request whose body is in memory, whatever its path. Needs a tokio runtime.
    pub async fn call(&self, request: Request<Bytes>, source_ip: IpAddr) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let received = if parts.method == Method::POST {
            let held = self.inner.receiver.receive(&parts, Full::new(body)).await;
            held.received
        } else {
            Received::Whole(Bytes::new())
        };
        self.answer(&parts, received, source_ip).await
    }

    /// Every answer comes from here: it has a RequestId, is counted and is logged.
    pub(crate) async fn answer(&self, parts: &Parts, received: Received, source_ip: IpAddr) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let _in_flight = Held::new(&self.inner.metrics.in_flight);
        let request_id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        let mut trail =
            Trail { language: Language::default(), action: UNKNOWN_ACTION, region: None, pair: None, close: false };
        let result = self.process(parts, received, source_ip, request_id, &mut trail).await;
        let result = result.and_then(|body| {
            if body.len() > limits::RESPONSE_BYTES {
                Err(ApiError::of(Code::ResponseSizeLimitExceeded))
            } else {
                Ok(body)
            }
        });
        let (code, body) = match result {
            Ok(body) => (OK, body),
            Err(error) => {
                let mut id = Uuid::encode_buffer();
                let id = request_id.as_hyphenated().encode_lower(&mut id);
                (error.code().as_str(), cetcd_api::failure(&error, trail.language, id))
            }
        };
        let elapsed = started.elapsed();
        self.inner.metrics.answered(trail.action, code, elapsed);
        tracing::info!(
            target: "cetcd::request",
            %request_id,
            action = trail.action,
            region = trail.region.as_deref().unwrap_or_default(),
            account = trail.pair.as_ref().map_or("", |pair| &pair.account),
            code,
            us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            %source_ip,
        );
        let close = trail.close && parts.version <= Version::HTTP_11;
        response(body, &parts.headers, close)
    }

    async fn process(
        &self,
        parts: &Parts,
        received: Received,
        source_ip: IpAddr,
        request_id: Uuid,
        trail: &mut Trail,
    ) -> Result<Vec<u8>, ApiError> {
        let inner = &self.inner;
        let named = crate::common::header(parts, "x-tc-language");
        trail.language = Language::from_header(named);

        // Method, then size.
        if parts.method != Method::GET && parts.method != Method::POST {
            return Err(ApiError::unsupported_protocol());
        }
        check_query_size(parts)?;
        let body = whole(parts, received, &mut trail.close)?;

        // Common parameters, then authentication.
        let common = Common::read(parts, &body, &mut trail.language)?;
        let now = inner.clock.now();
        let seconds = now.as_second();
        let pair = authenticate(
            parts,
            &body,
            &common,
            &inner.options.service_domains,
            &*inner.credentials,
            &inner.keys,
            seconds,
        )?;
        let pair = &*trail.pair.insert(pair);

        // Version and action.
        if common.version != VERSION {
            return Err(ApiError::no_such_version(&common.version, SERVICE));
        }
        let action = cetcd_api::find(&common.action)
            .ok_or_else(|| ApiError::invalid_action(&common.action, SERVICE, VERSION))?;
        trail.action = action.name;

        // Region, then rate.
        let region = self.region(action, &common.region)?;
        trail.region = Some(Arc::clone(&region));
        inner
            .rate
            .check((action.name, &*region, &*pair.account, &*pair.user), seconds)
            .map_err(|TooMany { count, limit }| ApiError::rate_limited(count, limit))?;

        // Body, and, once it is known to be whole, repetition.
        let context = Context {
            request_id,
            account: Arc::clone(&pair.account),
            user: Arc::clone(&pair.user),
            secret_id: Arc::clone(&pair.secret_id),
            region,
            language: trail.language,
            source_ip,
            now,
        };
        let once = common.v1.as_ref().filter(|_| action.changes).map(|v1| Once {
            timestamp: common.timestamp,
            nonce: v1.nonce,
            signature: v1.signature.clone(),
        });
        let payload = Payload::read(parts, &body, common).await;
        if action.changes {
            self.change(context, action, payload, once).await
        } else {
            self.read(&context, action, &payload?).await
        }
    }

    fn region(&self, action: &ActionInfo, named: &str) -> Result<Arc<str>, ApiError> {
        match self.inner.regions.get(named) {
            Some(region) => Ok(Arc::clone(region)),
            // The document: a region sent to an action that needs none has no effect.
            None if !action.region_required => Ok(Arc::clone(&self.inner.no_region)),
            None if named.is_empty() => Err(ApiError::missing_parameter("Region")),
            None => Err(ApiError::unsupported_region()),
        }
    }

    async fn read(
        &self,
        context: &Context,
        action: &'static ActionInfo,
        payload: &Payload,
    ) -> Result<Vec<u8>, ApiError> {
        let answering = self.inner.service.dispatch(context, action, payload.input(), || Ok(()));
        match std::panic::AssertUnwindSafe(answering).catch_unwind().await {
            Ok(outcome) => outcome.result,
            Err(_) => Err(self.panicked(context, action)),
        }
    }

    /// A change runs as a task of its own: it ends, and is in the audit log, even when its client has gone.
    async fn change(
        &self,
        context: Context,
        action: &'static ActionInfo,
        payload: Result<Payload, ApiError>,
        once: Option<Once>,
    ) -> Result<Vec<u8>, ApiError> {
        let gateway = self.clone();
        let failed = context.clone();
        let task = self.inner.changes.spawn(async move {
            let started = Instant::now();
            let inner = &gateway.inner;
            let admit = || match &once {
                Some(once) => once.admit(&inner.replay, &context),
                None => Ok(()),
            };
            let outcome = match &payload {
                Ok(payload) => {
                    let answering = inner.service.dispatch(&context, action, payload.input(), admit);
                    match std::panic::AssertUnwindSafe(answering).catch_unwind().await {
                        Ok(outcome) => outcome,
                        Err(_) => Outcome { result: Err(gateway.panicked(&context, action)), parameters: None },
                    }
                }
                Err(error) => Outcome { result: Err(error.clone()), parameters: None },
            };
            let failure = outcome.result.as_ref().err();
            gateway.audit(&Record::new(&context, action.name, outcome.parameters, failure, started.elapsed()));
            outcome.result
        });
        // The task catches panics itself, so this is one in the audit record, or the runtime shutting down.
        task.await.unwrap_or_else(|_| Err(self.panicked(&failed, action)))
    }

    fn audit(&self, record: &Record<'_>) {
        let Some(audit) = &self.inner.audit else { return };
        if let Err(line) = audit.record(record.line()) {
            self.inner.metrics.audit_lost.inc();
            tracing::error!(line, "the audit log does not keep up; this record is only here");
        }
    }

    fn panicked(&self, context: &Context, action: &ActionInfo) -> ApiError {
        self.inner.metrics.panics.inc();
        tracing::error!(request_id = %context.request_id, action = action.name, "the handler panicked");
        ApiError::internal()
    }
}

/// A changing request of signature v1, which is let through once.
struct Once {
    timestamp: i64,
    nonce: u64,
    signature: String,
}

impl Once {
    fn admit(&self, guard: &ReplayGuard, context: &Context) -> Result<(), ApiError> {
        let now = context.now.as_second();
        match guard.admit(&context.secret_id, self.timestamp, self.nonce, &self.signature, now) {
            Ok(()) => Ok(()),
            Err(Refusal::Repeated) => Err(ApiError::new(
                Code::AuthFailureSignatureFailure,
                "The request repeats an earlier one exactly (same SecretId, Timestamp, Nonce and Signature), and it changes something. Sign it again with a new `Nonce`.",
                "该请求与之前的请求完全相同（SecretId、Timestamp、Nonce、Signature 均相同）且会产生变更，请使用新的 `Nonce` 重新签名。",
            )),
            Err(Refusal::Full) => Err(ApiError::new(
                Code::RequestLimitExceeded,
                "Too many changing requests with signature v1 in the last minutes. Use `TC3-HMAC-SHA256`, or try again later.",
                "近几分钟内使用签名方法 v1 的变更请求过多，请使用 `TC3-HMAC-SHA256` 或稍后重试。",
            )),
        }
    }
}

fn check_query_size(parts: &Parts) -> Result<(), ApiError> {
    let bytes = parts.uri.query().map_or(0, str::len);
    if parts.method != Method::GET || bytes <= limits::GET_BYTES {
        return Ok(());
    }
    let limit = limits::GET_BYTES;
    Err(ApiError::new(
        Code::RequestSizeLimitExceeded,
        format!("Your current request size exceed  max {limit}B, but your {bytes}B."),
        format!("请求大小为 {bytes}B，超过上限 {limit}B。"),
    ))
}

/// The body, where all of it came. `close` is set where the connection is no longer in step.
fn whole(parts: &Parts, received: Received, close: &mut bool) -> Result<Bytes, ApiError> {
    match received {
        Received::Whole(body) => Ok(body),
        Received::TooLarge { bytes, rest_unread } => {
            *close = rest_unread;
            if crate::common::claims_v3(parts) {
                Err(ApiError::request_too_large(bytes))
            } else {
                Err(ApiError::v1_request_too_large())
            }
        }
        Received::Late => {
            *close = true;
            Err(ApiError::new(
                Code::InvalidRequest,
                "The request's body did not arrive in time.",
                "未在规定时间内收到完整的请求 body。",
            ))
        }
        Received::Broken => {
            *close = true;
            Err(ApiError::new(Code::InvalidRequest, "The request's body could not be read.", "无法读取请求 body。"))
        }
    }
}
