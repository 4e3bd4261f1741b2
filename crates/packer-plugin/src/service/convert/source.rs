//! What the image is made of: ids, or names in a resource group.
//!
//! Whether the source exists and is fit is core's to ask.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use azure_batch_core::{
    ids::resource::{DiskId, ImageId, ImageVersionId, SnapshotId, VmId},
    settings::{Lun, Source, SourceDisk},
};

use super::{
    NO_SUBSCRIPTION,
    faults::{Faults, filled},
};
use crate::imaging::v1;

/// The settings that say what the image is made of, of which one is given.
const KINDS: &str = "vm, os_disk, os_snapshot, managed_image and image_version";

/// What a name is completed with.
struct Place<'a> {
    subscription: Option<&'a str>,
    group: Option<&'a str>,
}

/// A kind of resource a source can be given as.
trait Named: FromStr<Err: Display> {
    /// Azure's type in an id.
    const TYPE: &'static str;
}

impl Named for VmId {
    const TYPE: &'static str = "virtualMachines";
}

impl Named for DiskId {
    const TYPE: &'static str = "disks";
}

impl Named for SnapshotId {
    const TYPE: &'static str = "snapshots";
}

impl Named for ImageId {
    const TYPE: &'static str = "images";
}

/// The source.
pub(super) fn source(faults: &mut Faults, settings: &v1::Settings) -> Option<Source> {
    let Some(block) = &settings.source else {
        faults.add(
            "source",
            "is missing: name the machine with source { vm = \"…\" }, its disks with os_disk, snapshots with os_snapshot, or an image with managed_image or image_version",
        );
        return None;
    };
    let place = Place {
        subscription: filled(settings.subscription_id.as_deref()),
        group: filled(block.resource_group.as_deref()),
    };
    refuse_strangers(faults, block);
    let (vm, disk, snapshot) = (
        filled(block.vm.as_deref()),
        filled(block.os_disk.as_deref()),
        filled(block.os_snapshot.as_deref()),
    );
    // Beside snapshots it only tells of them.
    let image = filled(block.managed_image.as_deref()).filter(|_| snapshot.is_none());
    let version = filled(block.image_version.as_deref());
    match (vm, disk, snapshot, image, version) {
        (Some(vm), None, None, None, None) => resource(faults, "source.vm", vm, &place).map(Source::Vm),
        (None, Some(os), None, None, None) => {
            let os = resource(faults, "source.os_disk", os, &place);
            let data = disks(faults, "source.data_disk", &block.data_disk, &place);
            Some(Source::Disks { os: os?, data })
        }
        (None, None, Some(os), None, None) if is_captured(block) => captured(faults, block, os, &place),
        (None, None, Some(os), None, None) => {
            let os = resource(faults, "source.os_snapshot", os, &place);
            let data = disks(faults, "source.data_snapshot", &block.data_snapshot, &place);
            Some(Source::Snapshots { os: os?, data })
        }
        (None, None, None, Some(image), None) => {
            resource(faults, "source.managed_image", image, &place).map(Source::ManagedImage)
        }
        (None, None, None, None, Some(version)) => image_version(faults, version).map(Source::ImageVersion),
        (None, None, None, None, None) => {
            faults.add("source", format!("names nothing: give one of {KINDS}"));
            None
        }
        _ => {
            faults.add("source", format!("names several things: give only one of {KINDS}"));
            None
        }
    }
}

/// A version by its id: a name alone would not say of which gallery.
fn image_version(faults: &mut Faults, text: &str) -> Option<ImageVersionId> {
    let path = "source.image_version";
    let id: ImageVersionId = faults.parse(path, text)?;
    if id.number().is_none() {
        let text = format!("ends in {:?}: name one version by its number, such as 1.4.2", id.name());
        faults.add(path, text);
        return None;
    }
    Some(id)
}

fn is_captured(block: &v1::Source) -> bool {
    filled(block.managed_image.as_deref()).is_some()
}

/// Snapshots beside a managed image, which tells what their names do not.
fn captured(faults: &mut Faults, block: &v1::Source, os: &str, place: &Place<'_>) -> Option<Source> {
    if !block.data_snapshot.is_empty() {
        faults.add(
            "source.data_snapshot",
            "cannot be told beside managed_image, whose data disks are found by data_snapshot_prefix: give one of both",
        );
    }
    let image = filled(block.managed_image.as_deref()).unwrap_or_default();
    let image = resource(faults, "source.managed_image", image, place);
    let os = resource(faults, "source.os_snapshot", os, place);
    Some(Source::Captured {
        image: image?,
        os: os?,
        data_prefix: filled(block.data_snapshot_prefix.as_deref()).map(str::to_owned),
    })
}

/// Data disks belong beside their own kind of OS disk.
fn refuse_strangers(faults: &mut Faults, block: &v1::Source) {
    let is_stray = |data: &[v1::SourceDisk], os: &Option<String>| !data.is_empty() && filled(os.as_deref()).is_none();
    if is_stray(&block.data_disk, &block.os_disk) {
        faults.add(
            "source.data_disk",
            "belongs beside os_disk: a VM brings its own data disks, snapshots are named with data_snapshot",
        );
    }
    if is_stray(&block.data_snapshot, &block.os_snapshot) {
        faults.add(
            "source.data_snapshot",
            "belongs beside os_snapshot: a VM brings its own data disks, disks are named with data_disk",
        );
    }
    let is_beside_both = is_captured(block) && filled(block.os_snapshot.as_deref()).is_some();
    if filled(block.data_snapshot_prefix.as_deref()).is_some() && !is_beside_both {
        faults.add(
            "source.data_snapshot_prefix",
            "belongs beside os_snapshot and managed_image, which tells how many disks there are and their LUNs",
        );
    }
}

fn disks<Id: Named>(
    faults: &mut Faults,
    path: &str,
    blocks: &[v1::SourceDisk],
    place: &Place<'_>,
) -> Vec<SourceDisk<Id>> {
    let mut disks = Vec::new();
    let mut taken = BTreeMap::new();
    for (index, block) in blocks.iter().enumerate() {
        let (lun_path, id_path) = (format!("{path}[{index}].lun"), format!("{path}[{index}].id"));
        let lun = lun(faults, &lun_path, block.lun);
        let remedy = "give the resource id, or the name beside source.resource_group";
        let id = faults.required(&id_path, block.id.as_deref(), remedy);
        let id = id.and_then(|id| resource(faults, &id_path, id, place));
        if let Some(other) = lun.and_then(|lun| taken.insert(lun, index)) {
            faults.add(
                lun_path,
                format!("is the LUN of {path}[{other}] too: give each disk its own"),
            );
        }
        if let (Some(lun), Some(id)) = (lun, id) {
            disks.push(SourceDisk { lun, id });
        }
    }
    disks
}

fn lun(faults: &mut Faults, path: &str, number: Option<u32>) -> Option<Lun> {
    let Some(number) = number else {
        faults.add(
            path,
            "is missing: give the LUN that the disk gets in the image, 0 to 63",
        );
        return None;
    };
    Lun::try_from(number)
        .map_err(|error| faults.add(path, error.to_string()))
        .ok()
}

/// An id as it stands, or one made from a name.
fn resource<Id: Named>(faults: &mut Faults, path: &str, text: &str, place: &Place<'_>) -> Option<Id> {
    if text.contains('/') {
        return faults.parse(path, text);
    }
    let Some(group) = place.group else {
        faults.add(
            path,
            format!("{text:?} is a name: give source.resource_group beside it, or the whole resource id"),
        );
        return None;
    };
    if place.subscription.is_none() {
        faults.add(
            "subscription_id",
            format!("is missing: {path} is a name, and only a whole resource id says its subscription"),
        );
    }
    let subscription = place.subscription.unwrap_or(NO_SUBSCRIPTION);
    let kind = Id::TYPE;
    faults.parse(
        path,
        &format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/{kind}/{text}"),
    )
}
