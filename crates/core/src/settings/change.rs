//! How a pool that is there gets another image: by which strategy, what happens to its jobs, and how the image is tried
//! first.
//!
//! Nothing here looks at a pool.

use std::time::Duration;

use super::{Gates, Judging, Share, word::words_of};
use crate::ids::PoolId;

/// How a pool that is there is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// By which strategy.
    pub strategy: Strategy,
    /// What happens to the tasks that run on it.
    pub running_tasks: RunningTasks,
    /// How the image is tried before the pool grows.
    pub canary: Canary,
    /// What happens when the new image turns out bad.
    pub on_failure: OnBad,
    /// How its work moves to another pool.
    pub blue_green: BlueGreen,
    /// How the new nodes are judged by their tasks.
    pub judging: Judging,
    /// What a run that is asked to stop still does.
    pub on_cancel: OnCancel,
    /// What is asked outside before the roll-out goes on.
    pub gates: Gates,
}

/// How the work of a pool moves to another one with the new image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlueGreen {
    /// The other pool's id; of the pool's id and the version when absent.
    pub new_pool: Option<PoolId>,
    /// How many nodes both pools may have together beyond the larger of the two; as many as the quotas hold when absent.
    pub max_surge: Option<Share>,
    /// How long the new nodes are watched after each step.
    pub pause: Duration,
    /// How long the former pool is kept without nodes.
    pub keep_old: Duration,
}

/// How long a former pool is kept when nothing is said: a week of work and its weekend. A pool without nodes costs
/// nothing.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How a pool gets what Batch changes only while it has no nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Not at all: such a pool is refused.
    #[default]
    CreateOnly,
    /// The pool is emptied, changed and filled again.
    InPlace,
    /// Another pool is made, and the work moves there.
    BlueGreen,
    /// Blue-green where that is possible, else in place where that is.
    Auto,
}

/// What happens to the tasks that run on a pool which is emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunningTasks {
    /// They run to their end; then the pool is emptied.
    #[default]
    Wait,
    /// They run to their end, and each node goes once it has none.
    TaskCompletion,
    /// They end and start again later.
    Requeue,
    /// They end and count as failed.
    Terminate,
}

/// How an image is tried on a few nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canary {
    /// On how many; 1 when there is a command and nothing is said.
    pub nodes: Option<Share>,
    /// A command that must succeed on each of them.
    pub command: Option<String>,
    /// How long they must stay ready afterwards.
    pub bake: Duration,
}

/// What happens when the new image turns out bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// The pool gets its former image, size and jobs.
    #[default]
    Return,
    /// It stays as it is, for a look at the nodes.
    Keep,
}

/// What a run that is asked to stop still does in Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCancel {
    /// Nothing: what was asked of Azure goes on.
    #[default]
    Leave,
    /// It stops the resize of a pool that grows.
    StopResize,
    /// It writes that the change goes back, and stops the growth.
    Return,
}

impl Canary {
    /// How many of so many nodes try the image first; 0 when none does. Of a pool with nodes at least one, and never
    /// all of them without a command or a time to look.
    #[must_use]
    pub fn of(&self, nodes: u32) -> u32 {
        match self.nodes {
            Some(Share::Nodes(0)) => 0,
            Some(share) => share.of(nodes).max(1).min(nodes),
            None if self.command.is_some() || !self.bake.is_zero() => nodes.min(1),
            None => 0,
        }
    }
}

impl Default for BlueGreen {
    fn default() -> Self {
        Self {
            new_pool: None,
            max_surge: None,
            pause: Duration::ZERO,
            keep_old: KEPT,
        }
    }
}

words_of!(Strategy, "create-only, in-place, blue-green or auto":
    "create-only" => CreateOnly, "in-place" => InPlace, "blue-green" => BlueGreen, "auto" => Auto);
words_of!(RunningTasks, "wait, taskcompletion, requeue or terminate":
    "wait" => Wait, "taskcompletion" => TaskCompletion, "requeue" => Requeue, "terminate" => Terminate);
words_of!(OnCancel, "leave, stop-resize or return": "leave" => Leave, "stop-resize" => StopResize, "return" => Return);
words_of!(OnBad, "return or keep": "return" => Return, "keep" => Keep);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_some_of_the_nodes_and_at_least_one() {
        let of = |nodes: Option<Share>, command: bool| {
            let canary = Canary {
                nodes,
                command: command.then(|| "true".to_owned()),
                bake: Duration::ZERO,
            };
            [0, 1, 10, 700].map(|nodes| canary.of(nodes))
        };
        assert_eq!(of(None, false), [0, 0, 0, 0]);
        assert_eq!(of(None, true), [0, 1, 1, 1]);
        assert_eq!(of(Some(Share::Percent(1)), false), [0, 1, 1, 7]);
        assert_eq!(of(Some(Share::Nodes(2)), false), [0, 1, 2, 2]);
        assert_eq!(of(Some(Share::Nodes(0)), true), [0, 0, 0, 0]);
    }

    #[test]
    fn words_that_are_not_known_are_refused_with_those_that_are() {
        assert_eq!("in-place".parse(), Ok(Strategy::InPlace));
        let error = "inplace".parse::<Strategy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"inplace\" is not known; write create-only, in-place, blue-green or auto"
        );
    }
}
