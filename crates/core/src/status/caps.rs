//! Which pools have more nodes than their managed image lets them have. Pure.
//!
//! The numbers are in `batch::managed`. Images of one snapshot share a limit too; that is not looked at, since no list
//! shows what an image was made from.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::Finding;
use crate::{
    batch::{
        account::Allocation,
        image::PoolImage,
        managed::{self, Communication},
    },
    estate::{Estate, SeenAccount, SeenPool},
    ids::NodeCounts,
    json,
};

/// How many nodes all pools in sight have on each managed image, by its id in lower case.
pub(super) struct SharedCaps(BTreeMap<String, NodeCounts>);

impl SharedCaps {
    pub(super) fn of(estate: &Estate) -> Self {
        let mut all = BTreeMap::<String, NodeCounts>::new();
        for (_, pool) in estate.pools() {
            if let Some(image) = image(pool) {
                let (sum, own) = (all.entry(image).or_default(), size(pool));
                sum.dedicated = sum.dedicated.saturating_add(own.dedicated);
                sum.spot = sum.spot.saturating_add(own.spot);
            }
        }
        Self(all)
    }

    /// A pool that has more nodes than there may be together with those of other pools on its image.
    pub(super) fn above(&self, account: &SeenAccount, pool: &SeenPool) -> Option<Finding> {
        let (all, own) = (self.0.get(&image(pool)?)?, size(pool));
        let others = NodeCounts {
            dedicated: all.dedicated.saturating_sub(own.dedicated),
            spot: all.spot.saturating_sub(own.spot),
        };
        // An account that was given by its endpoint shows no mode; Batch's own machines have the higher limit.
        let machines = account.allocation.unwrap_or(Allocation::BatchService);
        let most = managed::cap(machines, communication(pool), others);
        let is_above = own.dedicated > most.dedicated || own.spot > most.spot;
        is_above.then_some(Finding::AboveManagedCap { nodes: own, most })
    }
}

fn image(pool: &SeenPool) -> Option<String> {
    match &pool.image {
        PoolImage::Managed(id) => Some(id.to_string().to_ascii_lowercase()),
        _ => None,
    }
}

fn communication(pool: &SeenPool) -> Communication {
    match json::at(pool.pool.body(), "/enableInterNodeCommunication") {
        Value::Bool(true) => Communication::On,
        _ => Communication::Off,
    }
}

/// How many nodes a pool has, or is to have, whichever is more.
fn size(pool: &SeenPool) -> NodeCounts {
    let (current, targets) = (pool.pool.current, pool.pool.targets);
    NodeCounts {
        dedicated: current.dedicated.max(targets.dedicated),
        spot: current.spot.max(targets.spot),
    }
}
