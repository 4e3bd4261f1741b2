//! The checks of a machine before anything is written: each passes, fails, or cannot be known for this kind of source.
//!
//! They are pure; a failure is one line with its remedy and can be ignored by name.

use std::collections::BTreeSet;

use super::machine::{ImageKind, Machine, SourceImage, SourceShape};
use crate::{
    compute::vm::Vm,
    error::{Error, ErrorKind, Result},
    options::image,
    progress::{CheckOutcome, Event, Progress},
    settings::{Generalized, MachineHandling, Stopped},
    words,
};

/// The largest data disk that a fully replicated version takes.
const MAX_DATA_DISK_GIB: u64 = 1024;

/// Why it is not known what happens to the temporary drive.
const TEMP_DRIVE: &str = "Azure does not show whether the default temporary drive was kept";

/// The names of all checks, for `ignore_checks`.
pub const CHECK_NAMES: [&str; 12] = [
    "deallocated",
    "generalized",
    "extensions",
    "ephemeral-os-disk",
    "disk-encryption",
    "encryption-sets",
    "ultra-disk",
    "data-disk-size",
    "one-region",
    "purchase-plan",
    "base-image",
    "temp-drive",
];

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it found.
    pub outcome: CheckOutcome,
    /// One line: what was seen, and the remedy of a failure.
    pub text: String,
}

/// Reports every check, and refuses when one failed that is not ignored.
///
/// # Errors
/// `Refused`, naming all failed checks.
pub(super) fn refuse(checks: Vec<Check>, ignored: &BTreeSet<String>, progress: &Progress) -> Result<()> {
    let mut failed = Vec::new();
    for mut check in checks {
        if check.outcome == CheckOutcome::Fail {
            if ignored.contains(check.name) {
                check.outcome = CheckOutcome::Ignored;
            } else {
                failed.push(format!("{}: {}", check.name, check.text));
            }
        }
        progress.tell(Event::Check {
            name: check.name.to_owned(),
            outcome: check.outcome,
            text: check.text,
        });
    }
    if failed.is_empty() {
        return Ok(());
    }
    let text = format!("the source is not fit for a Batch image: {}", failed.join("; "));
    Err(Error::new(ErrorKind::Refused, text).with_hint(words!["fix it, or name the check in ", image::IGNORE_CHECKS]))
}

/// Checks a machine against what may be done to it.
#[must_use]
pub(super) fn checks(machine: &Machine, handling: MachineHandling) -> Vec<Check> {
    match &machine.shape {
        SourceShape::Image(image) => image_checks(machine, image),
        SourceShape::Disks | SourceShape::Snapshots => machine_checks(machine, handling),
    }
}

/// What an image that is used whole shows. Its machine is gone, so checks of it cannot be made.
fn image_checks(machine: &Machine, image: &SourceImage) -> Vec<Check> {
    let only_a_vm = |name| unknown(name, "only a VM shows it, and the source is an image");
    let only_a_disk = |name| unknown(name, "only disks show it, and the source is an image");
    let plan = match image.kind {
        ImageKind::ManagedImage => unknown("purchase-plan", "a managed image does not show its purchase plan"),
        ImageKind::Version => purchase_plan(machine),
    };
    vec![
        only_a_vm("deallocated"),
        os_state(image),
        only_a_vm("extensions"),
        only_a_vm("ephemeral-os-disk"),
        only_a_disk("disk-encryption"),
        only_a_disk("encryption-sets"),
        only_a_disk("ultra-disk"),
        data_disk_size(machine),
        pass("one-region", format!("the image lies in {}", machine.location)),
        plan,
        unknown("base-image", "this source does not name its base image"),
        unknown("temp-drive", TEMP_DRIVE),
    ]
}

fn os_state(image: &SourceImage) -> Check {
    if image.os_state.eq_ignore_ascii_case("Generalized") {
        pass("generalized", "the image is of a generalized machine")
    } else {
        fail(
            "generalized",
            format!(
                "the image is {}, and Batch starts pools from generalized ones only; generalize the machine before it is captured",
                image.os_state.to_lowercase()
            ),
        )
    }
}

fn machine_checks(machine: &Machine, handling: MachineHandling) -> Vec<Check> {
    let vm = machine.vm.as_ref();
    let mut checks = vm_checks(vm, handling);
    checks.extend([
        disk_encryption(machine),
        encryption_sets(machine),
        ultra_disk(machine),
        data_disk_size(machine),
    ]);
    checks.extend([one_region(machine), purchase_plan(machine)]);
    let base = vm.and_then(Vm::base_image);
    let base = base.map_or_else(
        || "this source does not name its base image".to_owned(),
        |base| format!("made from {base}; whether Batch supports it is for its supported-images list to say"),
    );
    checks.push(Check {
        name: "base-image",
        outcome: CheckOutcome::CannotKnow,
        text: base,
    });
    checks.push(unknown("temp-drive", TEMP_DRIVE));
    checks
}

fn pass(name: &'static str, text: impl Into<String>) -> Check {
    Check {
        name,
        outcome: CheckOutcome::Pass,
        text: text.into(),
    }
}

fn fail(name: &'static str, text: impl Into<String>) -> Check {
    Check {
        name,
        outcome: CheckOutcome::Fail,
        text: text.into(),
    }
}

fn unknown(name: &'static str, text: impl Into<String>) -> Check {
    Check {
        name,
        outcome: CheckOutcome::CannotKnow,
        text: text.into(),
    }
}

fn vm_checks(vm: Option<&Vm>, handling: MachineHandling) -> Vec<Check> {
    let Some(vm) = vm else {
        let names = ["deallocated", "generalized", "extensions", "ephemeral-os-disk"];
        return names
            .into_iter()
            .map(|name| unknown(name, "only a VM shows it, and the source is disks or snapshots"))
            .collect();
    };
    vec![
        deallocated(vm, handling.if_running),
        generalized(vm, handling.generalized),
        extensions(vm),
        ephemeral(vm),
    ]
}

fn deallocated(vm: &Vm, if_running: Stopped) -> Check {
    let name = "deallocated";
    match (vm.power_state(), if_running) {
        ("deallocated", _) => pass(name, "the VM is deallocated"),
        (_, Stopped::Deallocate) => pass(name, "the VM will be deallocated, as asked"),
        (state, Stopped::AllowRunning) => pass(
            name,
            format!("the VM is {state}; its disks are copied as they are, as asked"),
        ),
        (state, Stopped::Required) => fail(
            name,
            format!("the VM is {state}, so its disks are not consistent with each other; set deallocate = true"),
        ),
    }
}

fn generalized(vm: &Vm, handling: Generalized) -> Check {
    let name = "generalized";
    match handling {
        _ if vm.is_generalized() => pass(name, "the VM is marked as generalized"),
        Generalized::Declared => pass(name, "the VM is declared to be generalized"),
        Generalized::Mark => pass(
            name,
            "the VM will be marked as generalized, as asked; it can never start again",
        ),
        Generalized::Required => fail(
            name,
            "the VM is not marked as generalized; run waagent -deprovision+user or sysprep in it and set generalize = true, or generalized = true if that was done",
        ),
    }
}

fn extensions(vm: &Vm) -> Check {
    let names = vm.extensions();
    if names.is_empty() {
        pass("extensions", "the VM has no extensions")
    } else {
        fail(
            "extensions",
            format!(
                "the VM has extensions ({}), which keep Batch nodes from starting; remove them",
                names.join(", ")
            ),
        )
    }
}

fn ephemeral(vm: &Vm) -> Check {
    if vm.has_ephemeral_os_disk() {
        fail(
            "ephemeral-os-disk",
            "the VM has an ephemeral OS disk, which cannot be copied; build on a VM with a managed one",
        )
    } else {
        pass("ephemeral-os-disk", "the OS disk is a managed one")
    }
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

fn encryption_sets(machine: &Machine) -> Check {
    let sets: BTreeSet<Option<String>> = machine
        .disks()
        .map(|disk| disk.body.encryption_set().map(str::to_ascii_lowercase))
        .collect();
    if sets.len() <= 1 {
        pass("encryption-sets", "all disks are encrypted alike")
    } else {
        fail(
            "encryption-sets",
            "the disks have different disk encryption sets; a version needs one choice for each disk and region, so use one set",
        )
    }
}

fn ultra_disk(machine: &Machine) -> Check {
    match machine
        .disks()
        .find(|disk| disk.body.sku().eq_ignore_ascii_case("UltraSSD_LRS"))
    {
        Some(disk) => fail(
            "ultra-disk",
            format!(
                "{} is an Ultra disk, which no image can hold; move its data to another type",
                disk.name
            ),
        ),
        None => pass("ultra-disk", "no Ultra disk"),
    }
}

fn data_disk_size(machine: &Machine) -> Check {
    match machine
        .data
        .iter()
        .find(|(_, disk)| disk.body.size_gib() > MAX_DATA_DISK_GIB)
    {
        Some((lun, disk)) => fail(
            "data-disk-size",
            format!(
                "{} (LUN {lun}) has {} GiB; a replicated version takes data disks up to {MAX_DATA_DISK_GIB} GiB",
                disk.name,
                disk.body.size_gib()
            ),
        ),
        None => pass("data-disk-size", format!("no data disk above {MAX_DATA_DISK_GIB} GiB")),
    }
}

fn one_region(machine: &Machine) -> Check {
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

fn purchase_plan(machine: &Machine) -> Check {
    match &machine.plan {
        None => pass("purchase-plan", "no purchase plan"),
        Some(plan) => {
            let name = crate::json::text(plan, "/name").unwrap_or("?");
            fail(
                "purchase-plan",
                format!("the machine carries purchase plan {name}; Batch's instructions want a base image without one"),
            )
        }
    }
}

#[cfg(test)]
mod tests;
