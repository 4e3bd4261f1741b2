//! All versions of a definition in their order: which one is latest in a region, which are deleted and kept.
//!
//! It reads and compares; what to do with a version is decided by the flows.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::{
    client::Client,
    compute::{
        soft_deleted::{self, SoftDeleted},
        version::{self, ImageVersion},
    },
    error::{Error, ErrorKind, Result},
    ids::{
        Location, VersionNumber,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    json,
    operation::Status,
    rights,
    tags::TestMark,
};

/// How many versions are read at one time.
const AT_ONCE: usize = 8;

/// The versions of a definition.
#[derive(Clone, Debug)]
pub struct Versions {
    /// The definition.
    pub definition: ImageDefinitionId,
    /// Its versions by number, the lowest first.
    pub all: Vec<ImageVersion>,
    /// Those that were deleted and are kept; nothing when this identity may not list them.
    pub soft_deleted: Option<Vec<SoftDeleted>>,
}

impl Versions {
    /// These versions in their order; what is not called by a number is left out.
    #[must_use]
    pub fn new(definition: ImageDefinitionId, all: impl IntoIterator<Item = ImageVersion>) -> Self {
        let mut all: Vec<ImageVersion> = all
            .into_iter()
            .filter(|version| version.id.number().is_some())
            .collect();
        all.sort_by_key(|version| version.id.number());
        Self {
            definition,
            all,
            soft_deleted: None,
        }
    }

    /// The version of that number.
    #[must_use]
    pub fn find(&self, number: VersionNumber) -> Option<&ImageVersion> {
        self.all.iter().find(|version| version.id.number() == Some(number))
    }

    /// The regions of all versions.
    #[must_use]
    pub fn regions(&self) -> BTreeSet<Location> {
        let regions = self.all.iter().flat_map(ImageVersion::regions);
        regions.map(|region| region.location).collect()
    }

    /// The version that new nodes in the region get when they follow the definition: the highest number of those that
    /// are complete there and not excluded.
    #[must_use]
    pub fn latest_in(&self, region: &Location) -> Option<&ImageVersion> {
        let is_candidate = |version: &&ImageVersion| is_usable_in(version, region) && !version.is_excluded_in(region);
        self.all.iter().rev().find(is_candidate)
    }

    /// The same versions with one as another body shows it.
    #[must_use]
    pub fn with(&self, id: &ImageVersionId, body: Value) -> Self {
        let changed = |version: &ImageVersion| match version.id == *id {
            true => ImageVersion::new(id.clone(), body.clone()),
            false => version.clone(),
        };
        Self {
            all: self.all.iter().map(changed).collect(),
            ..self.clone()
        }
    }
}

/// Whether nodes can be made from a version in a region. A list does not show the regions' states: there a version that
/// has succeeded is complete in all of them.
#[must_use]
pub fn is_usable_in(version: &ImageVersion, region: &Location) -> bool {
    let is_succeeded = version.status() == Status::Succeeded;
    let is_updating = version.provisioning_state().eq_ignore_ascii_case("Updating");
    let mut regions = version.regions().into_iter();
    let here = regions.find(|entry| entry.location == *region);
    here.is_some_and(|entry| {
        (is_succeeded && entry.state.is_empty()) || ((is_succeeded || is_updating) && entry.is_complete())
    })
}

/// How a version failed its last test, as the end of a sentence. Nothing for one that passed, that was never tested, or that
/// was admitted to latest all the same.
#[must_use]
pub fn failed_test(version: &ImageVersion) -> Option<String> {
    let failure = TestMark::read(version.body())?.failure()?;
    (!is_admitted(version)).then_some(failure)
}

/// Whether it was admitted to latest in any region.
#[must_use]
pub fn is_admitted(version: &ImageVersion) -> bool {
    let mut regions = version.regions().into_iter();
    regions.any(|region| !version.is_excluded_in(&region.location))
}

/// Reads all versions of a definition. One that is not finished is read by itself, with its replication.
///
/// # Errors
/// When there is no such definition, the service refuses, or the run ends.
pub async fn read(client: &Client, definition: &ImageDefinitionId) -> Result<Versions> {
    let list = version::list(definition);
    let (listed, kept) = futures::join!(client.list(&list), kept(client, definition));
    let listed = match listed {
        Err(error) if error.has_status(404) => return Err(missing(definition, error)),
        listed => listed?,
    };
    let found = listed.into_iter().filter_map(|body| listed_version(definition, body));
    let looks = stream::iter(found)
        .map(|version| whole(client, version))
        .buffered(AT_ONCE);
    let all: Vec<Option<ImageVersion>> = looks.try_collect().await?;
    Ok(Versions {
        soft_deleted: kept?,
        ..Versions::new(definition.clone(), all.into_iter().flatten())
    })
}

fn listed_version(definition: &ImageDefinitionId, body: Value) -> Option<ImageVersion> {
    let number = json::text(&body, "/name")?.parse().ok()?;
    Some(ImageVersion::new(definition.version(number), body))
}

async fn whole(client: &Client, version: ImageVersion) -> Result<Option<ImageVersion>> {
    if version.status() == Status::Succeeded {
        return Ok(Some(version));
    }
    version::find(client, &version.id).await
}

/// The versions that were deleted and that the gallery keeps; nothing when this identity may not list them, or Azure does
/// not know such a list.
///
/// # Errors
/// When the service refuses otherwise, or the run ends.
pub async fn kept(client: &Client, definition: &ImageDefinitionId) -> Result<Option<Vec<SoftDeleted>>> {
    match client.list(&soft_deleted::list(definition)).await {
        Ok(items) => Ok(Some(items.iter().filter_map(SoftDeleted::read).collect())),
        Err(error) if error.has_status(404) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NoRights => {
            client.note(format!(
                "deleted versions that are kept are not listed: {}",
                rights::lack(&error)
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn missing(definition: &ImageDefinitionId, cause: Error) -> Error {
    let text = format!("there is no image definition {definition}");
    Error::plain(ErrorKind::BadInput, text)
        .because(cause)
        .with_hint("check subscription, resource group, gallery and name")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    const DEFINITION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d";

    /// A version with regions, each with its replicas and whether it is excluded there.
    pub(crate) fn version(number: &str, state: &str, excluded: bool, regions: &[(&str, u32, bool)]) -> ImageVersion {
        let definition: ImageDefinitionId = DEFINITION.parse().unwrap();
        let region = |(name, replicas, excluded): &(&str, u32, bool)| json!({"name": name, "regionalReplicaCount": replicas, "excludeFromLatest": excluded});
        let body = json!({"name": number, "location": "eastus2", "properties": {"provisioningState": state,
            "publishingProfile": {"excludeFromLatest": excluded, "publishedDate": "2026-01-01T00:00:00Z",
                "targetRegions": regions.iter().map(region).collect::<Vec<_>>()}}});
        ImageVersion::new(definition.version(number.parse().unwrap()), body)
    }

    pub(crate) fn versions(all: Vec<ImageVersion>) -> Versions {
        Versions::new(DEFINITION.parse().unwrap(), all)
    }

    #[test]
    fn latest_is_the_highest_number_that_is_there_and_not_excluded() {
        let both: &[(&str, u32, bool)] = &[("East US 2", 1, false), ("West US 2", 1, false)];
        let all = versions(vec![
            version("1.10.0", "Succeeded", false, both),
            version("1.9.0", "Succeeded", false, both),
            version(
                "1.11.0",
                "Succeeded",
                false,
                &[("eastus2", 1, false), ("westus2", 1, true)],
            ),
            version("1.12.0", "Succeeded", true, both),
            version("1.13.0", "Failed", false, both),
            version("1.14.0", "Creating", false, both),
        ]);
        let latest = |region: &str| {
            let found = all.latest_in(&region.parse().unwrap());
            found.map(|version| version.id.name().to_owned())
        };
        assert_eq!(latest("eastus2").as_deref(), Some("1.11.0"));
        assert_eq!(latest("westus2").as_deref(), Some("1.10.0"), "1.11.0 is excluded there");
        assert_eq!(latest("northeurope"), None);
    }
}
