//! What speaks against a pool on a managed image: its nodes, and where and what the image is. Pure.
//!
//! The numbers are in `batch::managed`, what is known of an image in `images`. An image of which nothing could be read
//! has a limit of its own, and nothing else is said of it.

use std::collections::HashMap;

use serde_json::Value;

use super::{images::SeenImage, report::Finding};
use crate::{
    batch::{
        account::Allocation,
        image::PoolImage,
        managed::{self, Communication},
    },
    compute::image::MadeOf,
    estate::{Estate, SeenAccount, SeenPool},
    ids::{
        NodeCounts,
        resource::{ImageId, SnapshotId},
    },
    json,
};

/// The managed images under pools, as far as they could be read.
pub(super) type Images = HashMap<ImageId, SeenImage>;

/// What pools share a limit by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Root {
    /// The snapshot of the image's OS disk.
    Snapshot(SnapshotId),
    /// The image, of which no snapshot is known.
    Image(ImageId),
}

/// How many nodes all pools in sight have on each managed image, or on the images of each snapshot.
pub(super) struct ManagedPools<'a> {
    images: &'a Images,
    nodes: HashMap<Root, NodeCounts>,
}

impl Root {
    fn of(image: &ImageId, images: &Images) -> Self {
        match images.get(image).and_then(SeenImage::made_of) {
            Some(MadeOf::Snapshot(id)) => Self::Snapshot(id.clone()),
            _ => Self::Image(image.clone()),
        }
    }
}

impl<'a> ManagedPools<'a> {
    pub(super) fn of(estate: &Estate, images: &'a Images) -> Self {
        let mut nodes = HashMap::<Root, NodeCounts>::new();
        for (_, pool) in estate.pools() {
            if let Some(image) = image(pool) {
                let (sum, own) = (nodes.entry(Root::of(image, images)).or_default(), size(pool));
                sum.dedicated = sum.dedicated.saturating_add(own.dedicated);
                sum.spot = sum.spot.saturating_add(own.spot);
            }
        }
        Self { images, nodes }
    }

    /// All that speaks against the pool; nothing when it is on no managed image.
    pub(super) fn about(&self, account: &SeenAccount, pool: &SeenPool) -> Vec<Finding> {
        let Some(id) = image(pool) else {
            return Vec::new();
        };
        let seen = self.images.get(id);
        let gone = (seen == Some(&SeenImage::Gone)).then_some(Finding::ManagedImageGone);
        let all = [
            Some(Finding::ManagedImage),
            gone,
            other_subscription(account, id),
            seen.and_then(|seen| other_region(account, seen)),
            seen.and_then(|seen| not_of_snapshots(pool, seen)),
            self.above((account, pool), id),
        ];
        all.into_iter().flatten().collect()
    }

    /// A pool that has more nodes than there may be together with those of other pools on its image or snapshot.
    fn above(&self, (account, pool): (&SeenAccount, &SeenPool), id: &ImageId) -> Option<Finding> {
        let (all, own) = (self.nodes.get(&Root::of(id, self.images))?, size(pool));
        let others = NodeCounts {
            dedicated: all.dedicated.saturating_sub(own.dedicated),
            spot: all.spot.saturating_sub(own.spot),
        };
        // An account that was given by its endpoint shows no mode; Batch's own machines have the higher limit.
        let machines = account.allocation.unwrap_or(Allocation::BatchService);
        let most = managed::cap(machines, communication(pool), others);
        let is_above = own.dedicated > most.dedicated || own.spot > most.spot;
        is_above.then_some(Finding::AboveManagedCap {
            nodes: own,
            most,
            others,
        })
    }
}

fn image(pool: &SeenPool) -> Option<&ImageId> {
    match &pool.image {
        PoolImage::Managed(id) => Some(id),
        _ => None,
    }
}

fn other_subscription(account: &SeenAccount, id: &ImageId) -> Option<Finding> {
    let own = account.id.as_ref()?.group().subscription();
    let of_image = id.group().subscription();
    if own.eq_ignore_ascii_case(of_image) {
        return None;
    }
    Some(Finding::OtherSubscription {
        image: of_image.parse().ok()?,
        account: own.parse().ok()?,
    })
}

fn other_region(account: &SeenAccount, seen: &SeenImage) -> Option<Finding> {
    let SeenImage::There {
        region: Some(of_image), ..
    } = seen
    else {
        return None;
    };
    let own = account.location.as_ref()?;
    (own != of_image).then(|| Finding::OtherRegion {
        image: of_image.clone(),
        account: own.clone(),
    })
}

fn not_of_snapshots(pool: &SeenPool, seen: &SeenImage) -> Option<Finding> {
    let (nodes, made_of) = (size(pool), seen.made_of()?.other_than_snapshot()?);
    managed::wants_snapshots(nodes).then_some(Finding::NotOfSnapshots { nodes, made_of })
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
