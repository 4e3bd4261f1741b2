//! The checks of a machine before anything is written: each passes, fails, or cannot be known for this kind of source.
//!
//! They are pure; a failure is one line with its remedy and can be ignored by name.

mod disks;
mod state;
mod vhds;

use std::{collections::BTreeSet, fmt::Display};

use super::{
    check::Check,
    machine::{ImageKind, Machine, SourceImage, SourceShape},
};
use crate::{
    batch::{
        image::MarketplaceImage,
        supported::{self, ImageSupport},
    },
    compute::vm::Vm,
    error::{Error, ErrorKind, Result},
    options::image,
    progress::{CheckOutcome, Event, Progress},
    settings::{Keys, MachineHandling, PurchasePlan},
    words,
};

/// Why it is not known what happens to the temporary drive.
const TEMP_DRIVE: &str = "Azure does not show whether the default temporary drive was kept";

/// The names of all checks, for `ignore_checks`.
pub const CHECK_NAMES: [&str; 17] = [
    "vm-state",
    "deallocated",
    "generalized",
    "extensions",
    "ephemeral-os-disk",
    "disk-encryption",
    "encryption-sets",
    "ultra-disk",
    "data-disk-size",
    "shared-disks",
    "os-disk-caching",
    "one-region",
    "one-subscription",
    "vhd",
    "purchase-plan",
    "base-image",
    "temp-drive",
];

/// Reports every check, and refuses when one failed that is not ignored; the others, as they count.
///
/// # Errors
/// `Refused`, naming all failed checks.
pub(super) fn refuse(mut checks: Vec<Check>, ignored: &BTreeSet<String>, progress: &Progress) -> Result<Vec<Check>> {
    let mut failed = Vec::new();
    for check in &mut checks {
        if check.outcome == CheckOutcome::Fail {
            if ignored.contains(check.name) {
                check.outcome = CheckOutcome::Ignored;
            } else {
                failed.push((check.name, check.text.clone()));
            }
        }
        progress.tell(Event::Check {
            name: check.name.to_owned(),
            outcome: check.outcome,
            text: check.text.clone(),
        });
    }
    if failed.is_empty() {
        return Ok(checks);
    }
    let names: Vec<&str> = failed.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let error = Error::plain(ErrorKind::Refused, "the source is not fit for a Batch image");
    let error = failed
        .iter()
        .fold(error, |error, (name, text)| error.with_fact(format!("{name}: {text}")));
    Err(error.with_next("correct this, and run again", None).with_next(
        words![
            "or publish it all the same, with ",
            image::IGNORE_CHECKS,
            format!(" naming what is not to count: {names}")
        ],
        None,
    ))
}

/// Checks a machine against what may be done to it.
#[must_use]
pub(super) fn checks(machine: &Machine, handling: MachineHandling) -> Vec<Check> {
    match &machine.shape {
        SourceShape::Image(image) => image_checks(machine, image, handling),
        SourceShape::Vhds(vhds) => vhds::checks(machine, vhds, handling),
        SourceShape::Disks | SourceShape::Snapshots => machine_checks(machine, handling),
    }
}

/// The same checks with what Batch's list says of the base image, where it was read.
#[must_use]
pub(super) fn with_base(
    mut checks: Vec<Check>,
    (base, support): (Option<&MarketplaceImage>, Option<ImageSupport>),
) -> Vec<Check> {
    let name = "base-image";
    let Some(base) = base else { return checks };
    let found = match support {
        None => unknown(name, made_from(base)),
        Some(ImageSupport::Listed { ends: None }) => pass(name, format!("Batch supports {base}, and no end is set")),
        Some(ImageSupport::Listed { ends: Some(end) }) => pass(name, supported::until(&base.to_string(), end)),
        Some(ImageSupport::OtherSku) => {
            unknown(name, format!("made from {base}, of whose offer Batch lists other SKUs"))
        }
        Some(ImageSupport::Unlisted) => fail(
            name,
            format!("made from {base}, of whose offer Batch lists nothing; build on an image of Batch's list"),
        ),
    };
    for check in checks.iter_mut().filter(|check| check.name == name) {
        *check = found.clone();
    }
    checks
}

/// What an image that is used whole shows. Its machine is gone, so checks of it cannot be made.
fn image_checks(machine: &Machine, image: &SourceImage, handling: MachineHandling) -> Vec<Check> {
    let only_a_vm = |name| unknown(name, "only a VM shows it, and the source is an image");
    let only_a_disk = |name| unknown(name, "only disks show it, and the source is an image");
    let plan = match (image.kind, &machine.plan) {
        (ImageKind::ManagedImage, None) => unknown(
            "purchase-plan",
            "a managed image does not show its purchase plan, and its disk is gone or has none",
        ),
        _ => purchase_plan(machine, handling.purchase_plan),
    };
    vec![
        only_a_vm("vm-state"),
        only_a_vm("deallocated"),
        os_state(image),
        only_a_vm("extensions"),
        only_a_vm("ephemeral-os-disk"),
        only_a_disk("disk-encryption"),
        image_keys(machine, image, handling.keys),
        only_a_disk("ultra-disk"),
        disks::size(machine),
        only_a_disk("shared-disks"),
        disks::image_caching(machine),
        place(machine, image),
        plan,
        unknown("base-image", "this source does not name its base image"),
        unknown("temp-drive", TEMP_DRIVE),
    ]
}

/// Whose keys the image's disks have; a community gallery does not show it.
fn image_keys(machine: &Machine, image: &SourceImage, keys: Keys) -> Check {
    match image.kind {
        ImageKind::CommunityVersion => unknown("encryption-sets", "a community gallery does not show it"),
        ImageKind::ManagedImage | ImageKind::Version => disks::encryption_sets(machine, keys),
    }
}

fn place(machine: &Machine, image: &SourceImage) -> Check {
    let name = "one-region";
    match &image.edge_zone {
        None => pass(name, format!("the image lies in {}", machine.location)),
        Some(zone) => fail(
            name,
            format!(
                "the image lies in the edge zone {zone}, and versions are made in regions only: build it in a region"
            ),
        ),
    }
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
    let mut checks = state::checks(machine, handling);
    checks.extend(disks::checks(machine, handling.keys));
    checks.push(purchase_plan(machine, handling.purchase_plan));
    let base = vm.and_then(Vm::base_image);
    let base = base.map_or_else(|| "this source does not name its base image".to_owned(), made_from);
    checks.push(Check {
        name: "base-image",
        outcome: CheckOutcome::CannotKnow,
        text: base,
    });
    checks.push(unknown("temp-drive", TEMP_DRIVE));
    checks
}

fn made_from(base: impl Display) -> String {
    format!("made from {base}; whether Batch supports it is for its supported-images list to say")
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

fn purchase_plan(machine: &Machine, policy: PurchasePlan) -> Check {
    let name = "purchase-plan";
    let Some(plan) = &machine.plan else {
        return pass(name, "no purchase plan");
    };
    let plan = crate::json::text(plan, "/name").unwrap_or("?");
    match policy {
        PurchasePlan::Carry => pass(name, format!("the definition gets purchase plan {plan}, as asked")),
        PurchasePlan::Refuse => {
            let text = "Batch's instructions want a base image without one; use another, or have it given to the definition with \"carry\"";
            fail(name, format!("the machine carries purchase plan {plan}; {text}"))
        }
    }
}

#[cfg(test)]
mod tests;
