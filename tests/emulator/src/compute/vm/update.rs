//! Changing a VM: tags, size, and which data disks it has.
//!
//! Its OS disk, image, users and interfaces stay as they were made; what else is sent is kept and shown.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Shown, create, facts::VmFacts, view};
use crate::{
    call::Call,
    compute::{boot::number, disk::facts::DiskFacts, state::Compute, state::Parts, state::missing},
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::Form,
    resource::{self, Beginning, Doing, Item, changed},
};

/// What cannot change, under `properties`.
const IMMUTABLE: [&str; 6] = [
    "osProfile/adminUsername",
    "osProfile/computerName",
    "storageProfile/imageReference/id",
    "storageProfile/imageReference/sku",
    "storageProfile/osDisk/name",
    "storageProfile/osDisk/managedDisk/id",
];

/// What becomes of data disks.
#[derive(Debug, Default)]
struct Disks {
    /// As the VM shows them.
    shown: Vec<Value>,
    /// Ids of disks that it gets.
    attached: Vec<String>,
    /// Ids of disks that it loses.
    detached: Vec<String>,
    /// Ids and sizes of disks to be made.
    made: Vec<(String, u32)>,
}

/// `PUT` or `PATCH` of a VM that is there.
pub(super) fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.vms, call, path, missing)?;
    require_same_machine(item, &body)?;
    if changes_interfaces(item, &body) {
        return Err(unsupported(call.request));
    }
    if body.pointer("/properties/hardwareProfile/vmSize").is_some() {
        create::required_size(&body)?;
    }
    let disks = match body.pointer("/properties/storageProfile/dataDisks") {
        Some(Value::Array(asked)) => Some(plan_disks(parts.compute, item, asked)?),
        _ => None,
    };
    let mut item = item.clone();
    merge(&mut item.body, body);
    if let Some(disks) = disks {
        edit::set(
            &mut item.body,
            &["properties", "storageProfile", "dataDisks"],
            Value::Array(disks.shown.clone()),
        );
        move_disks(parts, call, &item, &disks);
    }
    let seconds = parts.engine.timing.seconds.update;
    let beginning = Beginning::new(parts.engine, Doing::Updating, (Form::Compute, seconds));
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    item.facts.revision += 1;
    let shown = view(&item, Shown::of(call.request));
    parts.compute.vms.insert(item);
    Ok(started.announce(Response::json(StatusCode::OK, &shown)))
}

fn require_same_machine(item: &Item<VmFacts>, body: &Value) -> Result<(), ArmError> {
    for field in IMMUTABLE {
        let pointer = format!("/{field}");
        let new = edit::text(body, &format!("/properties{pointer}"));
        let old = item.property(&pointer);
        if new.is_some_and(|new| old.is_none_or(|old| !old.eq_ignore_ascii_case(new))) {
            let property = field.trim_start_matches("storageProfile/").replace('/', ".");
            return Err(ArmError::property_change(&property));
        }
    }
    Ok(())
}

fn changes_interfaces(item: &Item<VmFacts>, body: &Value) -> bool {
    let ids = |body: &Value| -> Vec<String> {
        edit::list(body, "/properties/networkProfile/networkInterfaces")
            .iter()
            .filter_map(|entry| edit::text(entry, "/id").map(str::to_lowercase))
            .collect()
    };
    body.pointer("/properties/networkProfile/networkInterfaces").is_some() && ids(body) != ids(&item.body)
}

/// Takes over what was sent but what is only shown and what is decided elsewhere.
fn merge(old: &mut Value, mut sent: Value) {
    for (pointer, field) in [
        ("", "location"),
        ("", "etag"),
        ("", "resources"),
        ("/properties", "instanceView"),
        ("/properties", "provisioningState"),
        ("/properties", "vmId"),
        ("/properties/storageProfile", "dataDisks"),
        ("/properties/osProfile", "adminPassword"),
        ("/properties/osProfile", "customData"),
    ] {
        edit::remove(&mut sent, pointer, field);
    }
    if sent.get("tags").is_some() {
        edit::remove(old, "", "tags");
    }
    edit::merge(old, sent);
}

fn plan_disks(compute: &Compute, item: &Item<VmFacts>, asked: &[Value]) -> Result<Disks, ArmError> {
    let old = edit::list(&item.body, "/properties/storageProfile/dataDisks");
    let mut plan = Disks::default();
    let mut luns = Vec::new();
    for entry in asked {
        let lun = number(entry, "/lun").filter(|lun| !luns.contains(lun));
        let lun =
            lun.ok_or_else(|| ArmError::invalid_parameter("dataDisks.lun", "Each data disk needs a LUN of its own."))?;
        luns.push(lun);
        match old
            .iter()
            .find(|known| number(known, "/lun") == Some(lun) && is_same(known, entry))
        {
            Some(known) => {
                let mut kept = known.clone();
                edit::merge(&mut kept, entry.clone());
                plan.shown.push(kept);
            }
            None => add_disk(compute, item, entry, &mut plan)?,
        }
    }
    let stays = |known: &&Value| !plan.shown.iter().any(|shown| disk_id(shown) == disk_id(known));
    plan.detached = old.iter().filter(stays).filter_map(disk_id).collect();
    Ok(plan)
}

/// Whether an entry means the disk that is there: by its id or name, or by saying nothing of either.
fn is_same(known: &Value, entry: &Value) -> bool {
    let same = |pointer: &str| {
        let (own, asked) = (edit::text(known, pointer), edit::text(entry, pointer));
        asked.is_none_or(|asked| own.is_some_and(|own| own.eq_ignore_ascii_case(asked)))
    };
    same("/managedDisk/id") && same("/name")
}

fn add_disk(compute: &Compute, item: &Item<VmFacts>, entry: &Value, plan: &mut Disks) -> Result<(), ArmError> {
    let mut shown = json!({"caching": "None", "deleteOption": "Detach", "toBeDetached": false});
    edit::merge(&mut shown, entry.clone());
    let option = edit::text(entry, "/createOption").unwrap_or_default();
    if option.eq_ignore_ascii_case("Attach") {
        let id = edit::text(entry, "/managedDisk/id").unwrap_or_default();
        let disk = compute.disks.find(&id.to_lowercase());
        let disk = disk.filter(|disk| disk.location() == item.location());
        let disk = disk.ok_or_else(|| super::super::source::source_missing(id))?;
        let owner = edit::text(&disk.body, "/managedBy");
        if let Some(owner) = owner.filter(|owner| compute.vms.find(&owner.to_lowercase()).is_some()) {
            let message = format!(
                "Disk '{}' cannot be attached as the disk is already owned by VM '{owner}'.",
                disk.name()
            );
            return Err(ArmError::conflict("ConflictingUserInput", message));
        }
        edit::set(&mut shown, &["name"], json!(disk.name()));
        let size = disk.body.pointer("/properties/diskSizeGB").cloned();
        edit::set(&mut shown, &["diskSizeGB"], size.unwrap_or_default());
        plan.attached.push(disk.id.clone());
    } else if option.eq_ignore_ascii_case("Empty") {
        let (name, size) = (edit::text(entry, "/name"), number(entry, "/diskSizeGB"));
        let (Some(name), Some(size)) = (name, size) else {
            let message = "An empty data disk needs a name and a size.";
            return Err(ArmError::invalid_parameter("dataDisk.diskSizeGB", message));
        };
        let (base, _) = item.id.split_once("/virtualMachines/").unwrap_or_default();
        let id = format!("{base}/disks/{name}");
        edit::set(&mut shown, &["managedDisk", "id"], json!(id));
        plan.made.push((id, size));
    } else {
        let message = format!("The value '{option}' of parameter 'dataDisk.createOption' is invalid.");
        return Err(ArmError::invalid_parameter("dataDisk.createOption", message));
    }
    plan.shown.push(shown);
    Ok(())
}

fn disk_id(entry: &Value) -> Option<String> {
    edit::text(entry, "/managedDisk/id").map(str::to_lowercase)
}

/// A data disk that is made together with the machine's change.
fn empty_disk(location: &str, size: u32, (id, call): (&str, &Call<'_>)) -> Value {
    json!({
        "location": location,
        "sku": {"name": "Premium_LRS", "tier": "Premium"},
        "properties": {
            "creationData": {"createOption": "Empty"},
            "diskSizeGB": size,
            "diskSizeBytes": u64::from(size) << 30,
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "timeCreated": edit::time(call.now),
            "uniqueId": id,
        },
    })
}

/// Gives the disks their new owner, or none.
fn move_disks(parts: &mut Parts<'_>, call: &Call<'_>, item: &Item<VmFacts>, plan: &Disks) {
    for (id, size) in &plan.made {
        let body = empty_disk(&item.location(), *size, (&parts.engine.ids.guid(), call));
        let disk = Item::new(id.clone(), body, DiskFacts::default());
        parts.compute.disks.insert(disk);
    }
    let gained = plan.made.iter().map(|(id, _)| id).chain(&plan.attached);
    let owners = gained
        .map(|id| (id, json!(item.id)))
        .chain(plan.detached.iter().map(|id| (id, Value::Null)));
    for (id, owner) in owners {
        if let Some(disk) = parts.compute.disks.find_mut(&id.to_lowercase()) {
            edit::set(&mut disk.body, &["managedBy"], owner);
        }
    }
}
