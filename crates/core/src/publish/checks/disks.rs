//! Checks of a machine's disks: encryption, kind, size, place, host cache. Pure.

use super::{Check, fail, pass, unknown};
use crate::{
    compute::vm::Vm,
    options::image::TARGET_REGION_DISK_ENCRYPTION_SET_ID,
    publish::{
        bodies::OS_CACHING,
        machine::{Machine, SourceShape},
    },
    settings::Keys,
};

/// The largest disk that a fully replicated version takes: Microsoft's page on troubleshooting galleries says that a disk
/// "exceeds the max size 2048 supported".
const MAX_DISK_GIB: u64 = 2048;

/// All of them, in the order of their names.
pub(super) fn checks(machine: &Machine, keys: Keys) -> Vec<Check> {
    vec![
        disk_encryption(machine),
        encryption_sets(machine, keys),
        ultra_disk(machine),
        size(machine),
        shared_disks(machine),
        os_caching(machine),
        one_region(machine),
    ]
}

fn disk_encryption(machine: &Machine) -> Check {
    let by_vm = machine.vm.as_ref().is_some_and(Vm::has_guest_encryption);
    let encrypted: Vec<&str> = machine
        .disks()
        .filter(|disk| disk.body.has_guest_encryption())
        .map(|disk| disk.name.as_str())
        .collect();
    if encrypted.is_empty() && !by_vm {
        pass("disk-encryption", "no disk is encrypted by Azure Disk Encryption")
    } else {
        let which = if encrypted.is_empty() {
            machine.os.name.clone()
        } else {
            encrypted.join(", ")
        };
        fail(
            "disk-encryption",
            format!(
                "{which}: encrypted by Azure Disk Encryption, which no image can carry; decrypt it, or use encryption at host in the pool"
            ),
        )
    }
}

/// A version keeps a disk's key only where it is named again for each of its regions.
pub(super) fn encryption_sets(machine: &Machine, keys: Keys) -> Check {
    let name = "encryption-sets";
    let mut found = machine
        .disks()
        .filter_map(|disk| Some((&disk.name, disk.body.encryption_set()?)));
    let instead = match machine.shape {
        SourceShape::Image(_) => "take an image under Azure's key",
        SourceShape::Disks | SourceShape::Snapshots | SourceShape::Vhds(_) => "copy the disk to one under Azure's key",
    };
    match (found.next(), keys) {
        (None, _) => pass(name, "no disk has a key of your own"),
        (Some(_), Keys::Own) => pass(name, "the replicas of each region get the key that is given for it"),
        (Some(_), Keys::Kept) => pass(name, "the version keeps the keys of your own that its regions have"),
        (Some((disk, set)), Keys::Azure) => fail(
            name,
            format!(
                "{disk} is encrypted with a key of your own ({set}), and the version's replicas would be under Azure's key; give every region its {TARGET_REGION_DISK_ENCRYPTION_SET_ID}, {instead}, or accept that"
            ),
        ),
    }
}

/// Ultra and Premium v2 disks: most have sectors of 4096 bytes, which only such disks can have, and no node has one for
/// its operating system.
fn ultra_disk(machine: &Machine) -> Check {
    let is_ultra = |sku: &str| {
        ["UltraSSD_LRS", "PremiumV2_LRS"]
            .iter()
            .any(|one| one.eq_ignore_ascii_case(sku))
    };
    let found = machine
        .disks()
        .find(|disk| is_ultra(disk.body.sku()) || disk.body.sector_size() > 512);
    match found {
        Some(disk) => fail(
            "ultra-disk",
            format!(
                "{} is {} with sectors of {} bytes, which no image holds for a Batch node; move its data to another type",
                disk.name,
                disk.body.sku(),
                disk.body.sector_size()
            ),
        ),
        None => pass("ultra-disk", "no Ultra or Premium v2 disk"),
    }
}

/// Whether every disk fits into a version.
pub(super) fn size(machine: &Machine) -> Check {
    let name = "data-disk-size";
    match machine.disks().find(|disk| disk.body.size_gib() > MAX_DISK_GIB) {
        Some(disk) => fail(
            name,
            format!(
                "{} has {} GiB; a replicated version takes disks up to {MAX_DISK_GIB} GiB",
                disk.name,
                disk.body.size_gib()
            ),
        ),
        None => pass(name, format!("no disk above {MAX_DISK_GIB} GiB")),
    }
}

fn shared_disks(machine: &Machine) -> Check {
    match machine.disks().find(|disk| disk.body.max_shares() > 1) {
        Some(disk) => fail(
            "shared-disks",
            format!(
                "{} may be used by {} machines at one time, so another one may write to it while it is copied; take it out of the source",
                disk.name,
                disk.body.max_shares()
            ),
        ),
        None => pass("shared-disks", "no disk is shared"),
    }
}

/// The instructions recommend one host cache for the OS disk, and the image gets it.
fn os_caching(machine: &Machine) -> Check {
    let name = "os-disk-caching";
    let gets = format!("the image gets {OS_CACHING}, as Batch's instructions recommend");
    match &machine.os.caching {
        Some(caching) if caching.eq_ignore_ascii_case(OS_CACHING) => pass(name, format!("it is {OS_CACHING}")),
        Some(caching) => pass(name, format!("it is {caching}; {gets}")),
        None => unknown(name, format!("the source does not show it; {gets}")),
    }
}

/// The host cache of an image that is used whole: Azure takes it as it is.
pub(super) fn image_caching(machine: &Machine) -> Check {
    let name = "os-disk-caching";
    let keeps = format!("the version keeps it, and Batch's instructions recommend {OS_CACHING}");
    match &machine.os.caching {
        Some(caching) if caching.eq_ignore_ascii_case(OS_CACHING) => pass(name, format!("it is {OS_CACHING}")),
        Some(caching) => pass(
            name,
            format!("it is {caching}; {keeps}: set it in the pool, or in the machine before it is captured"),
        ),
        None => unknown(name, format!("the image does not show it; {keeps}")),
    }
}

/// Whether all disks lie where the version is made.
pub(super) fn one_region(machine: &Machine) -> Check {
    let in_zone = machine.disks().find_map(|disk| Some((disk, disk.body.edge_zone()?)));
    // Of a VM that lies in one, `vm-state` says it.
    if let (None, Some((disk, zone))) = (&machine.vm, in_zone) {
        let text = format!(
            "{} lies in the edge zone {zone}, and versions are made in regions only: copy it into a region",
            disk.name
        );
        return fail("one-region", text);
    }
    let elsewhere = |location: Option<_>| location.is_some_and(|location| location != machine.location);
    match machine.disks().find(|disk| elsewhere(disk.body.location())) {
        Some(disk) => fail(
            "one-region",
            format!(
                "{} lies in another region than {}; copy it there first",
                disk.name, machine.location
            ),
        ),
        None => pass("one-region", format!("all disks lie in {}", machine.location)),
    }
}
