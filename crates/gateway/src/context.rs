//! What a handler knows about a request beside its parameters.

use std::net::IpAddr;
use std::sync::Arc;

use cetcd_api::Language;
use jiff::Timestamp;
use uuid::Uuid;

/// Who asks, for which region, when. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// What the answer carries as `RequestId`.
    pub request_id: Uuid,
    /// The account that owns what the request makes and sees.
    pub account: Arc<str>,
    /// The user who signed; the account's own number for the root user.
    pub user: Arc<str>,
    /// The key that signed.
    pub secret_id: Arc<str>,
    /// One of the regions served; empty only where the action needs none and none was sent.
    pub region: Arc<str>,
    /// The language of messages.
    pub language: Language,
    /// Where the request came from.
    pub source_ip: IpAddr,
    /// When it came. Handlers use this rather than a clock.
    pub now: Timestamp,
}
