//! What the version and a new definition say of themselves.
//!
//! What the source decides (generation, architecture, security type) is not here.

use azure_batch_core::settings::{DefinitionTraits, Latest, VersionSettings};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::faults::{Faults, filled};
use crate::imaging::v1;

/// What the version says of itself.
pub(super) fn settings(faults: &mut Faults, settings: &v1::Settings, now: Timestamp) -> Option<VersionSettings> {
    let destination = settings.shared_image_gallery_destination.as_ref();
    let storage = destination.and_then(|block| block.storage_account_type.as_deref());
    let storage = faults.parse_or_default("shared_image_gallery_destination.storage_account_type", storage);
    Some(VersionSettings {
        latest: latest(settings.exclude_from_latest),
        end_of_life: end_of_life(faults, settings.end_of_life_date.as_deref(), now),
        storage: storage?,
    })
}

/// `exclude_from_latest`; a version that is there keeps what it says when the setting is left out.
const fn latest(exclude: Option<bool>) -> Latest {
    match exclude {
        None => Latest::Keep,
        Some(true) => Latest::Exclude,
        Some(false) => Latest::Admit,
    }
}

fn end_of_life(faults: &mut Faults, text: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    const SETTING: &str = "end_of_life_date";
    let text = filled(text)?;
    let Some(date) = text.parse().ok().or_else(|| midnight(text)) else {
        let remedy = "write one such as 2027-06-30 or 2027-06-30T12:00:00Z";
        faults.add(SETTING, format!("{text:?} is not a date; {remedy}"));
        return None;
    };
    if date <= now {
        faults.add(SETTING, format!("{text} has passed: give a date that lies ahead"));
    }
    Some(date)
}

/// The beginning of a day in UTC.
fn midnight(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// What a new definition says of itself.
pub(super) fn traits(block: Option<&v1::Definition>) -> DefinitionTraits {
    let text = |of: fn(&v1::Definition) -> Option<&str>| filled(block.and_then(of)).map(str::to_owned);
    DefinitionTraits {
        publisher: text(|block| block.publisher.as_deref()),
        offer: text(|block| block.offer.as_deref()),
        sku: text(|block| block.sku.as_deref()),
        description: text(|block| block.description.as_deref()),
    }
}
