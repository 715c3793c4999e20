//! A simulation of everything around the controller, driven by one number.
//!
//! ```text
//!                 ┌────────────── Schedule: one thread, drawn order ──────────────┐
//!   requests ───► api::create/delete          Reconciler × instances (the real ones)
//!                 └───────┬──────────────────────────┬─────────────────────────────┘
//!                    every effect passes the gate: delayed, failed, done twice, or the last before a crash
//!                         │                          │
//!               SimStore (MemoryStore)    SimRuntime · SimEtcd · SimInstaller · SimIssuer
//!                         │ every commit             │
//!                       Audit ◄────compares────► Host: processes, data, clusters, routes ◄── misfortunes
//! ```
//!
//! - The code under test is the real one: `cetcd_controller::Reconciler`, the planner, the records, the memory
//!   store. Only what touches the machine is simulated.
//! - Everything is drawn from one seed: order, delays, faults, times. No thread, timer or clock of the machine
//!   takes part, so that a seed replays exactly (`cargo run -p cetcd-sim -- --seed N --trace`).
//! - A **crash** drops all futures of the control plane where they stand, before or after any effect, and starts
//!   a new one. What is in the store and on the host stays, as it would.
//! - The **host** knows how etcd forms clusters, so that a second cluster, or a member that votes again after it
//!   lost its data, is seen when it happens. The **auditor** sees every transaction.
//! - A [`Flaw`] makes the world wrong on purpose: the tests show that each is caught.

pub mod api;
mod audit;
mod cluster;
mod fakes;
mod gate;
mod host;
mod misfortune;
mod rng;
pub mod scenario;
mod schedule;
mod sim;
mod snapshot;
mod trace;

pub use gate::{Fate, Odds, Weather};
pub use rng::Rng;
pub use schedule::Schedule;
pub use sim::{Flaw, Sim};
