//! Galleries and image definitions.

/// The api-version of galleries, definitions and versions: azure-mgmt-compute 39.0.0 sends it.
pub const API_VERSION: &str = "2026-03-03";
