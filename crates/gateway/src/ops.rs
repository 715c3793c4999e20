//! `/healthz`, `/readyz` and `/metrics`, for who watches the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderMap, Method, StatusCode, header};
use prometheus_client::registry::Registry;

use crate::exposition;

/// Whether this request is one for [`router`] rather than for the API.
pub(crate) fn is_ops(method: &Method, path: &str) -> bool {
    (method == Method::GET || method == Method::HEAD) && matches!(path, "/healthz" | "/readyz" | "/metrics")
}

pub(crate) fn router(ready: Arc<AtomicBool>, registry: Arc<Mutex<Registry>>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(ready))
        .route("/metrics", get(metrics).with_state(registry))
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
