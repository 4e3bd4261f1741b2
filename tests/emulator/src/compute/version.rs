//! Gallery image versions: reading them, and what Batch sees of them.
//!
//! Making and changing versions is in `create` and `update`; this file starts no copy.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

use super::{feature, kind::Kind, name, soft_delete, state::Compute, state::missing, state::require_parent};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::{Failure, Form},
    region,
    resource::{self, Doing, Item},
    view::ImageVersionView,
};

mod begin;
mod create;
mod profile;
pub(crate) mod replication;
mod source;
mod update;

pub(crate) use profile::normalise as normalise_profile;
pub(crate) use replication::{RegionCopy, VersionFacts};

/// Why an image id leads to no version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageMissing {
    /// Neither a version nor a definition has that id.
    #[error("no gallery image or version has the id {id:?}")]
    NotFound {
        /// The id as asked for.
        id: String,
    },
    /// The definition has no version that is complete in that region and not excluded from latest.
    #[error("the gallery image {id:?} has no version that is available in {region}")]
    NoVersion {
        /// The definition's id as asked for.
        id: String,
        /// The region, normalised.
        region: String,
    },
}

impl Compute {
    /// What Batch sees of an image: of that version, or of the latest of a definition in a region.
    ///
    /// Latest is the highest number among versions that are complete in the region and not excluded from
    /// latest, there or everywhere.
    ///
    /// # Errors
    ///
    /// Returns an error when the id names nothing, or a definition without a version for the region.
    pub fn image_version(&self, id: &str, region: &str, now: Timestamp) -> Result<ImageVersionView, ImageMissing> {
        let missing = || ImageMissing::NotFound { id: id.to_owned() };
        let path = ArmPath::parse(id).ok_or_else(missing)?;
        match Kind::parse(&path.kind()) {
            Some(Kind::Version) => {
                let item = self.versions.find(&path.key());
                let item = item.or_else(|| self.soft_deleted.consumable(&path.key(), now));
                let item = item.ok_or_else(missing)?;
                self.image_view(item, now).ok_or_else(missing)
            }
            Some(Kind::Definition) => {
                self.definitions.find(&path.key()).ok_or_else(missing)?;
                let region = region::normalise(region);
                let latest = self.latest(&path.key(), &region, now);
                latest
                    .and_then(|item| self.image_view(item, now))
                    .ok_or(ImageMissing::NoVersion {
                        id: id.to_owned(),
                        region,
                    })
            }
            _ => Err(missing()),
        }
    }

    fn latest(&self, definition: &str, region: &str, now: Timestamp) -> Option<&Item<VersionFacts>> {
        let prefix = format!("{definition}/");
        self.versions
            .iter()
            .filter(|item| item.id.to_lowercase().starts_with(&prefix) && !item.failed)
            .filter(|item| !item.is(Doing::Creating) && !item.is(Doing::Deleting))
            .filter(|item| !profile::is_excluded(&item.body, region) && item.facts.is_complete(region, now))
            .max_by_key(|item| name::parse_version(item.name()))
    }

    fn image_view(&self, item: &Item<VersionFacts>, now: Timestamp) -> Option<ImageVersionView> {
        let parent = ArmPath::parse(&item.id)?.parent()?;
        let definition = self.definitions.find(&parent.key())?;
        let text = |pointer: &str| definition.property(pointer).unwrap_or_default().to_owned();
        let luns = edit::list(&item.body, "/properties/storageProfile/dataDiskImages")
            .iter()
            .filter_map(|disk| disk.get("lun").and_then(Value::as_u64))
            .filter_map(|lun| u32::try_from(lun).ok());
        Some(ImageVersionView {
            id: item.id.clone(),
            provisioning_state: item.provisioning_state().to_owned(),
            os_type: text("/osType"),
            os_state: text("/osState"),
            hyper_v_generation: text("/hyperVGeneration"),
            architecture: text("/architecture"),
            security_type: feature::of(&definition.body, "SecurityType").map(str::to_owned),
            disk_controllers: feature::of(&definition.body, "DiskControllerTypes").map(str::to_owned),
            has_purchase_plan: definition.property("/purchasePlan/name").is_some(),
            data_disk_luns: luns.collect(),
            complete_regions: item.facts.complete_regions(now),
        })
    }
}

/// Everything on a version's own path.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.versions.find(&path.key());
    match (&call.request.method, item) {
        (&Method::GET, Some(item)) => Ok(Response::json(StatusCode::OK, &shown(item, call))),
        (&Method::PUT, None) if parts.compute.soft_deleted.contains(&path.key()) => {
            soft_delete::restore(parts, call, path)
        }
        (&Method::PUT, None) => create::create(parts, call, path),
        (&Method::PUT, Some(item)) if item.failed && !item.is_busy() && item.facts.was_never_made() => {
            create::recreate(parts, call, path)
        }
        (&Method::PUT | &Method::PATCH, Some(_)) => update::update(parts, call, path),
        (&Method::DELETE, Some(_)) => remove(parts, call, path),
        (&Method::DELETE, None) => Ok(soft_delete::purge(parts, call, path)),
        (&(Method::GET | Method::PATCH), None) => {
            path.parent().map_or(Ok(()), |parent| require_parent(parts, &parent))?;
            Err(missing(path))
        }
        _ => Err(unsupported(call.request)),
    }
}

fn shown(item: &Item<VersionFacts>, call: &Call<'_>) -> Value {
    let expand = call.request.query("$expand").unwrap_or_default();
    if expand.eq_ignore_ascii_case("ReplicationStatus") {
        return expanded_view(item, call.now);
    }
    let mut view = item.view(&Kind::Version.type_name());
    if let Some(security) = item
        .facts
        .security
        .clone()
        .filter(|_| expand.eq_ignore_ascii_case("UefiSettings"))
    {
        edit::set(&mut view, &["properties", "securityProfile"], security);
    }
    view
}

/// The version with its replication, which only `$expand=ReplicationStatus` shows.
pub(super) fn expanded_view(item: &Item<VersionFacts>, now: Timestamp) -> Value {
    let mut view = item.view(&Kind::Version.type_name());
    edit::set(&mut view, &["properties", "replicationStatus"], item.facts.status(now));
    view
}

fn remove(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    if let Some(item) = parts.compute.versions.find(&path.key()) {
        let pointer = "/properties/safetyProfile/blockDeletionBeforeEndOfLife";
        let blocked = item.body.pointer(pointer).and_then(Value::as_bool) == Some(true);
        let ends = item
            .property("/publishingProfile/endOfLifeDate")
            .and_then(|date| date.parse::<Timestamp>().ok());
        if blocked && ends.is_some_and(|ends| ends > call.now) {
            let message = "The gallery image version cannot be deleted before its end of life date, as \
                           'blockDeletionBeforeEndOfLife' is set.";
            return Err(ArmError::conflict("OperationNotAllowed", message));
        }
    }
    let seconds = parts.engine.timing.seconds.version_delete;
    let over = call.now + parts.engine.timing.lasts(seconds);
    let retention = (!soft_delete::is_for_good(call))
        .then(|| soft_delete::retention(parts.compute, &parts.engine.timing, path, over))
        .flatten();
    if let Some(item) = parts.compute.versions.find_mut(&path.key()) {
        item.facts.retention = retention;
    }
    Ok(resource::delete(
        &mut parts.compute.versions,
        parts.engine,
        call,
        path,
        (Form::Gallery, seconds),
    ))
}

/// Makes every version fail that is still being made from the resource with that key, as it is going away.
pub(crate) fn fail_copies_of(parts: &mut Parts<'_>, key: &str, now: Timestamp) {
    let copying =
        |item: &Item<VersionFacts>| item.is(Doing::Creating) && item.facts.sources.iter().any(|source| source == key);
    let broken: Vec<(String, String)> = parts
        .compute
        .versions
        .iter()
        .filter(|item| copying(item))
        .filter_map(|item| Some((item.id.to_lowercase(), item.change.as_ref()?.operation.clone())))
        .collect();
    let missing = source::not_found(key);
    let failure = Failure {
        code: missing.code().to_owned(),
        message: missing.message().to_owned(),
    };
    for (version, operation) in broken {
        parts.engine.operations.fail(&operation, now, failure.clone());
        if let Some(item) = parts.compute.versions.find_mut(&version) {
            item.facts.fail_unfinished(now);
        }
    }
}

/// A version that was there before the emulator started: complete in all its regions.
pub(crate) fn seeded(id: String, body: Value, targets: &[profile::Target], now: Timestamp) -> Item<VersionFacts> {
    let copies = targets.iter().map(|target| RegionCopy::complete(target, now)).collect();
    Item::new(
        id,
        body,
        VersionFacts {
            copies,
            sources: Vec::new(),
            plan: None,
            security: None,
            retention: None,
        },
    )
}

/// The storage profile of a version whose source is not known any more.
pub(crate) fn seeded_storage(luns: &[u32]) -> Value {
    let data: Vec<Value> = luns
        .iter()
        .map(|lun| json!({"lun": lun, "sizeInGB": 32, "hostCaching": "None", "source": {}}))
        .collect();
    json!({"osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {}}, "dataDiskImages": data})
}
