//! How many replicas a version needs in each region: pure arithmetic with its formula in words.
//!
//! Only the headroom is ever cut; a need beyond the service's maximum is an error, never a smaller number.

use std::collections::BTreeMap;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::Location,
    progress::Progress,
};

/// The service's limit of replicas in one region.
pub const MAX_REPLICAS: u32 = 100;

/// How many nodes one replica carries, and how much is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaRule {
    /// Nodes a replica: 300 in Microsoft's page for Batch pools since the end of 2020, 600 in the 2019 edition.
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

/// What one region needs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionNeed {
    /// The region.
    pub location: Location,
    /// Replicas with headroom.
    pub replicas: u32,
    /// The formula with its numbers.
    pub formula: String,
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

impl ReplicaRule {
    /// The replicas that pools of these sizes need at least: the sum over pools of nodes / nodes a replica, each rounded up.
    #[must_use]
    pub fn minimum(self, pools: &[u32]) -> u32 {
        pools
            .iter()
            .map(|nodes| nodes.div_ceil(self.nodes_per_replica.nodes()))
            .fold(0, u32::saturating_add)
    }

    /// What a region with pools of these sizes needs.
    ///
    /// # Errors
    /// When the minimum alone is beyond [`MAX_REPLICAS`].
    pub fn need(self, location: &Location, pools: &[u32], progress: &Progress) -> Result<RegionNeed> {
        let minimum = self.minimum(pools);
        if minimum > MAX_REPLICAS {
            let nodes: u64 = pools.iter().copied().map(u64::from).sum();
            let text = format!(
                "{nodes} nodes in {location} need {minimum} replicas, and a region holds at most {MAX_REPLICAS}"
            );
            return Err(
                Error::new(ErrorKind::Quota, text).with_hint("spread the pools over more regions or definitions")
            );
        }
        if minimum == 0 {
            return Ok(RegionNeed {
                location: location.clone(),
                replicas: 1,
                formula: format!("{location}: 1 replica, no pool there"),
            });
        }
        let headroom = (minimum * self.headroom_percent).div_ceil(100).max(1);
        let replicas = (minimum + headroom).min(MAX_REPLICAS);
        if replicas < minimum + headroom {
            progress.warn(format!(
                "{location}: headroom cut from {headroom} to {} replicas, the region's maximum is {MAX_REPLICAS}",
                replicas - minimum
            ));
        }
        let pools = pools.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let formula = format!(
            "{location}: {replicas} replicas = {minimum} for pools of {pools} nodes (1 for every {} begun) + {} headroom",
            self.nodes_per_replica.nodes(),
            replicas - minimum
        );
        Ok(RegionNeed {
            location: location.clone(),
            replicas,
            formula,
        })
    }
}

/// Pool sizes by region.
pub type PoolsByRegion = BTreeMap<Location, Vec<u32>>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn need(pools: &[u32]) -> Result<RegionNeed> {
        ReplicaRule::default().need(&"eastus2".parse().unwrap(), pools, &Progress::silent())
    }

    #[test]
    fn each_pool_is_rounded_up_by_itself() {
        assert_eq!(need(&[700]).unwrap().replicas, 4);
        assert_eq!(need(&[301, 1, 300]).unwrap().replicas, 5);
        assert_eq!(
            need(&[3000]).unwrap().formula,
            "eastus2: 11 replicas = 10 for pools of 3000 nodes (1 for every 300 begun) + 1 headroom"
        );
        assert_eq!(need(&[]).unwrap().replicas, 1);
    }

    #[test]
    fn only_the_headroom_is_cut() {
        assert_eq!(need(&[29_400]).unwrap().replicas, 100, "98 and 2 of the 10 headroom");
        let error = need(&[30_001]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "30001 nodes in eastus2 need 101 replicas, and a region holds at most 100"
        );
        assert_eq!(error.kind(), ErrorKind::Quota);
    }

    #[test]
    fn the_old_edition_is_kept() {
        let rule = ReplicaRule {
            nodes_per_replica: NodesPerReplica::SixHundred,
            headroom_percent: 10,
        };
        assert_eq!(rule.minimum(&[601]), 2);
    }

    proptest! {
        #[test]
        fn a_need_never_falls_below_the_minimum(pools in proptest::collection::vec(0_u32..10_000, 0..6)) {
            let minimum = ReplicaRule::default().minimum(&pools);
            match need(&pools) {
                Ok(need) => prop_assert!(need.replicas >= minimum && (1..=MAX_REPLICAS).contains(&need.replicas)),
                Err(_) => prop_assert!(minimum > MAX_REPLICAS),
            }
        }
    }
}
