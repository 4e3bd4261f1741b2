//! What a judgement says, in sentences and numbers. Pure.

use std::time::Duration;

use serde::Serialize;

use super::{
    Against, Before, By, Comparison, Ending, JobTasks, Nodes, Outcome, Pair, Tasks, Verdict, evidence::READ_JOBS,
    exact, ledger::Side,
};
use crate::{ids::PoolId, progress::Span};

/// The schema that reports have today.
const SCHEMA: u32 = 1;

/// New nodes are said to be slow from so many times the former ones' time on, which is more than times differ from one
/// allocation to the next. A guess.
const SLOW_FACTOR: u64 = 2;

/// And from so many seconds more on: what is short may double by itself.
const SLOW_SECONDS: u64 = 60;

/// Of so many nodes on each side the time must be known, so that one slow machine is none.
const SLOW_NODES: u64 = 3;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgementReport {
    /// The schema of this report.
    pub schema_version: u32,
    /// The pool that was judged.
    pub pool: PoolId,
    /// The pool that it was compared with; absent when nodes of one pool were.
    pub against: Option<PoolId>,
    /// Over which times.
    pub times: Times,
    /// What is said.
    pub outcome: Outcome,
    /// Why, as a sentence.
    pub why: String,
    /// How long both sides were watched, in seconds.
    pub seconds: u64,
    /// Tasks that ended meanwhile, as the nodes count them.
    pub tasks: Pair,
    /// By how much the rate of failures is higher on the judged nodes, from -1 to 1: job by job when jobs were looked at.
    pub increase: Option<f64>,
    /// The nodes that were there.
    pub old_nodes: Nodes,
    /// The nodes that are judged.
    pub new_nodes: Nodes,
    /// What is said of new nodes that take much longer to get idle; a warning, and no part of the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slower: Option<String>,
    /// The tasks by job; only when the counts looked bad.
    pub jobs: Vec<JobTasks>,
    /// The ways in which tasks failed; only when the counts looked bad.
    pub endings: Vec<Ending>,
}

/// Over which times both sides were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Over the same.
    Same,
    /// The new nodes after the others had worked.
    OneAfterTheOther,
}

/// The report of a verdict.
pub(super) fn report(comparison: &Comparison<'_>, verdict: Verdict, took: Duration) -> JudgementReport {
    let (pairs, ledger) = (comparison.pairs(), &comparison.ledger);
    let (tasks, ready) = (Pair::sum(&pairs), ledger.ready());
    let times = match comparison.against {
        Against::Before(_) => Times::OneAfterTheOther,
        Against::OwnNodes | Against::Pool(_) => Times::Same,
    };
    let why = why(&verdict, (tasks, ready), (times, comparison.rule.min_tasks));
    let Verdict { outcome, by, evidence } = verdict;
    let increase = match by {
        By::Jobs => exact::increase(&evidence.pairs()),
        By::Nodes | By::Counts | By::CountsAlone => exact::increase(&pairs),
    };
    let (old_nodes, new_nodes) = (ledger.nodes(Side::Old), ledger.nodes(Side::New));
    JudgementReport {
        schema_version: SCHEMA,
        pool: comparison.pool.clone(),
        against: match &comparison.against {
            Against::OwnNodes => None,
            Against::Pool(pool) | Against::Before(Before { pool, .. }) => Some(pool.clone()),
        },
        times,
        outcome,
        why,
        seconds: took.as_secs(),
        tasks,
        increase,
        slower: slower(&old_nodes, &new_nodes),
        old_nodes,
        new_nodes,
        jobs: evidence.jobs,
        endings: evidence.endings,
    }
}

/// What there is to say of new nodes that take much longer from allocation to idle.
fn slower(old: &Nodes, new: &Nodes) -> Option<String> {
    let (before, now) = (old.ready_after_seconds?, new.ready_after_seconds?);
    let is_known = old.timed.min(new.timed) >= SLOW_NODES;
    let is_slow = now >= before.saturating_mul(SLOW_FACTOR) && now - before >= SLOW_SECONDS;
    (is_known && is_slow).then(|| {
        format!(
            "new nodes take much longer to get idle: {} from their allocation, former ones {}",
            Span(now),
            Span(before)
        )
    })
}

/// One line of how far it is.
pub(super) fn progress(tasks: Pair) -> String {
    format!(
        "new nodes: {} tasks ended, {} failed; old nodes: {} ended, {} failed",
        tasks.new.ended, tasks.new.failed, tasks.old.ended, tasks.old.failed
    )
}

fn why(verdict: &Verdict, (tasks, ready): (Pair, Pair), (times, min_tasks): (Times, u64)) -> String {
    let compared = || {
        let when = match times {
            Times::Same => "",
            Times::OneAfterTheOther => " before, which is not the same time",
        };
        format!(
            "{} on the new nodes, {} on the old ones{when}",
            failing(tasks.new),
            failing(tasks.old)
        )
    };
    match (verdict.outcome, verdict.by) {
        (Outcome::Bad, By::Nodes) => format!(
            "{} of {} new nodes are unusable or their start task failed, and {} of {} old ones",
            ready.new.failed, ready.new.ended, ready.old.failed, ready.old.ended
        ),
        (Outcome::Bad, _) => format!("tasks fail more often: {}", compared()),
        (Outcome::Good, By::Jobs) => format!(
            "job by job tasks do not fail more often; of all together: {}",
            compared()
        ),
        (Outcome::Good, _) => format!("tasks do not fail more often: {}", compared()),
        (Outcome::Inconclusive, By::Jobs) => {
            format!("the jobs differ too much to compare: fewer than {min_tasks} tasks of jobs that ran on both sides")
        }
        (Outcome::Inconclusive, By::CountsAlone) => format!(
            "tasks fail more often ({}), but this may be another mix of jobs: to compare them job by job, this identity \
             needs {READ_JOBS}",
            compared()
        ),
        (Outcome::Inconclusive, _) => format!(
            "too few tasks ended: {} on the new nodes, {} on the old ones; {min_tasks} are needed on each side",
            tasks.new.ended, tasks.old.ended
        ),
    }
}

fn failing(tasks: Tasks) -> String {
    match tasks.rate() {
        Some(rate) => format!("{:.1} % of {} failed", rate * 100.0, tasks.ended),
        None => "none ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_nodes_are_slow_when_the_time_is_known_of_some_and_much_longer() {
        let nodes = |timed, seconds| Nodes {
            timed,
            ready_after_seconds: Some(seconds),
            ..Nodes::default()
        };
        let is_slow = |old, new| slower(&old, &new).is_some();
        assert!(is_slow(nodes(3, 90), nodes(3, 180)));
        for (old, new, why) in [
            (nodes(3, 90), nodes(3, 179), "not twice as long"),
            (nodes(3, 20), nodes(3, 79), "less than a minute more"),
            (nodes(2, 90), nodes(3, 900), "too few former ones"),
            (nodes(3, 90), nodes(2, 900), "too few new ones"),
            (Nodes::default(), nodes(3, 900), "nothing to compare with"),
        ] {
            assert!(!is_slow(old, new), "{why}");
        }
        assert_eq!(
            slower(&nodes(3, 90), &nodes(3, 900)).as_deref(),
            Some("new nodes take much longer to get idle: 15 min from their allocation, former ones 1 min 30 s")
        );
    }
}
