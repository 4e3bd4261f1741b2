//! Is this pool good? Pure: how many nodes are enough, and what a list or a count of nodes says about them.
//!
//! Waiting for nodes is in `ready`, the words for why they are not ready in `explain`.

use std::collections::BTreeMap;

use crate::{
    batch::node::{Node, NodeKind, Outlook, StateCounts},
    error::ErrorKind,
    ids::{NodeCounts, resource::ImageVersionId},
    settings::{Readiness, Share, Targets},
};

/// Up to this many dedicated nodes all must be there; a pool of a hundred has no spare ones.
const ALL_UP_TO: u32 = 100;
/// Percent that are enough above that: in a large allocation single nodes fail, and the work goes on without them.
const PERCENT_ABOVE: Share = Share::Percent(98);

/// What a roll-out wants, and what it takes for enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    /// The nodes asked for.
    pub(super) targets: NodeCounts,
    /// The nodes that are enough.
    pub(super) needed: NodeCounts,
}

/// What a list or a count of nodes says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Nodes by state.
    pub(super) states: BTreeMap<String, u32>,
    /// Idle or running on the version.
    pub(super) ready: NodeCounts,
    /// Not ready, but may become so by themselves.
    pub(super) coming: NodeCounts,
    /// Those of the coming ones that have lost contact: only a list shows which of them will not come back.
    pub(super) doubtful: NodeCounts,
    /// On their way for longer than they may: only a list shows them.
    pub(super) late: NodeCounts,
    /// All that were counted.
    pub(super) total: NodeCounts,
    /// On another version, ready or not.
    pub(super) elsewhere: u32,
    /// One such version.
    pub(super) other_image: Option<String>,
}

/// Where a pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Enough nodes are ready.
    Good,
    /// Enough nodes are ready or may become so.
    Pending,
    /// Even if all that may come does come, it is not enough.
    Bad,
}

/// How the wait for nodes ended.
#[derive(Debug)]
pub(super) struct Waited {
    /// The last list.
    pub(super) nodes: Vec<Node>,
    /// What it says.
    pub(super) census: Census,
    /// What was wanted, and is enough.
    pub(super) goal: Goal,
    /// Why the wait ended: `Pending` means that nodes have used up the time that each of them has.
    pub(super) verdict: Verdict,
}

impl Goal {
    /// The goal of these targets, with what was said of how many are enough.
    pub(super) fn new(targets: Targets, readiness: Readiness) -> Self {
        let spot = match readiness.min_spot {
            None if !targets.counts_spot() => 0,
            said => enough(targets.spot, said),
        };
        Self {
            targets: targets.into(),
            needed: NodeCounts {
                dedicated: enough(targets.dedicated, readiness.min_dedicated),
                spot,
            },
        }
    }

    /// All of so many nodes.
    pub(super) const fn all(targets: NodeCounts) -> Self {
        Self {
            targets,
            needed: targets,
        }
    }

    /// Whether these nodes are enough.
    pub(super) const fn is_met_by(self, nodes: NodeCounts) -> bool {
        nodes.dedicated >= self.needed.dedicated && nodes.spot >= self.needed.spot
    }

    /// Whether a pool of this size has neither too few nodes nor any too many.
    pub(super) const fn is_reached_by(self, current: NodeCounts) -> bool {
        self.is_met_by(current) && current.dedicated <= self.targets.dedicated && current.spot <= self.targets.spot
    }

    /// Whether none of the nodes that were asked for is missing, and there are some that should go.
    pub(super) fn is_exceeded_by(self, current: NodeCounts) -> bool {
        !self.is_more_than(current) && !self.is_exactly(current)
    }

    /// Whether these are exactly the nodes that were asked for.
    pub(super) fn is_exactly(self, current: NodeCounts) -> bool {
        current == self.targets
    }

    /// Whether it is more nodes of a kind than these.
    pub(super) const fn is_more_than(self, current: NodeCounts) -> bool {
        self.targets.dedicated > current.dedicated || self.targets.spot > current.spot
    }

    /// How many of these nodes count towards the goal.
    pub(super) const fn counted(self, nodes: NodeCounts) -> u32 {
        if self.counts_spot() {
            nodes.total()
        } else {
            nodes.dedicated
        }
    }

    /// Whether spot nodes count.
    pub(super) const fn counts_spot(self) -> bool {
        self.needed.spot > 0
    }
}

impl Census {
    /// Counts nodes. One that does not say its image runs the pool's, which has been compared before.
    pub(super) fn of(nodes: &[Node], is_right: impl Fn(&str) -> bool) -> Self {
        Self::within(nodes, is_right, |_| false)
    }

    /// The same where nodes that are late are not hoped for.
    pub(super) fn within(nodes: &[Node], is_right: impl Fn(&str) -> bool, is_late: impl Fn(&Node) -> bool) -> Self {
        let mut census = Self::default();
        for node in nodes {
            *census.states.entry(node.state.to_string()).or_insert(0) += 1;
            *of_kind(&mut census.total, node.kind) += 1;
            let other = node.image.as_ref().filter(|image| !is_right(image));
            match (node.outlook(), other) {
                (Outlook::Ready, None) => *of_kind(&mut census.ready, node.kind) += 1,
                (Outlook::Ready | Outlook::Coming | Outlook::Doubtful, Some(image)) => {
                    census.elsewhere += 1;
                    census.other_image.get_or_insert_with(|| image.clone());
                }
                (Outlook::Coming | Outlook::Doubtful, None) if is_late(node) => {
                    *of_kind(&mut census.late, node.kind) += 1;
                }
                (Outlook::Coming | Outlook::Doubtful, None) => *of_kind(&mut census.coming, node.kind) += 1,
                (Outlook::Lost, _) => {}
            }
        }
        census
    }

    /// Counts nodes by their states alone, whichever image they run.
    pub(super) fn by_state(nodes: &[Node]) -> Self {
        let mut counts = StateCounts::default();
        for node in nodes {
            let of_kind = match node.kind {
                NodeKind::Dedicated => &mut counts.dedicated,
                NodeKind::Spot => &mut counts.spot,
            };
            *of_kind.entry(node.state.clone()).or_insert(0) += 1;
        }
        Self::from(&counts)
    }

    /// The same while the pool has so many nodes: those that do not show yet are still coming.
    pub(super) const fn of_pool(mut self, current: NodeCounts) -> Self {
        self.coming.dedicated += current.dedicated.saturating_sub(self.total.dedicated);
        self.coming.spot += current.spot.saturating_sub(self.total.spot);
        self
    }

    /// Whether it takes a list of nodes to decide: enough are ready, so their images matter, or not enough are sure to
    /// come, so their errors do.
    pub(super) const fn needs_list(&self, goal: Goal) -> bool {
        let sure = NodeCounts {
            dedicated: self.hoped().dedicated.saturating_sub(self.doubtful.dedicated),
            spot: self.hoped().spot.saturating_sub(self.doubtful.spot),
        };
        goal.is_met_by(self.ready) || !goal.is_met_by(sure)
    }

    const fn hoped(&self) -> NodeCounts {
        NodeCounts {
            dedicated: self.ready.dedicated.saturating_add(self.coming.dedicated),
            spot: self.ready.spot.saturating_add(self.coming.spot),
        }
    }

    /// Where the pool stands.
    pub(super) const fn verdict(&self, goal: Goal) -> Verdict {
        let hoped = self.hoped();
        if goal.is_met_by(self.ready) {
            Verdict::Good
        } else if goal.is_met_by(hoped) {
            Verdict::Pending
        } else {
            Verdict::Bad
        }
    }

    /// Whether it would be enough if those that are late came after all.
    pub(super) const fn fails_by_the_late(&self, goal: Goal) -> bool {
        let hoped = self.hoped();
        goal.is_met_by(NodeCounts {
            dedicated: hoped.dedicated.saturating_add(self.late.dedicated),
            spot: hoped.spot.saturating_add(self.late.spot),
        })
    }
}

/// Counts know neither images nor errors.
impl From<&StateCounts> for Census {
    fn from(counts: &StateCounts) -> Self {
        let mut census = Self::default();
        for (kind, states) in [(NodeKind::Dedicated, &counts.dedicated), (NodeKind::Spot, &counts.spot)] {
            for (state, count) in states {
                *census.states.entry(state.to_string()).or_insert(0) += count;
                *of_kind(&mut census.total, kind) += count;
                match state.outlook() {
                    Outlook::Ready => *of_kind(&mut census.ready, kind) += count,
                    Outlook::Coming => *of_kind(&mut census.coming, kind) += count,
                    Outlook::Doubtful => {
                        *of_kind(&mut census.coming, kind) += count;
                        *of_kind(&mut census.doubtful, kind) += count;
                    }
                    Outlook::Lost => {}
                }
            }
        }
        census
    }
}

fn enough(target: u32, said: Option<Share>) -> u32 {
    match said {
        Some(share) => share.of(target),
        None if target <= ALL_UP_TO => target,
        None => PERCENT_ABOVE.of(target),
    }
}

const fn of_kind(counts: &mut NodeCounts, kind: NodeKind) -> &mut u32 {
    match kind {
        NodeKind::Dedicated => &mut counts.dedicated,
        NodeKind::Spot => &mut counts.spot,
    }
}

/// Whether an image id names that version; ids compare without case.
pub(super) fn is_version(image: &str, version: &ImageVersionId) -> bool {
    image.parse::<ImageVersionId>().is_ok_and(|image| image == *version)
}

/// What the image or the service did, as opposed to what happened to this run.
pub(super) const fn speaks_against_image(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PartlyReached
            | ErrorKind::BadNodes
            | ErrorKind::Azure
            | ErrorKind::Rejected
            | ErrorKind::Quota
            | ErrorKind::Policy
            | ErrorKind::Locked
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::settings::SpotCounts;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    fn goal(dedicated: u32, spot: u32, spot_counts: SpotCounts) -> Goal {
        let targets = Targets {
            dedicated,
            spot,
            spot_counts,
        };
        Goal::new(targets, Readiness::default())
    }

    fn nodes(count: u32, state: &str, kind: NodeKind, image: Option<&str>) -> Vec<Node> {
        let node = json!({"id": "n", "state": state, "isDedicated": kind == NodeKind::Dedicated,
            "virtualMachineInfo": {"imageReference": {"virtualMachineImageId": image}}});
        (0..count).map(|_| Node::new(&node)).collect()
    }

    fn census(nodes: &[Vec<Node>]) -> Census {
        let version = VERSION.parse().unwrap();
        Census::of(&nodes.concat(), |image| is_version(image, &version))
    }

    #[test]
    fn enough_is_all_of_a_small_pool_and_98_percent_of_a_large_one() {
        let table = [
            (0, 0),
            (1, 1),
            (100, 100),
            (101, 99),
            (700, 686),
            (1000, 980),
            (1001, 981),
        ];
        for (target, expected) in table {
            assert_eq!(goal(target, 0, SpotCounts::No).needed.dedicated, expected, "{target}");
        }
    }

    #[test]
    fn spot_nodes_count_when_asked_or_when_alone() {
        assert_eq!(
            goal(10, 50, SpotCounts::No).needed,
            NodeCounts { dedicated: 10, spot: 0 }
        );
        assert_eq!(
            goal(10, 50, SpotCounts::Yes).needed,
            NodeCounts {
                dedicated: 10,
                spot: 50
            }
        );
        assert_eq!(
            goal(0, 50, SpotCounts::WhenAlone).needed,
            NodeCounts { dedicated: 0, spot: 50 }
        );
        assert_eq!(goal(0, 50, SpotCounts::No).needed, NodeCounts::default(), "said so");
    }

    #[test]
    fn what_the_user_says_is_enough_is_enough() {
        let targets = Targets {
            dedicated: 50,
            spot: 40,
            spot_counts: SpotCounts::WhenAlone,
        };
        let readiness = Readiness {
            min_dedicated: Some(Share::Percent(90)),
            min_spot: Some(Share::Nodes(3)),
            ..Readiness::default()
        };
        assert_eq!(
            Goal::new(targets, readiness).needed,
            NodeCounts { dedicated: 45, spot: 3 }
        );
    }

    #[test]
    fn a_pool_with_more_nodes_than_wanted_has_not_reached_its_size() {
        let goal = goal(10, 0, SpotCounts::No);
        assert!(goal.is_met_by(NodeCounts { dedicated: 12, spot: 0 }));
        assert!(!goal.is_reached_by(NodeCounts { dedicated: 12, spot: 0 }));
        assert!(goal.is_reached_by(NodeCounts { dedicated: 10, spot: 0 }));
        assert!(goal.is_exceeded_by(NodeCounts { dedicated: 12, spot: 0 }));
        for current in [(10, 0), (9, 0), (9, 3)] {
            let (dedicated, spot) = current;
            assert!(!goal.is_exceeded_by(NodeCounts { dedicated, spot }), "{current:?}");
        }
    }

    #[test]
    fn verdicts_follow_state_kind_and_image() {
        let other = VERSION.replace("1.0.0", "0.9.0");
        let shouted = VERSION.to_ascii_uppercase();
        let (dedicated, spot) = (NodeKind::Dedicated, NodeKind::Spot);
        let here = Some(VERSION);
        let table = [
            ("all idle", vec![nodes(10, "idle", dedicated, here)], Verdict::Good),
            (
                "ids without case",
                vec![nodes(10, "running", dedicated, Some(&shouted))],
                Verdict::Good,
            ),
            ("image unsaid", vec![nodes(10, "idle", dedicated, None)], Verdict::Good),
            ("steady with 0 nodes", vec![], Verdict::Bad),
            (
                "another version",
                vec![nodes(10, "idle", dedicated, Some(&other))],
                Verdict::Bad,
            ),
            (
                "coming",
                vec![nodes(9, "idle", dedicated, here), nodes(1, "starting", dedicated, None)],
                Verdict::Pending,
            ),
            (
                "lost contact",
                vec![nodes(9, "idle", dedicated, here), nodes(1, "unusable", dedicated, here)],
                Verdict::Pending,
            ),
            (
                "start task failed",
                vec![
                    nodes(9, "idle", dedicated, here),
                    nodes(1, "starttaskfailed", dedicated, here),
                ],
                Verdict::Bad,
            ),
            (
                "a spot node is not a dedicated one",
                vec![nodes(9, "idle", dedicated, here), nodes(5, "idle", spot, here)],
                Verdict::Bad,
            ),
        ];
        for (name, nodes, expected) in table {
            assert_eq!(census(&nodes).verdict(goal(10, 5, SpotCounts::No)), expected, "{name}");
        }
    }

    #[test]
    fn preempted_spot_nodes_are_no_failure_of_a_pool_that_counts_dedicated_ones() {
        let census = census(&[
            nodes(10, "idle", NodeKind::Dedicated, None),
            nodes(5, "preempted", NodeKind::Spot, None),
        ]);
        assert_eq!(census.verdict(goal(10, 5, SpotCounts::No)), Verdict::Good);
        assert_eq!(census.states.get("preempted"), Some(&5));
    }

    proptest! {
        #[test]
        fn a_pool_that_has_all_it_wants_is_good(dedicated in 0_u32..5000, spot in 0_u32..5000) {
            for counts in [SpotCounts::WhenAlone, SpotCounts::Yes] {
                let goal = goal(dedicated, spot, counts);
                prop_assert!(goal.is_reached_by(goal.targets));
                prop_assert!(goal.needed.total() > 0 || goal.targets.total() == 0, "an empty pool would be good");
            }
        }
    }
}
