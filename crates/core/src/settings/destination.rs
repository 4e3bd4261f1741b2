//! Reads where the version goes: the definition, the number, the regions asked for by name.
//!
//! Which regions follow from pools is computed later.

use std::collections::BTreeMap;

use super::{
    DiskKeys, Latest, Lun, MAX_REPLICAS, TargetRegion, VersionChoice,
    reader::{Reader, shape},
    source::{NO_SUBSCRIPTION, subscription_of},
};
use crate::{
    ids::{
        Location,
        resource::{GalleryId, ImageDefinitionId, ResourceGroupId},
    },
    options::{Opt, image},
    words,
};

/// The longest name of galleries and definitions, in letters (Azure's naming rules of Microsoft.Compute).
const LONGEST_NAME: usize = 80;

/// The destination.
pub(super) struct Destination {
    pub(super) definition: ImageDefinitionId,
    pub(super) version: VersionChoice,
    pub(super) target_regions: Vec<TargetRegion>,
}

/// Reads where the version goes.
pub(super) fn destination(reader: &mut Reader<'_, '_>) -> Option<Destination> {
    let subscription = reader.text(image::SUBSCRIPTION_ID).or_else(|| subscription_of(reader));
    let is_subscription_unknown = reader.is_unknown(image::SUBSCRIPTION_ID);
    if !reader.has(image::SHARED_IMAGE_GALLERY_DESTINATION) {
        reader.refuse(
            image::SHARED_IMAGE_GALLERY_DESTINATION,
            words![
                "is missing: name gallery and definition in it with ",
                image::DESTINATION_RESOURCE_GROUP,
                ", ",
                image::DESTINATION_GALLERY_NAME,
                " and ",
                image::DESTINATION_IMAGE_NAME
            ],
        );
        return None;
    }
    let mut block = reader.block(image::SHARED_IMAGE_GALLERY_DESTINATION)?;
    let definition = definition(&mut block, subscription, is_subscription_unknown);
    let version = match block.text(image::DESTINATION_IMAGE_VERSION) {
        Some(_) => block.parsed(image::DESTINATION_IMAGE_VERSION),
        None if block.is_unknown(image::DESTINATION_IMAGE_VERSION) => None,
        None => Some(VersionChoice::NextPatch { major: 1, minor: 0 }),
    };
    let mut target_regions = regions(&mut block);
    target_regions.extend(replication_regions(&mut block));
    replica_count(reader, &mut target_regions);
    Some(Destination {
        definition: definition?,
        version: version?,
        target_regions,
    })
}

fn definition(
    block: &mut Reader<'_, '_>,
    subscription: Option<&str>,
    is_subscription_unknown: bool,
) -> Option<ImageDefinitionId> {
    let group = group(block, subscription, is_subscription_unknown);
    let gallery = gallery_name(block);
    let name = definition_name(block);
    let gallery = format!("{}/providers/Microsoft.Compute/galleries/{}", group?, gallery?);
    let gallery: GalleryId = block.checked(image::DESTINATION_GALLERY_NAME, gallery.parse())?;
    Some(gallery.definition(name?))
}

fn gallery_name<'v>(block: &mut Reader<'v, '_>) -> Option<&'v str> {
    let opt = image::DESTINATION_GALLERY_NAME;
    let name = block.required(opt, "give the gallery's name")?;
    // Unlike most names it has no hyphen; ARM would say so only after the snapshots are made.
    let rule = "a gallery name (1-80 letters, digits, \".\" or \"_\", no \"-\"; a letter or digit first and last)";
    named(block, opt, name, ("._", rule))
}

fn definition_name<'v>(block: &mut Reader<'v, '_>) -> Option<&'v str> {
    let opt = image::DESTINATION_IMAGE_NAME;
    let name = block.required(opt, "give the image definition's name")?;
    let rule =
        "an image definition name (1-80 letters, digits, \".\", \"_\" or \"-\"; a letter or digit first and last)";
    named(block, opt, name, ("._-", rule))
}

/// The name, if it is made of letters, digits and these, begins and ends with a letter or digit, and is not too long.
fn named<'v>(
    block: &mut Reader<'v, '_>,
    opt: &'static Opt,
    name: &'v str,
    (extra, rule): (&str, &str),
) -> Option<&'v str> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
    let is_outer = |c: char| c.is_ascii_alphanumeric();
    let is_good = name.len() <= LONGEST_NAME
        && name.starts_with(is_outer)
        && name.ends_with(is_outer)
        && name.chars().all(is_inner);
    if !is_good {
        block.refuse(opt, format!("{name:?} is not {rule}"));
    }
    is_good.then_some(name)
}

fn group(block: &mut Reader<'_, '_>, general: Option<&str>, is_general_unknown: bool) -> Option<ResourceGroupId> {
    let own = image::DESTINATION_SUBSCRIPTION;
    let is_unknown = block.is_unknown(own) || is_general_unknown;
    let subscription = block.text(own).or(general);
    if subscription.is_none() && !is_unknown {
        let text = words![
            "is missing: give it, or ARM_SUBSCRIPTION_ID in the environment, or ",
            own
        ];
        block.refuse(image::SUBSCRIPTION_ID, text);
    }
    let name = block.required(
        image::DESTINATION_RESOURCE_GROUP,
        "give the name of the gallery's resource group",
    )?;
    if ResourceGroupId::new(NO_SUBSCRIPTION, name).is_err() {
        let text = format!("{name:?} is not the name of a resource group");
        block.refuse(image::DESTINATION_RESOURCE_GROUP, text);
        return None;
    }
    let subscription = subscription?;
    let group = ResourceGroupId::new(subscription, name).ok();
    if group.is_none() {
        let (opt, shown) = if block.has(own) {
            (own, format!("{subscription:?}"))
        } else {
            (image::SUBSCRIPTION_ID, shape(subscription))
        };
        block.refuse(opt, format!("{shown} is not a subscription id (a GUID)"));
    }
    group
}

fn regions(block: &mut Reader<'_, '_>) -> Vec<TargetRegion> {
    let mut named: Vec<Location> = Vec::new();
    block.blocks(image::DESTINATION_TARGET_REGION, |region, _| {
        let opt = image::TARGET_REGION_REPLICAS;
        let replicas = region.number(opt);
        if let Some(replicas) = replicas.filter(|replicas| !(1..=MAX_REPLICAS).contains(replicas)) {
            let text = format!("is {replicas}; write 1 to {MAX_REPLICAS}, or leave it out for what the pools need");
            region.refuse(opt, text);
        }
        let opt = image::TARGET_REGION_NAME;
        region.required(opt, "give a region such as westeurope")?;
        let location: Location = region.parsed(opt)?;
        if named.contains(&location) {
            region.refuse(
                opt,
                format!("{location} is named before: give one block for each region"),
            );
        }
        named.push(location.clone());
        let phase = region.number(image::TARGET_REGION_PHASE);
        if phase == Some(0) {
            region.refuse(image::TARGET_REGION_PHASE, "is 0; phases count from 1");
        }
        let latest = match region.switch(image::TARGET_REGION_EXCLUDE_FROM_LATEST) {
            None => Latest::Keep,
            Some(true) => Latest::Exclude,
            Some(false) => Latest::Admit,
        };
        Some(TargetRegion {
            location,
            replicas,
            at_least: None,
            storage: region.parsed(image::TARGET_REGION_STORAGE_ACCOUNT_TYPE),
            latest,
            keys: keys(region),
            phase,
        })
    })
}

/// Regions by their names alone, as azure-arm has them.
fn replication_regions(block: &mut Reader<'_, '_>) -> Vec<TargetRegion> {
    let opt = image::DESTINATION_REPLICATION_REGIONS;
    if block.has(opt) && block.has(image::DESTINATION_TARGET_REGION) {
        let text = words![
            "cannot be given together with ",
            image::DESTINATION_TARGET_REGION,
            ": write a block for each region instead"
        ];
        block.refuse(opt, text);
    }
    let mut regions: Vec<TargetRegion> = Vec::new();
    for (index, name) in block.texts(opt).iter().enumerate() {
        match name.parse::<Location>() {
            Err(error) => block.refuse_item(opt, index, error.to_string()),
            Ok(location) if regions.iter().any(|region| region.location == location) => {
                block.refuse_item(opt, index, format!("{location} is named before: name each region once"));
            }
            Ok(location) => regions.push(TargetRegion::new(location, None)),
        }
    }
    regions
}

/// Gives the regions of azure-arm's list at least as many replicas as azure-arm gives each of them: it knows no pools, which
/// may need more. 0 is as good as none there.
fn replica_count(reader: &mut Reader<'_, '_>, regions: &mut [TargetRegion]) {
    let (opt, list) = (
        image::SHARED_IMAGE_GALLERY_REPLICA_COUNT,
        image::DESTINATION_REPLICATION_REGIONS,
    );
    let Some(count) = reader.number(opt).filter(|count| *count > 0) else {
        return;
    };
    let block = reader.block(image::SHARED_IMAGE_GALLERY_DESTINATION);
    let has_list = block.is_some_and(|block| block.has(list));
    if !has_list {
        let text = words![
            "is for the regions of ",
            list,
            ", and there are none: write a block ",
            image::DESTINATION_TARGET_REGION,
            format!(" with replicas = {count} for each region")
        ];
        reader.refuse(opt, text);
    } else if count > MAX_REPLICAS {
        reader.refuse(
            opt,
            format!("is {count}; write 1 to {MAX_REPLICAS}, or leave it out for what the pools need"),
        );
    }
    for region in regions {
        region.at_least = Some(count);
    }
}

/// The disk encryption sets of a region.
fn keys(region: &mut Reader<'_, '_>) -> Option<DiskKeys> {
    let mut data = BTreeMap::new();
    region.blocks(image::TARGET_REGION_DATA_DISK_ENCRYPTION, |disk, _| {
        let opt = image::DATA_DISK_ENCRYPTION_LUN;
        let number = disk.number(opt);
        if number.is_none() && !disk.has(opt) {
            disk.refuse(opt, "is missing: give the LUN of the data disk");
        }
        let lun = number.and_then(|number| disk.checked(opt, Lun::try_from(number)));
        let opt = image::DATA_DISK_ENCRYPTION_SET_ID;
        disk.required(opt, "give the resource id of a disk encryption set")?;
        let (lun, set) = (lun?, disk.parsed(opt)?);
        if data.insert(lun, set).is_some() {
            let text = format!("{} is named before: give one block for each LUN", lun.number());
            disk.refuse(image::DATA_DISK_ENCRYPTION_LUN, text);
        }
        Some(())
    });
    let opt = image::TARGET_REGION_DISK_ENCRYPTION_SET_ID;
    if !data.is_empty() && !region.has(opt) {
        region.refuse(
            opt,
            "is missing: Azure takes keys for all disks of a version or for none",
        );
    }
    let os = region.parsed(opt)?;
    Some(DiskKeys { os, data })
}
