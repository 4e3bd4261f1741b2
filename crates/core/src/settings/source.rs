//! Reads what the image is made of: resource ids, or names in a resource group.
//!
//! Whether the source exists and is fit is for Azure to say later.

mod vhds;

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use super::{Lun, Source, SourceDisk, Value, Values, reader::Reader};
use crate::{
    ids::{
        CommunityVersionId, MadeFrom,
        resource::{DiskId, ImageId, ImageVersionId, ResourceGroupId, SnapshotId, VmId},
    },
    options::{Opt, image},
    words,
    words::{Part, Words},
};

/// Stands for a subscription that is not given, so that everything else is checked too.
pub(super) const NO_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// What a source is given with, of which exactly one is allowed.
const KINDS: [&Opt; 6] = [
    image::SOURCE_VM,
    image::SOURCE_OS_DISK,
    image::SOURCE_OS_SNAPSHOT,
    image::SOURCE_MANAGED_IMAGE,
    image::SOURCE_OS_VHD,
    image::SOURCE_IMAGE_VERSION,
];

/// The options of a block of data disks.
#[derive(Clone, Copy)]
struct DataDisks {
    block: &'static Opt,
    lun: &'static Opt,
    id: &'static Opt,
}

const DISKS: DataDisks = DataDisks {
    block: image::SOURCE_DATA_DISK,
    lun: image::SOURCE_DATA_DISK_LUN,
    id: image::SOURCE_DATA_DISK_ID,
};

const SNAPSHOTS: DataDisks = DataDisks {
    block: image::SOURCE_DATA_SNAPSHOT,
    lun: image::SOURCE_DATA_SNAPSHOT_LUN,
    id: image::SOURCE_DATA_SNAPSHOT_ID,
};

/// What completes a name to a resource id.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    subscription: Known<'a>,
    group: Known<'a>,
}

/// A text that is given, left out, or not known yet.
#[derive(Clone, Copy)]
enum Known<'a> {
    Yes(&'a str),
    NotYet,
    No,
}

/// A kind of resource that a source can be given as.
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

impl<'a> Known<'a> {
    fn of(reader: &Reader<'a, '_>, opt: &'static Opt) -> Self {
        if reader.is_unknown(opt) {
            return Self::NotYet;
        }
        reader.text(opt).map_or(Self::No, Self::Yes)
    }
}

/// Whether values say what the image is made of, or will say it; a block with only what a source does not show of itself
/// does not.
pub(super) fn is_named(values: &Values) -> bool {
    match values.get(image::SOURCE) {
        Some(Value::Block(block)) => !vhds::are_only_traits(block),
        given => given.is_some(),
    }
}

/// Reads the source.
pub(super) fn source(reader: &mut Reader<'_, '_>) -> Option<Source> {
    let subscription = Known::of(reader, image::SUBSCRIPTION_ID);
    if !reader.has(image::SOURCE) {
        reader.refuse(
            image::SOURCE,
            words![
                "is missing: name the machine with ",
                image::SOURCE_VM,
                ", its disks with ",
                image::SOURCE_OS_DISK,
                ", snapshots with ",
                image::SOURCE_OS_SNAPSHOT,
                ", VHDs with ",
                image::SOURCE_OS_VHD,
                ", or an image with ",
                image::SOURCE_MANAGED_IMAGE,
                " or ",
                image::SOURCE_IMAGE_VERSION
            ],
        );
        return None;
    }
    let mut block = reader.block(image::SOURCE)?;
    let surroundings = Surroundings {
        // One that is not a subscription is reported with the destination, and must not be shown within an id.
        subscription: match subscription {
            Known::Yes(text) if ResourceGroupId::new(text, "any").is_err() => Known::NotYet,
            subscription => subscription,
        },
        group: Known::of(&block, image::SOURCE_RESOURCE_GROUP),
    };
    refuse_strays(&mut block);
    kind(&mut block, surroundings)
}

/// The subscription of a source that is given by its whole id: the gallery is in the same one unless the user says
/// another.
pub(super) fn subscription_of<'v>(reader: &mut Reader<'v, '_>) -> Option<&'v str> {
    let block = reader.block(image::SOURCE)?;
    KINDS.iter().find_map(|kind| {
        let mut segments = block.text(kind)?.trim_start_matches('/').split('/');
        let is_id = segments.next()?.eq_ignore_ascii_case("subscriptions");
        segments.next().filter(|_| is_id)
    })
}

/// What the machine is said to be made of.
pub(super) fn made_from(reader: &mut Reader<'_, '_>) -> Option<MadeFrom> {
    reader.block(image::SOURCE)?.parsed(image::SOURCE_BASE_IMAGE)
}

fn kind(block: &mut Reader<'_, '_>, surroundings: Surroundings<'_>) -> Option<Source> {
    let is_captured = block.has(image::SOURCE_OS_SNAPSHOT) && block.has(image::SOURCE_MANAGED_IMAGE);
    // Together with snapshots the image only says what it knows of them.
    let is_source = |opt: &&&'static Opt| block.has(opt) && !(is_captured && **opt == image::SOURCE_MANAGED_IMAGE);
    let given: Vec<&'static Opt> = KINDS.iter().filter(is_source).copied().collect();
    let [given] = given.as_slice() else {
        let what = match given.len() {
            0 => "names nothing: give one of ",
            _ => "names several things: give only one of ",
        };
        block.refuse(image::SOURCE, kinds().after(what));
        return None;
    };
    match *given {
        opt if opt == image::SOURCE_VM => resource(block, opt, surroundings).map(Source::Vm),
        opt if opt == image::SOURCE_OS_DISK => {
            let os = resource(block, opt, surroundings);
            let data = disks(block, DISKS, surroundings);
            Some(Source::Disks { os: os?, data })
        }
        opt if opt == image::SOURCE_OS_SNAPSHOT && is_captured => captured(block, surroundings),
        opt if opt == image::SOURCE_OS_SNAPSHOT => {
            let os = resource(block, opt, surroundings);
            let data = disks(block, SNAPSHOTS, surroundings);
            Some(Source::Snapshots { os: os?, data })
        }
        opt if opt == image::SOURCE_OS_VHD => vhds::vhds(block).map(Source::Vhds),
        opt if opt == image::SOURCE_MANAGED_IMAGE => resource(block, opt, surroundings).map(Source::ManagedImage),
        _ => image_version(block),
    }
}

/// "source.vm, source.os_disk … and source.image_version".
fn kinds() -> Words {
    let mut parts: Vec<Part> = Vec::new();
    for (index, opt) in KINDS.iter().enumerate() {
        match KINDS.len() - index {
            _ if index == 0 => {}
            1 => parts.push(" and ".into()),
            _ => parts.push(", ".into()),
        }
        parts.push((*opt).into());
    }
    parts.into_iter().collect()
}

/// A version by its id: a name alone would not say of which gallery. Azure's model of what a version is made of has no
/// place for one that is shared in other ways than by roles.
fn image_version(block: &mut Reader<'_, '_>) -> Option<Source> {
    let text = block.text(image::SOURCE_IMAGE_VERSION)?;
    if CommunityVersionId::is_meant(text) {
        return block.parsed(image::SOURCE_IMAGE_VERSION).map(Source::Community);
    }
    if is_shared(text) {
        let text = format!(
            "is {text}, and Azure makes no image version of one that is shared directly: build on it with azure-arm's \
             direct_shared_gallery_image_id, or let its owner give you Reader on the gallery, and write the version's \
             resource id"
        );
        block.refuse(image::SOURCE_IMAGE_VERSION, text);
        return None;
    }
    let id: ImageVersionId = block.parsed(image::SOURCE_IMAGE_VERSION)?;
    if id.number().is_none() {
        let text = format!("ends in {:?}: name one version by its number, such as 1.4.2", id.name());
        block.refuse(image::SOURCE_IMAGE_VERSION, text);
        return None;
    }
    Some(Source::ImageVersion(id))
}

/// Whether an id is that of something in a gallery that is shared directly with a subscription or a tenant.
fn is_shared(id: &str) -> bool {
    let first = id.trim_start_matches('/').split('/').next();
    first.is_some_and(|first| first.eq_ignore_ascii_case("sharedGalleries"))
}

/// Snapshots together with a managed image, which says what their names do not.
fn captured(block: &mut Reader<'_, '_>, surroundings: Surroundings<'_>) -> Option<Source> {
    if block.has(image::SOURCE_DATA_SNAPSHOT) {
        block.refuse(
            image::SOURCE_DATA_SNAPSHOT,
            words![
                "cannot be given together with ",
                image::SOURCE_MANAGED_IMAGE,
                ", whose data disks are found by ",
                image::SOURCE_DATA_SNAPSHOT_PREFIX,
                ": give one of the two"
            ],
        );
    }
    let image = resource(block, image::SOURCE_MANAGED_IMAGE, surroundings);
    let os = resource(block, image::SOURCE_OS_SNAPSHOT, surroundings);
    let data_prefix = block.text(image::SOURCE_DATA_SNAPSHOT_PREFIX).map(str::to_owned);
    Some(Source::Captured {
        image: image?,
        os: os?,
        data_prefix,
    })
}

/// Data disks are given together with their own kind of OS disk.
fn refuse_strays(block: &mut Reader<'_, '_>) {
    for (data, os, other) in [
        (
            image::SOURCE_DATA_DISK,
            image::SOURCE_OS_DISK,
            image::SOURCE_DATA_SNAPSHOT,
        ),
        (
            image::SOURCE_DATA_SNAPSHOT,
            image::SOURCE_OS_SNAPSHOT,
            image::SOURCE_DATA_DISK,
        ),
        (image::SOURCE_DATA_VHD, image::SOURCE_OS_VHD, image::SOURCE_DATA_DISK),
    ] {
        if block.has(data) && !block.has(os) {
            block.refuse(
                data,
                words![
                    "needs ",
                    os,
                    ": a VM brings its own data disks, and the other kind is given with ",
                    other
                ],
            );
        }
    }
    for opt in vhds::ONLY_OF_VHDS {
        if block.has(opt) && !block.has(image::SOURCE_OS_VHD) {
            block.refuse(
                opt,
                words![
                    "is for VHDs, and the source names none: leave it out, or give ",
                    image::SOURCE_OS_VHD
                ],
            );
        }
    }
    let is_captured = block.has(image::SOURCE_OS_SNAPSHOT) && block.has(image::SOURCE_MANAGED_IMAGE);
    if block.has(image::SOURCE_DATA_SNAPSHOT_PREFIX) && !is_captured {
        block.refuse(
            image::SOURCE_DATA_SNAPSHOT_PREFIX,
            words![
                "needs ",
                image::SOURCE_OS_SNAPSHOT,
                " and ",
                image::SOURCE_MANAGED_IMAGE,
                ", which says how many disks there are and their LUNs"
            ],
        );
    }
}

fn disks<Id: Named>(block: &mut Reader<'_, '_>, of: DataDisks, surroundings: Surroundings<'_>) -> Vec<SourceDisk<Id>> {
    by_lun(block, of, |disk| {
        let remedy = words!["give the resource id, or a name in ", image::SOURCE_RESOURCE_GROUP];
        disk.required(of.id, remedy)?;
        resource(disk, of.id, surroundings)
    })
}

/// Blocks of data disks, each with a LUN of its own.
fn by_lun<Id>(
    block: &mut Reader<'_, '_>,
    of: DataDisks,
    mut id: impl FnMut(&mut Reader<'_, '_>) -> Option<Id>,
) -> Vec<SourceDisk<Id>> {
    let mut taken = BTreeMap::new();
    block.blocks(of.block, |disk, index| {
        let lun = lun(disk, of.lun);
        let id = id(disk);
        if let Some(other) = lun.and_then(|lun| taken.insert(lun, index)) {
            let text = words![
                "is also the LUN of ",
                of.block,
                format!("[{other}]: give each disk its own")
            ];
            disk.refuse(of.lun, text);
        }
        Some(SourceDisk { lun: lun?, id: id? })
    })
}

fn lun(disk: &mut Reader<'_, '_>, opt: &'static Opt) -> Option<Lun> {
    if !disk.has(opt) {
        disk.refuse(opt, "is missing: give the LUN that the disk gets in the image, 0 to 63");
        return None;
    }
    let number = disk.number(opt)?;
    disk.checked(opt, Lun::try_from(number))
}

/// An id as it is, or one made from a name.
fn resource<Id: Named>(block: &mut Reader<'_, '_>, opt: &'static Opt, surroundings: Surroundings<'_>) -> Option<Id> {
    let text = block.text(opt)?;
    if text.contains('/') {
        return block.parsed(opt);
    }
    let group = match surroundings.group {
        Known::Yes(group) => group,
        Known::NotYet => return None,
        Known::No => {
            let text = words![
                format!("{text:?} is a name: give "),
                image::SOURCE_RESOURCE_GROUP,
                " too, or the whole resource id"
            ];
            block.refuse(opt, text);
            return None;
        }
    };
    let subscription = match surroundings.subscription {
        Known::Yes(subscription) => subscription,
        Known::NotYet => NO_SUBSCRIPTION,
        Known::No => {
            let text = words![
                "is missing: ",
                opt,
                " is a name, and only a whole resource id says its subscription"
            ];
            block.refuse(image::SUBSCRIPTION_ID, text);
            NO_SUBSCRIPTION
        }
    };
    let kind = Id::TYPE;
    let id = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/{kind}/{text}");
    let id = block.checked(opt, id.parse());
    id.filter(|_| matches!(surroundings.subscription, Known::Yes(_)))
}
