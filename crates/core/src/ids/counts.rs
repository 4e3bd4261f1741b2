//! How many nodes of each kind, as pools, resizes and goals count them.
//!
//! It knows no pool and no service.

use serde::{Deserialize, Serialize};

/// How many nodes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
