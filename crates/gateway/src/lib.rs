//! HTTP: envelope, checks, dispatch, audit; the service handlers; the console's files.
//!
//! A request goes through [`Gateway`] in one order: method, size, common parameters, authentication, version and
//! action, region, rate, body. It then reaches its [`Handler`]. The answer is HTTP 200 with a JSON envelope, whatever
//! became of it, and has a RequestId.
//!
//! ```text
//! server ─► body ─► gateway ─► common ─► auth ─► rate ─► payload ─► handler ─► service
//!   TLS      limits    │         X-TC-…    accounts                    │
//!                      └──── response, metrics, request log     audit ─┘
//! ```

pub mod accounts;
mod audit;
mod auth;
mod body;
mod common;
mod console;
mod context;
mod error;
mod exposition;
mod form;
mod gateway;
mod handler;
mod metrics;
mod ops;
mod options;
mod payload;
mod rate;
mod replay;
mod response;
mod server;
pub mod service;
mod streams;

pub use accounts::{Accounts, Credentials, KeyPair};
pub use context::Context;
pub use error::Error;
pub use gateway::Gateway;
pub use handler::{Dispatch, Handler, Outcome};
pub use options::{AuditOptions, Options};
pub use streams::EventStreams;
