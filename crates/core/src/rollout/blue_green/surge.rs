//! How many more nodes two pools have together than one of them would, and how long they are watched meanwhile. Pure.
//!
//! How long nodes take to start and tasks to end is not known beforehand.

use std::time::Duration;

use super::stages::stages;
use crate::{
    ids::NodeCounts,
    rollout::pair::Shift,
    settings::{Change, Judge},
};

/// What a move to a second pool takes meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) struct Surge {
    /// The most nodes beyond the larger of the two sizes.
    pub(in crate::rollout) nodes: NodeCounts,
    /// How long new nodes are watched before the former ones go, in all.
    pub(in crate::rollout) watched: Duration,
}

impl Surge {
    /// Of this roll-out.
    pub(in crate::rollout) fn of(shift: &Shift, change: &Change) -> Self {
        let stages = stages(shift).unwrap_or_default();
        let most = |of: fn(NodeCounts) -> u32| {
            let together = stages.iter().scan(shift.was, |old, stage| {
                let both = of(*old).saturating_add(of(stage.new));
                *old = stage.old;
                Some(both)
            });
            let usual = of(shift.was).max(of(shift.size));
            together.max().unwrap_or(0).saturating_sub(usual)
        };
        // After the last step none of the former nodes is left.
        let steps = u32::try_from(stages.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let judged = match change.judging.judge {
            Judge::No => Duration::ZERO,
            Judge::Report | Judge::Act => change.judging.window,
        };
        let tried = match shift.first.total() {
            0 => Duration::ZERO,
            _ => change.canary.bake,
        };
        Self {
            nodes: NodeCounts {
                dedicated: most(|nodes| nodes.dedicated),
                spot: most(|nodes| nodes.spot),
            },
            watched: tried + (change.blue_green.pause + judged) * steps,
        }
    }
}
