//! What is said of nodes whose start task failed: how it ended, where to read on, and how they get a correct one.
//!
//! Which nodes those are is found in `explain`.

use super::At;
use crate::{
    batch::node::{Node, StartTaskFailure},
    error::Error,
    one_line::{last_line, one_line},
    options::pool,
    settings::{Autoscale, Healing},
    typing::az,
    words,
    words::{Part as Piece, Words},
};

/// Why a new start task alone changes nothing.
const ONLY_ON_BOOT: &str = ": nodes that are there run another start task only when they boot again";

/// What the nodes are part of: what can be done about them follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Within {
    /// A pool of a fixed size that has its image. Its nodes can be healed.
    Pool,
    /// One whose size a formula decides. Its nodes are not healed.
    Formula,
    /// A change of the image, during which no node is healed, and with which no other start task goes on.
    Change,
}

/// Whether several ended in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alike {
    /// So many did.
    All(usize),
    No,
}

/// The nodes whose start task failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed<'a> {
    /// So many.
    pub(super) count: usize,
    /// The first one.
    pub(super) node: &'a Node,
    /// How it failed there.
    pub(super) failure: &'a StartTaskFailure,
    /// Whether all ended with the same code.
    pub(super) alike: Alike,
}

impl Within {
    /// A pool that has its image.
    pub(in crate::rollout) const fn pool(scale: Option<&Autoscale>) -> Self {
        match scale {
            Some(_) => Self::Formula,
            None => Self::Pool,
        }
    }
}

/// All that is said of them, in a pool of so many nodes; `output` is the end of what it wrote on the first one.
pub(super) fn told(at: At<'_>, error: Error, failed: Failed<'_>, (all, within, output): (u32, Within, &str)) -> Error {
    let Failed {
        count, node, failure, ..
    } = failed;
    let error = match ended(failed) {
        Some(ended) => error.with_fact(ended),
        None => error,
    };
    let error = match last_line(output) {
        Some(line) => error.with_fact(format!("the last line of its error output: {line}")),
        None => error,
    };
    let read = at.az_with(az::START_TASK_OUTPUT, &[("node", &one_line(&node.id))]);
    let text = "download all of its error output (its normal output is startup/stdout.txt)";
    let error = error.with_next(text, read);
    corrections(within, few(count, all))
        .into_iter()
        .fold(error, |error, next| error.with_next(next, None))
        .with_words_of_service(format!("Batch: {}", one_line(&failure.to_string())))
}

/// How many other nodes there are, when so few are ill that healing replaces them.
pub(super) fn few(count: usize, all: u32) -> Option<u32> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let is_few = count <= Healing::default().max_unhealthy.of(all);
    is_few.then(|| all.saturating_sub(count)).filter(|others| *others > 0)
}

fn ended(failed: Failed<'_>) -> Option<String> {
    let (code, node) = (failed.failure.exit_code?, one_line(&failed.node.id));
    Some(match failed.alike {
        Alike::All(count) => format!("on all {count} it ended with exit code {code}, first on {node}"),
        Alike::No => format!("on the first of them, {node}, it ended with exit code {code}"),
    })
}

/// How nodes get a start task that succeeds; `others` ran it well, where few failed.
fn corrections(within: Within, others: Option<u32>) -> Vec<Words> {
    let heal = || Piece::set(pool::HEAL_NODES, true);
    match (within, others) {
        (Within::Pool, Some(others)) => vec![
            words![
                format!("where it may pass by itself (the other {others} ran it well), run again with "),
                heal(),
                ", which reboots these nodes once and then replaces them"
            ],
            words![
                "or correct the start task and roll out with it to this pool, also with ",
                heal(),
                ", or to a new ",
                pool::POOL_ID,
                ONLY_ON_BOOT
            ],
        ],
        (Within::Pool, None) => vec![words![
            "then correct the start task and roll out with it to this pool with ",
            heal(),
            " and ",
            Piece::set(pool::MAX_UNHEALTHY, "100%"),
            ", which reboots these nodes, or to a new ",
            pool::POOL_ID,
            ONLY_ON_BOOT
        ]],
        (Within::Formula, _) => vec![words![
            "then correct the start task, roll out with it to this pool, and reboot or remove these nodes; or roll out to \
             a new ",
            pool::POOL_ID,
            ONLY_ON_BOOT
        ]],
        (Within::Change, _) => vec![Words::from(
            "then correct the start task, and run again with it once the pool is back to what it was",
        )],
    }
}
