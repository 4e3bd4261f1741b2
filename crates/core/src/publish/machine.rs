//! The machine behind a source, in one shape for VMs, disks, snapshots and images.
//!
//! It reads nothing from Azure, `source` does; what may be published is decided in `checks` and `way`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{capabilities::Capabilities, security::Security};
use crate::{
    compute::{disk::DiskBody, vm::Vm},
    error::{Error, ErrorKind, Result},
    ids::{BlobAddress, BlobHost, Location, resource::StorageAccountId},
    settings::Lun,
};

/// The machine an image is made of.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The region of its OS disk; the version's first region.
    pub location: Location,
    /// `Linux` or `Windows`.
    pub os_type: String,
    /// `V1` or `V2`.
    pub generation: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// What it was protected with.
    pub security: Security,
    /// What its operating system supports.
    pub capabilities: Capabilities,
    /// Its purchase plan as the service shows it.
    pub plan: Option<Value>,
    /// The OS disk.
    pub os: SourceDisk,
    /// The data disks by LUN.
    pub data: Vec<(Lun, SourceDisk)>,
    /// What only a VM shows.
    pub vm: Option<Vm>,
    /// In what shape its disks are.
    pub shape: SourceShape,
}

/// In what shape the disks of a source are, which decides what is copied first and what can be known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SourceShape {
    /// Disks, which are copied.
    Disks,
    /// Snapshots, which are used as they are.
    Snapshots,
    /// An image that holds them all and is used whole.
    Image(SourceImage),
    /// VHDs, which are used as they are.
    Vhds(SourceVhds),
}

/// Blobs that are the source's disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SourceVhds {
    /// The accounts that have them, by the hosts of their blobs.
    pub accounts: BTreeMap<BlobHost, StorageAccountId>,
    /// Why one of them could not be looked at, if so.
    pub unread: Option<String>,
    /// The subscription of one whose account is in another than the gallery's.
    pub foreign: Option<String>,
}

/// One disk of the machine.
#[derive(Clone, Debug)]
pub(super) struct SourceDisk {
    /// The disk's or snapshot's id, in its own casing; not every image names one.
    pub id: String,
    /// Its last segment.
    pub name: String,
    /// The host cache, where a VM shows it.
    pub caching: Option<String>,
    /// What the service says of it.
    pub body: DiskBody,
}

/// Which kind of image a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageKind {
    /// A managed image: it shows neither architecture nor purchase plan.
    ManagedImage,
    /// A version: its definition shows what it does not.
    Version,
    /// A version in a community gallery: the same, seen from outside.
    CommunityVersion,
}

/// An image that is the source as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceImage {
    pub kind: ImageKind,
    /// Its id, in its own casing.
    pub id: String,
    /// `Generalized` or `Specialized`.
    pub os_state: String,
    /// When a version was published: a new one of the same number has another time. Empty for a managed image.
    pub published: String,
    /// The security profile of a version that has keys for UEFI of its own.
    pub keys: Option<Value>,
    /// The edge zone that a managed image lies in. A version always lies in a region.
    pub edge_zone: Option<String>,
    /// How a version failed its last test, unless it was admitted to latest since.
    pub failed_test: Option<String>,
}

impl SourceVhds {
    /// The id of the account that has the blob at an address.
    #[must_use]
    pub(super) fn account_of(&self, address: &str) -> String {
        let host = address.parse().map(|address: BlobAddress| address.host());
        let account = host.ok().and_then(|host| self.accounts.get(&host));
        account.map(ToString::to_string).unwrap_or_default()
    }
}

impl Machine {
    /// The security profile with the keys for UEFI that the source has of its own.
    pub(super) const fn uefi_keys(&self) -> Option<&Value> {
        match &self.shape {
            SourceShape::Image(image) => image.keys.as_ref(),
            SourceShape::Disks | SourceShape::Snapshots | SourceShape::Vhds(_) => None,
        }
    }

    /// The machine of these disks; a VM knows some things better than its disks.
    ///
    /// # Errors
    /// When neither says the region or the OS type.
    pub(super) fn of_disks(os: SourceDisk, mut data: Vec<(Lun, SourceDisk)>, vm: Option<Vm>) -> Result<Self> {
        data.sort_by_key(|(lun, _)| *lun);
        let of_vm = |read: fn(&Vm) -> Option<&str>| vm.as_ref().and_then(read);
        let unknown = |what: &str| Error::new(ErrorKind::BadInput, format!("{} does not show its {what}", os.name));
        let security = Security::parse(
            of_vm(|vm| Some(vm.security_type()))
                .filter(|word| *word != "Standard")
                .or(os.body.security_type()),
        );
        let location = vm.as_ref().and_then(Vm::location).or_else(|| os.body.location());
        Ok(Self {
            location: location.ok_or_else(|| unknown("region"))?,
            os_type: of_vm(Vm::os_type)
                .or(os.body.os_type())
                .ok_or_else(|| unknown("OS type"))?
                .to_owned(),
            generation: of_vm(Vm::hyper_v_generation)
                .or(os.body.hyper_v_generation())
                .unwrap_or("V1")
                .to_owned(),
            architecture: os.body.architecture().unwrap_or("x64").to_owned(),
            plan: vm.as_ref().and_then(Vm::plan).or(os.body.plan()).cloned(),
            security,
            capabilities: Capabilities::of_disk(&os.body, vm.as_ref()),
            os,
            data,
            vm,
            shape: SourceShape::Disks,
        })
    }

    /// The size of all disks together, in GiB.
    #[must_use]
    pub(super) fn size_gib(&self) -> u64 {
        self.disks().map(|disk| disk.body.size_gib()).sum()
    }

    /// The id of the image that it was made from, or that it is.
    #[must_use]
    pub(super) fn made_from(&self) -> Option<&str> {
        match &self.shape {
            SourceShape::Image(image) => Some(&image.id),
            SourceShape::Disks | SourceShape::Snapshots | SourceShape::Vhds(_) => self.os.body.made_from(),
        }
    }

    /// All disks, the OS disk first.
    pub(super) fn disks(&self) -> impl Iterator<Item = &SourceDisk> {
        std::iter::once(&self.os).chain(self.data.iter().map(|(_, disk)| disk))
    }

    /// LUNs of its data disks, in order.
    pub(super) fn luns(&self) -> Vec<Lun> {
        self.data.iter().map(|(lun, _)| *lun).collect()
    }

    /// Whether only names distinguish this source from a later one of the same names: an image whose disks are gone, or
    /// VHDs that the identity may not look at.
    #[must_use]
    pub(super) fn is_known_by_name(&self) -> bool {
        let is_unpublished = matches!(&self.shape, SourceShape::Image(image) if image.published.is_empty());
        let is_hidden = matches!(&self.shape, SourceShape::Vhds(vhds) if vhds.unread.is_some());
        is_hidden || (is_unpublished && self.os.body.unique_id().is_empty())
    }

    /// Whether its disks keep what they hold: they do not while the machine runs.
    #[must_use]
    pub(super) fn is_at_rest(&self) -> bool {
        match (&self.vm, &self.shape) {
            (Some(vm), _) => vm.power_state() == "deallocated",
            (None, SourceShape::Disks) => !self.disks().any(|disk| disk.body.is_in_use()),
            (None, SourceShape::Snapshots | SourceShape::Image(_) | SourceShape::Vhds(_)) => true,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::publish) fn disk(name: &str, properties: &Value) -> SourceDisk {
        let id = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/disks/{name}"
        );
        let body = json!({"location": "eastus2", "sku": {"name": "Premium_LRS"}, "properties": properties});
        SourceDisk {
            id,
            name: name.to_owned(),
            caching: Some("ReadWrite".to_owned()),
            body: DiskBody::new(body),
        }
    }

    pub(in crate::publish) fn machine(generation: &str, security: Security) -> Machine {
        let os = disk(
            "os",
            &json!({"osType": "Linux", "hyperVGeneration": generation, "uniqueId": "u1", "diskSizeGB": 30}),
        );
        let data = vec![(
            Lun::try_from(2).unwrap(),
            disk("d2", &json!({"uniqueId": "u2", "diskSizeGB": 64})),
        )];
        let machine = Machine::of_disks(os, data, None).unwrap();
        Machine { security, ..machine }
    }
}
