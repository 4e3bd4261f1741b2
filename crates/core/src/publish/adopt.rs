//! Adopting: a version of the wanted definition that is there already is the result as it is. Pure.
//!
//! It is a publish without copies: the loop of `publish` completes its regions, replicas, dates and tags. What such a
//! version may be asked for is decided here; what it says of itself in `details`.

use super::observe::Seen;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{VersionNumber, resource::ImageVersionId},
    settings::PublishSettings,
};

/// Refuses a specialized version: Batch starts pools from generalized images only, which no setting can change.
///
/// # Errors
/// `Refused`.
pub(super) fn require_generalized(settings: &PublishSettings, seen: &Seen) -> Result<()> {
    let (Some(version), Some(definition)) = (settings.adopted(), &seen.definition) else {
        return Ok(());
    };
    if !definition.os_state().eq_ignore_ascii_case("Specialized") {
        return Ok(());
    }
    let text = format!(
        "version {} is specialized as its definition is, and Batch starts pools from generalized images only",
        version.name()
    );
    let hint = "generalize the machine, and build into a definition whose osState is Generalized";
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}

/// The version's own number; the settings ask for no other.
///
/// # Errors
/// `BadInput` when it does not have three parts.
pub(super) fn number(version: &ImageVersionId) -> Result<VersionNumber> {
    version.number().ok_or_else(|| {
        let text = format!("version {} does not have a number of three parts", version.name());
        Error::new(ErrorKind::BadInput, text)
    })
}

#[cfg(test)]
pub(super) mod tests;
