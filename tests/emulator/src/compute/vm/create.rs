//! Making a VM: from an image, with an OS disk and data disks, on interfaces that exist.
//!
//! The machine is a row in a table; whoever wants to log in brings an SSH server. A VM cannot be made from existing
//! disks; `update` attaches them.

use serde_json::{Value, json};

use super::plant::{DiskSeed, PowerSeed, VmSeed};
use crate::{
    call::Call,
    compute::{
        boot::{Boot, Controllers, number},
        size::{self, VmSize},
        state::Parts,
        usage,
    },
    envelope::{ArmError, ArmPath, unsupported},
    json as edit, network,
    operation::{Form, Output, Plan, Started},
    resource::{Change, Doing, required_location},
};

/// The disk type of a VM that names none.
const USUAL_SKU: &str = "Premium_LRS";

/// Makes the VM at `path`.
pub(crate) fn create(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    body: &Value,
) -> Result<Started, ArmError> {
    if parts.compute.vms.find(&path.key()).is_some() {
        return Err(unsupported(call.request));
    }
    let location = required_location(body)?;
    let profile = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    let reference = profile.get("imageReference").cloned().unwrap_or_default();
    let boot = Boot::find(parts.compute, &reference, &location, call.now)?;
    require_profile(body, &boot)?;
    let size = required_size(body)?;
    require_bootable(size, body, &boot)?;
    usage::require_cores(parts.compute, &path.subscription, &location, size)?;
    if let Some(plan) = &boot.plan {
        plan.require_on_vm(body, path)?;
    }
    require_interfaces(parts, body, &path.id())?;
    let vm = planned(path, body, (&location, &profile), &boot);
    make_blobs(parts, call, path, &vm)?;
    let plan = Plan {
        form: Form::Compute,
        subscription: path.subscription.clone(),
        location,
        lasts: parts.engine.timing.lasts(parts.engine.timing.seconds.virtual_machine),
        output: Output::Nothing,
    };
    let started = parts.engine.begin(call, plan);
    let base = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute",
        path.subscription,
        path.group()
    );
    vm.plant(parts.compute, &mut parts.engine.ids, (&base, call.now))
        .map_err(|reason| ArmError::bad_request("InvalidParameter", reason))?;
    if let Some(item) = parts.compute.vms.find_mut(&path.key()) {
        mark_data_disks(&mut item.body, &profile);
        item.change = Some(Change::new(Doing::Creating, &started));
    }
    Ok(started)
}

/// Makes the blobs that are the machine's disks; an account that is not there is refused in words that are guessed.
fn make_blobs(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, vm: &VmSeed) -> Result<(), ArmError> {
    for disk in std::iter::once(&vm.os_disk).chain(&vm.data_disks) {
        let Some(address) = &disk.vhd else { continue };
        let stamp = (parts.engine.ids.etag(), call.now);
        let made = parts.storage.make_disk(address, disk.size_gb, stamp);
        made.ok_or_else(|| {
            let message = format!("The storage account of {address} was not found.");
            ArmError::bad_request("StorageAccountNotFound", message)
        })?;
        parts.storage.lease(address, &path.key());
    }
    Ok(())
}

/// Adds an extension to the VM that `path` goes through.
pub(crate) fn add_extension(parts: &mut Parts<'_>, path: &ArmPath, mut body: Value) -> Result<(), ArmError> {
    let parent = path.parent().map(|parent| parent.key()).unwrap_or_default();
    let vm = parts.compute.vms.find_mut(&parent);
    let vm = vm.ok_or_else(|| ArmError::parent_not_found(&parent))?;
    edit::remove(&mut body, "/properties", "protectedSettings");
    let shown = json!({
        "id": format!("{}/extensions/{}", vm.id, path.name()),
        "name": path.name(),
        "type": "Microsoft.Compute/virtualMachines/extensions",
        "properties": {"provisioningState": "Succeeded"},
    });
    edit::merge(&mut body, shown);
    let mut all = edit::list(&vm.body, "/resources").to_vec();
    all.push(body);
    edit::set(&mut vm.body, &["resources"], Value::Array(all));
    Ok(())
}

/// Users are made on a generalized image, and only there.
fn require_profile(body: &Value, boot: &Boot) -> Result<(), ArmError> {
    let has_profile = body.pointer("/properties/osProfile").is_some_and(Value::is_object);
    let message = match (has_profile, boot.is_specialized) {
        (true, true) => "Parameter 'osProfile' is not allowed.",
        (false, false) => "Required parameter 'osProfile' is missing (null).",
        _ => return Ok(()),
    };
    Err(ArmError::invalid_parameter("osProfile", message))
}

pub(super) fn required_size(body: &Value) -> Result<&'static VmSize, ArmError> {
    let asked = edit::text(body, "/properties/hardwareProfile/vmSize").unwrap_or_default();
    let found = size::all().find(|size| size.name.eq_ignore_ascii_case(asked));
    found.ok_or_else(|| {
        let names: Vec<&str> = size::all().map(|size| size.name).collect();
        let message = format!(
            "The value {asked} provided for the VM size is not valid. The valid sizes in the current region are: {}. \
             Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
            names.join(",")
        );
        ArmError::invalid_parameter("vmSize", message)
    })
}

fn require_bootable(size: &VmSize, body: &Value, boot: &Boot) -> Result<(), ArmError> {
    let (generation, name) = (&boot.generation, size.name);
    if !size.generations.split(',').any(|known| known == generation) {
        let message = format!(
            "The selected VM size '{name}' cannot boot Hypervisor Generation '{}'. If this was a Create operation \
             please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the \
             selected VM Size.",
            generation.trim_start_matches('V')
        );
        return Err(ArmError::bad_request("BadRequest", message));
    }
    if size.architecture != boot.architecture {
        let message = format!(
            "Cannot create a VM of size '{name}' because this VM size only supports a CPU Architecture of '{}', but an \
             image or disk with CPU Architecture '{}' was given.",
            size.architecture, boot.architecture
        );
        return Err(ArmError::bad_request("BadRequest", message));
    }
    if size.is_nvme() && boot.controllers == Controllers::Scsi {
        return Err(ArmError::invalid_parameter("vmSize", VmSize::controller_message(name)));
    }
    if edit::text(body, "/properties/securityProfile/securityType").is_some_and(|security| security != "Standard")
        && !(size.trusted_launch && generation == "V2")
    {
        let message = format!("The image of generation '{generation}' or the size '{name}' has no Trusted Launch.");
        return Err(ArmError::bad_request("BadRequest", message));
    }
    Ok(())
}

fn require_interfaces(parts: &Parts<'_>, body: &Value, id: &str) -> Result<(), ArmError> {
    let interfaces = edit::list(body, "/properties/networkProfile/networkInterfaces");
    if interfaces.is_empty() {
        let message = "Virtual Machine must have at least one network interface.";
        return Err(ArmError::invalid_parameter("networkProfile.networkInterfaces", message));
    }
    let missing = interfaces
        .iter()
        .filter_map(|entry| edit::text(entry, "/id"))
        .find(|interface| !parts.network.has_interface(interface));
    missing.map_or(Ok(()), |interface| Err(network::reference_missing(interface, id)))
}

/// The machine as a seed would describe it.
fn planned(path: &ArmPath, body: &Value, (location, profile): (&str, &Value), boot: &Boot) -> VmSeed {
    let mut reference = profile.get("imageReference").cloned().unwrap_or_default();
    edit::set(&mut reference, &["exactVersion"], json!(boot.exact_version));
    let os = profile.get("osDisk").cloned().unwrap_or_default();
    let mut os_disk = planned_disk(&os, boot.size_gb);
    os_disk.extra = json!({"creationData": creation(&reference)});
    let security = edit::text(body, "/properties/securityProfile/securityType").unwrap_or("Standard");
    VmSeed {
        name: path.name().to_owned(),
        resource_group: path.group().to_owned(),
        location: location.to_owned(),
        os_type: boot.os_type.clone(),
        generation: boot.generation.clone(),
        security_type: security.to_owned(),
        architecture: boot.architecture.clone(),
        vm_size: edit::text(body, "/properties/hardwareProfile/vmSize")
            .unwrap_or_default()
            .to_owned(),
        power_state: PowerSeed::Running,
        generalized: false,
        image_reference: Some(reference),
        plan: body.get("plan").cloned(),
        extensions: Vec::new(),
        os_disk,
        data_disks: planned_data(path.name(), profile, boot),
        tags: body.get("tags").cloned().unwrap_or_default(),
        extra: kept(body),
    }
}

/// What a disk says of the image that it was made of; a gallery of others keeps its own name there.
fn creation(reference: &Value) -> Value {
    let of_others = ["sharedGalleryImageId", "communityGalleryImageId"];
    let named = of_others.iter().find_map(|name| Some((*name, reference.get(*name)?)));
    match named {
        Some((name, id)) => json!({"createOption": "FromImage", "galleryImageReference": {name: id}}),
        None => json!({"createOption": "FromImage", "imageReference": {"id": source_id(reference)}}),
    }
}

/// Where a platform image lives, or the id that was given.
fn source_id(reference: &Value) -> String {
    let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("id") {
        "" => format!(
            "/Providers/Microsoft.Compute/Publishers/{}/ArtifactTypes/VMImage/Offers/{}/Skus/{}/Versions/{}",
            text("publisher"),
            text("offer"),
            text("sku"),
            text("exactVersion")
        ),
        id => id.to_owned(),
    }
}

fn planned_disk(entry: &Value, size_gb: u32) -> DiskSeed {
    let sku = edit::text(entry, "/managedDisk/storageAccountType").unwrap_or(USUAL_SKU);
    DiskSeed {
        name: edit::text(entry, "/name").map(str::to_owned),
        lun: number(entry, "/lun"),
        size_gb: number(entry, "/diskSizeGB").unwrap_or(size_gb),
        sku: sku.to_owned(),
        caching: edit::text(entry, "/caching").unwrap_or("ReadWrite").to_owned(),
        extra: Value::Null,
        ephemeral: entry.get("diffDiskSettings").is_some_and(Value::is_object),
        vhd: edit::text(entry, "/vhd/uri").map(str::to_owned),
    }
}

/// The disks that the request describes, and those of the image that it does not.
fn planned_data(vm: &str, profile: &Value, boot: &Boot) -> Vec<DiskSeed> {
    let asked = edit::list(profile, "/dataDisks");
    let size_of = |entry: &Value| boot.data.iter().find(|(lun, _)| Some(*lun) == number(entry, "/lun"));
    let mut disks: Vec<DiskSeed> = asked
        .iter()
        .map(|entry| planned_disk(entry, size_of(entry).map_or(0, |(_, size)| *size)))
        .collect();
    for (lun, size) in &boot.data {
        if !asked.iter().any(|entry| number(entry, "/lun") == Some(*lun)) {
            let name = format!("{vm}_lun_{lun}_2");
            disks.push(planned_disk(&json!({"lun": lun, "name": name}), *size));
        }
    }
    disks
}

/// What comes back as it was sent, without what is never shown again.
fn kept(body: &Value) -> Value {
    let mut kept = json!({});
    for field in ["identity", "zones"] {
        edit::set(&mut kept, &[field], body.get(field).cloned().unwrap_or_default());
    }
    for field in [
        "osProfile",
        "networkProfile",
        "diagnosticsProfile",
        "securityProfile",
        "licenseType",
    ] {
        let value = body.pointer(&format!("/properties/{field}")).cloned();
        edit::set(&mut kept, &["properties", field], value.unwrap_or_default());
    }
    for secret in ["adminPassword", "customData"] {
        edit::remove(&mut kept, "/properties/osProfile", secret);
    }
    kept
}

/// Disks that the request does not describe come from the image.
fn mark_data_disks(body: &mut Value, profile: &Value) {
    let asked = edit::list(profile, "/dataDisks");
    let disks = body
        .pointer_mut("/properties/storageProfile/dataDisks")
        .and_then(Value::as_array_mut);
    for disk in disks.into_iter().flatten() {
        let own = asked.iter().find(|entry| number(entry, "/lun") == number(disk, "/lun"));
        let option = own
            .and_then(|entry| edit::text(entry, "/createOption"))
            .unwrap_or("FromImage");
        edit::set(disk, &["createOption"], json!(option));
    }
}
