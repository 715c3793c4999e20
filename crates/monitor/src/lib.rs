//! Watching clusters: each member's metrics are read every ten seconds, and what matters of them is kept for two
//! hours in memory, so that there are charts and warnings without any Prometheus.
//!
//! ```text
//!   member /metrics ─► text (families) ─► metric (one number each) ─► history (a ring) ─► API
//!                                                                          └► judge (conditions)
//! ```
//!
//! It is bounded: 720 points of [`Metric::ALL`] for each member on record, some 45 KB.

mod health;
mod history;
mod judge;
mod metric;
mod text;
mod watch;

use async_trait::async_trait;
use cetcd_core::{Instance, status::MemberRecord};

pub use history::{Point, Series};
pub use metric::Metric;
pub use watch::{Monitor, Options};

/// What is asked of a member itself.
#[async_trait]
pub trait LiveMembers: Send + Sync + 'static {
    /// The text of the member's own `/metrics`, bounded in size and time; the reason where it cannot be had,
    /// for the log.
    async fn metrics(&self, instance: &Instance, member: &MemberRecord) -> Result<String, String>;
}
