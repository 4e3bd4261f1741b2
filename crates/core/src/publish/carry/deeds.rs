//! The steps of a batch, sorted by what carries them out. Pure.
//!
//! A step without a deed does not compile: every kind of step is named here once.

use crate::{
    ids::resource::{GalleryId, ImageDefinitionId, ImageId, SnapshotId, VmId},
    publish::step::Step,
};

/// What a batch is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deeds<'a> {
    /// In the gallery, in this order.
    pub destination: Vec<Destination<'a>>,
    /// To the VM, in this order.
    pub machine: Vec<Preparation<'a>>,
    /// With snapshots and the image, side by side.
    pub temporaries: Vec<Making<'a>>,
    /// Temporaries that go, by their ids.
    pub removed: Vec<&'a str>,
    /// Temporaries that are marked as kept, by their ids.
    pub marked: Vec<&'a str>,
    /// With the version.
    pub version: Option<Version>,
    /// The definition that is to say which numbers its versions have.
    pub noted: Option<&'a ImageDefinitionId>,
    /// Whether the version is completed in the regions of the batch. Regions, replicas and what it says of itself are
    /// written together, so one deed carries out every such step.
    pub completes_regions: bool,
}

/// Something that is created when it is missing, and made good when it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination<'a> {
    Gallery(&'a GalleryId),
    Definition(&'a ImageDefinitionId),
}

/// Something that is done to the VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preparation<'a> {
    Deallocate(&'a VmId),
    Generalize(&'a VmId),
}

/// What is done with a temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making<'a> {
    /// It is said on it that this run uses it.
    Lease(&'a str),
    /// It is made from a disk, by the disk's id.
    Copy(&'a SnapshotId, &'a str),
    /// It is made from snapshots.
    Image(&'a ImageId),
    /// It is in the making.
    Await(&'a str),
}

/// What is done with the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    /// It is waited for.
    Await,
    /// It is created and waited for.
    Create,
    /// It is tested.
    Test,
}

impl<'a> Deeds<'a> {
    /// Sorts.
    #[must_use]
    pub(super) fn of(steps: &'a [Step]) -> Self {
        let mut deeds = Self::default();
        for step in steps {
            deeds.add(step);
        }
        deeds
    }

    fn add(&mut self, step: &'a Step) {
        match step {
            Step::CreateGallery { gallery } => self.destination.push(Destination::Gallery(gallery)),
            Step::CreateDefinition { definition }
            | Step::AwaitDefinition { definition }
            | Step::WriteAgain { definition } => self.destination.push(Destination::Definition(definition)),
            Step::Deallocate { vm } => self.machine.push(Preparation::Deallocate(vm)),
            Step::Generalize { vm } => self.machine.push(Preparation::Generalize(vm)),
            Step::Lease { id } => self.temporaries.push(Making::Lease(id)),
            Step::CopyDisk { snapshot, disk } => self.temporaries.push(Making::Copy(snapshot, disk)),
            Step::CreateImage { image } => self.temporaries.push(Making::Image(image)),
            Step::AwaitTemporary { id } => self.temporaries.push(Making::Await(id)),
            Step::CreateVersion { .. } => self.version = self.version.max(Some(Version::Create)),
            Step::AwaitVersion { .. } => self.version = self.version.max(Some(Version::Await)),
            Step::Test { .. } => self.version = self.version.max(Some(Version::Test)),
            Step::PutBack { .. } | Step::Replicate { .. } | Step::AwaitRegions { .. } | Step::Describe { .. } => {
                self.completes_regions = true;
            }
            Step::NoteNumbers { definition, .. } => self.noted = Some(definition),
            Step::Remove { id } => self.removed.push(id),
            Step::Keep { id } => self.marked.push(id),
        }
    }

    /// Whether snapshots or images are removed or marked.
    #[must_use]
    pub(super) fn tidies(&self) -> bool {
        !self.removed.is_empty() || !self.marked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    #[test]
    fn a_version_that_is_created_is_also_waited_for() {
        let version = || VERSION.parse().unwrap();
        let create = Step::CreateVersion { version: version() };
        let wait = Step::AwaitVersion { version: version() };
        assert_eq!(
            Deeds::of(&[create.clone(), wait.clone()]).version,
            Some(Version::Create)
        );
        assert_eq!(Deeds::of(&[wait.clone(), create]).version, Some(Version::Create));
        assert_eq!(Deeds::of(&[wait]).version, Some(Version::Await));
    }
}
