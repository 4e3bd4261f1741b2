//! Where a machine comes from: the marketplace image it was made of in the end, or the version that knows it. Pure.
//!
//! It is read along the chain in `observe/agent.rs`, which also finds the node agent for it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::machine::Machine;
use crate::{
    batch::image::MarketplaceImage, compute::version::ImageVersion, ids::resource::ImageVersionId, json, tags::Tag,
};

/// What a machine says of the image it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// An image of the marketplace.
    Base(MarketplaceImage),
    /// A version of a gallery, which says more in its tags.
    Parent(ImageVersionId),
    /// Nothing, or an image that says no more.
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
        let of_vm = machine.vm.as_ref().map(|vm| Self::of_reference(vm.image_reference()));
        match of_vm {
            Some(found) if found != Self::Unknown => found,
            Some(_) | None => machine.os.body.image_id().map_or(Self::Unknown, Self::of_id),
        }
    }

    /// What a version says of itself.
    #[must_use]
    pub(super) fn of_version(version: &ImageVersion) -> Self {
        let urn = Tag::BaseImage.read(version.body()).and_then(MarketplaceImage::of_urn);
        urn.map_or(Self::Unknown, Self::Base)
    }

    fn of_reference(reference: &Value) -> Self {
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

    /// A gallery's id, or the marketplace's: `…/Publishers/p/ArtifactTypes/VMImage/Offers/o/Skus/s/Versions/v`.
    fn of_id(id: &str) -> Self {
        if let Ok(version) = id.parse() {
            return Self::Parent(version);
        }
        let segments: Vec<&str> = id.split('/').collect();
        let after = |name: &str| {
            let at = segments.iter().position(|segment| segment.eq_ignore_ascii_case(name))?;
            segments.get(at + 1).map(|segment| (*segment).to_owned())
        };
        let parts = (after("Publishers"), after("Offers"), after("Skus"), after("Versions"));
        let (Some(publisher), Some(offer), Some(sku), Some(version)) = parts else {
            return Self::Unknown;
        };
        Self::Base(MarketplaceImage {
            publisher,
            offer,
            sku,
            version,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        compute::vm::Vm,
        publish::{
            machine::tests::{disk, machine},
            security::Security,
        },
    };

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
    const MARKET: &str = "/Subscriptions/11111111-1111-1111-1111-111111111111/Providers/Microsoft.Compute/Locations/eastus2/Publishers/Canonical/ArtifactTypes/VMImage/Offers/jammy/Skus/22_04/Versions/1.2.3";

    fn shown(origin: &Origin) -> String {
        match origin {
            Origin::Base(image) => image.to_string(),
            Origin::Parent(version) => version.to_string(),
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
    fn a_version_hands_on_what_its_tag_says() {
        let of = |urn: &str| {
            let body = json!({"tags": {"Azure-Batch-Base-Image": urn}});
            shown(&Origin::of_version(&ImageVersion::new(VERSION.parse().unwrap(), body)))
        };
        assert_eq!(of("a:b:c:1"), "a:b:c:1");
        assert_eq!((of("a:b:c"), of("a:b:c:d:e")), (String::new(), String::new()));
    }
}
