//! The layer-4 endpoint process.
