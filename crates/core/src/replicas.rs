//! How many replicas a version needs in each region: arithmetic, with its formula in words. Pure.
//!
//! The figures are Microsoft's advice for large pools, so many small pools do not fail on it. Only what no rounding can
//! bring below the service's maximum is an error, and nothing but the headroom is ever cut.

use std::collections::BTreeMap;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::Location,
    settings::{MAX_REPLICAS, ReplicaRule},
    words::plural,
};

/// What one region needs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionNeed {
    /// The region.
    pub location: Location,
    /// Replicas with headroom.
    pub replicas: u32,
    /// The formula with its numbers, and what it had to leave out.
    pub formula: String,
}

/// Pool sizes by region.
pub type PoolsByRegion = BTreeMap<Location, Vec<u32>>;

/// How the least number of replicas is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    /// Pool by pool, each rounded up: the rule of Microsoft's page.
    Pools(u32),
    /// All nodes together, because pool by pool there would be more replicas than a region holds.
    Nodes {
        /// Of all nodes together.
        replicas: u32,
        /// Pool by pool.
        by_pool: u32,
    },
}

impl Count {
    fn new(rule: ReplicaRule, pools: &[u32]) -> Self {
        let nodes = u64::from(rule.nodes_per_replica.nodes());
        let rounded = |count: u64| u32::try_from(count.div_ceil(nodes)).unwrap_or(u32::MAX);
        let by_pool = pools
            .iter()
            .map(|pool| rounded(u64::from(*pool)))
            .fold(0, u32::saturating_add);
        if by_pool <= MAX_REPLICAS {
            return Self::Pools(by_pool);
        }
        let replicas = rounded(total(pools));
        Self::Nodes { replicas, by_pool }
    }

    const fn replicas(self) -> u32 {
        match self {
            Self::Pools(replicas) | Self::Nodes { replicas, .. } => replicas,
        }
    }
}

/// The replicas that pools of these sizes need at least. It may be more than a region holds.
#[must_use]
pub fn minimum(rule: ReplicaRule, pools: &[u32]) -> u32 {
    Count::new(rule, pools).replicas()
}

/// What a region with pools of these sizes needs.
///
/// # Errors
/// `Quota` when the minimum alone is more than [`MAX_REPLICAS`].
pub fn need(rule: ReplicaRule, location: &Location, pools: &[u32]) -> Result<RegionNeed> {
    let count = Count::new(rule, pools);
    let minimum = count.replicas();
    if minimum > MAX_REPLICAS {
        let nodes = total(pools);
        let text =
            format!("{nodes} nodes in {location} need {minimum} replicas, and a region holds at most {MAX_REPLICAS}");
        return Err(Error::new(ErrorKind::Quota, text).with_hint("spread the pools over more regions or definitions"));
    }
    if minimum == 0 {
        return Ok(RegionNeed {
            location: location.clone(),
            replicas: 1,
            formula: format!("{location}: 1 replica, no pool there"),
        });
    }
    let headroom = (minimum * rule.headroom_percent).div_ceil(100).max(1);
    let replicas = (minimum + headroom).min(MAX_REPLICAS);
    Ok(RegionNeed {
        location: location.clone(),
        replicas,
        formula: format!(
            "{location}: {} = {minimum} for {} + {}",
            plural(replicas, "replica"),
            counted(count, rule, pools),
            added(replicas - minimum, headroom)
        ),
    })
}

fn counted(count: Count, rule: ReplicaRule, pools: &[u32]) -> String {
    let per = rule.nodes_per_replica.nodes();
    match count {
        Count::Pools(_) => {
            let pools = pools.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("pools of {pools} nodes (one per {per} nodes, rounded up for each pool)")
        }
        Count::Nodes { by_pool, .. } => format!(
            "{} nodes in {} pools (one per {per} nodes of all pools together: rounded up for each pool it would be {by_pool}, and a region holds at most {MAX_REPLICAS})",
            total(pools),
            pools.len()
        ),
    }
}

fn added(headroom: u32, wanted: u32) -> String {
    if headroom == wanted {
        format!("{headroom} headroom")
    } else {
        format!("{headroom} headroom (cut from {wanted}: a region holds at most {MAX_REPLICAS})")
    }
}

fn total(pools: &[u32]) -> u64 {
    pools.iter().copied().map(u64::from).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::NodesPerReplica;

    fn need(pools: &[u32]) -> Result<RegionNeed> {
        super::need(ReplicaRule::default(), &"eastus2".parse().unwrap(), pools)
    }

    #[test]
    fn each_pool_is_rounded_up_by_itself() {
        assert_eq!(need(&[700]).unwrap().replicas, 4);
        assert_eq!(need(&[301, 1, 300]).unwrap().replicas, 5);
        assert_eq!(
            need(&[3000]).unwrap().formula,
            "eastus2: 11 replicas = 10 for pools of 3000 nodes (one per 300 nodes, rounded up for each pool) + 1 headroom"
        );
        assert_eq!(need(&[]).unwrap().replicas, 1);
    }

    #[test]
    fn only_the_headroom_is_cut_and_the_formula_says_so() {
        let cut = need(&[29_400]).unwrap();
        assert_eq!(cut.replicas, 100);
        assert_eq!(
            cut.formula,
            "eastus2: 100 replicas = 98 for pools of 29400 nodes (one per 300 nodes, rounded up for each pool) + 2 headroom (cut from 10: a region holds at most 100)"
        );
        let error = need(&[30_001]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "30001 nodes in eastus2 need 101 replicas, and a region holds at most 100"
        );
        assert_eq!(error.kind(), ErrorKind::Quota);
    }

    #[test]
    fn many_small_pools_are_counted_together() {
        let mut pools = vec![1; 101];
        pools.push(6);
        let many = need(&pools).unwrap();
        assert_eq!(many.replicas, 2);
        assert_eq!(
            many.formula,
            "eastus2: 2 replicas = 1 for 107 nodes in 102 pools (one per 300 nodes of all pools together: rounded up for each pool it would be 102, and a region holds at most 100) + 1 headroom"
        );
        let edge = need(&[[29_701].as_slice(), &[1; 100]].concat()).unwrap();
        assert_eq!(edge.replicas, 100, "100 for 29,801 nodes, and no headroom fits");
    }

    #[test]
    fn the_old_edition_is_kept() {
        let rule = ReplicaRule {
            nodes_per_replica: NodesPerReplica::SixHundred,
            headroom_percent: 10,
        };
        assert_eq!(minimum(rule, &[601]), 2);
    }

    proptest! {
        #[test]
        fn a_need_never_falls_below_the_minimum(pools in proptest::collection::vec(0_u32..10_000, 0..200)) {
            let minimum = minimum(ReplicaRule::default(), &pools);
            match need(&pools) {
                Ok(need) => prop_assert!(need.replicas >= minimum && (1..=MAX_REPLICAS).contains(&need.replicas)),
                Err(_) => prop_assert!(minimum > MAX_REPLICAS),
            }
        }
    }
}
