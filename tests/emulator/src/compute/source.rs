//! What disks, snapshots, images and image versions can be made from.
//!
//! It looks sources up and says what they are; whether a target takes them is for the target.

use http::StatusCode;
use serde_json::{Value, json};

use super::{kind::Kind, state::Compute};
use crate::{
    envelope::{ArmError, ArmPath},
    json as edit,
    resource::Item,
};

/// The fields that a copy takes over from its source, under `properties`.
const INHERITED: [&str; 9] = [
    "osType",
    "hyperVGeneration",
    "supportedCapabilities",
    "securityProfile",
    "purchasePlan",
    "encryption",
    "encryptionSettingsCollection",
    "diskSizeGB",
    "diskSizeBytes",
];

/// Where the size of sectors is said.
const SECTOR: &str = "/properties/creationData/logicalSectorSize";

/// The sectors of Premium v2 and Ultra disks that ask for no others, in bytes.
pub(crate) const SECTOR_SIZE: u64 = 4096;

/// A disk or a snapshot that something is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiskSource<'a> {
    pub(super) body: &'a Value,
    location: &'a str,
    pub(super) kind: Kind,
    readiness: Readiness,
}

/// Whether something can be made from a disk or snapshot now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// Access to it is granted to someone.
    Granted,
    /// It is made, but its content still arrives in the background.
    Copying,
    /// It is being changed, or its making failed.
    Unready,
}

impl<'a> DiskSource<'a> {
    /// The disk or snapshot with that id; `None` when there is none or it is being deleted.
    pub(super) fn find(compute: &'a Compute, id: &str) -> Option<Self> {
        let key = ArmPath::parse(id)?.key();
        if let Some(item) = compute.disks.find(&key) {
            let granted = item.facts.grant.is_active();
            return Some(Self::of(item, Kind::Disk, (granted, false)));
        }
        let item = compute.snapshots.find(&key)?;
        let facts = &item.facts;
        let state = (facts.grant.is_active(), facts.is_copying());
        Some(Self::of(item, Kind::Snapshot, state))
    }

    fn of<F>(item: &'a Item<F>, kind: Kind, (granted, copying): (bool, bool)) -> Self {
        let readiness = match (item.is_busy() || item.failed, copying, granted) {
            (true, ..) => Readiness::Unready,
            (false, true, _) => Readiness::Copying,
            (false, false, true) => Readiness::Granted,
            (false, false, false) => Readiness::Ready,
        };
        Self {
            body: &item.body,
            location: edit::text(&item.body, "/location").unwrap_or_default(),
            kind,
            readiness,
        }
    }

    /// Whether its content is there: it is made and nothing changes it.
    pub(super) fn is_ready(&self) -> bool {
        !matches!(self.readiness, Readiness::Unready | Readiness::Copying)
    }

    /// The source of a `Copy`; some clients put its id into `sourceUri`.
    pub(super) fn find_copied(compute: &'a Compute, body: &Value, target: &str) -> Result<Self, ArmError> {
        let source = Self::find_named(compute, body)?;
        if !crate::region::normalise(source.location).eq_ignore_ascii_case(target) {
            let message = format!(
                "The source resource is in location '{}'; a copy must be in the same location, not in '{target}'.",
                source.location
            );
            return Err(ArmError::invalid_parameter("creationData.sourceResourceId", message));
        }
        Ok(source)
    }

    /// The source of any copy, wherever it is.
    pub(super) fn find_named(compute: &'a Compute, body: &Value) -> Result<Self, ArmError> {
        let id = edit::text(body, "/properties/creationData/sourceResourceId")
            .or_else(|| edit::text(body, "/properties/creationData/sourceUri"))
            .ok_or_else(|| {
                let message = "Required parameter 'creationData.sourceResourceId' is missing (null).";
                ArmError::invalid_parameter("creationData.sourceResourceId", message)
            })?;
        let source = Self::find(compute, id).ok_or_else(|| source_missing(id))?;
        if source.readiness == Readiness::Granted {
            let message = format!("The source '{id}' has an active access grant; end it first.");
            return Err(ArmError::conflict("OperationNotAllowed", message));
        }
        if source.readiness == Readiness::Copying {
            let message = format!(
                "The source '{id}' is still being filled by a background copy. Wait until its completionPercent is \
                 100."
            );
            return Err(ArmError::conflict("OperationNotAllowed", message));
        }
        if !source.is_ready() {
            let message =
                format!("The source '{id}' is not ready: another operation on it is in progress or it has failed.");
            return Err(ArmError::conflict("OperationNotAllowed", message));
        }
        Ok(source)
    }

    /// What a copy takes over.
    pub(super) fn inherited(&self) -> Value {
        let mut inherited = json!({"properties": {}});
        for field in INHERITED {
            if let Some(value) = self.body.pointer(&format!("/properties/{field}")) {
                edit::set(&mut inherited, &["properties", field], value.clone());
            }
        }
        if let Some(id) = edit::text(self.body, "/properties/uniqueId") {
            edit::set(
                &mut inherited,
                &["properties", "creationData", "sourceUniqueId"],
                json!(id),
            );
        }
        if let Some(size) = self.body.pointer(SECTOR) {
            edit::set(
                &mut inherited,
                &["properties", "creationData", "logicalSectorSize"],
                size.clone(),
            );
        }
        inherited
    }

    /// Whether its sectors are of 4,096 bytes, which only Premium v2 and Ultra disks have.
    pub(super) fn has_large_sectors(&self) -> bool {
        self.body.pointer(SECTOR).and_then(Value::as_u64) == Some(SECTOR_SIZE)
    }

    /// A text under the source's `properties`.
    pub(super) fn property(&self, pointer: &str) -> Option<&'a str> {
        edit::text(self.body, &format!("/properties{pointer}"))
    }

    /// The region, as the resource shows it.
    pub(super) fn location(&self) -> &'a str {
        self.location
    }
}

/// 404 about a source, in ARM's words.
pub(super) fn source_missing(id: &str) -> ArmError {
    match ArmPath::parse(id) {
        Some(path) if !path.parts.is_empty() => super::state::missing(&path),
        _ => ArmError::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("The source '{id}' was not found."),
        ),
    }
}

/// Refuses an update that would make a disk or snapshot from something else.
pub(super) fn require_same_creation_data(old: &Value, new: &Value) -> Result<(), ArmError> {
    for field in ["createOption", "sourceResourceId", "sourceUri"] {
        let pointer = format!("/properties/creationData/{field}");
        let (old, new) = (edit::text(old, &pointer), edit::text(new, &pointer));
        if new.is_some_and(|new| old.is_none_or(|old| !old.eq_ignore_ascii_case(new))) {
            return Err(ArmError::property_change(&format!("creationData.{field}")));
        }
    }
    let incremental = |body: &Value| body.pointer("/properties/incremental").and_then(Value::as_bool);
    if incremental(new).is_some_and(|new| new != incremental(old).unwrap_or(false)) {
        return Err(ArmError::property_change("snapshot.incremental"));
    }
    Ok(())
}
