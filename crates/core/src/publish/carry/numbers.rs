//! Says on the definition which numbers its versions have: the only memory that outlives a version which is deleted.
//!
//! The version is made by then, so nothing here fails a publish, except its end: what cannot be written is warned of.

use serde_json::{Map, Value};

use super::{Reached, Work, deeds::Deeds, destination, has_ended};
use crate::{
    client::Client,
    compute::{gallery, gallery::ImageDefinition},
    error::{Error, ErrorKind, Result},
    ids::{VersionNumber, resource::ImageDefinitionId},
    operation::drive,
    publish::{observe::Seen, plan::Goal},
    rights,
    tags::{GivenOut, Tag},
};

/// Notes the numbers of all versions that are there.
///
/// # Errors
/// When the run ends.
pub(super) async fn note(work: Work<'_>, seen: &mut Seen, goal: &Goal, deeds: &Deeds<'_>) -> Result<Reached> {
    let Some(definition) = deeds.noted else {
        return Ok(Reached::Something);
    };
    let there = seen.versions.iter().filter_map(|version| version.id.number());
    let numbers: Vec<VersionNumber> = there.chain([goal.number.number()]).collect();
    let body = match written(work.client, definition, &numbers).await {
        Ok(body) => body,
        Err(error) if has_ended(&error) => return Err(error),
        Err(error) => {
            work.client.warn(unwritten(definition, &error));
            leave_good(work.client, definition).await?;
            let known = seen.definition.as_ref().map(|known| known.body().clone());
            known.unwrap_or_default()
        }
    };
    // It is tried once by a run, so what the definition would say is taken as said.
    seen.definition = Some(ImageDefinition::new(with_numbers(body, &numbers)));
    Ok(Reached::Something)
}

/// The definition after its tag says the numbers. Tags are replaced as a whole, so they are read just before.
async fn written(client: &Client, id: &ImageDefinitionId, numbers: &[VersionNumber]) -> Result<Value> {
    let found = destination::settled(client, id).await?;
    let found = found.map(|definition| definition.body().clone()).unwrap_or_default();
    if says(&found, numbers) {
        return Ok(found);
    }
    let tags = with_numbers(found, numbers)
        .get("tags")
        .and_then(Value::as_object)
        .cloned();
    let patch = gallery::tag_definition(id, tags.unwrap_or_default());
    drive::change(client, &patch, &gallery::get_definition(id), |body| says(body, numbers)).await
}

/// A write that Azure accepted and that then failed leaves the definition in the state `Failed`, in the path of whoever
/// publishes next.
///
/// # Errors
/// When the run ends.
async fn leave_good(client: &Client, id: &ImageDefinitionId) -> Result<()> {
    match destination::settled(client, id).await {
        Err(error) if has_ended(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether a definition says all of it.
fn says(body: &Value, numbers: &[VersionNumber]) -> bool {
    GivenOut::read(body).add(numbers.iter().copied()).is_empty()
}

fn with_numbers(mut body: Value, numbers: &[VersionNumber]) -> Value {
    let mut known = GivenOut::read(&body);
    known.add(numbers.iter().copied());
    if let Some(body) = body.as_object_mut() {
        let tags = body.entry("tags").or_insert_with(|| Value::Object(Map::new()));
        if !tags.is_object() {
            *tags = Value::Object(Map::new());
        }
        if let Some(tags) = tags.as_object_mut() {
            Tag::Numbers.write(tags, known.text());
        }
    }
    body
}

fn unwritten(definition: &ImageDefinitionId, error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::NoRights => rights::lack(error),
        _ => error.report(),
    };
    format!(
        "image definition {} does not say which numbers were used: when its newest version is deleted, the next publish may use the number again: {why}",
        definition.name()
    )
}
