//! Which number a version gets, where it goes, and what it says of itself.
//!
//! How it is read from values is in `settings/destination.rs`.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::ids::{InvalidId, Location, VersionNumber};

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
        }
    }
}

impl FromStr for ReplicaStorage {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        [Self::StandardLrs, Self::StandardZrs, Self::PremiumLrs]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| InvalidId {
                value: text.to_owned(),
                expected: "Standard_LRS, Standard_ZRS or Premium_LRS",
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
