//! Sizes and times that the document limits.

/// Bytes of a GET request's query.
pub const GET_BYTES: usize = 32_768;

/// Bytes of a POST body under signature v1.
pub const POST_V1_BYTES: usize = 1_048_576;

/// Bytes of a POST body under signature v3.
pub const POST_V3_BYTES: usize = 10_485_760;

/// Bytes of a response.
pub const RESPONSE_BYTES: usize = 52_428_800;

/// Seconds that a request's time may differ from the server's, either way.
pub const TIMESTAMP_SKEW_SECONDS: u64 = 300;
