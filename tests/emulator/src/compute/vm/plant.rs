//! VMs that are there at once with their disks, as a seed describes them; a VM that is made is first described so.
//!
//! It is complete: its disks are there, its extensions installed, its power state final.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    compute::{
        disk::facts::DiskFacts,
        size::{self, VmSize},
        source::SECTOR_SIZE,
        state::Compute,
        vm::facts::Power,
        vm::facts::VmFacts,
    },
    ids::IdSource,
    json as edit, region,
    resource::Item,
};

/// A VM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VmSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
    /// `Linux` or `Windows`.
    #[serde(default = "linux")]
    pub os_type: String,
    /// `V1` or `V2`.
    #[serde(default = "second_generation")]
    pub generation: String,
    /// `Standard`, `TrustedLaunch` or `ConfidentialVM`.
    #[serde(default = "standard")]
    pub security_type: String,
    /// `x64` or `Arm64`.
    #[serde(default = "x64")]
    pub architecture: String,
    /// The VM size.
    #[serde(default = "usual_size")]
    pub vm_size: String,
    /// Whether it runs, is stopped, or is deallocated.
    #[serde(default)]
    pub power_state: PowerSeed,
    /// Whether it is marked as generalized.
    #[serde(default)]
    pub generalized: bool,
    /// The image it was made from, as Azure writes it.
    #[serde(default)]
    pub image_reference: Option<Value>,
    /// The purchase plan, as Azure writes it.
    #[serde(default)]
    pub plan: Option<Value>,
    /// Extensions: `name`, `publisher`, `type` and whatever else their properties show.
    #[serde(default)]
    pub extensions: Vec<Value>,
    /// The OS disk.
    #[serde(default)]
    pub os_disk: DiskSeed,
    /// Data disks.
    #[serde(default)]
    pub data_disks: Vec<DiskSeed>,
    /// Tags.
    #[serde(default)]
    pub tags: Value,
    /// More fields, merged into the body last: zones, identity, a network profile.
    #[serde(default)]
    pub extra: Value,
}

/// A power state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PowerSeed {
    /// Running.
    #[default]
    Running,
    /// Stopped but still on its host.
    Stopped,
    /// Off its host.
    Deallocated,
}

/// A disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiskSeed {
    /// The name; made from the VM's when absent.
    pub name: Option<String>,
    /// The LUN of a data disk; its place in the list when absent.
    pub lun: Option<u32>,
    /// The size in GiB.
    #[serde(rename = "sizeGB")]
    pub size_gb: u32,
    /// The SKU, e.g. `Premium_LRS`.
    pub sku: String,
    /// `None`, `ReadOnly` or `ReadWrite`.
    pub caching: String,
    /// More properties of the disk resource, e.g. `encryptionSettingsCollection`.
    pub extra: Value,
    /// Whether the OS disk is ephemeral: on the host, without a disk resource.
    pub ephemeral: bool,
    /// The address of the blob that it is, instead of a disk resource.
    pub vhd: Option<String>,
}

impl Default for DiskSeed {
    fn default() -> Self {
        Self {
            name: None,
            lun: None,
            size_gb: 30,
            sku: "Premium_LRS".to_owned(),
            caching: "ReadWrite".to_owned(),
            extra: Value::Null,
            ephemeral: false,
            vhd: None,
        }
    }
}

impl VmSeed {
    /// Puts it there; `base` is the id of its resource group's compute provider.
    ///
    /// # Errors
    ///
    /// Its region is none of Azure's.
    pub(crate) fn plant(
        &self,
        compute: &mut Compute,
        ids: &mut IdSource,
        (base, now): (&str, Timestamp),
    ) -> Result<(), String> {
        if region::display_name(&self.location).is_none() {
            return Err(format!("{:?} is not a region", self.location));
        }
        let id = format!("{base}/virtualMachines/{}", self.name);
        let os_name = self
            .os_disk
            .name
            .clone()
            .unwrap_or_else(|| format!("{}_OsDisk", self.name));
        let mut os = self.attachment(&self.os_disk, &os_name, base);
        edit::merge(&mut os, json!({"osType": self.os_type, "createOption": "FromImage"}));
        if self.os_disk.ephemeral {
            edit::merge(
                &mut os,
                json!({"managedDisk": null, "diffDiskSettings": {"option": "Local", "placement": "CacheDisk"}}),
            );
        } else if self.os_disk.vhd.is_none() {
            compute
                .disks
                .insert(self.disk(ids, (base, now), (&os_name, &self.os_disk, true)));
        }
        let mut data = Vec::new();
        for (position, disk) in self.data_disks.iter().enumerate() {
            let lun = disk.lun.unwrap_or_else(|| u32::try_from(position).unwrap_or_default());
            let name = disk
                .name
                .clone()
                .unwrap_or_else(|| format!("{}_DataDisk_{lun}", self.name));
            let mut attached = self.attachment(disk, &name, base);
            edit::merge(
                &mut attached,
                json!({"lun": lun, "createOption": "Empty", "toBeDetached": false}),
            );
            if disk.vhd.is_none() {
                compute.disks.insert(self.disk(ids, (base, now), (&name, disk, false)));
            }
            data.push(attached);
        }
        let body = self.body(ids, now, (&id, os, data));
        let facts = VmFacts {
            power: match self.power_state {
                PowerSeed::Running => Power::Running,
                PowerSeed::Stopped => Power::Stopped,
                PowerSeed::Deallocated => Power::Deallocated,
            },
            becoming: None,
            generalized: self.generalized,
            generation: self.generation.clone(),
            architecture: self.architecture.clone(),
            created: now,
            revision: 1,
        };
        compute.vms.insert(Item::new(id, body, facts));
        Ok(())
    }

    fn body(&self, ids: &mut IdSource, now: Timestamp, (id, os, data): (&str, Value, Vec<Value>)) -> Value {
        let mut body = json!({
            "location": region::normalise(&self.location),
            "properties": {
                "vmId": ids.guid(),
                "hardwareProfile": {"vmSize": self.vm_size},
                "storageProfile": {"osDisk": os, "dataDisks": data, "diskControllerType": "NVMe"},
                "securityProfile": {"securityType": self.security_type},
                "timeCreated": edit::time(now),
            },
        });
        if !self.is_nvme() {
            edit::remove(&mut body, "/properties/storageProfile", "diskControllerType");
        }
        if self.security_type != "Standard" {
            let settings = json!({"secureBootEnabled": true, "vTpmEnabled": true});
            edit::set(&mut body, &["properties", "securityProfile", "uefiSettings"], settings);
        }
        if let Some(image) = &self.image_reference {
            edit::set(
                &mut body,
                &["properties", "storageProfile", "imageReference"],
                image.clone(),
            );
        }
        edit::set(&mut body, &["plan"], self.plan.clone().unwrap_or_default());
        edit::set(&mut body, &["tags"], self.tags.clone());
        if !self.extensions.is_empty() {
            let shown = self.extensions.iter().map(|extension| self.extension(id, extension));
            edit::set(&mut body, &["resources"], Value::Array(shown.collect()));
        }
        if self.extra.is_object() {
            edit::merge(&mut body, self.extra.clone());
        }
        body
    }

    fn is_nvme(&self) -> bool {
        size::find(&self.vm_size).is_some_and(VmSize::is_nvme)
    }

    fn extension(&self, vm: &str, extension: &Value) -> Value {
        let name = edit::text(extension, "/name").unwrap_or("extension").to_owned();
        let mut properties = extension.clone();
        edit::remove(&mut properties, "", "name");
        edit::set(&mut properties, &["provisioningState"], json!("Succeeded"));
        json!({
            "id": format!("{vm}/extensions/{name}"),
            "name": name,
            "type": "Microsoft.Compute/virtualMachines/extensions",
            "location": region::normalise(&self.location),
            "properties": properties,
        })
    }

    /// A disk as the VM shows it.
    fn attachment(&self, disk: &DiskSeed, name: &str, base: &str) -> Value {
        if let Some(address) = &disk.vhd {
            return json!({"name": name, "caching": disk.caching, "vhd": {"uri": address}, "diskSizeGB": disk.size_gb});
        }
        json!({
            "name": name,
            "caching": disk.caching,
            "managedDisk": {"id": format!("{base}/disks/{name}"), "storageAccountType": disk.sku},
            "diskSizeGB": disk.size_gb,
            "deleteOption": "Detach",
        })
    }

    /// The disk as a resource of its own.
    fn disk(
        &self,
        ids: &mut IdSource,
        (base, now): (&str, Timestamp),
        (name, disk, is_os): (&str, &DiskSeed, bool),
    ) -> Item<DiskFacts> {
        let created = edit::time(now);
        let mut body = json!({
            "location": region::normalise(&self.location),
            "managedBy": format!("{base}/virtualMachines/{}", self.name),
            "sku": {"name": disk.sku, "tier": disk.sku.split('_').next()},
            "properties": {
                "creationData": {"createOption": if is_os { "FromImage" } else { "Empty" }},
                "diskSizeGB": disk.size_gb,
                "diskSizeBytes": u64::from(disk.size_gb) << 30,
                "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
                "networkAccessPolicy": "AllowAll",
                "publicNetworkAccess": "Enabled",
                "timeCreated": created,
                "uniqueId": ids.guid(),
                "LastOwnershipUpdateTime": created,
            },
        });
        if matches!(disk.sku.as_str(), "UltraSSD_LRS" | "PremiumV2_LRS") {
            edit::set(
                &mut body,
                &["properties", "creationData", "logicalSectorSize"],
                json!(SECTOR_SIZE),
            );
        }
        if is_os {
            let mut os = json!({
                "osType": self.os_type,
                "hyperVGeneration": self.generation,
                "supportedCapabilities": {"architecture": self.architecture},
            });
            if self.is_nvme() {
                edit::set(
                    &mut os,
                    &["supportedCapabilities", "diskControllerTypes"],
                    json!("SCSI, NVMe"),
                );
            }
            if self.security_type == "TrustedLaunch" {
                edit::set(&mut os, &["securityProfile", "securityType"], json!("TrustedLaunch"));
            } else if self.security_type == "ConfidentialVM" {
                let kind = "ConfidentialVM_VMGuestStateOnlyEncryptedWithPlatformKey";
                edit::set(&mut os, &["securityProfile", "securityType"], json!(kind));
            }
            if let Some(plan) = &self.plan {
                edit::set(&mut os, &["purchasePlan"], plan.clone());
            }
            edit::set(&mut body, &["properties"], os);
        }
        if disk.extra.is_object() {
            edit::set(&mut body, &["properties"], disk.extra.clone());
        }
        Item::new(format!("{base}/disks/{name}"), body, DiskFacts::default())
    }
}

fn linux() -> String {
    "Linux".to_owned()
}

fn second_generation() -> String {
    "V2".to_owned()
}

fn standard() -> String {
    "Standard".to_owned()
}

fn x64() -> String {
    "x64".to_owned()
}

fn usual_size() -> String {
    "Standard_D4s_v5".to_owned()
}
