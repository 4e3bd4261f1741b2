//! The tasks themselves, asked for only when the counts of the nodes look bad: which job, and with which exit code.
//!
//! What the counts say is in `ledger`, what follows in `judgement`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    exact::{Pair, Tasks},
    ledger::Side,
};
use crate::{
    batch::work::{self, TaskEnding},
    client::Client,
    error::Result,
    ids::{BatchEndpoint, PoolId},
};

/// The right to read jobs and their tasks.
pub(super) const READ_JOBS: &str = "Microsoft.Batch/batchAccounts/jobs/read";

/// How many jobs a sentence names.
const SHOWN: usize = 3;

/// What follows for a judgement from jobs without a common name, and what to do.
const ALIKE: &str = ", so tasks cannot be compared job by job: if more of them fail on the new nodes, the judgement stays \
                     inconclusive. Give jobs of the same work names that differ only in a number or a date, such as \
                     render-1 and render-2";

/// The tasks of one job on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobTasks {
    /// The job.
    pub job: String,
    /// Its tasks that ended while it was watched.
    #[serde(flatten)]
    pub tasks: Pair,
}

/// One way in which tasks failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// The exit code, when the task ran at all.
    pub exit_code: Option<i64>,
    /// What Batch calls it.
    pub failure: Option<String>,
    /// How many on the nodes that were there.
    pub old: u64,
    /// How many on those that are judged.
    pub new: u64,
}

/// What the tasks say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// By job.
    pub jobs: Vec<JobTasks>,
    /// By the way they failed, what is most frequent on the judged nodes first.
    pub endings: Vec<Ending>,
}

impl Evidence {
    /// What is compared: each job that ran on both sides with itself, and of the others those with the same name but
    /// for its numbers. A job has one pool, so two pools mostly run different jobs of the same work.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        let (mut pairs, mut families) = (Vec::new(), BTreeMap::<&str, Vec<Pair>>::new());
        for job in &self.jobs {
            if job.tasks.old.ended > 0 && job.tasks.new.ended > 0 {
                pairs.push(job.tasks);
            } else {
                families.entry(family(&job.job)).or_default().push(job.tasks);
            }
        }
        pairs.extend(families.values().map(|family| Pair::sum(family)));
        pairs
    }
}

/// Reads the tasks that ended since then.
pub(super) async fn read(
    client: &Client,
    (endpoint, pools): (&BatchEndpoint, &[&PoolId]),
    since: Timestamp,
    side_of: impl Fn(&TaskEnding) -> Option<Side>,
) -> Result<Evidence> {
    let mut jobs = BTreeSet::new();
    for pool in pools {
        jobs.extend(jobs_of(client, endpoint, pool, || since).await?);
    }
    let mut endings = Vec::new();
    for job in jobs {
        let items = client.list(&work::ended_since(endpoint, &job, since)).await?;
        let ended = items.iter().filter_map(TaskEnding::read);
        // The filter goes by the state, which a task that was reactivated may have changed twice.
        let ended = ended.filter(|it| it.at.is_none_or(|at| at >= since));
        endings.push((job, ended.collect()));
    }
    Ok(sorted(endings, side_of))
}

/// The jobs of a pool that were not over before then. The time is asked for after the list, which shows the service's.
pub(super) async fn jobs_of(
    client: &Client,
    endpoint: &BatchEndpoint,
    pool: &PoolId,
    since: impl FnOnce() -> Timestamp,
) -> Result<BTreeSet<String>> {
    let items = client.list(&work::jobs(endpoint, pool)).await?;
    let since = since();
    let alive = items.iter().filter_map(|item| work::job_alive_after(item, since));
    Ok(alive.map(str::to_owned).collect())
}

/// Why the jobs of two sides cannot be compared: none has the name of one of the other side but for its numbers. Nothing
/// when one has, or while a side has none.
pub(super) fn unlike<'j>(old: &'j BTreeSet<String>, new: &'j BTreeSet<String>) -> Option<String> {
    let of_old: BTreeSet<&str> = old.iter().map(|job| family(job)).collect();
    let is_alike = new.iter().any(|job| of_old.contains(family(job)));
    let is_known = !old.is_empty() && !new.is_empty();
    let (old, new) = (some(old), some(new));
    (is_known && !is_alike)
        .then(|| format!("no job on the new nodes ({new}) has the name of one on the others ({old}){ALIKE}"))
}

/// What follows when jobs may not be read.
pub(super) fn unread() -> String {
    format!(
        "not checked: the jobs of both pools, since this identity lacks {READ_JOBS}. The counts of the nodes can still say \
         that tasks do not fail more often. If more of them fail on the new nodes, the judgement stays inconclusive, since \
         tasks cannot be compared job by job"
    )
}

/// Why jobs of one pool cannot be compared once they are split between two; nothing when two of them can, or when there is
/// only one, which is not split.
pub(crate) fn unlike_each_other(jobs: &BTreeSet<String>) -> Option<String> {
    let families: BTreeSet<&str> = jobs.iter().map(|job| family(job)).collect();
    let is_unlike = jobs.len() > 1 && families.len() == jobs.len();
    is_unlike.then(|| format!("no two jobs of the pool ({}) have a name in common{ALIKE}", some(jobs)))
}

/// The first of these names.
fn some(jobs: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = jobs.iter().take(SHOWN).map(String::as_str).collect();
    match jobs.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The name of a job without the number, date or time that tells it from its siblings: `nightly` of `nightly-2026-11-29`.
fn family(job: &str) -> &str {
    let name = job
        .split(|letter: char| letter.is_ascii_digit() || letter == ':')
        .next()
        .unwrap_or(job);
    let name = name.trim_end_matches(['-', '_', '.']);
    if name.is_empty() { job } else { name }
}

/// Sorts the endings of all jobs by side. Those of nodes that belong to neither, and those that were stopped, say nothing.
fn sorted(jobs: Vec<(String, Vec<TaskEnding>)>, side_of: impl Fn(&TaskEnding) -> Option<Side>) -> Evidence {
    let mut evidence = Evidence::default();
    let mut ways: BTreeMap<(Option<i64>, Option<String>), (u64, u64)> = BTreeMap::new();
    for (job, endings) in jobs {
        let mut tasks = Pair::default();
        for ending in endings.into_iter().filter(|ending| !ending.was_stopped()) {
            let Some(side) = side_of(&ending) else {
                continue;
            };
            let failed = u64::from(!ending.is_success());
            let one = Tasks { ended: 1, failed };
            let way = ways.entry((ending.exit_code, ending.failure)).or_default();
            match side {
                Side::Old => (tasks.old, way.0) = (tasks.old.and(one), way.0 + failed),
                Side::New => (tasks.new, way.1) = (tasks.new.and(one), way.1 + failed),
            }
        }
        if tasks != Pair::default() {
            evidence.jobs.push(JobTasks { job, tasks });
        }
    }
    let failed = ways.into_iter().filter(|(_, (old, new))| old + new > 0);
    evidence.endings = failed
        .map(|((exit_code, failure), (old, new))| Ending {
            exit_code,
            failure,
            old,
            new,
        })
        .collect();
    evidence.endings.sort_by_key(|ending| std::cmp::Reverse(ending.new));
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_two_pools_are_compared_by_their_names_without_numbers() {
        let job = |job: &str, old: u64, new: u64| JobTasks {
            job: job.to_owned(),
            tasks: Pair {
                old: Tasks { ended: old, failed: 0 },
                new: Tasks { ended: new, failed: 1 },
            },
        };
        let jobs = vec![
            job("moved-1", 5, 6),
            job("nightly-2026-11-28", 10, 0),
            job("nightly-2026-11-29", 0, 20),
            job("hourly:job-7", 1, 0),
            job("hourly:job-8", 0, 2),
            job("42", 0, 3),
        ];
        let evidence = Evidence {
            jobs,
            endings: Vec::new(),
        };
        let ended: Vec<_> = evidence
            .pairs()
            .iter()
            .map(|pair| (pair.old.ended, pair.new.ended))
            .collect();
        assert_eq!(ended, [(5, 6), (0, 3), (1, 2), (10, 20)]);
    }

    #[test]
    fn jobs_without_a_common_name_are_said_to_be_incomparable() {
        let jobs = |names: &str| {
            names
                .split_whitespace()
                .map(str::to_owned)
                .collect::<BTreeSet<String>>()
        };
        let text = unlike(&jobs("render-1"), &jobs("encode-1 encode-2 mix pack")).unwrap();
        assert!(
            text.starts_with("no job on the new nodes (encode-1, encode-2, mix and 1 more) has the name of one on the others (render-1), so"),
            "{text}"
        );
        for (old, new) in [
            ("render-1", "render-2 mix"),
            ("", "render-1"),
            ("render-1", ""),
            ("a b", "b"),
        ] {
            assert_eq!(unlike(&jobs(old), &jobs(new)), None, "{old} | {new}");
        }
        for (names, is_unlike) in [("a b c", true), ("a-1 a-2 b", false), ("a", false), ("", false)] {
            assert_eq!(unlike_each_other(&jobs(names)).is_some(), is_unlike, "{names}");
        }
    }

    #[test]
    fn tasks_are_counted_by_job_and_by_how_they_failed() {
        let task = |node: &str, exit_code, failure: Option<&str>| TaskEnding {
            pool: "p".to_owned(),
            node: node.to_owned(),
            at: None,
            exit_code: Some(exit_code),
            failure: failure.map(str::to_owned),
        };
        let failed = |node: &str, code| task(node, code, Some("FailureExitCode"));
        let jobs = vec![
            (
                "render".to_owned(),
                vec![
                    task("old", 0, None),
                    failed("new", 137),
                    failed("new", 137),
                    failed("old", 1),
                ],
            ),
            (
                "idle".to_owned(),
                vec![task("new", 1, Some("TaskEnded")), failed("unknown", 1)],
            ),
        ];
        let sides = |ending: &TaskEnding| match ending.node.as_str() {
            "old" => Some(Side::Old),
            "new" => Some(Side::New),
            _ => None,
        };
        let evidence = sorted(jobs, sides);
        let tasks = |ended, failed| Tasks { ended, failed };
        assert_eq!(
            evidence.jobs,
            [JobTasks {
                job: "render".to_owned(),
                tasks: Pair {
                    old: tasks(2, 1),
                    new: tasks(2, 2)
                }
            }]
        );
        let ways: Vec<_> = evidence
            .endings
            .iter()
            .map(|it| (it.exit_code, it.old, it.new))
            .collect();
        assert_eq!(ways, [(Some(137), 0, 2), (Some(1), 1, 0)]);
    }
}
