//! What happens to nodes of a pool that are ill, and how many of them at most.
//!
//! Which nodes are ill is decided in `rollout`.

use super::Share;

/// How ill nodes are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Healing {
    /// Whether they are treated at all.
    pub nodes: HealNodes,
    /// With more ill nodes than this, the trouble is not theirs, and nothing is done.
    pub max_unhealthy: Share,
    /// So many are treated at once.
    pub max_in_flight: Share,
}

/// Whether ill nodes are rebooted and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealNodes {
    /// They are named and left as they are: what tasks have left on their disks is still there.
    #[default]
    No,
    /// They are rebooted once or removed, and the pool grows again.
    Yes,
}

/// The shares are those of Kubernetes' Cluster API and of Karpenter, which repair machines in the same way.
impl Default for Healing {
    fn default() -> Self {
        Self {
            nodes: HealNodes::No,
            max_unhealthy: Share::Percent(40),
            max_in_flight: Share::Percent(10),
        }
    }
}
