//! Changing a version: target regions, replicas, dates, tags; never its source.
//!
//! Regions that stay keep their copies while new ones are made. A source that a change names is looked for, not read.

use http::{Method, StatusCode};
use serde_json::Value;

use super::{
    begin,
    profile::{self, Target},
    replication::{Fate, RegionCopy, VersionFacts},
    source,
};
use crate::{
    call::Call,
    compute::{kind::Kind, state::Parts, state::missing},
    envelope::{Answer, ArmError, ArmPath},
    guess::Removal,
    http::Response,
    json as edit,
    resource::{Change, Doing, Item, changed},
    timing::Timing,
};

/// `PUT` or `PATCH` of a version that is there.
pub(super) fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.versions, call, path, missing)?;
    source::require_same_source(&item.body, &body)?;
    require_present_sources(parts, &body)?;
    require_same_mode(&item.body, &body)?;

    let mut body = body;
    let security = profile::take_security(&mut body);
    let mut next = item.body.clone();
    apply(&mut next, &body);
    let targets = profile::normalise(&mut next, &item.location(), call.now)?;
    profile::complete_life(
        &mut next,
        call.request.query("api-version").unwrap_or_default(),
        call.now,
    );
    profile::require_same_encryption(&item.body, &next)?;
    require_permitted_regions(item, &next, &targets, parts.engine.guesses.failed_region_removal)?;
    if let Some(parent) = path
        .parent()
        .and_then(|parent| parts.compute.definitions.find(&parent.key()))
    {
        begin::require_encryption(parent, &next, &item.location())?;
    }
    let copies = copies(&parts.engine.timing, call, item, &targets);
    let mut item = item.clone();
    item.body = next;

    let (started, copies) = begin::start(parts, call, path, copies);
    item.facts.copies = copies;
    if security.is_some() || call.request.method == Method::PUT {
        item.facts.security = security;
    }
    item.change = Some(Change::new(Doing::Updating, &started));
    let shown = item.view(&Kind::Version.type_name());
    parts.compute.versions.insert(item);
    Ok(started.announce(Response::json(StatusCode::OK, &shown)))
}

/// Merges what may change; tags and target regions are replaced as a whole, what is made stays.
fn apply(next: &mut Value, body: &Value) {
    let mut sent = body.clone();
    edit::remove(&mut sent, "", "location");
    edit::remove(&mut sent, "/properties", "storageProfile");
    edit::remove(&mut sent, "/properties", "provisioningState");
    edit::remove(&mut sent, "/properties", "replicationStatus");
    edit::remove(&mut sent, "/properties/publishingProfile", "publishedDate");
    if sent.get("tags").is_some() {
        edit::remove(next, "", "tags");
    }
    edit::merge(next, sent);
}

/// Refuses to go on without a source that the body names, though it is only repeated. That the service does so is
/// suspected from the reason azure-cli gives for leaving sources out (pull request 15575): "the service will check all
/// the properties in the request body even the property value is not changed". The words are those of a missing source.
fn require_present_sources(parts: &Parts<'_>, body: &Value) -> Result<(), ArmError> {
    let profile = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    let whole = [
        "/source/id",
        "/source/virtualMachineId",
        "/osDiskImage/source/id",
        "/osDiskImage/source/uri",
    ];
    let mut named = whole.iter().filter_map(|pointer| edit::text(&profile, pointer)).chain(
        edit::list(&profile, "/dataDiskImages")
            .iter()
            .filter_map(|disk| edit::text(disk, "/source/id").or_else(|| edit::text(disk, "/source/uri"))),
    );
    let gone = named.find(|id| !source::is_present(parts.compute, parts.storage, id));
    gone.map_or(Ok(()), |id| Err(source::not_found(id)))
}

fn require_same_mode(old: &Value, new: &Value) -> Result<(), ArmError> {
    let pointer = "/properties/publishingProfile/replicationMode";
    let (old, new) = (edit::text(old, pointer), edit::text(new, pointer));
    if new.is_some() && new != old {
        return Err(ArmError::property_change(
            "galleryImageVersion.properties.publishingProfile.replicationMode",
        ));
    }
    Ok(())
}

/// Removing a region that was replicated needs the safety profile's leave; a region's storage type never changes.
fn require_permitted_regions(
    item: &Item<VersionFacts>,
    next: &Value,
    targets: &[Target],
    failed: Removal,
) -> Result<(), ArmError> {
    let pointer = "/properties/safetyProfile/allowDeletionOfReplicatedLocations";
    let permitted = next.pointer(pointer).and_then(Value::as_bool) == Some(true);
    let removed = item
        .facts
        .copies
        .iter()
        .filter(|copy| failed == Removal::Refuse || !copy.is_lost())
        .find(|copy| !targets.iter().any(|target| target.region == copy.region));
    if let (Some(copy), false) = (removed, permitted) {
        let message = format!(
            "Region '{}' cannot be removed from the target regions, as 'allowDeletionOfReplicatedLocations' is not set.",
            copy.region
        );
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    for entry in edit::list(&item.body, "/properties/publishingProfile/targetRegions") {
        let region = crate::region::normalise(edit::text(entry, "/name").unwrap_or_default());
        let old = edit::text(entry, "/storageAccountType").unwrap_or_default();
        if targets
            .iter()
            .any(|target| target.region == region && target.storage != old)
        {
            let property = "galleryImageVersion.properties.publishingProfile.targetRegions.storageAccountType";
            return Err(ArmError::property_change(property));
        }
    }
    Ok(())
}

/// The copies after the update: those that stay, and new ones for regions that are new or were lost.
fn copies(timing: &Timing, call: &Call<'_>, item: &Item<VersionFacts>, targets: &[Target]) -> Vec<RegionCopy> {
    let mut lasts = timing.lasts(0);
    targets
        .iter()
        .map(
            |target| match item.facts.copies.iter().find(|copy| copy.region == target.region) {
                Some(copy) if copy.fate == Fate::Completes => copy.with_replicas(target.replicas),
                found => {
                    lasts += timing.lasts(timing.seconds.version_region);
                    RegionCopy {
                        kept: found.and_then(|copy| copy.kept),
                        ..RegionCopy::begin(target, call.now, lasts)
                    }
                }
            },
        )
        .collect()
}
