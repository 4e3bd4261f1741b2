//! What the resource manager itself knows: subscriptions, providers, subnets, managed identities, and what an identity may do.
//!
//! Resources of a provider stand in `compute` and `batch`. It decides nothing and sends nothing.

pub mod identity;
pub mod permission;
pub mod provider;
pub mod subnet;
pub mod subscription;
