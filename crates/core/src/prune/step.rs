//! The steps of retention.
//!
//! Which there are is decided in `decide`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    compute::{gallery::SoftDeletion, version},
    ids::resource::ImageVersionId,
    plan::{Effect, Step},
    rights::{self, Need},
};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum PruneStep {
    /// A version is excluded from latest and gets an end of life; a later run deletes it.
    Deprecate {
        /// The version.
        version: ImageVersionId,
        /// From when on it may be deleted.
        ends: Timestamp,
    },
    /// A version is being deleted, by an earlier run or by others.
    AwaitDeletion {
        /// The version.
        version: ImageVersionId,
    },
    /// A version is deleted.
    Delete {
        /// The version.
        version: ImageVersionId,
        /// How long the gallery keeps what is deleted; absent when it does not.
        soft: Option<SoftDeletion>,
    },
}

impl PruneStep {
    /// The version that it is about.
    #[must_use]
    pub const fn version(&self) -> &ImageVersionId {
        match self {
            Self::Deprecate { version, .. } | Self::AwaitDeletion { version } | Self::Delete { version, .. } => version,
        }
    }
}

impl PruneStep {
    /// The right that it needs; waiting needs none that the look did not need.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        let deed = match self {
            Self::Deprecate { .. } => (
                "Microsoft.Compute/galleries/images/versions/write",
                "to exclude versions from latest and give them an end of life",
            ),
            Self::Delete { .. } => (
                "Microsoft.Compute/galleries/images/versions/delete",
                "to delete versions that nothing needs",
            ),
            Self::AwaitDeletion { .. } => return None,
        };
        Some(rights::version_of(&self.version().definition(), deed))
    }
}

impl Step for PruneStep {
    fn effect(&self) -> Effect {
        match self {
            Self::Deprecate { .. } => Effect::Change,
            Self::AwaitDeletion { .. } => Effect::Wait,
            Self::Delete { soft: Some(_), .. } => Effect::Remove,
            Self::Delete { soft: None, .. } => Effect::Irreversible,
        }
    }
}

impl fmt::Display for PruneStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deprecate { version, ends } => {
                let (title, day) = (version::title(version), ends.strftime("%Y-%m-%d"));
                write!(
                    f,
                    "exclude image version {title} from latest and let its life end on {day}"
                )
            }
            Self::AwaitDeletion { version } => {
                write!(f, "wait until image version {} is gone", version::title(version))
            }
            Self::Delete { version, soft: None } => write!(f, "delete image version {}", version::title(version)),
            Self::Delete {
                version,
                soft: Some(soft),
            } => {
                let title = version::title(version);
                write!(f, "delete image version {title}: {}", phases(*soft))
            }
        }
    }
}

/// What becomes of a deleted version in a gallery that keeps it.
fn phases(soft: SoftDeletion) -> String {
    let usable = format!("usable by its id for {} more days", soft.usable_days);
    match soft.restorable_days {
        0 => format!("{usable}, then gone"),
        days => format!("{usable}, then only restorable for {days} days, then gone"),
    }
}
