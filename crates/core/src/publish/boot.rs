//! Whether the sizes of the pools boot the images of a definition, and what is said of those that do not. Pure.
//!
//! The table is in `compute::boot`. Which definition a source makes is decided in `definition`, which source goes into it in `way`. A word that we do not
//! know, on either side, refuses nothing.

use crate::{
    compute::{boot::misfits, gallery::ImageDefinition, sku::Sku},
    error::{Error, ErrorKind, Result},
    ids::{Location, VmSize},
    options::image::USED_BY_VM_SIZE,
    typing::{Command, az},
    words,
};

/// The size that a pool wants, and what its region says of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WantedSize {
    /// Its name, as the user wrote it.
    pub name: VmSize,
    /// The pool's region.
    pub location: Location,
    /// What was found.
    pub found: FoundSize,
}

/// What a region says of a size.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FoundSize {
    /// It has it.
    Sku(Sku),
    /// It does not have it.
    Missing,
    /// The list could not be read.
    Unread,
}

/// Refuses a definition whose images one of the pools cannot boot; returns what is worth a line.
///
/// # Errors
/// `BadInput` for a size that its region does not have; `Refused` for one that does not boot the images, with every
/// reason.
pub(super) fn require(sizes: &[WantedSize], definition: &ImageDefinition) -> Result<Vec<String>> {
    let (mut notes, mut misfit) = (Vec::new(), Vec::new());
    for WantedSize { name, location, found } in sizes {
        match found {
            FoundSize::Unread => notes.push(format!(
                "whether {name} boots the image cannot be known: the VM sizes of {location} are not readable for this identity"
            )),
            FoundSize::Missing => {
                let text = words![USED_BY_VM_SIZE, format!(": {location} has no VM size {name}")];
                return Err(Error::new(ErrorKind::BadInput, text)
                    .with_kept("nothing was changed")
                    .with_next(
                        "choose one of the sizes that the region has",
                        Command::new(az::VM_SKUS, &[("location", location.as_str())]),
                    ));
            }
            FoundSize::Sku(sku) => {
                let reasons = misfits(definition, sku);
                if !reasons.is_empty() {
                    misfit.push(format!("{name} in {location}: {}", reasons.join(", ")));
                }
                if sku.is_without_temporary_disk() {
                    notes.push(format!(
                        "{name} has no temporary disk: the tasks' files lie on the OS disk, so it has to be large enough"
                    ));
                }
            }
        }
    }
    if misfit.is_empty() {
        return Ok(notes);
    }
    let text = format!("the definition's images do not boot on {}", misfit.join("; "));
    Err(Error::new(ErrorKind::Refused, text)
        .with_hint("name another definition, whose features fit, or use other VM sizes"))
}

#[cfg(test)]
mod tests;
