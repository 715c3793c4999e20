//! Per-instance certificate authorities and the certificates they issue.
//!
//! Every instance has an [`Authority`] of its own, so that no certificate of one instance is
//! accepted by another. Keys are ECDSA P-256 in PKCS#8 PEM; certificates are PEM. Time is passed
//! in and never read.
//!
//! Two things are as they are because of etcd:
//! - Server certificates are good for client authentication too: etcd's gRPC gateway dials its own
//!   listener with the server certificate.
//! - Server certificates have no common name unless one is given: under authentication etcd takes
//!   a client certificate's common name for a user, and refuses the gateway's requests then.

mod authority;
mod error;
mod inspect;
mod names;

pub use authority::{Authority, Leaf, LeafRequest};
pub use error::{Error, Result};
pub use inspect::{Info, inspect};
pub use names::check_dns_name;

use jiff::SignedDuration;

/// How long an authority is valid where nobody says otherwise: ten years.
pub const CA_LIFE: SignedDuration = SignedDuration::from_hours(3650 * 24);

/// How long a leaf is valid where nobody says otherwise: a year.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
