//! What each strategy costs a pool that is there and needs an empty pool or a second one: nodes, cores, minutes without
//! capacity, quota. As lines of a plan and of a refusal. Pure.
//!
//! What is read for it is in `weighing`. How long nodes take to go and to come is not known beforehand, so minutes are
//! rough, and are called so.

use std::time::Duration;

use super::{
    counted::counted,
    decide::{OTHER_SETTINGS, Refusal},
    explain::{At, refused},
};
use crate::{
    error::Error,
    ids::NodeCounts,
    plan::{About, Fact},
    words::{Words, plural},
};

/// How long it takes until nodes without tasks are gone and as many new ones have started: a guess, of the order of what
/// nodes on gallery images were seen to need.
const AWAY: Duration = Duration::from_secs(15 * 60);

/// What is done about a pool that keeps what it has when in-place cannot help either.
const ELSEWHERE: &str = "roll out to a new {pool_id}";
const OR_HERE: &str = "give what the pool has, or roll out to a new {pool_id}";
const OR_SECOND: &str =
    "or run again with {strategy=blue-green}, which makes a second pool and moves nodes and jobs there";

/// The two strategies that bring a pool what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ways {
    /// The pool that is emptied, changed and filled.
    pub(super) in_place: Way,
    /// The second pool.
    pub(super) blue_green: Way,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It can be gone, and costs this.
    Possible(String),
    /// It cannot, for this reason, in which `{path}` names an option.
    Impossible(String),
}

/// What a change in place is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Emptying {
    /// The nodes of the pool.
    pub(super) now: NodeCounts,
    /// Those that it gets.
    pub(super) then: NodeCounts,
    /// The cores of each, if they are known.
    pub(super) cores: Option<u32>,
    /// How long the task runs by now that has run longest; nothing when that is not known.
    pub(super) longest: Option<Longest>,
}

/// The longest of the tasks that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Longest {
    /// None runs.
    None,
    /// It runs for so long.
    Runs(Duration),
}

/// What a second pool is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moving {
    /// The most nodes beyond the larger of the two pools.
    pub(super) more: NodeCounts,
    /// The steps.
    pub(super) steps: usize,
    /// The cores of a node, if they are known.
    pub(super) cores: Option<u32>,
    /// Whether the quotas were seen.
    pub(super) quotas: Quotas,
}

/// Whether the quotas were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotas {
    Seen,
    Unseen,
}

impl Ways {
    /// The lines of a plan: one for each strategy.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let fact = |text: String| Fact::plain(About::Strategy, text);
        vec![
            fact("create-only is not possible: it changes no pool that is there".to_owned()),
            fact(Words::naming(&self.in_place.line("in-place")).to_string()),
            fact(Words::naming(&self.blue_green.line("blue-green")).to_string()),
        ]
    }

    /// The refusal of a pool that keeps what it has, with the strategies that do not refuse it.
    pub(super) fn refused(&self, at: At<'_>, refusal: Refusal) -> Error {
        let same = |why: &String| *why == format!("pool {} {}", at.pool, refusal.why);
        let remedy = match (&self.in_place, refusal.remedy) {
            // What keeps the pool as it is would keep it in place too, and the remedy is about that.
            (Way::Impossible(why), remedy) if same(why) => remedy,
            (Way::Possible(_), remedy) => remedy,
            (Way::Impossible(_), OTHER_SETTINGS) => OR_HERE,
            (Way::Impossible(_), _) => ELSEWHERE,
        };
        let error = [("in-place", &self.in_place), ("blue-green", &self.blue_green)]
            .into_iter()
            .filter(|(_, way)| !matches!(way, Way::Impossible(why) if same(why)))
            .fold(
                refused(
                    at,
                    Refusal {
                        remedy,
                        why: refusal.why.clone(),
                    },
                ),
                |error, (strategy, way)| error.with_fact(Words::naming(&way.line(strategy))),
            );
        match self.blue_green {
            Way::Possible(_) => error.with_next(Words::naming(OR_SECOND), None),
            Way::Impossible(_) => error,
        }
    }
}

impl Way {
    fn line(&self, strategy: &str) -> String {
        match self {
            Self::Possible(cost) => format!("{strategy}: {cost}"),
            Self::Impossible(why) => format!("{strategy} is not possible: {why}"),
        }
    }
}

impl Emptying {
    /// In words.
    pub(super) fn cost(&self) -> String {
        let more = NodeCounts {
            dedicated: self.then.dedicated.saturating_sub(self.now.dedicated),
            spot: self.then.spot.saturating_sub(self.now.spot),
        };
        let more = match more.total() {
            0 => "no more nodes, cores or quota than now".to_owned(),
            _ => format!("{} more than now", with_cores(more, self.cores)),
        };
        if self.now.total() == 0 {
            return format!("{more}; it has no nodes that could be missed");
        }
        let (nodes, minutes) = (with_cores(self.now, self.cores), AWAY.as_secs() / 60);
        let away = format!("{nodes} away for about {minutes} minutes (a rough figure)");
        match self.longest {
            Some(Longest::None) => format!("{more}; {away}"),
            Some(Longest::Runs(long)) => {
                let minutes = plural(long.as_secs().div_ceil(60), "minute");
                format!("{more}; {away} once their tasks have ended, the longest of which runs for {minutes} by now")
            }
            None => format!("{more}; {away} once their tasks have ended"),
        }
    }
}

impl Moving {
    /// In words.
    pub(super) fn cost(&self) -> String {
        let more = match self.more.total() {
            0 => "no more nodes, cores or quota than now".to_owned(),
            _ => {
                let hold = match self.quotas {
                    Quotas::Seen => "which the quotas hold",
                    Quotas::Unseen => "if the quotas hold them, which cannot be seen",
                };
                format!("at most {} more for a while, {hold}", with_cores(self.more, self.cores))
            }
        };
        let steps = plural(self.steps, "step");
        format!("{more}; in {steps}; 0 minutes without nodes")
    }
}

fn with_cores(nodes: NodeCounts, cores: Option<u32>) -> String {
    let cores = cores.map(|cores| format!(" ({} cores)", nodes.total().saturating_mul(cores)));
    format!("{}{}", counted(nodes), cores.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(dedicated: u32) -> NodeCounts {
        NodeCounts { dedicated, spot: 0 }
    }

    #[test]
    fn a_change_in_place_says_nodes_cores_minutes_and_the_longest_task() {
        let of = |now, then, cores, longest| {
            let (now, then) = (nodes(now), nodes(then));
            Emptying {
                now,
                then,
                cores,
                longest,
            }
            .cost()
        };
        insta::assert_snapshot!(of(5, 5, Some(4), Some(Longest::Runs(Duration::from_secs(700)))), @"no more nodes, cores or quota than now; 5 nodes (20 cores) away for about 15 minutes (a rough figure) once their tasks have ended, the longest of which runs for 12 minutes by now");
        insta::assert_snapshot!(of(5, 7, Some(4), Some(Longest::None)), @"2 nodes (8 cores) more than now; 5 nodes (20 cores) away for about 15 minutes (a rough figure)");
        insta::assert_snapshot!(of(1, 1, None, None), @"no more nodes, cores or quota than now; 1 node away for about 15 minutes (a rough figure) once their tasks have ended");
        insta::assert_snapshot!(of(0, 1, Some(4), None), @"1 node (4 cores) more than now; it has no nodes that could be missed");
    }

    #[test]
    fn a_second_pool_says_what_it_takes_meanwhile() {
        let of = |more, steps, quotas| {
            let (more, cores) = (nodes(more), Some(4));
            Moving {
                more,
                steps,
                cores,
                quotas,
            }
            .cost()
        };
        insta::assert_snapshot!(of(1, 5, Quotas::Seen), @"at most 1 node (4 cores) more for a while, which the quotas hold; in 5 steps; 0 minutes without nodes");
        insta::assert_snapshot!(of(5, 1, Quotas::Unseen), @"at most 5 nodes (20 cores) more for a while, if the quotas hold them, which cannot be seen; in 1 step; 0 minutes without nodes");
        insta::assert_snapshot!(of(0, 1, Quotas::Seen), @"no more nodes, cores or quota than now; in 1 step; 0 minutes without nodes");
    }
}
