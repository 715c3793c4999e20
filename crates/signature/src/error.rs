//! What can be wrong with a signature.

/// Why a request's signature was refused. Each case maps to one public error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `Authorization: SKIP`: the client chose not to sign.
    #[error("the request is not signed (`Authorization: SKIP`); sign it with an access key")]
    Unsigned,
    /// The `Authorization` header cannot be read; `part` names what is missing or wrong in it.
    #[error("`{part}` is missing or malformed in the Authorization header")]
    MalformedAuthorization {
        /// The part, as the header spells it: `Credential`, `SignedHeaders`, `Signature`, …
        part: &'static str,
    },
    /// The credential scope names a service that is neither ours nor the first label of the host.
    #[error("the service `{service}` in the credential scope is not valid")]
    ScopeService {
        /// The service that the client named.
        service: String,
    },
    /// The credential scope's date is not the UTC date of the timestamp.
    #[error("the date `{date}` in the credential scope is not the UTC date of the timestamp")]
    ScopeDate {
        /// The date that the client named.
        date: String,
    },
    /// The timestamp is more than five minutes away from the server's clock.
    #[error("the signature expired: the server's time is {now}")]
    Expired {
        /// The server's clock, in Unix seconds.
        now: i64,
    },
    /// The signature is not the one that this secret makes for this request.
    #[error("the signature does not match the request")]
    Mismatch,
}
