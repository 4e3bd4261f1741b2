//! Seeded snapshots and managed images: what builds leave.
//!
//! A seeded one is complete, and what it was made of is gone unless it is seeded, too.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Place, SeedError};
use crate::{json as edit, region, world::World};

/// A snapshot of a disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
    /// Its size in GiB.
    #[serde(default = "usual_size", rename = "sizeGB")]
    pub size_gb: u32,
    /// Of which disk it is.
    #[serde(default)]
    pub disk: SnapshotDisk,
    /// For how many hours somebody can read it at an address of its own.
    #[serde(default)]
    pub access_hours: Option<u32>,
    /// Tags.
    #[serde(default)]
    pub tags: Value,
}

/// Which disk a snapshot is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SnapshotDisk {
    /// One that boots Linux.
    #[default]
    Os,
    /// One with data.
    Data,
}

/// A managed image.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageSeed {
    /// The name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its region in any spelling.
    pub location: String,
    /// The snapshot of the OS disk that it was made of, by its name in the same group.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// LUNs of its data disks.
    #[serde(default)]
    pub data_disk_luns: Vec<u32>,
    /// The virtual machine that it was captured from, by its name in the same group; not together with a snapshot.
    #[serde(default)]
    pub machine: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Value,
}

impl SnapshotSeed {
    pub(super) fn plant(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        let base = place.compute(world, &self.resource_group, &format!("snapshot {:?}", self.name))?;
        let mut body = json!({
            "location": region::normalise(&self.location),
            "tags": self.tags,
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "properties": {
                "creationData": {"createOption": "Copy"},
                "diskSizeGB": self.size_gb,
                "diskSizeBytes": u64::from(self.size_gb) << 30,
                "incremental": false,
                "timeCreated": edit::time(place.now),
                "uniqueId": world.engine.ids.guid(),
                "diskState": "Unattached",
                "networkAccessPolicy": "DenyAll",
                "publicNetworkAccess": "Disabled",
                "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            },
        });
        if self.disk == SnapshotDisk::Os {
            edit::set(&mut body, &["properties", "osType"], json!("Linux"));
            edit::set(&mut body, &["properties", "hyperVGeneration"], json!("V2"));
        }
        let until = self
            .access_hours
            .map(|hours| place.now + SignedDuration::from_hours(i64::from(hours)));
        let id = format!("{base}/snapshots/{}", self.name);
        world.compute.plant_snapshot(id, body, (place.now, until));
        Ok(())
    }
}

impl ImageSeed {
    pub(super) fn plant(&self, world: &mut World, place: &Place) -> Result<(), SeedError> {
        let base = place.compute(world, &self.resource_group, &format!("managed image {:?}", self.name))?;
        let mut os = json!({"osType": "Linux", "osState": "Generalized", "caching": "ReadWrite", "diskSizeGB": usual_size(),
            "storageAccountType": "Standard_LRS"});
        if let Some(snapshot) = &self.snapshot {
            let id = format!("{base}/snapshots/{snapshot}");
            edit::set(&mut os, &["snapshot", "id"], json!(id));
        }
        let disk = |lun: &u32| json!({"lun": lun, "caching": "ReadWrite", "diskSizeGB": usual_size(), "storageAccountType": "Standard_LRS"});
        let data: Value = self.data_disk_luns.iter().map(disk).collect();
        let mut body = json!({
            "location": region::normalise(&self.location),
            "tags": self.tags,
            "properties": {"hyperVGeneration": "V2",
                "storageProfile": {"osDisk": os, "dataDisks": data, "zoneResilient": false}},
        });
        // An image that was captured from a machine shows that machine and its disk: the recorded custom-image test of az.
        if let Some(machine) = &self.machine {
            let disk = format!("{base}/disks/{machine}-os");
            let (machine, properties) = (format!("{base}/virtualMachines/{machine}"), "properties");
            edit::set(&mut body, &[properties, "sourceVirtualMachine", "id"], json!(machine));
            let shown = [properties, "storageProfile", "osDisk", "managedDisk", "id"];
            edit::set(&mut body, &shown, json!(disk));
        }
        world.compute.plant_image(format!("{base}/images/{}", self.name), body);
        Ok(())
    }
}

const fn usual_size() -> u32 {
    30
}
