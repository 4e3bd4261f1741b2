//! The steps of a publish, as a plan shows them and a run carries them out.
//!
//! Which steps there are is decided in `next`; `carry` does them.

use std::fmt;

use serde::Serialize;

use crate::{
    ids::{
        Location, VersionNumber, VmSize,
        resource::{GalleryId, ImageDefinitionId, ImageId, ImageVersionId, ManagedIdentityId, SnapshotId, VmId},
    },
    plan,
    plan::Effect,
    words::plural,
};

/// One step of a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// Creates the gallery.
    CreateGallery {
        /// The gallery.
        gallery: GalleryId,
    },
    /// Creates the image definition.
    CreateDefinition {
        /// The definition.
        definition: ImageDefinitionId,
    },
    /// Deallocates the source VM.
    Deallocate {
        /// The VM.
        vm: VmId,
    },
    /// Marks the source VM as generalized, which is final.
    Generalize {
        /// The VM.
        vm: VmId,
    },
    /// Says on a temporary of an earlier run, or of this one, that this run uses it.
    Lease {
        /// Its id.
        id: String,
    },
    /// Copies a disk.
    CopyDisk {
        /// The snapshot that is made.
        snapshot: SnapshotId,
        /// The disk.
        disk: String,
    },
    /// Makes a managed image of the snapshots.
    CreateImage {
        /// The image.
        image: ImageId,
    },
    /// Waits for a temporary that is in the making.
    AwaitTemporary {
        /// Its id.
        id: String,
    },
    /// Makes the version, in the regions that pools wait for.
    CreateVersion {
        /// The version.
        version: ImageVersionId,
    },
    /// Waits for a definition that is being written.
    AwaitDefinition {
        /// The definition.
        definition: ImageDefinitionId,
    },
    /// Writes a definition again as it is, because its last write failed.
    WriteAgain {
        /// The definition.
        definition: ImageDefinitionId,
    },
    /// Says on the definition which numbers its versions have, so that no number is used again when its version is deleted.
    NoteNumbers {
        /// The definition.
        definition: ImageDefinitionId,
        /// The numbers that it does not say yet.
        numbers: Vec<VersionNumber>,
    },
    /// Waits for a version that is in the making.
    AwaitVersion {
        /// The version.
        version: ImageVersionId,
    },
    /// Tests the version on one node of a pool of its own.
    Test {
        /// The version.
        version: ImageVersionId,
        /// The Batch account that has the node.
        account: String,
        /// The size of the node.
        vm_size: VmSize,
        /// The managed identities that the node has.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        identities: Vec<ManagedIdentityId>,
    },
    /// Puts a region back that a repair took out.
    PutBack {
        /// The region.
        region: Location,
        /// Its replicas.
        replicas: u32,
    },
    /// Brings the version to a region, or to more replicas there.
    Replicate {
        /// The region.
        region: Location,
        /// The replicas that the version has there afterwards.
        replicas: u32,
    },
    /// Makes sure that the version is complete in its regions.
    AwaitRegions {
        /// The regions.
        regions: Vec<Location>,
    },
    /// Writes what the version says of itself.
    Describe {
        /// What is written, in the imperative.
        what: String,
    },
    /// Removes a temporary.
    Remove {
        /// Its id.
        id: String,
    },
    /// Marks a temporary as kept, so that no later run removes it.
    Keep {
        /// Its id.
        id: String,
    },
}

impl plan::Step for Step {
    fn effect(&self) -> Effect {
        match self {
            Self::CreateGallery { .. }
            | Self::CreateDefinition { .. }
            | Self::CopyDisk { .. }
            | Self::CreateImage { .. }
            | Self::CreateVersion { .. }
            | Self::Test { .. } => Effect::Create,
            Self::Deallocate { .. }
            | Self::Lease { .. }
            | Self::PutBack { .. }
            | Self::Replicate { .. }
            | Self::Describe { .. }
            | Self::NoteNumbers { .. }
            | Self::WriteAgain { .. }
            | Self::Keep { .. } => Effect::Change,
            Self::Generalize { .. } => Effect::Irreversible,
            Self::Remove { .. } => Effect::Remove,
            Self::AwaitTemporary { .. }
            | Self::AwaitDefinition { .. }
            | Self::AwaitVersion { .. }
            | Self::AwaitRegions { .. } => Effect::Wait,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateGallery { gallery } => write!(f, "create gallery {}", gallery.name()),
            Self::CreateDefinition { definition } => write!(f, "create image definition {}", definition.name()),
            Self::Deallocate { vm } => write!(f, "deallocate virtual machine {}", vm.name()),
            Self::Generalize { vm } => write!(
                f,
                "mark virtual machine {} as generalized; it can never start again",
                vm.name()
            ),
            Self::Lease { id } => write!(f, "use {}", name_of(id)),
            Self::CopyDisk { snapshot, .. } => write!(f, "create snapshot {}", snapshot.name()),
            Self::CreateImage { image } => write!(f, "create managed image {}", image.name()),
            Self::AwaitTemporary { id } => write!(f, "wait for {}", name_of(id)),
            Self::CreateVersion { version } => write!(
                f,
                "create image version {} of {}",
                version.name(),
                version.definition().name()
            ),
            Self::AwaitDefinition { definition } => write!(f, "wait for image definition {}", definition.name()),
            Self::WriteAgain { definition } => write!(
                f,
                "write image definition {} again as it is: its last write failed",
                definition.name()
            ),
            Self::NoteNumbers { definition, numbers } => f.write_str(&noted(definition, numbers)),
            Self::AwaitVersion { version } => write!(
                f,
                "wait for image version {} of {}",
                version.name(),
                version.definition().name()
            ),
            Self::Test {
                version,
                account,
                vm_size,
                identities,
            } => write!(
                f,
                "test image version {} on one {vm_size} node{} in Batch account {account}; it is spread only when that is passed",
                version.name(),
                with(identities)
            ),
            Self::PutBack { region, replicas } => {
                write!(f, "put {region} back with {}", plural(*replicas, "replica"))
            }
            Self::Replicate { region, replicas } => {
                write!(f, "replicate to {region} with {}", plural(*replicas, "replica"))
            }
            Self::AwaitRegions { regions } => {
                let names: Vec<&str> = regions.iter().map(Location::as_str).collect();
                write!(f, "wait until the version is complete in {}", names.join(", "))
            }
            Self::Describe { what } => f.write_str(what),
            Self::Remove { id } => write!(f, "remove {}", name_of(id)),
            Self::Keep { id } => write!(f, "mark {} as kept", name_of(id)),
        }
    }
}

fn noted(definition: &ImageDefinitionId, numbers: &[VersionNumber]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!(
        "note on image definition {} that {} is never used again",
        definition.name(),
        numbers.join(", ")
    )
}

/// The managed identities that a node has, as they stand behind it.
fn with(identities: &[ManagedIdentityId]) -> String {
    let names: Vec<&str> = identities.iter().map(ManagedIdentityId::name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" with managed identity {one}"),
        several => format!(" with managed identities {}", several.join(", ")),
    }
}

/// The kind and name of a resource, from its id: `snapshots/…`.
fn name_of(id: &str) -> String {
    let mut parts = id.rsplit('/');
    let name = parts.next().unwrap_or_default();
    match parts.next() {
        Some("snapshots") => format!("snapshot {name}"),
        Some("images") => format!("managed image {name}"),
        Some(_) | None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::Plan;

    const GROUP: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";

    #[test]
    fn a_plan_of_a_publish_is_stable_for_programs_and_clear_to_people() {
        let vm = format!("{GROUP}/virtualMachines/build").parse().unwrap();
        let id = format!("{GROUP}/snapshots/azure-batch-1-os");
        let plan = Plan::new(vec![
            Step::Generalize { vm },
            Step::Remove { id: id.clone() },
            Step::AwaitRegions {
                regions: vec!["eastus2".parse().unwrap()],
            },
        ]);
        assert_eq!(
            plan.to_string(),
            "mark virtual machine build as generalized; it can never start again\nremove snapshot azure-batch-1-os\nwait until the version is complete in eastus2"
        );
        assert_eq!(
            serde_json::to_value(&plan).unwrap(),
            json!({"changes": 2, "steps": [
                {"effect": "irreversible", "text": "mark virtual machine build as generalized; it can never start again",
                 "step": "generalize", "vm": format!("{GROUP}/virtualMachines/build")},
                {"effect": "remove", "text": "remove snapshot azure-batch-1-os", "step": "remove", "id": id},
                {"effect": "wait", "text": "wait until the version is complete in eastus2",
                 "step": "await-regions", "regions": ["eastus2"]},
            ]})
        );
    }
}
