//! A compute node: its life as a timeline, its start task, the tasks it runs, and how it is shown.
//!
//! It does not decide whether nodes come; `allocation` and `pool` do.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::allocation::NodeKind;
use super::ids::{JobId, NodeId, TaskId};
use super::pace::Pace;
use super::timeline::Timeline;
use super::wire::timestamp;
use crate::timing::Timing;

/// A node's state; `running` follows from its tasks and is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Creating,
    Starting,
    WaitingForStartTask,
    StartTaskFailed,
    Idle,
    Running,
    Unusable,
    Rebooting,
    Reimaging,
    Deallocating,
    Deallocated,
    LeavingPool,
}

/// How a node turns out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Well.
    #[default]
    Ready,
    /// Batch loses it; `errors` stays empty without a code.
    Unusable { code: Option<String> },
    /// Its start task ends with that exit code.
    StartTaskFails { exit_code: i32 },
}

/// A node's readiness to take tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduling {
    Enabled,
    Disabled,
}

/// One execution of something on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) exit_code: i32,
}

/// A task's execution on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskRun {
    pub(crate) job: JobId,
    pub(crate) task: TaskId,
    pub(crate) run: Run,
}

/// One node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) kind: NodeKind,
    /// The node's place among all that the pool ever had; decides its addresses and small differences in time.
    pub(crate) rank: u32,
    /// When its capacity is there; it shows once the resize ends.
    pub(crate) arrives: Timestamp,
    /// When it shows.
    pub(crate) allocated: Timestamp,
    /// When it is gone.
    pub(crate) removed: Option<Timestamp>,
    /// As `virtualMachineInfo.imageReference` shows it.
    pub(crate) image: Value,
    pub(crate) vm_size: String,
    pub(crate) fate: Fate,
    pub(crate) scheduling: Scheduling,
    /// The start task as it was when the node last booted.
    pub(crate) start_task: Option<Value>,
    pub(crate) runs: Vec<TaskRun>,
    life: Timeline<NodeState>,
    /// When the node agent first spoke after the last boot.
    agent: Timestamp,
    start_run: Option<Run>,
}

/// What a boot depends on beside the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boot<'a> {
    pub(crate) pace: &'a Pace,
    pub(crate) timing: &'a Timing,
}

/// What a new node is made of.
#[derive(Clone, Debug)]
pub(crate) struct NodePlan {
    pub(crate) id: NodeId,
    pub(crate) kind: NodeKind,
    pub(crate) rank: u32,
    pub(crate) arrives: Timestamp,
    pub(crate) allocated: Timestamp,
    pub(crate) image: Value,
    pub(crate) vm_size: String,
    pub(crate) fate: Fate,
    pub(crate) start_task: Option<Value>,
}

impl NodeState {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Starting => "starting",
            Self::WaitingForStartTask => "waitingforstarttask",
            Self::StartTaskFailed => "starttaskfailed",
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Unusable => "unusable",
            Self::Rebooting => "rebooting",
            Self::Reimaging => "reimaging",
            Self::Deallocating => "deallocating",
            Self::Deallocated => "deallocated",
            Self::LeavingPool => "leavingpool",
        }
    }

    /// Whether the node agent speaks in this state.
    fn has_agent(self) -> bool {
        matches!(
            self,
            Self::WaitingForStartTask | Self::StartTaskFailed | Self::Idle | Self::Running | Self::LeavingPool
        )
    }

    /// Whether reboot and deallocate are allowed.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Idle | Self::Running)
    }
}

impl Node {
    /// A node that will show and live as planned.
    pub(crate) fn new(plan: NodePlan, boot: Boot<'_>) -> Self {
        let mut node = Self {
            id: plan.id,
            kind: plan.kind,
            rank: plan.rank,
            arrives: plan.arrives,
            allocated: plan.allocated,
            removed: None,
            image: plan.image,
            vm_size: plan.vm_size,
            fate: plan.fate,
            scheduling: Scheduling::Enabled,
            start_task: plan.start_task,
            runs: Vec::new(),
            life: Timeline::new(plan.allocated, NodeState::Creating),
            agent: plan.allocated,
            start_run: None,
        };
        node.come_up(plan.allocated, boot);
        node
    }

    /// A node that has long been idle, for pools that a seed describes.
    pub(crate) fn settled(plan: NodePlan) -> Self {
        let at = plan.allocated;
        let boot = Boot {
            pace: &Pace::default(),
            timing: &Timing::default(),
        };
        let mut node = Self::new(plan, boot);
        node.life = Timeline::new(at, NodeState::Idle);
        node.agent = at;
        node.start_run = node.start_task.as_ref().map(|_| Run {
            start: at,
            end: at,
            exit_code: 0,
        });
        node
    }

    /// Moves the moment at which the node shows, and its life with it.
    pub(crate) fn show_at(&mut self, at: Timestamp, boot: Boot<'_>) {
        self.allocated = at;
        self.life = Timeline::new(at, NodeState::Creating);
        self.come_up(at, boot);
    }

    /// Whether the pool counts it.
    pub(crate) fn is_present(&self, now: Timestamp) -> bool {
        self.allocated <= now && self.removed.is_none_or(|removed| now < removed)
    }

    /// The state at `now`.
    pub(crate) fn state(&self, now: Timestamp) -> NodeState {
        match self.life.at(now) {
            NodeState::Idle if self.runs_at(now).next().is_some() => NodeState::Running,
            state => state,
        }
    }

    /// When that state began.
    pub(crate) fn since(&self, now: Timestamp) -> Timestamp {
        let begun = self.life.since(now);
        if self.life.at(now) != NodeState::Idle {
            return begun;
        }
        let moments = self
            .runs
            .iter()
            .flat_map(|run| [run.run.start, run.run.end])
            .filter(|at| *at <= now);
        moments.chain([begun]).max().unwrap_or(begun)
    }

    /// From when on the node can take a task, if nothing else happens; `None` when it never will.
    pub(crate) fn ready_from(&self) -> Option<Timestamp> {
        let (at, state) = self.life.last();
        let ready = state == NodeState::Idle && self.scheduling == Scheduling::Enabled && self.removed.is_none();
        ready.then_some(at)
    }

    /// Takes the node down and up again, with today's start task. Whatever was wrong with it is over.
    pub(crate) fn restart(&mut self, state: NodeState, start_task: Option<Value>, now: Timestamp, boot: Boot<'_>) {
        let down = if state == NodeState::Reimaging {
            boot.pace.reimaging
        } else {
            boot.pace.rebooting
        };
        self.fate = Fate::Ready;
        self.start_task = start_task;
        self.change(now, state);
        let at = now + boot.timing.scaled(down);
        self.come_up_from(at, boot);
    }

    /// Stops paying for the node.
    pub(crate) fn deallocate(&mut self, now: Timestamp, boot: Boot<'_>) {
        self.change(now, NodeState::Deallocating);
        let at = now + boot.timing.scaled(boot.pace.deallocating);
        self.life = self.life.clone().then(at, NodeState::Deallocated);
    }

    /// Starts a deallocated node.
    pub(crate) fn start(&mut self, start_task: Option<Value>, now: Timestamp, boot: Boot<'_>) {
        self.start_task = start_task;
        self.life.cut(now);
        self.come_up_from(now, boot);
    }

    /// Lets the node leave from `at` on; it is gone when the leaving is done.
    pub(crate) fn leave(&mut self, at: Timestamp, gone: Timestamp) {
        self.life.cut(at);
        self.life = self.life.clone().then(at, NodeState::LeavingPool);
        self.removed = Some(gone);
    }

    /// The tasks on the node at `now`.
    pub(crate) fn runs_at(&self, now: Timestamp) -> impl Iterator<Item = &TaskRun> {
        self.runs
            .iter()
            .filter(move |run| run.run.start <= now && now < run.run.end)
    }

    /// The start task's execution, once it has begun.
    pub(crate) fn start_run(&self, now: Timestamp) -> Option<&Run> {
        self.start_run.as_ref().filter(|run| run.start <= now)
    }

    fn change(&mut self, now: Timestamp, state: NodeState) {
        self.life.cut(now);
        self.life = self.life.clone().then(now, state);
    }

    fn come_up(&mut self, from: Timestamp, boot: Boot<'_>) {
        // Nodes come at their own times: an eighth of a second apart, in eight groups.
        let late = boot.pace.creating / 80 * i32::try_from(self.rank % 8).unwrap_or_default();
        let created = from + boot.timing.scaled(boot.pace.creating + late);
        if let Fate::Unusable { .. } = self.fate {
            self.life = self.life.clone().then(created, NodeState::Unusable);
            return;
        }
        self.come_up_from(created, boot);
    }

    fn come_up_from(&mut self, at: Timestamp, boot: Boot<'_>) {
        let started = at + boot.timing.scaled(boot.pace.starting);
        let mut life = self.life.clone().then(at, NodeState::Starting);
        self.agent = started;
        self.start_run = self.start_task.as_ref().map(|_| Run {
            start: started,
            end: started + boot.timing.scaled(boot.pace.start_task),
            exit_code: self.start_exit_code(),
        });
        let waits = self.start_task.as_ref().and_then(|task| task.get("waitForSuccess")) != Some(&json!(false));
        match self.start_run.as_ref().filter(|_| waits) {
            Some(run) => {
                let after = if run.exit_code == 0 {
                    NodeState::Idle
                } else {
                    NodeState::StartTaskFailed
                };
                life = life.then(started, NodeState::WaitingForStartTask).then(run.end, after);
            }
            None => life = life.then(started, NodeState::Idle),
        }
        self.life = life;
    }

    fn start_exit_code(&self) -> i32 {
        match &self.fate {
            Fate::StartTaskFails { exit_code } => *exit_code,
            Fate::Ready | Fate::Unusable { .. } => 0,
        }
    }

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
        put("ipAddress", json!(self.ip_address()));
        put("affinityId", json!(self.affinity()));
        put("vmSize", json!(self.vm_size.to_ascii_lowercase()));
        let ended = self.runs.iter().filter(|run| run.run.end <= now);
        put(
            "totalTasksRun",
            json!(self.runs.iter().filter(|run| run.run.start <= now).count()),
        );
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

    /// Private address; the first node of a pool gets 10.0.0.4 as Azure's subnets begin there.
    pub(crate) fn ip_address(&self) -> String {
        let number = self.rank + 4;
        format!(
            "10.{}.{}.{}",
            (number >> 16) & 0xff,
            (number >> 8) & 0xff,
            number & 0xff
        )
    }

    /// Public port of the remote login rule; a documentation address stands for the load balancer.
    pub(crate) fn login(&self) -> (&'static str, u32) {
        ("203.0.113.10", 50_000 + self.rank % 10_000)
    }

    fn endpoints(&self) -> Value {
        let (address, port) = self.login();
        json!({"inboundEndpoints": [{
            "name": "SSHRule.0", "protocol": "tcp", "publicIPAddress": address,
            "publicFQDN": "nodes.azurebatch-cloudservice.example", "frontendPort": port, "backendPort": 22
        }]})
    }

    fn errors(&self) -> Vec<Value> {
        match &self.fate {
            Fate::Unusable { code: Some(code) } => {
                vec![json!({"code": code, "message": "The node is in an unusable state.", "errorDetails": []})]
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

/// As recorded; clients show it and nothing more.
const AGENT_VERSION: &str = "1.12.2";

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

fn failure(exit_code: i32) -> Value {
    json!({
        "category": "usererror", "code": "FailureExitCode",
        "message": "The task exited with an exit code representing a failure",
        "details": [{"name": "Message", "value": format!("The task exited with exit code {exit_code}")}]
    })
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

#[cfg(test)]
mod tests;
