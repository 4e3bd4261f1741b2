//! Flow 1, from a machine to an image version.
//!
//! (The flow itself follows; these are the values it ends with.)

use serde::Serialize;

pub use crate::run::StepTime;
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{
        Location, VersionNumber,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    settings::PublishSettings,
};

/// What a publish has reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Published {
    /// The version.
    pub version: ImageVersionId,
    /// Its number.
    pub number: VersionNumber,
    /// Its definition.
    pub definition: ImageDefinitionId,
    /// Of what it was made, as a sentence.
    pub source: String,
    /// The fingerprint of the source, as in the tags.
    pub fingerprint: String,
    /// Whether this run created it; `false` when it was there already with this fingerprint.
    pub is_new: bool,
    /// `Linux` or `Windows`.
    pub os_type: String,
    /// `V1` or `V2`.
    pub hyper_v_generation: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// `Standard`, `TrustedLaunch`, …
    pub security_type: String,
    /// LUNs of its data disks.
    pub data_disk_luns: Vec<u8>,
    /// Its regions.
    pub regions: Vec<PublishedRegion>,
    /// Temporaries that are left, with the reason.
    pub kept: Vec<Kept>,
    /// How long each step took.
    pub steps: Vec<StepTime>,
}

/// A region of a published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublishedRegion {
    /// The region.
    pub location: Location,
    /// Its replicas.
    pub replicas: u32,
    /// The service's word, `Completed` when it is usable.
    pub state: String,
}

/// A resource that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Why it is left.
    pub why: String,
}

/// What a publish would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishPlan {
    /// The version it would make or complete.
    pub version: ImageVersionId,
    /// One line for each thing that would be created, changed or removed, in order; empty when nothing would.
    pub changes: Vec<String>,
    /// The replica formula of each region.
    pub replicas: Vec<String>,
}

/// Publishes.
///
/// # Errors
/// When a check refuses, Azure fails, or the run ends; what it leaves is told in events and in the hint.
pub async fn run(_client: &Client, _settings: &PublishSettings) -> Result<Published> {
    Err(Error::new(ErrorKind::Refused, "not built yet"))
}

/// Says what [`run`] would do; writes nothing.
///
/// # Errors
/// As [`run`], for what can be known without writing.
pub async fn plan(_client: &Client, _settings: &PublishSettings) -> Result<PublishPlan> {
    Err(Error::new(ErrorKind::Refused, "not built yet"))
}
