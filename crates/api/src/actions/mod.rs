//! The actions of the API, each declared once. [`for_each_action!`](crate::for_each_action) lists them.

mod attributes;
mod backups;
mod events;
mod inspect;
mod instances;
mod internet;
mod observe;
mod prometheus;
mod snapshots;
mod surroundings;

pub use attributes::*;
pub use backups::*;
pub use events::*;
pub use inspect::*;
pub use instances::*;
pub use internet::*;
pub use observe::*;
pub use prometheus::*;
pub use snapshots::*;
pub use surroundings::*;
