//! `/healthz`, `/readyz` and `/metrics`, for who watches the server, and `/sd/…`, for a Prometheus that watches instances.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderMap, Method, StatusCode, header};
use prometheus_client::registry::Registry;

use crate::exposition;
use crate::service::Discovery;

/// Whether this request is one for [`router`] rather than for the API.
pub(crate) fn is_ops(method: &Method, path: &str) -> bool {
    (method == Method::GET || method == Method::HEAD)
        && (matches!(path, "/healthz" | "/readyz" | "/metrics") || path.starts_with("/sd/"))
}

pub(crate) fn router(
    ready: Arc<AtomicBool>,
    registry: Arc<Mutex<Registry>>,
    discovery: Option<Arc<dyn Discovery>>,
) -> Router {
    Router::new()
        .route("/sd/{prometheus}/{instance}", get(targets).with_state(discovery))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(ready))
        .route("/metrics", get(metrics).with_state(registry))
}

/// The targets of one scrape job. Who has not the token of that Prometheus learns nothing, not even whether it exists.
async fn targets(
    State(discovery): State<Option<Arc<dyn Discovery>>>,
    Path((prometheus, instance)): Path<(String, String)>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let found = match (discovery, token) {
        (Some(discovery), Some(token)) => discovery.targets(&prometheus, &instance, token.trim()).await,
        _ => None,
    };
    let (status, text) = match found {
        Some(targets) => (StatusCode::OK, targets.to_string()),
        None => (StatusCode::UNAUTHORIZED, "{}".to_owned()),
    };
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text)
}

async fn readyz(State(ready): State<Arc<AtomicBool>>) -> (StatusCode, &'static str) {
    if ready.load(Ordering::Acquire) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State(registry): State<Arc<Mutex<Registry>>>, headers: HeaderMap) -> impl IntoResponse {
    let mut text = String::new();
    let encoded =
        prometheus_client::encoding::text::encode(&mut text, &registry.lock().unwrap_or_else(PoisonError::into_inner));
    match encoded {
        Ok(()) if exposition::wants_open(&headers) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, exposition::OPEN)], text)
        }
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, exposition::PLAIN)], exposition::plain(&text)),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            "the metrics could not be written\n".to_owned(),
        ),
    }
}
