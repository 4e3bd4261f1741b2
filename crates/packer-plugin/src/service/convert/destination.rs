//! Where the version goes: the definition's id, the number, the regions asked for by name.
//!
//! Which regions follow from pools is core's to compute.

use azure_batch_core::{
    ids::{
        Location,
        resource::{GalleryId, ImageDefinitionId, ResourceGroupId},
    },
    settings::{MAX_REPLICAS, PublishSettings, TargetRegion, VersionChoice},
};

use super::{
    NO_SUBSCRIPTION,
    faults::{Faults, filled},
};
use crate::imaging::v1;

const BLOCK: &str = "shared_image_gallery_destination";

/// Azure's limit for the names of galleries and definitions.
const MAX_NAME: usize = 80;

/// The destination, read.
pub(super) struct Destination {
    pub(super) definition: ImageDefinitionId,
    pub(super) version: VersionChoice,
    pub(super) target_regions: Vec<TargetRegion>,
}

/// Where the version goes.
pub(super) fn destination(faults: &mut Faults, settings: &v1::Settings) -> Option<Destination> {
    let Some(block) = &settings.shared_image_gallery_destination else {
        faults.add(
            BLOCK,
            "is missing: name gallery and definition in it with resource_group, gallery_name and image_name",
        );
        return None;
    };
    let definition = definition(faults, settings, block);
    let version = match filled(block.image_version.as_deref()) {
        Some(text) => faults.parse(&format!("{BLOCK}.image_version"), text),
        None => Some(VersionChoice::NextPatch { major: 1, minor: 0 }),
    };
    let target_regions = regions(faults, &block.target_region);
    Some(Destination {
        definition: definition?,
        version: version?,
        target_regions,
    })
}

/// A version that is adopted keeps its number, so no other can be asked for.
pub(super) fn refuse_other_number(faults: &mut Faults, settings: &PublishSettings) {
    if let Some(text) = settings.refused_number() {
        faults.add(format!("{BLOCK}.image_version"), text);
    }
}

fn definition(faults: &mut Faults, settings: &v1::Settings, block: &v1::Destination) -> Option<ImageDefinitionId> {
    let gallery = gallery(faults, settings, block);
    let path = format!("{BLOCK}.image_name");
    let name = faults.required(&path, block.image_name.as_deref(), "give the image definition's name")?;
    if !is_name(name, "._-") {
        let rule = "an image definition name (1-80 letters, digits, \".\", \"_\" or \"-\")";
        faults.add(path, format!("{name:?} is not {rule}"));
        return None;
    }
    Some(gallery?.definition(name))
}

fn gallery(faults: &mut Faults, settings: &v1::Settings, block: &v1::Destination) -> Option<GalleryId> {
    let group = group(faults, settings, block);
    let path = format!("{BLOCK}.gallery_name");
    let name = faults.required(&path, block.gallery_name.as_deref(), "give the gallery's name")?;
    // Unlike most names it holds no hyphen; ARM would say so only after the snapshots are made.
    if !is_name(name, "._") {
        let rule = "a gallery name (1-80 letters, digits, \".\" or \"_\", no \"-\")";
        faults.add(path, format!("{name:?} is not {rule}"));
        return None;
    }
    let group = group?;
    faults.parse(&path, &format!("{group}/providers/Microsoft.Compute/galleries/{name}"))
}

fn group(faults: &mut Faults, settings: &v1::Settings, block: &v1::Destination) -> Option<ResourceGroupId> {
    let own = filled(block.subscription.as_deref());
    let subscription = own.or_else(|| filled(settings.subscription_id.as_deref()));
    if subscription.is_none() {
        let text = format!("is missing: give it, or ARM_SUBSCRIPTION_ID in the environment, or {BLOCK}.subscription");
        faults.add("subscription_id", text);
    }
    let path = format!("{BLOCK}.resource_group");
    let remedy = "give the name of the gallery's resource group";
    let name = faults.required(&path, block.resource_group.as_deref(), remedy)?;
    if ResourceGroupId::new(NO_SUBSCRIPTION, name).is_err() {
        faults.add(path, format!("{name:?} is not the name of a resource group"));
        return None;
    }
    let subscription = subscription.unwrap_or(NO_SUBSCRIPTION);
    let setting = if own.is_some() {
        format!("{BLOCK}.subscription")
    } else {
        "subscription_id".to_owned()
    };
    ResourceGroupId::new(subscription, name)
        .map_err(|_shape| faults.add(setting, format!("{subscription:?} is not a subscription id (a GUID)")))
        .ok()
}

fn is_name(name: &str, extra: &str) -> bool {
    name.len() <= MAX_NAME && name.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

fn regions(faults: &mut Faults, blocks: &[v1::TargetRegion]) -> Vec<TargetRegion> {
    let mut regions: Vec<TargetRegion> = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let path = format!("{BLOCK}.target_region[{index}]");
        let (name_path, replicas_path) = (format!("{path}.name"), format!("{path}.replicas"));
        if let Some(replicas) = block.replicas.filter(|replicas| !(1..=MAX_REPLICAS).contains(replicas)) {
            let text = format!("is {replicas}; write 1 to {MAX_REPLICAS}, or leave it out for what the pools need");
            faults.add(replicas_path, text);
        }
        let name = faults.required(&name_path, block.name.as_deref(), "give a region such as westeurope");
        let location: Option<Location> = name.and_then(|name| faults.parse(&name_path, name));
        let Some(location) = location else { continue };
        if regions.iter().any(|region| region.location == location) {
            faults.add(name_path, format!("{location} is named before: one block a region"));
        }
        regions.push(TargetRegion {
            location,
            replicas: block.replicas,
        });
    }
    regions
}
