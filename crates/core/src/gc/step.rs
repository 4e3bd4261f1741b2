//! The steps of removing leftovers.
//!
//! Which there are is decided in `choose`.

use std::fmt;

use serde::Serialize;

use crate::{
    ids::PoolId,
    plan::{Effect, Step},
};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum GcStep {
    /// Addresses at which a snapshot can be read become invalid: before that Azure does not delete it.
    EndAccess {
        /// The snapshot.
        snapshot: String,
    },
    /// A snapshot goes.
    RemoveSnapshot {
        /// The snapshot.
        snapshot: String,
    },
    /// A managed image goes.
    RemoveImage {
        /// The image.
        image: String,
    },
    /// A pool that tested a version goes, with its job.
    RemovePool {
        /// The pool.
        pool: PoolId,
        /// Its Batch account.
        account: String,
    },
}

impl Step for GcStep {
    fn effect(&self) -> Effect {
        match self {
            Self::EndAccess { .. } => Effect::Change,
            Self::RemoveSnapshot { .. } | Self::RemoveImage { .. } | Self::RemovePool { .. } => Effect::Remove,
        }
    }
}

impl fmt::Display for GcStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndAccess { snapshot } => write!(f, "end the access to snapshot {snapshot}"),
            Self::RemoveSnapshot { snapshot } => write!(f, "remove snapshot {snapshot}"),
            Self::RemoveImage { image } => write!(f, "remove managed image {image}"),
            Self::RemovePool { pool, account } => write!(f, "remove pool {pool} in {account}, which tested a version"),
        }
    }
}
