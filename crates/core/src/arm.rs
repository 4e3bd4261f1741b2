//! What the resource manager itself knows: subscriptions.
//!
//! Resources of a provider stand in `compute` and `batch`. It decides nothing and sends nothing.

pub mod subscription;
