//! Azure Batch on the wire: its api-version, and requests and views of accounts, pools, nodes, jobs, images and sizes.
//!
//! It decides nothing. Only `account::read` sends a request.

pub mod account;
pub mod auto_pool;
pub mod autoscale;
pub mod image;
pub mod job;
pub mod managed;
pub mod node;
pub mod pool;
pub mod resource;
pub mod size;
pub mod supported;
pub mod upgrade;
pub mod work;

/// The data plane's api-version: Microsoft's own client azure-batch 15.1.0 sends it.
pub const API_VERSION: &str = "2025-06-01";
