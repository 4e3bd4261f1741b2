//! The steps of a roll-out as people and programs read them.
//!
//! Which steps there are is decided in `plan`.

use std::fmt;

use serde::Serialize;

use super::counted::{bare, counted};
use crate::{
    ids::{Location, NodeCounts, PoolId, resource::ImageVersionId},
    plan::{Effect, Step},
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

impl Step for RolloutStep {
    fn effect(&self) -> Effect {
        match self {
            Self::CreatePool { .. } => Effect::Create,
            Self::RaiseReplicas { .. }
            | Self::UpdatePool { .. }
            | Self::StopOtherResize { .. }
            | Self::ResizePool { .. } => Effect::Change,
            Self::AwaitReplicas { .. }
            | Self::AwaitDeletion { .. }
            | Self::AwaitOtherResize { .. }
            | Self::JoinResize { .. }
            | Self::AwaitNodes { .. } => Effect::Wait,
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
            } => {
                let (nodes, rounds) = (counted(*targets), in_rounds(timeouts_minutes));
                write!(f, "create pool {pool} with {nodes} on {version}{rounds}")
            }
            Self::ResizePool {
                pool,
                from,
                targets,
                timeouts_minutes,
            } => {
                let (nodes, rounds) = (counted(*targets), in_rounds(timeouts_minutes));
                write!(f, "resize pool {pool} from {} to {nodes}{rounds}", bare(*from))
            }
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

/// ", resize timeouts of 30, 45, 68 minutes": one for each round that there may be.
fn in_rounds(minutes: &[u64]) -> String {
    let minutes: Vec<String> = minutes.iter().map(ToString::to_string).collect();
    format!(", resize timeouts of {} minutes", minutes.join(", "))
}
