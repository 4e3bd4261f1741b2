//! How many nodes one replica of a version carries, and how much is added for safety.
//!
//! What follows for a region is computed in `replicas`.

/// The service's limit of replicas in one region.
pub const MAX_REPLICAS: u32 = 100;

/// How many nodes one replica carries, and how much is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaRule {
    /// Nodes per replica: 300 in Microsoft's page for Batch pools since the end of 2020, 600 in the 2019 edition.
    pub nodes_per_replica: NodesPerReplica,
    /// Percent on top, and never less than one replica: the page says to keep more than the minimum.
    pub headroom_percent: u32,
}

/// The two editions' figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodesPerReplica {
    /// 300 nodes.
    #[default]
    ThreeHundred,
    /// 600 nodes.
    SixHundred,
}

impl Default for ReplicaRule {
    fn default() -> Self {
        Self {
            nodes_per_replica: NodesPerReplica::default(),
            headroom_percent: 10,
        }
    }
}

impl NodesPerReplica {
    /// The number.
    #[must_use]
    pub const fn nodes(self) -> u32 {
        match self {
            Self::ThreeHundred => 300,
            Self::SixHundred => 600,
        }
    }
}
