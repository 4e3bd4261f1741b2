//! How long each node may take on its way to being ready: a node's own time, by the service's clock. Pure.
//!
//! A node that takes longer is not hoped for any more, however much its neighbours move.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::batch::node::{Node, Outlook};

/// The time that nodes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grace {
    /// When the wait for them began.
    pub(super) began: Timestamp,
    /// How long a node may stay in one state of its way, or lost.
    pub(super) length: Duration,
}

impl Grace {
    /// Whether the node has used its time up.
    pub(super) fn is_late(self, node: &Node, now: Timestamp) -> bool {
        node.outlook() != Outlook::Ready && self.end_of(node).is_some_and(|end| end <= now)
    }

    /// When the first of the nodes on their way will be late; nothing when none is on its way.
    pub(super) fn next(self, nodes: &[Node], now: Timestamp) -> Option<Timestamp> {
        let coming = nodes
            .iter()
            .filter(|node| matches!(node.outlook(), Outlook::Coming | Outlook::Doubtful));
        coming
            .filter_map(|node| self.end_of(node))
            .filter(|end| *end > now)
            .min()
    }

    /// When a wait that begins now looks at single nodes at the latest.
    pub(super) fn first(self) -> Timestamp {
        after(self.began, self.length)
    }

    /// Each state of a node's first way has the whole time. A node that is lost and tried again changes its state
    /// again and again: it has the time once, from its allocation or from when the wait began.
    fn end_of(self, node: &Node) -> Option<Timestamp> {
        let since = match node.state.as_str() {
            "unusable" | "unknown" | "rebooting" | "reimaging" => {
                Some(node.allocated.map_or(self.began, |allocated| allocated.max(self.began)))
            }
            _ => node.since,
        };
        since.map(|since| after(since, self.length))
    }
}

fn after(at: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// So many minutes after the wait began.
    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + 60 * minute).unwrap()
    }

    fn node(state: &str, allocated: i64, since: i64) -> Node {
        let (allocated, since) = (at(allocated).to_string(), at(since).to_string());
        Node::new(&json!({"id": "n", "state": state, "allocationTime": allocated, "stateTransitionTime": since}))
    }

    const GRACE: Grace = Grace {
        began: Timestamp::UNIX_EPOCH,
        length: Duration::from_secs(20 * 60),
    };

    #[test]
    fn each_node_has_its_own_time() {
        let grace = Grace { began: at(0), ..GRACE };
        for (node, minute, expected) in [
            (node("starting", 0, 1), 20, false),
            (node("starting", 0, 1), 21, true),
            (node("waitingforstarttask", 0, 15), 34, false),
            (node("starting", 30, 31), 45, false),
            (node("idle", -500, -500), 500, false),
            (node("upgradingos", -500, 10), 29, false),
            // It was lost long before, and this wait gives it its time once.
            (node("unusable", -500, -400), 19, false),
            (node("unusable", -500, -400), 20, true),
            // Tried again and again.
            (node("rebooting", 0, 19), 20, true),
            (node("unusable", 30, 45), 49, false),
        ] {
            assert_eq!(grace.is_late(&node, at(minute)), expected, "{node:?} at {minute}");
        }
    }

    #[test]
    fn single_nodes_are_looked_at_when_the_first_of_them_is_due() {
        let grace = Grace { began: at(0), ..GRACE };
        let nodes = [
            node("idle", 0, 1),
            node("starting", 0, 5),
            node("creating", 0, 3),
            node("unusable", -90, -80),
        ];
        assert_eq!(grace.first(), at(20));
        assert_eq!(grace.next(&nodes, at(6)), Some(at(20)));
        assert_eq!(grace.next(&nodes, at(20)), Some(at(23)));
        assert_eq!(grace.next(&nodes, at(25)), None);
    }
}
