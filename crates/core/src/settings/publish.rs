//! What to publish: source, destination, regions, and what may be done on the way.
//!
//! How it is read from values is in `settings/image.rs`.

mod machine;
mod profile;
mod source;
mod temporaries;
mod trial;
mod version;

use std::collections::BTreeSet;

pub(super) use self::temporaries::USUAL_PREFIX;
pub use self::{
    machine::{Generalized, Keys, MachineHandling, PurchasePlan, Stopped},
    profile::ProfileJson,
    source::{Architecture, Generation, Lun, OsType, Source, SourceDisk, VhdTraits, Vhds},
    temporaries::{KeptKind, ManagedImagePolicy, OnFailure, Temporaries},
    trial::{ImageTest, TEST_MINUTES},
    version::{
        DiskKeys, EarlyDeletion, EndsWhen, Latest, ReplicaStorage, ReplicationMode, ShallowBy, TargetRegion,
        VersionChoice, VersionSettings,
    },
};
use super::{DefinitionTraits, Prices, Register, ReplicaRule};
use crate::ids::{
    MadeFrom, VmSize,
    resource::{BatchAccountId, ImageDefinitionId, ImageVersionId},
};

/// Everything a publish needs to know.
#[derive(Clone, Debug)]
pub struct PublishSettings {
    /// What the image is made of.
    pub source: Source,
    /// What the user or the builder says that its machine was made of.
    pub made_from: Option<MadeFrom>,
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
    /// The test that it has to pass before it is spread.
    pub test: Option<ImageTest>,
    /// When the run is at its end.
    pub ends: EndsWhen,
    /// Whether Batch may be registered in the gallery's subscription.
    pub register: Register,
    /// The user's own prices, for the plan.
    pub prices: Option<Prices>,
    /// Names this run in tags: Packer's run UUID, a CI run's id.
    pub run_id: String,
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
            | Source::Vhds(_)
            | Source::Community(_)
            | Source::ImageVersion(_) => None,
        }
    }

    /// What may be done to the machine, and what is known of it: one that azure-arm captured is generalized, since
    /// azure-arm captures no other, and a version that is adopted keeps its keys.
    #[must_use]
    pub fn handling(&self) -> MachineHandling {
        let mut handling = self.machine;
        if let (Source::Captured { .. }, Generalized::Required) = (&self.source, handling.generalized) {
            handling.generalized = Generalized::Declared;
        }
        if self.adopted().is_some() {
            handling.keys = Keys::Kept;
        }
        handling
    }

    /// Why the number that is asked for cannot be had, as what follows the setting's name: a version that is adopted
    /// keeps its own. Nothing when that is the one, or any will do.
    #[must_use]
    pub(super) fn refused_number(&self) -> Option<String> {
        let adopted = self
            .adopted()
            .filter(|version| !self.version.admits(version.number()))?;
        let (asked, has) = (self.version, adopted.name());
        Some(format!(
            "is {asked}, and version {has}, which is adopted, keeps its number: write {has}, or leave it out"
        ))
    }
}
