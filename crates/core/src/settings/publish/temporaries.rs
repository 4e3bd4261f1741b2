//! What may be made on the way, where it goes, and when it is removed.
//!
//! How it is read from values is in `settings/temporaries.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use crate::ids::{InvalidId, resource::ResourceGroupId};

/// What their names begin with when it is not given.
pub(in crate::settings) const USUAL_PREFIX: &str = "azure-batch";

/// Whether a managed image is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManagedImagePolicy {
    /// Where it can represent the machine.
    #[default]
    Auto,
    /// Always; a machine it cannot represent is refused.
    Always,
    /// Never: the version is made from snapshots.
    Never,
}

/// Where what a run creates on the way goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporaries {
    /// The resource group; the source's own when absent.
    pub group: Option<ResourceGroupId>,
    /// The beginning of their names.
    pub name_prefix: String,
    /// The user's own tags, on the temporaries and on the version.
    pub tags: BTreeMap<String, String>,
    /// What stays after a success.
    pub keep: BTreeSet<KeptKind>,
    /// What becomes of them when the run fails before the version's PUT.
    pub on_failure: OnFailure,
}

/// A kind of temporary that `keep` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptKind {
    /// The snapshots.
    Snapshots,
    /// The managed image.
    ManagedImage,
}

/// What becomes of temporaries when a run fails before the version's PUT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They are removed.
    #[default]
    Delete,
    /// They stay, and are named.
    Keep,
}

impl Default for Temporaries {
    fn default() -> Self {
        Self {
            group: None,
            name_prefix: USUAL_PREFIX.to_owned(),
            tags: BTreeMap::new(),
            keep: BTreeSet::new(),
            on_failure: OnFailure::default(),
        }
    }
}

impl FromStr for ManagedImagePolicy {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(InvalidId {
                value: text.to_owned(),
                expected: "auto, always or never",
            }),
        }
    }
}
