//! Seeded galleries, definitions and versions.
//!
//! A seeded version is complete in all its regions, made from something that is gone since.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Place, SeedError};
use crate::{compute, json as edit, region, resource::Item, world::World};

/// The api-version that a seeded definition counts as made with: before new ones defaulted to Trusted Launch.
const DEFINITION_VERSION: &str = "2023-07-03";

/// A gallery.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GallerySeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
    /// Its properties, as Azure writes them.
    #[serde(default)]
    pub properties: Value,
}

/// A gallery image definition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefinitionSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its gallery.
    pub gallery: String,
    /// Its properties, as Azure writes them.
    pub properties: Value,
}

/// A gallery image version.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionSeed {
    /// The version, e.g. `1.0.0`.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its gallery.
    pub gallery: String,
    /// Its definition.
    pub definition: String,
    /// Its publishing profile, as Azure writes it.
    #[serde(default)]
    pub publishing_profile: Value,
    /// Other properties, as Azure writes them: what it reports in `safetyProfile` and `validationsProfile`; of
    /// `storageProfile` only `source`, what it was made of.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// The LUNs of its data disks.
    #[serde(default)]
    pub data_disk_luns: Vec<u32>,
    /// Tags.
    #[serde(default)]
    pub tags: Value,
}

impl GallerySeed {
    pub(super) fn plant(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        let base = place.compute(world, &self.resource_group, &format!("gallery {:?}", self.name))?;
        let mut body = json!({"location": region::normalise(&self.location), "properties": {}});
        if self.properties.is_object() {
            edit::set(&mut body, &["properties"], self.properties.clone());
        }
        let unique = compute::gallery_unique_name(place.subscription_of(&self.resource_group), &self.name);
        edit::set(&mut body, &["properties", "identifier", "uniqueName"], json!(unique));
        world
            .compute
            .galleries
            .insert(Item::new(format!("{base}/galleries/{}", self.name), body, ()));
        Ok(())
    }
}

impl DefinitionSeed {
    pub(super) fn plant(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        let what = format!("image definition {:?}", self.name);
        let base = place.compute(world, &self.resource_group, &what)?;
        let gallery = format!("{base}/galleries/{}", self.gallery);
        let location = world
            .compute
            .galleries
            .find(&gallery.to_lowercase())
            .map(Item::location);
        let Some(location) = location else {
            return Err(SeedError::UnknownParent { what, parent: gallery });
        };
        let mut body = json!({"location": location, "properties": self.properties});
        compute::complete_definition(&mut body, DEFINITION_VERSION).map_err(|error| SeedError::Invalid {
            what,
            reason: error.message().to_owned(),
        })?;
        world
            .compute
            .definitions
            .insert(Item::new(format!("{gallery}/images/{}", self.name), body, ()));
        Ok(())
    }
}

impl VersionSeed {
    pub(super) fn plant(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        let what = format!("image version {:?}", self.name);
        let base = place.compute(world, &self.resource_group, &what)?;
        let definition = format!("{base}/galleries/{}/images/{}", self.gallery, self.definition);
        let location = world
            .compute
            .definitions
            .find(&definition.to_lowercase())
            .map(Item::location);
        let Some(location) = location else {
            return Err(SeedError::UnknownParent {
                what,
                parent: definition,
            });
        };
        let mut properties = self.properties.clone();
        properties.insert("publishingProfile".to_owned(), self.publishing_profile.clone());
        let mut storage = compute::seeded_storage(&self.data_disk_luns);
        if let Some(source) = self.properties.get("storageProfile").and_then(|of| of.get("source")) {
            edit::set(&mut storage, &["source"], source.clone());
        }
        properties.insert("storageProfile".to_owned(), storage);
        let mut body = json!({"location": location, "tags": self.tags, "properties": properties});
        if !self.publishing_profile.is_object() {
            edit::remove(&mut body, "/properties", "publishingProfile");
        }
        let targets =
            compute::normalise_profile(&mut body, &location, place.now).map_err(|error| SeedError::Invalid {
                what,
                reason: error.message().to_owned(),
            })?;
        let id = format!("{definition}/versions/{}", self.name);
        world
            .compute
            .versions
            .insert(compute::seeded_version(id, body, &targets, place.now));
        Ok(())
    }
}
