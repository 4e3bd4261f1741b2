//! Jobs and their tasks as the Batch data plane has them, as far as a roll-out touches them: requests, and a view of what
//! is read.
//!
//! Which jobs are held is decided in `rollout::replace`.

use http::Method;
use serde_json::{Value, json};

use crate::{
    batch::API_VERSION,
    ids::{BatchEndpoint, PoolId},
    json as read_json,
    request::Request,
};

/// A job: the fields we decide by, together with the whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: JobState,
    /// Whether it names the pool itself; otherwise Batch has made the pool for it.
    pub names_pool: bool,
    /// Changes with the job's own properties.
    pub etag: Option<String>,
    body: Value,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Its tasks are scheduled.
    Active,
    /// Its tasks will be scheduled again.
    Enabling,
    /// No task of it is scheduled; some may still run.
    Disabling,
    /// No task of it runs.
    Disabled,
    /// It is over or on its way there, or the word is new to us: it is left alone.
    Other,
}

/// What happens to the running tasks of a job that is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableTasks {
    /// They run to their end.
    Wait,
    /// They end and start again once the job is enabled.
    Requeue,
    /// They end and count as failed.
    Terminate,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    /// The task.
    pub task: String,
    /// Its exit code, when it ran at all.
    pub exit_code: Option<i64>,
    /// What Batch says of a task that did not succeed.
    pub failure: Option<String>,
}

impl Job {
    /// Reads an item of the list.
    #[must_use]
    pub fn new(body: Value) -> Self {
        let text = |pointer| read_json::text(&body, pointer).unwrap_or_default();
        Self {
            id: text("/id").to_owned(),
            state: JobState::parse(text("/state")),
            names_pool: read_json::text(&body, "/poolInfo/poolId").is_some(),
            etag: read_json::text(&body, "/eTag").map(str::to_owned),
            body,
        }
    }

    /// Whether it names that pool.
    #[must_use]
    pub fn is_on(&self, pool: &PoolId) -> bool {
        read_json::text(&self.body, "/poolInfo/poolId").is_some_and(|id| id.eq_ignore_ascii_case(pool.as_str()))
    }

    /// Whether it runs on that pool, which may be one that Batch made for it.
    #[must_use]
    pub fn runs_on(&self, pool: &PoolId) -> bool {
        read_json::text(&self.body, "/executionInfo/poolId").is_some_and(|id| id.eq_ignore_ascii_case(pool.as_str()))
    }

    /// A metadata item's value.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        read_json::items(&self.body, "/metadata")
            .find(|item| read_json::text(item, "/name") == Some(name))
            .and_then(|item| read_json::text(item, "/value"))
    }

    /// All its metadata with that item set, or without it.
    #[must_use]
    pub fn with_metadata(&self, name: &str, value: Option<&str>) -> Value {
        let others =
            read_json::items(&self.body, "/metadata").filter(|item| read_json::text(item, "/name") != Some(name));
        let own = value.map(|value| json!({"name": name, "value": value}));
        Value::Array(others.cloned().chain(own).collect())
    }

    /// Whether a schedule has made it: such ids are the schedule's with the job's number.
    #[must_use]
    pub fn is_of_schedule(&self) -> bool {
        self.id.contains(':')
    }
}

impl JobState {
    fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "active" => Self::Active,
            "enabling" => Self::Enabling,
            "disabling" => Self::Disabling,
            "disabled" => Self::Disabled,
            _ => Self::Other,
        }
    }
}

impl DisableTasks {
    const fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Requeue => "requeue",
            Self::Terminate => "terminate",
        }
    }
}

impl TaskEnd {
    /// Reads a task; nothing while it is not over.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let is_over = read_json::text(item, "/state").is_some_and(|state| state.eq_ignore_ascii_case("completed"));
        is_over.then(|| Self {
            task: read_json::text(item, "/id").unwrap_or_default().to_owned(),
            exit_code: read_json::at(item, "/executionInfo/exitCode").as_i64(),
            failure: read_json::text(item, "/executionInfo/failureInfo/message").map(str::to_owned),
        })
    }

    /// Whether it did what it should.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.exit_code, Some(0)) && self.failure.is_none()
    }
}

/// The request for how many tasks of a job wait, run and are over.
#[must_use]
pub fn task_counts(endpoint: &BatchEndpoint, id: &str) -> Request {
    let doing = format!("count the tasks of job {id}");
    Request::batch(
        endpoint,
        Method::GET,
        format!("/jobs/{id}/taskcounts"),
        API_VERSION,
        doing,
    )
}

/// How many tasks the answer of [`task_counts`] says wait for a node.
#[must_use]
pub fn waiting(counts: &Value) -> u64 {
    read_json::at(counts, "/taskCounts/active").as_u64().unwrap_or(0)
}

/// The request for the jobs that run on a pool.
#[must_use]
pub fn list(endpoint: &BatchEndpoint, pool: &PoolId) -> Request {
    let doing = format!("list the jobs of pool {pool}");
    Request::batch(endpoint, Method::GET, "/jobs", API_VERSION, doing)
        .with_query("$filter", format!("executionInfo/poolId eq '{pool}'"))
        .with_query("$select", "id,state,eTag,metadata,poolInfo")
}

/// The request for all jobs of an account that are not over, with the pool of each.
#[must_use]
pub fn list_live(endpoint: &BatchEndpoint) -> Request {
    let doing = "list the account's jobs";
    Request::batch(endpoint, Method::GET, "/jobs", API_VERSION, doing)
        .with_query("$filter", "state ne 'completed'")
        .with_query("$select", "id,state,metadata,poolInfo,executionInfo")
}

/// The request that reads a job.
#[must_use]
pub fn get(endpoint: &BatchEndpoint, id: &str) -> Request {
    let doing = format!("read job {id}");
    Request::batch(endpoint, Method::GET, path(id), API_VERSION, doing)
        .with_query("$select", "id,state,eTag,metadata,poolInfo")
}

/// The request that puts a job's metadata in place of what it has, unless the job has changed since it was read.
#[must_use]
pub fn set_metadata(endpoint: &BatchEndpoint, job: &Job, metadata: Value) -> Request {
    let doing = format!("mark job {}", job.id);
    Request::batch(endpoint, Method::PATCH, path(&job.id), API_VERSION, doing)
        .with_body(json!({"metadata": metadata}))
        .if_match(job.etag.as_deref())
}

/// The request that gives a disabled job another pool, unless it has changed since it was read.
#[must_use]
pub fn set_pool(endpoint: &BatchEndpoint, job: &Job, pool: &PoolId) -> Request {
    let doing = format!("point job {} to pool {pool}", job.id);
    Request::batch(endpoint, Method::PATCH, path(&job.id), API_VERSION, doing)
        .with_body(json!({"poolInfo": {"poolId": pool}}))
        .if_match(job.etag.as_deref())
}

/// The request for all job schedules of an account.
#[must_use]
pub fn schedules(endpoint: &BatchEndpoint) -> Request {
    let doing = "list the account's job schedules";
    Request::batch(endpoint, Method::GET, "/jobschedules", API_VERSION, doing)
        .with_query("$select", "id,state,jobSpecification")
}

/// The id of a schedule that makes jobs on that pool; nothing when it does not, or is over.
#[must_use]
pub fn schedule_on(item: &Value, pool: &PoolId) -> Option<String> {
    let is_live = read_json::text(item, "/state").is_some_and(|state| {
        ["active", "disabled"]
            .iter()
            .any(|live| state.eq_ignore_ascii_case(live))
    });
    let named = read_json::text(item, "/jobSpecification/poolInfo/poolId")?;
    let is_on = named.eq_ignore_ascii_case(pool.as_str());
    (is_live && is_on).then(|| read_json::text(item, "/id").unwrap_or_default().to_owned())
}

/// The request that disables a job.
#[must_use]
pub fn disable(endpoint: &BatchEndpoint, id: &str, tasks: DisableTasks) -> Request {
    let path = format!("{}/disable", path(id));
    Request::batch(endpoint, Method::POST, path, API_VERSION, format!("disable job {id}"))
        .with_body(json!({"disableTasks": tasks.word()}))
}

/// The request that enables a job.
#[must_use]
pub fn enable(endpoint: &BatchEndpoint, id: &str) -> Request {
    let path = format!("{}/enable", path(id));
    Request::batch(endpoint, Method::POST, path, API_VERSION, format!("enable job {id}"))
}

/// The request that creates a job on a pool with one metadata item.
#[must_use]
pub fn create(endpoint: &BatchEndpoint, id: &str, pool: &PoolId, (name, value): (&str, &str)) -> Request {
    Request::batch(endpoint, Method::POST, "/jobs", API_VERSION, format!("create job {id}")).with_body(json!({
        "id": id,
        "poolInfo": {"poolId": pool},
        "metadata": [{"name": name, "value": value}],
    }))
}

/// The request that deletes a job with its tasks.
#[must_use]
pub fn delete(endpoint: &BatchEndpoint, id: &str) -> Request {
    Request::batch(
        endpoint,
        Method::DELETE,
        path(id),
        API_VERSION,
        format!("delete job {id}"),
    )
}

/// The request that adds a task.
#[must_use]
pub fn add_task(endpoint: &BatchEndpoint, job: &str, task: Value) -> Request {
    let path = format!("{}/tasks", path(job));
    Request::batch(
        endpoint,
        Method::POST,
        path,
        API_VERSION,
        format!("add a task to job {job}"),
    )
    .with_body(task)
}

/// The request for the tasks of a job.
#[must_use]
pub fn tasks(endpoint: &BatchEndpoint, job: &str) -> Request {
    let path = format!("{}/tasks", path(job));
    Request::batch(
        endpoint,
        Method::GET,
        path,
        API_VERSION,
        format!("list the tasks of job {job}"),
    )
    .with_query("$select", "id,state,executionInfo")
}

fn path(id: &str) -> String {
    format!("/jobs/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_keeps_the_metadata_of_others() {
        let job = Job::new(json!({"id": "j", "state": "Active", "poolInfo": {"poolId": "p"},
            "metadata": [{"name": "team", "value": "render"}, {"name": "held", "value": "old"}]}));
        assert_eq!(
            (job.state, job.names_pool, job.metadata("held")),
            (JobState::Active, true, Some("old"))
        );
        assert_eq!(
            job.with_metadata("held", None),
            json!([{"name": "team", "value": "render"}])
        );
        assert_eq!(
            job.with_metadata("held", Some("new"))[1],
            json!({"name": "held", "value": "new"})
        );
        assert!(!job.is_of_schedule());
    }

    #[test]
    fn a_task_is_over_once_it_is_completed() {
        let task = |state: &str, exit: i64| json!({"id": "t", "state": state, "executionInfo": {"exitCode": exit}});
        assert_eq!(TaskEnd::read(&task("running", 0)), None);
        assert!(TaskEnd::read(&task("completed", 0)).unwrap().is_success());
        assert!(!TaskEnd::read(&task("completed", 3)).unwrap().is_success());
    }
}
