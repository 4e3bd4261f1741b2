//! Virtual machines: what is read of one and its instance view, and the two actions a publish may take.
//!
//! Whether an action is allowed is the flow's decision.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{
        Location,
        resource::{ResourceGroupId, VmId},
    },
    json,
    request::Request,
};

/// A virtual machine as the service describes it.
#[derive(Clone, Debug)]
pub struct Vm {
    body: Value,
}

/// A disk as its VM sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedDisk {
    /// The managed disk's id; `None` for an unmanaged one.
    pub id: Option<String>,
    /// The LUN of a data disk.
    pub lun: Option<u32>,
    /// The host cache, in the service's word.
    pub caching: Option<String>,
}

impl Vm {
    /// A VM from its body.
    #[must_use]
    pub const fn new(body: Value) -> Self {
        Self { body }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        json::text(&self.body, pointer)
    }

    /// The id that distinguishes this machine from another one of the same name.
    #[must_use]
    pub fn vm_id(&self) -> &str {
        self.text("/properties/vmId").unwrap_or_default()
    }

    /// Its region.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.text("/location")?.parse().ok()
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> &str {
        self.text("/properties/hardwareProfile/vmSize").unwrap_or_default()
    }

    /// `Standard`, `TrustedLaunch` or `ConfidentialVM`; absent means the first.
    #[must_use]
    pub fn security_type(&self) -> &str {
        self.text("/properties/securityProfile/securityType")
            .unwrap_or("Standard")
    }

    /// `V1` or `V2`, which only the instance view has.
    #[must_use]
    pub fn hyper_v_generation(&self) -> Option<&str> {
        self.text("/properties/instanceView/hyperVGeneration")
    }

    /// `SCSI` or `NVMe`, where the service says it.
    #[must_use]
    pub fn disk_controller(&self) -> Option<&str> {
        self.text("/properties/storageProfile/diskControllerType")
    }

    /// Its OS type.
    #[must_use]
    pub fn os_type(&self) -> Option<&str> {
        self.text("/properties/storageProfile/osDisk/osType")
    }

    /// The part after `PowerState/`, e.g. `deallocated`; `unknown` without an instance view.
    #[must_use]
    pub fn power_state(&self) -> &str {
        self.statuses()
            .find_map(|code| code.strip_prefix("PowerState/"))
            .unwrap_or("unknown")
    }

    /// The service's word for its last change: `Succeeded`, `Updating`, `Failed`.
    #[must_use]
    pub fn provisioning_state(&self) -> &str {
        self.text("/properties/provisioningState").unwrap_or("Succeeded")
    }

    /// Whether its memory was saved when it was deallocated.
    #[must_use]
    pub fn is_hibernated(&self) -> bool {
        self.statuses()
            .any(|code| code.eq_ignore_ascii_case("HibernationState/Hibernated"))
    }

    /// The edge zone that it lies in.
    #[must_use]
    pub fn edge_zone(&self) -> Option<&str> {
        json::text(&self.body, "/extendedLocation/name")
    }

    /// LUNs of data disks that are being detached.
    #[must_use]
    pub fn luns_going(&self) -> Vec<u64> {
        let going = |disk: &&Value| json::at(disk, "/toBeDetached").as_bool() == Some(true);
        let disks = json::items(&self.body, "/properties/storageProfile/dataDisks").filter(going);
        disks.filter_map(|disk| json::number(disk, "/lun")).collect()
    }

    /// Whether it is marked as generalized.
    #[must_use]
    pub fn is_generalized(&self) -> bool {
        self.statuses()
            .any(|code| code.eq_ignore_ascii_case("OSState/generalized"))
    }

    fn statuses(&self) -> impl Iterator<Item = &str> {
        json::items(&self.body, "/properties/instanceView/statuses").filter_map(|status| json::text(status, "/code"))
    }

    /// Whether its OS disk lives on the host only.
    #[must_use]
    pub fn has_ephemeral_os_disk(&self) -> bool {
        self.text("/properties/storageProfile/osDisk/diffDiskSettings/option")
            .is_some()
    }

    /// Whether Azure Disk Encryption is on for its OS disk, as the VM says.
    #[must_use]
    pub fn has_guest_encryption(&self) -> bool {
        json::at(
            &self.body,
            "/properties/storageProfile/osDisk/encryptionSettings/enabled",
        )
        .as_bool()
            == Some(true)
    }

    /// The names of its extensions.
    #[must_use]
    pub fn extensions(&self) -> Vec<String> {
        json::items(&self.body, "/resources")
            .filter_map(|resource| json::text(resource, "/name"))
            .map(str::to_owned)
            .collect()
    }

    /// Its purchase plan as it stands.
    #[must_use]
    pub fn plan(&self) -> Option<&Value> {
        self.body.get("plan").filter(|plan| plan.is_object())
    }

    /// The reference to the image it was made from.
    #[must_use]
    pub fn image_reference(&self) -> &Value {
        json::at(&self.body, "/properties/storageProfile/imageReference")
    }

    /// The image it was made from, in words.
    #[must_use]
    pub fn base_image(&self) -> Option<String> {
        let reference = json::at(&self.body, "/properties/storageProfile/imageReference");
        let parts: Vec<&str> = ["/publisher", "/offer", "/sku"]
            .into_iter()
            .filter_map(|at| json::text(reference, at))
            .collect();
        let named = (!parts.is_empty()).then(|| parts.join(" "));
        named.or_else(|| json::text(reference, "/id").map(str::to_owned))
    }

    /// Its disks, the OS disk first.
    #[must_use]
    pub fn disks(&self) -> Vec<AttachedDisk> {
        let os = json::at(&self.body, "/properties/storageProfile/osDisk");
        std::iter::once(os)
            .chain(json::items(&self.body, "/properties/storageProfile/dataDisks"))
            .map(AttachedDisk::new)
            .collect()
    }
}

impl AttachedDisk {
    fn new(disk: &Value) -> Self {
        Self {
            id: json::text(disk, "/managedDisk/id").map(str::to_owned),
            lun: json::number(disk, "/lun").and_then(|lun| u32::try_from(lun).ok()),
            caching: json::text(disk, "/caching").map(str::to_owned),
        }
    }
}

/// The request that reads a VM with its instance view: power, generalized state and generation are only there.
#[must_use]
pub fn get(id: &VmId) -> Request {
    Request::arm(
        Method::GET,
        id,
        Api::Machines,
        format!("read virtual machine {}", id.name()),
    )
    .with_query("$expand", "instanceView")
}

/// The request that lists a group's VMs.
#[must_use]
pub fn list(group: &ResourceGroupId) -> Request {
    let path = format!("{group}/providers/Microsoft.Compute/virtualMachines");
    Request::arm(
        Method::GET,
        path,
        Api::Machines,
        format!("list the virtual machines in {}", group.name()),
    )
}

/// The request that deallocates a VM.
#[must_use]
pub fn deallocate(id: &VmId) -> Request {
    let path = format!("{id}/deallocate");
    Request::arm(
        Method::POST,
        path,
        Api::Machines,
        format!("deallocate virtual machine {}", id.name()),
    )
}

/// The request that marks a VM as generalized. It is final.
#[must_use]
pub fn generalize(id: &VmId) -> Request {
    let path = format!("{id}/generalize");
    Request::arm(
        Method::POST,
        path,
        Api::Machines,
        format!("generalize virtual machine {}", id.name()),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn state_is_read_from_the_instance_view() {
        let vm = Vm::new(
            json!({"properties": {"instanceView": {"hyperVGeneration": "V2", "statuses": [
            {"code": "OSState/generalized"}, {"code": "ProvisioningState/succeeded"}, {"code": "PowerState/deallocated"}]}}}),
        );
        assert_eq!(
            (vm.power_state(), vm.is_generalized(), vm.hyper_v_generation()),
            ("deallocated", true, Some("V2"))
        );
        let bare = Vm::new(json!({"properties": {}}));
        assert_eq!(
            (bare.power_state(), bare.is_generalized(), bare.security_type()),
            ("unknown", false, "Standard")
        );
    }

    #[test]
    fn an_unmanaged_disk_has_no_id() {
        let vm = Vm::new(
            json!({"properties": {"storageProfile": {"osDisk": {"vhd": {"uri": "https://x"}}, "dataDisks": [
            {"lun": 3, "caching": "None", "managedDisk": {"id": "/d"}}]}}}),
        );
        let disks = vm.disks();
        assert_eq!(disks[0].id, None);
        assert_eq!((disks[1].lun, disks[1].id.as_deref()), (Some(3), Some("/d")));
    }
}
