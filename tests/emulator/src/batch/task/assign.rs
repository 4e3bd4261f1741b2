//! Which node runs a task and when: decided for all of an account's tasks at once, up to a moment.
//!
//! What a task is and how it is shown is in `task`.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Assignment, Task, TaskState, exit_code};
use crate::batch::account::Account;
use crate::batch::job::{Job, JobState};
use crate::batch::node::{Node, Run, TaskRun};
use crate::batch::pace::Pace;
use crate::timing::Timing;

/// Brings an account's tasks up to `now`: those that could have begun have, and jobs that end with their tasks end.
///
/// However far apart the calls are, it makes the same history as long as nothing but time passes between them.
pub(crate) fn settle(account: &mut Account, now: Timestamp, pace: &Pace, timing: &Timing) {
    let Account { jobs, pools, .. } = account;
    for job in jobs.iter_mut().filter(|job| !job.is_gone(now)) {
        assign_all(job, pools, now, pace, timing);
        complete(job, now, pace, timing);
    }
}

fn assign_all(job: &mut Job, pools: &mut [crate::batch::pool::Pool], now: Timestamp, pace: &Pace, timing: &Timing) {
    let active = job
        .life
        .latest(JobState::Active, now)
        .filter(|_| job.life.at(now) == JobState::Active);
    let (Some(active), Some(pool)) = (active, job.pool()) else {
        return;
    };
    let Some(pool) = pools
        .iter_mut()
        .find(|known| known.id == pool && known.deletion.is_none())
    else {
        return;
    };
    let slots = pool.slots();
    let delay = timing.scaled(pace.task_start);
    let mut is_full = false;
    for task in job.tasks.iter_mut().filter(|task| task.waits()) {
        let affinity = crate::json::text(task.settings.get("affinityInfo").unwrap_or(&Value::Null), "/affinityId");
        if is_full && affinity.is_none() {
            continue;
        }
        let nodes = pool
            .nodes
            .iter_mut()
            .filter(|node| affinity.is_none_or(|wanted| wanted == node.affinity()));
        let free = nodes
            .filter_map(|node| Some((free_from(node, slots)?, node)))
            .min_by_key(|(at, _)| *at);
        let Some((free, node)) = free else { continue };
        // A task without a wish of its own would have had this node too, so none after it has a better one.
        is_full |= affinity.is_none() && free.max(active) + delay > now;
        let start = free.max(active).max(task.queued) + delay;
        if start > now {
            continue;
        }
        let run = Run {
            start,
            end: start + task_time(task, pace, timing),
            exit_code: match node.misfortune.and_then(|it| it.of(&job.id, &task.id, &node.id)) {
                Some(code) => code,
                None => exit_code(task.command()),
            },
        };
        node.runs.push(TaskRun {
            job: job.id.clone(),
            task: task.id.clone(),
            run: run.clone(),
        });
        task.assignment = Some(Assignment {
            pool: pool.id.clone(),
            node: node.id.clone(),
            run,
        });
    }
}

/// A command that sleeps takes that long.
fn task_time(task: &Task, pace: &Pace, timing: &Timing) -> SignedDuration {
    let mut words = task
        .command()
        .split(|mark: char| !mark.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let sleep = words
        .find(|word| *word == "sleep")
        .and_then(|_| words.next())
        .and_then(|word| word.parse().ok());
    timing.scaled(pace.task + SignedDuration::from_secs(sleep.unwrap_or(0)))
}

/// From when on a node has a free slot.
fn free_from(node: &Node, slots: usize) -> Option<Timestamp> {
    let ready = node.ready_from()?;
    let mut ends: Vec<Timestamp> = node.runs.iter().map(|run| run.run.end).collect();
    let last = slots.saturating_sub(1);
    if ends.len() <= last {
        return Some(ready);
    }
    let (_, end, _) = ends.select_nth_unstable_by(last, |left, right| right.cmp(left));
    Some(ready.max(*end))
}

fn complete(job: &mut Job, now: Timestamp, pace: &Pace, timing: &Timing) {
    let asks = job.settings.get("onAllTasksComplete").and_then(Value::as_str);
    let asks = asks.is_some_and(|action| action.eq_ignore_ascii_case("terminatejob"));
    let ended = job.tasks.iter().all(|task| task.state(now) == TaskState::Completed);
    if !asks || !ended || job.life.at(now) != JobState::Active {
        return;
    }
    let Some(last) = job.tasks.iter().filter_map(Task::end).max() else {
        return;
    };
    // Setting the action after the last task has ended counts from the setting.
    let at = last.max(job.version.modified);
    job.terminate_reason = Some("AllTasksCompleted".to_owned());
    job.pass(
        at,
        JobState::Terminating,
        at + timing.scaled(pace.job_change),
        JobState::Completed,
    );
}
