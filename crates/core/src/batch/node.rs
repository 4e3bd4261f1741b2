//! Compute nodes as the Batch data plane lists them: the request, and a view of what is read.
//!
//! How many are enough is decided in `rollout::verdict`.

use std::{collections::BTreeMap, fmt};

use http::Method;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{
    batch::API_VERSION,
    ids::{BatchEndpoint, PoolId},
    json as read_json,
    request::Request,
    settings::{LogsSignIn, NodeLogs},
};

/// The most nodes that one request removes.
pub const MOST_REMOVED: usize = 100;

/// The code of a task that ran and ended with an exit code that is a failure.
const FAILED_BY_ITSELF: &str = "FailureExitCode";

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: NodeState,
    /// Dedicated or spot.
    pub kind: NodeKind,
    /// The gallery image it was made from, as the node itself says; absent while it is being created.
    pub image: Option<String>,
    /// What Batch says is wrong with it.
    pub errors: Vec<NodeError>,
    /// How its start task failed, if it did.
    pub start_task: Option<StartTaskFailure>,
    /// Since when it is in its state.
    pub since: Option<Timestamp>,
    /// When it came into the pool. Batch gives ids of nodes that are gone to new ones.
    pub allocated: Option<Timestamp>,
    /// How many tasks run on it.
    pub running_tasks: u64,
}

/// Dedicated or spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Paid for as long as it is there, and never taken away.
    Dedicated,
    /// Cheaper, and may be preempted.
    Spot,
}

/// A node's state: Batch's word in lower case. Words that are new to us are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeState(String);

/// What can be hoped for from a node in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It takes tasks.
    Ready,
    /// It may yet take tasks without anybody's help.
    Coming,
    /// It has lost contact. Some of these come back; one that says in its errors what is wrong does not.
    Doubtful,
    /// It stays as it is until it is repaired or removed.
    Lost,
}

/// How many nodes of a pool are in each state. The service counts nearly in real time: a list of nodes is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Dedicated nodes by state, without empty states.
    pub dedicated: BTreeMap<NodeState, u32>,
    /// Spot nodes by state, without empty states.
    pub spot: BTreeMap<NodeState, u32>,
}

/// What Batch says is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeError {
    /// The code.
    pub code: String,
    /// The text.
    pub message: String,
    /// Names and values with which Batch says more, such as the package or the disk.
    pub details: Vec<(String, String)>,
}

/// How a start task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartTaskFailure {
    /// The exit code, when it ran at all.
    pub exit_code: Option<i64>,
    /// The failure's code.
    pub code: String,
    /// The failure's text.
    pub message: String,
    /// Names and values with which Batch says more, such as the file that it could not download.
    pub details: Vec<(String, String)>,
}

/// What Batch writes into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// The folder in it.
    pub folder: String,
    /// How many files.
    pub files: u64,
}

impl Node {
    /// Reads one item of the list.
    #[must_use]
    pub fn new(item: &Value) -> Self {
        let text = |pointer| read_json::text(item, pointer).unwrap_or_default();
        Self {
            id: text("/id").to_owned(),
            state: NodeState::new(text("/state")),
            kind: if read_json::at(item, "/isDedicated") == &Value::Bool(false) {
                NodeKind::Spot
            } else {
                NodeKind::Dedicated
            },
            image: read_json::text(item, "/virtualMachineInfo/imageReference/virtualMachineImageId").map(str::to_owned),
            errors: read_json::items(item, "/errors").map(NodeError::read).collect(),
            start_task: StartTaskFailure::read(read_json::at(item, "/startTaskInfo")),
            since: read_json::time(item, "/stateTransitionTime"),
            allocated: read_json::time(item, "/allocationTime"),
            running_tasks: read_json::number(item, "/runningTasksCount").unwrap_or(0),
        }
    }

    /// What Batch says is wrong with it, all of it; nothing when it says nothing.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let all: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// What can be hoped for. Its errors decide about a node that has lost contact.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        match self.state.outlook() {
            Outlook::Doubtful if self.errors.is_empty() => Outlook::Coming,
            Outlook::Doubtful => Outlook::Lost,
            outlook => outlook,
        }
    }
}

impl NodeState {
    /// A state from the service's word.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.to_ascii_lowercase())
    }

    /// The word in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the state alone lets one hope for. A state that is new to us may lead to a ready one.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        match self.as_str() {
            "idle" | "running" => Outlook::Ready,
            "unusable" => Outlook::Doubtful,
            "starttaskfailed" | "offline" | "deallocated" | "deallocating" | "leavingpool" => Outlook::Lost,
            _ => Outlook::Coming,
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StateCounts {
    /// Reads a pool's entry of `nodecounts`. Names of states that are new to us are kept.
    #[must_use]
    pub fn read(item: &Value) -> Self {
        Self {
            dedicated: by_state(read_json::at(item, "/dedicated")),
            spot: by_state(read_json::at(item, "/lowPriority")),
        }
    }
}

impl NodeError {
    fn read(item: &Value) -> Self {
        let text = |pointer| read_json::text(item, pointer).unwrap_or_default().to_owned();
        Self {
            code: text("/code"),
            message: text("/message"),
            details: read_json::pairs(item, "/errorDetails"),
        }
    }
}

/// Code, text and details, as Batch gives them.
impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_error(f, (&self.code, &self.message), &self.details)
    }
}

/// Code, text and details, as Batch gives them.
impl fmt::Display for StartTaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With this code the details are the exit code once more, in a sentence.
        let details = if self.code == FAILED_BY_ITSELF {
            &[][..]
        } else {
            &self.details
        };
        write_error(f, (&self.code, &self.message), details)
    }
}

impl StartTaskFailure {
    fn read(info: &Value) -> Option<Self> {
        let exit_code = read_json::at(info, "/exitCode").as_i64();
        let has_failed = read_json::text(info, "/result").is_some_and(|result| result.eq_ignore_ascii_case("failure"))
            || read_json::at(info, "/failureInfo").is_object();
        has_failed.then(|| {
            let text = |pointer| read_json::text(info, pointer).unwrap_or_default().to_owned();
            Self {
                exit_code,
                code: text("/failureInfo/code"),
                message: text("/failureInfo/message"),
                details: read_json::pairs(info, "/failureInfo/details"),
            }
        })
    }
}

impl Uploaded {
    /// Reads the answer to [`upload_logs`].
    #[must_use]
    pub fn new(answer: &Value) -> Self {
        Self {
            folder: read_json::text(answer, "/virtualDirectoryName")
                .unwrap_or_default()
                .to_owned(),
            files: read_json::number(answer, "/numberOfFilesUploaded").unwrap_or(0),
        }
    }
}

/// The request for all nodes of a pool with the fields we read.
#[must_use]
pub fn list(endpoint: &BatchEndpoint, pool: &PoolId) -> Request {
    Request::batch(
        endpoint,
        Method::GET,
        format!("/pools/{pool}/nodes"),
        API_VERSION,
        format!("list the nodes of pool {pool}"),
    )
    .with_query(
        "$select",
        "id,state,stateTransitionTime,allocationTime,isDedicated,runningTasksCount,virtualMachineInfo,errors,\
         startTaskInfo",
    )
}

/// The request for the images and agents of a pool's nodes.
#[must_use]
pub fn list_images(endpoint: &BatchEndpoint, pool: &PoolId) -> Request {
    Request::batch(
        endpoint,
        Method::GET,
        format!("/pools/{pool}/nodes"),
        API_VERSION,
        format!("list the nodes of pool {pool}"),
    )
    .with_query("$select", "id,state,virtualMachineInfo,nodeAgentInfo")
}

/// The request that removes nodes once their tasks have ended, [`MOST_REMOVED`] at most, unless the pool has changed
/// since `etag`. The pool's targets sink with them.
#[must_use]
pub fn remove(endpoint: &BatchEndpoint, pool: &PoolId, nodes: &[String], etag: Option<&str>) -> Request {
    let doing = format!("remove {} nodes of pool {pool}", nodes.len());
    let path = format!("/pools/{pool}/removenodes");
    let body = json!({"nodeList": nodes, "nodeDeallocationOption": "taskcompletion"});
    Request::batch(endpoint, Method::POST, path, API_VERSION, doing)
        .with_body(body)
        .if_match(etag)
}

/// The request that reboots a node once its tasks have ended.
#[must_use]
pub fn reboot(endpoint: &BatchEndpoint, pool: &PoolId, node: &str) -> Request {
    let path = format!("/pools/{pool}/nodes/{node}/reboot");
    let doing = format!("reboot node {node} of pool {pool}");
    Request::batch(endpoint, Method::POST, path, API_VERSION, doing)
        .with_body(json!({"nodeRebootOption": "taskcompletion"}))
}

/// The request that lets Batch write the logs of its agent on a node into a container: those of `since` and later.
#[must_use]
pub fn upload_logs(
    (endpoint, pool): (&BatchEndpoint, &PoolId),
    node: &str,
    logs: &NodeLogs,
    since: Timestamp,
) -> Request {
    let path = format!("/pools/{pool}/nodes/{node}/uploadbatchservicelogs");
    let doing = format!("write the logs of node {node} of pool {pool} to {}", logs.container);
    let since = since.to_string();
    let body = match &logs.sign_in {
        LogsSignIn::Sas(sas) => {
            json!({"containerUrl": format!("{}?{}", logs.container, sas.expose_secret()), "startTime": since})
        }
        LogsSignIn::Identity(id) => json!({"containerUrl": logs.container, "startTime": since,
            "identityReference": {"resourceId": id}}),
    };
    Request::batch(endpoint, Method::POST, path, API_VERSION, doing).with_body(body)
}

/// The request for a file of a node.
#[must_use]
pub fn file(endpoint: &BatchEndpoint, pool: &PoolId, node: &str, file: &str) -> Request {
    let path = format!("/pools/{pool}/nodes/{node}/files/{file}");
    let doing = format!("read {file} of node {node}");
    Request::batch(endpoint, Method::GET, path, API_VERSION, doing).for_file()
}

/// The request for the nodes of all pools of an account, or of one, by state.
#[must_use]
pub fn count(endpoint: &BatchEndpoint, pool: Option<&PoolId>) -> Request {
    let request = Request::batch(
        endpoint,
        Method::GET,
        "/nodecounts",
        API_VERSION,
        "read the nodecounts of the account's pools",
    );
    match pool {
        Some(pool) => request.with_query("$filter", format!("poolId eq '{pool}'")),
        None => request,
    }
}

fn write_error(f: &mut fmt::Formatter<'_>, (code, message): (&str, &str), details: &[(String, String)]) -> fmt::Result {
    write!(f, "{code}: {message}")?;
    details
        .iter()
        .try_for_each(|(name, value)| write!(f, " ({name}: {value})"))
}

fn by_state(counts: &Value) -> BTreeMap<NodeState, u32> {
    let counts = counts.as_object().into_iter().flatten();
    let number = |count: &Value| u32::try_from(count.as_u64()?).ok();
    counts
        .filter(|(name, _)| *name != "total")
        .filter_map(|(name, count)| Some((NodeState::new(name), number(count).filter(|count| *count > 0)?)))
        .collect()
}

/// Whether a node in that state takes tasks.
#[must_use]
pub fn takes_tasks(state: &str) -> bool {
    NodeState::new(state).outlook() == Outlook::Ready
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_tells_why_its_start_task_failed() {
        let node = Node::new(
            &json!({"id": "tvmps_1_d", "state": "starttaskfailed", "isDedicated": true,
            "startTaskInfo": {"state": "completed", "exitCode": 3, "result": "failure",
                "failureInfo": {"category": "usererror", "code": "FailureExitCode", "message": "The task exited with an exit code representing a failure"}}}),
        );
        let failure = node.start_task.clone().unwrap();
        assert_eq!((failure.exit_code, failure.code.as_str()), (Some(3), "FailureExitCode"));
        assert_eq!(node.outlook(), Outlook::Lost);
    }

    #[test]
    fn a_node_says_all_its_errors_with_their_details() {
        let error = |code: &str, details: Value| json!({"code": code, "message": "m", "errorDetails": details});
        let node = Node::new(&json!({"errors": [
            error("ApplicationPackageError", json!([{"name": "ApplicationId", "value": "blender"}, {"name": "Version", "value": "4"}])),
            error("DiskFull", json!([])),
        ]}));
        let said = "ApplicationPackageError: m (ApplicationId: blender) (Version: 4); DiskFull: m";
        assert_eq!(node.said().as_deref(), Some(said));
        assert_eq!(Node::new(&json!({"errors": []})).said(), None);
    }

    #[test]
    fn a_start_task_says_what_it_could_not_get_and_its_exit_code_once() {
        let failure = |code: &str| {
            let info = json!({"result": "failure", "failureInfo": {"code": code, "message": "m",
                "details": [{"name": "FilePath", "value": "setup.sh"}]}});
            StartTaskFailure::read(&info).unwrap().to_string()
        };
        assert_eq!(
            failure("ResourceContainerAccessDenied"),
            "ResourceContainerAccessDenied: m (FilePath: setup.sh)"
        );
        assert_eq!(failure("FailureExitCode"), "FailureExitCode: m");
    }

    #[test]
    fn a_start_task_that_runs_or_succeeded_has_not_failed() {
        for info in [
            json!({"state": "running"}),
            json!({"state": "completed", "exitCode": 0, "result": "success"}),
        ] {
            assert_eq!(Node::new(&json!({"startTaskInfo": info})).start_task, None);
        }
    }

    #[test]
    fn counts_are_read_with_states_that_are_new() {
        let counts = StateCounts::read(&json!({"poolId": "p",
            "dedicated": {"idle": 3, "startTaskFailed": 1, "creating": 0, "paused": 2, "total": 6},
            "lowPriority": {"preempted": 4, "total": 4}}));
        let states = |counts: &BTreeMap<NodeState, u32>| {
            counts
                .iter()
                .map(|(state, count)| format!("{count} {state}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(states(&counts.dedicated), "3 idle, 2 paused, 1 starttaskfailed");
        assert_eq!(states(&counts.spot), "4 preempted");
    }

    #[test]
    fn the_outlook_follows_the_state_and_what_the_node_says() {
        let outlook = |state: &str, errors: Value| Node::new(&json!({"state": state, "errors": errors})).outlook();
        for (state, expected) in [
            ("idle", Outlook::Ready),
            ("Running", Outlook::Ready),
            ("creating", Outlook::Coming),
            ("waitingforstarttask", Outlook::Coming),
            ("preempted", Outlook::Coming),
            ("upgradingos", Outlook::Coming),
            ("somethingnew", Outlook::Coming),
            ("unusable", Outlook::Coming),
            ("starttaskfailed", Outlook::Lost),
            ("offline", Outlook::Lost),
        ] {
            assert_eq!(outlook(state, json!([])), expected, "{state}");
        }
        assert_eq!(
            outlook("unusable", json!([{"code": "DiskFull", "message": "m"}])),
            Outlook::Lost
        );
    }
}
