//! Tasks: one command on one node, as far as canary commands need it.
//!
//! Nothing is run. A task takes the time of `pace` and ends with exit code 0, or with N when its command line
//! contains `exit N`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::ids::{JobId, NodeId, PoolId, TaskId};
use super::job::{Job, JobState};
use super::node::{Node, Run, TaskRun};
use super::pace::Pace;
use super::wire::{Version, timestamp};
use crate::timing::Timing;

/// .NET's longest time span, which the service shows for "no limit".
pub(crate) const FOREVER: &str = "P10675199DT2H48M5.4775807S";

/// The settings that tasks keep, in the order in which they are shown.
pub(crate) const SETTINGS: &[&str] = &[
    "displayName",
    "commandLine",
    "containerSettings",
    "exitConditions",
    "resourceFiles",
    "outputFiles",
    "environmentSettings",
    "affinityInfo",
    "userIdentity",
    "constraints",
    "requiredSlots",
    "multiInstanceSettings",
    "dependsOn",
    "applicationPackageReferences",
];

/// A task's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Active,
    Running,
    Completed,
}

/// Where and when a task runs.
#[derive(Clone, Debug)]
struct Assignment {
    pool: PoolId,
    node: NodeId,
    run: Run,
}

/// One task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) version: Version,
    pub(crate) created: Timestamp,
    pub(crate) settings: Map<String, Value>,
    assignment: Option<Assignment>,
    /// Since when it has been in the queue: its creation, or the last time it was put back.
    queued: Timestamp,
    requeues: u32,
    terminated: Option<Timestamp>,
}

impl TaskState {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Running => "running",
            Self::Completed => "completed",
        }
    }
}

impl Task {
    /// A task that waits for a node.
    pub(crate) fn new(id: TaskId, version: Version, mut settings: Map<String, Value>) -> Self {
        let identity = json!({"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}});
        settings.entry("userIdentity").or_insert(identity);
        settings.entry("requiredSlots").or_insert(json!(1));
        let constraints = settings.entry("constraints").or_insert_with(|| json!({}));
        if let Value::Object(constraints) = constraints {
            constraints.entry("maxWallClockTime").or_insert(json!(FOREVER));
            constraints.entry("retentionTime").or_insert(json!("P7D"));
            constraints.entry("maxTaskRetryCount").or_insert(json!(0));
        }
        let created = version.modified;
        Self {
            id,
            version,
            created,
            settings,
            assignment: None,
            queued: created,
            requeues: 0,
            terminated: None,
        }
    }

    /// The state at `now`.
    pub(crate) fn state(&self, now: Timestamp) -> TaskState {
        if self.terminated.is_some_and(|at| at <= now) {
            return TaskState::Completed;
        }
        match self.assignment.as_ref().map(|assignment| &assignment.run) {
            Some(run) if run.end <= now => TaskState::Completed,
            Some(run) if run.start <= now => TaskState::Running,
            _ => TaskState::Active,
        }
    }

    /// Whether it succeeded, once it has ended.
    pub(crate) fn outcome(&self, now: Timestamp) -> Option<bool> {
        if self.state(now) != TaskState::Completed {
            return None;
        }
        let succeeded = self
            .assignment
            .as_ref()
            .is_some_and(|assignment| assignment.run.exit_code == 0);
        Some(succeeded && self.terminated.is_none())
    }

    /// When it ended, or will end if nothing happens.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        self.terminated
            .or_else(|| self.assignment.as_ref().map(|assignment| assignment.run.end))
    }

    /// Puts it back into the queue.
    pub(crate) fn requeue(&mut self, now: Timestamp) {
        self.assignment = None;
        self.queued = now;
        self.requeues += 1;
    }

    /// Ends it by force.
    pub(crate) fn terminate(&mut self, now: Timestamp) {
        self.terminated = Some(now);
    }

    /// The command line.
    pub(crate) fn command(&self) -> &str {
        self.settings
            .get("commandLine")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The execution, once it has begun.
    pub(crate) fn run(&self, now: Timestamp) -> Option<&Run> {
        self.assignment
            .as_ref()
            .map(|assignment| &assignment.run)
            .filter(|run| run.start <= now)
    }

    fn waits(&self) -> bool {
        self.assignment.is_none() && self.terminated.is_none()
    }

    /// As the data plane shows it.
    pub(crate) fn render(&self, base: &str, job: &JobId, now: Timestamp) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        let state = self.state(now);
        put("id", json!(self.id.as_str()));
        put("url", json!(self.url(base, job)));
        put("eTag", json!(self.version.etag));
        put("creationTime", json!(timestamp(self.created)));
        put("lastModified", json!(timestamp(self.version.modified)));
        put("state", json!(state.word()));
        put("stateTransitionTime", json!(timestamp(self.since(state))));
        if let Some((before, since)) = self.before(state) {
            put("previousState", json!(before.word()));
            put("previousStateTransitionTime", json!(timestamp(since)));
        }
        for name in SETTINGS {
            if let Some(value) = self.settings.get(*name) {
                put(name, value.clone());
            }
        }
        put("executionInfo", self.execution(now));
        if let Some(assignment) = self
            .assignment
            .as_ref()
            .filter(|assignment| assignment.run.start <= now)
        {
            put("nodeInfo", assignment.render(base, job, &self.id));
        }
        Value::Object(body)
    }

    /// The task's address.
    pub(crate) fn url(&self, base: &str, job: &JobId) -> String {
        format!("{base}/jobs/{job}/tasks/{}", self.id)
    }

    fn since(&self, state: TaskState) -> Timestamp {
        let run = self.assignment.as_ref().map(|assignment| &assignment.run);
        let since = match state {
            TaskState::Active => Some(self.queued),
            TaskState::Running => run.map(|run| run.start),
            TaskState::Completed => self.end(),
        };
        since.unwrap_or(self.created)
    }

    fn before(&self, state: TaskState) -> Option<(TaskState, Timestamp)> {
        let start = self.assignment.as_ref().map(|assignment| assignment.run.start);
        match (state, start) {
            (TaskState::Active, _) => None,
            (TaskState::Completed, Some(start)) => Some((TaskState::Running, start)),
            (TaskState::Running | TaskState::Completed, _) => Some((TaskState::Active, self.created)),
        }
    }

    fn execution(&self, now: Timestamp) -> Value {
        let mut body = match (self.run(now), self.terminated) {
            (Some(run), None) => run.render(now),
            (_, Some(at)) => Map::from_iter([
                ("endTime".to_owned(), json!(timestamp(at))),
                (
                    "failureInfo".to_owned(),
                    json!({"category": "usererror", "code": "TaskEnded",
                    "message": "Task Was Ended by User Request"}),
                ),
                ("result".to_owned(), json!("failure")),
            ]),
            (None, None) => Map::new(),
        };
        body.insert("retryCount".to_owned(), json!(0));
        body.insert("requeueCount".to_owned(), json!(self.requeues));
        Value::Object(body)
    }
}

impl Assignment {
    fn render(&self, base: &str, job: &JobId, task: &TaskId) -> Value {
        let node_url = format!("{base}/pools/{}/nodes/{}", self.pool, self.node);
        let directory = format!("workitems/{job}/job-1/{task}");
        json!({
            "affinityId": format!("TVM:{}", self.node), "nodeUrl": node_url, "poolId": self.pool.as_str(),
            "nodeId": self.node.as_str(), "taskRootDirectory": directory,
            "taskRootDirectoryUrl": format!("{node_url}/files/{directory}")
        })
    }
}

/// The exit code that a command line asks for: N of the first `exit N`, else 0.
pub(crate) fn exit_code(command: &str) -> i32 {
    let mut words = command
        .split(|mark: char| !mark.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .find(|word| *word == "exit")
        .and_then(|_| words.next())
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

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

fn assign_all(job: &mut Job, pools: &mut [super::pool::Pool], now: Timestamp, pace: &Pace, timing: &Timing) {
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
    for task in job.tasks.iter_mut().filter(|task| task.waits()) {
        let affinity = crate::json::text(task.settings.get("affinityInfo").unwrap_or(&Value::Null), "/affinityId");
        let nodes = pool
            .nodes
            .iter_mut()
            .filter(|node| affinity.is_none_or(|wanted| wanted == node.affinity()));
        let free = nodes
            .filter_map(|node| Some((free_from(node, slots)?, node)))
            .min_by_key(|(at, _)| *at);
        let Some((free, node)) = free else { continue };
        let start = free.max(active).max(task.queued) + delay;
        if start > now {
            continue;
        }
        let run = Run {
            start,
            end: start + task_time(task, pace, timing),
            exit_code: exit_code(task.command()),
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
    ends.sort_unstable_by(|left, right| right.cmp(left));
    Some(
        ends.get(slots.saturating_sub(1))
            .copied()
            .map_or(ready, |end| end.max(ready)),
    )
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

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn a_command_line_says_how_it_ends() {
        for (command, code) in [
            ("/bin/bash -c 'exit 3'", 3),
            ("cmd /c exit 12", 12),
            ("/bin/true", 0),
            ("exit", 0),
            ("sh -c \"echo exitus; exit 4 || true\"", 4),
        ] {
            assert_eq!(exit_code(command), code, "{command}");
        }
    }
}
