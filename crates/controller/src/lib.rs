//! The loop: observe, plan, act, record.
//!
//! ```text
//!   store ──read──► desired, recorded ─┐
//!   runtime, members ──observe──► seen ┴─► plan (pure, in core) ─► record ─► one action ─► again
//! ```
//!
//! A reconciler takes no input but the instance's ID, has one path, and may be stopped after any step: the
//! next turn reads everything anew. Time and randomness come from [`World`], so that the simulation drives
//! the very same code.

mod act;
pub mod backups;
mod certificates;
mod driver;
mod error;
mod metrics;
mod observe;
mod place;
pub mod prometheus;
mod record;
mod served;
mod starts;
mod telling;
mod turn;
mod world;

pub use certificates::{Facts, Issue, Names, PkiIssuer, Request};
pub use driver::{Controller, Options};
pub use error::{Error, Result};
pub use metrics::{Metrics, TaskMetrics};
pub use turn::{Reconciler, Turn};
pub use world::{Policies, World};
