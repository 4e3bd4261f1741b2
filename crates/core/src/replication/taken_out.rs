//! Regions that are out of a version for a while, because a failed region is repaired by removing and adding it. What
//! has to come back is written into a tag of the version itself, so that a run that ends in between loses nothing.
//!
//! When a region is taken out is decided in `repair`.

mod keys;

use serde_json::{Value, json};

use self::keys::Keys;
use super::set;
use crate::{
    compute::version::{ImageVersion, location_of},
    ids::Location,
    json as read_json,
    tags::{LONGEST_VALUE, Tag},
};

/// The word in the tag for a version that does not allow to remove a region. Removing one needs the permission, so the
/// write that removes it gives the permission, and the write that puts it back takes the permission away.
const PROTECTED: &str = "protected";

/// The permission, by its JSON pointer: the profile and the member.
const PERMISSION: (&str, &str) = ("/properties/safetyProfile", "allowDeletionOfReplicatedLocations");

/// The word in the tag for a region that `latest` passes over by itself.
const EXCLUDED: &str = "excluded";

/// What stands before a region's keys in the tag.
const KEYS: &str = "keys=";

/// All that a region may carry to be written down; of `encryption` only what [`Keys`] has room for.
const CARRIED: [&str; 5] = [
    "name",
    "regionalReplicaCount",
    "storageAccountType",
    "excludeFromLatest",
    "encryption",
];

/// What is out of a version for a while. Its tag says `region:replicas:storage`, then `:excluded` and `:keys=…` where they
/// belong, several joined by `;`, and `PROTECTED` before them where it belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenOut {
    /// The regions.
    pub regions: Vec<RegionOut>,
    /// What the version said about removing regions before.
    removal: Removal,
}

/// A target region that is out of a version for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionOut {
    /// The region.
    pub location: Location,
    /// Its replicas.
    pub replicas: u32,
    /// The service's word for the storage of its replicas; empty where the version did not say one.
    pub storage: String,
    /// Whether `latest` passes the version over there.
    pub is_excluded: bool,
    /// The user's own keys for its replicas; nothing with Azure's.
    pub keys: Option<Keys>,
}

/// Whether a version allows that a replicated region is removed from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Removal {
    /// It does.
    #[default]
    Allowed,
    /// It does not, which is Azure's default.
    Refused,
}

impl TakenOut {
    /// What the version's tag says.
    #[must_use]
    pub fn of(version: &ImageVersion) -> Self {
        let text = Tag::TakenOut.read(version.body()).unwrap_or_default();
        let removal = if text.split(';').any(|part| part == PROTECTED) {
            Removal::Refused
        } else {
            Removal::Allowed
        };
        let subscription = version.id.group().subscription();
        let read = |part| RegionOut::read(part, subscription);
        let regions = text.split(';').filter_map(read).collect();
        Self { regions, removal }
    }

    /// Both together.
    pub(super) fn and(mut self, more: &Self) -> Self {
        self.regions.extend(more.regions.iter().cloned());
        if more.removal == Removal::Refused {
            self.removal = Removal::Refused;
        }
        self
    }

    /// Prepares a body in which all regions are back: without the tag, and protected as before.
    pub(super) fn settle(&self, body: &mut Value) {
        forget(body);
        if self.removal == Removal::Refused {
            set_permission(body, false);
        }
    }

    /// What the tag of a version in that subscription says.
    fn text(&self, subscription: &str) -> String {
        let protected = (self.removal == Removal::Refused).then(|| PROTECTED.to_owned());
        let regions = self.regions.iter().map(|region| region.text(subscription));
        protected.into_iter().chain(regions).collect::<Vec<_>>().join(";")
    }
}

impl RegionOut {
    /// A target region as its version shows it.
    ///
    /// # Errors
    /// Names the first property that does not fit into the tag.
    fn of(region: &Value, location: &Location, default_replicas: u64) -> Result<Self, String> {
        if let Some(more) = not_carried(region) {
            return Err(more.to_owned());
        }
        let encryption = read_json::at(region, "/encryption");
        let keys = match says(encryption) {
            true => Some(Keys::of(encryption).ok_or("encryption")?),
            false => None,
        };
        let replicas = read_json::number(region, "/regionalReplicaCount").unwrap_or(default_replicas);
        let storage = read_json::text(region, "/storageAccountType").unwrap_or_default();
        Ok(Self {
            location: location.clone(),
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            storage: storage.to_owned(),
            is_excluded: says(read_json::at(region, "/excludeFromLatest")),
            keys,
        })
    }

    /// The entry of `targetRegions` that puts it back.
    #[must_use]
    pub fn target_region(&self) -> Value {
        let mut region = json!({"name": self.location, "regionalReplicaCount": self.replicas});
        if let Some(members) = region.as_object_mut() {
            if !self.storage.is_empty() {
                members.insert("storageAccountType".to_owned(), json!(self.storage));
            }
            if self.is_excluded {
                members.insert("excludeFromLatest".to_owned(), json!(true));
            }
            if let Some(keys) = &self.keys {
                members.insert("encryption".to_owned(), keys.encryption());
            }
        }
        region
    }

    fn text(&self, subscription: &str) -> String {
        let excluded = if self.is_excluded {
            format!(":{EXCLUDED}")
        } else {
            String::new()
        };
        let keys = self
            .keys
            .as_ref()
            .map(|keys| format!(":{KEYS}{}", keys.text(subscription)));
        let keys = keys.unwrap_or_default();
        format!("{}:{}:{}{excluded}{keys}", self.location, self.replicas, self.storage)
    }

    fn read(text: &str, subscription: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut region = Self {
            location: parts.next()?.parse().ok()?,
            replicas: parts.next()?.parse().ok()?,
            storage: parts.next()?.to_owned(),
            is_excluded: false,
            keys: None,
        };
        for part in parts {
            match part.strip_prefix(KEYS) {
                Some(keys) => region.keys = Some(Keys::read(keys, subscription)?),
                None if part == EXCLUDED => region.is_excluded = true,
                None => return None,
            }
        }
        Some(region)
    }
}

/// Whether a version has the tag.
pub(super) fn is_tagged(version: &ImageVersion) -> bool {
    Tag::TakenOut.read(version.body()).is_some()
}

/// The body that takes a region out, and what its tag then says.
///
/// # Errors
/// Names the first property of the region that does not fit into the tag.
pub(super) fn take_out(version: &ImageVersion, location: &Location) -> Result<(Value, TakenOut), String> {
    let (mut there, others): (Vec<Value>, Vec<Value>) = version
        .target_regions()
        .into_iter()
        .partition(|region| location_of(region).as_ref() == Some(location));
    let region = there.pop().ok_or("what the version does not show")?;
    let region = RegionOut::of(&region, location, version.default_replicas())?;
    let mut out = TakenOut::of(version);
    if !allows_removal(version) {
        out.removal = Removal::Refused;
    }
    out.regions.push(region);
    let text = out.text(version.id.group().subscription());
    if text.chars().count() > LONGEST_VALUE {
        return Err("more than a tag holds".to_owned());
    }
    Ok((permitting_removal(version, others, &text), out))
}

/// The body that takes regions out for good; nothing when the version has none of them. What it said about removals comes
/// back with the next write that settles its tag.
pub(super) fn take_out_for_good(version: &ImageVersion, gone: &[Location]) -> Option<Value> {
    let mut out = TakenOut::of(version);
    let (were_targets, were_out) = (version.target_regions(), out.regions.len());
    let is_kept = |region: &&Value| location_of(region).is_none_or(|location| !gone.contains(&location));
    let kept: Vec<Value> = were_targets.iter().filter(is_kept).cloned().collect();
    out.regions.retain(|region| !gone.contains(&region.location));
    if (kept.len(), out.regions.len()) == (were_targets.len(), were_out) {
        return None;
    }
    if !allows_removal(version) {
        out.removal = Removal::Refused;
    }
    let text = out.text(version.id.group().subscription());
    Some(permitting_removal(version, kept, &text))
}

/// The version with these regions and this text in its tag, which says what has to come back.
fn permitting_removal(version: &ImageVersion, regions: Vec<Value>, text: &str) -> Value {
    let mut body = version.with_regions(regions);
    forget(&mut body);
    if !text.is_empty() {
        set(&mut body, "", "tags", |tags| {
            set(tags, "", Tag::TakenOut.name(), |tag| *tag = json!(text));
        });
    }
    set_permission(&mut body, true);
    body
}

fn allows_removal(version: &ImageVersion) -> bool {
    let (profile, member) = PERMISSION;
    version.body().pointer(profile).and_then(|profile| profile.get(member)) == Some(&Value::Bool(true))
}

fn set_permission(body: &mut Value, is_allowed: bool) {
    let (profile, member) = PERMISSION;
    let (properties, name) = profile.rsplit_once('/').unwrap_or_default();
    set(body, properties, name, |profile| {
        set(profile, "", member, |permission| *permission = json!(is_allowed));
    });
}

fn forget(body: &mut Value) {
    if let Some(tags) = body.get_mut("tags").and_then(Value::as_object_mut) {
        Tag::TakenOut.remove(tags);
    }
}

/// Whether a value says anything: `false` and empty values say nothing.
fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    }
}

/// What a region says that the tag cannot carry.
fn not_carried(region: &Value) -> Option<&str> {
    let mut members = region.as_object()?.iter();
    let more = members.find(|(name, value)| !CARRIED.contains(&name.as_str()) && says(value))?;
    Some(more.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(tag: &str, regions: &Value) -> ImageVersion {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
        let body = json!({"tags": {"AZURE-BATCH-TAKEN-OUT": tag, "owner": "me"}, "properties": {
            "publishingProfile": {"targetRegions": regions},
            "safetyProfile": {"allowDeletionOfReplicatedLocations": false, "blockDeletionBeforeEndOfLife": true}}});
        ImageVersion::new(id.parse().unwrap(), body)
    }

    fn two_regions() -> Value {
        json!([{"name": "East US 2"}, {"name": "North Europe", "regionalReplicaCount": 5,
            "storageAccountType": "Standard_ZRS", "excludeFromLatest": false}])
    }

    #[test]
    fn a_region_that_goes_for_good_leaves_only_the_protection_to_come_back() {
        let version = version("westus2:1:", &two_regions());
        let body = take_out_for_good(&version, &[northeurope(), "westus2".parse().unwrap()]).unwrap();
        assert_eq!(
            body["tags"],
            json!({"owner": "me", "azure-batch-taken-out": "protected"})
        );
        let targets = &body["properties"]["publishingProfile"]["targetRegions"];
        assert_eq!(targets, &json!([{"name": "East US 2"}]));
        let gone = ImageVersion::new(version.id.clone(), body);
        assert_eq!(take_out_for_good(&gone, &[northeurope()]), None);
        let mut back = gone.with_regions(gone.target_regions());
        TakenOut::of(&gone).settle(&mut back);
        assert_eq!(back["tags"], json!({"owner": "me"}));
        assert_eq!(
            back["properties"]["safetyProfile"]["allowDeletionOfReplicatedLocations"],
            false
        );
    }

    fn northeurope() -> Location {
        "northeurope".parse().unwrap()
    }

    #[test]
    fn what_is_taken_out_is_what_the_tag_gives_back() {
        let version = version("westus2:1:", &two_regions());
        let (body, out) = take_out(&version, &northeurope()).unwrap();
        assert_eq!(
            body["tags"],
            json!({"owner": "me", "azure-batch-taken-out": "protected;westus2:1:;northeurope:5:Standard_ZRS"})
        );
        assert_eq!(
            body["properties"]["publishingProfile"]["targetRegions"],
            json!([{"name": "East US 2"}])
        );
        let read = TakenOut::of(&ImageVersion::new(version.id.clone(), body));
        assert_eq!(read, out);
        let back = json!({"name": "northeurope", "regionalReplicaCount": 5, "storageAccountType": "Standard_ZRS"});
        assert_eq!(read.regions[1].target_region(), back);
        let without_storage = json!({"name": "westus2", "regionalReplicaCount": 1});
        assert_eq!(read.regions[0].target_region(), without_storage);
    }

    #[test]
    fn keys_and_an_exclusion_of_its_own_come_back_with_a_region() {
        let set = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-keys/providers/Microsoft.Compute/diskEncryptionSets/des-eu";
        let encryption = json!({"osDiskImage": {"diskEncryptionSetId": set}, "dataDiskImages": [{"lun": 0, "diskEncryptionSetId": set}]});
        let regions = json!([{"name": "East US 2"}, {"name": "North Europe", "regionalReplicaCount": 5,
            "storageAccountType": "Standard_ZRS", "excludeFromLatest": true, "encryption": encryption}]);
        let version = version("", &regions);
        let (body, out) = take_out(&version, &northeurope()).unwrap();
        assert_eq!(
            body["tags"]["azure-batch-taken-out"],
            "protected;northeurope:5:Standard_ZRS:excluded:keys=rg-keys/des-eu,0="
        );
        let read = TakenOut::of(&ImageVersion::new(version.id.clone(), body));
        assert_eq!(read, out);
        let back = json!({"name": "northeurope", "regionalReplicaCount": 5, "storageAccountType": "Standard_ZRS",
            "excludeFromLatest": true, "encryption": encryption});
        assert_eq!(read.regions[0].target_region(), back);
    }

    #[test]
    fn a_region_is_removed_with_permission_and_the_protection_comes_back() {
        let profile = |body: &Value| body["properties"]["safetyProfile"].clone();
        let protected = version("", &two_regions());
        let mut allowed = protected.body().clone();
        allowed["properties"]["safetyProfile"]["allowDeletionOfReplicatedLocations"] = json!(true);
        let mut silent = protected.body().clone();
        silent["properties"]["safetyProfile"] = Value::Null;
        for (before, after) in [(protected.body().clone(), false), (allowed, true), (silent, false)] {
            let version = ImageVersion::new(protected.id.clone(), before.clone());
            let (out, _) = take_out(&version, &northeurope()).unwrap();
            assert_eq!(profile(&out)["allowDeletionOfReplicatedLocations"], true, "{before}");
            // A later run knows of it by the tag alone.
            let mut back = out.clone();
            TakenOut::of(&ImageVersion::new(protected.id.clone(), out)).settle(&mut back);
            assert_eq!(profile(&back)["allowDeletionOfReplicatedLocations"], after, "{before}");
            assert_eq!(back["tags"], json!({"owner": "me"}));
            let other = |profile: Value| profile["blockDeletionBeforeEndOfLife"].clone();
            assert_eq!(other(profile(&back)), other(profile(&before)));
        }
    }

    #[test]
    fn what_a_tag_cannot_hold_stays_where_it_is() {
        let westus2 = "westus2".parse().unwrap();
        let with = |more: &str, value: Value| {
            let mut region = json!({"name": "westus2"});
            region[more] = value;
            take_out(&version("", &json!([region])), &westus2)
        };
        for (more, value) in [
            ("encryption", json!({"osDiskImage": {"diskEncryptionSetId": "/des"}})),
            ("additionalReplicaSets", json!([{"regionalReplicaCount": 1}])),
        ] {
            assert_eq!(with(more, value).unwrap_err(), more);
        }
        assert!(with("additionalReplicaSets", json!([])).is_ok());
        let full = ["eastus2:1:Standard_LRS"; 11].join(";");
        let refused = take_out(&version(&full, &json!([{"name": "westus2"}])), &westus2);
        assert_eq!(refused.unwrap_err(), "more than a tag holds");
    }

    #[test]
    fn a_tag_that_makes_no_sense_puts_nothing_back_and_is_removed() {
        let odd = version(
            "westus2;:3:x;east-us:1:x;westus2:many:x;westus2:1:x:y;westus2:1:x:keys=y",
            &json!([]),
        );
        let out = TakenOut::of(&odd);
        assert_eq!(out, TakenOut::default());
        let mut body = odd.body().clone();
        out.settle(&mut body);
        assert_eq!(body["tags"], json!({"owner": "me"}));
        assert_eq!(body["properties"], odd.body()["properties"]);
    }
}
