//! Regions that are out of a version for a while, since a failed one is mended by removing and adding it: what has to
//! come back is written down in a tag of the version itself, so that a run that ends in between loses nothing.
//!
//! Who takes a region out, and when, is `ensure`'s affair.

use serde_json::{Value, json};

use super::ImageVersion;
use crate::{ids::Location, json as read_json};

/// The tag: `region:replicas:storage`, several joined by `;`.
const TAG: &str = "azure-batch-taken-out";

/// The longest value that Azure lets a tag have, in characters.
const LONGEST_TAG: usize = 256;

/// All that a region may carry to be written down.
const CARRIED: [&str; 3] = ["name", "regionalReplicaCount", "storageAccountType"];

/// A target region that is out of a version for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOut {
    /// The region.
    pub location: Location,
    /// Its replicas.
    pub replicas: u32,
    /// The storage of its replicas; empty where the version did not say one.
    pub storage: String,
}

impl TakenOut {
    /// The entry of `targetRegions` that puts it back.
    #[must_use]
    pub fn region(&self) -> Value {
        let mut region = json!({"name": self.location, "regionalReplicaCount": self.replicas});
        if let (Some(members), false) = (region.as_object_mut(), self.storage.is_empty()) {
            members.insert("storageAccountType".to_owned(), json!(self.storage));
        }
        region
    }

    fn written(&self) -> String {
        format!("{}:{}:{}", self.location, self.replicas, self.storage)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        Some(Self {
            location: parts.next()?.parse().ok()?,
            replicas: parts.next()?.parse().ok()?,
            storage: parts.next()?.to_owned(),
        })
    }
}

impl ImageVersion {
    /// The regions that somebody took out and did not put back yet, as its tag says.
    #[must_use]
    pub fn taken_out(&self) -> Vec<TakenOut> {
        let text = self.tag(TAG).unwrap_or_default();
        text.split(';').filter_map(TakenOut::read).collect()
    }

    /// The body without a region, which its tag remembers, and what that is.
    ///
    /// # Errors
    /// What of it a tag cannot remember, in words.
    pub(super) fn taking_out(&self, location: &Location) -> Result<(Value, TakenOut), String> {
        let (without, region) = self.regions_without(location);
        let region = region.ok_or("what the version does not show")?;
        if let Some(more) = carried_beside(&region) {
            return Err(more.to_owned());
        }
        let replicas = read_json::number(&region, "/regionalReplicaCount").unwrap_or_else(|| self.default_replicas());
        let out = TakenOut {
            location: location.clone(),
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            storage: read_json::text(&region, "/storageAccountType")
                .unwrap_or_default()
                .to_owned(),
        };
        let mut remembered = self.taken_out();
        remembered.push(out.clone());
        let text = remembered.iter().map(TakenOut::written).collect::<Vec<_>>().join(";");
        if text.chars().count() > LONGEST_TAG {
            return Err("more than a tag holds".to_owned());
        }
        let mut body = self.with_regions(without);
        forget(&mut body);
        remember(&mut body, &text);
        Ok((body, out))
    }
}

/// Removes the tag from a body; whether it was there.
pub(super) fn forget(body: &mut Value) -> bool {
    let Some(tags) = body.get_mut("tags").and_then(Value::as_object_mut) else {
        return false;
    };
    let had = tags.len();
    tags.retain(|name, _| !name.eq_ignore_ascii_case(TAG));
    tags.len() < had
}

fn remember(body: &mut Value, text: &str) {
    if let Some(body) = body.as_object_mut() {
        let tags = body.entry("tags").or_insert(Value::Null);
        if !tags.is_object() {
            *tags = json!({});
        }
        if let Some(tags) = tags.as_object_mut() {
            tags.insert(TAG.to_owned(), json!(text));
        }
    }
}

/// What a region says that a tag cannot remember; `false` and empty say nothing.
fn carried_beside(region: &Value) -> Option<&str> {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    };
    let mut members = region.as_object()?.iter();
    let more = members.find(|(name, value)| !CARRIED.contains(&name.as_str()) && says(value))?;
    Some(more.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(tag: &str, regions: &Value) -> ImageVersion {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
        let body = json!({"tags": {"AZURE-BATCH-TAKEN-OUT": tag, "owner": "me"}, "properties": {"publishingProfile": {"targetRegions": regions}}});
        ImageVersion::new(id.parse().unwrap(), body)
    }

    #[test]
    fn what_is_taken_out_is_what_the_tag_gives_back() {
        let regions = json!([{"name": "East US 2"}, {"name": "North Europe", "regionalReplicaCount": 5,
            "storageAccountType": "Standard_ZRS", "excludeFromLatest": false}]);
        let version = version("westus2:1:", &regions);
        let (body, out) = version.taking_out(&"northeurope".parse().unwrap()).unwrap();
        assert_eq!(
            body["tags"],
            json!({"owner": "me", "azure-batch-taken-out": "westus2:1:;northeurope:5:Standard_ZRS"})
        );
        assert_eq!(
            body["properties"]["publishingProfile"]["targetRegions"],
            json!([{"name": "East US 2"}])
        );
        let read = ImageVersion::new(version.id.clone(), body).taken_out();
        assert_eq!((read.len(), &read[1]), (2, &out));
        let back = json!({"name": "northeurope", "regionalReplicaCount": 5, "storageAccountType": "Standard_ZRS"});
        assert_eq!(out.region(), back);
        assert_eq!(read[0].region(), json!({"name": "westus2", "regionalReplicaCount": 1}));
    }

    #[test]
    fn what_a_tag_cannot_hold_stays_where_it_is() {
        let with = |more: &str, value: Value| {
            let mut region = json!({"name": "westus2"});
            region[more] = value;
            version("", &json!([region])).taking_out(&"westus2".parse().unwrap())
        };
        for (more, value) in [
            ("encryption", json!({"osDiskImage": {"diskEncryptionSetId": "/des"}})),
            ("excludeFromLatest", json!(true)),
            ("additionalReplicaSets", json!([{"regionalReplicaCount": 1}])),
        ] {
            assert_eq!(with(more, value).unwrap_err(), more);
        }
        assert!(with("additionalReplicaSets", json!([])).is_ok());
        let full = ["eastus2:1:Standard_LRS"; 11].join(";");
        let refused = version(&full, &json!([{"name": "westus2"}])).taking_out(&"westus2".parse().unwrap());
        assert_eq!(refused.unwrap_err(), "more than a tag holds");
    }

    #[test]
    fn a_tag_that_makes_no_sense_puts_nothing_back_and_goes() {
        let odd = version("westus2;:3:x;east-us:1:x;westus2:many:x", &json!([]));
        assert_eq!(odd.taken_out(), []);
        let mut body = odd.body().clone();
        assert!(forget(&mut body));
        assert!(!forget(&mut body));
        assert_eq!(body["tags"], json!({"owner": "me"}));
    }
}
