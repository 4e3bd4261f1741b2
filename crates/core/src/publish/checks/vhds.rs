//! The checks of VHDs: they show next to nothing, so most is for the user to know.

use super::{Check, TEMP_DRIVE, disks, fail, pass, unknown};
use crate::{
    publish::machine::{Machine, SourceVhds},
    settings::{Generalized, MachineHandling},
};

/// The checks that only VHDs have.
#[cfg(test)]
pub(super) const ONLY_HERE: [&str; 2] = ["one-subscription", "vhd"];

/// Checks VHDs against what is said of their machine.
pub(super) fn checks(machine: &Machine, vhds: &SourceVhds, handling: MachineHandling) -> Vec<Check> {
    let only_a_vm = |name| unknown(name, "only a VM shows it, and the source is VHDs");
    let only_a_disk = |name| unknown(name, "only disks show it, and the source is VHDs");
    let size = match &vhds.unread {
        Some(_) => unknown("data-disk-size", "the blobs cannot be read"),
        None => disks::size(machine),
    };
    vec![
        only_a_vm("vm-state"),
        only_a_vm("deallocated"),
        generalized(handling),
        only_a_vm("extensions"),
        only_a_disk("disk-encryption"),
        only_a_disk("encryption-sets"),
        size,
        disks::one_region(machine),
        one_subscription(vhds),
        readable(vhds),
        unknown("purchase-plan", "a VHD does not show its purchase plan"),
        unknown("base-image", "this source does not name its base image"),
        unknown("temp-drive", TEMP_DRIVE),
    ]
}

fn generalized(handling: MachineHandling) -> Check {
    let name = "generalized";
    match handling.generalized {
        Generalized::Declared => pass(name, "the VHDs are declared to be of a generalized machine"),
        Generalized::Required | Generalized::Mark => fail(
            name,
            "a VHD does not show whether its machine was generalized; if waagent -deprovision+user or sysprep ran in it, set \
             generalized = true",
        ),
    }
}

fn readable(vhds: &SourceVhds) -> Check {
    let name = "vhd";
    match &vhds.unread {
        None => pass(name, "the blobs are page blobs with disks of whole MiB"),
        Some(why) => unknown(
            name,
            format!(
                "{why}; so neither their sizes are known nor whether they changed since a former run. The role Storage Blob \
                 Data Reader (Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read) shows them"
            ),
        ),
    }
}

/// That Azure takes no blobs of another subscription is what its models say of managed images; of versions it is not known.
fn one_subscription(vhds: &SourceVhds) -> Check {
    let name = "one-subscription";
    match &vhds.foreign {
        None => pass(name, "the VHDs lie in the gallery's subscription"),
        Some(other) => fail(
            name,
            format!(
                "a storage account is in subscription {other}, and the gallery in another; copy the VHDs into an account there"
            ),
        ),
    }
}
