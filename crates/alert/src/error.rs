//! What can be wrong.

/// Why alerts cannot be delivered, or one cannot be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A webhook cannot be used. The text does not repeat it: it may hold a secret.
    #[error("a webhook {0}")]
    Webhook(&'static str),
    /// What a webhook was told cannot be read or written.
    #[error(transparent)]
    Store(#[from] cetcd_store::Error),
}
