//! Where a machine comes from: the marketplace image it was made of in the end, or the resource that knows it. Pure.
//!
//! It is read along the chain in `observe/agent.rs`, which also finds the node agent for it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::machine::Machine;
use crate::{
    batch::image::MarketplaceImage,
    compute::{disk::DiskBody, version::ImageVersion, vm::Vm},
    ids::{
        MadeFrom,
        resource::{DiskId, ImageId, ImageVersionId, SnapshotId, VmId},
    },
    json,
    tags::Tag,
};

/// What a resource says of the image it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// An image of the marketplace.
    Base(MarketplaceImage),
    /// A version of a gallery.
    Version(ImageVersionId),
    /// A managed image.
    Image(ImageId),
    /// A disk.
    Disk(DiskId),
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A VM.
    Vm(VmId),
    /// Nothing, or something that says no more.
    Unknown,
}

/// The node agent that Batch has for the image's base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeAgent {
    /// Its SKU, as a pool names it.
    pub sku: String,
    /// When Batch ends its support; absent when no date is set.
    pub ends: Option<Timestamp>,
    /// When Batch ends the support of the base image; absent when no date is set.
    pub base_image_ends: Option<Timestamp>,
    /// The next agent of its kind whose support goes on, where there is one.
    pub successor: Option<String>,
}

impl Origin {
    /// Of a VM's reference, else of its OS disk.
    #[must_use]
    pub(super) fn of(machine: &Machine) -> Self {
        let of_vm = machine.vm.as_ref().map(Self::of_vm);
        of_vm
            .unwrap_or(Self::Unknown)
            .or_else(|| Self::of_disk(&machine.os.body))
    }

    /// What a version says of itself, else what it was made of.
    #[must_use]
    pub(super) fn of_version(version: &ImageVersion) -> Self {
        let urn = Tag::BaseImage.read(version.body()).and_then(MarketplaceImage::of_urn);
        let profile = json::at(version.body(), "/properties/storageProfile");
        let sources = ["/source/id", "/source/virtualMachineId", "/osDiskImage/source/id"];
        urn.map_or_else(|| Self::of_first(profile, &sources), Self::Base)
    }

    /// What a managed image was made of: a disk or a snapshot, else the machine that it was captured from.
    #[must_use]
    pub(super) fn of_image(body: &Value) -> Self {
        let sources = [
            "/storageProfile/osDisk/managedDisk/id",
            "/storageProfile/osDisk/snapshot/id",
            "/sourceVirtualMachine/id",
        ];
        Self::of_first(json::at(body, "/properties"), &sources)
    }

    /// What a disk or snapshot was made of: an image, else another one.
    #[must_use]
    pub(super) fn of_disk(body: &DiskBody) -> Self {
        let id = body.image_id().or_else(|| body.copied_from());
        id.map_or(Self::Unknown, Self::of_id)
    }

    /// What a VM was made of.
    #[must_use]
    pub(super) fn of_vm(vm: &Vm) -> Self {
        let reference = vm.image_reference();
        let part = |pointer| json::text(reference, pointer).filter(|text| !text.is_empty());
        let named = (part("/publisher"), part("/offer"), part("/sku"));
        if let (Some(publisher), Some(offer), Some(sku)) = named {
            let version = part("/exactVersion").or_else(|| part("/version")).unwrap_or("latest");
            return Self::Base(MarketplaceImage {
                publisher: publisher.to_owned(),
                offer: offer.to_owned(),
                sku: sku.to_owned(),
                version: version.to_owned(),
            });
        }
        part("/id").map_or(Self::Unknown, Self::of_id)
    }

    /// This one, unless it says nothing.
    #[must_use]
    pub(super) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if self == Self::Unknown { other() } else { self }
    }

    fn of_first(body: &Value, pointers: &[&str]) -> Self {
        let ids = pointers.iter().filter_map(|pointer| json::text(body, pointer));
        ids.map(Self::of_id)
            .find(|origin| *origin != Self::Unknown)
            .unwrap_or(Self::Unknown)
    }

    /// Whatever resource the id is of. The id of a version ends as that of an image of the marketplace does.
    fn of_id(id: &str) -> Self {
        let version = id.parse().ok().map(Self::Version);
        version
            .or_else(|| id.parse().ok().map(Self::Image))
            .or_else(|| id.parse().ok().map(Self::Disk))
            .or_else(|| id.parse().ok().map(Self::Snapshot))
            .or_else(|| id.parse().ok().map(Self::Vm))
            .or_else(|| MarketplaceImage::of_id(id).map(Self::Base))
            .unwrap_or(Self::Unknown)
    }
}

impl From<&MadeFrom> for Origin {
    fn from(said: &MadeFrom) -> Self {
        match said.clone() {
            MadeFrom::Marketplace(image) => Self::Base(image),
            MadeFrom::Version(id) => Self::Version(id),
            MadeFrom::Image(id) => Self::Image(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::publish::{
        machine::tests::{disk, machine},
        security::Security,
    };

    const COMPUTE: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";
    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
    const MARKET: &str = "/Subscriptions/11111111-1111-1111-1111-111111111111/Providers/Microsoft.Compute/Locations/eastus2/Publishers/Canonical/ArtifactTypes/VMImage/Offers/jammy/Skus/22_04/Versions/1.2.3";

    fn shown(origin: &Origin) -> String {
        match origin {
            Origin::Base(image) => image.to_string(),
            Origin::Version(id) => id.to_string(),
            Origin::Image(id) => id.to_string(),
            Origin::Disk(id) => id.to_string(),
            Origin::Snapshot(id) => id.to_string(),
            Origin::Vm(id) => id.to_string(),
            Origin::Unknown => String::new(),
        }
    }

    #[test]
    fn a_machine_says_what_it_was_made_of_by_itself_or_by_its_disk() {
        let named = json!({"publisher": "Canonical", "offer": "jammy", "sku": "22_04", "version": "latest", "exactVersion": "1.2.3"});
        let table = [
            (named, json!({}), "Canonical:jammy:22_04:1.2.3"),
            (json!({"id": VERSION}), json!({}), VERSION),
            (json!({"id": "/something/else"}), json!({}), ""),
            (
                json!({}),
                json!({"imageReference": {"id": MARKET}}),
                "Canonical:jammy:22_04:1.2.3",
            ),
            (json!({}), json!({"galleryImageReference": {"id": VERSION}}), VERSION),
            (json!({}), json!({"createOption": "Copy"}), ""),
        ];
        for (reference, creation, expected) in table {
            let mut machine = machine("V2", Security::Standard);
            machine.vm = Some(Vm::new(
                json!({"properties": {"storageProfile": {"imageReference": reference}}}),
            ));
            machine.os = disk("os", &json!({"creationData": creation}));
            assert_eq!(shown(&Origin::of(&machine)), expected, "{reference} {creation}");
        }
    }

    #[test]
    fn a_disk_that_is_a_copy_says_of_what() {
        for (kind, field) in [("disks", "imageReference"), ("snapshots", "")] {
            let id = format!("{COMPUTE}/{kind}/parent");
            let mut creation = json!({"createOption": "Copy", "sourceResourceId": id});
            let copied = DiskBody::new(json!({"properties": {"creationData": creation}}));
            assert_eq!(shown(&Origin::of_disk(&copied)), id);
            if !field.is_empty() {
                creation[field] = json!({"id": MARKET});
                let known = DiskBody::new(json!({"properties": {"creationData": creation}}));
                assert_eq!(shown(&Origin::of_disk(&known)), "Canonical:jammy:22_04:1.2.3");
            }
        }
    }

    #[test]
    fn an_image_says_its_disk_else_its_machine() {
        let (disk, snapshot) = (format!("{COMPUTE}/disks/d"), format!("{COMPUTE}/snapshots/s"));
        let vm = format!("{COMPUTE}/virtualMachines/vm");
        let of = |os: Value| {
            let properties = json!({"sourceVirtualMachine": {"id": vm}, "storageProfile": {"osDisk": os}});
            shown(&Origin::of_image(&json!({"properties": properties})))
        };
        assert_eq!(of(json!({"managedDisk": {"id": disk}})), disk);
        assert_eq!(of(json!({"snapshot": {"id": snapshot}})), snapshot);
        assert_eq!(of(json!({"blobUri": "https://a/b"})), vm);
    }

    #[test]
    fn a_version_hands_on_what_its_tag_says_else_what_it_was_made_of() {
        let of = |urn: &str, profile: Value| {
            let body = json!({"tags": {"Azure-Batch-Base-Image": urn}, "properties": {"storageProfile": profile}});
            shown(&Origin::of_version(&ImageVersion::new(VERSION.parse().unwrap(), body)))
        };
        let image = format!("{COMPUTE}/images/i");
        let vm = format!("{COMPUTE}/virtualMachines/vm");
        let disk = format!("{COMPUTE}/disks/d");
        let from_image = json!({"source": {"id": image}});
        assert_eq!(of("a:b:c:1", from_image.clone()), "a:b:c:1");
        assert_eq!(
            (of("a:b:c", from_image), of("a:b:c:d:e", json!({}))),
            (image, String::new())
        );
        assert_eq!(of("", json!({"source": {"virtualMachineId": vm}})), vm);
        assert_eq!(of("", json!({"osDiskImage": {"source": {"id": disk}}})), disk);
    }
}
