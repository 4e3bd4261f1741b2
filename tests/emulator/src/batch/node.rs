//! A compute node: its life as a timeline, its start task, and the tasks it runs.
//!
//! It does not decide whether nodes come; `allocation` and `pool` do. `node/render` shows nodes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::allocation::NodeKind;
use super::ids::{JobId, NodeId, TaskId};
use super::misfortune::Misfortune;
use super::pace::Pace;
use super::supported_images::OsType;
use super::timeline::Timeline;
use crate::timing::Timing;

mod render;

/// A node's state; `running` and `offline` follow from its tasks and its scheduling and are never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Creating,
    Starting,
    WaitingForStartTask,
    StartTaskFailed,
    Idle,
    Running,
    Offline,
    Preempted,
    Unknown,
    Unusable,
    Rebooting,
    Reimaging,
    UpgradingOs,
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
    Unusable {
        code: Option<String>,
        details: BTreeMap<String, String>,
    },
    /// Its start task ends with that exit code, and wrote that to standard error.
    StartTaskFails { exit_code: i32, output: Option<String> },
    /// Batch has lost contact with it and knows nothing more.
    Unknown,
    /// It is well, but nothing is scheduled on it.
    Offline,
    /// Azure takes it away for a time, which only spot nodes suffer.
    Preempted(Preemption),
}

/// When Azure takes a spot node away and gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preemption {
    /// From the moment at which the node shows, scaled.
    pub(crate) after: SignedDuration,
    /// From the preemption, scaled; `None` when never.
    pub(crate) returns: Option<SignedDuration>,
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
    /// The node's place among all that the pool ever had; decides its public port and small differences in time.
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
    pub(crate) os: OsType,
    pub(crate) address: Ipv4Addr,
    pub(crate) fate: Fate,
    pub(crate) scheduling: Scheduling,
    /// Since when the scheduling is as it is.
    scheduled: Timestamp,
    /// The start task as it was when the node last booted.
    pub(crate) start_task: Option<Value>,
    pub(crate) runs: Vec<TaskRun>,
    /// Which of its tasks fail by chance.
    pub(crate) misfortune: Option<Misfortune>,
    life: Timeline<NodeState>,
    /// When the node agent first spoke after the last boot.
    agent: Timestamp,
    start_run: Option<Run>,
}

/// What a boot depends on in addition to the node.
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
    pub(crate) os: OsType,
    pub(crate) address: Ipv4Addr,
    pub(crate) fate: Fate,
    pub(crate) misfortune: Option<Misfortune>,
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
            Self::Offline => "offline",
            Self::Preempted => "preempted",
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::Rebooting => "rebooting",
            Self::Reimaging => "reimaging",
            Self::UpgradingOs => "upgradingos",
            Self::Deallocating => "deallocating",
            Self::Deallocated => "deallocated",
            Self::LeavingPool => "leavingpool",
        }
    }

    /// Whether the node agent speaks in this state.
    fn has_agent(self) -> bool {
        matches!(
            self,
            Self::WaitingForStartTask
                | Self::StartTaskFailed
                | Self::Idle
                | Self::Running
                | Self::Offline
                | Self::LeavingPool
        )
    }

    /// Whether reboot and deallocate are allowed.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Idle | Self::Running | Self::Offline)
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
            os: plan.os,
            address: plan.address,
            scheduling: if plan.fate == Fate::Offline {
                Scheduling::Disabled
            } else {
                Scheduling::Enabled
            },
            fate: plan.fate,
            scheduled: plan.allocated,
            start_task: plan.start_task,
            runs: Vec::new(),
            misfortune: plan.misfortune,
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
            NodeState::Idle if self.scheduling == Scheduling::Disabled => NodeState::Offline,
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
        moments.chain([begun, self.scheduled]).max().unwrap_or(begun)
    }

    /// From when on the node can take a task, if nothing else happens; `None` when it never will.
    pub(crate) fn ready_from(&self) -> Option<Timestamp> {
        let (at, state) = self.life.last();
        let ready = state == NodeState::Idle && self.scheduling == Scheduling::Enabled && self.removed.is_none();
        ready.then_some(at)
    }

    /// Lets tasks on the node from now on, or none.
    pub(crate) fn schedule(&mut self, wanted: Scheduling, now: Timestamp) {
        self.scheduling = wanted;
        self.scheduled = now;
    }

    /// When Azure takes the node away, if it is to happen.
    pub(crate) fn preempted_at(&self) -> Option<Timestamp> {
        match &self.fate {
            Fate::Preempted(preemption) if self.removed.is_none() => self.allocated.checked_add(preemption.after).ok(),
            _ => None,
        }
    }

    /// Takes the node away at `at`; a new one may come back under its id. Returns the tasks that this interrupts.
    pub(crate) fn preempt(&mut self, at: Timestamp, boot: Boot<'_>) -> Vec<TaskRun> {
        let returns = match std::mem::take(&mut self.fate) {
            Fate::Preempted(preemption) => preemption.returns,
            _ => None,
        };
        let interrupted = self.interrupt(at);
        self.change(at, NodeState::Preempted);
        if let Some(back) = returns.and_then(|returns| at.checked_add(returns).ok()) {
            self.life = self.life.clone().then(back, NodeState::Creating);
            self.come_up(back, boot);
        }
        interrupted
    }

    /// Ends what runs on the node at `at`.
    pub(crate) fn interrupt(&mut self, at: Timestamp) -> Vec<TaskRun> {
        let running = |run: &&mut TaskRun| run.run.start <= at && at < run.run.end;
        let stop = |run: &mut TaskRun| {
            let interrupted = run.clone();
            run.run.end = at;
            interrupted
        };
        self.runs.iter_mut().filter(running).map(stop).collect()
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

    /// Puts another image on the node at `at`, as a reboot with a new OS disk. Returns the tasks that this interrupts.
    pub(crate) fn upgrade(&mut self, image: Value, at: Timestamp, boot: Boot<'_>) -> Vec<TaskRun> {
        let interrupted = self.interrupt(at);
        self.image = image;
        self.change(at, NodeState::UpgradingOs);
        let up = at + boot.timing.scaled(boot.pace.upgrading);
        self.come_up_from(up, boot);
        interrupted
    }

    /// When its last task ends that runs at `at`, or `at` itself.
    pub(crate) fn without_tasks_from(&self, at: Timestamp) -> Timestamp {
        let ends = self.runs_at(at).map(|run| run.run.end).max();
        ends.map_or(at, |end| self.without_tasks_from(end))
    }

    /// When it has come to the end of what is known of its life.
    pub(crate) fn settles_at(&self) -> Timestamp {
        self.life.last().0
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
        let lost = match self.fate {
            Fate::Unusable { .. } => Some(NodeState::Unusable),
            Fate::Unknown => Some(NodeState::Unknown),
            Fate::Ready | Fate::StartTaskFails { .. } | Fate::Offline | Fate::Preempted(_) => None,
        };
        if let Some(state) = lost {
            self.life = self.life.clone().then(created, state);
            return;
        }
        self.come_up_from(created, boot);
    }

    fn come_up_from(&mut self, at: Timestamp, boot: Boot<'_>) {
        let starting = match self.os {
            OsType::Linux => boot.pace.starting,
            OsType::Windows => boot.pace.starting_windows,
        };
        let started = at + boot.timing.scaled(starting);
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

    /// What its start task wrote to standard error, where that was said.
    pub(crate) fn start_output(&self) -> Option<&str> {
        match &self.fate {
            Fate::StartTaskFails { output, .. } => output.as_deref(),
            _ => None,
        }
    }

    fn start_exit_code(&self) -> i32 {
        match &self.fate {
            Fate::StartTaskFails { exit_code, .. } => *exit_code,
            Fate::Ready | Fate::Unusable { .. } | Fate::Unknown | Fate::Offline | Fate::Preempted(_) => 0,
        }
    }
}

/// The address of a node outside any subnet of the caller's, by its place among all that the pool ever had: the first
/// gets 10.0.0.4, as recorded.
pub(crate) fn default_address(rank: u32) -> Ipv4Addr {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 4));
    Ipv4Addr::from(first.saturating_add(rank))
}

#[cfg(test)]
mod tests;
