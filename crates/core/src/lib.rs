//! What cetcd knows about clusters, without doing anything to them: the desired state of an instance, what
//! the controller recorded, what was observed, and the pure planner that turns the three into one action.
//!
//! Nothing here does I/O, reads a clock or draws randomness; both enter through [`clock::Clock`] and
//! [`entropy::Entropy`], so that a seeded simulation replays exactly.

pub mod action;
pub mod backup;
pub mod certificates;
pub mod clock;
pub mod condition;
pub mod entropy;
pub mod event;
pub mod id;
pub mod instance;
pub mod internet;
pub mod member;
pub mod network;
pub mod observed;
pub mod plan;
pub mod progress;
pub mod prometheus;
pub mod quorum;
pub mod recovery;
pub mod slots;
pub mod status;
pub mod task;
#[cfg(test)]
mod testing;
pub mod upgrade;
pub mod version;
pub mod window;

pub use clock::Clock;
pub use entropy::Entropy;
pub use event::Event;
pub use id::InstanceId;
pub use instance::Instance;
pub use prometheus::PrometheusId;
pub use status::Status;
pub use task::Task;
pub use version::EtcdVersion;
