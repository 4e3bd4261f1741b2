//! The Batch data plane: its api-version.
//!
//! Requests and views of its resources are in `pool` and `node`.

/// The data plane's api-version: Microsoft's own client azure-batch 15.1.0 sends it.
pub const API_VERSION: &str = "2025-06-01";
