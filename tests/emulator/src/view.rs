//! What Batch sees of an image: the part of a gallery that pools depend on.
//!
//! Batch never reads the compute state any other way, as the two services are strangers in Azure too.

/// A gallery image version, or the latest of a definition, as Batch sees it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageVersionView {
    /// The version's full id, in the casing it was created with.
    pub id: String,
    /// `Creating`, `Updating`, `Succeeded`, `Failed`, `Deleting`.
    pub provisioning_state: String,
    /// The definition's `Linux` or `Windows`.
    pub os_type: String,
    /// The definition's `Generalized` or `Specialized`.
    pub os_state: String,
    /// `V1` or `V2`.
    pub hyper_v_generation: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// The definition's `SecurityType` feature, if any.
    pub security_type: Option<String>,
    /// The definition's `DiskControllerTypes` feature, if any, e.g. `SCSI, NVMe`.
    pub disk_controllers: Option<String>,
    /// Whether the definition carries a purchase plan.
    pub has_purchase_plan: bool,
    /// LUNs of the image's data disks.
    pub data_disk_luns: Vec<u32>,
    /// The regions whose replication is complete, normalised (`eastus2`), with their replica counts.
    pub complete_regions: Vec<(String, u32)>,
}

impl ImageVersionView {
    /// Whether its machines can boot from an NVMe controller.
    #[must_use]
    pub fn boots_from_nvme(&self) -> bool {
        let controllers = self.disk_controllers.as_deref().unwrap_or("SCSI");
        controllers
            .split(',')
            .any(|one| one.trim().eq_ignore_ascii_case("NVMe"))
    }
}
