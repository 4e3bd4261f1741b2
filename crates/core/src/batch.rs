//! Azure Batch on the wire: its api-version, and requests and views of accounts, pools and nodes.
//!
//! It decides nothing. Only `account::read` sends a request.

pub mod account;
pub mod node;
pub mod pool;

use serde::Serialize;

use crate::settings::Targets;

/// The data plane's api-version: Microsoft's own client azure-batch 15.1.0 sends it.
pub const API_VERSION: &str = "2025-06-01";

/// How many nodes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeCounts {
    /// Dedicated nodes.
    pub dedicated: u32,
    /// Spot nodes; Batch calls them low-priority.
    pub spot: u32,
}

impl NodeCounts {
    /// Both kinds together.
    #[must_use]
    pub const fn total(self) -> u32 {
        self.dedicated.saturating_add(self.spot)
    }

    /// How many nodes lie between the two, whichever is larger.
    #[must_use]
    pub const fn distance(self, other: Self) -> u32 {
        self.dedicated
            .abs_diff(other.dedicated)
            .saturating_add(self.spot.abs_diff(other.spot))
    }
}

impl From<Targets> for NodeCounts {
    fn from(targets: Targets) -> Self {
        Self {
            dedicated: targets.dedicated,
            spot: targets.spot,
        }
    }
}
