//! What to publish: source, destination, regions, and what may be done on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{
    InvalidId, Location, VersionNumber, VmSize,
    resource::{BatchAccountId, DiskId, ImageDefinitionId, ImageId, ImageVersionId, ResourceGroupId, SnapshotId, VmId},
};

use super::{DefinitionTraits, ReplicaRule};

/// Everything a publish needs to know.
#[derive(Clone, Debug)]
pub struct PublishSettings {
    /// What the image is made of.
    pub source: Source,
    /// The definition that gets the version; created when it is missing.
    pub definition: ImageDefinitionId,
    /// Whether a missing gallery may be created.
    pub create_gallery: bool,
    /// What a new definition says of itself.
    pub traits: DefinitionTraits,
    /// Which number the version gets.
    pub version: VersionChoice,
    /// Whether a version that was made of this very source before is the result.
    pub reuse: Reuse,
    /// The pools that will use it: regions and replicas follow from them.
    pub used_by: Vec<UsedBy>,
    /// Further regions, or more replicas than the pools need.
    pub target_regions: Vec<TargetRegion>,
    /// How many nodes a replica carries, and the headroom.
    pub replica_rule: ReplicaRule,
    /// Whether a managed image stands between snapshots and version.
    pub managed_image: ManagedImagePolicy,
    /// What may be done to the source VM.
    pub machine: MachineHandling,
    /// Preflight checks whose failure is only a warning, by name.
    pub ignore_checks: BTreeSet<String>,
    /// Where snapshots and managed image go, and when they are removed.
    pub temporaries: Temporaries,
    /// What the version itself says.
    pub version_settings: VersionSettings,
    /// Names this run in tags: Packer's run UUID, a CI run's id.
    pub run_id: String,
}

/// What an image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A virtual machine with all its managed disks.
    Vm(VmId),
    /// Disks.
    Disks {
        /// The OS disk.
        os: DiskId,
        /// The data disks.
        data: Vec<SourceDisk<DiskId>>,
    },
    /// Snapshots that exist already.
    Snapshots {
        /// Of the OS disk.
        os: SnapshotId,
        /// Of the data disks.
        data: Vec<SourceDisk<SnapshotId>>,
    },
    /// Snapshots together with a managed image of the same machine, as Packer's azure-arm leaves them.
    Captured {
        /// The managed image: LUNs and host caches are read from it.
        image: ImageId,
        /// The snapshot of the OS disk.
        os: SnapshotId,
        /// What the names of the data disks' snapshots begin with; a number in the image's order follows, from 0.
        data_prefix: Option<String>,
    },
    /// A managed image, of which the version is made directly.
    ManagedImage(ImageId),
    /// A version in a gallery: adopted as it is where it belongs to the wanted definition, else a version is made of it.
    ImageVersion(ImageVersionId),
}

/// A data disk with the LUN it gets in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDisk<Id> {
    /// The LUN.
    pub lun: Lun,
    /// The disk or snapshot.
    pub id: Id,
}

/// A logical unit number: 0 to 63, as Batch's and the VM models have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Lun(u8);

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

/// Whether a version that is there already, made of this very source, is the result (so that a run can be repeated).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// It is.
    #[default]
    SameSource,
    /// A new version is made, as Packer's `-force` asks for; nothing is ever overwritten.
    Never,
}

/// A Batch account whose pools will run the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// The account; its region is read from ARM.
    pub account: BatchAccountId,
    /// The greatest number of nodes one pool will have.
    pub nodes: u32,
    /// The size of its nodes, where it is to be compared with the definition.
    pub vm_size: Option<VmSize>,
}

/// A region of the version that was asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRegion {
    /// The region.
    pub location: Location,
    /// Replicas; what the pools there need when absent, one at least.
    pub replicas: Option<u32>,
}

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

/// What may be done to a source VM, and what is known of its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineHandling {
    /// What to do with a VM that is not deallocated.
    pub if_running: Stopped,
    /// How the VM comes to be generalized.
    pub generalized: Generalized,
    /// What to do with a machine that has a purchase plan.
    pub purchase_plan: PurchasePlan,
}

/// What to do with a machine that was made of an image with a purchase plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PurchasePlan {
    /// Refuse it: Batch's instructions want a base image without one.
    #[default]
    Refuse,
    /// Give the plan to the definition, unchanged.
    Carry,
}

/// What to do with a VM that is not deallocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stopped {
    /// Refuse: disks of a running machine are not consistent with each other.
    #[default]
    Required,
    /// Deallocate it.
    Deallocate,
    /// Copy its disks as they are.
    AllowRunning,
}

/// How a VM comes to be generalized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generalized {
    /// It must be marked so already.
    #[default]
    Required,
    /// The user declares that it is (sysprep or waagent ran), marked or not.
    Declared,
    /// Mark it; final, such a VM never starts again.
    Mark,
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

impl PublishSettings {
    /// The version that is the result as it is, since it belongs to the wanted definition already.
    #[must_use]
    pub fn adopted(&self) -> Option<&ImageVersionId> {
        match &self.source {
            Source::ImageVersion(id) if id.definition() == self.definition => Some(id),
            Source::Vm(_)
            | Source::Disks { .. }
            | Source::Snapshots { .. }
            | Source::Captured { .. }
            | Source::ManagedImage(_)
            | Source::ImageVersion(_) => None,
        }
    }

    /// What may be done to the machine, and what is known of it: one that azure-arm captured is generalized, since
    /// azure-arm captures no other.
    #[must_use]
    pub fn handling(&self) -> MachineHandling {
        match (&self.source, self.machine.generalized) {
            (Source::Captured { .. }, Generalized::Required) => MachineHandling {
                generalized: Generalized::Declared,
                ..self.machine
            },
            _ => self.machine,
        }
    }

    /// Why the number that is asked for cannot be had, as what follows the setting's name: a version that is adopted
    /// keeps its own. Nothing when that is the one, or any will do.
    #[must_use]
    pub fn refused_number(&self) -> Option<String> {
        let adopted = self
            .adopted()
            .filter(|version| !self.version.admits(version.number()))?;
        let (asked, has) = (self.version, adopted.name());
        Some(format!(
            "is {asked}, and version {has}, which is adopted, keeps its number: write {has}, or leave it out"
        ))
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

impl Lun {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u32> for Lun {
    type Error = InvalidId;

    fn try_from(number: u32) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            value: number.to_string(),
            expected: "a LUN (0 to 63)",
        };
        u8::try_from(number)
            .ok()
            .filter(|lun| *lun < 64)
            .map(Self)
            .ok_or_else(invalid)
    }
}

impl From<Lun> for u32 {
    fn from(lun: Lun) -> Self {
        lun.0.into()
    }
}

impl fmt::Display for Lun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Temporaries {
    fn default() -> Self {
        Self {
            group: None,
            name_prefix: "azure-batch".to_owned(),
            tags: BTreeMap::new(),
            keep: BTreeSet::new(),
            on_failure: OnFailure::default(),
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

impl FromStr for PurchasePlan {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "carry" => Ok(Self::Carry),
            _ => Err(InvalidId {
                value: text.to_owned(),
                expected: "refuse or carry",
            }),
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

impl Source {
    /// The resource group the source lies in, the place of temporaries when none is named.
    #[must_use]
    pub fn group(&self) -> &ResourceGroupId {
        match self {
            Self::Vm(vm) => vm.group(),
            Self::Disks { os, .. } => os.group(),
            Self::Snapshots { os, .. } | Self::Captured { os, .. } => os.group(),
            Self::ManagedImage(image) => image.group(),
            Self::ImageVersion(version) => version.group(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vm(vm) => write!(f, "virtual machine {}", vm.name()),
            Self::Disks { os, data } => write!(f, "OS disk {} and {} data disk(s)", os.name(), data.len()),
            Self::Snapshots { os, data } => write!(f, "OS snapshot {} and {} data snapshot(s)", os.name(), data.len()),
            Self::Captured { image, os, .. } => {
                write!(f, "OS snapshot {} with managed image {}", os.name(), image.name())
            }
            Self::ManagedImage(image) => write!(f, "managed image {}", image.name()),
            Self::ImageVersion(version) => {
                write!(f, "image version {} of {}", version.name(), version.definition().name())
            }
        }
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

    #[test]
    fn luns_end_at_63() {
        assert_eq!(Lun::try_from(63).unwrap().number(), 63);
        assert!(Lun::try_from(64).is_err());
    }
}
