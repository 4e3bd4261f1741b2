//! Managed images: from a generalized VM, or from snapshots, disks and blobs.
//!
//! An image is a copy; it goes on showing its sources, but does not need them once it is made.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    kind::Kind, name, plan::PurchasePlan, source, source::DiskSource, state::Compute, state::canonical_id,
    state::missing, vhd::Vhd, vhd::Wanted, vm::facts::Power, vm::facts::VmFacts,
};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::Form,
    resource::{self, Beginning, Doing, Item, changed, required_location, write_body},
};

pub(crate) mod facts;

use facts::ImageFacts;

/// What one disk of an image is made from.
#[derive(Debug)]
enum ImageSource<'a> {
    Disk(DiskSource<'a>),
    Vhd(Vhd),
}

/// Which image is made, where and when.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    path: &'a ArmPath,
    location: &'a str,
    now: Timestamp,
}

impl<'a> ImageSource<'a> {
    /// A text under the disk's `properties`; a blob says nothing.
    fn property(&self, pointer: &str) -> Option<&'a str> {
        match self {
            Self::Disk(source) => source.property(pointer),
            Self::Vhd(_) => None,
        }
    }
}

/// Everything on an image's own path.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.images.find(&path.key());
    match (&call.request.method, item) {
        (&Method::GET, Some(item)) => Ok(Response::json(StatusCode::OK, &item.view(&Kind::Image.type_name()))),
        (&Method::PUT, None) => create(parts, call, path),
        (&Method::PUT | &Method::PATCH, Some(_)) => update(parts, call, path),
        (&Method::DELETE, _) => {
            super::version::fail_copies_of(parts, &path.key(), call.now);
            let seconds = parts.engine.timing.seconds.delete;
            Ok(resource::delete(
                &mut parts.compute.images,
                parts.engine,
                call,
                path,
                (Form::Compute, seconds),
            ))
        }
        (&(Method::GET | Method::PATCH), None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

fn create(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    name::check(name::Rule::Disk, path.name())?;
    edit::set(&mut body, &["location"], json!(location));
    let vm = edit::text(&body, "/properties/sourceVirtualMachine/id").map(str::to_owned);
    let has_disk = body.pointer("/properties/storageProfile/osDisk").is_some();
    let plan = plan_of_source(parts.compute, &body);
    let readouts = match (vm, has_disk) {
        (Some(id), false) => from_vm(parts.compute, &id, &location)?,
        (None, true) => from_disks(
            parts,
            &mut body,
            Place {
                path,
                location: &location,
                now: call.now,
            },
        )?,
        _ => {
            let message = "Exactly one of 'sourceVirtualMachine' and 'storageProfile.osDisk' must be set.";
            return Err(ArmError::invalid_parameter("image", message));
        }
    };
    if body.pointer("/properties/storageProfile/zoneResilient").is_none() {
        let place = ["properties", "storageProfile", "zoneResilient"];
        edit::set(&mut body, &place, json!(false));
    }
    let item = Item::new(canonical_id(path), body, ImageFacts { plan });
    let change = (Doing::Creating, readouts);
    Ok(write(parts, call, path, (item, StatusCode::CREATED), change))
}

/// The purchase plan of the VM or OS disk that an image is made from.
fn plan_of_source(compute: &Compute, body: &Value) -> Option<PurchasePlan> {
    if let Some(id) = edit::text(body, "/properties/sourceVirtualMachine/id") {
        return PurchasePlan::at(&compute.vms.find(&id.to_lowercase())?.body, "/plan");
    }
    let disk = body.pointer("/properties/storageProfile/osDisk")?;
    let id = edit::text(disk, "/snapshot/id").or_else(|| edit::text(disk, "/managedDisk/id"))?;
    PurchasePlan::at(DiskSource::find(compute, id)?.body, "/properties/purchasePlan")
}

/// What an image shows that was captured from a VM.
fn from_vm(compute: &Compute, id: &str, location: &str) -> Result<Value, ArmError> {
    let vm = compute
        .vms
        .find(&id.to_lowercase())
        .ok_or_else(|| source::source_missing(id))?;
    require_capturable(vm, location)?;
    let mut profile = json!({});
    for (field, disk) in vm_disks(vm) {
        let managed = edit::text(disk, "/managedDisk/id").and_then(|id| DiskSource::find(compute, id));
        let mut shown = json!({"caching": edit::text(disk, "/caching").unwrap_or("None")});
        if let Some(managed) = managed {
            edit::set(
                &mut shown,
                &["managedDisk", "id"],
                json!(edit::text(disk, "/managedDisk/id")),
            );
            edit::merge(&mut shown, sizes(&managed));
            // A guess: Azure's model has the field, and no recording of a capture of such a disk is known.
            if let Some(set) = edit::text(managed.body, "/properties/encryption/diskEncryptionSetId") {
                edit::set(&mut shown, &["diskEncryptionSet", "id"], json!(set));
            }
        }
        match field {
            None => {
                edit::set(&mut shown, &["osState"], json!("Generalized"));
                edit::set(&mut shown, &["osType"], json!(edit::text(disk, "/osType")));
                edit::set(&mut profile, &["osDisk"], shown);
            }
            Some(lun) => {
                edit::set(&mut shown, &["lun"], json!(lun));
                push(&mut profile, "dataDisks", shown);
            }
        }
    }
    if profile.get("dataDisks").is_none() {
        edit::set(&mut profile, &["dataDisks"], json!([]));
    }
    Ok(json!({"properties": {"storageProfile": profile, "hyperVGeneration": vm.facts.generation}}))
}

/// The OS disk (no LUN) and the data disks of a VM.
fn vm_disks(vm: &Item<VmFacts>) -> Vec<(Option<u64>, &Value)> {
    let os = vm
        .body
        .pointer("/properties/storageProfile/osDisk")
        .map(|disk| (None, disk));
    let others = edit::list(&vm.body, "/properties/storageProfile/dataDisks");
    os.into_iter()
        .chain(
            others
                .iter()
                .map(|disk| (Some(disk.get("lun").and_then(Value::as_u64).unwrap_or_default()), disk)),
        )
        .collect()
}

fn require_capturable(vm: &Item<VmFacts>, location: &str) -> Result<(), ArmError> {
    let name = vm.name();
    if vm.location() != location {
        let message = format!(
            "The Virtual Machine '{name}' is in location '{}', not in '{location}'.",
            vm.location()
        );
        return Err(ArmError::invalid_parameter("sourceVirtualMachine.id", message));
    }
    let security = vm.property("/securityProfile/securityType").unwrap_or("Standard");
    if security != "Standard" {
        let message = format!(
            "The Virtual Machine '{name}' has the security type '{security}', which managed images do not support. \
             Capture it to a gallery image version instead."
        );
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    if !vm.facts.generalized {
        let message =
            format!("The Virtual Machine '{name}' cannot be used as source for image because it is not generalized.");
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    if vm.facts.power == Power::Running {
        let message = format!("The Virtual Machine '{name}' cannot be used as source for image because it is running.");
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    Ok(())
}

/// Checks the disks that an image is made from and returns what it shows of them at its end.
fn from_disks(parts: &Parts<'_>, body: &mut Value, place: Place<'_>) -> Result<Value, ArmError> {
    let profile = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    let os = profile.get("osDisk").cloned().unwrap_or_default();
    for required in ["osType", "osState"] {
        if edit::text(&os, &format!("/{required}")).is_none() {
            let target = format!("image.properties.storageProfile.osDisk.{required}");
            let message = format!("Required parameter '{target}' is missing (null).");
            return Err(ArmError::invalid_parameter(&target, message));
        }
    }
    let mut readouts = json!({"properties": {"storageProfile": {"osDisk": {}}}});
    let source = disk_source(parts, &os, place)?;
    let generation = source.property("/hyperVGeneration");
    let asked = edit::text(body, "/properties/hyperVGeneration").map(str::to_owned);
    if matches!(source, ImageSource::Vhd(_)) && asked.is_none() {
        let message = "Required parameter 'image.properties.hyperVGeneration' is missing (null).";
        return Err(ArmError::invalid_parameter(
            "image.properties.hyperVGeneration",
            message,
        ));
    }
    require_agreement(asked.as_deref(), generation)?;
    require_plain(&source)?;
    let generation = asked.as_deref().or(generation).unwrap_or("V1");
    edit::set(&mut readouts, &["properties", "hyperVGeneration"], json!(generation));
    let shown = filled(&os, &source);
    edit::set(&mut readouts, &["properties", "storageProfile", "osDisk"], shown);

    let mut luns = Vec::new();
    let mut shown_disks = Vec::new();
    for disk in edit::list(&profile, "/dataDisks") {
        let lun = disk.get("lun").and_then(Value::as_u64);
        if lun.is_none() || luns.contains(&lun) {
            let message = "Each data disk needs a LUN of its own.";
            return Err(ArmError::invalid_parameter("dataDisks.lun", message));
        }
        luns.push(lun);
        let source = disk_source(parts, disk, place)?;
        let mut whole = disk.clone();
        edit::merge(&mut whole, filled(disk, &source));
        shown_disks.push(whole);
    }
    edit::set(
        &mut readouts,
        &["properties", "storageProfile", "dataDisks"],
        Value::Array(shown_disks),
    );
    Ok(readouts)
}

fn require_agreement(asked: Option<&str>, source: Option<&str>) -> Result<(), ArmError> {
    match (asked, source) {
        (Some(asked), Some(source)) if asked != source => {
            let message = format!(
                "The Hyper-V generation '{asked}' of the image does not match the generation '{source}' of its source."
            );
            Err(ArmError::invalid_parameter("hyperVGeneration", message))
        }
        _ => Ok(()),
    }
}

/// Managed images hold plain machines only.
fn require_plain(source: &ImageSource<'_>) -> Result<(), ArmError> {
    let security = source.property("/securityProfile/securityType");
    let Some(security) = security.filter(|security| *security != "Standard") else {
        return Ok(());
    };
    let message = format!(
        "The source has the security type '{security}', which managed images do not support. Use a gallery image \
         version instead."
    );
    Err(ArmError::conflict("OperationNotAllowed", message))
}

/// The snapshot, disk or blob behind one disk of an image.
fn disk_source<'a>(parts: &'a Parts<'_>, disk: &Value, place: Place<'_>) -> Result<ImageSource<'a>, ArmError> {
    let (compute, location) = (&*parts.compute, place.location);
    let id = edit::text(disk, "/snapshot/id").or_else(|| edit::text(disk, "/managedDisk/id"));
    let Some(id) = id else {
        if let Some(address) = edit::text(disk, "/blobUri") {
            let wanted = Wanted {
                location,
                now: place.now,
                parameter: "image.properties.storageProfile.blobUri",
            };
            let vhd = Vhd::find_in(parts.storage, address, (&place.path.subscription, wanted))?;
            return Ok(ImageSource::Vhd(vhd));
        }
        let message = "Each disk needs one of 'snapshot', 'managedDisk' and 'blobUri'.";
        return Err(ArmError::invalid_parameter("storageProfile", message));
    };
    let source = DiskSource::find(compute, id).ok_or_else(|| source::source_missing(id))?;
    if crate::region::normalise(source.location()) != location {
        let message = format!(
            "The source '{id}' is in location '{}', not in '{location}'.",
            source.location()
        );
        return Err(ArmError::invalid_parameter("storageProfile", message));
    }
    if !source.is_ready() {
        let message =
            format!("The source '{id}' is not ready: another operation on it is in progress or it has failed.");
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    Ok(ImageSource::Disk(source))
}

/// What the service fills in: size, storage type, caching.
fn filled(disk: &Value, source: &ImageSource<'_>) -> Value {
    let mut shown = match source {
        ImageSource::Disk(source) => sizes(source),
        ImageSource::Vhd(vhd) => json!({"storageAccountType": "Standard_LRS", "diskSizeGB": vhd.gib}),
    };
    if edit::text(disk, "/caching").is_none() {
        edit::set(&mut shown, &["caching"], json!("None"));
    }
    if let Some(kind) = edit::text(disk, "/storageAccountType") {
        edit::set(&mut shown, &["storageAccountType"], json!(kind));
    }
    if let Some(size) = disk.get("diskSizeGB").filter(|size| !size.is_null()) {
        edit::set(&mut shown, &["diskSizeGB"], size.clone());
    }
    shown
}

fn sizes(source: &DiskSource<'_>) -> Value {
    let kind = edit::text(source.body, "/sku/name").unwrap_or("Standard_LRS");
    let mut sizes = json!({"storageAccountType": kind});
    if let Some(size) = source.body.pointer("/properties/diskSizeGB") {
        edit::set(&mut sizes, &["diskSizeGB"], size.clone());
    }
    sizes
}

fn push(target: &mut Value, field: &str, value: Value) {
    let mut list = target.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    list.push(value);
    edit::set(target, &[field], Value::Array(list));
}

/// Refuses an update that would make the image from something else.
fn require_same_source(item: &Item<ImageFacts>, body: &Value) -> Result<(), ArmError> {
    for pointer in [
        "/sourceVirtualMachine/id",
        "/storageProfile/osDisk/snapshot/id",
        "/storageProfile/osDisk/managedDisk/id",
        "/storageProfile/osDisk/blobUri",
    ] {
        let new = edit::text(body, &format!("/properties{pointer}"));
        let old = item.property(pointer);
        if new.is_some_and(|new| old.is_none_or(|old| !old.eq_ignore_ascii_case(new))) {
            let property = pointer.trim_start_matches('/').replace('/', ".");
            return Err(ArmError::property_change(&property));
        }
    }
    Ok(())
}

/// Only tags change; what an image is made of does not.
fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.images, call, path, missing)?;
    require_same_source(item, &body)?;
    let mut item = item.clone();
    if let Some(tags) = body.get("tags") {
        edit::set(&mut item.body, &["tags"], Value::Null);
        edit::set(&mut item.body, &["tags"], tags.clone());
    }
    let change = (Doing::Updating, json!({}));
    Ok(write(parts, call, path, (item, StatusCode::OK), change))
}

fn write(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    (mut item, status): (Item<ImageFacts>, StatusCode),
    (doing, readouts): (Doing, Value),
) -> Response {
    let seconds = &parts.engine.timing.seconds;
    let seconds = if doing == Doing::Creating {
        seconds.image
    } else {
        seconds.update
    };
    let beginning = Beginning::new(parts.engine, doing, (Form::Compute, seconds)).showing(readouts);
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    let shown = item.view(&Kind::Image.type_name());
    parts.compute.images.insert(item);
    started.announce(Response::json(status, &shown))
}
