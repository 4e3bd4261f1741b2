//! The steps of a roll-out as people and programs read them.
//!
//! Which steps there are is decided in `plan`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::counted::{bare, counted};
use crate::{
    ids::{Location, NodeCounts, PoolId, resource::ImageVersionId},
    plan::{Effect, Step},
    settings::Autoscale,
};

/// A step of a roll-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum RolloutStep {
    /// The version gets more replicas in the account's region.
    RaiseReplicas {
        /// The version.
        version: ImageVersionId,
        /// The region.
        region: Location,
        /// How many it has there; 0 when the region is new.
        from: u32,
        /// How many it will have.
        to: u32,
    },
    /// The version's replicas in the account's region get complete.
    AwaitReplicas {
        /// The version.
        version: ImageVersionId,
        /// The region.
        region: Location,
    },
    /// Settings change that can be changed while there are nodes, or the pool gets our mark.
    UpdatePool {
        /// The pool.
        pool: PoolId,
        /// What changes; nothing when it only gets our mark.
        settings: Vec<String>,
    },
    /// The old pool of that id goes first.
    AwaitDeletion {
        /// The pool.
        pool: PoolId,
    },
    /// A resize to other targets that another caller began ends first.
    AwaitOtherResize {
        /// The pool.
        pool: PoolId,
        /// Its targets.
        targets: NodeCounts,
    },
    /// A resize to other targets that another caller began is stopped.
    StopOtherResize {
        /// The pool.
        pool: PoolId,
        /// Its targets.
        targets: NodeCounts,
    },
    /// A change in place that an earlier run began comes to its end.
    ResumeChange {
        /// The pool.
        pool: PoolId,
        /// When it began.
        since: Timestamp,
        /// Whether it goes back to what the pool was.
        back: bool,
    },
    /// Jobs are marked and disabled.
    HoldJobs {
        /// The pool that they run on.
        pool: PoolId,
        /// Their ids.
        jobs: Vec<String>,
        /// What happens to the tasks that run.
        running_tasks: &'static str,
    },
    /// The pool's nodes go.
    EmptyPool {
        /// The pool.
        pool: PoolId,
        /// Its size now.
        from: NodeCounts,
    },
    /// The emptied pool gets another image or other settings.
    ChangePool {
        /// The pool.
        pool: PoolId,
        /// Its image now.
        from: String,
        /// Its image then.
        to: ImageVersionId,
        /// What else changes.
        settings: Vec<String>,
        /// What a return would not bring back; a return is possible either way.
        #[serde(skip_serializing_if = "Option::is_none")]
        on_return: Option<&'static str>,
    },
    /// Some nodes try the image before the pool grows.
    TryImage {
        /// The pool.
        pool: PoolId,
        /// How many.
        nodes: NodeCounts,
        /// Whether a command runs on each.
        has_command: bool,
        /// How long they must stay ready.
        minutes: u64,
    },
    /// The jobs that were held go on.
    ReleaseJobs {
        /// The pool that they run on.
        pool: PoolId,
        /// Their ids.
        jobs: Vec<String>,
    },
    /// The pool is created.
    CreatePool {
        /// The pool.
        pool: PoolId,
        /// The version its nodes will run.
        version: ImageVersionId,
        /// Its size.
        targets: NodeCounts,
        /// The timeouts of the resize rounds, as many as there may be.
        timeouts_minutes: Vec<u64>,
    },
    /// The pool is created, and a formula decides its size.
    CreateAutoscalePool {
        /// The pool.
        pool: PoolId,
        /// The version its nodes will run.
        version: ImageVersionId,
        /// The formula.
        autoscale: Autoscale,
    },
    /// A formula decides the pool's size from then on.
    EnableAutoscale {
        /// The pool.
        pool: PoolId,
        /// The formula.
        autoscale: Autoscale,
        /// What the formula comes to now, as Batch says; absent when that cannot be asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        now: Option<String>,
    },
    /// The formula that decides the pool's size is taken from it until the change has come to its end.
    DisableAutoscale {
        /// The pool.
        pool: PoolId,
    },
    /// The pool gets another size.
    ResizePool {
        /// The pool.
        pool: PoolId,
        /// Its size now.
        from: NodeCounts,
        /// Its size then.
        targets: NodeCounts,
        /// The timeouts of the resize rounds, as many as there may be.
        timeouts_minutes: Vec<u64>,
    },
    /// A resize to the same targets that another caller began ends.
    JoinResize {
        /// The pool.
        pool: PoolId,
        /// Its targets.
        targets: NodeCounts,
    },
    /// The nodes that the formula asks for become ready.
    AwaitAutoscale {
        /// The pool.
        pool: PoolId,
    },
    /// The nodes become ready.
    AwaitNodes {
        /// The pool.
        pool: PoolId,
        /// So many are enough.
        needed: NodeCounts,
    },
}

impl Step for RolloutStep {
    fn effect(&self) -> Effect {
        match self {
            Self::CreatePool { .. } | Self::CreateAutoscalePool { .. } => Effect::Create,
            Self::RaiseReplicas { .. }
            | Self::UpdatePool { .. }
            | Self::ResumeChange { .. }
            | Self::HoldJobs { .. }
            | Self::EmptyPool { .. }
            | Self::ChangePool { .. }
            | Self::TryImage { .. }
            | Self::ReleaseJobs { .. }
            | Self::StopOtherResize { .. }
            | Self::EnableAutoscale { .. }
            | Self::DisableAutoscale { .. }
            | Self::ResizePool { .. } => Effect::Change,
            Self::AwaitReplicas { .. }
            | Self::AwaitDeletion { .. }
            | Self::AwaitOtherResize { .. }
            | Self::JoinResize { .. }
            | Self::AwaitAutoscale { .. }
            | Self::AwaitNodes { .. } => Effect::Wait,
        }
    }
}

impl RolloutStep {
    /// The line of a step of a pool whose size a formula decides.
    fn of_formula(&self) -> String {
        match self {
            Self::CreateAutoscalePool {
                pool,
                version,
                autoscale,
            } => format!(
                "create pool {pool} on {version} with an autoscale formula{}",
                every(autoscale.minutes)
            ),
            Self::EnableAutoscale { pool, autoscale, now } => format!(
                "let the autoscale formula decide the size of pool {pool}{}{}",
                every(autoscale.minutes),
                now.as_ref()
                    .map_or_else(String::new, |now| format!("; now it comes to {now}"))
            ),
            Self::DisableAutoscale { pool } => {
                format!("take the autoscale formula from pool {pool}, and remember it in the pool's metadata")
            }
            Self::AwaitAutoscale { pool } => {
                format!("wait until the nodes that the formula asks for in pool {pool} are ready")
            }
            _ => String::new(),
        }
    }

    /// The line of a step that changes a pool in place.
    fn in_place(&self) -> String {
        match self {
            Self::ResumeChange {
                pool,
                since,
                back: false,
            } => {
                format!("go on with the change in place of pool {pool} that began {since}")
            }
            Self::ResumeChange {
                pool,
                since,
                back: true,
            } => {
                format!("go on bringing pool {pool} back from the change that began {since}")
            }
            Self::HoldJobs {
                pool,
                jobs,
                running_tasks,
            } => format!(
                "disable the jobs of pool {pool} ({}); their running tasks {running_tasks}",
                jobs.join(", ")
            ),
            Self::EmptyPool { pool, from } => {
                format!(
                    "remove the {} of pool {pool}, each once it runs no task",
                    counted(*from)
                )
            }
            Self::ChangePool {
                pool,
                from,
                to,
                settings,
                on_return,
            } => {
                let ((to, from), others) = (to.with_other(from), and_settings(settings));
                let on_return = return_is(*on_return);
                format!("give pool {pool} the image {to} in place of {from}{others}; {on_return}")
            }
            Self::TryImage {
                pool,
                nodes,
                has_command,
                minutes,
            } => {
                let command = if *has_command { ", run the command on each" } else { "" };
                let bake = match minutes {
                    0 => String::new(),
                    minutes => format!(", watch them for {minutes} minutes"),
                };
                format!("try the image on {} of pool {pool}{command}{bake}", counted(*nodes))
            }
            Self::ReleaseJobs { pool, jobs } => {
                format!("enable the jobs of pool {pool} again ({})", jobs.join(", "))
            }
            _ => String::new(),
        }
    }
}

impl fmt::Display for RolloutStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RaiseReplicas {
                version,
                region,
                from,
                to,
            } => write!(f, "raise the replicas of {version} in {region} from {from} to {to}"),
            Self::AwaitReplicas { version, region } => {
                write!(f, "wait until {version} is complete in {region}")
            }
            Self::UpdatePool { pool, settings } if settings.is_empty() => {
                write!(f, "mark pool {pool} as one of the roll-outs")
            }
            Self::UpdatePool { pool, settings } => write!(
                f,
                "change {} of pool {pool}; nodes that are there keep the old until they boot again",
                settings.join(", ")
            ),
            Self::ResumeChange { .. }
            | Self::HoldJobs { .. }
            | Self::EmptyPool { .. }
            | Self::ChangePool { .. }
            | Self::TryImage { .. }
            | Self::ReleaseJobs { .. } => f.write_str(&self.in_place()),
            Self::CreateAutoscalePool { .. }
            | Self::EnableAutoscale { .. }
            | Self::DisableAutoscale { .. }
            | Self::AwaitAutoscale { .. } => f.write_str(&self.of_formula()),
            Self::AwaitDeletion { pool } => write!(f, "wait until the old pool {pool} is gone"),
            Self::AwaitOtherResize { pool, targets } => {
                let nodes = counted(*targets);
                write!(f, "wait for the end of a resize of pool {pool} to {nodes}")
            }
            Self::StopOtherResize { pool, targets } => {
                write!(f, "stop the resize of pool {pool} to {}", counted(*targets))
            }
            Self::CreatePool {
                pool,
                version,
                targets,
                timeouts_minutes,
            } => write!(
                f,
                "create pool {pool} with {} on {version}{}",
                counted(*targets),
                in_rounds(timeouts_minutes)
            ),
            Self::ResizePool {
                pool,
                from,
                targets,
                timeouts_minutes,
            } => f.write_str(&resized(pool, *from, *targets, timeouts_minutes)),
            Self::JoinResize { pool, targets } => {
                let nodes = counted(*targets);
                write!(f, "wait for the end of the resize of pool {pool} to {nodes}")
            }
            Self::AwaitNodes { pool, needed } => write!(f, "wait until {} of pool {pool} are ready", counted(*needed)),
        }
    }
}

/// ", evaluated every 15 minutes"; nothing where that is not said.
fn every(minutes: Option<u32>) -> String {
    minutes.map_or_else(String::new, |minutes| format!(", evaluated every {minutes} minutes"))
}

/// ", resize timeouts of 30, 45, 68 minutes": one for each round that there may be.
fn in_rounds(minutes: &[u64]) -> String {
    let minutes: Vec<String> = minutes.iter().map(ToString::to_string).collect();
    format!(", resize timeouts of {} minutes", minutes.join(", "))
}

fn resized(pool: &PoolId, from: NodeCounts, targets: NodeCounts, timeouts_minutes: &[u64]) -> String {
    let (from, nodes, rounds) = (bare(from), counted(targets), in_rounds(timeouts_minutes));
    format!("resize pool {pool} from {from} to {nodes}{rounds}")
}

fn and_settings(settings: &[String]) -> String {
    if settings.is_empty() {
        String::new()
    } else {
        format!(", and change {}", settings.join(", "))
    }
}

fn return_is(kept: Option<&str>) -> String {
    kept.map_or_else(
        || "a return is possible".to_owned(),
        |kept| format!("a return is possible and {kept}"),
    )
}
