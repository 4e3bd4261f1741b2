//! Reads what retention decides by: definitions, their versions and galleries, and who uses images.
//!
//! One look shows everything at one moment; before each step there is another one.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::decide::Facts;
use crate::{
    client::Client,
    compute::gallery::{self, Gallery, SoftDeletion},
    error::{Error, ErrorKind, Result},
    ids::{
        SubscriptionId,
        resource::{GalleryId, ImageDefinitionId},
    },
    json,
    settings::{PruneSettings, RetentionRule, RuleOf},
    usage::{self, Aliases, Blind, Claim},
    versions::{self, Versions},
};

/// How many definitions are read at one time.
const AT_ONCE: usize = 8;

/// A definition with all that decides about its versions.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) versions: Versions,
    pub(super) rule: RetentionRule,
    /// How long its gallery keeps what is deleted.
    pub(super) soft: Option<SoftDeletion>,
    pub(super) claims: Vec<Claim>,
    /// What could not be seen.
    pub(super) blind: Vec<Blind>,
}

impl Scene {
    pub(super) const fn facts(&self, now: Timestamp) -> Facts<'_> {
        Facts {
            versions: &self.versions,
            claims: self.claims.as_slice(),
            soft: self.soft,
            rule: &self.rule,
            asked: None,
            now,
        }
    }
}

/// All definitions that the rules name.
///
/// # Errors
/// When a definition or gallery cannot be read, or the run ends.
pub(super) async fn all(client: &Client, settings: &PruneSettings) -> Result<Vec<Scene>> {
    let ruled = ruled(client, settings).await?;
    look(client, settings, ruled).await
}

/// One definition as it is now.
///
/// # Errors
/// As [`all`].
pub(super) async fn one(client: &Client, settings: &PruneSettings, definition: &ImageDefinitionId) -> Result<Scene> {
    let mut ruled = ruled(client, settings).await?;
    ruled.retain(|(own, _)| own == definition);
    let scenes = look(client, settings, ruled).await?;
    scenes.into_iter().next().ok_or_else(|| {
        let text = format!("image definition {} is not there any more", definition.name());
        Error::new(ErrorKind::Refused, text)
    })
}

/// The definitions with their rules: a rule of a definition goes before that of its gallery.
async fn ruled(client: &Client, settings: &PruneSettings) -> Result<Vec<(ImageDefinitionId, RetentionRule)>> {
    let own = settings.rules.iter().filter_map(|(of, rule)| match of {
        RuleOf::Definition(definition) => Some((definition.clone(), rule.clone())),
        RuleOf::Gallery(_) => None,
    });
    let mut ruled: Vec<(ImageDefinitionId, RetentionRule)> = own.collect();
    for (of, rule) in &settings.rules {
        let RuleOf::Gallery(gallery) = of else { continue };
        for definition in definitions(client, gallery).await? {
            if !ruled.iter().any(|(known, _)| *known == definition) {
                ruled.push((definition, rule.clone()));
            }
        }
    }
    Ok(ruled)
}

async fn definitions(client: &Client, id: &GalleryId) -> Result<Vec<ImageDefinitionId>> {
    let listed = client.list(&gallery::list_definitions(id)).await;
    let items = listed.map_err(|error| missing(id, error))?;
    let names = items.iter().filter_map(|item| json::text(item, "/name"));
    let mut all: Vec<ImageDefinitionId> = names.map(|name| id.definition(name)).collect();
    all.sort_by_key(|definition| definition.name().to_ascii_lowercase());
    Ok(all)
}

fn missing(id: &GalleryId, error: Error) -> Error {
    if !error.has_status(404) {
        return error;
    }
    let text = format!("there is no gallery {id}");
    let hint = "check subscription, resource group and name";
    Error::new(ErrorKind::BadInput, text).because(error).with_hint(hint)
}

async fn look(
    client: &Client,
    settings: &PruneSettings,
    ruled: Vec<(ImageDefinitionId, RetentionRule)>,
) -> Result<Vec<Scene>> {
    let own = subscriptions(&ruled);
    let reads = stream::iter(ruled).map(|(definition, rule)| async move {
        let gallery = definition.gallery();
        let (versions, gallery) =
            futures::try_join!(versions::read(client, &definition), read_gallery(client, &gallery))?;
        Ok::<_, Error>((versions, gallery, rule))
    });
    let (found, usage) = futures::try_join!(
        reads.buffered(AT_ONCE).try_collect::<Vec<_>>(),
        usage::read(client, &settings.sight, &own)
    )?;
    let scene = |(versions, gallery, rule): (Versions, Gallery, RetentionRule)| {
        let names = Aliases::new(&versions.definition, gallery.public_names());
        let shared = Blind::of_sharing(&versions.definition.gallery(), &gallery);
        Scene {
            claims: usage.of_definition(&names),
            blind: usage.blind.iter().cloned().chain(shared).collect(),
            soft: gallery.soft_deletion(),
            versions,
            rule,
        }
    };
    Ok(found.into_iter().map(scene).collect())
}

async fn read_gallery(client: &Client, id: &GalleryId) -> Result<Gallery> {
    let answer = client.send(&gallery::get(id)).await;
    answer
        .map(|answer| Gallery::new(answer.value()))
        .map_err(|error| missing(id, error))
}

fn subscriptions(ruled: &[(ImageDefinitionId, RetentionRule)]) -> Vec<SubscriptionId> {
    let mut all: Vec<SubscriptionId> = ruled
        .iter()
        .filter_map(|(definition, _)| definition.gallery().group().subscription().parse().ok())
        .collect();
    all.sort_by_key(|id| id.as_str().to_ascii_lowercase());
    all.dedup_by_key(|id| id.as_str().to_ascii_lowercase());
    all
}
