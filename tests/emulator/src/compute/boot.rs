//! What a VM boots from: a platform image, a managed image, or a version in a gallery, also one of others.
//!
//! It finds the image and says what it is; whether a VM may have it is for the VM.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::{kind::Kind, marketplace::Platform, plan::PurchasePlan, shared, source, state::Compute};
use crate::{
    envelope::{ArmError, ArmPath},
    json as edit,
};

/// Which disk controllers the machines of an image can boot from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controllers {
    Scsi,
    ScsiAndNvme,
}

/// What an image makes of a VM.
#[derive(Clone, Debug)]
pub(super) struct Boot {
    pub(super) os_type: String,
    pub(super) generation: String,
    pub(super) architecture: String,
    /// Whether machines come up as they were, with their users.
    pub(super) is_specialized: bool,
    pub(super) controllers: Controllers,
    pub(super) size_gb: u32,
    /// LUN and size of each data disk.
    pub(super) data: Vec<(u32, u32)>,
    /// The version that `latest` led to.
    pub(super) exact_version: Option<String>,
    /// The purchase plan that machines must name.
    pub(super) plan: Option<PurchasePlan>,
}

impl Boot {
    /// The image that an `imageReference` names, for a VM in that region.
    pub(super) fn find(compute: &Compute, reference: &Value, location: &str, now: Timestamp) -> Result<Self, ArmError> {
        let of_others = ["/sharedGalleryImageId", "/communityGalleryImageId"];
        if let Some(id) = of_others.iter().find_map(|pointer| edit::text(reference, pointer)) {
            let own = shared::resource_id(compute, id).ok_or_else(|| source::source_missing(id))?;
            return Self::from_gallery(compute, &own, location, now);
        }
        let Some(id) = edit::text(reference, "/id") else {
            return Self::from_platform(reference);
        };
        let path = ArmPath::parse(id).ok_or_else(|| source::source_missing(id))?;
        match Kind::parse(&path.kind()) {
            Some(Kind::Image) => Self::from_image(compute, id, location),
            Some(Kind::Definition | Kind::Version) => Self::from_gallery(compute, id, location, now),
            _ => {
                let message = format!("The value '{id}' of parameter 'imageReference.id' is invalid.");
                Err(ArmError::invalid_parameter("imageReference.id", message))
            }
        }
    }

    fn from_platform(reference: &Value) -> Result<Self, ArmError> {
        let (platform, version) = Platform::find(reference)?;
        Ok(Self {
            os_type: platform.os.to_owned(),
            generation: platform.generation.to_owned(),
            architecture: platform.architecture.to_owned(),
            is_specialized: false,
            controllers: if platform.generation == "V2" {
                Controllers::ScsiAndNvme
            } else {
                Controllers::Scsi
            },
            size_gb: platform.size_gb,
            data: Vec::new(),
            exact_version: Some(version.to_owned()),
            plan: platform.plan(),
        })
    }

    fn from_image(compute: &Compute, id: &str, location: &str) -> Result<Self, ArmError> {
        let image = compute.images.find(&id.to_lowercase());
        let image = image.filter(|image| image.location() == location && !image.is_busy() && !image.failed);
        let image = image.ok_or_else(|| source::source_missing(id))?;
        let profile = image.body.pointer("/properties/storageProfile");
        let profile = profile.cloned().unwrap_or_default();
        let text = |pointer: &str| edit::text(&profile, pointer).map(str::to_owned);
        Ok(Self {
            os_type: text("/osDisk/osType").unwrap_or_else(|| "Linux".to_owned()),
            generation: image.property("/hyperVGeneration").unwrap_or("V1").to_owned(),
            architecture: "x64".to_owned(),
            is_specialized: text("/osDisk/osState").is_some_and(|state| state == "Specialized"),
            // A managed image cannot say that it takes others.
            controllers: Controllers::Scsi,
            size_gb: number(&profile, "/osDisk/diskSizeGB").unwrap_or(30),
            data: disks(edit::list(&profile, "/dataDisks"), "/diskSizeGB"),
            exact_version: None,
            plan: image.facts.plan.clone(),
        })
    }

    fn from_gallery(compute: &Compute, id: &str, location: &str, now: Timestamp) -> Result<Self, ArmError> {
        let version = compute.image_version(id, location, now);
        let version =
            version.map_err(|missing| ArmError::new(StatusCode::NOT_FOUND, "NotFound", missing.to_string()))?;
        if !version.complete_regions.iter().any(|(region, _)| region == location) {
            let message = format!(
                "The gallery image {} is not available in {location} region.",
                version.id
            );
            let message = format!("{message} Please contact image owner to replicate to this region.");
            return Err(ArmError::new(StatusCode::NOT_FOUND, "GalleryImageNotFound", message));
        }
        let controllers = if version.boots_from_nvme() {
            Controllers::ScsiAndNvme
        } else {
            Controllers::Scsi
        };
        let parent = ArmPath::parse(&version.id).and_then(|path| path.parent());
        let parent = parent.and_then(|parent| compute.definitions.find(&parent.key()));
        let item = compute.versions.find(&version.id.to_lowercase());
        let profile = item.and_then(|item| item.body.pointer("/properties/storageProfile"));
        let profile = profile.cloned().unwrap_or_default();
        Ok(Self {
            os_type: version.os_type,
            generation: version.hyper_v_generation,
            architecture: version.architecture,
            is_specialized: version.os_state == "Specialized",
            controllers,
            size_gb: number(&profile, "/osDiskImage/sizeInGB").unwrap_or(30),
            data: disks(edit::list(&profile, "/dataDiskImages"), "/sizeInGB"),
            exact_version: version.id.rsplit('/').next().map(str::to_owned),
            plan: item
                .zip(parent)
                .and_then(|(item, parent)| item.facts.plan_of(&parent.body)),
        })
    }
}

fn disks(entries: &[Value], size: &str) -> Vec<(u32, u32)> {
    entries
        .iter()
        .filter_map(|entry| Some((number(entry, "/lun")?, number(entry, size).unwrap_or_default())))
        .collect()
}

/// A whole number at a JSON pointer.
pub(super) fn number(value: &Value, pointer: &str) -> Option<u32> {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .and_then(|number| u32::try_from(number).ok())
}
