//! The Batch data plane: its api-version.

/// The data plane's api-version: Microsoft's own client azure-batch 15.1.0 sends it.
pub const API_VERSION: &str = "2025-06-01";
