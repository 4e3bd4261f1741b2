//! What a roll-out will do, as steps: from what is asked for and a first look at the pool. It writes nothing.
//!
//! The steps are what the first look shows. A pool that changes afterwards is looked at and decided about again.

use std::fmt;

use serde::Serialize;

use super::{
    counted::{bare, counted},
    decide::{Intent, Next, Stage, Waiting},
    explain::refused,
    pool::PoolAccess,
    size::timeout,
    spec::{SPEC, unusable},
};
use crate::{
    error::Result,
    ids::{NodeCounts, PoolId, resource::ImageVersionId},
    plan::{Effect, Plan, Step},
};

/// A step of a roll-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum RolloutStep {
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
    /// The nodes become ready.
    AwaitNodes {
        /// The pool.
        pool: PoolId,
        /// So many are enough.
        needed: NodeCounts,
    },
}

/// What the first look has come to.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The steps.
    pub(super) plan: Plan<RolloutStep>,
    /// What the pool's size calls for.
    pub(super) size: Size,
}

/// What a pool's size calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Nothing: it is as wanted.
    Reached,
    /// A write or a wait that brings no node of ours.
    NoNewNodes,
    /// A write that asks for more nodes than there are.
    NewNodes,
}

impl Step for RolloutStep {
    fn effect(&self) -> Effect {
        match self {
            Self::CreatePool { .. } => Effect::Create,
            Self::StopOtherResize { .. } | Self::ResizePool { .. } => Effect::Change,
            Self::AwaitDeletion { .. }
            | Self::AwaitOtherResize { .. }
            | Self::JoinResize { .. }
            | Self::AwaitNodes { .. } => Effect::Wait,
        }
    }
}

impl fmt::Display for RolloutStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwaitDeletion { pool } => write!(f, "wait until the old pool {pool} is gone"),
            Self::AwaitOtherResize { pool, targets } => {
                write!(
                    f,
                    "wait for the end of a resize of pool {pool} to {}",
                    counted(*targets)
                )
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
            } => write!(
                f,
                "resize pool {pool} from {} to {}{}",
                bare(*from),
                counted(*targets),
                in_rounds(timeouts_minutes)
            ),
            Self::JoinResize { pool, targets } => {
                write!(
                    f,
                    "wait for the end of the resize of pool {pool} to {}",
                    counted(*targets)
                )
            }
            Self::AwaitNodes { pool, needed } => write!(f, "wait until {} of pool {pool} are ready", counted(*needed)),
        }
    }
}

/// Looks at the pool.
///
/// # Errors
/// `Refused` with the reason and what works instead, `BadInput` when something that only a new pool needs is missing, or
/// when the pool cannot be read.
pub(super) async fn look(access: &PoolAccess<'_>, intent: &Intent, rounds: u32) -> Result<Beginning> {
    let pool = access.find().await?;
    let next = intent.decide(Stage::Before, pool.as_ref());
    if let Next::Refuse(refusal) = next {
        return Err(refused(access.id(), refusal));
    }
    let will_be_made = matches!(next, Next::Create | Next::Wait(Waiting::Deletion));
    if will_be_made {
        // Nothing is written for a pool that could not be created afterwards.
        let body = intent.spec.create_body(intent.goal.targets, intent.first_timeout());
        body.map_err(|faults| unusable(access.id(), &faults))?;
    } else if pool.as_ref().is_some_and(|pool| pool.metadata(SPEC).is_none()) {
        note_foreign(access);
    }
    let current = match &pool {
        Some(pool) if !will_be_made => pool.current,
        _ => NodeCounts::default(),
    };
    Ok(Beginning {
        plan: steps(intent, &next, rounds),
        size: match next {
            Next::Sized(_) => Size::Reached,
            Next::Join(_) => Size::NoNewNodes,
            _ if intent.goal.is_more_than(current) => Size::NewNodes,
            _ => Size::NoNewNodes,
        },
    })
}

fn note_foreign(access: &PoolAccess<'_>) {
    let text = format!(
        "pool {} was not made by a roll-out: it is compared by image version, VM size and node agent only",
        access.id()
    );
    access.client().run().progress.note(text);
}

/// ", resize timeouts of 30, 45, 68 minutes": one for each round that there may be.
fn in_rounds(minutes: &[u64]) -> String {
    let minutes: Vec<String> = minutes.iter().map(ToString::to_string).collect();
    format!(", resize timeouts of {} minutes", minutes.join(", "))
}

/// The steps that follow from the first decision.
fn steps(intent: &Intent, next: &Next<'_>, rounds: u32) -> Plan<RolloutStep> {
    let (pool, targets) = (intent.spec.id().clone(), intent.goal.targets);
    let timeouts_minutes = || {
        let all = timeout::rounds(intent.first_timeout(), targets.total(), rounds);
        all.map(|timeout| timeout.as_secs() / 60).collect()
    };
    let create = || RolloutStep::CreatePool {
        pool: pool.clone(),
        version: intent.spec.version().clone(),
        targets,
        timeouts_minutes: timeouts_minutes(),
    };
    let resize = |from| RolloutStep::ResizePool {
        pool: pool.clone(),
        from,
        targets,
        timeouts_minutes: timeouts_minutes(),
    };
    let mut steps = match next {
        Next::Create => vec![create()],
        Next::Wait(Waiting::Deletion) => vec![RolloutStep::AwaitDeletion { pool: pool.clone() }, create()],
        Next::Wait(Waiting::OtherResize(other)) => vec![
            RolloutStep::AwaitOtherResize {
                pool: pool.clone(),
                targets: *other,
            },
            resize(*other),
        ],
        Next::StopOther(found) => vec![
            RolloutStep::StopOtherResize {
                pool: pool.clone(),
                targets: found.targets,
            },
            resize(found.current),
        ],
        Next::Resize(found) => vec![resize(found.current)],
        Next::Join(_) => vec![RolloutStep::JoinResize {
            pool: pool.clone(),
            targets,
        }],
        Next::Wait(Waiting::OurResize) | Next::RoundEnded(..) | Next::Sized(_) | Next::Refuse(_) => Vec::new(),
    };
    steps.push(RolloutStep::AwaitNodes {
        pool: pool.clone(),
        needed: intent.goal.needed,
    });
    Plan::new(steps)
}
