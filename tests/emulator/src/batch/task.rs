//! Tasks: one command on one node, as far as canary commands need it.
//!
//! Nothing is run. A task takes the time of `pace` and ends with exit code 0, or with N when its command line
//! contains `exit N`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ids::{JobId, NodeId, PoolId, TaskId};
use super::node::Run;
use super::wire::{Version, timestamp};

pub(crate) mod assign;

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

    /// How often it was put back into the queue.
    pub(crate) fn requeues(&self) -> u32 {
        self.requeues
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
