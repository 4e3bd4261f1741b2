//! Whether dedicated nodes stand in for spot nodes that do not come: how many of them, and after which time.
//!
//! What is missing is counted in `rollout`.

use std::time::Duration;

use super::Share;

/// How long spot nodes may be missing when it is not given: what a resize of a small pool may take.
pub(super) const AFTER: Duration = Duration::from_secs(15 * 60);

/// Dedicated nodes in place of spot nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpotFallback {
    /// How many of the spot nodes at most.
    pub most: Share,
    /// How long the spot nodes may be missing before.
    pub after: Duration,
}

impl SpotFallback {
    /// The same for that many nodes after the usual time.
    #[must_use]
    pub const fn of(most: Share) -> Self {
        Self { most, after: AFTER }
    }
}
