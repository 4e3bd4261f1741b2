//! Deleted versions that a gallery with soft deletion keeps: first usable by their number, then only restorable.
//!
//! Restoring them is not done here.

use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    api::Api,
    clock::to_second,
    ids::{VersionNumber, resource::ImageDefinitionId},
    json,
    request::Request,
};

/// A version that was deleted and is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SoftDeleted {
    /// Its number, which cannot be used again.
    pub number: VersionNumber,
    /// Until when nodes can be made from it by its exact id; it is never latest. Absent when Azure does not say.
    pub usable_until: Option<Timestamp>,
    /// When it is gone for good; until then it can be restored.
    pub gone_at: Option<Timestamp>,
}

/// What can still be done with a deleted version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nodes can be made from it by its exact id, and it can be restored.
    Usable,
    /// It can be restored.
    Restorable,
    /// Nothing.
    Gone,
}

impl SoftDeleted {
    /// Which phase it is in.
    #[must_use]
    pub fn phase(&self, now: Timestamp) -> Phase {
        match (self.usable_until, self.gone_at) {
            (Some(until), _) if now < until => Phase::Usable,
            (_, Some(until)) if now >= until => Phase::Gone,
            _ => Phase::Restorable,
        }
    }

    /// Reads one item of the list; nothing when its name is not a number.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let time = |pointer| json::time(item, pointer).map(to_second);
        Some(Self {
            number: json::text(item, "/name")?.parse().ok()?,
            usable_until: time("/properties/consumptionEndTime"),
            gone_at: time("/properties/hardDeletionTargetTime"),
        })
    }
}

/// The request that lists a definition's soft-deleted versions.
#[must_use]
pub fn list(id: &ImageDefinitionId) -> Request {
    let (gallery, name) = (id.gallery(), id.name());
    Request::arm(
        Method::GET,
        format!("{gallery}/softDeletedArtifactTypes/Images/artifacts/{name}/versions"),
        Api::Galleries,
        format!("list the soft-deleted versions of {name}"),
    )
}
