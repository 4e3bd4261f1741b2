//! How a node is shown on the data plane, with the executions on it.
//!
//! Names stand in the recorded order. Only the data plane shows nodes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Fate, Node, NodeState, Run, Scheduling, TaskRun};
use crate::batch::allocation::NodeKind;
use crate::batch::supported_images::OsType;
use crate::batch::wire::timestamp;

/// As recorded; clients show it and nothing more.
const AGENT_VERSION: &str = "1.12.2";

impl Node {
    /// As the data plane shows it; names in the recorded order. `base` is the account's URL.
    pub(crate) fn render(&self, base: &str, pool: &str, now: Timestamp) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        let state = self.state(now);
        put("id", json!(self.id.as_str()));
        put("url", json!(self.url(base, pool)));
        put("state", json!(state.word()));
        put(
            "schedulingState",
            json!(if self.scheduling == Scheduling::Enabled {
                "enabled"
            } else {
                "disabled"
            }),
        );
        put("stateTransitionTime", json!(timestamp(self.since(now))));
        let spoken = state.has_agent() && self.agent <= now;
        if spoken {
            put("lastBootTime", json!(timestamp(self.agent)));
        }
        put("allocationTime", json!(timestamp(self.allocated)));
        put("ipAddress", json!(self.address.to_string()));
        put("affinityId", json!(self.affinity()));
        put("vmSize", json!(self.vm_size.to_ascii_lowercase()));
        let ended = self.runs.iter().filter(|run| run.run.end <= now);
        // The reference: "The total number of Job Tasks completed on the Compute Node."
        put("totalTasksRun", json!(ended.clone().count()));
        put(
            "totalTasksSucceeded",
            json!(ended.filter(|run| run.run.exit_code == 0).count()),
        );
        put("runningTasksCount", json!(self.runs_at(now).count()));
        put("runningTaskSlotsCount", json!(self.runs_at(now).count()));
        let recent = self.recent_tasks(base, now);
        if !recent.is_empty() {
            put("recentTasks", Value::Array(recent));
        }
        if let Some(task) = &self.start_task {
            put("startTask", task.clone());
        }
        if let Some(run) = self.start_run(now) {
            put("startTaskInfo", self.start_task_info(run, now));
        }
        if state == NodeState::Unusable {
            put("errors", Value::Array(self.errors()));
        }
        put("isDedicated", json!(self.kind == NodeKind::Dedicated));
        put("endpointConfiguration", self.endpoints());
        if spoken {
            put(
                "nodeAgentInfo",
                json!({"lastUpdateTime": timestamp(self.agent), "version": AGENT_VERSION}),
            );
        }
        put("virtualMachineInfo", json!({"imageReference": self.image}));
        Value::Object(body)
    }

    /// The node's address on the data plane.
    pub(crate) fn url(&self, base: &str, pool: &str) -> String {
        format!("{base}/pools/{pool}/nodes/{}", self.id)
    }

    /// What tasks name to get onto this node.
    pub(crate) fn affinity(&self) -> String {
        format!("TVM:{}", self.id)
    }

    /// Public port of the remote login rule; a documentation address stands for the load balancer.
    pub(crate) fn login(&self) -> (&'static str, u32) {
        ("203.0.113.10", 50_000 + self.rank % 10_000)
    }

    fn endpoints(&self) -> Value {
        let (address, port) = self.login();
        // Recorded: the name stays the same where the port is that of remote desktop.
        let backend = match self.os {
            OsType::Linux => 22,
            OsType::Windows => 3389,
        };
        json!({"inboundEndpoints": [{
            "name": "SSHRule.0", "protocol": "tcp", "publicIPAddress": address,
            "publicFQDN": "nodes.azurebatch-cloudservice.example", "frontendPort": port, "backendPort": backend
        }]})
    }

    fn errors(&self) -> Vec<Value> {
        match &self.fate {
            Fate::Unusable {
                code: Some(code),
                details,
            } => {
                let details = details
                    .iter()
                    .map(|(name, value)| json!({"name": name, "value": value}));
                let details: Vec<Value> = details.collect();
                vec![json!({"code": code, "message": "The node is in an unusable state.", "errorDetails": details})]
            }
            _ => Vec::new(),
        }
    }

    fn recent_tasks(&self, base: &str, now: Timestamp) -> Vec<Value> {
        let begun: Vec<&TaskRun> = self.runs.iter().filter(|run| run.run.start <= now).collect();
        // Ten is the number that the reference gives for recentTasks.
        begun
            .into_iter()
            .rev()
            .take(10)
            .map(|run| run.render(base, now))
            .collect()
    }

    fn start_task_info(&self, run: &Run, now: Timestamp) -> Value {
        let mut body = run.render(now);
        let state = if run.end <= now { "completed" } else { "running" };
        body.insert("state".to_owned(), json!(state));
        body.insert("retryCount".to_owned(), json!(0));
        Value::Object(body)
    }
}

impl Run {
    /// `startTime`, and once it has ended `endTime`, `exitCode`, `result` and `failureInfo`.
    pub(crate) fn render(&self, now: Timestamp) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("startTime".to_owned(), json!(timestamp(self.start)));
        if self.end > now {
            return body;
        }
        body.insert("endTime".to_owned(), json!(timestamp(self.end)));
        body.insert("exitCode".to_owned(), json!(self.exit_code));
        if self.exit_code != 0 {
            body.insert("failureInfo".to_owned(), failure(self.exit_code));
        }
        body.insert(
            "result".to_owned(),
            json!(if self.exit_code == 0 { "success" } else { "failure" }),
        );
        body
    }
}

impl TaskRun {
    fn render(&self, base: &str, now: Timestamp) -> Value {
        let mut run = self.run.render(now);
        run.insert("retryCount".to_owned(), json!(0));
        run.insert("requeueCount".to_owned(), json!(0));
        let state = if self.run.end <= now { "completed" } else { "running" };
        json!({
            "taskUrl": format!("{base}/jobs/{}/tasks/{}", self.job, self.task),
            "jobId": self.job.as_str(), "taskId": self.task.as_str(), "taskState": state, "executionInfo": run
        })
    }
}

fn failure(exit_code: i32) -> Value {
    json!({
        "category": "usererror", "code": "FailureExitCode",
        "message": "The task exited with an exit code representing a failure",
        "details": [{"name": "Message", "value": format!("The task exited with exit code {exit_code}")}]
    })
}
