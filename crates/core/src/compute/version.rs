//! Image versions: what is read of them, and their target regions changed by read, merge, write, read.
//!
//! `targetRegions` is the whole wish and has no `ETag`, so two writers can drop each other's regions; every change here
//! starts from what is there and is read back.

mod details;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use self::details::{Details, Lack};
use super::gallery::API_VERSION;
use crate::{
    answer::ServiceError,
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{
        Location,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    json as read_json,
    operation::{Status, poll_pause, read_resource},
    progress::Event,
    replicas::RegionNeed,
    request::Request,
};

/// How often a write of target regions is repeated when another writer has changed them meanwhile.
const MAX_MERGES: u32 = 5;

/// How often a failed region is removed and added again, or a failed change written again.
const MAX_REPAIRS: u32 = 2;

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
        self.target_regions()
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

    /// The body that fulfils a wish, with the regions that were taken out put back; `None` when nothing changes.
    fn completed(&self, wish: &Wish<'_>, taken_out: &[Value]) -> Option<Value> {
        let merged = self.merged_regions(wish.needs, wish.storage, taken_out);
        let is_short_of_regions = merged.is_some();
        let regions = merged.unwrap_or_else(|| self.target_regions().cloned().collect());
        let mut body = self.with_regions(regions);
        let is_short_of_details = wish.details.complete(&mut body);
        (is_short_of_regions || is_short_of_details).then_some(body)
    }

    fn target_regions(&self) -> impl Iterator<Item = &Value> {
        read_json::items(&self.body, "/properties/publishingProfile/targetRegions")
    }

    /// Its target regions without one, and that one as it was: with its encryption and all else that it carries.
    #[must_use]
    pub fn regions_without(&self, location: &Location) -> (Vec<Value>, Vec<Value>) {
        self.target_regions()
            .cloned()
            .partition(|region| !is_in(region, location))
    }

    /// Its target regions with those needs met and those that were taken out put back: counts raised, regions added,
    /// nothing lowered or removed. `None` when nothing changes.
    #[must_use]
    pub fn merged_regions(&self, needs: &[RegionNeed], storage: &str, taken_out: &[Value]) -> Option<Vec<Value>> {
        let mut regions: Vec<Value> = self.target_regions().cloned().collect();
        let default = self.default_replicas();
        let had = regions.len();
        for region in taken_out {
            if !location_of(region).is_some_and(|location| regions.iter().any(|there| is_in(there, &location))) {
                regions.push(region.clone());
            }
        }
        let mut is_changed = regions.len() > had;
        for need in needs {
            match regions.iter_mut().find(|region| is_in(region, &need.location)) {
                Some(region)
                    if read_json::number(region, "/regionalReplicaCount").unwrap_or(default)
                        < u64::from(need.replicas) =>
                {
                    if let Some(region) = region.as_object_mut() {
                        region.insert("regionalReplicaCount".to_owned(), json!(need.replicas));
                    }
                    is_changed = true;
                }
                Some(_) => {}
                None => {
                    regions.push(target_region(need, storage));
                    is_changed = true;
                }
            }
        }
        is_changed.then_some(regions)
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

fn location_of(region: &Value) -> Option<Location> {
    read_json::text(region, "/name")?.parse().ok()
}

fn is_in(region: &Value, location: &Location) -> bool {
    location_of(region).as_ref() == Some(location)
}

/// One entry of `targetRegions`.
#[must_use]
pub fn target_region(need: &RegionNeed, storage: &str) -> Value {
    json!({"name": need.location, "regionalReplicaCount": need.replicas, "storageAccountType": storage})
}

/// What a version has to be beside what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The regions that have to be complete, each with its replicas at least.
    pub needs: &'a [RegionNeed],
    /// The storage of regions that are added.
    pub storage: &'a str,
    /// What it has to say of itself.
    pub details: &'a Details,
}

/// How a wait for a version ended.
#[derive(Debug)]
pub enum Settled {
    /// The wanted regions are complete.
    Complete(ImageVersion),
    /// Replication to a wanted region failed.
    RegionFailed(ImageVersion, RegionState),
    /// Its last change failed, and yet all its regions are complete: the same change once more may do.
    ChangeFailed(ImageVersion),
    /// A wanted region is none of the version's regions: it was not asked for, or another writer took it away.
    RegionMissing(Location),
}

/// Makes sure that a version has at least these replicas in these regions, and waits until the regions are complete.
/// A region whose replication failed is removed and added again as it was, as Microsoft's troubleshooting page says,
/// twice; also one that is nobody's wish here, since it keeps the whole version from being usable. A change that failed
/// without harm to any region is written again as often.
///
/// # Errors
/// When the version is missing or failed, a region keeps failing, or the run ends.
pub async fn ensure_regions(
    client: &Client,
    id: &ImageVersionId,
    needs: &[RegionNeed],
    storage: &str,
) -> Result<ImageVersion> {
    let details = &Details::default();
    ensure(
        client,
        id,
        &Wish {
            needs,
            storage,
            details,
        },
    )
    .await
}

/// The same, with what the version has to say of itself: both in one write.
///
/// # Errors
/// As [`ensure_regions`].
pub async fn ensure(client: &Client, id: &ImageVersionId, wish: &Wish<'_>) -> Result<ImageVersion> {
    let wanted: Vec<Location> = wish.needs.iter().map(|need| need.location.clone()).collect();
    let doing = |error: Error| error.while_doing(format!("cannot bring image version {} to its regions", short(id)));
    let (mut merges, mut repairs) = (0, 0);
    let mut taken_out = Vec::new();
    loop {
        let version = match settled(client, id, &[]).await.map_err(doing)? {
            Settled::Complete(version) | Settled::RegionFailed(version, _) | Settled::ChangeFailed(version) => version,
            Settled::RegionMissing(_) => continue,
        };
        if let Some(body) = version.completed(wish, &taken_out) {
            merges += 1;
            if merges > MAX_MERGES {
                let error = Error::new(ErrorKind::Azure, "other writers kept changing its regions or tags");
                return Err(doing(error.with_hint("run it again when they are done")));
            }
            write(client, id, body).await.map_err(doing)?;
            continue;
        }
        match settled(client, id, &wanted).await.map_err(doing)? {
            Settled::Complete(version) => return Ok(version),
            // Another writer took it away; the next merge, of which there are so many, brings it back.
            Settled::RegionMissing(_) => {}
            Settled::RegionFailed(version, region) if repairs < MAX_REPAIRS => {
                repairs += 1;
                client.run().progress.warn(format!(
                    "replication to {} failed: it is removed and added again",
                    region.location
                ));
                let (without, failed) = version.regions_without(&region.location);
                taken_out.extend(failed);
                write(client, id, version.with_regions(without)).await.map_err(doing)?;
            }
            Settled::RegionFailed(version, region) => return Err(doing(failed_region(&version, &region))),
            Settled::ChangeFailed(version) => {
                repairs += 1;
                if repairs > MAX_REPAIRS {
                    return Err(doing(failed_change(&version)));
                }
                client.run().progress.warn(format!(
                    "the last change of {} failed with its regions complete: it is written again",
                    short(id)
                ));
                let as_it_is = version.with_regions(version.target_regions().cloned().collect());
                write(client, id, as_it_is).await.map_err(doing)?;
            }
        }
    }
}

/// Writes a version; a conflict with somebody else's update is no failure, the next look shows what became of it.
async fn write(client: &Client, id: &ImageVersionId, body: Value) -> Result<()> {
    match client.send(&put(id, body)).await {
        Ok(_) => Ok(()),
        Err(error) if error.has_status(409) || error.kind() == ErrorKind::UnknownEffect => Ok(()),
        Err(error) => Err(error),
    }
}

/// Waits until a version's state is final, or is being updated with the wanted regions complete, telling progress.
///
/// # Errors
/// When the version is missing or failed, or the run ends.
pub async fn settled(client: &Client, id: &ImageVersionId, wanted: &[Location]) -> Result<Settled> {
    let began = Instant::now();
    let mut told = BTreeMap::new();
    loop {
        let version = find(client, id).await?.ok_or_else(|| gone(id))?;
        tell_replication(client, &version, &mut told);
        let is_complete = wanted.iter().all(|location| version.is_complete_in(location));
        // Complete regions stay usable while an update copies to others; a version in the making is not usable at all.
        let is_updating = version.provisioning_state().eq_ignore_ascii_case("Updating") && !wanted.is_empty();
        match version.status() {
            Status::Failed(failure) => return after_failure(version, failure),
            Status::Succeeded if is_complete => return Ok(Settled::Complete(version)),
            Status::Running(_) if is_updating && is_complete => return Ok(Settled::Complete(version)),
            Status::Succeeded | Status::Running(_) | Status::Forgotten => {}
        }
        let regions = version.regions();
        let is_missing = |location: &&Location| !regions.iter().any(|region| region.location == **location);
        if let (Some(missing), Status::Succeeded) = (wanted.iter().find(is_missing), version.status()) {
            return Ok(Settled::RegionMissing(missing.clone()));
        }
        let failed = regions
            .into_iter()
            .find(|region| region.has_failed() && wanted.contains(&region.location));
        match (failed, version.status()) {
            (Some(region), Status::Succeeded) => return Ok(Settled::RegionFailed(version, region)),
            _ => {
                client
                    .run()
                    .pause(poll_pause(began.elapsed(), None), "replication")
                    .await?;
            }
        }
    }
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

/// What can be done about a version that failed.
fn after_failure(version: ImageVersion, failure: ServiceError) -> Result<Settled> {
    let regions = version.regions();
    if let Some(region) = version.repairable_region() {
        Ok(Settled::RegionFailed(version, region))
    } else if !regions.is_empty() && regions.iter().all(RegionState::is_complete) {
        Ok(Settled::ChangeFailed(version))
    } else {
        Err(failed(&version, failure))
    }
}

/// Tells a region's progress when it has changed.
fn tell_replication(client: &Client, version: &ImageVersion, told: &mut BTreeMap<Location, (String, u8)>) {
    for region in version.regions() {
        let now = (region.state.clone(), region.percent);
        if !region.state.is_empty() && told.get(&region.location) != Some(&now) {
            told.insert(region.location.clone(), now);
            client.run().progress.tell(Event::Replication {
                region: region.location,
                state: region.state,
                percent: region.percent,
            });
        }
    }
}

fn gone(id: &ImageVersionId) -> Error {
    Error::new(ErrorKind::BadInput, format!("there is no image version {id}"))
        .with_hint("publish it first, or check the id")
}

fn failed(version: &ImageVersion, failure: ServiceError) -> Error {
    let text = format!(
        "image version {} is {}",
        short(&version.id),
        version.provisioning_state()
    );
    let hint = "a failed version keeps its number: publish under another one, or delete it";
    match version.regions().into_iter().find(RegionState::has_failed) {
        Some(region) => failed_region(version, &region).while_doing(text).with_hint(hint),
        None => Error::refused_by_service(text, failure).with_hint(hint),
    }
}

fn failed_change(version: &ImageVersion) -> Error {
    let text = format!(
        "the last changes of {} failed, and its regions are complete",
        short(&version.id)
    );
    Error::new(ErrorKind::Azure, text).with_hint("run the same again later")
}

fn failed_region(version: &ImageVersion, region: &RegionState) -> Error {
    let details = if region.details.is_empty() {
        String::new()
    } else {
        format!(": {}", region.details)
    };
    Error::new(
        ErrorKind::Azure,
        format!(
            "replication of {} to {} failed{details}",
            short(&version.id),
            region.location
        ),
    )
}

#[cfg(test)]
mod tests;
