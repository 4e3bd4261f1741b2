//! What the regions of a version are like beyond their replicas: storage, keys, latest, and what Azure's own JSON says.
//!
//! It compares and edits JSON; nothing is sent here. Whether a version may have what is wanted is decided in `keys` and
//! said in `kept`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set;
use crate::{
    compute::version::{ImageVersion, location_of},
    ids::Location,
    json as read_json,
    replicas::RegionNeed,
    settings::{Latest, ReplicaStorage, ReplicationMode},
};

/// What a version's regions are to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// How the version is replicated.
    pub mode: ReplicationMode,
    /// The storage of regions that name none.
    pub storage: StorageChoice,
    /// Members of the publishing profile that concern all regions.
    pub profile: Map<String, Value>,
    /// What is special about single regions.
    pub regions: BTreeMap<Location, RegionLayout>,
    /// Whether `latest` passes the version over in a region that is added.
    pub added: Added,
}

/// What `latest` makes of a version in a region that is added and of which nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Added {
    /// It passes the version over where it does so in another region: the version is only tried in some.
    #[default]
    AsElsewhere,
    /// It may be the version, as was asked.
    Admitted,
}

/// Who chooses the storage of a region that names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageChoice {
    /// It is this.
    Type(ReplicaStorage),
    /// Azure, by the strategy in the publishing profile.
    Strategy,
}

/// What is special about one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionLayout {
    /// Its storage.
    pub storage: Option<ReplicaStorage>,
    /// Whether `latest` passes the version over there.
    pub latest: Latest,
    /// Further members of its entry, such as `encryption`.
    pub more: Map<String, Value>,
}

impl Default for StorageChoice {
    fn default() -> Self {
        Self::Type(ReplicaStorage::default())
    }
}

impl Layout {
    /// The entry of `targetRegions` of a region that is added.
    #[must_use]
    pub fn entry(&self, need: &RegionNeed) -> Value {
        let mut entry = json!({"name": need.location, "regionalReplicaCount": need.replicas});
        if let Some(storage) = self.storage_of(&need.location) {
            let word = storage.as_str();
            set(&mut entry, "", "storageAccountType", |kind| *kind = json!(word));
        }
        if let Some(region) = self.regions.get(&need.location) {
            for (name, value) in &region.more {
                set(&mut entry, "", name, |member| *member = value.clone());
            }
        }
        self.settle(&mut entry);
        entry
    }

    /// Gives the entry of a region that is there what can be changed: whether `latest` passes it over.
    pub(super) fn settle(&self, entry: &mut Value) {
        if let Some(exclude) = self.exclusion(entry) {
            set(entry, "", "excludeFromLatest", |flag| *flag = json!(exclude));
        }
    }

    /// The regions in which `latest` passes a version over, and for whose sake it does so in a region that is added; none
    /// when it does not.
    #[must_use]
    pub fn excluded_as_in(&self, version: &ImageVersion, added: &Location) -> Vec<Location> {
        let is_said = self
            .regions
            .get(added)
            .is_some_and(|it| it.latest.is_excluded().is_some());
        // What is excluded as a whole is so in every region.
        if is_said || self.added == Added::Admitted || version.is_excluded() {
            return Vec::new();
        }
        let regions = version.regions().into_iter().map(|region| region.location);
        regions.filter(|location| version.is_excluded_in(location)).collect()
    }

    /// The regions of a version that `latest` is to pass over, or to pass over no more, and does otherwise.
    #[must_use]
    pub fn exclusions(&self, version: &ImageVersion) -> Vec<(Location, bool)> {
        let regions = version.target_regions();
        let change = |entry: &Value| Some((location_of(entry)?, self.exclusion(entry)?));
        regions.iter().filter_map(change).collect()
    }

    fn exclusion(&self, entry: &Value) -> Option<bool> {
        let wanted = self.regions.get(&location_of(entry)?)?.latest.is_excluded()?;
        let is_excluded = read_json::at(entry, "/excludeFromLatest").as_bool() == Some(true);
        (wanted != is_excluded).then_some(wanted)
    }

    /// The storage that a region is given; nothing where Azure chooses it.
    #[must_use]
    pub fn storage_of(&self, location: &Location) -> Option<ReplicaStorage> {
        let own = self.regions.get(location).and_then(|region| region.storage);
        own.or(match self.storage {
            StorageChoice::Type(storage) => Some(storage),
            StorageChoice::Strategy => None,
        })
    }

    /// The storage that was asked for in a region; the default of the whole version may not have been.
    fn asked_storage(&self, location: &Location) -> Option<ReplicaStorage> {
        let is_asked = self
            .regions
            .get(location)
            .is_some_and(|region| region.storage.is_some())
            || self.storage != StorageChoice::default();
        self.storage_of(location).filter(|_| is_asked)
    }

    /// The regions of a version whose replicas have another storage than was asked for; it cannot be changed.
    #[must_use]
    pub(super) fn with_other_storage(&self, version: &ImageVersion) -> Vec<(Location, ReplicaStorage)> {
        let regions = version.target_regions();
        let other = |entry: &Value| {
            let location = location_of(entry)?;
            let asked = self.asked_storage(&location)?;
            let has = read_json::text(entry, "/storageAccountType").unwrap_or(ReplicaStorage::default().as_str());
            (!has.eq_ignore_ascii_case(asked.as_str())).then_some((location, asked))
        };
        regions.iter().filter_map(other).collect()
    }

    /// What the JSON wants of a version that is there and it does not say, by paths.
    #[must_use]
    pub(super) fn not_said(&self, version: &ImageVersion) -> Vec<String> {
        let profile = read_json::at(version.body(), "/properties/publishingProfile");
        let lacks = |has: &Value, name: &str, value: &Value| !is_within(value, read_json::at(has, &format!("/{name}")));
        let whole = self.profile.iter().filter(|(name, value)| lacks(profile, name, value));
        let mut paths: Vec<String> = whole.map(|(name, _)| name.clone()).collect();
        for entry in version.target_regions() {
            let Some((location, region)) =
                location_of(&entry).and_then(|it| Some((it.clone(), self.regions.get(&it)?)))
            else {
                continue;
            };
            let missing = region.more.iter().filter(|(name, value)| lacks(&entry, name, value));
            paths.extend(missing.map(|(name, _)| format!("{name} of {location}")));
        }
        paths
    }
}

/// Whether all that a value says is also in another; texts compare without case, as Azure's own words do.
fn is_within(wanted: &Value, there: &Value) -> bool {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => wanted
            .iter()
            .all(|(name, value)| there.get(name).is_some_and(|there| is_within(value, there))),
        (Value::Array(wanted), Value::Array(there)) => wanted
            .iter()
            .all(|value| there.iter().any(|there| is_within(value, there))),
        (Value::String(wanted), Value::String(there)) => wanted.eq_ignore_ascii_case(there),
        (wanted, there) => wanted == there,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::version, *};

    fn layout(storage: ReplicaStorage) -> Layout {
        Layout {
            storage: StorageChoice::Type(storage),
            ..Layout::default()
        }
    }

    fn with(layout: Layout, location: &str, region: RegionLayout) -> Layout {
        Layout {
            regions: [(location.parse().unwrap(), region)].into(),
            ..layout
        }
    }

    fn entry(layout: &Layout, location: &str) -> Value {
        layout.entry(&RegionNeed {
            location: location.parse().unwrap(),
            replicas: 2,
            formula: String::new(),
        })
    }

    #[test]
    fn a_region_that_is_added_says_what_is_special_about_it() {
        let special = RegionLayout {
            storage: Some(ReplicaStorage::PremiumLrs),
            latest: Latest::Exclude,
            more: json!({"encryption": {"osDiskImage": {"diskEncryptionSetId": "/des"}}})
                .as_object()
                .cloned()
                .unwrap(),
        };
        let layout = with(layout(ReplicaStorage::StandardZrs), "uksouth", special);
        assert_eq!(
            entry(&layout, "uksouth"),
            json!({"name": "uksouth", "regionalReplicaCount": 2, "storageAccountType": "Premium_LRS",
                "excludeFromLatest": true, "encryption": {"osDiskImage": {"diskEncryptionSetId": "/des"}}})
        );
        assert_eq!(
            entry(&layout, "westus2"),
            json!({"name": "westus2", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS"})
        );
        let by_azure = Layout {
            storage: StorageChoice::Strategy,
            ..Layout::default()
        };
        assert_eq!(
            entry(&by_azure, "westus2"),
            json!({"name": "westus2", "regionalReplicaCount": 2}),
            "a strategy excludes naming a type"
        );
    }

    #[test]
    fn a_region_that_is_there_only_changes_who_gets_it() {
        let exclude = RegionLayout {
            storage: Some(ReplicaStorage::PremiumLrs),
            latest: Latest::Exclude,
            more: Map::new(),
        };
        let layout = with(Layout::default(), "eastus2", exclude);
        let changes = layout.exclusions(&version());
        assert_eq!(changes, [("eastus2".parse().unwrap(), true)]);
        let mut region = version().target_regions()[0].clone();
        layout.settle(&mut region);
        assert_eq!(
            (&region["excludeFromLatest"], &region["storageAccountType"]),
            (&json!(true), &json!("Standard_ZRS"))
        );
    }

    #[test]
    fn another_storage_is_found_in_the_regions_that_are_there() {
        let other = |layout: &Layout| {
            let found = layout.with_other_storage(&version());
            found.iter().map(|(it, _)| it.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(other(&Layout::default()), [""; 0], "the default was not asked for");
        assert_eq!(
            other(&layout(ReplicaStorage::StandardZrs)),
            ["westus2"],
            "one that does not say has the default"
        );
        assert_eq!(other(&layout(ReplicaStorage::PremiumLrs)), ["eastus2", "westus2"]);
        let own = RegionLayout {
            storage: Some(ReplicaStorage::StandardLrs),
            ..RegionLayout::default()
        };
        assert_eq!(other(&with(Layout::default(), "eastus2", own)), ["eastus2"]);
    }

    #[test]
    fn what_the_json_wants_is_looked_for_in_what_is_there() {
        let said = |profile: Value| Layout {
            profile: profile.as_object().cloned().unwrap(),
            ..Layout::default()
        };
        let mut body = version().body().clone();
        body["properties"]["publishingProfile"]["storageAccountStrategy"] = json!("PreferStandard_ZRS");
        body["properties"]["publishingProfile"]["targetExtendedLocations"] =
            json!([{"name": "West US", "extendedLocation": {"name": "losangeles", "type": "EdgeZone"}}]);
        let version = ImageVersion::new(version().id, body);
        let there = json!({"storageAccountStrategy": "preferstandard_zrs", "targetExtendedLocations": [{"extendedLocation": {"name": "losangeles"}}]});
        assert_eq!(said(there).not_said(&version), [""; 0]);
        let other = json!({"targetExtendedLocations": [{"name": "East US"}]});
        assert_eq!(said(other).not_said(&version), ["targetExtendedLocations"]);
    }
}
