//! Backups as the service knows them: when one is due, what is kept, whether all is well. No I/O: what moves bytes
//! is the controller's, and follows [`plan::next`].
//!
//! ```text
//!   policies ─┐
//!   snapshots ┼► plan::next ─► Delete · Take · Begin · Collect · Drill · Wait
//!   now ──────┘        └ retention::surplus, policy::Policy::last_slot
//! ```

pub mod health;
pub mod plan;
pub mod policy;
pub mod retention;
pub mod snapshot;
#[cfg(test)]
mod testing;

pub use policy::{Policy, Tiers};
pub use snapshot::{Contents, Drill, Origin, Snapshot, SnapshotState};
