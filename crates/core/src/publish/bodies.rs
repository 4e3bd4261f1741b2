//! The JSON bodies of what a publish makes by its plan: managed image and version. Pure.
//!
//! That of a definition is in `definition`, since the plan itself is checked against it.

use serde_json::{Map, Value, json};

use super::{
    machine::{ImageKind, Machine, SourceDisk, SourceShape},
    plan::{Goal, PlannedSnapshot},
    way::Way,
};
use crate::{
    replication::Layout,
    settings::{Latest, Lun, ReplicaStorage},
};

/// A snapshot or a VHD as a part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DiskSource {
    /// Which it is.
    pub from: DiskOf,
    /// `None` for the OS disk.
    pub lun: Option<Lun>,
    /// The host cache.
    pub caching: String,
}

/// What one disk of an image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DiskOf {
    /// A snapshot, by its id.
    Snapshot(String),
    /// A blob, by its address, and its account's id.
    Vhd {
        /// Where it is.
        address: String,
        /// Whose it is.
        account: String,
    },
}

impl DiskOf {
    /// As a part of a managed image.
    fn in_image(&self) -> Value {
        match self {
            Self::Snapshot(id) => json!({"snapshot": {"id": id}}),
            Self::Vhd { address, .. } => json!({"blobUri": address}),
        }
    }

    /// As a part of a version.
    fn in_version(&self) -> Value {
        match self {
            Self::Snapshot(id) => json!({"id": id}),
            Self::Vhd { address, account } => json!({"uri": address, "storageAccountId": account}),
        }
    }
}

/// A managed image of the snapshots or VHDs. It outlives the loss of a zone where the version's replicas in its region do.
#[must_use]
pub(super) fn managed_image(
    machine: &Machine,
    layout: &Layout,
    (tags, sources): (&Map<String, Value>, &[DiskSource]),
) -> Value {
    let is_resilient = layout.storage_of(&machine.location) == Some(ReplicaStorage::StandardZrs);
    let mut disks = sources.iter().map(|source| {
        let mut disk = source.from.in_image();
        set(&mut disk, "caching", json!(source.caching));
        if let Some(lun) = source.lun {
            set(&mut disk, "lun", json!(lun));
        }
        disk
    });
    let mut os = disks.next().unwrap_or_default();
    set(&mut os, "osType", json!(machine.os_type));
    set(&mut os, "osState", json!("Generalized"));
    let data: Vec<Value> = disks.collect();
    json!({"location": machine.location, "tags": tags, "properties": {
        "hyperVGeneration": machine.generation,
        "storageProfile": {"osDisk": os, "dataDisks": data, "zoneResilient": is_resilient},
    }})
}

/// A new version with the regions that pools wait for.
#[must_use]
pub(super) fn version(machine: &Machine, goal: &Goal, sources: &[DiskSource]) -> Value {
    let regions: Vec<Value> = goal.at_first().iter().map(|need| goal.layout.entry(need)).collect();
    let mut profile = json!({
        "targetRegions": regions,
        "excludeFromLatest": goal.details.latest != Latest::Admit || goal.test.is_some(),
        "replicationMode": goal.layout.mode.as_str(),
    });
    for (name, value) in &goal.layout.profile {
        set(&mut profile, name, value.clone());
    }
    if let Some(end) = goal.details.end_of_life {
        set(&mut profile, "endOfLifeDate", json!(end.to_string()));
    }
    let storage_profile = match &goal.way {
        Way::ManagedImage { image } => json!({"source": {"id": image.to_string()}}),
        Way::Source { id } => json!({"source": {whole(machine): id}}),
        Way::Snapshots { .. } | Way::Vhds => disk_images(sources),
        // It is never made; an update has no source.
        Way::Adopted => json!({}),
    };
    let mut properties = json!({"publishingProfile": profile, "storageProfile": storage_profile});
    if let (Some(keys), Way::Source { .. }) = (machine.uefi_keys(), &goal.way) {
        set(&mut properties, "securityProfile", keys.clone());
    }
    if let Some(block) = goal.details.early_deletion.is_blocked() {
        set(
            &mut properties,
            "safetyProfile",
            json!({"blockDeletionBeforeEndOfLife": block}),
        );
    }
    json!({"location": machine.location, "tags": goal.details.all_tags(), "properties": properties})
}

/// By which name a version says what it is made of as a whole.
fn whole(machine: &Machine) -> &'static str {
    match &machine.shape {
        SourceShape::Image(image) if image.kind == ImageKind::CommunityVersion => "communityGalleryImageId",
        _ => "id",
    }
}

fn disk_images(sources: &[DiskSource]) -> Value {
    let mut images = sources.iter().map(|source| {
        let mut image = json!({"hostCaching": source.caching, "source": source.from.in_version()});
        if let Some(lun) = source.lun {
            set(&mut image, "lun", json!(lun));
        }
        image
    });
    let os = images.next().unwrap_or_default();
    let data: Vec<Value> = images.collect();
    let mut profile = json!({"osDiskImage": os});
    if !data.is_empty() {
        set(&mut profile, "dataDiskImages", json!(data));
    }
    profile
}

/// The host cache that Batch's instructions recommend for the OS disk.
pub(super) const OS_CACHING: &str = "ReadWrite";

/// The snapshots or VHDs an image is made from, OS disk first: those that were made, or the source's own.
#[must_use]
pub(super) fn sources(machine: &Machine, snapshots: &[PlannedSnapshot]) -> Vec<DiskSource> {
    let from = |disk: &SourceDisk| {
        if let SourceShape::Vhds(vhds) = &machine.shape {
            return DiskOf::Vhd {
                address: disk.id.clone(),
                account: vhds.account_of(&disk.id),
            };
        }
        let made = snapshots.iter().find(|snapshot| snapshot.disk == disk.id);
        DiskOf::Snapshot(made.map_or_else(|| disk.id.clone(), |it| it.id.to_string()))
    };
    let os = DiskSource {
        from: from(&machine.os),
        lun: None,
        caching: OS_CACHING.to_owned(),
    };
    let data = machine.data.iter().map(|(lun, disk)| {
        let caching = disk.caching.clone().unwrap_or_else(|| "None".to_owned());
        DiskSource {
            from: from(disk),
            lun: Some(*lun),
            caching,
        }
    });
    std::iter::once(os).chain(data).collect()
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    } else {
        *object = Value::Object(Map::from_iter([(key.to_owned(), value)]));
    }
}
