//! What a version is made from, and whether its definition takes that.
//!
//! The rules and messages are those of Azure's troubleshooting page for galleries; codes are not documented
//! there and are `InvalidParameter` throughout.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    compute::{
        feature, kind::Kind, plan::PurchasePlan, shared, source::DiskSource, state::Compute, state::Parts, vhd::Vhd,
        vhd::Wanted,
    },
    envelope::{ArmError, ArmPath},
    json as edit, region,
    resource::Item,
    storage::Storage,
};

/// The largest data disk of a fully replicated version, in GB: Microsoft's page on troubleshooting galleries says that a
/// disk "exceeds the max size 2048 supported"; an older one said 1 TB.
const LARGEST_DATA_DISK: u64 = 2048;

/// The kinds of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceKind {
    Vm,
    Image,
    Version,
    Disks,
    Vhd,
}

/// What a source is; `None` where it does not say.
#[derive(Debug)]
pub(super) struct Source {
    kind: SourceKind,
    id: String,
    os_type: Option<String>,
    os_state: Option<String>,
    generation: Option<String>,
    architecture: Option<String>,
    /// `TrustedLaunch`, `ConfidentialVM…`.
    security: Option<String>,
    /// What machines made of it must name, whether its definition says so or not.
    pub(super) plan: Option<PurchasePlan>,
    /// The lower-case ids that must stay until the version is made.
    pub(super) needed: Vec<String>,
    /// `osDiskImage` and `dataDiskImages` as the finished version shows them.
    pub(super) shown: Value,
}

/// Finds the source that a storage profile names and checks it against region and definition.
pub(super) fn resolve(
    parts: &Parts<'_>,
    body: &Value,
    (location, now): (&str, Timestamp),
    parent: &Item<()>,
) -> Result<Source, ArmError> {
    let compute = &*parts.compute;
    let profile = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    let vm = edit::text(&profile, "/source/virtualMachineId");
    let community = edit::text(&profile, "/source/communityGalleryImageId");
    let community = community.map(|id| shared::resource_id(compute, id).ok_or_else(|| not_found(id)));
    let community = community.transpose()?;
    let whole = edit::text(&profile, "/source/id").or(community.as_deref());
    let os_id = edit::text(&profile, "/osDiskImage/source/id");
    let os_uri = edit::text(&profile, "/osDiskImage/source/uri");
    let source = match (vm, whole, os_id, os_uri) {
        (Some(id), None, None, None) => from_vm(compute, id, location)?,
        (None, Some(id), None, None) => from_whole(compute, id, location)?,
        (None, None, Some(_), None) => from_disks(compute, &profile, location)?,
        (None, None, None, Some(_)) => from_vhds(parts.storage, &profile, (location, now))?,
        _ => {
            let message = "Exactly one source must be set: 'source', or 'osDiskImage.source' with an id or a URI.";
            return Err(invalid(message));
        }
    };
    require_agreement(&source, parent)?;
    require_security(&source, feature::of(&parent.body, "SecurityType"))?;
    let shallow = edit::text(body, "/properties/publishingProfile/replicationMode") == Some("Shallow");
    require_sizes(&source, shallow)?;
    Ok(source)
}

fn from_vm(compute: &Compute, id: &str, location: &str) -> Result<Source, ArmError> {
    let vm = compute
        .vms
        .find(&id.to_lowercase())
        .filter(|vm| vm.location() == location);
    let vm = vm.ok_or_else(|| not_found(id))?;
    if vm
        .body
        .pointer("/properties/storageProfile/osDisk/diffDiskSettings")
        .is_some()
    {
        return Err(invalid(format!(
            "Source virtual machine {id} cannot contain an ephemeral OS disk."
        )));
    }
    let disk = |disk: &Value| edit::text(disk, "/managedDisk/id").and_then(|id| DiskSource::find(compute, id));
    let os = vm
        .body
        .pointer("/properties/storageProfile/osDisk")
        .cloned()
        .unwrap_or_default();
    let mut shown = json!({"osDiskImage": disk_image(disk(&os).as_ref(), edit::text(&os, "/caching"))});
    let data: Vec<Value> = edit::list(&vm.body, "/properties/storageProfile/dataDisks")
        .iter()
        .map(|entry| data_image(entry, disk(entry).as_ref(), edit::text(entry, "/caching")))
        .collect();
    add_data_images(&mut shown, data);
    let state = if vm.facts.generalized {
        "Generalized"
    } else {
        "Specialized"
    };
    Ok(Source {
        kind: SourceKind::Vm,
        id: id.to_owned(),
        os_type: edit::text(&os, "/osType").map(str::to_owned),
        os_state: Some(state.to_owned()),
        generation: Some(vm.facts.generation.clone()),
        architecture: Some(vm.facts.architecture.clone()),
        security: vm.property("/securityProfile/securityType").map(str::to_owned),
        plan: PurchasePlan::at(&vm.body, "/plan"),
        needed: vec![id.to_lowercase()],
        shown,
    })
}

/// `source.id`: a managed image, another version, or, in old clients, a VM.
fn from_whole(compute: &Compute, id: &str, location: &str) -> Result<Source, ArmError> {
    let path = ArmPath::parse(id).ok_or_else(|| not_found(id))?;
    match Kind::parse(&path.kind()) {
        Some(Kind::Image) => from_image(compute, id, location),
        Some(Kind::Version) => from_version(compute, &path, location),
        Some(Kind::VirtualMachine) => from_vm(compute, id, location),
        _ => Err(invalid(
            "The source id must either be a managed image, virtual machine or another gallery image version.",
        )),
    }
}

fn from_image(compute: &Compute, id: &str, location: &str) -> Result<Source, ArmError> {
    let image = compute.images.find(&id.to_lowercase());
    let image = image.filter(|image| image.location() == location && !image.is_busy() && !image.failed);
    let image = image.ok_or_else(|| not_found(id))?;
    let os = image
        .body
        .pointer("/properties/storageProfile/osDisk")
        .cloned()
        .unwrap_or_default();
    let mut shown = json!({"osDiskImage": sized_image(os.get("diskSizeGB"), edit::text(&os, "/caching"))});
    let data = edit::list(&image.body, "/properties/storageProfile/dataDisks")
        .iter()
        .map(|entry| {
            let mut shown = sized_image(entry.get("diskSizeGB"), edit::text(entry, "/caching"));
            edit::set(&mut shown, &["lun"], entry.get("lun").cloned().unwrap_or_default());
            shown
        });
    add_data_images(&mut shown, data.collect());
    Ok(Source {
        kind: SourceKind::Image,
        id: id.to_owned(),
        os_type: edit::text(&os, "/osType").map(str::to_owned),
        os_state: Some(edit::text(&os, "/osState").unwrap_or("Generalized").to_owned()),
        generation: image.property("/hyperVGeneration").map(str::to_owned),
        architecture: None,
        security: None,
        plan: image.facts.plan.clone(),
        needed: vec![id.to_lowercase()],
        shown,
    })
}

fn from_version(compute: &Compute, path: &ArmPath, location: &str) -> Result<Source, ArmError> {
    let id = path.id();
    let version = compute.versions.find(&path.key());
    let version = version.filter(|version| version.facts.copies.iter().any(|copy| copy.region == location));
    let version = version
        .filter(|version| !version.failed)
        .ok_or_else(|| not_found(&id))?;
    let parent = path.parent().and_then(|parent| compute.definitions.find(&parent.key()));
    let parent = parent.ok_or_else(|| not_found(&id))?;
    let text = |pointer: &str| parent.property(pointer).map(str::to_owned);
    let mut shown = json!({});
    for field in ["osDiskImage", "dataDiskImages"] {
        let value = version.body.pointer(&format!("/properties/storageProfile/{field}"));
        edit::set(&mut shown, &[field], value.cloned().unwrap_or_default());
    }
    Ok(Source {
        kind: SourceKind::Version,
        os_type: text("/osType"),
        os_state: text("/osState"),
        generation: text("/hyperVGeneration"),
        architecture: text("/architecture"),
        security: feature::of(&parent.body, "SecurityType")
            .filter(|security| !security.ends_with("Supported"))
            .map(str::to_owned),
        plan: version.facts.plan_of(&parent.body),
        needed: vec![path.key()],
        id,
        shown,
    })
}

fn from_disks(compute: &Compute, profile: &Value, location: &str) -> Result<Source, ArmError> {
    let os_entry = profile.get("osDiskImage").cloned().unwrap_or_default();
    let (id, os) = disk_of(compute, &os_entry, location)?;
    let mut shown = json!({"osDiskImage": disk_image(Some(&os), edit::text(&os_entry, "/hostCaching"))});
    let mut needed = vec![id.to_lowercase()];
    let mut luns = Vec::new();
    let mut data = Vec::new();
    for entry in edit::list(profile, "/dataDiskImages") {
        let lun = entry.get("lun").and_then(Value::as_u64);
        if lun.is_none() || luns.contains(&lun) {
            return Err(invalid("Duplicated lun numbers are not allowed in data disk images."));
        }
        luns.push(lun);
        let (id, disk) = disk_of(compute, entry, location)?;
        if needed.contains(&id.to_lowercase()) {
            return Err(invalid(format!("Duplicated source ids are not allowed: {id}.")));
        }
        needed.push(id.to_lowercase());
        data.push(data_image(entry, Some(&disk), edit::text(entry, "/hostCaching")));
    }
    add_data_images(&mut shown, data);
    Ok(Source {
        kind: SourceKind::Disks,
        id: id.clone(),
        os_type: os.property("/osType").map(str::to_owned),
        os_state: None,
        generation: os.property("/hyperVGeneration").map(str::to_owned),
        architecture: os.property("/supportedCapabilities/architecture").map(str::to_owned),
        security: os.property("/securityProfile/securityType").map(str::to_owned),
        plan: PurchasePlan::at(os.body, "/properties/purchasePlan"),
        needed,
        shown,
    })
}

fn disk_of<'a>(compute: &'a Compute, entry: &Value, location: &str) -> Result<(String, DiskSource<'a>), ArmError> {
    let id = edit::text(entry, "/source/id").ok_or_else(|| invalid("Each disk image needs a source id."))?;
    let kind = ArmPath::parse(id).and_then(|path| Kind::parse(&path.kind()));
    if !matches!(kind, Some(Kind::Disk | Kind::Snapshot)) {
        return Err(invalid(format!(
            "The source id '{id}' must be a managed disk or snapshot."
        )));
    }
    let source = DiskSource::find(compute, id).filter(|source| region::normalise(source.location()) == location);
    let source = source.filter(|source| source.is_ready()).ok_or_else(|| not_found(id))?;
    let sku = edit::text(source.body, "/sku/name").unwrap_or_default();
    if sku == "UltraSSD_LRS" {
        return Err(invalid(format!(
            "The source '{id}' is a disk of type UltraSSD_LRS, which is not supported."
        )));
    }
    Ok((id.to_owned(), source))
}

/// VHDs, the OS disk's first; they say nothing of themselves but their size.
fn from_vhds(storage: &Storage, profile: &Value, place: (&str, Timestamp)) -> Result<Source, ArmError> {
    let os = profile.get("osDiskImage").cloned().unwrap_or_default();
    let (address, vhd) = vhd_of(storage, &os, place)?;
    let caching = |entry: &Value| edit::text(entry, "/hostCaching").map(str::to_owned);
    let mut shown = json!({"osDiskImage": sized_image(Some(&json!(vhd.gib)), caching(&os).as_deref())});
    let mut needed = vec![address.to_lowercase()];
    let (mut luns, mut data) = (Vec::new(), Vec::new());
    for entry in edit::list(profile, "/dataDiskImages") {
        let lun = entry.get("lun").and_then(Value::as_u64);
        if lun.is_none() || luns.contains(&lun) {
            return Err(invalid("Duplicated lun numbers are not allowed in data disk images."));
        }
        luns.push(lun);
        let (address, vhd) = vhd_of(storage, entry, place)?;
        needed.push(address.to_lowercase());
        let mut image = sized_image(Some(&json!(vhd.gib)), caching(entry).as_deref());
        edit::set(&mut image, &["lun"], json!(lun));
        data.push(image);
    }
    add_data_images(&mut shown, data);
    Ok(Source {
        kind: SourceKind::Vhd,
        id: address,
        os_type: None,
        os_state: None,
        generation: None,
        architecture: None,
        security: None,
        plan: None,
        needed,
        shown,
    })
}

fn vhd_of(storage: &Storage, entry: &Value, (location, now): (&str, Timestamp)) -> Result<(String, Vhd), ArmError> {
    let of = |field: &str| edit::text(entry, &format!("/source/{field}"));
    let (Some(address), Some(account)) = (of("uri"), of("storageAccountId")) else {
        return Err(invalid("A VHD source needs both 'uri' and 'storageAccountId'."));
    };
    let is_there = storage.find(address).is_some_and(|found| {
        found.account.eq_ignore_ascii_case(account) && region::normalise(found.location) == location
    });
    if !is_there {
        return Err(not_found(address.split('?').next().unwrap_or_default()));
    }
    let wanted = Wanted {
        location,
        now,
        parameter: "galleryImageVersion.properties.storageProfile",
    };
    Ok((address.to_owned(), Vhd::find(storage, address, wanted)?))
}

fn require_agreement(source: &Source, parent: &Item<()>) -> Result<(), ArmError> {
    let id = &source.id;
    let wanted = |pointer: &str| parent.property(pointer).unwrap_or_default();
    let differs = |own: &Option<String>, wanted: &str| {
        own.as_deref()
            .filter(|own| !own.eq_ignore_ascii_case(wanted))
            .map(str::to_owned)
    };
    if let Some(own) = differs(&source.os_state, wanted("/osState")) {
        return Err(invalid(format!(
            "Cannot create Gallery Image Version from: {id} since the OS State in the parent gallery image ('{}') is \
             not '{own}'.",
            wanted("/osState")
        )));
    }
    for (own, pointer, what) in [
        (&source.generation, "/hyperVGeneration", "Hypervisor generation"),
        (&source.os_type, "/osType", "OS type"),
        (&source.architecture, "/architecture", "architecture"),
    ] {
        if let Some(own) = differs(own, wanted(pointer)) {
            return Err(invalid(format!(
                "The resource with id '{id}' has a different {what} ['{own}'] than the parent gallery image ['{}'].",
                wanted(pointer)
            )));
        }
    }
    Ok(())
}

/// Which source may go into which definition by its `SecurityType`.
fn require_security(source: &Source, wanted: Option<&str>) -> Result<(), ArmError> {
    let own = source.security.as_deref().unwrap_or("Standard");
    let wanted = wanted.unwrap_or("Standard");
    let id = &source.id;
    if wanted.ends_with("Supported") {
        if matches!(source.kind, SourceKind::Vm | SourceKind::Disks) {
            return Err(invalid(format!(
                "Currently only Vhd Blob, User Image and Gallery Image Version sources are supported for '{wanted}' \
                 images."
            )));
        }
        return Ok(());
    }
    if wanted == "ConfidentialVM" && source.kind == SourceKind::Image {
        return Err(invalid(format!(
            "Confidential VM is not supported for the source id '{id}'. Currently Snapshot, Disk and VM sources are \
             supported for the Confidential VM security type."
        )));
    }
    // Disks of confidential machines carry how they are encrypted in the name.
    if own == wanted || (wanted == "ConfidentialVM" && own.starts_with(wanted)) {
        return Ok(());
    }
    Err(invalid(format!(
        "The source '{id}' has the security type '{own}', but the parent gallery image is for '{wanted}'."
    )))
}

fn require_sizes(source: &Source, shallow: bool) -> Result<(), ArmError> {
    let too_large = edit::list(&source.shown, "/dataDiskImages")
        .iter()
        .filter_map(|disk| disk.get("sizeInGB").and_then(Value::as_u64))
        .find(|size| *size > LARGEST_DATA_DISK);
    match too_large {
        Some(size) if !shallow => Err(invalid(format!(
            "A data disk of {size} GB is larger than the maximum of {LARGEST_DATA_DISK} GB for replication mode 'Full'."
        ))),
        _ => Ok(()),
    }
}

fn disk_image(source: Option<&DiskSource<'_>>, caching: Option<&str>) -> Value {
    sized_image(
        source.and_then(|source| source.body.pointer("/properties/diskSizeGB")),
        caching,
    )
}

fn data_image(entry: &Value, source: Option<&DiskSource<'_>>, caching: Option<&str>) -> Value {
    let mut shown = disk_image(source, caching);
    edit::set(&mut shown, &["lun"], entry.get("lun").cloned().unwrap_or_default());
    shown
}

fn sized_image(size: Option<&Value>, caching: Option<&str>) -> Value {
    let mut shown = json!({"hostCaching": caching.unwrap_or("None"), "source": {}});
    edit::set(&mut shown, &["sizeInGB"], size.cloned().unwrap_or_default());
    shown
}

fn add_data_images(shown: &mut Value, data: Vec<Value>) {
    if !data.is_empty() {
        edit::set(shown, &["dataDiskImages"], Value::Array(data));
    }
}

/// Whether a version could have been made of it and it is still there, in whatever state.
pub(super) fn is_present(compute: &Compute, storage: &Storage, id: &str) -> bool {
    if storage.find(id).is_some() {
        return true;
    }
    let Some(path) = ArmPath::parse(id) else {
        return false;
    };
    let key = path.key();
    match Kind::parse(&path.kind()) {
        Some(Kind::VirtualMachine) => compute.vms.find(&key).is_some(),
        Some(Kind::Image) => compute.images.find(&key).is_some(),
        Some(Kind::Version) => compute.versions.find(&key).is_some(),
        _ => DiskSource::find(compute, id).is_some(),
    }
}

/// Refuses another source; a body without one is fine.
pub(super) fn require_same_source(old: &Value, new: &Value) -> Result<(), ArmError> {
    for field in [
        "source/id",
        "source/virtualMachineId",
        "osDiskImage/source/id",
        "osDiskImage/source/uri",
    ] {
        let pointer = format!("/properties/storageProfile/{field}");
        let (old, new) = (edit::text(old, &pointer), edit::text(new, &pointer));
        if new.is_some_and(|new| old.is_none_or(|old| !old.eq_ignore_ascii_case(new))) {
            let property = format!(
                "galleryImageVersion.properties.storageProfile.{}",
                field.replace('/', ".")
            );
            return Err(ArmError::property_change(&property));
        }
    }
    let disks = |body: &Value| {
        edit::list(body, "/properties/storageProfile/dataDiskImages")
            .iter()
            .filter_map(|disk| {
                let source = edit::text(disk, "/source/id").or_else(|| edit::text(disk, "/source/uri"))?;
                Some((disk.get("lun")?.as_u64()?, source.to_lowercase()))
            })
            .collect::<Vec<_>>()
    };
    let known = disks(old);
    if disks(new).iter().any(|disk| !known.contains(disk)) {
        return Err(ArmError::property_change(
            "galleryImageVersion.properties.storageProfile.dataDiskImages",
        ));
    }
    Ok(())
}

/// The message for a source that is gone, not ready, or elsewhere.
pub(super) fn not_found(id: &str) -> ArmError {
    let message = format!(
        "Source {id} is not found. Please check source exists, and is in the same region as the gallery image version \
         being created."
    );
    ArmError::new(http::StatusCode::NOT_FOUND, "NotFound", message)
}

fn invalid(message: impl Into<String>) -> ArmError {
    ArmError::invalid_parameter("galleryImageVersion.properties.storageProfile", message)
}
