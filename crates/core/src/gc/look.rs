//! Reads what gc decides by: snapshots and images, the versions that they were made for, and who uses images.
//!
//! What nothing is at stake for is not read.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::choose::{self, Chosen, Surroundings, Versions, by_itself, key};
use crate::{
    absent,
    client::Client,
    compute::{image, snapshot},
    error::{Error, ErrorKind, Result},
    estate::ACCOUNTS,
    ids::{SubscriptionId, resource::ImageDefinitionId},
    json,
    options::versions::{LEFTOVER_SUBSCRIPTIONS, RESOURCE_GROUPS},
    rights::{self, Part, Whole},
    settings::{CollectionSettings, Place, Sight},
    temporaries::{Found, TemporaryId},
    usage::{self, Usage},
    versions,
};

/// How many definitions are read at one time.
const AT_ONCE: usize = 8;

/// The right that shows all managed images of a subscription.
const IMAGES: &str = "Microsoft.Compute/images/read";

/// What is there, with what may become of it.
pub(super) struct Looked {
    /// Everything that runs made.
    pub(super) chosen: Vec<Chosen>,
    /// The places of which lists may show only a part.
    pub(super) parts: Vec<Part>,
}

/// Everything that runs made and that is there, with what may become of it.
///
/// # Errors
/// When a place cannot be read, or the run ends.
pub(super) async fn looked(client: &Client, settings: &CollectionSettings) -> Result<Looked> {
    let mut found = Vec::new();
    for place in &settings.places {
        let more = in_place(client, place).await?;
        let is_new = |it: &Found| !found.iter().any(|known: &Found| known.id == it.id);
        let more: Vec<Found> = more.into_iter().filter(is_new).collect();
        found.extend(more);
    }
    let images: Vec<Found> = found
        .iter()
        .filter(|it| matches!(it.id, TemporaryId::Image(_)))
        .cloned()
        .collect();
    let (prefix, now) = (&settings.name_prefix, client.run().now());
    let mut chosen: Vec<Chosen> = found.into_iter().filter_map(|it| by_itself(it, prefix, now)).collect();
    chosen.sort_by_key(|it| it.leftover.id.to_ascii_lowercase());
    let parts = parts(client, settings).await?;
    let (versions, usage) =
        futures::try_join!(versions_of(client, &chosen), users(client, settings, &chosen, &images))?;
    let around = Surroundings {
        versions: &versions,
        usage: &usage,
        images: &images,
        without_images: &without_images(settings, &parts),
    };
    let chosen = chosen.into_iter().map(|it| choose::with(it, &around)).collect();
    Ok(Looked { chosen, parts })
}

/// The places of which lists may show only a part. A list of a resource group is refused as a whole; the accounts of one
/// come from the list of its subscription.
async fn parts(client: &Client, settings: &CollectionSettings) -> Result<Vec<Part>> {
    let lists = [
        ("Microsoft.Compute/snapshots/read", "snapshots"),
        (IMAGES, "managed images"),
        (ACCOUNTS, "Batch accounts"),
    ];
    let of_place = |place: &Place| {
        let (scope, lists) = match place {
            Place::Group(group) => (group.to_string(), lists.get(2..)),
            Place::Subscription(id) => (format!("/subscriptions/{id}"), lists.get(..)),
        };
        let whole = move |(right, kind): &(&'static str, &'static str)| Whole {
            scope: scope.clone(),
            right,
            kind,
        };
        lists.unwrap_or_default().iter().map(whole).collect::<Vec<_>>()
    };
    let wholes: Vec<Whole> = settings.places.iter().flat_map(of_place).collect();
    rights::parts(client, &wholes).await
}

/// The subscriptions in which managed images may be out of sight.
fn without_images(settings: &CollectionSettings, parts: &[Part]) -> Vec<Part> {
    let is_listed = |part: &&Part| {
        let mut places = settings.places.iter();
        places.any(|place| matches!(place, Place::Subscription(id) if part.scope == format!("/subscriptions/{id}")))
    };
    let parts = parts.iter().filter(is_listed);
    parts
        .filter(|part| [IMAGES, rights::PERMISSIONS].contains(&part.needs))
        .cloned()
        .collect()
}

async fn in_place(client: &Client, place: &Place) -> Result<Vec<Found>> {
    let (snapshots, images) = match place {
        Place::Group(group) => (snapshot::list(group), image::list(group)),
        Place::Subscription(id) => (snapshot::list_of_subscription(id), image::list_of_subscription(id)),
    };
    let (snapshots, images) = futures::join!(client.list(&snapshots), client.list(&images));
    let missing = |error: Error| missing(place, error);
    let read = |bodies: Vec<Value>, id: fn(&str) -> Option<TemporaryId>| {
        let found = bodies.into_iter();
        found.filter_map(move |body| Some(Found::new(id(json::text(&body, "/id")?)?, body)))
    };
    let snapshots = read(snapshots.map_err(missing)?, |id| {
        id.parse().ok().map(TemporaryId::Snapshot)
    });
    let images = read(images.map_err(missing)?, |id| id.parse().ok().map(TemporaryId::Image));
    Ok(snapshots.chain(images).collect())
}

/// A refusal of a place, with the option that names it where it is not there.
fn missing(place: &Place, refusal: Error) -> Error {
    match place {
        Place::Group(group) if absent::is_of_group(&refusal) => absent::group(group, RESOURCE_GROUPS).because(refusal),
        Place::Group(group) if absent::is_of_subscription(&refusal) => match group.subscription().parse() {
            Ok(id) => absent::subscription(&id, RESOURCE_GROUPS).because(refusal),
            Err(_) => refusal,
        },
        Place::Subscription(id) if absent::is_of_subscription(&refusal) => {
            absent::subscription(id, LEFTOVER_SUBSCRIPTIONS).because(refusal)
        }
        Place::Group(_) | Place::Subscription(_) => refusal,
    }
}

/// The versions of every definition that something was made for which may go. A definition that is gone has none.
async fn versions_of(client: &Client, chosen: &[Chosen]) -> Result<Versions> {
    let going = chosen.iter().filter(|it| it.leftover.goes());
    let mut definitions: Vec<ImageDefinitionId> = Vec::new();
    for definition in going.filter_map(|it| Some(it.found.tags.as_ref()?.definition())) {
        if !definitions.contains(&definition) {
            definitions.push(definition);
        }
    }
    let reads = stream::iter(definitions).map(|definition| async move {
        let found = match versions::read(client, &definition).await {
            Ok(versions) => Ok(versions.all),
            Err(error) if error.has_status(404) => Ok(Vec::new()),
            Err(error) => match error.kind() {
                ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => return Err(error),
                _ => Err(error.report()),
            },
        };
        Ok((key(&definition), found))
    });
    reads.buffered(AT_ONCE).try_collect().await
}

/// Who uses images: asked only when an image, or a snapshot that an image was made of, may go. Batch takes managed
/// images of the account's own subscription alone.
async fn users(client: &Client, settings: &CollectionSettings, chosen: &[Chosen], images: &[Found]) -> Result<Usage> {
    let is_at_stake = |it: &&Chosen| match &it.found.id {
        TemporaryId::Image(_) => true,
        TemporaryId::Snapshot(id) => images
            .iter()
            .any(|image| image::snapshots(image.body()).any(|of| of.eq_ignore_ascii_case(&id.to_string()))),
    };
    if !chosen.iter().filter(|it| it.leftover.goes()).any(|it| is_at_stake(&it)) {
        return Ok(Usage::default());
    }
    let of = |place: &Place| match place {
        Place::Group(group) => group.subscription().parse::<SubscriptionId>().ok(),
        Place::Subscription(id) => Some(id.clone()),
    };
    let mut all: Vec<SubscriptionId> = settings.places.iter().filter_map(of).collect();
    all.sort_by_key(|id| id.as_str().to_ascii_lowercase());
    all.dedup_by_key(|id| id.as_str().to_ascii_lowercase());
    usage::read(client, &Sight::Subscriptions(all), &[]).await
}
