//! The sizes of two pools on the way from the one to the other: as many steps as the room for both needs. Pure.
//!
//! They follow from the record alone, so that every run that goes on with it knows which sizes are its own.

use crate::{ids::NodeCounts, rollout::pair::Shift};

/// A step: the new pool grows, jobs move, then the former pool shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) struct Stage {
    /// The size of the new pool.
    pub(in crate::rollout) new: NodeCounts,
    /// The size of the former pool afterwards.
    pub(in crate::rollout) old: NodeCounts,
}

/// All steps. Nothing when there is no room for a single node beside the former pool, nor for the new one alone.
pub(in crate::rollout) fn stages(shift: &Shift) -> Option<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    let (mut new, mut old) = (NodeCounts::default(), shift.was);
    if !fits(shift.size, shift.together) {
        return None;
    }
    for small in [Some(shift.first), sample(shift)].into_iter().flatten() {
        if small.total() == 0 || small == new {
            continue;
        }
        new = small;
        // A bad image costs the former pool nothing, so it shrinks for these nodes only where nothing else helps.
        let grows = possible(shift, old) != new;
        old = if grows && new != shift.size {
            old
        } else {
            left(shift, new)
        };
        stages.push(Stage { new, old });
    }
    while new != shift.size {
        let next = possible(shift, old);
        if next == new || !fits(new, next) {
            return None;
        }
        new = next;
        old = left(shift, new);
        stages.push(Stage { new, old });
    }
    if stages.is_empty() {
        stages.push(Stage {
            new,
            old: left(shift, new),
        });
    }
    let first = stages.first()?;
    fits(plus(first.new, shift.was), shift.together).then_some(stages)
}

/// How many of the jobs run on the new pool in a step: its part of the nodes, and all when none is left of the former.
pub(in crate::rollout) fn jobs_of(shift: &Shift, stage: Stage, jobs: usize) -> usize {
    if stage.old.total() == 0 {
        return jobs;
    }
    let (part, whole) = (u64::from(stage.new.total()), u64::from(shift.size.total().max(1)));
    let count = jobs as u64;
    let share = usize::try_from((2 * count * part + whole) / (2 * whole)).unwrap_or(usize::MAX);
    if shift.is_judged_at(stage.new) && jobs > 1 {
        // Both pools need work to be compared.
        share.clamp(1, jobs - 1)
    } else {
        share
    }
}

/// The nodes that are judged as a step of their own: where the next step would be larger.
fn sample(shift: &Shift) -> Option<NodeCounts> {
    let room = possible(shift, shift.was);
    let is_small = fits(shift.first, shift.sample) && fits(shift.sample, room) && shift.sample != room;
    is_small.then_some(shift.sample)
}

/// The most nodes that the new pool can have beside so many of the former.
fn possible(shift: &Shift, old: NodeCounts) -> NodeCounts {
    NodeCounts {
        dedicated: shift
            .size
            .dedicated
            .min(shift.together.dedicated.saturating_sub(old.dedicated)),
        spot: shift.size.spot.min(shift.together.spot.saturating_sub(old.spot)),
    }
}

/// What is left of the former pool once the new one has so many nodes: its part of the work, and never so much that the
/// new one could not grow.
fn left(shift: &Shift, new: NodeCounts) -> NodeCounts {
    if new == shift.size {
        return NodeCounts::default();
    }
    NodeCounts {
        dedicated: left_of(
            (shift.was.dedicated, shift.size.dedicated),
            new.dedicated,
            shift.together.dedicated,
        ),
        spot: left_of((shift.was.spot, shift.size.spot), new.spot, shift.together.spot),
    }
}

fn left_of((was, size): (u32, u32), new: u32, together: u32) -> u32 {
    if size == 0 || new >= size {
        // Nodes of that kind are not wanted, or all there: the others are still to come.
        return if size == 0 { was } else { 0 };
    }
    let part = (u64::from(was) * u64::from(size - new)).div_ceil(u64::from(size));
    let part = u32::try_from(part).unwrap_or(was);
    part.min(together.saturating_sub(new + 1))
}

const fn fits(nodes: NodeCounts, room: NodeCounts) -> bool {
    nodes.dedicated <= room.dedicated && nodes.spot <= room.spot
}

const fn plus(one: NodeCounts, other: NodeCounts) -> NodeCounts {
    NodeCounts {
        dedicated: one.dedicated.saturating_add(other.dedicated),
        spot: one.spot.saturating_add(other.spot),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::rollout::record::Phase;

    fn shift(was: NodeCounts, size: NodeCounts, together: NodeCounts, first: NodeCounts) -> Shift {
        Shift {
            phase: Phase::Forward,
            id: String::new(),
            new: "n".parse().unwrap(),
            to: String::new(),
            size,
            first,
            sample: NodeCounts::default(),
            was,
            together,
            since: Timestamp::UNIX_EPOCH,
            before: None,
            why: None,
            until: None,
        }
    }

    fn dedicated(dedicated: u32) -> NodeCounts {
        NodeCounts { dedicated, spot: 0 }
    }

    fn of(was: u32, size: u32, together: u32, first: u32) -> Option<Vec<(u32, u32)>> {
        let [was, size, together, first] = [was, size, together, first].map(dedicated);
        let stages = stages(&shift(was, size, together, first))?;
        Some(
            stages
                .iter()
                .map(|stage| (stage.new.dedicated, stage.old.dedicated))
                .collect(),
        )
    }

    #[test]
    fn as_few_steps_as_the_room_allows() {
        assert_eq!(of(10, 10, 20, 0), Some(vec![(10, 0)]), "room for both");
        assert_eq!(
            of(10, 10, 20, 1),
            Some(vec![(1, 10), (10, 0)]),
            "first nodes cost nothing"
        );
        assert_eq!(of(10, 10, 12, 0), Some(vec![(2, 8), (4, 6), (6, 4), (8, 2), (10, 0)]));
        assert_eq!(
            of(10, 10, 12, 1),
            Some(vec![(1, 10), (2, 8), (4, 6), (6, 4), (8, 2), (10, 0)])
        );
        assert_eq!(of(10, 10, 12, 2), Some(vec![(2, 8), (4, 6), (6, 4), (8, 2), (10, 0)]));
        assert_eq!(of(10, 10, 10, 0), None, "no room for a node");
        assert_eq!(
            of(5, 10, 10, 0),
            Some(vec![(5, 3), (7, 2), (8, 1), (9, 0), (10, 0)]),
            "it grows at the same time"
        );
        assert_eq!(of(10, 5, 11, 1), Some(vec![(1, 8), (3, 4), (5, 0)]), "it shrinks");
        assert_eq!(of(10, 12, 11, 1), None, "it never fits");
        assert_eq!(of(0, 5, 5, 0), Some(vec![(5, 0)]), "no former nodes");
        assert_eq!(of(5, 0, 5, 0), Some(vec![(0, 0)]), "none wanted");
    }

    #[test]
    fn a_pool_that_is_judged_has_a_step_in_which_a_part_of_it_works() {
        let of = |together, first, sample| {
            let [was, size, together, first, sample] = [10, 10, together, first, sample].map(dedicated);
            let judged = Shift {
                sample,
                ..shift(was, size, together, first)
            };
            let stages = stages(&judged).unwrap();
            let sizes: Vec<(u32, u32)> = stages
                .iter()
                .map(|stage| (stage.new.dedicated, stage.old.dedicated))
                .collect();
            let jobs: Vec<usize> = stages.iter().map(|stage| jobs_of(&judged, *stage, 2)).collect();
            (sizes, jobs)
        };
        assert_eq!(of(20, 0, 2), (vec![(2, 10), (10, 0)], vec![1, 2]), "room for both");
        assert_eq!(of(20, 1, 2), (vec![(1, 10), (2, 10), (10, 0)], vec![0, 1, 2]));
        assert_eq!(
            of(15, 1, 2).0,
            [(1, 10), (2, 10), (5, 5), (10, 0)],
            "the judged step is the smaller one"
        );
        let same = vec![(2, 8), (4, 6), (6, 4), (8, 2), (10, 0)];
        assert_eq!(
            of(12, 0, 2),
            (same.clone(), vec![1, 1, 1, 1, 2]),
            "there it is a step already"
        );
        assert_eq!(of(12, 2, 2).0, same, "and here the first nodes are");
        assert_eq!(of(11, 0, 2).0, of(11, 0, 0).0, "and here steps are smaller");
    }

    #[test]
    fn jobs_move_with_the_nodes_and_a_single_one_at_half_of_them() {
        let shift = shift(dedicated(10), dedicated(10), dedicated(12), dedicated(1));
        let of = |jobs| {
            let all = stages(&shift).unwrap();
            all.iter()
                .map(|stage| jobs_of(&shift, *stage, jobs))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(1), [0, 0, 0, 1, 1, 1]);
        assert_eq!(of(10), [1, 2, 4, 6, 8, 10]);
        assert_eq!(of(0), [0; 6]);
    }

    proptest! {
        #[test]
        fn steps_keep_within_the_room_always_go_on_and_end_with_the_new_pool_alone(
            was in 0_u32..40, size in 0_u32..40, free in 0_u32..40, first in 0_u32..3, spots in 0_u32..4, spot_free in 0_u32..3,
            sample in 0_u32..9
        ) {
            let nodes = |dedicated, spot| NodeCounts { dedicated, spot };
            let (was, size) = (nodes(was, spots), nodes(size, spots));
            let together = plus(was, nodes(free, spot_free));
            let first = nodes(first.min(size.dedicated), 0);
            let sample = nodes(sample.min(size.dedicated), 0);
            let shift = Shift { sample, ..shift(was, size, together, first) };
            if let Some(stages) = stages(&shift) {
                let mut before = (NodeCounts::default(), was);
                for stage in &stages {
                    prop_assert!(fits(plus(stage.new, before.1), together), "{stages:?}");
                    prop_assert!(fits(before.0, stage.new) && fits(stage.old, before.1), "{stages:?}");
                    prop_assert!(stage.new != before.0 || stages.len() == 1, "{stages:?}");
                    before = (stage.new, stage.old);
                }
                prop_assert_eq!(before, (size, NodeCounts::default()));
            } else {
                prop_assert!(free == 0 || spot_free == 0 || first.dedicated > free || !fits(size, together), "there was room");
            }
        }
    }
}
