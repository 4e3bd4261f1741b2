//! Which number a version gets, where it goes, and what it says of itself.
//!
//! How it is read from values is in `settings/destination.rs`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;

use super::{Lun, ProfileJson};
use crate::{
    ids::{InvalidId, Location, VersionNumber, resource::DiskEncryptionSetId},
    options::{Opt, image},
    words,
    words::Words,
};

/// Which number a version gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionChoice {
    /// This one and no other.
    Explicit(VersionNumber),
    /// One more than the greatest within a line of versions.
    NextPatch {
        /// The line's first part.
        major: u32,
        /// The line's second part.
        minor: u32,
    },
    /// The beginning of a new line, one more than the greatest.
    NextMinor {
        /// The first part of all these lines.
        major: u32,
    },
}

/// A region of the version that was asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRegion {
    /// The region.
    pub location: Location,
    /// Replicas; what the pools there need when absent, one at least.
    pub replicas: Option<u32>,
    /// How many replicas at least, where the number is computed.
    pub at_least: Option<u32>,
    /// The storage of the replicas; that of the whole version when absent.
    pub storage: Option<ReplicaStorage>,
    /// Whether `latest` passes the version over in this region.
    pub latest: Latest,
    /// The user's own keys for the replicas; Azure's when absent.
    pub keys: Option<DiskKeys>,
    /// In which phase the version goes there, 1 or more; where pools wait the first and elsewhere the second when absent.
    pub phase: Option<u32>,
}

/// The disk encryption sets of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskKeys {
    /// Of the OS disk, and of each data disk without one of its own.
    pub os: DiskEncryptionSetId,
    /// Of data disks by their LUNs.
    pub data: BTreeMap<Lun, DiskEncryptionSetId>,
}

/// What the version itself says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionSettings {
    /// Whether `latest` passes it over.
    pub latest: Latest,
    /// When its life ends; it must lie ahead.
    pub end_of_life: Option<Timestamp>,
    /// The storage of its replicas.
    pub storage: ReplicaStorage,
    /// How it is replicated.
    pub replication: ReplicationMode,
    /// By which option that was chosen, where it is shallow.
    pub shallow_by: ShallowBy,
    /// Whether it may be deleted before its life ends.
    pub early_deletion: EarlyDeletion,
    /// The rest of its publishing profile.
    pub profile: ProfileJson,
}

/// When a publish is at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndsWhen {
    /// When the version is complete in all its regions, and nothing is left that was only needed on the way.
    #[default]
    Complete,
    /// When Azure has accepted the version, or the next change of it.
    Accepted,
}

/// How a version is replicated. It cannot be changed later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicationMode {
    /// As copies, to every region.
    #[default]
    Full,
    /// As a reference to its source, in its own region only: for tests.
    Shallow,
}

/// By which option a version is shallow: messages name what was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShallowBy {
    /// Ours, which has Azure's words.
    #[default]
    ReplicationMode,
    /// The switch that azure-arm has.
    UseShallowReplication,
}

/// Whether a version may be deleted before its life ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyDeletion {
    /// What the version says stays; a new one may be deleted, which is Azure's default.
    #[default]
    Keep,
    /// It may.
    Permit,
    /// Azure refuses it.
    Block,
}

/// Whether `latest` passes a version over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latest {
    /// What the version says stays; a new version is excluded, since nobody has tried it.
    #[default]
    Keep,
    /// `latest` passes it over.
    Exclude,
    /// `latest` may be it.
    Admit,
}

/// The storage account type of replicas. It cannot be changed later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicaStorage {
    /// Locally redundant standard disks.
    #[default]
    StandardLrs,
    /// Zone-redundant standard disks.
    StandardZrs,
    /// Locally redundant premium disks.
    PremiumLrs,
    /// Locally redundant premium disks of the second generation.
    PremiumV2Lrs,
}

impl TargetRegion {
    /// A region in which all but the replicas is as in the whole version.
    #[must_use]
    pub const fn new(location: Location, replicas: Option<u32>) -> Self {
        Self {
            location,
            replicas,
            at_least: None,
            storage: None,
            latest: Latest::Keep,
            keys: None,
            phase: None,
        }
    }
}

impl EarlyDeletion {
    /// What is wanted of the version; nothing where it stays as it is.
    #[must_use]
    pub const fn is_blocked(self) -> Option<bool> {
        match self {
            Self::Keep => None,
            Self::Permit => Some(false),
            Self::Block => Some(true),
        }
    }
}

impl Latest {
    /// Whether `latest` is to pass over; nothing where that stays as it is.
    #[must_use]
    pub const fn is_excluded(self) -> Option<bool> {
        match self {
            Self::Keep => None,
            Self::Exclude => Some(true),
            Self::Admit => Some(false),
        }
    }
}

impl DiskKeys {
    /// The set of a data disk.
    #[must_use]
    pub fn of(&self, lun: Lun) -> &DiskEncryptionSetId {
        self.data.get(&lun).unwrap_or(&self.os)
    }
}

impl ReplicationMode {
    /// Azure's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "Full",
            Self::Shallow => "Shallow",
        }
    }
}

impl ShallowBy {
    /// The option.
    #[must_use]
    pub const fn option(self) -> &'static Opt {
        match self {
            Self::ReplicationMode => image::DESTINATION_REPLICATION_MODE,
            Self::UseShallowReplication => image::DESTINATION_USE_SHALLOW_REPLICATION,
        }
    }

    /// The option with its value, as a clause.
    #[must_use]
    pub fn clause(self) -> Words {
        match self {
            Self::ReplicationMode => words![self.option(), " is Shallow"],
            Self::UseShallowReplication => words![self.option(), " is true"],
        }
    }
}

impl FromStr for ReplicationMode {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        [Self::Full, Self::Shallow]
            .into_iter()
            .find(|mode| mode.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| InvalidId {
                value: text.to_owned(),
                expected: "Full or Shallow",
            })
    }
}

impl VersionChoice {
    /// Whether a version that has this number already is what was asked for; a number to be computed is any number.
    #[must_use]
    pub fn admits(self, number: Option<VersionNumber>) -> bool {
        match self {
            Self::Explicit(wanted) => number == Some(wanted),
            Self::NextPatch { .. } | Self::NextMinor { .. } => true,
        }
    }
}

/// `1.4.2`, or `next-patch` (of 1.0), `next-patch 1.4`, `next-minor` (of 1), `next-minor 2`.
impl FromStr for VersionChoice {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            value: text.to_owned(),
            expected: "a version (1.4.2 with parts of at most 2147483647, next-patch, next-patch 1.4 for the line 1.4, next-minor, or next-minor 2 for 2.N.0)",
        };
        if let Some(major) = text.strip_prefix("next-minor") {
            let major = if major.is_empty() { "1" } else { major.trim() };
            let number: VersionNumber = format!("{major}.0.0").parse().map_err(|_shape| invalid())?;
            return Ok(Self::NextMinor { major: number.major });
        }
        let Some(line) = text.strip_prefix("next-patch") else {
            return text.parse().map(Self::Explicit).map_err(|_shape| invalid());
        };
        if line.is_empty() {
            return Ok(Self::NextPatch { major: 1, minor: 0 });
        }
        let number: VersionNumber = format!("{}.0", line.trim()).parse().map_err(|_shape| invalid())?;
        Ok(Self::NextPatch {
            major: number.major,
            minor: number.minor,
        })
    }
}

impl fmt::Display for VersionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(number) => number.fmt(f),
            Self::NextPatch { major, minor } => write!(f, "next-patch {major}.{minor}"),
            Self::NextMinor { major } => write!(f, "next-minor {major}"),
        }
    }
}

impl ReplicaStorage {
    /// Azure's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StandardLrs => "Standard_LRS",
            Self::StandardZrs => "Standard_ZRS",
            Self::PremiumLrs => "Premium_LRS",
            Self::PremiumV2Lrs => "PremiumV2_LRS",
        }
    }
}

impl FromStr for ReplicaStorage {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        [
            Self::StandardLrs,
            Self::StandardZrs,
            Self::PremiumLrs,
            Self::PremiumV2Lrs,
        ]
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| InvalidId {
            value: text.to_owned(),
            expected: "Standard_LRS, Standard_ZRS, Premium_LRS or PremiumV2_LRS",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_choice_is_the_inverse_of_its_text() {
        for (text, shown) in [
            ("1.4.2", "1.4.2"),
            ("next-patch", "next-patch 1.0"),
            ("next-patch 2.7", "next-patch 2.7"),
            ("next-minor", "next-minor 1"),
            ("next-minor 3", "next-minor 3"),
        ] {
            assert_eq!(text.parse::<VersionChoice>().unwrap().to_string(), shown);
        }
        for bad in [
            "latest",
            "next-minor 1.2",
            "next-minor x",
            "next-patch 1",
            "next-patch 1.2.3",
            "1.4",
            "",
        ] {
            assert!(bad.parse::<VersionChoice>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_number_that_is_there_is_admitted_when_it_is_the_one_or_would_be_computed() {
        let number = "1.4.2".parse().ok();
        for (choice, admitted) in [("1.4.2", true), ("1.4.3", false), ("next-patch 9.9", true)] {
            assert_eq!(
                choice.parse::<VersionChoice>().unwrap().admits(number),
                admitted,
                "{choice}"
            );
        }
    }
}
