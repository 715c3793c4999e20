//! Alerts: what does not hold of an instance is told to webhooks, and that it holds again.
//!
//! ```text
//!   conditions (status, monitor, backups) ─► source: what is true ─┐
//!   /alerts/{webhook}/… : what it was told ────────────────────────┴─► deliver: the difference ─► POST ─► record
//! ```
//!
//! There is no queue. What is to be told is the difference between what is true and what was told, found anew each time:
//! so nothing is told twice, nothing is lost with the process, and a webhook that was away for a day hears what is true
//! then and not all that passed meanwhile.

mod alert;
mod deliver;
mod error;
mod metrics;
mod payload;
mod post;
mod source;
mod webhook;

pub use alert::Alert;
pub use deliver::{Deliveries, Options, Parts};
pub use error::Error;
pub use metrics::AlertMetrics;
pub use post::{Https, Post, PostError};
pub use source::{Instances, Source};
pub use webhook::Webhook;
