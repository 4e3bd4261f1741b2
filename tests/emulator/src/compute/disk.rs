//! Managed disks.
//!
//! A disk's state follows from the VM that holds it and from access grants; it is never stored.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    access, kind::Kind, name, source, state::Compute, state::canonical_id, state::missing, vhd::Vhd, vhd::Wanted,
    vm::facts::Power,
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

use facts::DiskFacts;

/// Bytes in a GiB, for `diskSizeBytes`.
const GIB: u64 = 1 << 30;

/// Everything on a disk's own path and its actions.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.disks.find(&path.key());
    match (&call.request.method, path.action().as_str(), item) {
        (&Method::GET, "", Some(item)) => Ok(Response::json(StatusCode::OK, &view(parts.compute, item))),
        (&Method::PUT, "", None) => create(parts, call, path),
        (&Method::PUT | &Method::PATCH, "", Some(_)) => update(parts, call, path),
        (&Method::POST, "begingetaccess", Some(_)) => access::begin(parts, call, path, |compute| &mut compute.disks),
        (&Method::POST, "endgetaccess", Some(_)) => access::end(parts, call, path, |compute| &mut compute.disks),
        (&Method::DELETE, "", _) => {
            require_free(parts, path)?;
            super::version::fail_copies_of(parts, &path.key(), call.now);
            let seconds = parts.engine.timing.seconds.delete;
            Ok(resource::delete(
                &mut parts.compute.disks,
                parts.engine,
                call,
                path,
                (Form::Disk, seconds),
            ))
        }
        (&(Method::GET | Method::POST | Method::PATCH), _, None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

/// The disk as answers show it.
pub(super) fn view(compute: &Compute, item: &Item<DiskFacts>) -> Value {
    let mut view = item.view(&Kind::Disk.type_name());
    if item.is(Doing::Creating) {
        // Disks and snapshots say so from their first answer on.
        edit::set(&mut view, &["properties", "provisioningState"], json!("Updating"));
    }
    let state = if item.facts.grant.is_active() {
        "ActiveSAS"
    } else {
        state(compute, item)
    };
    edit::set(&mut view, &["properties", "diskState"], json!(state));
    view
}

fn state(compute: &Compute, item: &Item<DiskFacts>) -> &'static str {
    let vm = edit::text(&item.body, "/managedBy").and_then(|id| compute.vms.find(&id.to_lowercase()));
    match vm.map(|vm| vm.facts.power) {
        None => "Unattached",
        Some(Power::Deallocated) => "Reserved",
        Some(Power::Running | Power::Stopped) => "Attached",
    }
}

/// Refuses to delete a disk that a VM or a reader has.
fn require_free(parts: &Parts<'_>, path: &ArmPath) -> Result<(), ArmError> {
    let Some(item) = parts.compute.disks.find(&path.key()) else {
        return Ok(());
    };
    if item.facts.grant.is_active() {
        let message = format!(
            "Disk {} has an active access grant; end it before deleting.",
            item.name()
        );
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    if state(parts.compute, item) == "Unattached" {
        return Ok(());
    }
    let vm = edit::text(&item.body, "/managedBy").unwrap_or_default();
    let message = format!("Disk {} is attached to VM {vm}.", item.name());
    Err(ArmError::conflict("OperationNotAllowed", message))
}

fn create(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    name::check(name::Rule::Disk, path.name())?;
    let option = edit::text(&body, "/properties/creationData/createOption")
        .ok_or_else(|| {
            ArmError::invalid_parameter(
                "creationData.createOption",
                "Required parameter 'createOption' is missing (null).",
            )
        })?
        .to_lowercase();
    let inherited = match option.as_str() {
        "empty" => {
            if body.pointer("/properties/diskSizeGB").is_none() {
                return Err(ArmError::invalid_parameter(
                    "disk.diskSizeGB",
                    "Required parameter 'disk.diskSizeGB' is missing (null).",
                ));
            }
            json!({})
        }
        "copy" => {
            let source = source::DiskSource::find_copied(parts.compute, &body, &location)?;
            require_sectors(&source, edit::text(&body, "/sku/name").unwrap_or_default())?;
            source.inherited()
        }
        "import" => imported(parts, call, &body, (path, &location))?,
        "upload" | "fromimage" | "restore" => json!({}),
        _ => return Err(unsupported(call.request)),
    };
    edit::set(&mut body, &["location"], json!(location));
    let mut readouts = inherited;
    edit::merge(
        &mut readouts,
        json!({"properties": {
            "timeCreated": edit::time(call.now),
            "uniqueId": parts.engine.ids.guid(),
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        }}),
    );
    let size = body
        .pointer("/properties/diskSizeGB")
        .or_else(|| readouts.pointer("/properties/diskSizeGB"));
    let bytes = size.and_then(Value::as_u64).map(|gib| gib * GIB);
    edit::set(&mut readouts, &["properties", "diskSizeBytes"], json!(bytes));
    if body.pointer("/sku/name").is_none() {
        edit::set(&mut body, &["sku", "name"], json!("Standard_LRS"));
    }
    let item = Item::new(canonical_id(path), body, DiskFacts::default());
    Ok(write(parts, call, path, item, (Doing::Creating, readouts)))
}

/// A disk of what is in a blob; an account of another subscription must be named.
pub(super) fn imported(
    parts: &Parts<'_>,
    call: &Call<'_>,
    body: &Value,
    (path, location): (&ArmPath, &str),
) -> Result<Value, ArmError> {
    let parameter = "creationData.sourceUri";
    let address = edit::text(body, "/properties/creationData/sourceUri").ok_or_else(|| {
        let message = "Required parameter 'creationData.sourceUri' is missing (null).";
        ArmError::invalid_parameter(parameter, message)
    })?;
    let wanted = Wanted {
        location,
        now: call.now,
        parameter,
    };
    let account = edit::text(body, "/properties/creationData/storageAccountId");
    let vhd = match account {
        Some(_) => Vhd::find(parts.storage, address, wanted)?,
        None => Vhd::find_in(parts.storage, address, (&path.subscription, wanted))?,
    };
    if account.is_some_and(|account| !account.eq_ignore_ascii_case(&vhd.account)) {
        let message = "The blob is not in the storage account with that id.";
        return Err(ArmError::invalid_parameter("creationData.storageAccountId", message));
    }
    Ok(json!({"properties": {"diskSizeGB": vhd.gib, "diskSizeBytes": vhd.gib * GIB}}))
}

/// Sectors of 4,096 bytes stay on disks that have them; code and words of the refusal are guesses.
fn require_sectors(source: &source::DiskSource<'_>, sku: &str) -> Result<(), ArmError> {
    if !source.has_large_sectors() || matches!(sku, "UltraSSD_LRS" | "PremiumV2_LRS") {
        return Ok(());
    }
    let message = format!("A source with a logical sector size of 4096 cannot be copied to a disk of SKU '{sku}'.");
    Err(ArmError::invalid_parameter("disk.sku.name", message))
}

fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.disks, call, path, missing)?;
    source::require_same_creation_data(&item.body, &body)?;
    let old = item.body.pointer("/properties/diskSizeGB").and_then(Value::as_u64);
    let new = body.pointer("/properties/diskSizeGB").and_then(Value::as_u64);
    if let (Some(old), Some(new)) = (old, new)
        && new < old
    {
        return Err(ArmError::conflict(
            "OperationNotAllowed",
            "Disk size cannot be reduced.",
        ));
    }
    let mut item = item.clone();
    let mut kept = body;
    edit::remove(&mut kept, "", "location");
    edit::merge(&mut item.body, kept);
    Ok(write(parts, call, path, item, (Doing::Updating, json!({}))))
}

fn write(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    mut item: Item<DiskFacts>,
    (doing, readouts): (Doing, Value),
) -> Response {
    let seconds = &parts.engine.timing.seconds;
    let seconds = if doing == Doing::Creating {
        seconds.disk
    } else {
        seconds.update
    };
    let beginning = Beginning::new(parts.engine, doing, (Form::Disk, seconds)).showing(readouts);
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    let shown = view(parts.compute, &item);
    parts.compute.disks.insert(item);
    started.announce_with_location(Response::json(StatusCode::ACCEPTED, &shown))
}
