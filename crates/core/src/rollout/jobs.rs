//! Jobs that a change of their pool holds: which may be held, and the requests that mark, disable and enable them.
//!
//! When that is done is decided in `replace::next` and `blue_green::next`.

use serde_json::json;

use super::canary::CANARY;
use crate::{
    batch::job::{self, DisableTasks, Job, JobState},
    ids::{BatchEndpoint, PoolId},
    request::Request,
    settings::RunningTasks,
};

/// The metadata item of a job that a change of its pool has disabled.
pub(super) const HELD: &str = "azure-batch-held";

/// Jobs of schedules and those whose pool Batch made are shown and left alone; those that try an image are ours.
pub(super) fn may_be_held(job: &Job) -> bool {
    job.names_pool && !job.is_of_schedule() && job.metadata(CANARY).is_none()
}

/// Whether a change has marked the job, and it is not over.
pub(super) fn is_held(job: &Job) -> bool {
    job.metadata(HELD).is_some() && job.state != JobState::Other
}

/// Whether a change has disabled the job and not enabled it again.
#[must_use]
pub fn is_disabled_by_us(job: &Job) -> bool {
    is_held(job) && matches!(job.state, JobState::Disabled | JobState::Disabling)
}

/// The request that takes the mark of a change off a job that runs again.
#[must_use]
pub fn released(endpoint: &BatchEndpoint, job: &Job) -> Request {
    mark(endpoint, job, None)
}

/// The request that marks a job as held by a roll-out of a pool, or takes the mark off.
pub(super) fn mark(endpoint: &BatchEndpoint, job: &Job, held: Option<(&PoolId, &str)>) -> Request {
    let text = held.map(|(pool, rollout)| json!({"v": 1, "pool": pool, "rollout": rollout}).to_string());
    job::set_metadata(endpoint, job, job.with_metadata(HELD, text.as_deref()))
}

/// The request that disables a job.
pub(super) fn disable(endpoint: &BatchEndpoint, id: &str, running_tasks: RunningTasks) -> Request {
    let tasks = match running_tasks {
        RunningTasks::Wait | RunningTasks::TaskCompletion => DisableTasks::Wait,
        RunningTasks::Requeue => DisableTasks::Requeue,
        RunningTasks::Terminate => DisableTasks::Terminate,
    };
    job::disable(endpoint, id, tasks)
}

/// What happens to running tasks, for plans.
pub(super) const fn word(running_tasks: RunningTasks) -> &'static str {
    match running_tasks {
        RunningTasks::Wait | RunningTasks::TaskCompletion => "run to their end",
        RunningTasks::Requeue => "end and start again later",
        RunningTasks::Terminate => "end and count as failed",
    }
}
