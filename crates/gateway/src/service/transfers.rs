//! How far backups are that move now. In memory alone: what moves ends with the service, and begins again.

/// Tells of bytes on their way.
pub trait Transfers: Send + Sync + 'static {
    /// How far the snapshot is that is being stored as this object, or the one that this restore brings; `None` where
    /// nothing of it moves. Asked on every listing: it must be cheap and not wait.
    fn transferred(&self, what: &str) -> Option<Transferred>;
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes of the plain snapshot that are through.
    pub bytes: u64,
    /// How many there will be, as far as that is known: of one that is being taken, about.
    pub expected: Option<u64>,
}
