//! What a publish has reached, and what one would do, as its callers get it.
//!
//! Nothing is decided here.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    check::Check,
    cost::{Stored, StoredCost},
    machine::Machine,
    observe::Seen,
    origin::NodeAgent,
    plan::Goal,
    step::Step,
};
use crate::{
    compute::{
        gallery::ImageDefinition,
        version::{self, ImageVersion},
    },
    ids::{
        Location, VersionNumber,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    mount,
    plan::Plan,
    settings::{Lun, PublishSettings},
    tags::Tag,
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
    /// The id of the image that its machine was made from, where Azure shows it.
    pub source_image: Option<String>,
    /// The fingerprint of the source, as in the tags.
    pub fingerprint: String,
    /// How it came to be the result.
    pub outcome: Outcome,
    /// `Linux` or `Windows`.
    pub os_type: String,
    /// `V1` or `V2`.
    pub hyper_v_generation: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// The definition's word: `Standard`, `TrustedLaunch`, `TrustedLaunchSupported`, …
    pub security_type: String,
    /// LUNs of its data disks.
    pub data_disk_luns: Vec<u8>,
    /// Its regions.
    pub regions: Vec<PublishedRegion>,
    /// The marketplace image that it was made of in the end, as `publisher:offer:sku:version`, where that is known.
    pub base_image: Option<String>,
    /// The node agent that runs on it, where that is known.
    pub node_agent: Option<NodeAgent>,
    /// What is still to be done: nothing, unless the run was not to wait. The same run again does it.
    pub remaining: Plan<Step>,
    /// A script for a pool's start task that mounts the image's data disks; none for an image without.
    pub mount_script: Option<String>,
    /// The end of what the test of this run wrote, when there was one.
    pub test_output: Option<String>,
}

/// How a version came to be the result of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// This run created it.
    Created,
    /// It was there already, made of the same source.
    Found,
    /// It was there already and was named as the source; its regions, dates and tags were completed.
    Adopted,
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

/// What a publish would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishPlan {
    /// The version it would make or complete.
    pub version: ImageVersionId,
    /// The steps that would be taken, in order, and what they need.
    #[serde(rename = "plan")]
    pub steps: Plan<Step>,
    /// The marketplace image that the source was made of in the end, as `publisher:offer:sku:version`, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_image: Option<String>,
    /// The node agent that runs on it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_agent: Option<NodeAgent>,
    /// What was checked of the source.
    pub checks: Vec<Check>,
    /// The last of these steps: a run that ends with Azure's acceptance leaves them. Empty when it waits.
    pub left: Vec<Step>,
    /// The replica formula of each region.
    pub replicas: Vec<String>,
    /// What its replicas store, which is what they cost.
    pub stored: Stored,
    /// What that costs, where the user's own prices were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<StoredCost>,
    /// When its life ends, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<Timestamp>,
    /// One line for each pool in sight that takes the version by itself once it is latest.
    pub followers: Vec<String>,
    /// What of it cannot be changed later, so that another choice needs a new version or definition.
    pub permanent: Vec<String>,
    /// A script for a pool's start task that mounts the image's data disks; none for an image without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_script: Option<String>,
}

/// What is known of a run only when it has ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// What is still to be done.
    pub remaining: Plan<Step>,
    /// The end of what its test wrote, when there was one.
    pub test_output: Option<String>,
}

impl PublishPlan {
    /// One line for each thing that would be created, changed or removed, in order; empty when nothing would.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        self.steps.changes().map(ToString::to_string).collect()
    }
}

impl Outcome {
    /// The word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Found => "found",
            Self::Adopted => "adopted",
        }
    }
}

impl PublishedRegion {
    /// Whether the version is usable there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.eq_ignore_ascii_case("Completed")
    }

    /// How far it is there, in words.
    #[must_use]
    pub fn word(&self) -> &str {
        match self.state.as_str() {
            "" => "has not begun",
            state => state,
        }
    }
}

impl From<version::RegionState> for PublishedRegion {
    fn from(region: version::RegionState) -> Self {
        Self {
            location: region.location,
            replicas: region.replicas,
            state: region.state,
        }
    }
}

/// The result.
#[must_use]
pub(super) fn describe(
    settings: &PublishSettings,
    seen: &Seen,
    goal: &Goal,
    (outcome, ending): (Outcome, Ending),
) -> Published {
    let machine = &seen.machine;
    let version = seen.version(&goal.version);
    let regions = version.map(ImageVersion::regions).unwrap_or_default();
    // A version that was adopted may say another one: our tags stay as they are.
    let says = version.and_then(|version| Tag::Fingerprint.read(version.body()));
    Published {
        version: goal.version.clone(),
        number: goal.number.number(),
        definition: settings.definition.clone(),
        source: settings.source.to_string(),
        source_image: match outcome {
            // The source is the version itself.
            Outcome::Adopted => None,
            Outcome::Created | Outcome::Found => machine.made_from().map(str::to_owned),
        },
        fingerprint: says.unwrap_or(goal.fingerprint.as_str()).to_owned(),
        outcome,
        os_type: machine.os_type.clone(),
        hyper_v_generation: machine.generation.clone(),
        architecture: machine.architecture.clone(),
        security_type: security_type(seen.definition.as_ref(), machine),
        data_disk_luns: machine.luns().into_iter().map(Lun::number).collect(),
        regions: regions.into_iter().map(PublishedRegion::from).collect(),
        base_image: seen.base.as_ref().map(ToString::to_string),
        node_agent: seen.agents.inferred.clone(),
        remaining: ending.remaining,
        mount_script: mount::script(&machine.os_type, &machine.luns()),
        test_output: ending.test_output,
    }
}

/// The definition's word for the machines that may boot from it; without a definition that says one, the machine's.
fn security_type(definition: Option<&ImageDefinition>, machine: &Machine) -> String {
    let word = definition.and_then(ImageDefinition::security_type);
    word.unwrap_or(machine.security.as_str()).to_owned()
}
