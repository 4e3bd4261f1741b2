//! Image versions: what is read of them, and the requests that read and write them.
//!
//! It changes none: `ensure` does, from what `regions` and `details` say, and `settled` waits.

mod details;
mod ensure;
mod regions;
mod settled;
mod taken_out;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

pub use self::{
    details::{Details, Lack},
    ensure::{Wish, ensure, ensure_regions},
    settled::{Settled, settled},
    taken_out::TakenOut,
};
use super::gallery::API_VERSION;
use crate::{
    client::Client,
    error::Result,
    ids::{
        Location,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    json as read_json,
    operation::{Status, read_resource},
    replicas::RegionNeed,
    request::Request,
};

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

/// The request that reads a version with its replication.
#[must_use]
pub fn get(id: &ImageVersionId) -> Request {
    Request::arm(
        Method::GET,
        id,
        API_VERSION,
        format!("read image version {}", short(id)),
    )
    .with_query("$expand", "ReplicationStatus")
}

/// The request that lists a definition's versions.
#[must_use]
pub fn list(id: &ImageDefinitionId) -> Request {
    Request::arm(
        Method::GET,
        format!("{id}/versions"),
        API_VERSION,
        format!("list the versions of {}", id.name()),
    )
}

/// The request that writes a version.
#[must_use]
pub fn put(id: &ImageVersionId, body: Value) -> Request {
    Request::arm(
        Method::PUT,
        id,
        API_VERSION,
        format!("write image version {}", short(id)),
    )
    .with_body(body)
}

fn short(id: &ImageVersionId) -> String {
    format!("{} of {}", id.name(), id.definition().name())
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

    /// The service's word for how far it is: `Creating`, `Updating`, `Succeeded`, `Failed`, `Deleting`.
    #[must_use]
    pub fn provisioning_state(&self) -> &str {
        read_json::text(&self.body, "/properties/provisioningState").unwrap_or("Succeeded")
    }

    /// Whether its state is final, and well.
    #[must_use]
    pub fn status(&self) -> Status {
        read_resource(&self.body)
    }

    /// A tag's value; names compare without case.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        let tags = self.body.get("tags")?.as_object()?;
        tags.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
    }

    /// Its regions with their replication, in the service's order.
    #[must_use]
    pub fn regions(&self) -> Vec<RegionState> {
        let summary = self.summary();
        let default = self.default_replicas();
        read_json::items(&self.body, "/properties/publishingProfile/targetRegions")
            .filter_map(|region| {
                let location: Location = read_json::text(region, "/name")?.parse().ok()?;
                let replicas = read_json::number(region, "/regionalReplicaCount").unwrap_or(default);
                let (state, percent, details) = summary.get(&location).cloned().unwrap_or_default();
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
    fn default_replicas(&self) -> u64 {
        read_json::number(&self.body, "/properties/publishingProfile/replicaCount").unwrap_or(1)
    }

    fn summary(&self) -> BTreeMap<Location, (String, u8, String)> {
        let text = |item: &Value, pointer| read_json::text(item, pointer).unwrap_or_default().to_owned();
        read_json::items(&self.body, "/properties/replicationStatus/summary")
            .filter_map(|item| {
                let percent = read_json::number(item, "/progress")
                    .map_or(0, |percent| u8::try_from(percent.min(100)).unwrap_or(100));
                Some((
                    text(item, "/region").parse().ok()?,
                    (text(item, "/state"), percent, text(item, "/details")),
                ))
            })
            .collect()
    }

    /// The body for changing target regions: all that the service said, without what it only tells, and without the
    /// source, which may be gone: the service keeps it and looks for one that is named.
    #[must_use]
    pub fn with_regions(&self, target_regions: Vec<Value>) -> Value {
        let mut body = self.body.clone();
        if let Some(root) = body.as_object_mut() {
            for told in ["id", "name", "type", "etag"] {
                root.remove(told);
            }
        }
        if let Some(properties) = body.pointer_mut("/properties").and_then(Value::as_object_mut) {
            properties.remove("provisioningState");
            properties.remove("replicationStatus");
        }
        if let Some(profile) = body
            .pointer_mut("/properties/publishingProfile")
            .and_then(Value::as_object_mut)
        {
            profile.remove("publishedDate");
            profile.insert("targetRegions".to_owned(), Value::Array(target_regions));
        }
        remove_sources(&mut body);
        body
    }
}

/// Takes every source out of a version's body.
fn remove_sources(body: &mut Value) {
    let Some(profile) = body.pointer_mut("/properties/storageProfile") else {
        return;
    };
    let remove = |from: &mut Value| from.as_object_mut().and_then(|members| members.remove("source"));
    remove(profile);
    for (name, disks) in profile.as_object_mut().into_iter().flatten() {
        match (name.as_str(), disks) {
            ("osDiskImage", disk) => drop(remove(disk)),
            ("dataDiskImages", Value::Array(disks)) => disks.iter_mut().for_each(|disk| drop(remove(disk))),
            _ => {}
        }
    }
}

/// One entry of `targetRegions`.
#[must_use]
pub fn target_region(need: &RegionNeed, storage: &str) -> Value {
    json!({"name": need.location, "regionalReplicaCount": need.replicas, "storageAccountType": storage})
}

impl ImageVersion {
    /// A region that failed while another is complete: the version can be mended by removing and adding it again.
    #[must_use]
    pub fn repairable_region(&self) -> Option<RegionState> {
        let regions = self.regions();
        let is_whole_elsewhere = regions.iter().any(RegionState::is_complete);
        regions
            .into_iter()
            .find(|region| is_whole_elsewhere && region.has_failed())
    }

    /// Whether it is usable in a region.
    #[must_use]
    pub fn is_complete_in(&self, location: &Location) -> bool {
        self.regions()
            .iter()
            .any(|region| region.location == *location && region.is_complete())
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

#[cfg(test)]
mod tests;
