//! Has gallery and definition there and good, before anything is made in them.
//!
//! Whether a definition fits the machine is decided before, in `definition/fit.rs`.

use serde_json::Value;

use super::{Reached, Work, deeds::Deeds, deeds::Destination, has_ended};
use crate::{
    absent,
    client::Client,
    compute::{gallery, gallery::ImageDefinition},
    error::{Error, Result},
    ids::resource::{GalleryId, ImageDefinitionId},
    json,
    operation::{Status, drive, read_resource},
    progress::Event,
    publish::{definition, observe::Seen},
    request::Request,
    wait::Pace,
};

/// Makes what is missing, waits for what is in the making, and writes again what a failed write has left.
///
/// # Errors
/// When Azure refuses for good, something fails, or the run ends.
pub(super) async fn have(work: Work<'_>, seen: &mut Seen, deeds: &Deeds<'_>) -> Result<Reached> {
    for part in &deeds.destination {
        let refused = match *part {
            Destination::Gallery(id) => have_gallery(work.client, id, seen).await?,
            Destination::Definition(id) => have_definition(work, id, seen).await?,
        };
        if let Some(refusal) = refused {
            return Ok(Reached::Nothing(Some(refusal)));
        }
    }
    Ok(Reached::Something)
}

/// A definition that is there, once nothing is at work on it: one whose last write failed is written again as it is, so
/// that it keeps what others have written. Nothing when there is none.
///
/// # Errors
/// When it is not readable, cannot be written, or the run ends.
pub(super) async fn settled(client: &Client, id: &ImageDefinitionId) -> Result<Option<ImageDefinition>> {
    let get = gallery::get_definition(id);
    let Some(mut found) = client.find(&get).await?.map(|answer| answer.value()) else {
        return Ok(None);
    };
    if matches!(read_resource(&found), Status::Running(_) | Status::Forgotten) {
        let again = gallery::write_again(id, &ImageDefinition::new(found.clone()));
        // Another's write that ends badly is no failure of this run.
        found = match drive::settle(client, &again, &get, found).await {
            Ok(body) => body,
            Err(error) if has_ended(&error) => return Err(error),
            Err(_) => client.send(&get).await?.value(),
        };
    }
    let definition = ImageDefinition::new(found);
    match definition.status() {
        Status::Failed(_) => {
            let again = gallery::write_again(id, &definition);
            let body = drive::change(client, &again, &get, has_not_failed).await?;
            Ok(Some(ImageDefinition::new(body)))
        }
        Status::Succeeded | Status::Running(_) | Status::Forgotten => Ok(Some(definition)),
    }
}

fn has_not_failed(body: &Value) -> bool {
    !matches!(read_resource(body), Status::Failed(_))
}

async fn have_gallery(client: &Client, id: &GalleryId, seen: &mut Seen) -> Result<Option<Error>> {
    let (create, get) = (gallery::create(id, &seen.machine.location), gallery::get(id));
    let found = client.find(&get).await?.map(|answer| answer.value());
    let body = match found.filter(has_not_failed) {
        Some(body) => Ok(drive::settle(client, &create, &get, body).await?),
        None => made(client, &id.to_string(), &create, &get).await?,
    };
    match body {
        Ok(body) => {
            let location = json::text(&body, "/location").and_then(|text| text.parse().ok());
            seen.gallery = Some(location.unwrap_or_else(|| seen.machine.location.clone()));
            Ok(None)
        }
        Err(refusal) => Ok(Some(refusal)),
    }
}

async fn have_definition(work: Work<'_>, id: &ImageDefinitionId, seen: &mut Seen) -> Result<Option<Error>> {
    if let Some(definition) = settled(work.client, id).await? {
        seen.definition = Some(definition);
        return Ok(None);
    }
    let location = seen.gallery.as_ref().unwrap_or(&seen.machine.location);
    let body = definition::body(work.settings, &seen.machine, location);
    let (create, get) = (gallery::create_definition(id, body), gallery::get_definition(id));
    match made(work.client, &id.to_string(), &create, &get).await? {
        Ok(body) => {
            seen.definition = Some(ImageDefinition::new(body));
            Ok(None)
        }
        Err(refusal) => Ok(Some(refusal)),
    }
}

/// A resource that was missing and is made. A refusal that means that another run makes the same is inside.
async fn made(client: &Client, id: &str, create: &Request, get: &Request) -> Result<Result<Value>> {
    match drive::put_at(client, create, get, Pace::COPY).await {
        Ok(body) => {
            client.tell(Event::Created { id: id.to_owned() });
            Ok(Ok(body))
        }
        // Without its group nothing can be made, however often it is asked for.
        Err(error) if absent::is_of_group(&error) => Err(error),
        Err(error) if error.has_status(409) || error.has_status(404) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}
