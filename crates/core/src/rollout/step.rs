//! The steps of a roll-out as people and programs read them.
//!
//! Which steps there are is decided in `plan`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    asked::AskedGates,
    counted::{bare, counted},
    kept_pool::KeptPool,
    live,
};
use crate::{
    choice::Choice,
    ids::{Location, NodeCounts, PoolId, resource::ImageVersionId},
    plan::{Effect, Step},
    settings::Autoscale,
};

/// A step of a roll-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum RolloutStep {
    /// Which version the rule means that was given.
    ChooseVersion(Choice),
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
    /// Tags of the pool change; its nodes stay.
    TagPool {
        /// The pool.
        pool: PoolId,
        /// Their names.
        tags: Vec<String>,
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
    /// Which strategy is used, where that was to be chosen.
    ChooseStrategy {
        /// The pool.
        pool: PoolId,
        /// The strategy.
        strategy: &'static str,
        /// Which is possible, and what it costs.
        why: String,
    },
    /// A roll-out to a second pool that an earlier run began comes to its end.
    ResumeShift {
        /// The former pool.
        pool: PoolId,
        /// The second pool.
        new_pool: PoolId,
        /// When it began.
        since: Timestamp,
        /// Whether the work goes back to the former pool.
        back: bool,
    },
    /// Jobs move to a second pool as it grows.
    MoveJobs {
        /// The pool that they run on.
        pool: PoolId,
        /// The second pool.
        new_pool: PoolId,
        /// Their ids.
        jobs: Vec<String>,
        /// What happens to the tasks that run.
        running_tasks: &'static str,
    },
    /// Disabled jobs get the second pool and stay disabled.
    PointJobs {
        /// The pool that they name.
        pool: PoolId,
        /// The second pool.
        new_pool: PoolId,
        /// Their ids.
        jobs: Vec<String>,
    },
    /// A second pool grows, and the former one shrinks.
    ShiftNodes {
        /// The former pool.
        pool: PoolId,
        /// The second pool.
        new_pool: PoolId,
        /// The nodes of the second pool then.
        new: NodeCounts,
        /// The nodes of the former pool then.
        old: NodeCounts,
        /// How long the new nodes are watched before the former pool shrinks.
        minutes: u64,
    },
    /// Gates are asked whether the roll-out may go on.
    AskGates(AskedGates),
    /// The former pool stays without nodes for a while.
    KeepPool(KeptPool),
    /// A former pool goes whose time is over.
    DeleteFormerPool {
        /// The pool.
        pool: PoolId,
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
        /// What keeps a return from bringing all back; one that does is possible when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        on_return: Option<String>,
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
    /// Tasks on the new nodes are compared with those on the former ones.
    CompareTasks {
        /// The pool with the new nodes.
        pool: PoolId,
        /// The pool with the former ones; the same in place.
        with: PoolId,
        /// From so many new nodes on.
        nodes: NodeCounts,
        /// How long after each step.
        minutes: u64,
        /// What happens when more fail.
        then: &'static str,
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
    /// Ill nodes are rebooted or removed, and the pool grows again.
    HealNodes {
        /// The pool.
        pool: PoolId,
        /// The nodes that are ill now.
        nodes: Vec<String>,
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
            Self::DeleteFormerPool { .. } => Effect::Irreversible,
            Self::RaiseReplicas { .. }
            | Self::UpdatePool { .. }
            | Self::TagPool { .. }
            | Self::ResumeChange { .. }
            | Self::ResumeShift { .. }
            | Self::MoveJobs { .. }
            | Self::PointJobs { .. }
            | Self::ShiftNodes { .. }
            | Self::HoldJobs { .. }
            | Self::EmptyPool { .. }
            | Self::ChangePool { .. }
            | Self::TryImage { .. }
            | Self::ReleaseJobs { .. }
            | Self::StopOtherResize { .. }
            | Self::HealNodes { .. }
            | Self::EnableAutoscale { .. }
            | Self::DisableAutoscale { .. }
            | Self::ResizePool { .. } => Effect::Change,
            Self::AwaitReplicas { .. }
            | Self::AwaitDeletion { .. }
            | Self::AwaitOtherResize { .. }
            | Self::JoinResize { .. }
            | Self::ChooseVersion(_)
            | Self::ChooseStrategy { .. }
            | Self::KeepPool(_)
            | Self::CompareTasks { .. }
            | Self::AskGates(_)
            | Self::AwaitAutoscale { .. }
            | Self::AwaitNodes { .. } => Effect::Wait,
        }
    }
}

impl RolloutStep {
    /// Whether a pool is made.
    pub(super) const fn is_creation(&self) -> bool {
        matches!(self, Self::CreatePool { .. } | Self::CreateAutoscalePool { .. })
    }

    /// The line of a step about the nodes of a pool: whose number a formula decides, that are healed, or of
    /// which gates are asked.
    fn of_nodes(&self) -> String {
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
            Self::HealNodes { pool, nodes } => format!(
                "reboot or remove the ill nodes of pool {pool} ({}), and grow it again",
                nodes.join(", ")
            ),
            Self::AskGates(asked) => asked.to_string(),
            Self::TagPool { pool, tags } => format!("change tags of pool {pool} ({})", tags.join(", ")),
            Self::AwaitAutoscale { pool } => {
                format!("wait until the nodes that the formula asks for in pool {pool} are ready")
            }
            _ => String::new(),
        }
    }

    /// The line of a step that changes a pool in place, or moves its work to a second one.
    fn changing(&self) -> String {
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
                let on_return = return_is(on_return.as_deref());
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
            _ => self.blue_green(),
        }
    }
}

impl RolloutStep {
    /// The line of a step with two pools.
    fn blue_green(&self) -> String {
        match self {
            Self::ChooseStrategy { pool, strategy, why } => format!("change pool {pool} by {strategy}: {why}"),
            Self::ResumeShift {
                pool,
                new_pool,
                since,
                back,
            } => {
                let (from, to) = if *back { (new_pool, pool) } else { (pool, new_pool) };
                format!("go on moving the work of pool {from} to pool {to}, by the roll-out that began {since}")
            }
            Self::MoveJobs {
                pool,
                new_pool,
                jobs,
                running_tasks,
            } => moved(pool, new_pool, jobs, running_tasks),
            Self::PointJobs { pool, new_pool, jobs } => format!(
                "point the disabled jobs of pool {pool} ({}) to pool {new_pool}; they stay disabled",
                jobs.join(", ")
            ),
            Self::ShiftNodes {
                pool,
                new_pool,
                new,
                old,
                minutes,
            } => {
                let watch = match minutes {
                    0 => String::new(),
                    minutes => format!(", watch them for {minutes} minutes"),
                };
                let (new, old) = (counted(*new), counted(*old));
                format!("bring pool {new_pool} to {new}{watch}, move its part of the jobs, shrink pool {pool} to {old}")
            }
            Self::CompareTasks {
                pool,
                with,
                nodes,
                minutes,
                then,
            } => {
                let (when, whose) = if pool == with {
                    (
                        "once its jobs run".to_owned(),
                        "before, which is not the same time".to_owned(),
                    )
                } else {
                    let when = format!("after each step from {} on", counted(*nodes));
                    (when, format!("in pool {with}"))
                };
                format!("compare tasks in pool {pool} with those {whose}, for {minutes} minutes {when}; {then}")
            }
            Self::KeepPool(kept) => kept.to_string(),
            Self::DeleteFormerPool { pool } => format!("delete the former pool {pool}, whose time is over"),
            _ => String::new(),
        }
    }
}

impl fmt::Display for RolloutStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChooseVersion(choice) => write!(f, "take {}", choice.title()),
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
            Self::UpdatePool { pool, settings } => {
                write!(f, "change {}", live::changed(settings, &format!(" of pool {pool}")))
            }
            Self::CreateAutoscalePool { .. }
            | Self::EnableAutoscale { .. }
            | Self::DisableAutoscale { .. }
            | Self::AwaitAutoscale { .. }
            | Self::AskGates(_)
            | Self::TagPool { .. }
            | Self::HealNodes { .. } => f.write_str(&self.of_nodes()),
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
            _ => f.write_str(&self.changing()),
        }
    }
}

fn moved(pool: &PoolId, new_pool: &PoolId, jobs: &[String], running_tasks: &str) -> String {
    let text = format!(
        "move the jobs of pool {pool} ({}) to pool {new_pool} as it grows: each is disabled, its running tasks \
         {running_tasks}, then it is pointed there and enabled",
        jobs.join(", ")
    );
    match jobs {
        // A job has one pool.
        [one] => format!("{text}; {one} cannot be split, so it starts no task until its running ones have ended"),
        _ => text,
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

const fn return_is(kept: Option<&str>) -> &str {
    match kept {
        Some(kept) => kept,
        None => "a return is possible",
    }
}
