//! A source that is a version of a community gallery: the machine behind it, seen from the region where the new version is
//! made. Such a version shows no region of its own, so the settings say it.

use serde_json::Value;

use super::image;
use crate::{
    client::Client,
    compute::{community, gallery::ImageDefinition},
    error::{Error, ErrorKind, Result},
    ids::{CommunityVersionId, Location},
    options::image::DESTINATION_TARGET_REGION,
    publish::machine::Machine,
    settings::PublishSettings,
    words,
};

/// Reads the machine behind a version.
///
/// # Errors
/// When it is not in that region, or not readable.
pub(super) async fn observe(client: &Client, settings: &PublishSettings, id: &CommunityVersionId) -> Result<Machine> {
    let location = settings.target_regions.first().map(|region| &region.location);
    let location = location.ok_or_else(without_region)?;
    let subscription = settings.definition.group().subscription();
    let (get_version, get_definition) = (
        community::get_version(subscription, location, id),
        community::get_definition(subscription, location, id),
    );
    let (version, definition) = futures::try_join!(client.find(&get_version), client.find(&get_definition))?;
    let (version, definition): (Value, Value) = match (version, definition) {
        (Some(version), Some(definition)) => (version.value(), definition.value()),
        _ => return Err(not_there(id, location)),
    };
    image::of_community(id, location, (&version, &ImageDefinition::new(definition)))
}

/// The settings are refused before it comes to this.
fn without_region() -> Error {
    let text = words![
        DESTINATION_TARGET_REGION,
        " is missing, and a community gallery shows no region"
    ];
    Error::new(ErrorKind::BadInput, text)
}

fn not_there(id: &CommunityVersionId, location: &Location) -> Error {
    let text = format!("there is no {id} in {location}");
    Error::new(ErrorKind::BadInput, text).with_hint(words![
        "check the id; its publisher may not have replicated it to ",
        location.to_string(),
        ": give another region as the first ",
        DESTINATION_TARGET_REGION
    ])
}
