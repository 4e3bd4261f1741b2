//! Disks, and what a disk and a snapshot of one have in common.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{
        Location,
        resource::{DiskId, ResourceGroupId},
    },
    json,
    request::Request,
};

/// A disk or a snapshot as the service describes it.
#[derive(Clone, Debug)]
pub struct DiskBody(Value);

impl DiskBody {
    /// A disk from its body.
    #[must_use]
    pub const fn new(body: Value) -> Self {
        Self(body)
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        json::text(&self.0, pointer)
    }

    /// Its region.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.text("/location")?.parse().ok()
    }

    /// How much of it Azure has filled in the background, 0 to 100; nothing for what is copied at once.
    #[must_use]
    pub fn completion_percent(&self) -> Option<f64> {
        json::at(&self.0, "/properties/completionPercent").as_f64()
    }

    /// Its storage type, e.g. `Premium_LRS`.
    #[must_use]
    pub fn sku(&self) -> &str {
        self.text("/sku/name").unwrap_or_default()
    }

    /// Its size in GiB.
    #[must_use]
    pub fn size_gib(&self) -> u64 {
        json::number(&self.0, "/properties/diskSizeGB").unwrap_or_default()
    }

    /// `Linux` or `Windows`; a data disk has none.
    #[must_use]
    pub fn os_type(&self) -> Option<&str> {
        self.text("/properties/osType")
    }

    /// `V1` or `V2`; a data disk has none.
    #[must_use]
    pub fn hyper_v_generation(&self) -> Option<&str> {
        self.text("/properties/hyperVGeneration")
    }

    /// `x64` or `Arm64`, where the service says it.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        self.text("/properties/supportedCapabilities/architecture")
    }

    /// The disk controllers that its operating system supports, such as `SCSI, NVMe`, where the service says it.
    #[must_use]
    pub fn controller_types(&self) -> Option<&str> {
        self.text("/properties/supportedCapabilities/diskControllerTypes")
    }

    /// Whether its operating system supports accelerated networking, where the service says it.
    #[must_use]
    pub fn accelerated_network(&self) -> Option<bool> {
        json::at(&self.0, "/properties/supportedCapabilities/acceleratedNetwork").as_bool()
    }

    /// Whether its operating system supports hibernation, where the service says it.
    #[must_use]
    pub fn hibernation(&self) -> Option<bool> {
        json::at(&self.0, "/properties/supportsHibernation").as_bool()
    }

    /// `TrustedLaunch` or one of the `ConfidentialVM_…` words; absent for a standard disk.
    #[must_use]
    pub fn security_type(&self) -> Option<&str> {
        self.text("/properties/securityProfile/securityType")
    }

    /// The id of the image that it was made from: of the Marketplace, a managed image or a gallery's, also of others.
    #[must_use]
    pub fn made_from(&self) -> Option<&str> {
        let references = [
            "imageReference/id",
            "galleryImageReference/id",
            "galleryImageReference/sharedGalleryImageId",
            "galleryImageReference/communityGalleryImageId",
        ];
        let mut texts = references
            .into_iter()
            .map(|at| self.text(&format!("/properties/creationData/{at}")));
        texts.find_map(|text| text)
    }

    /// The id that the service never gives twice.
    #[must_use]
    pub fn unique_id(&self) -> &str {
        self.text("/properties/uniqueId").unwrap_or_default()
    }

    /// When the disk last changed hands: attached, detached, its VM started or deallocated.
    #[must_use]
    pub fn last_ownership_update(&self) -> &str {
        self.text("/properties/LastOwnershipUpdateTime").unwrap_or_default()
    }

    /// Whether Azure Disk Encryption is on.
    #[must_use]
    pub fn has_guest_encryption(&self) -> bool {
        json::at(&self.0, "/properties/encryptionSettingsCollection/enabled").as_bool() == Some(true)
    }

    /// The disk encryption set, if it has one.
    #[must_use]
    pub fn encryption_set(&self) -> Option<&str> {
        self.text("/properties/encryption/diskEncryptionSetId")
    }

    /// Its purchase plan as it stands.
    #[must_use]
    pub fn plan(&self) -> Option<&Value> {
        json::at(&self.0, "/properties/purchasePlan")
            .as_object()
            .map(|_| json::at(&self.0, "/properties/purchasePlan"))
    }

    /// The ids of the images it was made from: of the marketplace's, else of a gallery's.
    #[must_use]
    pub fn image_id(&self) -> Option<&str> {
        let of = |pointer| self.text(pointer);
        of("/properties/creationData/imageReference/id")
            .or_else(|| of("/properties/creationData/galleryImageReference/id"))
    }

    /// The id of the disk or snapshot that it is a copy of.
    #[must_use]
    pub fn copied_from(&self) -> Option<&str> {
        self.text("/properties/creationData/sourceResourceId")
    }

    /// What it was made of, as the service shows it.
    #[must_use]
    pub fn creation(&self) -> &Value {
        json::at(&self.0, "/properties/creationData")
    }

    /// The edge zone that it lies in.
    #[must_use]
    pub fn edge_zone(&self) -> Option<&str> {
        self.text("/extendedLocation/name")
    }

    /// How many machines may use it at one time.
    #[must_use]
    pub fn max_shares(&self) -> u64 {
        json::number(&self.0, "/properties/maxShares").unwrap_or(1)
    }

    /// The bytes of a sector: 512, or 4096 on the kinds of disks that have such.
    #[must_use]
    pub fn sector_size(&self) -> u64 {
        json::number(&self.0, "/properties/creationData/logicalSectorSize").unwrap_or(512)
    }

    /// Whether a machine that is allocated uses it now.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.text("/properties/diskState")
            .is_some_and(|state| state.eq_ignore_ascii_case("Attached"))
    }
}

/// The request that reads a disk.
#[must_use]
pub fn get(id: &DiskId) -> Request {
    Request::arm(Method::GET, id, Api::Disks, format!("read disk {}", id.name()))
}

/// The request that lists a group's disks.
#[must_use]
pub fn list(group: &ResourceGroupId) -> Request {
    let path = format!("{group}/providers/Microsoft.Compute/disks");
    Request::arm(
        Method::GET,
        path,
        Api::Disks,
        format!("list the disks in {}", group.name()),
    )
}
