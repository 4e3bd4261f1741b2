//! What an image is made of, by name. Nothing is asked of Azure.
//!
//! How it is read from values is in `settings/source.rs`.

mod vhds;

use std::fmt;

pub use self::vhds::{Architecture, Generation, OsType, VhdTraits, Vhds};

use serde::{Deserialize, Serialize};

use crate::ids::{
    CommunityVersionId, InvalidId,
    resource::{DiskId, ImageId, ImageVersionId, ResourceGroupId, SnapshotId, VmId},
};

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
    /// VHDs.
    Vhds(Vhds),
    /// A version in a gallery: adopted as it is where it belongs to the wanted definition, else a version is made of it.
    ImageVersion(ImageVersionId),
    /// A version in a community gallery, of which a version is made in the first target region.
    Community(CommunityVersionId),
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

impl Source {
    /// The resource group the source lies in, the place of temporaries when none is named; blobs and community galleries lie
    /// in none.
    #[must_use]
    pub fn group(&self) -> Option<&ResourceGroupId> {
        match self {
            Self::Vm(vm) => Some(vm.group()),
            Self::Disks { os, .. } => Some(os.group()),
            Self::Snapshots { os, .. } | Self::Captured { os, .. } => Some(os.group()),
            Self::ManagedImage(image) => Some(image.group()),
            Self::ImageVersion(version) => Some(version.group()),
            Self::Vhds(_) | Self::Community(_) => None,
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
            Self::Vhds(vhds) => write!(f, "VHD {} and {} data VHD(s)", vhds.os.name(), vhds.data.len()),
            Self::ImageVersion(version) => {
                write!(f, "image version {} of {}", version.name(), version.definition().name())
            }
            Self::Community(version) => {
                let (number, image, gallery) = (version.number(), version.image(), version.gallery());
                write!(f, "image version {number} of {image} in community gallery {gallery}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luns_end_at_63() {
        assert_eq!(Lun::try_from(63).unwrap().number(), 63);
        assert!(Lun::try_from(64).is_err());
    }
}
