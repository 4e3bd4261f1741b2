//! Waiting for a version, telling its replication meanwhile, and what can be done about one that failed.
//!
//! It writes nothing.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{ImageVersion, RegionState, find, short};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result, ServiceError},
    ids::{Location, resource::ImageVersionId},
    judge,
    operation::{Status, poll_pause},
    progress::Event,
};

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

impl Settled {
    /// The version as it was seen last; `None` when all that was seen is that it lacks a region.
    #[must_use]
    pub fn into_version(self) -> Option<ImageVersion> {
        match self {
            Self::Complete(version) | Self::RegionFailed(version, _) | Self::ChangeFailed(version) => Some(version),
            Self::RegionMissing(_) => None,
        }
    }
}

/// Waits until a version's state is final, or is being updated with the wanted regions complete, telling progress.
///
/// # Errors
/// When the version is missing, failed or being deleted, or the run ends.
pub async fn settled(client: &Client, id: &ImageVersionId, wanted: &[Location]) -> Result<Settled> {
    settled_since(client, id, wanted, &[]).await
}

/// The same for a version that was seen complete in some regions before: whatever failed since then, it was made.
///
/// # Errors
/// As [`settled`], but that it failed only where it was complete nowhere.
pub(super) async fn settled_since(
    client: &Client,
    id: &ImageVersionId,
    wanted: &[Location],
    complete: &[Location],
) -> Result<Settled> {
    let began = Instant::now();
    let mut told = BTreeMap::new();
    loop {
        let version = find(client, id).await?.ok_or_else(|| gone(id))?;
        if version.provisioning_state().eq_ignore_ascii_case("Deleting") {
            return Err(going(id));
        }
        tell_replication(client, &version, &mut told);
        let is_complete = wanted.iter().all(|location| version.is_complete_in(location));
        // Complete regions stay usable while an update copies to others; a version in the making is not usable at all.
        let is_updating = version.provisioning_state().eq_ignore_ascii_case("Updating") && !wanted.is_empty();
        match version.status() {
            Status::Failed(failure) => return after_failure(version, failure, complete),
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

/// What can be done about a version that failed.
fn after_failure(version: ImageVersion, failure: ServiceError, complete: &[Location]) -> Result<Settled> {
    let regions = version.regions();
    let failed_since = regions.iter().find(|it| it.has_failed() && !complete.is_empty());
    if let Some(region) = version.repairable_region().or_else(|| failed_since.cloned()) {
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

fn going(id: &ImageVersionId) -> Error {
    let text = format!("image version {} is being deleted", short(id));
    Error::new(ErrorKind::Refused, text).with_hint("name another version, or publish it anew when it is gone")
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
        None => judge::failed(text, failure).with_hint(hint),
    }
}

pub(super) fn failed_region(version: &ImageVersion, region: &RegionState) -> Error {
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
