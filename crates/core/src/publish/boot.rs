//! Whether the sizes of the pools and of the test boot the images of a definition, and what is said of those that do not.
//! Pure.
//!
//! The table is in `compute::boot`. Which definition a source makes is decided in `definition`, which source goes into it
//! in `way`. A word that we do not know, on either side, refuses nothing.

use crate::{
    compute::{boot::misfits, gallery::ImageDefinition, sku::Sku},
    error::{Error, ErrorKind, Result},
    ids::{Location, VmSize},
    options::{
        Opt,
        image::{TEST_VM_SIZE, USED_BY_VM_SIZE},
    },
    typing::{Command, az},
    words,
};

/// Whose nodes are to have a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SizeOf {
    /// Those of a pool that will use the version.
    Pool,
    /// That of the test.
    Test,
}

/// The size that a pool or the test wants, and what its region says of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WantedSize {
    /// Whose nodes are to have it.
    pub of: SizeOf,
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

impl SizeOf {
    /// The option that names it.
    const fn option(self) -> &'static Opt {
        match self {
            Self::Pool => USED_BY_VM_SIZE,
            Self::Test => TEST_VM_SIZE,
        }
    }
}

/// Refuses a definition whose images one of the sizes cannot boot; returns what is worth a line.
///
/// # Errors
/// `BadInput` for a size that its region does not have; `Refused` for one that does not boot the images, with every
/// reason.
pub(super) fn require(sizes: &[WantedSize], definition: &ImageDefinition) -> Result<Vec<String>> {
    let (mut notes, mut misfit) = (Vec::new(), Vec::new());
    for size in sizes {
        let WantedSize { of, name, location, .. } = size;
        match &size.found {
            FoundSize::Unread => notes.push(format!(
                "whether {name} boots the image cannot be known: the VM sizes of {location} are not readable for this identity"
            )),
            FoundSize::Missing => {
                let text = words![of.option(), format!(": {location} has no VM size {name}")];
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
                    misfit.push((*of, format!("{name} in {location}: {}", reasons.join(", "))));
                }
                if *of == SizeOf::Pool && sku.is_without_temporary_disk() {
                    notes.push(format!(
                        "{name} has no temporary disk: the tasks' files lie on the OS disk, so it has to be large enough"
                    ));
                }
            }
        }
    }
    let Some((first, _)) = misfit.first() else {
        return Ok(notes);
    };
    let option = first.option();
    let texts: Vec<String> = misfit.into_iter().map(|(_, text)| text).collect();
    let text = format!("the definition's images do not boot on {}", texts.join("; "));
    Err(Error::new(ErrorKind::Refused, text).with_hint(words![
        "use other sizes in ",
        option,
        ", or name another definition, whose features fit"
    ]))
}

#[cfg(test)]
mod tests;
