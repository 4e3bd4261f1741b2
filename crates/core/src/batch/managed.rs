//! Pools on managed images: how large those that are there may be.
//!
//! Pure. Batch ended its support of such pools on 31 March 2026; those that are there run on.

use crate::{batch::account::Allocation, ids::NodeCounts};

/// The most nodes of all pools on one managed image, or on images of one snapshot: Batch's page on managed images.
/// Its edition of 2019 says 2,500 dedicated ones.
const OF_AN_IMAGE: NodeCounts = NodeCounts {
    dedicated: 2_000,
    spot: 1_000,
};
/// The most nodes of a pool whose nodes talk to each other, in accounts whose machines are Batch's own.
const TALKING: u32 = 100;
/// The same in accounts whose machines are the subscription's.
const TALKING_IN_SUBSCRIPTION: u32 = 80;
/// The most nodes of a pool whose image was not made of snapshots: the same page. It gives the number and no error, so
/// what Batch does above it is not known.
const WITHOUT_SNAPSHOTS: u32 = 100;

/// Whether the nodes of a pool talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Communication {
    /// They do (`enableInterNodeCommunication`).
    On,
    /// They do not.
    Off,
}

/// How many nodes a pool on a managed image may have, when other pools on the image have so many. Pools
/// with ports of their own get fewer; the page gives no number for them.
#[must_use]
pub const fn cap(machines: Allocation, communication: Communication, others: NodeCounts) -> NodeCounts {
    let left = NodeCounts {
        dedicated: OF_AN_IMAGE.dedicated.saturating_sub(others.dedicated),
        spot: OF_AN_IMAGE.spot.saturating_sub(others.spot),
    };
    let most = match (communication, machines) {
        (Communication::Off, _) => return left,
        (Communication::On, Allocation::BatchService) => TALKING,
        (Communication::On, Allocation::UserSubscription) => TALKING_IN_SUBSCRIPTION,
    };
    NodeCounts {
        dedicated: if left.dedicated < most { left.dedicated } else { most },
        spot: if left.spot < most { left.spot } else { most },
    }
}

/// Whether so many nodes want an image that was made of snapshots.
#[must_use]
pub const fn wants_snapshots(nodes: NodeCounts) -> bool {
    nodes.total() > WITHOUT_SNAPSHOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn nodes(dedicated: u32, spot: u32) -> NodeCounts {
        NodeCounts { dedicated, spot }
    }

    #[test]
    fn pools_on_one_managed_image_share_its_caps() {
        let (batch, own) = (Allocation::BatchService, Allocation::UserSubscription);
        for (machines, communication, others, expected) in [
            (batch, Communication::Off, nodes(0, 0), nodes(2_000, 1_000)),
            (own, Communication::Off, nodes(1_500, 1_200), nodes(500, 0)),
            (batch, Communication::On, nodes(0, 0), nodes(100, 100)),
            (own, Communication::On, nodes(0, 0), nodes(80, 80)),
            (batch, Communication::On, nodes(1_970, 999), nodes(30, 1)),
        ] {
            assert_eq!(
                cap(machines, communication, others),
                expected,
                "{machines:?} {communication:?} {others:?}"
            );
        }
    }

    #[test]
    fn above_a_hundred_nodes_an_image_wants_to_be_made_of_snapshots() {
        for (pool, expected) in [
            (nodes(100, 0), false),
            (nodes(60, 41), true),
            (nodes(u32::MAX, 1), true),
        ] {
            assert_eq!(wants_snapshots(pool), expected, "{pool:?}");
        }
    }
}
