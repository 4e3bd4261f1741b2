//! Image versions on the wire: requests, a small view, and the body that changes one.
//!
//! What a version should become, and in which steps, is decided in `replication`.

mod facts;
mod keys;
mod life;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value};

use crate::{
    api::Api,
    client::Client,
    error::Result,
    ids::{
        Location,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    json as read_json,
    operation::{Status, read_resource},
    request::Request,
};

pub use self::keys::{carry, change, security_profile};

/// What the service reports of a version and does not take back: az leaves the same out of its updates.
const REPORTED: [(&str, &[&str]); 4] = [
    ("", &["id", "name", "type", "etag"]),
    (
        "/properties",
        &[
            "provisioningState",
            "replicationStatus",
            "validationsProfile",
            "imageMetadataProfiles",
        ],
    ),
    ("/properties/publishingProfile", &["publishedDate"]),
    (
        "/properties/safetyProfile",
        &["reportedForPolicyViolation", "policyViolations"],
    ),
];

/// What a version shows of a disk and does not take back: its size follows from the source, and a source that is named
/// is looked for, though it may be gone.
const REPORTED_OF_DISKS: [&str; 2] = ["source", "sizeInGB"];

/// A version as the service describes it, whole, with the few fields we use.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageVersion {
    /// Its id.
    pub id: ImageVersionId,
    body: Value,
}

/// One region of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionState {
    /// The region.
    pub location: Location,
    /// Replicas asked for there.
    pub replicas: u32,
    /// The service's word; empty before replication was looked at.
    pub state: String,
    /// 0 to 100.
    pub percent: u8,
    /// What the service says about a failure.
    pub details: String,
}

/// How the service describes the replication to one region.
#[derive(Clone, Debug, Default)]
struct Summary {
    state: String,
    percent: u8,
    details: String,
}

impl ImageVersion {
    /// A version from its body.
    #[must_use]
    pub const fn new(id: ImageVersionId, body: Value) -> Self {
        Self { id, body }
    }

    /// The body as it came.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }

    /// Its number and its definition, for a sentence.
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.id)
    }

    /// The service's word for how far it is: `Creating`, `Updating`, `Succeeded`, `Failed`, `Deleting`.
    #[must_use]
    pub fn provisioning_state(&self) -> &str {
        read_json::text(&self.body, "/properties/provisioningState").unwrap_or("Succeeded")
    }

    /// Whether its state is final, and good.
    #[must_use]
    pub fn status(&self) -> Status {
        read_resource(&self.body)
    }

    /// The region it was made in.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        read_json::text(&self.body, "/location")?.parse().ok()
    }

    /// A tag's value; names compare without case.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        let tags = self.body.get("tags")?.as_object()?;
        tags.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
    }

    /// Its target regions as they are.
    #[must_use]
    pub fn target_regions(&self) -> Vec<Value> {
        read_json::items(&self.body, "/properties/publishingProfile/targetRegions")
            .cloned()
            .collect()
    }

    /// Its regions with their replication, in the service's order.
    #[must_use]
    pub fn regions(&self) -> Vec<RegionState> {
        let mut summary = self.summary();
        let default = self.default_replicas();
        let is_complete = self.is_complete_everywhere();
        read_json::items(&self.body, "/properties/publishingProfile/targetRegions")
            .filter_map(|region| {
                let location = location_of(region)?;
                let replicas = read_json::number(region, "/regionalReplicaCount").unwrap_or(default);
                let Summary {
                    state,
                    percent,
                    details,
                } = summary.remove(&location).unwrap_or_default();
                let is_untold = state.is_empty() || state.eq_ignore_ascii_case("Unknown");
                let (state, percent) = if is_untold && is_complete {
                    ("Completed".to_owned(), 100)
                } else {
                    (state, percent)
                };
                Some(RegionState {
                    replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
                    location,
                    state,
                    percent,
                    details,
                })
            })
            .collect()
    }

    /// The replicas of a region that does not say its own.
    #[must_use]
    pub fn default_replicas(&self) -> u64 {
        read_json::number(&self.body, "/properties/publishingProfile/replicaCount").unwrap_or(1)
    }

    /// Whether its last change is over and the service calls all regions together complete, so that a region needs no
    /// word of its own.
    fn is_complete_everywhere(&self) -> bool {
        let all = read_json::text(&self.body, "/properties/replicationStatus/aggregatedState");
        self.status() == Status::Succeeded && all.is_some_and(|state| state.eq_ignore_ascii_case("Completed"))
    }

    fn summary(&self) -> BTreeMap<Location, Summary> {
        let text = |item: &Value, pointer| read_json::text(item, pointer).unwrap_or_default().to_owned();
        read_json::items(&self.body, "/properties/replicationStatus/summary")
            .filter_map(|item| {
                let percent = read_json::number(item, "/progress").unwrap_or(0).min(100);
                let summary = Summary {
                    state: text(item, "/state"),
                    percent: u8::try_from(percent).unwrap_or(100),
                    details: text(item, "/details"),
                };
                Some((text(item, "/region").parse().ok()?, summary))
            })
            .collect()
    }

    /// Whether it is usable in a region.
    #[must_use]
    pub fn is_complete_in(&self, location: &Location) -> bool {
        self.regions()
            .iter()
            .any(|region| region.location == *location && region.is_complete())
    }

    /// The body that changes it: all that the service said, with these target regions, and without what the service
    /// only reports.
    #[must_use]
    pub fn with_regions(&self, target_regions: Vec<Value>) -> Value {
        let mut body = self.body.clone();
        for (place, names) in REPORTED {
            if let Some(members) = members(&mut body, place) {
                names.iter().for_each(|name| drop(members.remove(*name)));
            }
        }
        remove_reported_of_disks(&mut body);
        if let Some(profile) = members(&mut body, "/properties/publishingProfile") {
            profile.insert("targetRegions".to_owned(), Value::Array(target_regions));
        }
        body
    }
}

impl RegionState {
    /// Whether replication there is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.eq_ignore_ascii_case("Completed")
    }

    /// Whether replication there has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state.eq_ignore_ascii_case("Failed")
    }
}

/// The request that reads a version with its replication.
#[must_use]
pub fn get(id: &ImageVersionId) -> Request {
    get_with(id, "ReplicationStatus")
}

/// The request that reads a version with what Azure shows only when asked for, which is one thing at one time.
fn get_with(id: &ImageVersionId, expand: &str) -> Request {
    let doing = format!("read image version {}", title(id));
    Request::arm(Method::GET, id, Api::ImageVersions, doing).with_query("$expand", expand)
}

/// The request that lists a definition's versions.
#[must_use]
pub fn list(id: &ImageDefinitionId) -> Request {
    Request::arm(
        Method::GET,
        format!("{id}/versions"),
        Api::ImageVersions,
        format!("list the versions of {}", id.name()),
    )
}

/// The request that writes a version.
#[must_use]
pub fn put(id: &ImageVersionId, body: Value) -> Request {
    Request::arm(
        Method::PUT,
        id,
        Api::ImageVersions,
        format!("write image version {}", title(id)),
    )
    .with_body(body)
}

/// The request that deletes a version. A gallery with soft deletion keeps it for a time; that is never passed over.
#[must_use]
pub fn delete(id: &ImageVersionId) -> Request {
    Request::arm(
        Method::DELETE,
        id,
        Api::ImageVersions,
        format!("delete image version {}", title(id)),
    )
}

/// Reads a version; `None` when there is none.
///
/// # Errors
/// When the service refuses, or the run ends.
pub async fn find(client: &Client, id: &ImageVersionId) -> Result<Option<ImageVersion>> {
    Ok(client
        .find(&get(id))
        .await?
        .map(|answer| ImageVersion::new(id.clone(), answer.value())))
}

/// A version's number and its definition, for a sentence.
#[must_use]
pub fn title(id: &ImageVersionId) -> String {
    format!("{} of {}", id.name(), id.definition().name())
}

/// The region of an entry of `targetRegions`, whose name may be a display name.
#[must_use]
pub fn location_of(region: &Value) -> Option<Location> {
    read_json::text(region, "/name")?.parse().ok()
}

fn members<'a>(body: &'a mut Value, place: &str) -> Option<&'a mut Map<String, Value>> {
    body.pointer_mut(place)?.as_object_mut()
}

fn remove_reported_of_disks(body: &mut Value) {
    let Some(profile) = members(body, "/properties/storageProfile") else {
        return;
    };
    profile.remove("source");
    let strip = |disk: &mut Value| {
        if let Some(disk) = disk.as_object_mut() {
            REPORTED_OF_DISKS.iter().for_each(|name| drop(disk.remove(*name)));
        }
    };
    if let Some(disk) = profile.get_mut("osDiskImage") {
        strip(disk);
    }
    if let Some(Value::Array(disks)) = profile.get_mut("dataDiskImages") {
        disks.iter_mut().for_each(strip);
    }
}

#[cfg(test)]
mod tests;
