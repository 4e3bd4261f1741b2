//! What happened on both sides since the first look, from one look after another. Pure.
//!
//! A node counts from the moment at which the watch began, so both sides are seen over the same time. A node that goes
//! takes nothing with it: what it did until the last look stays.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::exact::{Pair, Tasks};
use crate::{
    batch::{node::Outlook, work::NodeWork},
    ids::{PoolId, VersionNumber, resource::ImageVersionId},
};

/// Which of the two a node belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// To what was there.
    Old,
    /// To what is judged.
    New,
}

/// The nodes of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// How many there were.
    pub seen: u64,
    /// How many of them were lost: unusable, or with a start task that failed.
    pub lost: u64,
    /// Of how many it is known how long they took to get idle: those that have run nothing yet.
    pub timed: u64,
    /// From allocation to idle, the middle of those that are known, in seconds.
    pub ready_after_seconds: Option<u64>,
    /// The image versions that they run, each once.
    pub images: Vec<String>,
}

/// One node and no other that Batch gives the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    pool: PoolId,
    id: String,
    allocated: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Entry {
    side: Side,
    /// Tasks ended and succeeded before the watch began.
    before: (u64, u64),
    now: NodeWork,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<Key, Entry>,
    has_begun: bool,
}

impl Entry {
    /// What ended on it meanwhile.
    fn tasks(&self) -> Tasks {
        let (ended, succeeded) = self.before;
        let ended = self.now.ended.saturating_sub(ended);
        let succeeded = self.now.succeeded.saturating_sub(succeeded);
        Tasks {
            ended,
            failed: ended.saturating_sub(succeeded),
        }
    }
}

impl Ledger {
    /// Writes a look down.
    pub(super) fn note(&mut self, look: impl IntoIterator<Item = (PoolId, Side, NodeWork)>) {
        for (pool, side, node) in look {
            let key = Key {
                pool,
                id: node.id.clone(),
                allocated: node.allocated,
            };
            let before = if self.has_begun {
                (0, 0)
            } else {
                (node.ended, node.succeeded)
            };
            let entry = self.entries.entry(key).or_insert_with(|| Entry {
                side,
                before,
                now: node.clone(),
            });
            (entry.side, entry.now) = (side, node);
        }
        self.has_begun = true;
    }

    /// All that ended on both sides meanwhile.
    pub(super) fn tasks(&self) -> Pair {
        self.entries.values().fold(Pair::default(), |mut sum, entry| {
            let side = match entry.side {
                Side::Old => &mut sum.old,
                Side::New => &mut sum.new,
            };
            *side = side.and(entry.tasks());
            sum
        })
    }

    /// How the nodes themselves fared, as if each were a task: its end is to be ready or to be lost.
    pub(super) fn ready(&self) -> Pair {
        let of = |side| {
            let nodes = self.nodes(side);
            Tasks {
                ended: nodes.seen,
                failed: nodes.lost,
            }
        };
        Pair {
            old: of(Side::Old),
            new: of(Side::New),
        }
    }

    /// The nodes of a side. Those that are on their way are not counted: nothing is known of them yet.
    pub(super) fn nodes(&self, side: Side) -> Nodes {
        let known = || {
            let entries = self.entries.values().filter(|entry| entry.side == side);
            entries
                .map(|entry| &entry.now)
                .filter(|node| node.outlook != Outlook::Coming)
        };
        let mut images: Vec<String> = known().filter_map(|node| node.image.clone()).collect();
        images.sort_unstable();
        images.dedup();
        Nodes {
            seen: count(known()),
            lost: count(known().filter(|node| node.outlook == Outlook::Lost)),
            timed: count(known().filter(|node| node.ready_after.is_some())),
            ready_after_seconds: middle(known().filter_map(|node| node.ready_after)),
            images,
        }
    }

    /// The side of the node that has this id now, or had it last.
    pub(super) fn side_of(&self, pool: &str, node: &str) -> Option<Side> {
        let mut found = self.entries.iter().rev();
        found
            .find(|(key, _)| key.pool.as_str() == pool && key.id == node)
            .map(|(_, entry)| entry.side)
    }
}

/// The sides of the nodes of one pool: those on the newest version are judged. Nothing when all run the same, or one
/// whose number is not known.
pub(super) fn by_version(nodes: &[NodeWork]) -> Option<VersionNumber> {
    let mut numbers: Vec<VersionNumber> = nodes.iter().filter_map(number_of).collect();
    numbers.sort_unstable();
    numbers.dedup();
    (numbers.len() > 1).then(|| numbers.pop())?
}

/// The number of the gallery version that a node runs.
pub(super) fn number_of(node: &NodeWork) -> Option<VersionNumber> {
    let id: ImageVersionId = node.image.as_deref()?.parse().ok()?;
    id.number()
}

fn count<'n>(nodes: impl Iterator<Item = &'n NodeWork>) -> u64 {
    u64::try_from(nodes.count()).unwrap_or(u64::MAX)
}

/// The time in the middle, in seconds.
pub(super) fn middle(times: impl Iterator<Item = SignedDuration>) -> Option<u64> {
    let mut times: Vec<SignedDuration> = times.collect();
    times.sort_unstable();
    let middle = times.get(times.len() / 2)?;
    u64::try_from(middle.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(id: &str, allocated: &str, (ended, succeeded): (u64, u64)) -> NodeWork {
        NodeWork::new(
            &json!({"id": id, "state": "running", "allocationTime": allocated, "isDedicated": true,
            "totalTasksRun": ended, "totalTasksSucceeded": succeeded}),
        )
    }

    fn pool() -> PoolId {
        "p".parse().unwrap()
    }

    #[test]
    fn what_ended_before_the_watch_does_not_count_and_what_left_does() {
        let mut ledger = Ledger::default();
        let old = |counts| (pool(), Side::Old, node("a", "2026-01-01T00:00:00Z", counts));
        ledger.note([old((100, 50))]);
        assert_eq!(ledger.tasks(), Pair::default());
        // The old node goes on, and another one takes part from its first task on.
        ledger.note([
            old((110, 59)),
            (pool(), Side::New, node("b", "2026-01-02T00:00:00Z", (4, 3))),
        ]);
        // The old one is gone, and its id belongs to a new node.
        ledger.note([(pool(), Side::New, node("a", "2026-01-03T00:00:00Z", (2, 0)))]);
        let tasks = ledger.tasks();
        assert_eq!(tasks.old, Tasks { ended: 10, failed: 1 });
        assert_eq!(tasks.new, Tasks { ended: 6, failed: 3 });
        assert_eq!(ledger.side_of("p", "a"), Some(Side::New));
        assert_eq!(ledger.side_of("q", "a"), None);
    }

    #[test]
    fn nodes_on_the_newest_version_are_those_that_are_judged() {
        let on = |version: &str| NodeWork {
            image: Some(format!(
                "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/i/versions/{version}"
            )),
            ..node("a", "2026-01-01T00:00:00Z", (0, 0))
        };
        let newest = by_version(&[on("1.9.0"), on("1.10.0"), on("1.9.0")]);
        assert_eq!(newest.map(|number| number.to_string()).as_deref(), Some("1.10.0"));
        assert_eq!(by_version(&[on("1.9.0"), on("1.9.0")]), None);
    }
}
