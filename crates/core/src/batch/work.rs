//! What ran on the nodes of a pool: how many tasks ended on each, and how single tasks ended.
//!
//! Which nodes are compared with which, and what follows, is decided in `judgement`.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    batch::{
        API_VERSION,
        node::{Node, Outlook},
    },
    ids::{BatchEndpoint, PoolId},
    json,
    request::Request,
};

/// A node with what it has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeWork {
    /// Its id. Batch gives it again to a node that takes the place of this one.
    pub id: String,
    /// When it was allocated: together with the id this is one node and no other.
    pub allocated: Option<Timestamp>,
    /// The image it was made from; absent while it is being created.
    pub image: Option<String>,
    /// What can be hoped for from it.
    pub outlook: Outlook,
    /// Tasks that ended on it since it was allocated.
    pub ended: u64,
    /// Those of them with exit code 0.
    pub succeeded: u64,
    /// From its allocation until it was idle for the first time; known only while it has run nothing.
    pub ready_after: Option<SignedDuration>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEnding {
    /// The pool of the node.
    pub pool: String,
    /// The node that it ran on last.
    pub node: String,
    /// When it ended.
    pub at: Option<Timestamp>,
    /// Its exit code, when it ran at all.
    pub exit_code: Option<i64>,
    /// What Batch calls its failure, such as `FailureExitCode`.
    pub failure: Option<String>,
}

impl NodeWork {
    /// Reads an item of the list.
    #[must_use]
    pub fn new(item: &Value) -> Self {
        let node = Node::new(item);
        let (allocated, ended) = (json::time(item, "/allocationTime"), number(item, "/totalTasksRun"));
        let since = json::time(item, "/stateTransitionTime").filter(|_| node.state.as_str() == "idle" && ended == 0);
        Self {
            outlook: node.outlook(),
            id: node.id,
            image: node.image,
            allocated,
            ended,
            succeeded: number(item, "/totalTasksSucceeded"),
            ready_after: since
                .zip(allocated)
                .map(|(since, allocated)| since.duration_since(allocated)),
        }
    }
}

impl TaskEnding {
    /// Reads an item of the list; nothing while the task is not over or where no node ran it.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let text = |pointer| json::text(item, pointer).map(str::to_owned);
        let is_over = json::text(item, "/state").is_some_and(|state| state.eq_ignore_ascii_case("completed"));
        is_over.then_some(())?;
        Some(Self {
            pool: text("/nodeInfo/poolId")?,
            node: text("/nodeInfo/nodeId")?,
            at: json::time(item, "/executionInfo/endTime"),
            exit_code: json::at(item, "/executionInfo/exitCode").as_i64(),
            failure: text("/executionInfo/failureInfo/code"),
        })
    }

    /// Whether it did what it should.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.exit_code, Some(0)) && self.failure.is_none()
    }

    /// Whether a person or program ended it, which says nothing about the node.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.failure
            .as_deref()
            .is_some_and(|code| code.eq_ignore_ascii_case("TaskEnded"))
    }
}

/// The request for the nodes of a pool with what they have done.
#[must_use]
pub fn nodes(endpoint: &BatchEndpoint, pool: &PoolId) -> Request {
    let doing = format!("list the nodes of pool {pool}");
    Request::batch(
        endpoint,
        Method::GET,
        format!("/pools/{pool}/nodes"),
        API_VERSION,
        doing,
    )
    .with_query(
        "$select",
        "id,state,stateTransitionTime,allocationTime,isDedicated,virtualMachineInfo,errors,startTaskInfo,\
         totalTasksRun,totalTasksSucceeded",
    )
}

/// The request for what runs on the nodes of a pool.
#[must_use]
pub fn running(endpoint: &BatchEndpoint, pool: &PoolId) -> Request {
    let doing = format!("list the nodes of pool {pool}");
    let path = format!("/pools/{pool}/nodes");
    Request::batch(endpoint, Method::GET, path, API_VERSION, doing).with_query("$select", "id,recentTasks")
}

/// Since when the task of a node runs that began first, from an item of the list; nothing when none runs.
#[must_use]
pub fn oldest_running(item: &Value) -> Option<Timestamp> {
    let runs =
        |task: &&Value| json::text(task, "/taskState").is_some_and(|state| state.eq_ignore_ascii_case("running"));
    let running = json::items(item, "/recentTasks").filter(runs);
    running
        .filter_map(|task| json::time(task, "/executionInfo/startTime"))
        .min()
}

/// The request for the jobs that run on a pool, or ran there.
#[must_use]
pub fn jobs(endpoint: &BatchEndpoint, pool: &PoolId) -> Request {
    let doing = format!("list the jobs of pool {pool}");
    Request::batch(endpoint, Method::GET, "/jobs", API_VERSION, doing)
        .with_query("$filter", format!("executionInfo/poolId eq '{pool}'"))
        .with_query("$select", "id,state,stateTransitionTime")
}

/// The id of a job that was not over before that time, from an item of the list.
#[must_use]
pub fn job_alive_after(item: &Value, since: Timestamp) -> Option<&str> {
    let is_over = json::text(item, "/state").is_some_and(|state| state.eq_ignore_ascii_case("completed"));
    let ended = json::time(item, "/stateTransitionTime").filter(|_| is_over);
    json::text(item, "/id").filter(|_| ended.is_none_or(|ended| ended >= since))
}

/// The request for the tasks of a job that ended since then.
#[must_use]
pub fn ended_since(endpoint: &BatchEndpoint, job: &str, since: Timestamp) -> Request {
    let doing = format!("list the tasks of job {job}");
    Request::batch(endpoint, Method::GET, format!("/jobs/{job}/tasks"), API_VERSION, doing)
        .with_query(
            "$filter",
            format!("state eq 'completed' and stateTransitionTime ge DateTime'{since}'"),
        )
        .with_query("$select", "id,state,executionInfo,nodeInfo")
}

fn number(item: &Value, pointer: &str) -> u64 {
    json::number(item, pointer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_says_what_it_has_done_and_how_long_it_took_to_get_ready() {
        let fresh = NodeWork::new(
            &json!({"id": "n", "state": "idle", "allocationTime": "2026-01-01T00:00:00Z",
            "stateTransitionTime": "2026-01-01T00:01:30Z", "totalTasksRun": 0, "totalTasksSucceeded": 0}),
        );
        assert_eq!(fresh.ready_after, Some(SignedDuration::from_secs(90)));
        let used = NodeWork::new(
            &json!({"id": "n", "state": "idle", "allocationTime": "2026-01-01T00:00:00Z",
            "stateTransitionTime": "2026-01-01T05:00:00Z", "totalTasksRun": 7, "totalTasksSucceeded": 6}),
        );
        assert_eq!((used.ready_after, used.ended, used.succeeded), (None, 7, 6));
    }

    #[test]
    fn a_task_that_was_stopped_says_nothing_about_its_node() {
        let ending = |info: Value| {
            TaskEnding::read(&json!({"id": "t", "state": "completed", "executionInfo": info,
                "nodeInfo": {"poolId": "p", "nodeId": "n"}}))
        };
        assert!(ending(json!({"exitCode": 0})).unwrap().is_success());
        assert!(
            !ending(json!({"exitCode": 3, "failureInfo": {"code": "FailureExitCode"}}))
                .unwrap()
                .was_stopped()
        );
        assert!(
            ending(json!({"failureInfo": {"code": "TaskEnded"}}))
                .unwrap()
                .was_stopped()
        );
        assert_eq!(TaskEnding::read(&json!({"id": "t", "state": "running"})), None);
        assert_eq!(
            TaskEnding::read(&json!({"id": "t", "state": "completed"})),
            None,
            "no node ran it"
        );
    }
}
