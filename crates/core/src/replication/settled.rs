//! Waiting until a version has settled, and reporting its replication meanwhile.
//!
//! It writes nothing; what to do about a failure is decided in `repair`.

use std::collections::BTreeMap;

use super::repair::{failed_region, repairable_region};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion, RegionState},
    error::{Error, ErrorKind, Result, ServiceError},
    ids::{Location, resource::ImageVersionId},
    judge,
    operation::Status,
    progress::Event,
    wait::{Pace, Wait},
};

/// How a wait for a version ended, with the version as it was seen last.
#[derive(Debug)]
pub enum Settled {
    /// The wanted regions are complete.
    Complete(ImageVersion),
    /// Replication to a region failed.
    RegionFailed(ImageVersion, RegionState),
    /// Its last change failed although all its regions are complete. The same change may succeed when it is repeated.
    ChangeFailed(ImageVersion),
    /// It does not have a wanted region: the region was never asked for, or another writer took it away.
    RegionMissing(ImageVersion),
}

impl Settled {
    /// The version as it was seen last.
    #[must_use]
    pub fn into_version(self) -> ImageVersion {
        match self {
            Self::Complete(version)
            | Self::RegionFailed(version, _)
            | Self::ChangeFailed(version)
            | Self::RegionMissing(version) => version,
        }
    }
}

/// Waits until a version's state is final. An update may go on when the wanted regions are complete.
///
/// # Errors
/// When the version is missing, failed or being deleted, or the run ends.
pub async fn settled(client: &Client, id: &ImageVersionId, wanted: &[Location]) -> Result<Settled> {
    settled_since(client, id, wanted, &[]).await
}

/// The same for a version that was seen complete in some regions before. Such a version was made, so a failure since
/// then can be repaired.
///
/// # Errors
/// As [`settled`], but a failed version is an error only when no region was complete before.
pub(super) async fn settled_since(
    client: &Client,
    id: &ImageVersionId,
    wanted: &[Location],
    complete_before: &[Location],
) -> Result<Settled> {
    let wait = Wait::new(client, Pace::VERSION, "replication");
    let mut reported = BTreeMap::new();
    loop {
        let version = version::find(client, id).await?.ok_or_else(|| missing(id))?;
        report_replication(client, &version, &mut reported);
        let slowest = version.regions().iter().map(|region| region.percent).min();
        if let Some(settled) = stand(version, wanted, complete_before)? {
            return Ok(settled);
        }
        wait.pause_at(slowest.unwrap_or(0)).await?;
    }
}

/// How a version stands; `None` while its state is not final.
fn stand(version: ImageVersion, wanted: &[Location], complete_before: &[Location]) -> Result<Option<Settled>> {
    if version.provisioning_state().eq_ignore_ascii_case("Deleting") {
        return Err(deleting(&version));
    }
    let is_complete = wanted.iter().all(|location| version.is_complete_in(location));
    match version.status() {
        Status::Failed(failure) => after_failure(version, failure, complete_before).map(Some),
        Status::Succeeded if is_complete => Ok(Some(Settled::Complete(version))),
        Status::Succeeded => Ok(incomplete(version, wanted)),
        // Complete regions stay usable while an update copies to others; a version that is being created is not usable.
        Status::Running(_) | Status::Forgotten => {
            let is_usable = is_complete && !wanted.is_empty() && is_updating(&version);
            Ok(is_usable.then_some(Settled::Complete(version)))
        }
    }
}

fn is_updating(version: &ImageVersion) -> bool {
    version.provisioning_state().eq_ignore_ascii_case("Updating")
}

/// Why a version that succeeded is not complete in the wanted regions; `None` when it still replicates.
fn incomplete(version: ImageVersion, wanted: &[Location]) -> Option<Settled> {
    let regions = version.regions();
    let is_there = |location: &Location| regions.iter().any(|region| region.location == *location);
    if !wanted.iter().all(is_there) {
        return Some(Settled::RegionMissing(version));
    }
    let mut failed = regions.into_iter().filter(RegionState::has_failed);
    let region = failed.find(|region| wanted.contains(&region.location))?;
    Some(Settled::RegionFailed(version, region))
}

/// What can be done about a version that failed.
fn after_failure(version: ImageVersion, failure: ServiceError, complete_before: &[Location]) -> Result<Settled> {
    let regions = version.regions();
    let failed_since = regions.iter().find(|it| it.has_failed() && !complete_before.is_empty());
    if let Some(region) = repairable_region(&version).or_else(|| failed_since.cloned()) {
        Ok(Settled::RegionFailed(version, region))
    } else if !regions.is_empty() && regions.iter().all(RegionState::is_complete) {
        Ok(Settled::ChangeFailed(version))
    } else {
        Err(failed(&version, failure))
    }
}

/// Reports a region's progress when it has changed.
fn report_replication(client: &Client, version: &ImageVersion, reported: &mut BTreeMap<Location, (String, u8)>) {
    for region in version.regions() {
        let now = (region.state.clone(), region.percent);
        if !region.state.is_empty() && reported.get(&region.location) != Some(&now) {
            reported.insert(region.location.clone(), now);
            client.run().progress.tell(Event::Replication {
                region: region.location,
                state: region.state,
                percent: region.percent,
            });
        }
    }
}

fn missing(id: &ImageVersionId) -> Error {
    Error::new(ErrorKind::BadInput, format!("there is no image version {id}"))
        .with_hint("publish it first, or check the id")
}

fn deleting(version: &ImageVersion) -> Error {
    let text = format!("image version {} is being deleted", version.title());
    Error::new(ErrorKind::Refused, text).with_hint("name another version, or publish it again when it is gone")
}

fn failed(version: &ImageVersion, failure: ServiceError) -> Error {
    let text = format!("image version {} is {}", version.title(), version.provisioning_state());
    let hint = "a failed version keeps its number: publish under another one, or delete it";
    match version.regions().into_iter().find(RegionState::has_failed) {
        Some(region) => failed_region(version, &region).while_doing(text).with_hint(hint),
        None => judge::failed(text, failure).with_hint(hint),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::tests::version, *};

    /// The version in a state, with the words for its two regions.
    fn with(state: &str, eastus2: &str, westus2: &str) -> ImageVersion {
        let mut body = version().body().clone();
        body["properties"]["provisioningState"] = json!(state);
        body["properties"]["replicationStatus"]["summary"][0]["state"] = json!(eastus2);
        body["properties"]["replicationStatus"]["summary"][1]["state"] = json!(westus2);
        ImageVersion::new(version().id, body)
    }

    fn ends(version: ImageVersion, wanted: &[&str], before: &[&str]) -> &'static str {
        let locations = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        match stand(version, &locations(wanted), &locations(before)) {
            Ok(None) => "waits",
            Ok(Some(Settled::Complete(_))) => "complete",
            Ok(Some(Settled::RegionFailed(..))) => "region failed",
            Ok(Some(Settled::ChangeFailed(_))) => "change failed",
            Ok(Some(Settled::RegionMissing(_))) => "region missing",
            Err(_) => "error",
        }
    }

    /// State, the words for the two regions, wanted regions, regions complete before, and how it stands.
    type Row = (
        &'static str,
        &'static str,
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static str,
    );

    #[test]
    fn a_version_settles_by_its_state_and_by_the_wanted_regions() {
        let (yes, no, under_way) = ("Completed", "Failed", "Replicating");
        let table: [Row; 14] = [
            ("Succeeded", yes, yes, &[], &[], "complete"),
            ("Succeeded", yes, yes, &["eastus2", "westus2"], &[], "complete"),
            ("Succeeded", yes, under_way, &["westus2"], &[], "waits"),
            ("Succeeded", yes, no, &["westus2"], &[], "region failed"),
            ("Succeeded", yes, no, &["eastus2"], &[], "complete"),
            ("Succeeded", yes, yes, &["northeurope"], &[], "region missing"),
            ("Creating", yes, yes, &["eastus2"], &[], "waits"),
            ("Updating", yes, under_way, &["eastus2"], &[], "complete"),
            ("Updating", yes, yes, &[], &[], "waits"),
            ("Failed", yes, no, &["eastus2"], &[], "region failed"),
            ("Failed", yes, yes, &[], &[], "change failed"),
            ("Failed", no, no, &[], &[], "error"),
            ("Failed", no, no, &[], &["eastus2"], "region failed"),
            ("Deleting", yes, yes, &[], &[], "error"),
        ];
        for (state, eastus2, westus2, wanted, before, expected) in table {
            let found = ends(with(state, eastus2, westus2), wanted, before);
            assert_eq!(
                found, expected,
                "{state} {eastus2} {westus2}, wanted {wanted:?}, before {before:?}"
            );
        }
    }

    #[test]
    fn a_version_without_a_word_for_each_region_is_complete_when_all_of_it_is() {
        let table = [
            (json!([]), "Completed", "complete"),
            (
                json!([{"region": "westus2", "state": "Unknown"}]),
                "Completed",
                "complete",
            ),
            (
                json!([{"region": "westus2", "state": "Failed"}]),
                "Completed",
                "region failed",
            ),
            (json!([]), "InProgress", "waits"),
            (json!([]), "Unknown", "waits"),
        ];
        for (summary, aggregated, expected) in table {
            let mut body = version().body().clone();
            body["properties"]["replicationStatus"] = json!({"aggregatedState": aggregated, "summary": summary});
            let version = ImageVersion::new(version().id, body);
            assert_eq!(ends(version, &["westus2"], &[]), expected, "{summary} {aggregated}");
        }
        let mut creating: Value = version().body().clone();
        creating["properties"]["provisioningState"] = json!("Updating");
        creating["properties"]["replicationStatus"] = json!({"aggregatedState": "Completed"});
        let version = ImageVersion::new(version().id, creating);
        assert_eq!(ends(version, &["westus2"], &[]), "waits", "the last change is not over");
    }
}
