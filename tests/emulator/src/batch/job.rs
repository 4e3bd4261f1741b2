//! Jobs: their states over time, the pool they run on, and what disabling or deleting does to their tasks.
//!
//! Tasks themselves are in `task`; the rules here are those that roll-outs meet.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::allocation::DeallocationOption;
use super::ids::{JobId, PoolId};
use super::node::TaskRun;
use super::refusal::{JOB_BEING_DELETED, JOB_BEING_TERMINATED, JOB_COMPLETED, OPERATION_INVALID_FOR_STATE, Refusal};
use super::task::Task;
use super::timeline::Timeline;
use super::wire::{Version, timestamp};

/// A job's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    Active,
    Disabling,
    Disabled,
    Enabling,
    Terminating,
    Completed,
    Deleting,
}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) version: Version,
    pub(crate) created: Timestamp,
    /// As the service keeps them, defaults filled in.
    pub(crate) settings: Map<String, Value>,
    pub(crate) life: Timeline<JobState>,
    pub(crate) terminate_reason: Option<String>,
    /// When it is gone, once it is being deleted.
    pub(crate) gone: Option<Timestamp>,
    pub(crate) tasks: Vec<Task>,
}

/// What happens to the tasks that run when a job is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DisableTasks {
    Requeue,
    Terminate,
    Wait,
}

/// The settings that jobs keep, in the order in which they are shown.
pub(crate) const SETTINGS: &[&str] = &[
    "displayName",
    "priority",
    "maxParallelTasks",
    "usesTaskDependencies",
    "allowTaskPreemption",
    "constraints",
    "jobManagerTask",
    "jobPreparationTask",
    "jobReleaseTask",
    "commonEnvironmentSettings",
    "poolInfo",
    "onAllTasksComplete",
    "onTaskFailure",
    "networkConfiguration",
    "metadata",
];

impl JobState {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabling => "disabling",
            Self::Disabled => "disabled",
            Self::Enabling => "enabling",
            Self::Terminating => "terminating",
            Self::Completed => "completed",
            Self::Deleting => "deleting",
        }
    }
}

impl DisableTasks {
    /// Reads the service's word in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "requeue" => Self::Requeue,
            "terminate" => Self::Terminate,
            "wait" => Self::Wait,
            _ => return None,
        })
    }
}

/// The defaults that were recorded, put where nothing stands.
pub(crate) fn fill_defaults(settings: &mut Map<String, Value>) {
    for (name, value) in [
        ("priority", json!(0)),
        ("maxParallelTasks", json!(-1)),
        ("usesTaskDependencies", json!(false)),
        ("allowTaskPreemption", json!(false)),
        ("onAllTasksComplete", json!("noaction")),
        ("onTaskFailure", json!("noaction")),
    ] {
        settings.entry(name).or_insert(value);
    }
    let constraints = settings.entry("constraints").or_insert_with(|| json!({}));
    if let Value::Object(constraints) = constraints {
        // .NET's longest time span stands for "no limit".
        constraints
            .entry("maxWallClockTime")
            .or_insert(json!(super::task::FOREVER));
        constraints.entry("maxTaskRetryCount").or_insert(json!(0));
    }
}

impl Job {
    /// Whether it is gone at `now`.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.gone.is_some_and(|gone| gone <= now)
    }

    /// The pool that it names.
    pub(crate) fn pool(&self) -> Option<PoolId> {
        let info = self.settings.get("poolInfo")?;
        info.get("poolId").and_then(Value::as_str).map(PoolId::of)
    }

    /// # Errors
    /// The job is completed, or on its way there or out.
    pub(crate) fn ensure_open(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.life.at(now) {
            JobState::Completed => Err(JOB_COMPLETED.into()),
            JobState::Terminating => Err(JOB_BEING_TERMINATED.into()),
            JobState::Deleting => Err(JOB_BEING_DELETED.into()),
            JobState::Active | JobState::Disabling | JobState::Disabled | JobState::Enabling => Ok(()),
        }
    }

    /// # Errors
    /// The job names another pool than before and is not disabled.
    pub(crate) fn ensure_may_move(&self, pool_info: &Value, now: Timestamp) -> Result<(), Refusal> {
        let same = self.settings.get("poolInfo") == Some(pool_info);
        if same || self.life.at(now) == JobState::Disabled {
            return Ok(());
        }
        let message = "The poolInfo of a job can be changed only while the job is disabled.";
        Err(Refusal::from(OPERATION_INVALID_FOR_STATE)
            .saying(message)
            .with("PropertyName", "poolInfo"))
    }

    /// Passes through one state into another.
    pub(crate) fn pass(&mut self, now: Timestamp, through: JobState, at: Timestamp, into: JobState) {
        self.life.cut(now);
        self.life = self.life.clone().then(now, through).then(at, into);
    }

    /// As the data plane shows it.
    pub(crate) fn render(&self, base: &str, now: Timestamp) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("id", json!(self.id.as_str()));
        if let Some(name) = self.settings.get("displayName") {
            put("displayName", name.clone());
        }
        put("url", json!(format!("{base}/jobs/{}", self.id)));
        put("eTag", json!(self.version.etag));
        put("lastModified", json!(timestamp(self.version.modified)));
        put("creationTime", json!(timestamp(self.created)));
        put("state", json!(self.life.at(now).word()));
        put("stateTransitionTime", json!(timestamp(self.life.since(now))));
        if let Some((since, state)) = self.life.before(now) {
            put("previousState", json!(state.word()));
            put("previousStateTransitionTime", json!(timestamp(since)));
        }
        for name in SETTINGS.iter().filter(|name| **name != "displayName") {
            if let Some(value) = self.settings.get(*name) {
                put(name, value.clone());
            }
            if *name == "poolInfo" {
                put("executionInfo", self.execution(now));
            }
        }
        Value::Object(body)
    }

    fn execution(&self, now: Timestamp) -> Value {
        let mut body = Map::new();
        body.insert("startTime".to_owned(), json!(timestamp(self.created)));
        if let Some(ended) = self.life.latest(JobState::Completed, now) {
            body.insert("endTime".to_owned(), json!(timestamp(ended)));
        }
        if let Some(pool) = self.pool() {
            body.insert("poolId".to_owned(), json!(pool.as_str()));
        }
        if let Some(reason) = self
            .terminate_reason
            .as_ref()
            .filter(|_| self.life.at(now) != JobState::Active)
        {
            body.insert("terminateReason".to_owned(), json!(reason));
        }
        Value::Object(body)
    }

    /// The answer of taskcounts.
    pub(crate) fn task_counts(&self, now: Timestamp) -> Value {
        let count = |wanted: fn(&Task, Timestamp) -> bool| self.tasks.iter().filter(|task| wanted(task, now)).count();
        let counts = json!({
            "active": count(|task, now| task.state(now) == super::task::TaskState::Active),
            "running": count(|task, now| task.state(now) == super::task::TaskState::Running),
            "completed": count(|task, now| task.state(now) == super::task::TaskState::Completed),
            "succeeded": count(|task, now| task.outcome(now) == Some(true)),
            "failed": count(|task, now| task.outcome(now) == Some(false)),
        });
        // Every task takes one slot here.
        json!({"taskCounts": counts, "taskSlotCounts": counts})
    }
}

/// Takes tasks off their nodes: back into the queue, or to a failed end.
pub(crate) fn interrupt(account: &mut Account, runs: &[TaskRun], option: DeallocationOption, now: Timestamp) {
    for run in runs {
        let Ok(job) = account.job_mut(&run.job, now) else {
            continue;
        };
        let Some(task) = job.tasks.iter_mut().find(|task| task.id == run.task) else {
            continue;
        };
        if option == DeallocationOption::Terminate {
            task.terminate(now);
        } else {
            task.requeue();
        }
    }
}
