//! Jobs: their states over time, the pool they run on, and what disabling or deleting does to their tasks.
//!
//! Tasks themselves are in `task`; the rules here are those that roll-outs meet.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ids::{JobId, PoolId, ScheduleId};
use super::pool::body::ApiAge;
use super::refusal::{JOB_BEING_DELETED, JOB_BEING_TERMINATED, JOB_COMPLETED, OPERATION_INVALID_FOR_STATE, Refusal};
use super::schedule::Schedule;
use super::scheduling_error::SchedulingError;
use super::task::Task;
use super::timeline::Timeline;
use super::wire::{Version, timestamp};

pub(crate) mod interrupt;
pub(crate) mod rules;

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
    /// The schedule that made it.
    pub(crate) schedule: Option<ScheduleId>,
    /// The pool that was made for it.
    pub(crate) made_pool: Option<MadePool>,
    /// Why it could not be started.
    pub(crate) scheduling_error: Option<SchedulingError>,
    pub(crate) terminate_reason: Option<String>,
    /// When it is gone, once it is being deleted.
    pub(crate) gone: Option<Timestamp>,
    pub(crate) tasks: Vec<Task>,
}

/// A pool that was made for jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MadePool {
    /// For this one.
    Own(PoolId),
    /// For all of a schedule.
    Shared(PoolId),
}

/// A job as asked for.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) id: JobId,
    pub(crate) settings: Map<String, Value>,
    pub(crate) schedule: Option<ScheduleId>,
    /// The schedule's own pool, if it has one already.
    pub(crate) shared: Option<PoolId>,
    pub(crate) age: ApiAge,
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

impl Job {
    /// Whether it is gone at `now`.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.gone.is_some_and(|gone| gone <= now)
    }

    /// The pool that it names, or the one that was made for it.
    pub(crate) fn pool(&self) -> Option<PoolId> {
        let info = self.settings.get("poolInfo");
        let named = info.and_then(|info| crate::json::text(info, "/poolId")).map(PoolId::of);
        named.or_else(|| match &self.made_pool {
            Some(MadePool::Own(id) | MadePool::Shared(id)) => Some(id.clone()),
            None => None,
        })
    }

    /// When it is over, if that is known.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        let completed = self.life.entries().find(|(_, state)| *state == JobState::Completed);
        completed.map(|(at, _)| at).or(self.gone)
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
    /// The job names another pool than before and is not disabled, or asks for another pool of its own.
    pub(crate) fn ensure_may_move(&self, pool_info: &Value, now: Timestamp) -> Result<(), Refusal> {
        let present = self.settings.get("poolInfo");
        if present == Some(pool_info) {
            return Ok(());
        }
        if pool_info.get("autoPoolSpecification").is_some() {
            let other = present.map(without_keep_alive) != Some(without_keep_alive(pool_info));
            return if other {
                let message = "Only keepAlive of an autoPoolSpecification can be changed.";
                Err(Refusal::from(OPERATION_INVALID_FOR_STATE)
                    .saying(message)
                    .with("PropertyName", "poolInfo"))
            } else {
                Ok(())
            };
        }
        if self.life.at(now) == JobState::Disabled {
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
        if let Some(error) = &self.scheduling_error {
            body.insert("schedulingError".to_owned(), error.render());
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

    /// What has become of its tasks, in numbers: those of taskcounts, and how often one began again.
    pub(crate) fn work(&self, now: Timestamp) -> Value {
        let mut counts = self.task_counts(now);
        let requeues: u64 = self.tasks.iter().map(|task| u64::from(task.requeues())).sum();
        crate::json::set(&mut counts, &["requeues"], json!(requeues));
        counts
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

impl NewJob {
    /// The next job of a schedule, named as the service names it.
    pub(crate) fn of_schedule(schedule: &Schedule, shared: Option<PoolId>) -> Self {
        let specification = schedule.settings.get("jobSpecification").and_then(Value::as_object);
        let settings = specification.into_iter().flatten();
        let settings = settings.filter(|(name, _)| SETTINGS.contains(&name.as_str()));
        Self {
            id: JobId::of(&format!("{}:job-{}", schedule.id, schedule.made)),
            settings: settings.map(|(name, value)| (name.clone(), value.clone())).collect(),
            schedule: Some(schedule.id.clone()),
            shared,
            // The request that made the schedule was checked against its own API version.
            age: ApiAge::Old,
        }
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

fn without_keep_alive(pool_info: &Value) -> Value {
    let mut rest = pool_info.clone();
    crate::json::remove(&mut rest, "/autoPoolSpecification", "keepAlive");
    rest
}
